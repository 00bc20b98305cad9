/**
 * What came out of all rounds: medians with their spread, and how many times better ours was than each peer in the same round, so that
 * a drift of the machine drops out.
 *
 * @module
 */

import type { Mode } from "./load_options.ts";

/** A figure of the load generator that the table shows. */
export interface FigureRow {
  /** Its name in the load generator's JSON. */
  readonly name: string;
  /** Its name in the table. */
  readonly label: string;
  /** Whether more is better; null for what says something of the measurement alone. */
  readonly more: boolean | null;
}

const CPU: FigureRow = { name: "cpu_us", label: "CPU each, us", more: false };

/** The figures of each mode. */
export const FIGURE_ROWS: Record<Mode, readonly FigureRow[]> = {
  flood: [CPU, { name: "per_s", label: "messages/s", more: true }],
  big: [CPU, { name: "per_s", label: "messages/s", more: true }],
  room: [CPU, { name: "per_s", label: "deliveries/s", more: true }],
  rate: [
    CPU,
    { name: "p50_us", label: "latency p50, us", more: false },
    { name: "p99_us", label: "latency p99, us", more: false },
    { name: "p999_us", label: "latency p99.9, us", more: false },
    { name: "late_p99_us", label: "(generator late, p99, us)", more: null },
  ],
  subs: [
    { name: "sub_cpu_us", label: "CPU each, us", more: false },
    { name: "subs_per_s", label: "subscriptions/s", more: true },
    { name: "rss_bytes_per_user", label: "memory each, bytes", more: false },
    { name: "rss_mb", label: "memory in all, MB", more: false },
  ],
  offline: [CPU, { name: "per_s", label: "push jobs/s", more: true }],
};

/** What the load generator printed. */
export type Figures = Readonly<Record<string, number | string>>;

/** A median and its spread over the rounds. */
export interface Spread {
  /** Half of the values are above it. */
  readonly median: number;
  /** The smallest. */
  readonly min: number;
  /** The largest. */
  readonly max: number;
}

/** The results of all rounds. */
export class Comparison {
  /** By contestant and mode, one for each round. */
  readonly #results = new Map<string, Map<number, Figures>>();

  /**
   * Takes one result.
   *
   * @param contestant the head of its column
   * @param mode what sort of load
   * @param round counts from 0
   * @param figures what the load generator printed
   */
  add(contestant: string, mode: Mode, round: number, figures: Figures): void {
    const key = `${mode} ${contestant}`;
    const rounds = this.#results.get(key) ?? new Map<number, Figures>();
    this.#results.set(key, rounds.set(round, figures));
  }

  /** The values of a figure over the rounds; null when there is none. */
  spread(contestant: string, mode: Mode, row: FigureRow): Spread | null {
    return spreadOf([...this.#values(contestant, mode, row).values()]);
  }

  /** How many times better `ours` was than `peer`, taken round by round; null when no round has both. */
  ratio(ours: string, peer: string, mode: Mode, row: FigureRow): Spread | null {
    const peers = this.#values(peer, mode, row);
    const ratios: number[] = [];
    for (const [round, value] of this.#values(ours, mode, row)) {
      const other = peers.get(round);
      if (row.more === null || other === undefined || value <= 0 || other <= 0) continue;
      ratios.push(row.more ? value / other : other / value);
    }
    return spreadOf(ratios);
  }

  /** What went wrong with a contestant, one line for each run. */
  faults(contestant: string, mode: Mode): string[] {
    const lines: string[] = [];
    for (const [round, figures] of this.#results.get(`${mode} ${contestant}`) ?? []) {
      const lost = Number(figures["lost"] ?? 0);
      if (figures["bad"] === undefined && lost === 0) continue;
      const delivered = figures["delivered"] ?? 0;
      const faults = figures["bad"] === undefined
        ? ""
        : `, ${figures["faults"]} faulty, the first: ${figures["bad"]}`;
      lines.push(`${mode}, round ${round + 1}: ${lost} lost of ${delivered} delivered${faults}`);
    }
    return lines;
  }

  #values(contestant: string, mode: Mode, row: FigureRow): Map<number, number> {
    const values = new Map<number, number>();
    for (const [round, figures] of this.#results.get(`${mode} ${contestant}`) ?? []) {
      const value = figures[row.name];
      if (typeof value === "number") values.set(round, value);
    }
    return values;
  }
}

function spreadOf(values: readonly number[]): Spread | null {
  const sorted = values.toSorted((a, b) => a - b);
  if (sorted.length === 0) return null;
  const half = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
  return { median, min: sorted[0]!, max: sorted.at(-1)! };
}
