/**
 * Metrics that are read when somebody asks: the parts of the router count in plain numbers, and here they get their names. Nothing is
 * added to the path of a message.
 *
 * @module
 */

import { Counter, Gauge, type Registry } from "prom-client";

/** Gives one value, with the values of the family's labels in their order. */
export type Put = (value: number, ...labels: string[]) => void;

/** One metric. */
export interface MetricFamily {
  /** Its name by the conventions of Prometheus: unit last, `_total` for counters. */
  readonly name: string;
  /** What it means, in a sentence without a full stop. */
  readonly help: string;
  /** Names of its labels; what stands in them must be of a small, fixed set. */
  readonly labels?: readonly string[];
  /** Puts its values; called for each scrape. A gauge for which it puts none is missing then. */
  readonly read: (put: Put) => void;
}

/** Adds metrics that only rise, but for a restart. */
export function addCounters(registry: Registry, families: readonly MetricFamily[]): void {
  for (const { name, help, labels = [], read } of families) {
    new Counter({
      name,
      help,
      labelNames: labels,
      registers: [registry],
      collect() {
        this.reset();
        read((value, ...values) => this.inc(labelled(labels, values), value));
      },
    });
  }
}

/** Adds metrics that rise and fall. */
export function addGauges(registry: Registry, families: readonly MetricFamily[]): void {
  for (const { name, help, labels = [], read } of families) {
    new Gauge({
      name,
      help,
      labelNames: labels,
      registers: [registry],
      collect() {
        this.reset();
        if (labels.length === 0) this.remove(); // reset() puts a 0, also where nothing is known
        read((value, ...values) => this.set(labelled(labels, values), value));
      },
    });
  }
}

function labelled(names: readonly string[], values: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name, i) => [name, values[i]!]));
}
