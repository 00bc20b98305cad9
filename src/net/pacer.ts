/**
 * Slows a publisher down for a receiver that is slower, within bounds: an IM server that is not read for 10 s tears its own stream, and
 * one slow receiver must not hold up the others for long.
 *
 * @module
 */

import type { Outbox } from "./outbox.ts";

/** Bytes waiting in an outbox from which its publishers are slowed down. */
export const PACE_BYTES: number = 1 << 20;
/** The longest that reading from one publisher stops at a time. */
const PAUSE_MS_MAX = 20;
/** And in one second altogether. */
const PAUSE_MS_PER_SECOND = 200;
/** An outbox that has taken nothing for so long is frozen, and not waited for. */
const DRAINING_MS = 100;

/** The pauses of one publisher. */
export class Pacer {
  #secondBegan = -Infinity;
  #pausedMs = 0;

  /**
   * Begins a pause, if there should be one.
   *
   * @param outbox the receiver's
   * @param now milliseconds on the clock of the outbox
   * @returns settles when reading may go on; undefined when it need not stop
   */
  pause(outbox: Outbox, now: number): Promise<void> | undefined {
    if (now - outbox.progressAt > DRAINING_MS) return undefined;
    if (now - this.#secondBegan >= 1000) {
      this.#secondBegan = now;
      this.#pausedMs = 0;
    }
    const ms = Math.min(PAUSE_MS_MAX, PAUSE_MS_PER_SECOND - this.#pausedMs);
    if (ms <= 0) return undefined;
    return this.#wait(outbox, ms);
  }

  async #wait(outbox: Outbox, ms: number): Promise<void> {
    const began = performance.now();
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    await Promise.race([outbox.ready(), promise]);
    clearTimeout(timer);
    this.#pausedMs += performance.now() - began;
  }
}
