/**
 * One connection of the load: plays an IM server towards the router. It numbers what it sends, reads what the router sends, has
 * each delivery checked, and tells the sender that its message has arrived.
 *
 * @module
 */

import type { AddressPlan } from "./address_plan.ts";
import { nowNs } from "./clock.ts";
import { DELIVERY, DeliveryCheck } from "./delivery_check.ts";
import type { Latency } from "./latency.ts";
import { MARKER, messageNs, USER_MESSAGE } from "./message.ts";
import type { MessageKind } from "./message.ts";
import { MessageRing } from "./message_ring.ts";
import type { Socket } from "./sockets.ts";
import type { DeliverySink, Wire } from "./wire.ts";

const READ_BYTES = 256 * 1024;
const SUBSCRIBE_BATCH_BYTES = 64 * 1024;
const MARKER_SLOTS = 16;

/** What all connections of a run share. */
export interface ImServerRun {
  /** The protocol. */
  readonly wire: Wire;
  /** Who holds whom. */
  readonly plan: AddressPlan;
  /** What sort of message the load is made of. */
  readonly kind: MessageKind;
  /** Slots of each sender's ring, a power of two. */
  readonly slots: number;
  /** Takes the latency of each delivery. */
  readonly latency: Latency;
  /** All connections by index. */
  readonly servers: readonly ImServer[];
  /** A delivery was not what it must be; the run goes on. */
  fault(what: string): void;
  /** The run cannot go on. */
  fail(what: string): void;
  /** A chunk was read and its deliveries counted. */
  progress(): void;
}

/** An IM server as the router sees one. */
export class ImServer implements DeliverySink, Disposable {
  /** The messages of the load. */
  readonly ring: MessageRing;
  /** Deliveries of this server's own messages, wherever they came out. */
  arrived = 0;
  /** Deliveries to this server. */
  received = 0;

  readonly #run: ImServerRun;
  readonly #index: number;
  readonly #socket: Socket;
  readonly #check: DeliveryCheck;
  readonly #markers: MessageRing;
  #seq = 0;
  #flushing: Promise<void> | null = null;
  #chunkNs = 0;
  #closing = false;

  /**
   * Takes a connection over.
   *
   * @param run what all connections share
   * @param index of this connection
   * @param socket its connection, owned from here on
   */
  constructor(run: ImServerRun, index: number, socket: Socket) {
    this.#run = run;
    this.#index = index;
    this.#socket = socket;
    const room = run.plan.rooms > 0;
    this.ring = new MessageRing(run.wire, run.kind, room, index, run.slots);
    this.#markers = new MessageRing(run.wire, USER_MESSAGE, false, index | MARKER, MARKER_SLOTS);
    this.#check = new DeliveryCheck(run.plan, index, run.kind, USER_MESSAGE);
  }

  /** The number for the next frame: 1, 2, 3 …, 32 bits. */
  nextSeq(): number {
    return this.#seq = (this.#seq + 1) | 0;
  }

  /** Subscribes all users and rooms of this connection, as fast as the router reads. */
  async subscribe(): Promise<void> {
    const { wire, plan } = this.#run;
    const bytes = new Uint8Array(SUBSCRIBE_BATCH_BYTES);
    const view = new DataView(bytes.buffer);
    let at = 0;
    for (let i = 0; i < plan.usersEach + plan.rooms; i++) {
      const room = i >= plan.usersEach;
      const id = room ? plan.room(i - plan.usersEach) : plan.user(this.#index, i);
      at = wire.subscribe(view, at, this.nextSeq(), id, room);
      if (at + wire.subscriptionBytesMax > bytes.length) {
        await this.write(bytes.subarray(0, at));
        at = 0;
      }
    }
    await this.write(bytes.subarray(0, at));
  }

  /**
   * Sends a marker to a connection's last user.
   *
   * @param conn the connection
   * @returns the marker's number
   */
  async mark(conn: number): Promise<number> {
    const last = this.#run.plan.user(conn, this.#run.plan.usersEach - 1);
    this.#markers.put(last, this.nextSeq(), nowNs());
    const bytes = this.#markers.unwritten();
    await this.write(bytes);
    this.#markers.wrote(bytes);
    return this.#markers.number;
  }

  /** The number of the latest marker that came from a connection, 0 before the first. */
  latestMarker(sender: number): number {
    return this.#check.latestMarker(sender);
  }

  /** Puts the next message of the load into the ring, where there must be space. */
  put(ns: number): void {
    const receiver = this.#run.plan.receiver(this.#index, this.ring.number + 1);
    this.ring.put(receiver, this.nextSeq(), ns);
  }

  /** Writes what is in the ring, until nothing is left; a call while another is under way waits for that one. */
  flush(): Promise<void> {
    if (this.#flushing === null && this.ring.unwritten().length > 0) {
      this.#flushing = this.#writeRing();
    }
    return this.#flushing ?? Promise.resolve();
  }

  async #writeRing(): Promise<void> {
    try {
      for (let bytes; (bytes = this.ring.unwritten()).length > 0;) {
        await this.write(bytes);
        this.ring.wrote(bytes);
      }
    } finally {
      this.#flushing = null;
    }
  }

  /**
   * Writes bytes; calls go out in their order. A connection that has ended fails the run.
   *
   * @param bytes must stay unchanged until the promise settles
   */
  async write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    if (!await this.#socket.write(bytes)) this.#ended();
  }

  /** Reads until the connection ends, which fails the run unless this side closed it. */
  async read(): Promise<void> {
    const buffer = new Uint8Array(READ_BYTES);
    const inbound = this.#run.wire.inbound(this);
    for (let n; (n = await this.#socket.read(buffer)) !== null;) {
      this.#chunkNs = nowNs();
      inbound.feed(buffer.subarray(0, n));
      this.#run.progress();
    }
    this.#ended();
  }

  /** See {@linkcode DeliverySink.delivery}. */
  delivery(view: DataView, at: number, end: number): void {
    const sender = this.#check.take(view, at, end);
    if (sender < 0) {
      if (sender === DELIVERY.DAMAGED) this.fault(this.#check.fault);
      return;
    }
    this.received++;
    this.#run.servers[sender]!.arrived++;
    this.#run.latency.record(this.#chunkNs - messageNs(view, at));
  }

  /** See {@linkcode DeliverySink.answer}. */
  answer(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    return this.write(bytes);
  }

  /** See {@linkcode DeliverySink.fault}. */
  fault(what: string): void {
    this.#run.fault(`connection ${this.#index}: ${what}`);
  }

  #ended(): void {
    if (!this.#closing) this.#run.fail(`connection ${this.#index} was closed by the router`);
  }

  /** Closes the connection; its reading ends. */
  [Symbol.dispose](): void {
    this.#closing = true;
    this.#socket[Symbol.dispose]();
  }
}
