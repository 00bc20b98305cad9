/**
 * Metrics of the process. What prom-client has for that reads files that Deno lets nobody read, so they come from the calls that
 * need no permission.
 *
 * @module
 */

import process from "node:process";
import type { Registry } from "prom-client";
import { addCounters, addGauges } from "./metric_family.ts";

/** Adds the metrics to a registry. */
export function addProcessMetrics(registry: Registry, version: string): void {
  addCounters(registry, [{
    name: "process_cpu_seconds_total",
    help: "CPU time of the process, user and system",
    read: (put) => {
      const { user, system } = process.cpuUsage();
      put((user + system) / 1e6);
    },
  }]);
  addGauges(registry, [{
    name: "process_start_time_seconds",
    help: "When the process started, in seconds since 1970",
    read: (put) => put(performance.timeOrigin / 1_000),
  }, {
    name: "process_resident_memory_bytes",
    help: "Memory of the process that is in RAM",
    read: (put) => put(Deno.memoryUsage().rss),
  }, {
    name: "imr_heap_used_bytes",
    help: "JavaScript heap in use; the route table is outside of it",
    read: (put) => put(Deno.memoryUsage().heapUsed),
  }, {
    name: "imr_build_info",
    help: "Always 1; what runs here stands in the labels",
    labels: ["version", "deno"],
    read: (put) => put(1, version, Deno.version.deno),
  }]);
}
