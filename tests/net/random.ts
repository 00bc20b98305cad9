/**
 * Random numbers that a seed repeats. `IMR_TEST_SEED=n` plays one seed alone.
 *
 * @module
 */

/** A generator; the same seed gives the same numbers. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** A whole number from 0 up to, but not including, `end`. */
  below(end: number): number {
    this.#state = this.#state + 0x6d2b79f5 | 0;
    let t = Math.imul(this.#state ^ this.#state >>> 15, 1 | this.#state);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return Math.floor(((t ^ t >>> 14) >>> 0) / 2 ** 32 * end);
  }

  /** True in one of `n` cases. */
  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  /** From `low` to `high`, small ones far more often than large ones. */
  skewed(low: number, high: number): number {
    return Math.floor(low * (high / low) ** (this.below(1 << 20) / (1 << 20)));
  }
}

/** Seeds 1 to `count`, or the one that the environment names. */
export function seeds(count: number): number[] {
  const told = Deno.env.get("IMR_TEST_SEED");
  return told !== undefined ? [Number(told)] : Array.from({ length: count }, (_, i) => i + 1);
}
