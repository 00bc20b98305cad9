/**
 * The one message of the load: a route message around an inner IM of 100 bytes, 178 bytes in all. Sender and number travel in
 * device_id, which no router interprets, so that the receiving side can say from the message alone what all of its bytes must be.
 *
 *     route message   0 appid   8 receiver   16 msgid 0   24 sender u32, number u32   32 timestamp   40 inner_length
 *     inner header   42 length   46 seq   50 command, version 1, flag 0x02, 0
 *     inner body     54 sender   62 receiver   70 timestamp 0   74 msgid 0   78 content
 *
 * A room message has inner command ROOM_IM and the same layout.
 *
 * @module
 */

import { INNER_COMMAND, INNER_FLAG } from "../src/wire/command.ts";
import { encodeFrame } from "../src/wire/frame.ts";
import { encodeRouteMessage, ROUTE_MESSAGE } from "../src/wire/route_message.ts";
import { readTimestamp, writeTimestamp } from "./clock.ts";

/** Bytes of the content. */
export const CONTENT_BYTES = 100;
/** Bytes of the whole route message. */
export const MESSAGE_BYTES = 178;
/** The app of all users and rooms. */
export const APPID = 7;
/** How many variants the content has; a message's variant is its number modulo this. */
export const VARIANTS = 16;
/** Added to the sender of a message that only proves that the subscriptions before it were handled. */
export const MARKER = 0x10000;

const NUMBER_AT = ROUTE_MESSAGE.DEVICE_ID + 4;
const INNER_AT = ROUTE_MESSAGE.INNER;
const INNER_BODY_AT = 54;
const CONTENT_AT = 78;
const INNER_BYTES = MESSAGE_BYTES - INNER_AT;
const INNER_SEQ = 77;
const CONTENT_WORDS = CONTENT_BYTES / 4;
/** Added to a word for the next variant; all variants are printable. */
const VARIANT_STEP = 0x01010101;
/** The words of variant 0, letters from A to J. */
const WORDS = contentWords();

function contentWords(): Int32Array {
  const bytes = Uint8Array.from({ length: CONTENT_BYTES }, (_, i) => 65 + (i * 7) % 10);
  const view = new DataView(bytes.buffer);
  return Int32Array.from({ length: CONTENT_WORDS }, (_, i) => view.getInt32(4 * i));
}

/** What is the same in every message of one run. */
export interface MessageKind {
  /** The inner command. */
  readonly innerCommand: number;
  /** The inner flag. */
  readonly innerFlag: number;
}

/** To a user: real servers send such a message for what need not be stored, and every router forwards it. */
export const USER_MESSAGE: MessageKind = {
  innerCommand: INNER_COMMAND.IM,
  innerFlag: INNER_FLAG.UNPERSISTENT,
};
/** To a room. */
export const ROOM_MESSAGE: MessageKind = { innerCommand: INNER_COMMAND.ROOM_IM, innerFlag: 0 };
/** To a user, persistent: it becomes a push job when the user is online nowhere. */
export const PERSISTENT_MESSAGE: MessageKind = { innerCommand: INNER_COMMAND.IM, innerFlag: 0 };

/**
 * Writes a message with receiver, number and timestamp 0.
 *
 * @param kind what sort of message
 * @param sender the sending connection, or that plus {@linkcode MARKER}
 * @param variant of the content, 0..15
 * @returns the route message, {@linkcode MESSAGE_BYTES} long
 */
export function encodeMessage(
  kind: MessageKind,
  sender: number,
  variant: number,
): Uint8Array<ArrayBuffer> {
  const body = new Uint8Array(INNER_BYTES - 12);
  const view = new DataView(body.buffer);
  view.setInt32(4, sender);
  const contentAt = CONTENT_AT - INNER_BODY_AT;
  for (let i = 0; i < CONTENT_WORDS; i++) {
    view.setInt32(contentAt + 4 * i, WORDS[i]! + variant * VARIANT_STEP);
  }
  const inner = encodeFrame({
    command: kind.innerCommand,
    version: 1,
    flag: kind.innerFlag,
    seq: INNER_SEQ,
    body,
  });
  const deviceId = BigInt(sender) << 32n;
  return encodeRouteMessage({ appid: BigInt(APPID), receiver: 0n, deviceId, inner });
}

/**
 * Fills in what differs from message to message.
 *
 * @param view the buffer
 * @param at where the route message begins
 * @param receiver a user or a room, below 2^31
 * @param number counts the sender's messages from 1
 * @param ns the timestamp, as the clock gives it
 */
export function patchMessage(
  view: DataView,
  at: number,
  receiver: number,
  number: number,
  ns: number,
): void {
  view.setInt32(at + ROUTE_MESSAGE.RECEIVER + 4, receiver);
  view.setUint32(at + NUMBER_AT, number);
  writeTimestamp(view, at + ROUTE_MESSAGE.TIMESTAMP, ns);
  view.setInt32(at + INNER_BODY_AT + 12, receiver);
}

/** The sender as it was given to {@linkcode encodeMessage}; any 32-bit number if the message is damaged. */
export function messageSender(view: DataView, at: number): number {
  return view.getInt32(at + ROUTE_MESSAGE.DEVICE_ID);
}

/** The number as it was given to {@linkcode patchMessage}. */
export function messageNumber(view: DataView, at: number): number {
  return view.getUint32(at + NUMBER_AT);
}

/** The low half of the receiver. */
export function messageReceiver(view: DataView, at: number): number {
  return view.getInt32(at + ROUTE_MESSAGE.RECEIVER + 4);
}

/** The timestamp as it was given to {@linkcode patchMessage}. */
export function messageNs(view: DataView, at: number): number {
  return readTimestamp(view, at + ROUTE_MESSAGE.TIMESTAMP);
}

/**
 * Whether every byte is as it was sent, given sender, number and receiver as the message states them.
 *
 * @param view the buffer
 * @param at where the route message begins; {@linkcode MESSAGE_BYTES} are there
 * @param kind what sort of message it must be
 */
export function messageIsIntact(view: DataView, at: number, kind: MessageKind): boolean {
  let wrong = view.getInt32(at) | (view.getInt32(at + 4) ^ APPID) | view.getInt32(at + 8) |
    view.getInt32(at + 16) | view.getInt32(at + 20);
  wrong |= view.getInt16(at + 40) ^ INNER_BYTES;
  wrong |= view.getInt32(at + 42) ^ (INNER_BYTES - 12);
  wrong |= view.getInt32(at + 46) ^ INNER_SEQ;
  wrong |= view.getInt32(at + 50) ^ (kind.innerCommand << 24 | 1 << 16 | kind.innerFlag << 8);
  wrong |= view.getInt32(at + 54) | (view.getInt32(at + 58) ^ messageSender(view, at));
  wrong |= view.getInt32(at + 62) | (view.getInt32(at + 66) ^ messageReceiver(view, at));
  wrong |= view.getInt32(at + 70) | view.getInt32(at + 74);
  const step = (messageNumber(view, at) % VARIANTS) * VARIANT_STEP;
  for (let i = 0; i < CONTENT_WORDS; i++) {
    wrong |= view.getInt32(at + CONTENT_AT + 4 * i) ^ (WORDS[i]! + step);
  }
  return wrong === 0;
}
