/**
 * Slows a publisher down for a receiver that is slower, or for push jobs that pile up, within bounds: an IM server that is not read for 10 s tears its own stream, and
 * one slow receiver must not hold up the others for long.
 *
 * @module
 */

/** Bytes waiting in an outbox from which its publishers are slowed down. */
export const PACE_BYTES: number = 1 << 20;
/** The longest that reading from one publisher stops at a time. */
const PAUSE_MS_MAX = 20;
/** And in one second altogether, for a receiver: others wait for what it publishes. */
export const RECEIVER_MS_PER_SECOND = 200;
/** The same for push jobs that pile up: without it the newest are refused. */
export const PUSH_MS_PER_SECOND = 600;
/** A queue from which nothing was taken for so long is frozen, and not waited for. */
const DRAINING_MS = 100;

/** A queue that fills faster than it drains: an outbox, or the push jobs that wait. */
export interface Pressure {
  /** When it last drained, in milliseconds on the clock of whoever asks. */
  readonly progressAt: number;
  /** Settles when there is room again. */
  ready(): Promise<void>;
}

/** The pauses of one publisher. */
export class Pacer {
  readonly #msPerSecond: number;
  #secondBegan = -Infinity;
  #pausedMs = 0;

  /**
   * Makes one that has not paused yet.
   *
   * @param msPerSecond the longest that reading stops in a second, in milliseconds
   */
  constructor(msPerSecond: number = RECEIVER_MS_PER_SECOND) {
    this.#msPerSecond = msPerSecond;
  }

  /**
   * Begins a pause, if there should be one.
   *
   * @param queue the receiver's outbox, or another queue that fills
   * @param now milliseconds on the queue's clock
   * @returns settles when reading may go on; undefined when it need not stop
   */
  pause(queue: Pressure, now: number): Promise<void> | undefined {
    if (now - queue.progressAt > DRAINING_MS) return undefined;
    if (now - this.#secondBegan >= 1000) {
      this.#secondBegan = now;
      this.#pausedMs = 0;
    }
    const ms = Math.min(PAUSE_MS_MAX, this.#msPerSecond - this.#pausedMs);
    if (ms <= 0) return undefined;
    return this.#wait(queue, ms);
  }

  async #wait(queue: Pressure, ms: number): Promise<void> {
    const began = performance.now();
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    await Promise.race([queue.ready(), promise]);
    clearTimeout(timer);
    this.#pausedMs += performance.now() - began;
  }
}
