/**
 * Reads the JSON object that a client sends, within bounds of size and time.
 *
 * @module
 */

import { RequestError } from "./answer.ts";

/** Most requests fit, and many slow ones take no memory to speak of. */
const BODY_BYTES_FIRST = 1 << 10;

/** Bounds of a body. */
export interface BodyLimits {
  /** Bytes of a body. */
  readonly bodyBytesMax: number;
  /** How long a body may take to come in, in milliseconds. */
  readonly bodyMs: number;
}

/**
 * Reads a JSON object.
 *
 * @param request its body has not been read
 * @param limits bounds
 * @returns the object
 * @throws {RequestError} 400, 408, 413 or 415
 */
export async function readJsonObject(
  request: Request,
  limits: BodyLimits,
): Promise<Readonly<Record<string, unknown>>> {
  const type = request.headers.get("content-type") ?? "";
  if (!/^application\/json *(?:;|$)/i.test(type)) {
    throw new RequestError(415, "the Content-Type has to be application/json");
  }
  const bytes = await readBytes(request, limits);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
    throw new RequestError(400, "the body is not JSON in UTF-8");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new RequestError(400, "the body has to be a JSON object");
  }
  return { ...value };
}

async function readBytes(request: Request, limits: BodyLimits): Promise<Uint8Array> {
  const { bodyBytesMax, bodyMs } = limits;
  const tooLarge = new RequestError(413, `the body has more than ${bodyBytesMax} bytes`);
  if (Number(request.headers.get("content-length") ?? 0) > bodyBytesMax) throw tooLarge;
  const reader = request.body?.getReader();
  if (reader === undefined) return new Uint8Array(0);
  const { promise: late, reject } = Promise.withResolvers<never>();
  const tooLate = new RequestError(408, `no whole body in ${bodyMs} ms`);
  const timer = setTimeout(() => reject(tooLate), bodyMs);
  let bytes = new Uint8Array(BODY_BYTES_FIRST);
  let at = 0;
  try {
    for (;;) {
      const { done, value } = await Promise.race([nextChunk(reader), late]);
      if (done) return bytes.subarray(0, at);
      if (at + value.length > bodyBytesMax) throw tooLarge;
      if (at + value.length > bytes.length) {
        const grown = new Uint8Array(Math.max(bytes.length * 2, at + value.length));
        grown.set(bytes);
        bytes = grown;
      }
      bytes.set(value, at);
      at += value.length;
    }
  } finally {
    clearTimeout(timer);
    reader.releaseLock();
  }
}

/** The only thing that makes reading fail is that the client has gone, and nobody will read this answer. */
async function nextChunk(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Promise<ReadableStreamReadResult<Uint8Array>> {
  try {
    return await reader.read();
  } catch (error) {
    throw new RequestError(400, `the body broke off: ${error}`);
  }
}
