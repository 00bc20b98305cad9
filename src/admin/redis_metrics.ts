/**
 * Metrics of the push lists in Redis, and of the spool in which jobs wait while Redis does not take them.
 *
 * @module
 */

import type { Registry } from "prom-client";
import { PUSH_LISTS } from "../router/push_list.ts";
import type { RedisFigures, RedisListFigures } from "./admin_sources.ts";
import { addCounters, addGauges, type MetricFamily } from "./metric_family.ts";

/** Adds them to a registry. */
export function addRedisMetrics(registry: Registry, redis: RedisFigures): void {
  addCounters(registry, counters(redis));
  addGauges(registry, [
    ...listGauges(redis),
    {
      name: "imr_redis_up",
      help: "1 while Redis can be reached, else 0",
      read: (put) => put(redis.downSince === undefined ? 1 : 0),
    },
    {
      name: "imr_redis_held_bytes",
      help: "Bytes of written push jobs that are held in case a fail-over loses them",
      read: (put) => put(redis.heldBytes),
    },
    {
      name: "imr_spool_bytes",
      help: "Bytes in use of the file in which push jobs wait for Redis",
      read: (put) => put(redis.spoolBytes),
    },
  ]);
}

function counters(redis: RedisFigures): MetricFamily[] {
  return [
    byList(
      redis,
      "imr_redis_jobs_written_total",
      "Push jobs that Redis has acknowledged by list",
      ({ written }) => written,
    ),
    byList(
      redis,
      "imr_redis_write_failures_total",
      "Appends to a list of Redis that failed",
      ({ failures }) => failures,
    ),
    byList(
      redis,
      "imr_redis_jobs_resent_total",
      "Push jobs written again because Redis had lost them",
      ({ resent }) => resent,
    ),
    byList(
      redis,
      "imr_redis_jobs_lost_total",
      "Push jobs that Redis lost and that were held no longer",
      ({ lost }) => lost,
    ),
    byList(
      redis,
      "imr_redis_watermarks_lost_total",
      "Times that Redis had forgotten how far it was: flushed, evicted or expired",
      ({ wiped }) => wiped,
    ),
    byList(
      redis,
      "imr_spool_jobs_total",
      "Push jobs that had to wait on disk by list",
      ({ spooled }) => spooled,
    ),
    byList(
      redis,
      "imr_spool_jobs_expired_total",
      "Push jobs dropped from the spool for their age by list",
      ({ expired }) => expired,
    ),
  ];
}

function listGauges(redis: RedisFigures): MetricFamily[] {
  return [
    byList(
      redis,
      "imr_spool_jobs",
      "Push jobs that wait on disk for Redis by list",
      ({ spoolJobs }) => spoolJobs,
    ),
    byList(
      redis,
      "imr_spool_oldest_seconds",
      "Age of the oldest push job in the spool by list; 0 when there is none",
      ({ spoolOldestMs }) => spoolOldestMs / 1_000,
    ),
    byList(
      redis,
      "imr_redis_list_jobs",
      "Jobs in the list of Redis, looked at every 10 s; missing while that is not known",
      ({ length }) => length,
    ),
    byList(
      redis,
      "imr_redis_list_untaken_seconds",
      "For how long nobody was seen to take a job from the list; 0 when it is empty",
      ({ untakenMs }) => untakenMs / 1_000,
    ),
  ];
}

function byList(
  redis: RedisFigures,
  name: string,
  help: string,
  figure: (list: RedisListFigures) => number | undefined,
): MetricFamily {
  return {
    name,
    help,
    labels: ["list"],
    read: (put) => {
      redis.lists().forEach((list, number) => {
        const value = figure(list);
        if (value !== undefined) put(value, PUSH_LISTS[number]!);
      });
    },
  };
}
