/**
 * Inner frames: what travels inside a route message or a batch push. To the router they are bytes to hand on; this file
 * holds the little that it must see of them, which is their header and whether a server of generation 1 can read them.
 *
 * @module
 */

import { INNER_COMMAND } from "./command.ts";
import { BODY_BYTES_MAX, HEADER_BYTES } from "./frame.ts";

/** Shortest body of IM and GROUP_IM, and where its content begins. */
export const IM_BODY_BYTES_MIN = 24;
/** The same for version 0, which has no timestamp. */
export const IM_V0_BODY_BYTES_MIN = 20;
/** Shortest body of CUSTOMER, CUSTOMER_SUPPORT and CUSTOMER_V2. */
export const CUSTOMER_BODY_BYTES_MIN = 36;

/** Body length that a command takes at any length. */
const ANY = 0;
/** Shortest body by command as generation 1 parses it; commands that are not here are legal with an empty body only. */
const BODY_BYTES_MIN: ReadonlyMap<number, number> = new Map([
  ...([5, 7, 9, 11, 12, 16, 21, 23, 36].map((command) => [command, ANY] as const)),
  [2, 8],
  [3, 4],
  [4, IM_BODY_BYTES_MIN],
  [8, IM_BODY_BYTES_MIN],
  [10, 16],
  [15, 4],
  [17, 16],
  [18, 8],
  [19, 8],
  [20, 16],
  [22, 4],
  [24, CUSTOMER_BODY_BYTES_MIN],
  [25, CUSTOMER_BODY_BYTES_MIN],
  ...([26, 27, 28, 29, 34].map((command) => [command, 8] as const)),
  ...([30, 31, 32, 33, 35].map((command) => [command, 16] as const)),
  [64, 17],
]);
/** The same for version 0, where it differs. */
const V0_BODY_BYTES_MIN: ReadonlyMap<number, number> = new Map([
  [3, 8],
  [4, IM_V0_BODY_BYTES_MIN],
  [8, IM_V0_BODY_BYTES_MIN],
]);
/** -1: empty body only. Flat arrays, because every forwarded frame asks. */
const MIN_BY_COMMAND = Int8Array.from({ length: 256 }, (_, c) => BODY_BYTES_MIN.get(c) ?? -1);
const V0_MIN_BY_COMMAND = Int8Array.from(
  { length: 256 },
  (_, c) => V0_BODY_BYTES_MIN.get(c) ?? BODY_BYTES_MIN.get(c) ?? -1,
);
const AUTH_TOKEN = 15;

/**
 * Whether an inner frame's header can be believed: it is whole, and its length is legal and inside the given bytes.
 *
 * @param view the buffer
 * @param at where the inner frame begins
 * @param length bytes that it may occupy
 */
export function innerHeaderIsSound(view: DataView, at: number, length: number): boolean {
  if (length < HEADER_BYTES) return false;
  const bodyBytes = view.getInt32(at);
  return bodyBytes >= 0 && bodyBytes <= BODY_BYTES_MAX && bodyBytes <= length - HEADER_BYTES;
}

/**
 * Whether a server of generation 1 can parse an inner frame whose header is sound. One that it cannot parse makes it drop its
 * router link with all its users.
 *
 * @param view the buffer
 * @param at where the inner frame begins; {@linkcode innerHeaderIsSound} holds for it
 */
export function innerParsesInGeneration1(view: DataView, at: number): boolean {
  const bodyBytes = view.getInt32(at);
  const command = view.getUint8(at + 8);
  const min = (view.getUint8(at + 9) === 0 ? V0_MIN_BY_COMMAND : MIN_BY_COMMAND)[command]!;
  if (min < 0) return bodyBytes === 0;
  if (bodyBytes < min) return false;
  return command === AUTH_TOKEN ? authTokenFits(view, at + HEADER_BYTES, bodyBytes) : true;
}

/** platform u8, then two strings, each behind its length as an i8. */
function authTokenFits(view: DataView, at: number, bodyBytes: number): boolean {
  const tokenBytes = view.getInt8(at + 1);
  if (tokenBytes < 0 || 2 + tokenBytes >= bodyBytes) return false;
  const deviceBytes = view.getInt8(at + 2 + tokenBytes);
  return deviceBytes >= 0 && 3 + tokenBytes + deviceBytes <= bodyBytes;
}

/**
 * Whether an inner frame is long enough for the fields that a push job needs of it. True for commands that never become one.
 *
 * @param view the buffer
 * @param at where the inner frame begins; {@linkcode innerHeaderIsSound} holds for it
 */
export function innerHasPushFields(view: DataView, at: number): boolean {
  const bodyBytes = view.getInt32(at);
  switch (view.getUint8(at + 8)) {
    case INNER_COMMAND.IM:
    case INNER_COMMAND.GROUP_IM:
      return bodyBytes >= imContentOffset(view, at);
    case INNER_COMMAND.CUSTOMER:
    case INNER_COMMAND.CUSTOMER_SUPPORT:
    case INNER_COMMAND.CUSTOMER_V2:
      return bodyBytes >= CUSTOMER_BODY_BYTES_MIN;
    default:
      return true;
  }
}

/**
 * Where the content of an IM or GROUP_IM begins in its body: version 0 has no timestamp before the msgid.
 *
 * @param view the buffer
 * @param at where the inner frame begins
 * @returns bytes from the start of the body
 */
export function imContentOffset(view: DataView, at: number): number {
  return view.getUint8(at + 9) === 0 ? IM_V0_BODY_BYTES_MIN : IM_BODY_BYTES_MIN;
}
