/**
 * Two ends of a byte stream in memory: the router's, a {@linkcode Transport}, and the IM server's, in a test's hand.
 *
 * It is as nasty as a socket may be: chunks come in one buffer that is used again, bytes are taken a microtask after `write`, and
 * the bytes of a write that waits must not change.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { type Transport, TransportError, type TransportReason } from "../../src/net/transport.ts";
import { FrameDecoder } from "../../src/wire/frame.ts";
import { concat } from "../support/wire_hex.ts";

/** How a pair differs from a fast and whole one. */
export interface PairOptions {
  readonly address?: string;
  /** What the two kernels hold for a peer that does not read. */
  readonly capacityBytes?: number;
  /** The most that one write takes. */
  readonly writeBytesMax?: () => number;
  /** The size of the router's read buffer. */
  readonly readBytes?: number;
  /** False: as without FFI, where a pending write outlives its transport. */
  readonly closeEndsWrites?: boolean;
  /** True: takes what there is room for at once, as a socket with FFI does. */
  readonly takesAtOnce?: boolean;
}

interface PendingWrite {
  readonly bytes: Uint8Array;
  /** What it was when `write` was called. */
  readonly copy: Uint8Array;
  readonly settled: PromiseWithResolvers<number>;
}

/** A frame as the peer got it. */
export interface ReceivedFrame {
  readonly seq: number;
  readonly command: number;
  /** Version, flag and reserved byte. */
  readonly rest: readonly number[];
  readonly body: Uint8Array<ArrayBuffer>;
}

let ports = 1;

/** A pair; the fields are the peer's view, `transport` is the router's. */
export class MemoryPair {
  readonly transport: Transport;
  /** The size of each write that the router asked for. */
  readonly writes: number[] = [];
  /** What `unacknowledgedBytes` answers. */
  unacknowledged: number | undefined;
  /** What the router last told the kernel of the user time-out. */
  givesUpAfterMs: number | undefined;
  /** Whether the router has half-closed, and all that it sent before has come. */
  ended = false;
  /** Whether the router has closed. */
  closed = false;

  readonly #options: PairOptions;
  readonly #received: Uint8Array[] = [];
  #unread = 0;
  #reading = true;
  #stalled = false;
  #pending: PendingWrite | undefined;
  #ending: PromiseWithResolvers<void> | undefined;
  #broken: TransportError | undefined;
  readonly #input: Uint8Array[] = [];
  #inputEnded = false;
  #arrived = Promise.withResolvers<void>();

  constructor(options: PairOptions = {}) {
    this.#options = options;
    this.transport = {
      address: options.address ?? `10.0.0.1:${ports++}`,
      closeEndsWrites: options.closeEndsWrites ?? true,
      chunks: () => this.#chunks(),
      writeNow: (bytes) => this.#writeNow(bytes),
      write: (bytes) => this.#write(bytes),
      failure: (error) =>
        error instanceof TransportError ? error : new TransportError("broken", String(error)),
      closeWrite: () => this.#closeWrite(),
      close: () => this.#close(),
      unacknowledgedBytes: () => this.unacknowledged,
      giveUpAfter: (ms) => this.givesUpAfterMs = ms,
    };
  }

