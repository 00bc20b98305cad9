/**
 * The body of PUBLISH, PUBLISH_GROUP and PUBLISH_ROOM:
 *
 *     0 appid i64   8 receiver i64   16 msgid i64   24 device_id i64   32 timestamp i64   40 inner_length i16   42 inner frame
 *
 * @module
 */

import { BODY_BYTES_MAX } from "./frame.ts";
import { ProtocolError } from "./protocol_error.ts";

/** Offsets in the body, in bytes. */
export const ROUTE_MESSAGE = {
  APPID: 0,
  RECEIVER: 8,
  MSGID: 16,
  DEVICE_ID: 24,
  TIMESTAMP: 32,
  INNER_LENGTH: 40,
  INNER: 42,
} as const;

/** The longest inner frame whose route message servers of the family can read. */
export const INNER_BYTES_MAX = BODY_BYTES_MAX - ROUTE_MESSAGE.INNER;

/**
 * Reads how long the inner frame is, and checks that it is there.
 *
 * inner_length is an i16, so that an inner frame of 32,768 bytes or more turns it negative. That is believed when its low
 * 16 bits are exactly what is left of the body; the caller then deals with an inner frame over {@linkcode INNER_BYTES_MAX}.
 *
 * @param view the buffer
 * @param body where the body begins
 * @param end where the body ends
 * @param innerLengthAt offset of inner_length in the body; the inner frame follows it
 * @returns bytes of the inner frame, 0..65,535
 * @throws {ProtocolError} `malformed_body` when the body is too short for its fixed part or for its inner frame
 */
export function innerBytes(
  view: DataView,
  body: number,
  end: number,
  innerLengthAt: number = ROUTE_MESSAGE.INNER_LENGTH,
): number {
  const left = end - body - innerLengthAt - 2;
  if (left < 0) {
    throw new ProtocolError(
      "malformed_body",
      `body of ${end - body} bytes is under ${innerLengthAt + 2}`,
    );
  }
  const length = view.getInt16(body + innerLengthAt);
  if (length >= 0 && length <= left) return length;
  if (length < 0 && (length & 0xffff) === left) return left;
  throw new ProtocolError("malformed_body", `inner_length ${length} with ${left} bytes left`);
}

/** What a route message is made of. */
export interface RouteMessageParts {
  /** The app that the receiver belongs to. */
  readonly appid: bigint;
  /** A user, a group or a room, by the frame's command. */
  readonly receiver: bigint;
  /** Generation 2: the sync key of a persistent message; else 0. */
  readonly msgid?: bigint;
  /** The sending device; opaque to the router. */
  readonly deviceId?: bigint;
  /** Nanoseconds since 1970, set by the publishing server; opaque to the router. */
  readonly timestamp?: bigint;
  /** The inner frame, whole. */
  readonly inner: Uint8Array;
}

/**
 * Writes a route message into bytes of its own, for tests and tools.
 *
 * @param parts the fields; those left out are 0
 * @returns the body of a PUBLISH, PUBLISH_GROUP or PUBLISH_ROOM
 */
export function encodeRouteMessage(parts: RouteMessageParts): Uint8Array<ArrayBuffer> {
  const body = new Uint8Array(ROUTE_MESSAGE.INNER + parts.inner.length);
  const view = new DataView(body.buffer);
  view.setBigInt64(ROUTE_MESSAGE.APPID, parts.appid);
  view.setBigInt64(ROUTE_MESSAGE.RECEIVER, parts.receiver);
  view.setBigInt64(ROUTE_MESSAGE.MSGID, parts.msgid ?? 0n);
  view.setBigInt64(ROUTE_MESSAGE.DEVICE_ID, parts.deviceId ?? 0n);
  view.setBigInt64(ROUTE_MESSAGE.TIMESTAMP, parts.timestamp ?? 0n);
  view.setInt16(ROUTE_MESSAGE.INNER_LENGTH, parts.inner.length);
  body.set(parts.inner, ROUTE_MESSAGE.INNER);
  return body;
}
