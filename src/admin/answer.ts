/**
 * The forms in which the admin port answers. Errors look like those of the family: `{"meta":{"code":400,"message":"…"}}`.
 *
 * @module
 */

/** What every answer says: it is of this moment, and as it was written (no proxy and no server may compress it on the way). */
const HEADERS = {
  "cache-control": "no-store, no-transform",
  "x-content-type-options": "nosniff",
};

/**
 * An answer in JSON.
 *
 * @param body a JSON text, or a stream of one; null for none
 * @param status the HTTP status
 * @param more further headers
 */
export function json(
  body: string | ReadableStream<Uint8Array> | null,
  status = 200,
  more: Readonly<Record<string, string>> = {},
): Response {
  return new Response(body, {
    status,
    headers: { ...HEADERS, "content-type": "application/json", ...more },
  });
}

/**
 * An answer in plain text.
 *
 * @param body the text
 * @param type its exact media type
 */
export function text(body: string, type = "text/plain; charset=utf-8"): Response {
  return new Response(body, { headers: { ...HEADERS, "content-type": type } });
}

/**
 * An answer that says what is wrong.
 *
 * @param status the HTTP status, 400 or more
 * @param message for people; never more of a request than one short value, never a stack
 * @param more further headers
 */
export function failure(
  status: number,
  message: string,
  more: Readonly<Record<string, string>> = {},
): Response {
  return json(JSON.stringify({ meta: { code: status, message } }), status, more);
}

/** A request cannot be answered as its client wishes; the one error that handlers throw on purpose. */
export class RequestError extends Error {
  /** Tells it from other errors in a log. */
  override readonly name = "RequestError";

  /**
   * Says what the client gets.
   *
   * @param status the HTTP status, 400 or more
   * @param message for the client
   * @param headers further headers of the answer
   */
  constructor(
    readonly status: number,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}
