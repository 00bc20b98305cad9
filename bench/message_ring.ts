/**
 * The messages of one sender, built once, patched in place and written from where they stand: no byte is copied on the way to the
 * socket.
 *
 * @module
 */

import { encodeMessage, type MessageKind, patchMessage, VARIANTS } from "./message.ts";
import type { Wire } from "./wire.ts";

/** A ring of wrapped messages: message N stands in slot N modulo the number of slots. */
export class MessageRing {
  readonly #wire: Wire;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  readonly #slots: number;
  /** Messages put in, ever; the number of the latest. */
  #put = 0;
  /** Messages that were written, ever. */
  #written = 0;

  /**
   * Builds all slots.
   *
   * @param wire the protocol
   * @param kind what sort of message
   * @param room whether they go to rooms
   * @param sender the sending connection, as the message states it
   * @param slots a power of two, at least {@linkcode VARIANTS}
   */
  constructor(wire: Wire, kind: MessageKind, room: boolean, sender: number, slots: number) {
    this.#wire = wire;
    this.#slots = slots;
    this.#bytes = new Uint8Array(slots * wire.slotBytes);
    this.#view = new DataView(this.#bytes.buffer);
    for (let i = 0; i < slots; i++) {
      const slot = this.#bytes.subarray(i * wire.slotBytes, (i + 1) * wire.slotBytes);
      wire.prepare(slot, room);
      slot.set(encodeMessage(kind, sender, i % VARIANTS), wire.messageAt);
    }
  }

  /** The number of the latest message. */
  get number(): number {
    return this.#put;
  }

  /** How many messages can be put in before one that is not written yet would be overwritten. */
  get space(): number {
    return this.#slots - (this.#put - this.#written);
  }

  /**
   * Puts the next message in. There must be space.
   *
   * @param receiver a user or a room
   * @param seq the frame's number on its connection
   * @param ns the timestamp
   */
  put(receiver: number, seq: number, ns: number): void {
    const at = (++this.#put & (this.#slots - 1)) * this.#wire.slotBytes;
    this.#wire.address(this.#view, at, seq, receiver);
    patchMessage(this.#view, at + this.#wire.messageAt, receiver, this.#put, ns);
  }

  /**
   * What was put in and not written yet, up to the end of the ring.
   *
   * @returns whole messages, empty when there is none; they stay as they are until {@linkcode MessageRing.wrote}
   */
  unwritten(): Uint8Array<ArrayBuffer> {
    const first = (this.#written + 1) & (this.#slots - 1);
    const count = Math.min(this.#put - this.#written, this.#slots - first);
    const { slotBytes } = this.#wire;
    return this.#bytes.subarray(first * slotBytes, (first + count) * slotBytes);
  }

  /**
   * Frees slots whose bytes were written.
   *
   * @param bytes as {@linkcode MessageRing.unwritten} gave them
   */
  wrote(bytes: Uint8Array): void {
    this.#written += bytes.length / this.#wire.slotBytes;
  }
}