  /** Sends to the router. */
  send(...frames: Uint8Array[]): void {
    assert.ok(!this.#inputEnded, "a peer that has ended its side sends nothing");
    this.#input.push(concat(...frames));
    this.#arrive();
  }

  /** Ends the peer's side and leaves the router's open. */
  end(): void {
    this.#inputEnded = true;
    this.#arrive();
  }

  /**
   * Breaks both directions; what was sent before still comes in.
   *
   * @param reason how
   * @param first who hears of it: a write that waits may hear of it later, on `release`
   */
  break(reason: TransportReason = "reset", first: "both" | "reader" = "both"): void {
    this.#broken ??= new TransportError(reason, `${reason} by the test`);
    this.#arrive();
    if (first === "both") this.#pump();
  }

  /** Stops reading: what the kernels hold is taken still, then writes wait. */
  pause(): void {
    this.#reading = false;
  }

  /** Reads on. */
  resume(): void {
    this.#reading = true;
    this.#unread = 0;
    this.#pump();
  }

  /** Takes nothing at all, until `release`. */
  stall(): void {
    this.#stalled = true;
  }

  /** Ends what `stall` began. */
  release(): void {
    this.#stalled = false;
    this.#pump();
  }

  /** Whether a write of the router waits. */
  get writePending(): boolean {
    return this.#pending !== undefined;
  }

  /** All bytes that the kernels have taken from the router. */
  received(): Uint8Array<ArrayBuffer> {
    return concat(...this.#received);
  }

  /** How many these are. */
  get receivedBytes(): number {
    return this.#received.reduce((sum, part) => sum + part.length, 0);
  }

  /** The whole frames of these. */
  frames(): ReceivedFrame[] {
    const decoder = new FrameDecoder();
    decoder.push(this.received());
    const frames: ReceivedFrame[] = [];
    while (decoder.next()) {
      const { bytes, view, start, end } = decoder;
      frames.push({
        seq: view.getInt32(start + 4),
        command: view.getUint8(start + 8),
        rest: [...bytes.subarray(start + 9, start + 12)],
        body: bytes.slice(start + 12, end),
      });
    }
    return frames;
  }

  async *#chunks(): AsyncGenerator<Uint8Array> {
    const buffer = new Uint8Array(this.#options.readBytes ?? 64 << 10);
    for (;;) {
      if (this.closed) throw new TransportError("broken", "closed while reading");
      const first = this.#input.shift();
      if (first !== undefined) {
        const count = Math.min(first.length, buffer.length);
        buffer.set(first.subarray(0, count));
        if (count < first.length) this.#input.unshift(first.subarray(count));
        yield buffer.subarray(0, count);
        buffer.fill(0xee);
      } else if (this.#broken !== undefined) {
        throw this.#broken;
      } else if (this.#inputEnded) {
        return;
      } else {
        this.#arrived = Promise.withResolvers();
        await this.#arrived.promise;
      }
    }
  }

  #arrive(): void {
    this.#arrived.resolve();
  }

  #write(bytes: Uint8Array): Promise<number> {
    assert.equal(this.#pending, undefined, "one write at a time");
    assert.ok(bytes.length > 0, "a write of nothing");
    if (this.closed) return Promise.reject(new TransportError("broken", "bad resource"));
    this.writes.push(bytes.length);
    const settled = Promise.withResolvers<number>();
    this.#pending = { bytes, copy: bytes.slice(), settled };
    queueMicrotask(() => this.#pump());
    return settled.promise;
  }

  #writeNow(bytes: Uint8Array): number {
    assert.equal(this.#pending, undefined, "one write at a time");
    assert.ok(bytes.length > 0, "a write of nothing");
    if (this.#options.takesAtOnce !== true || this.closed || this.#stalled) return 0;
    if (this.#broken !== undefined) return 0;
    const most = this.#options.writeBytesMax?.() ?? Infinity;
    const count = Math.max(0, Math.min(bytes.length, most, this.#room()));
    if (count === 0) return 0;
    this.writes.push(count);
    this.#deliver(bytes.slice(0, count));
    return count;
  }

  #pump(): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    const gone = this.closed && this.transport.closeEndsWrites;
    if (this.#broken !== undefined || gone) {
      this.#pending = undefined;
      pending.settled.reject(this.#broken ?? new TransportError("broken", "shut down"));
    } else if (!this.#stalled && this.#room() > 0) {
      this.#pending = undefined;
      this.#take(pending);
    }
    this.#finishEnding();
  }

  #room(): number {
    return this.#reading ? Infinity : (this.#options.capacityBytes ?? Infinity) - this.#unread;
  }

  #take({ bytes, copy, settled }: PendingWrite): void {
    assert.ok(same(bytes, copy), "the bytes of a write changed before it settled");
    const most = Math.max(1, this.#options.writeBytesMax?.() ?? Infinity);
    const count = Math.min(bytes.length, most, this.#room());
    this.#deliver(copy.subarray(0, count));
    settled.resolve(count);
  }

  #deliver(bytes: Uint8Array): void {
    if (!this.#reading) this.#unread += bytes.length;
    this.#received.push(bytes);
  }

  async #closeWrite(): Promise<void> {
    if (this.closed || this.#broken !== undefined) return;
    this.#ending ??= Promise.withResolvers();
    this.#finishEnding();
    await this.#ending.promise;
  }

  #finishEnding(): void {
    if (this.#ending === undefined || this.#pending !== undefined) return;
    if (!this.closed && this.#broken === undefined) this.ended = true;
    this.#ending.resolve();
  }

  #close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#arrive();
    queueMicrotask(() => this.#pump());
  }
}

/** Whether both hold the same bytes. */
export function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
