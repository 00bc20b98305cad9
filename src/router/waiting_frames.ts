/**
 * Frames whose push decision has to wait, in the order in which they came, within bounds: past them the oldest is dropped and
 * counted.
 *
 * @module
 */

/** Bounds of what waits. */
export interface WaitingLimits {
  /** Frames. */
  readonly framesMax: number;
  /** Bytes of the frames' bodies, and {@linkcode FRAME_OVERHEAD_BYTES} more for each. */
  readonly bytesMax: number;
}

/** The bounds unless told otherwise. */
export const WAITING_LIMITS: WaitingLimits = { framesMax: 100_000, bytesMax: 64 << 20 };

/** What a small array of its own costs beside its bytes, about. */
export const FRAME_OVERHEAD_BYTES = 200;

/** A queue of copied frame bodies. */
export class WaitingFrames {
  /** Frames that were dropped for newer ones. */
  dropped = 0;
  readonly #limits: WaitingLimits;
  /** Those before `#first` have been taken. */
  #frames: (Uint8Array | undefined)[] = [];
  #first = 0;
  #bytes = 0;

  /** Makes an empty queue. */
  constructor(limits: WaitingLimits = WAITING_LIMITS) {
    this.#limits = limits;
  }

  /** Frames that wait. */
  get count(): number {
    return this.#frames.length - this.#first;
  }

  /** What the bound of bytes counts. */
  get byteLength(): number {
    return this.#bytes;
  }

  /** Adds a copy of the bytes from `start` to `end`, and drops the oldest while there is too much. */
  add(bytes: Uint8Array, start: number, end: number): void {
    this.#frames.push(bytes.slice(start, end));
    this.#bytes += end - start + FRAME_OVERHEAD_BYTES;
    while (this.count > this.#limits.framesMax || this.#bytes > this.#limits.bytesMax) {
      this.take();
      this.dropped++;
    }
  }

  /** Takes the oldest; undefined when there is none. */
  take(): Uint8Array | undefined {
    const frame = this.#frames[this.#first];
    if (frame === undefined) return undefined;
    this.#frames[this.#first++] = undefined;
    this.#bytes -= frame.length + FRAME_OVERHEAD_BYTES;
    if (this.#first * 2 > this.#frames.length) {
      this.#frames = this.#frames.slice(this.#first);
      this.#first = 0;
    }
    return frame;
  }
}
