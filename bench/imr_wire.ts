/**
 * The protocol of the family. Frames count seq 1, 2, 3 … as those of real IM servers do, and what the router sends must
 * count so too.
 *
 * @module
 */

import { COMMAND } from "../src/wire/command.ts";
import { BODY_BYTES_MAX, FrameDecoder, HEADER_BYTES } from "../src/wire/frame.ts";
import { SUBSCRIBE_BYTES_MIN, SUBSCRIPTION_BYTES_MIN } from "../src/wire/subscription.ts";
import { APPID, MESSAGE_BYTES } from "./message.ts";
import type { DeliverySink, Inbound, Wire } from "./wire.ts";

const SEQ_AT = 4;
const COMMAND_AT = 8;

/** The family's protocol as the load speaks it. */
export class ImrWire implements Wire {
  /** See {@linkcode Wire.slotBytes}. */
  readonly slotBytes: number = HEADER_BYTES + MESSAGE_BYTES;
  /** See {@linkcode Wire.messageAt}. */
  readonly messageAt: number = HEADER_BYTES;
  /** See {@linkcode Wire.subscriptionBytesMax}. */
  readonly subscriptionBytesMax: number = HEADER_BYTES + SUBSCRIBE_BYTES_MIN;
  /** Nothing: the family has no greeting. */
  readonly hello: Uint8Array<ArrayBuffer> = new Uint8Array(0);

  /** See {@linkcode Wire.prepare}. */
  prepare(slot: Uint8Array, room: boolean): void {
    new DataView(slot.buffer, slot.byteOffset).setInt32(0, MESSAGE_BYTES);
    slot[COMMAND_AT] = room ? COMMAND.PUBLISH_ROOM : COMMAND.PUBLISH;
  }

  /** See {@linkcode Wire.address}. */
  address(view: DataView, at: number, seq: number, _id: number): void {
    view.setInt32(at + SEQ_AT, seq);
  }

  /** See {@linkcode Wire.subscribe}. */
  subscribe(view: DataView, at: number, seq: number, id: number, room: boolean): number {
    const bodyBytes = room ? SUBSCRIPTION_BYTES_MIN : SUBSCRIBE_BYTES_MIN;
    const body = at + HEADER_BYTES;
    view.setInt32(at, bodyBytes);
    view.setInt32(at + SEQ_AT, seq);
    view.setInt32(at + COMMAND_AT, (room ? COMMAND.SUBSCRIBE_ROOM : COMMAND.SUBSCRIBE) << 24);
    view.setInt32(body, 0);
    view.setInt32(body + 4, APPID);
    view.setInt32(body + 8, 0);
    view.setInt32(body + 12, id);
    if (!room) view.setInt8(body + 16, 1);
    return body + bodyBytes;
  }

  /** See {@linkcode Wire.inbound}. */
  inbound(sink: DeliverySink): Inbound {
    return new ImrInbound(sink);
  }
}

class ImrInbound implements Inbound {
  readonly #sink: DeliverySink;
  readonly #decoder = new FrameDecoder(BODY_BYTES_MAX);
  #seq = 0;

  constructor(sink: DeliverySink) {
    this.#sink = sink;
  }

  feed(chunk: Uint8Array): void {
    const decoder = this.#decoder;
    decoder.push(chunk);
    while (decoder.next()) {
      const { view, start, end } = decoder;
      this.#seq = (this.#seq + 1) | 0;
      const seq = view.getInt32(start + SEQ_AT);
      if (seq !== this.#seq) this.#sink.fault(`outgoing seq ${seq} where ${this.#seq} was due`);
      const command = view.getUint8(start + COMMAND_AT);
      if (command !== COMMAND.PUBLISH && command !== COMMAND.PUBLISH_ROOM) {
        this.#sink.fault(`the router sent command ${command}`);
      }
      this.#sink.delivery(view, start + HEADER_BYTES, end);
    }
  }
}
