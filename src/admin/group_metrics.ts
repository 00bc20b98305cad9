/**
 * Metrics of the groups of generation 1: what is known, which messages that decides, and how it is kept true.
 *
 * @module
 */

import type { Registry } from "prom-client";
import type { PushDecisions } from "../router/push_decisions.ts";
import type { GroupFigures } from "./admin_sources.ts";
import { addCounters, addGauges, type MetricFamily } from "./metric_family.ts";

/** Adds those of the table and of the messages that need it to a registry. */
export function addGroupMetrics(registry: Registry, decisions: PushDecisions): void {
  const { groups, waiting } = decisions;
  addGauges(registry, [{
    name: "imr_groups",
    help: "Groups known",
    read: (put) => put(groups.size),
  }, {
    name: "imr_group_members",
    help: "Members of all groups known; who is in two counts twice",
    read: (put) => put(groups.memberCount),
  }, {
    name: "imr_group_messages_waiting",
    help: "Group messages whose push waits until the groups are loaded",
    read: (put) => put(waiting.count),
  }, {
    name: "imr_group_messages_waiting_bytes",
    help: "Memory that these take, about",
    read: (put) => put(waiting.byteLength),
  }]);
  addCounters(registry, [{
    name: "imr_group_messages_unknown_group_total",
    help: "Group messages that caused no push, as their group is not known",
    read: (put) => put(decisions.unknownGroups),
  }, {
    name: "imr_group_messages_dropped_total",
    help: "Group messages that caused no push, as too many waited for the groups",
    read: (put) => put(waiting.dropped),
  }]);
}

/** Adds those of what keeps the groups true to a registry. */
export function addGroupKeeperMetrics(registry: Registry, groups: GroupFigures): void {
  addCounters(registry, loadCounters(groups));
  addCounters(registry, eventCounters(groups));
  addGauges(registry, loadGauges(groups));
  addGauges(registry, [{
    name: "imr_groups_stale",
    help: "1 while the groups are known to be wrong or are not loaded, else 0",
    read: (put) => put(groups.isStale ? 1 : 0),
  }, {
    name: "imr_groups_following",
    help: "1 while changes of groups are heard, else 0",
    read: (put) => put(groups.isFollowing ? 1 : 0),
  }, {
    name: "imr_groups_action_lag",
    help:
      "How far the table is behind the latest action that was read in Redis; missing while one is not known",
    read: (put) => {
      const { latest, held } = groups;
      if (latest === undefined || held === undefined) return;
      put(latest > held ? Number(latest - held) : 0); // Redis is asked once a minute, and changes are heard at once
    },
  }]);
}

function loadCounters(groups: GroupFigures): MetricFamily[] {
  return [{
    name: "imr_groups_loads_total",
    help: "Loads of all groups begun, by cause",
    labels: ["cause"],
    read: (put) => {
      for (const [cause, count] of groups.loads) put(count, cause);
    },
  }, {
    name: "imr_groups_load_failures_total",
    help: "Loads of all groups that failed",
    read: (put) => put(groups.failures),
  }];
}

function loadGauges(groups: GroupFigures): MetricFamily[] {
  return [{
    name: "imr_groups_last_load_timestamp_seconds",
    help:
      "When the groups in use were loaded, in seconds since 1970; missing while they never were",
    read: (put) => {
      if (groups.loadedAt !== undefined) put(groups.loadedAt / 1_000);
    },
  }, {
    name: "imr_groups_last_load_duration_seconds",
    help: "How long that took; missing while they never were",
    read: (put) => {
      if (groups.loadedAt !== undefined) put(groups.loadMs / 1_000);
    },
  }];
}

function eventCounters(groups: GroupFigures): MetricFamily[] {
  return [{
    name: "imr_groups_events_total",
    help: "What was published in the channels of groups, by what came of it",
    labels: ["result"],
    read: (put) => {
      const { applied, unreadable, foreign } = groups.events;
      put(applied, "applied");
      put(unreadable, "unreadable");
      put(foreign, "foreign");
    },
  }, {
    name: "imr_groups_event_gaps_total",
    help: "Changes of groups that did not follow the one before: something was missed",
    read: (put) => put(groups.events.gaps),
  }];
}
