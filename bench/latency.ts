/**
 * A histogram of latencies that costs a few nanoseconds a value and a fixed amount of memory: 0.1 us steps up to 0.2 ms, above
 * that 0.1 % steps, up to 200 s.
 *
 * @module
 */

const UNIT_NS = 100;
const STEPS = 1024;
const UNITS_MAX = 2 ** 31 - 1;
const BUCKETS = STEPS * 22;

/** Counts latencies and answers percentiles. */
export class Latency {
  readonly #counts = new Uint32Array(BUCKETS);
  #count = 0;
  #maxNs = 0;

  /** How many values were recorded. */
  get count(): number {
    return this.#count;
  }

  /** The largest value, in microseconds. */
  get maxUs(): number {
    return this.#maxNs / 1000;
  }

  /**
   * Counts one value.
   *
   * @param ns a latency in nanoseconds; below 0 counts as 0
   */
  record(ns: number): void {
    const units = Math.min(UNITS_MAX, Math.max(0, ns / UNIT_NS)) | 0;
    const shift = units < 2 * STEPS ? 0 : 21 - Math.clz32(units);
    this.#counts[shift * STEPS + (units >> shift)]!++;
    this.#count++;
    if (ns > this.#maxNs) this.#maxNs = ns;
  }

  /** Forgets everything. */
  clear(): void {
    this.#counts.fill(0);
    this.#count = 0;
    this.#maxNs = 0;
  }

  /**
   * The value below which a share of all values lies.
   *
   * @param share 0..1
   * @returns microseconds, 0 when nothing was recorded
   */
  percentileUs(share: number): number {
    const wanted = Math.max(1, Math.ceil(share * this.#count));
    let seen = 0;
    for (let i = 0; i < BUCKETS; i++) {
      seen += this.#counts[i]!;
      if (seen >= wanted) return (bucketUnits(i) * UNIT_NS) / 1000;
    }
    return 0;
  }
}

/** The smallest value of a bucket. */
function bucketUnits(bucket: number): number {
  if (bucket < 2 * STEPS) return bucket;
  const shift = Math.floor(bucket / STEPS) - 1;
  return (bucket - shift * STEPS) * 2 ** shift;
}
