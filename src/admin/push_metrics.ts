/**
 * Metrics of the push jobs: on their way out of the router, and in the queue from which workers take them.
 *
 * @module
 */

import type { Registry } from "prom-client";
import { PUSH_LISTS } from "../router/push_list.ts";
import type { PushFigures, PushQueue } from "./admin_sources.ts";
import { addCounters, addGauges, type MetricFamily, type Put } from "./metric_family.ts";

/** Adds the metrics of the push channel to a registry. */
export function addPushMetrics(
  registry: Registry,
  push: PushFigures,
  now: () => number = Date.now,
): void {
  addCounters(registry, channelCounters(push));
  addGauges(registry, [{
    name: "imr_push_waiting_jobs",
    help: "Push jobs decided and not yet stored by list",
    labels: ["list"],
    read: (put) => byList(push.waiting, put),
  }, {
    name: "imr_push_waiting_bytes",
    help: "Bytes of push jobs decided and not yet stored",
    read: (put) => put(push.waitingBytes),
  }, {
    name: "imr_push_failing_seconds",
    help: "Since when no push job can be stored; 0 while all is well",
    read: (put) => {
      const { failingSince } = push;
      put(failingSince === undefined ? 0 : Math.max(0, now() - failingSince) / 1_000);
    },
  }]);
}

/** Adds the metrics of the queue to a registry. */
export function addQueueMetrics(registry: Registry, queue: PushQueue): void {
  addGauges(registry, [{
    name: "imr_push_queue_jobs",
    help: "Push jobs in the router's own queue by list; leased are with a worker",
    labels: ["list", "state"],
    read: (put) => {
      for (const { list, waiting, leased } of queue.counts()) {
        put(waiting, list, "waiting");
        put(leased, list, "leased");
      }
    },
  }, {
    name: "imr_push_queue_oldest_seconds",
    help: "Age of the oldest push job in the router's own queue by list; 0 when there is none",
    labels: ["list"],
    read: (put) => {
      for (const { list, oldestMs } of queue.counts()) put(oldestMs / 1_000, list);
    },
  }, {
    name: "imr_push_queue_waiting_takes",
    help: "Requests of push workers that wait for jobs",
    read: (put) => put(queue.waiterCount),
  }]);
}

function channelCounters(push: PushFigures): MetricFamily[] {
  return [{
    name: "imr_push_jobs_total",
    help: "Push jobs decided and taken in by list",
    labels: ["list"],
    read: (put) => byList(push.accepted, put),
  }, {
    name: "imr_push_jobs_refused_total",
    help:
      "Push jobs turned away because too many waited: by the channel (memory) or the sink (disk)",
    labels: ["list", "by"],
    read: (put) => {
      byList(push.refused, (value, list) => put(value, list!, "channel"));
      byList(push.refusedBySink, (value, list) => put(value, list!, "sink"));
    },
  }, {
    name: "imr_push_jobs_lost_total",
    help: "Push jobs taken in that could not be stored before the process ended",
    labels: ["list"],
    read: (put) => byList(push.lost, put),
  }, {
    name: "imr_push_retries_total",
    help: "Writes of push jobs that were repeats",
    read: (put) => put(push.retries),
  }];
}

function byList(numbers: ArrayLike<number>, put: Put): void {
  PUSH_LISTS.forEach((list, number) => put(numbers[number]!, list));
}
