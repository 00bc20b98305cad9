/**
 * The body of PUSH (generation 2), which asks for push jobs and is never forwarded:
 *
 *     0 appid i64   8 count u16   10 count × receiver i64   then inner_length i16   then the inner frame
 *
 * @module
 */

import { ProtocolError } from "./protocol_error.ts";

/** Offsets in the body, in bytes. */
export const BATCH_PUSH = { APPID: 0, COUNT: 8, RECEIVERS: 10 } as const;

/**
 * Where inner_length stands in a batch push.
 *
 * @param view the buffer
 * @param body where the body begins
 * @param end where the body ends
 * @returns bytes from the start of the body; that many, and two more, are known to be there
 * @throws {ProtocolError} `malformed_body` when the body is too short for its receivers
 */
export function batchPushInnerLengthAt(view: DataView, body: number, end: number): number {
  const bytes = end - body;
  if (bytes < BATCH_PUSH.RECEIVERS + 2) {
    throw new ProtocolError("malformed_body", `batch push of ${bytes} bytes is under 12`);
  }
  const count = view.getUint16(body + BATCH_PUSH.COUNT);
  const at = BATCH_PUSH.RECEIVERS + 8 * count;
  if (bytes < at + 2) {
    throw new ProtocolError(
      "malformed_body",
      `batch push of ${bytes} bytes names ${count} receivers`,
    );
  }
  return at;
}

/**
 * Writes a batch push into bytes of its own, for tests and tools.
 *
 * @param appid the app of the receivers
 * @param receivers at most 65,535 users
 * @param inner the inner frame, whole
 * @returns the body of a PUSH
 */
export function encodeBatchPush(
  appid: bigint,
  receivers: readonly bigint[],
  inner: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const at = BATCH_PUSH.RECEIVERS + 8 * receivers.length;
  const body = new Uint8Array(at + 2 + inner.length);
  const view = new DataView(body.buffer);
  view.setBigInt64(BATCH_PUSH.APPID, appid);
  view.setUint16(BATCH_PUSH.COUNT, receivers.length);
  receivers.forEach((uid, i) => view.setBigInt64(BATCH_PUSH.RECEIVERS + 8 * i, uid));
  view.setInt16(at, inner.length);
  body.set(inner, at + 2);
  return body;
}
