/**
 * Metrics of the router's port and of the routing: connections, subscriptions, frames.
 *
 * @module
 */

import type { Registry } from "prom-client";
import { COMMAND, commandName } from "../wire/command.ts";
import type { AdminSources, ServerFigures } from "./admin_sources.ts";
import { addCounters, addGauges, type MetricFamily, type Put } from "./metric_family.ts";

/** Reasons for which a connection can end. All are shown from the start, so that the first of a kind is seen as a rise. */
export const CLOSE_REASONS = [
  "bad_length",
  "malformed_body",
  "unknown_command",
  "unparseable_inner",
  "seq_gap",
  "too_many_subscriptions",
  "reset",
  "timed_out",
  "broken",
  "peer_closed",
  "ended_mid_frame",
  "outbox_full",
  "stalled",
  "unfinished_frame",
  "too_many_connections",
  "not_allowed",
  "shutdown",
] as const;

/** Adds the metrics to a registry. */
export function addRouterMetrics(registry: Registry, sources: AdminSources): void {
  addGauges(registry, tableGauges(sources));
  addGauges(registry, outboxGauges(sources.server));
  addCounters(registry, connectionCounters(sources.server));
  addCounters(registry, frameCounters(sources.server));
  addCounters(registry, decisionCounters(sources));
}

function tableGauges({ router }: AdminSources): MetricFamily[] {
  const { table } = router;
  return [{
    name: "imr_connections",
    help: "IM servers connected",
    read: (put) => put(table.connectionCount),
  }, {
    name: "imr_users",
    help: "Different users subscribed, online flag or not",
    read: (put) => put(table.users.keys),
  }, {
    name: "imr_rooms",
    help: "Different rooms subscribed",
    read: (put) => put(table.rooms.keys),
  }, {
    name: "imr_subscriptions",
    help: "Subscriptions held, one for each connection that holds a user or room",
    labels: ["of"],
    read: (put) => {
      put(table.users.subscriptions, "user");
      put(table.rooms.subscriptions, "room");
    },
  }];
}

function outboxGauges(server: ServerFigures): MetricFamily[] {
  const waiting = () => server.connections().map(({ outbox }) => outbox.waitingBytes);
  return [{
    name: "imr_outbox_waiting_bytes",
    help: "Bytes that wait to be sent, to all connections",
    read: (put) => put(waiting().reduce((sum, bytes) => sum + bytes, 0)),
  }, {
    name: "imr_outbox_largest_waiting_bytes",
    help: "Bytes that wait for the connection for which most wait",
    read: (put) => put(waiting().reduce((most, bytes) => Math.max(most, bytes), 0)),
  }];
}

function connectionCounters({ counters }: ServerFigures): MetricFamily[] {
  return [{
    name: "imr_connections_accepted_total",
    help: "Connections accepted, refused ones included",
    read: (put) => put(counters.accepted),
  }, {
    name: "imr_connections_closed_total",
    help: "Ends of connections by reason; too_many_connections and not_allowed are those refused",
    labels: ["reason"],
    read: (put) => {
      for (const reason of CLOSE_REASONS) put(counters.closed.get(reason) ?? 0, reason);
    },
  }, {
    name: "imr_accept_errors_total",
    help: "Times that accepting a connection failed, for want of file descriptors above all",
    read: (put) => put(counters.acceptErrors),
  }, {
    name: "imr_zombie_sockets_total",
    help: "Sockets closed while a write to a frozen peer was under way, which the system keeps",
    read: (put) => put(counters.zombies),
  }, {
    name: "imr_read_pauses_total",
    help: "Times that reading from a publisher was paused for a slower receiver",
    read: (put) => put(counters.pauses),
  }];
}

function frameCounters({ counters }: ServerFigures): MetricFamily[] {
  return [{
    name: "imr_received_frames_total",
    help: "Frames received by command",
    labels: ["command"],
    read: (put) => byCommand(counters.framesIn, put),
  }, {
    name: "imr_received_bytes_total",
    help: "Bytes of received frames by command, headers included",
    labels: ["command"],
    read: (put) => byCommand(counters.bytesIn, put),
  }, {
    name: "imr_delivered_frames_total",
    help: "Deliveries by command: each copy to each connection",
    labels: ["command"],
    read: (put) => byCommand(counters.framesOut, put),
  }, {
    name: "imr_delivered_bytes_total",
    help: "Bytes of deliveries by command, headers included",
    labels: ["command"],
    read: (put) => byCommand(counters.bytesOut, put),
  }, {
    name: "imr_dropped_frames_total",
    help: "Deliveries never sent, since their connection ended",
    read: (put) => put(counters.droppedFrames),
  }, {
    name: "imr_dropped_bytes_total",
    help: "Bytes of deliveries never sent, since their connection ended",
    read: (put) => put(counters.droppedBytes),
  }];
}

function decisionCounters({ router }: AdminSources): MetricFamily[] {
  return [{
    name: "imr_route_messages_total",
    help: "PUBLISH, PUBLISH_GROUP and PUBLISH_ROOM by the generation whose rules they went by",
    labels: ["generation"],
    read: (put) => {
      put(router.byGeneration[1]!, "1");
      put(router.byGeneration[2]!, "2");
    },
  }, {
    name: "imr_withheld_messages_total",
    help: "Messages not forwarded: too large for servers to read back, or poison on which they end",
    labels: ["reason"],
    read: (put) => {
      put(router.tooLarge, "too_large");
      put(router.poison, "poison");
    },
  }, {
    name: "imr_unknown_commands_total",
    help: "Frames skipped for an unknown command with an empty body",
    read: (put) => put(router.unknown),
  }, {
    name: "imr_other_generation_total",
    help: "Messages that bear clear signs of the generation that is not configured",
    read: (put) => put(router.otherGeneration),
  }];
}

/** The router's own commands by name, all others as one. */
function byCommand(counts: ArrayLike<number>, put: Put): void {
  let others = Array.from(counts).reduce((sum, count) => sum + count, 0);
  for (const command of Object.values(COMMAND)) {
    put(counts[command]!, commandName(command));
    others -= counts[command]!;
  }
  put(others, "OTHER");
}
