/**
 * The same work on a NATS server, for comparison: user N is the subject `u.N`, room N is `r.N`, and the payload is the route
 * message. NATS does not number what it sends, so that only order, content and number of deliveries are checked.
 *
 * @module
 */

import { MESSAGE_BYTES } from "./message.ts";
import type { DeliverySink, Inbound, Wire } from "./wire.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const ID_DIGITS = 7;
const SUBJECT_AT = "PUB ".length;
const ID_AT = SUBJECT_AT + "u.".length;
const PUBLISH_LINE = `PUB u.${"0".repeat(ID_DIGITS)} ${MESSAGE_BYTES}\r\n`;
const USER = 0x75;
const ROOM = 0x72;
const ZERO = 0x30;
const SPACE = 0x20;
const LF = 0x0a;
const CRLF_BYTES = 2;
const LINE_BYTES_MAX = 64 * 1024;
const READ_BYTES_MAX = 1 << 20;

/** NATS's text protocol as the load speaks it. */
export class NatsWire implements Wire {
  /** See {@linkcode Wire.messageAt}. */
  readonly messageAt: number = PUBLISH_LINE.length;
  /** See {@linkcode Wire.slotBytes}. */
  readonly slotBytes: number = PUBLISH_LINE.length + MESSAGE_BYTES + CRLF_BYTES;
  /** See {@linkcode Wire.subscriptionBytesMax}. */
  readonly subscriptionBytesMax: number = "SUB u.1234567 4294967295\r\n".length;
  /** A connection does not get back what it published itself, as at a router of the family. */
  readonly hello: Uint8Array<ArrayBuffer> = encoder.encode(
    'CONNECT {"verbose":false,"echo":false}\r\n',
  );

  /** See {@linkcode Wire.prepare}. */
  prepare(slot: Uint8Array, room: boolean): void {
    slot.set(encoder.encode(PUBLISH_LINE));
    if (room) slot[SUBJECT_AT] = ROOM;
    slot.set(encoder.encode("\r\n"), this.messageAt + MESSAGE_BYTES);
  }

  /** See {@linkcode Wire.address}. */
  address(view: DataView, at: number, _seq: number, id: number): void {
    writeDigits(view, at + ID_AT, id, ID_DIGITS);
  }

  /** See {@linkcode Wire.subscribe}. */
  subscribe(view: DataView, at: number, seq: number, id: number, room: boolean): number {
    view.setUint32(at, 0x53554220); // "SUB "
    view.setUint16(at + 4, (room ? ROOM : USER) << 8 | 0x2e);
    writeDigits(view, at + 6, id, ID_DIGITS);
    view.setUint8(at + 13, SPACE);
    const digits = String(seq).length;
    writeDigits(view, at + 14, seq, digits);
    view.setUint16(at + 14 + digits, 0x0d0a);
    return at + 14 + digits + CRLF_BYTES;
  }

  /** See {@linkcode Wire.inbound}. */
  inbound(sink: DeliverySink): Inbound {
    return new NatsInbound(sink);
  }
}

function writeDigits(view: DataView, at: number, value: number, digits: number): void {
  for (let i = digits - 1; i >= 0; i--) {
    const rest = Math.trunc(value / 10);
    view.setUint8(at + i, ZERO + value - rest * 10);
    value = rest;
  }
}

class NatsInbound implements Inbound {
  readonly #sink: DeliverySink;
  /** What came and is not used up yet stands at 0..have. */
  readonly #bytes = new Uint8Array(READ_BYTES_MAX + LINE_BYTES_MAX);
  readonly #view = new DataView(this.#bytes.buffer);
  #have = 0;

  constructor(sink: DeliverySink) {
    this.#sink = sink;
  }

  feed(chunk: Uint8Array): void {
    this.#bytes.set(chunk, this.#have);
    this.#have += chunk.length;
    let at = 0;
    for (;;) {
      const used = this.#operation(at);
      if (used === 0) break;
      at += used;
    }
    this.#bytes.copyWithin(0, at, this.#have);
    this.#have -= at;
    if (this.#have > LINE_BYTES_MAX) throw new Error("the NATS server sent an endless line");
  }

  /** Handles what begins at `at`; returns its bytes, or 0 when it is not whole yet. */
  #operation(at: number): number {
    let newline = at;
    while (newline < this.#have && this.#bytes[newline] !== LF) newline++;
    if (newline === this.#have) return 0;
    const payload = newline + 1;
    if (this.#bytes[at] === 0x4d) { // MSG subject sid bytes
      const payloadBytes = this.#lastNumber(newline - 1);
      if (payload + payloadBytes + CRLF_BYTES > this.#have) return 0;
      this.#sink.delivery(this.#view, payload, payload + payloadBytes);
      return payload + payloadBytes + CRLF_BYTES - at;
    }
    if (this.#bytes[at] === 0x50 && this.#bytes[at + 1] === 0x49) { // PING
      this.#sink.answer(encoder.encode("PONG\r\n"));
    } else if (this.#bytes[at] === 0x2d) { // -ERR
      this.#sink.fault(`the NATS server says ${decoder.decode(this.#bytes.slice(at, newline))}`);
    }
    return payload - at;
  }

  /** The number that ends before `end`, behind a blank. */
  #lastNumber(end: number): number {
    let value = 0;
    for (let i = end - 1, unit = 1; this.#bytes[i] !== SPACE; i--, unit *= 10) {
      value += (this.#bytes[i]! - ZERO) * unit;
    }
    return value;
  }
}
