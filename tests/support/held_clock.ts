/**
 * A clock that stands still until a test moves it.
 *
 * @module
 */

import type { Clock } from "../../src/clock.ts";

interface Timer {
  readonly at: number;
  readonly call: () => void;
}

/** Time in a test's hand. */
export class HeldClock implements Clock {
  /** How long each timer was asked for, in milliseconds, in the order of the calls. */
  readonly asked: number[] = [];
  readonly #timers = new Set<Timer>();
  #now: number;

  constructor(now = 1_000_000) {
    this.#now = now;
  }

  /** Timers that have neither fired nor been taken back. */
  get timers(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, call: () => void): () => void {
    this.asked.push(ms);
    const timer = { at: this.#now + ms, call };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Moves on and makes the calls that are due, in order. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const due = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers.delete(due);
      this.#now = Math.max(this.#now, due.at);
      due.call();
    }
    this.#now = end;
  }
}
