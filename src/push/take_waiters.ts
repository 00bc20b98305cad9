/**
 * Those who wait for jobs of a list, in the order in which they came. They are woken one at a time: the one woken takes what there
 * is, and the next is woken only if something is left.
 *
 * @module
 */

import { PUSH_LISTS } from "../router/push_list.ts";
import type { Clock } from "../clock.ts";
import { StoreError } from "./store_error.ts";

/** Waiters of all lists together. */
export const WAITERS_MAX = 1_000;

/** The waiters of all lists. */
export class TakeWaiters {
  readonly #clock: Clock;
  /** By number of the list; each calls what ends its wait. */
  readonly #lists: readonly Set<() => void>[] = PUSH_LISTS.map(() => new Set());
  #count = 0;

  /**
   * Makes a place where nobody waits.
   *
   * @param clock measures the waits
   */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many wait. */
  get count(): number {
    return this.#count;
  }

  /**
   * Waits until woken, or for a time.
   *
   * @param list number of the list
   * @param ms how long at most, in milliseconds
   * @param signal ends the wait when the client has gone
   * @returns settles when woken or when the time is over
   * @throws the signal's reason when it fires
   * @throws {StoreError} "busy" when {@linkcode WAITERS_MAX} wait already
   */
  async wait(list: number, ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.#count >= WAITERS_MAX) {
      throw new StoreError("busy", `${WAITERS_MAX} clients wait for jobs already`);
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = () => resolve();
    const cancelTimer = this.#clock.after(ms, wake);
    signal?.addEventListener("abort", wake);
    this.#lists[list]!.add(wake);
    this.#count++;
    try {
      await promise;
    } finally {
      this.#count--;
      this.#lists[list]!.delete(wake);
      cancelTimer();
      signal?.removeEventListener("abort", wake);
    }
    signal?.throwIfAborted();
  }

  /** Wakes the one who has waited longest for a list, if there is one. */
  wake(list: number): void {
    const [first] = this.#lists[list]!;
    if (first === undefined) return;
    // Off the list at once: the next call must reach the next one.
    this.#lists[list]!.delete(first);
    first();
  }

  /** Wakes all. */
  wakeAll(): void {
    for (const list of this.#lists) for (const wake of [...list]) wake();
  }
}
