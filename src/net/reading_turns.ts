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

/** Work in one turn, in bytes read: about 3 ms. */
const TURN_BYTES = 1 << 20;
/** What a chunk costs beside its bytes, in the same measure. */
const CHUNK_BYTES = 4 << 10;

/** The readers' common budget. */
export class ReadingTurns {
  #left = TURN_BYTES;
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

  #wait(cost: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#waiting.push({ cost, go: resolve }) === 1) setImmediate(this.#turn);
    return promise;
  }

  readonly #turn = (): void => {
    this.#left = TURN_BYTES;
    let ready = 0;
    let cost = 0;
    // Those that go on now are taken to cost as much as they did before.
    while (ready < this.#waiting.length && cost < TURN_BYTES) cost += this.#waiting[ready++]!.cost;
    for (const { go } of this.#waiting.splice(0, ready)) go();
    if (this.#waiting.length > 0) setImmediate(this.#turn);
  };
}
