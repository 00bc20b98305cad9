/**
 * Checks what one connection receives: the right connection, every byte, and the order per sender and receiver.
 *
 * @module
 */

import type { AddressPlan } from "./address_plan.ts";
import {
  MARKER,
  MESSAGE_BYTES,
  messageIsIntact,
  type MessageKind,
  messageNumber,
  messageReceiver,
  messageSender,
} from "./message.ts";

/** What a delivery is, when it is not a sender's number. */
export const DELIVERY = { DAMAGED: -1, MARKER: -2, PROBE: -3 } as const;

/** The checks of one connection. */
export class DeliveryCheck {
  readonly #plan: AddressPlan;
  readonly #conn: number;
  readonly #kind: MessageKind;
  readonly #markerKind: MessageKind;
  /** The latest number by sender and stream. */
  readonly #latest: Uint32Array;
  /** The latest marker by sender. */
  readonly #markers: Uint32Array;
  #fault = "";

  /**
   * Starts with nothing received.
   *
   * @param plan who holds whom
   * @param conn the receiving connection
   * @param kind what sort of message the load is made of
   * @param markerKind what sort of message the markers are
   */
  constructor(plan: AddressPlan, conn: number, kind: MessageKind, markerKind: MessageKind) {
    this.#plan = plan;
    this.#conn = conn;
    this.#kind = kind;
    this.#markerKind = markerKind;
    this.#latest = new Uint32Array(plan.conns * plan.streams);
    this.#markers = new Uint32Array(plan.conns);
  }

  /** What was wrong with the latest damaged delivery. */
  get fault(): string {
    return this.#fault;
  }

  /** The number of the latest marker from a sender, 0 before the first. */
  latestMarker(sender: number): number {
    return this.#markers[sender]!;
  }

  /**
   * Checks one delivery and takes note of its number.
   *
   * @param view the buffer
   * @param at where the route message begins
   * @param end where it ends
   * @returns the sender, or one of {@linkcode DELIVERY}
   */
  take(view: DataView, at: number, end: number): number {
    if (end - at !== MESSAGE_BYTES) return this.#notAMessage(view, at, end);
    const sender = messageSender(view, at);
    if ((sender & MARKER) !== 0) return this.#marker(view, at, sender - MARKER);
    if (!messageIsIntact(view, at, this.#kind)) return this.#damaged(view, at, end);
    const receiver = messageReceiver(view, at);
    const number = messageNumber(view, at);
    const stream = this.#plan.stream(this.#conn, receiver);
    if (stream < 0 || !(sender >= 0 && sender < this.#plan.conns)) {
      return this.#wrong(`message ${number} of sender ${sender} to ${receiver} came here`);
    }
    if (receiver !== this.#plan.receiver(sender, number) || sender === this.#conn) {
      return this.#wrong(`message ${number} of sender ${sender} was not for ${receiver}`);
    }
    const slot = sender * this.#plan.streams + stream;
    const before = this.#latest[slot]!;
    if (number <= before) {
      return this.#wrong(
        `order: message ${number} of sender ${sender} to ${receiver} came after ${before}`,
      );
    }
    this.#latest[slot] = number;
    return sender;
  }

  #marker(view: DataView, at: number, sender: number): number {
    const number = messageNumber(view, at);
    const intact = messageIsIntact(view, at, this.#markerKind);
    if (!intact || !(sender >= 0 && sender < this.#plan.conns)) {
      return this.#wrong(`marker ${number} of sender ${sender} is damaged`);
    }
    const before = this.#markers[sender]!;
    if (number <= before) {
      return this.#wrong(`order: marker ${number} of sender ${sender} came after ${before}`);
    }
    this.#markers[sender] = number;
    return DELIVERY.MARKER;
  }

  /** Routers may probe quiet connections with a message to app 0, room 0, which servers ignore. */
  #notAMessage(view: DataView, at: number, end: number): number {
    const isProbe = end - at >= 16 && view.getBigInt64(at) === 0n &&
      view.getBigInt64(at + 8) === 0n;
    return isProbe ? DELIVERY.PROBE : this.#damaged(view, at, end);
  }

  #damaged(view: DataView, at: number, end: number): number {
    const bytes = new Uint8Array(view.buffer, at, Math.min(end - at, MESSAGE_BYTES));
    return this.#wrong(`damaged, ${end - at} bytes: ${bytes.toHex()}`);
  }

  #wrong(fault: string): number {
    this.#fault = fault;
    return DELIVERY.DAMAGED;
  }
}
