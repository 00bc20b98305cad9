// Frames that IM servers send, in one call each. Ids and texts default to what is easy to recognise: app 7, from user 1.
import { encodeBatchPush } from "../../src/wire/batch_push.ts";
import { COMMAND, INNER_COMMAND } from "../../src/wire/command.ts";
import { encodeFrame } from "../../src/wire/frame.ts";
import { encodeRouteMessage } from "../../src/wire/route_message.ts";
import { encodeSubscription } from "../../src/wire/subscription.ts";
import { concat, int64s } from "./wire_hex.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** The app of everything, unless told otherwise. */
export const APP = 7n;

const utf8 = new TextEncoder();

/** Header fields of an inner frame. */
export interface InnerHeader {
  readonly seq?: number;
  /** 1 unless told otherwise. */
  readonly version?: number;
  readonly flag?: number;
}

/** An inner frame of any command. */
export function inner(command: number, body: Uint8Array, header: InnerHeader = {}): Bytes {
  return encodeFrame({ version: 1, ...header, command, body });
}

/** What an IM or GROUP_IM says. */
export interface ImParts extends InnerHeader {
  readonly sender?: bigint;
  readonly receiver?: bigint;
  readonly content?: string | Uint8Array;
}

function imOf(command: number, parts: ImParts): Bytes {
  const { sender = 1n, receiver = 2n, content = "hi", ...header } = parts;
  const numbers = new Uint8Array(header.version === 0 ? 4 : 8); // timestamp, msgid
  const text = typeof content === "string" ? utf8.encode(content) : content;
  return inner(command, concat(int64s(sender, receiver), numbers, text), header);
}

/** An inner IM from user 1 to user 2 that says "hi". */
export const im = (parts: ImParts = {}): Bytes => imOf(INNER_COMMAND.IM, parts);

/** An inner GROUP_IM from user 1 to group 2 that says "hi". */
export const groupIm = (parts: ImParts = {}): Bytes => imOf(INNER_COMMAND.GROUP_IM, parts);

/** An inner SYSTEM, whose whole body is text. */
export function system(text: string, header: InnerHeader = {}): Bytes {
  return inner(INNER_COMMAND.SYSTEM, utf8.encode(text), header);
}

/** An inner CUSTOMER, CUSTOMER_SUPPORT or CUSTOMER_V2: four ids, a timestamp, and "help". */
export function customer(
  command: number,
  ids: readonly [bigint, bigint, bigint, bigint],
  header: InnerHeader = {},
): Bytes {
  return inner(command, concat(int64s(...ids), new Uint8Array(4), utf8.encode("help")), header);
}

/** An inner SYNC_NOTIFY, which is never pushed. */
export function syncNotify(header: InnerHeader = {}): Bytes {
  return inner(INNER_COMMAND.SYNC_NOTIFY, int64s(0x20n), header);
}

/** An inner SYNC_GROUP_NOTIFY. */
export function syncGroupNotify(header: InnerHeader = {}): Bytes {
  return inner(INNER_COMMAND.SYNC_GROUP_NOTIFY, int64s(500n, 0x20n), header);
}

/** Fields of a route message that are seldom told. */
export interface RouteFields {
  readonly appid?: bigint;
  readonly msgid?: bigint;
}

function route(command: number, receiver: bigint, inner: Uint8Array, fields: RouteFields): Bytes {
  const { appid = APP, msgid = 0n } = fields;
  const opaque = { deviceId: 0x0102030405060708n, timestamp: 1_700_000_000_000_000_000n };
  return encodeFrame({
    command,
    body: encodeRouteMessage({ appid, receiver, msgid, ...opaque, inner }),
  });
}

/** PUBLISH to a user. */
export function publish(receiver: bigint, inner: Uint8Array, fields: RouteFields = {}): Bytes {
  return route(COMMAND.PUBLISH, receiver, inner, fields);
}

/** PUBLISH_GROUP to a group. */
export function publishGroup(group: bigint, inner: Uint8Array, fields: RouteFields = {}): Bytes {
  return route(COMMAND.PUBLISH_GROUP, group, inner, fields);
}

/** PUBLISH_ROOM to a room. */
export function publishRoom(room: bigint, inner: Uint8Array, fields: RouteFields = {}): Bytes {
  return route(COMMAND.PUBLISH_ROOM, room, inner, fields);
}

/** PUSH for users. */
export function push(receivers: readonly bigint[], inner: Uint8Array, appid = APP): Bytes {
  return encodeFrame({ command: COMMAND.PUSH, body: encodeBatchPush(appid, receivers, inner) });
}

/** SUBSCRIBE of a user. */
export function subscribe(uid: bigint, online = 1, appid = APP): Bytes {
  return encodeFrame({ command: COMMAND.SUBSCRIBE, body: encodeSubscription(appid, uid, online) });
}

/** UNSUBSCRIBE of a user. */
export function unsubscribe(uid: bigint, appid = APP): Bytes {
  return encodeFrame({ command: COMMAND.UNSUBSCRIBE, body: encodeSubscription(appid, uid) });
}

/** SUBSCRIBE_ROOM. */
export function subscribeRoom(room: bigint, appid = APP): Bytes {
  return encodeFrame({ command: COMMAND.SUBSCRIBE_ROOM, body: encodeSubscription(appid, room) });
}

/** UNSUBSCRIBE_ROOM. */
export function unsubscribeRoom(room: bigint, appid = APP): Bytes {
  return encodeFrame({ command: COMMAND.UNSUBSCRIBE_ROOM, body: encodeSubscription(appid, room) });
}

/** The same frame with another body; the header's length follows. */
export function withBody(frame: Uint8Array, body: Uint8Array): Bytes {
  return encodeFrame({ command: frame[8]!, version: frame[9]!, flag: frame[10]!, body });
}

/** The same frame with another seq. */
export function withSeq(frame: Uint8Array, seq: number): Bytes {
  const bytes = frame.slice();
  new DataView(bytes.buffer).setInt32(4, seq);
  return bytes;
}

/** The same frame with bytes behind what its body needs. */
export function withExtra(frame: Uint8Array, extra: number): Bytes {
  return withBody(frame, concat(frame.subarray(12), new Uint8Array(extra).fill(0xee)));
}

/** The same frame with its body cut short. */
export function withBodyCut(frame: Uint8Array, bodyBytes: number): Bytes {
  return withBody(frame, frame.subarray(12, 12 + bodyBytes));
}
