/**
 * Lets the event loop turn while peers send without a pause.
 *
 * A read that finds bytes waiting settles at once, so a reader whose peer is fast enough would go on for ever without the loop
 * turning: other connections, timers, workers and HTTP would starve (seen: almost a second, and one connection getting a
 * fifteenth of its share). So readers share a budget of work; when it is spent, each waits for the next turn of the loop, and
 * as many go on in one turn as have a budget's worth of work.
 *
 * @module
 */

import { setImmediate } from "node:timers";

/**
 * When the budget was spent faster than that, in milliseconds, the loop is taken to have had no idle moment.
 *
 * While the loop always has something to do at once, the runtime looks at its sockets only every few dozen turns: answers of Redis
 * were heard 110 to 180 ms late. So a busy loop is given a timer to wait for, which lets it look; one with idle moments
 * looks by itself, and gets an immediate, which delays no message by a millisecond.
 */
const BUSY_MS = 8;
/** Now and then it is a timer in any case: on a slow machine the budget may never be spent that fast. */
const IMMEDIATES_MAX = 4;
const PAUSE_MS = 1;
/** Work in one turn, in bytes read: about 3 ms. */
const TURN_BYTES = 1 << 20;
/** What a chunk costs beside its bytes, in the same measure. */
const CHUNK_BYTES = 4 << 10;

/** The readers' common budget. */
export class ReadingTurns {
  #left = TURN_BYTES;
  /** When the budget was last spent. */
  #spentAt = -Infinity;
  /** Turns since the last timer. */
  #immediates = 0;
  /** Readers that wait, in the order of their coming, with what their last chunk cost. */
  readonly #waiting: { readonly cost: number; readonly go: () => void }[] = [];

  /**
   * Counts a chunk that was read and routed.
   *
   * @param bytes its size
   * @returns settles when the reader may go on; undefined when it may at once
   */
  charge(bytes: number): Promise<void> | undefined {
    const cost = bytes + CHUNK_BYTES;
    if (this.#waiting.length === 0 && (this.#left -= cost) > 0) return undefined;
    return this.#wait(cost);
  }

  /** Has the waiting go on in the next turn. */
  #schedule(): void {
    const now = performance.now();
    const isBusy = now - this.#spentAt < BUSY_MS || ++this.#immediates > IMMEDIATES_MAX;
    this.#spentAt = now;
    if (!isBusy) {
      setImmediate(this.#turn);
      return;
    }
    this.#immediates = 0;
    setTimeout(this.#turn, PAUSE_MS);
  }

  #wait(cost: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#waiting.push({ cost, go: resolve }) === 1) this.#schedule();
    return promise;
  }

  readonly #turn = (): void => {
    this.#left = TURN_BYTES;
    let ready = 0;
    let cost = 0;
    // Those that go on now are taken to cost as much as they did before.
    while (ready < this.#waiting.length && cost < TURN_BYTES) cost += this.#waiting[ready++]!.cost;
    for (const { go } of this.#waiting.splice(0, ready)) go();
    if (this.#waiting.length > 0) this.#schedule();
  };
}
