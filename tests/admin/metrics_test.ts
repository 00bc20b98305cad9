import { fakeGroups } from "./fake_group_figures.ts";
import { fakeRedis } from "./fake_redis_figures.ts";
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { AdminSources, PushFigures, PushQueue } from "../../src/admin/admin_sources.ts";
import { Metrics } from "../../src/admin/metrics.ts";
import { CLOSE_REASONS } from "../../src/admin/router_metrics.ts";
import type { GroupKeeper } from "../../src/groups/group_keeper.ts";
import type { CloseReason } from "../../src/net/connection.ts";
import { Server } from "../../src/net/server.ts";
import { EmbeddedStore } from "../../src/push/embedded_store.ts";
import { PushChannel } from "../../src/push/push_channel.ts";
import { Router } from "../../src/router/router.ts";
import { openFixture } from "./admin_fixture.ts";

const PUSH: PushFigures = {
  accepted: [10, 20, 30, 40, 50],
  refused: [1, 0, 0, 0, 0],
  refusedBySink: [0, 2, 0, 0, 0],
  lost: [0, 0, 3, 0, 0],
  waiting: [0, 0, 0, 4, 0],
  waitingBytes: 567,
  retries: 8,
  lastError: "down",
  failingSince: Date.now() - 3_600_000,
};

const QUEUE: PushQueue = {
  waiterCount: 6,
  take: () => Promise.resolve([]),
  ack: () => Promise.resolve(0),
  counts: () => [{ list: "push_queue", waiting: 11, leased: 22, oldestMs: 33_500 }],
};

/** Samples by name and labels as they are written. */
function samplesOf(text: string): Map<string, number> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => {
    const at = line.lastIndexOf(" ");
    return [line.slice(0, at), Number(line.slice(at + 1))];
  }));
}

async function scrape(base: string): Promise<Map<string, number>> {
  const response = await fetch(`${base}/metrics`);
  strictEqual(response.status, 200);
  strictEqual(
    response.headers.get("content-type"),
    "text/plain; version=0.0.4; charset=utf-8",
  );
  return samplesOf(await response.text());
}

Deno.test("the parts of the router have the shapes that the admin port needs", () => {
  const fits = (
    router: Router,
    server: Server,
    push: PushChannel,
    queue: EmbeddedStore,
    groups: GroupKeeper,
  ): AdminSources => ({
    router,
    server,
    push,
    queue,
    groups,
    version: "",
    notReadyReasons: () => [],
  });
  strictEqual(typeof fits, "function"); // the type check is the test
});

Deno.test("/metrics knows every reason for which a connection ends", () => {
  const missing: Exclude<CloseReason, typeof CLOSE_REASONS[number]>[] = [];
  const known: readonly CloseReason[] = CLOSE_REASONS;
  strictEqual(new Set(known).size, known.length + missing.length);
});

Deno.test("/metrics shows what the router's port and the routing count", async () => {
  await using fixture = openFixture();
  const { router, server, base } = fixture;
  const { counters } = server;
  const connection = router.connect();
  router.connect();
  router.table.users.subscribe(connection, 0, 1, 0, 2, 1);
  router.table.users.subscribe(connection, 0, 1, 0, 3, 0);
  router.table.rooms.subscribe(connection, 0, 1, 0, 4, 0);
  counters.framesIn[130] = 3;
  counters.framesIn[132] = 100;
  counters.framesIn[99] = 7;
  counters.framesIn[200] = 1;
  counters.bytesIn[132] = 14_200;
  counters.framesOut[138] = 5_000;
  counters.bytesOut[138] = 9_007_199_254_740_991;
  Object.assign(counters, { accepted: 12, acceptErrors: 1, zombies: 2, pauses: 4 });
  Object.assign(counters, { droppedFrames: 6, droppedBytes: 600 });
  counters.close("stalled");
  counters.close("stalled");
  counters.close("too_many_connections");
  router.byGeneration[1] = 60;
  router.byGeneration[2] = 40;
  Object.assign(router, { tooLarge: 1, poison: 2, unknown: 3, otherGeneration: 4 });
  const samples = await scrape(base);
  const expected: [string, number][] = [
    ["imr_connections", 2],
    ["imr_users", 2],
    ["imr_rooms", 1],
    ['imr_subscriptions{of="user"}', 2],
    ['imr_subscriptions{of="room"}', 1],
    ["imr_outbox_waiting_bytes", 0],
    ["imr_outbox_largest_waiting_bytes", 0],
    ['imr_received_frames_total{command="SUBSCRIBE"}', 3],
    ['imr_received_frames_total{command="PUBLISH"}', 100],
    ['imr_received_frames_total{command="PUSH"}', 0],
    ['imr_received_frames_total{command="OTHER"}', 8],
    ['imr_received_bytes_total{command="PUBLISH"}', 14_200],
    ['imr_delivered_frames_total{command="PUBLISH_ROOM"}', 5_000],
    ['imr_delivered_bytes_total{command="PUBLISH_ROOM"}', 9_007_199_254_740_991],
    ["imr_dropped_frames_total", 6],
    ["imr_dropped_bytes_total", 600],
    ["imr_connections_accepted_total", 12],
    ['imr_connections_closed_total{reason="stalled"}', 2],
    ['imr_connections_closed_total{reason="too_many_connections"}', 1],
    ['imr_connections_closed_total{reason="seq_gap"}', 0],
    ["imr_accept_errors_total", 1],
    ["imr_zombie_sockets_total", 2],
    ["imr_read_pauses_total", 4],
    ['imr_route_messages_total{generation="1"}', 60],
    ['imr_route_messages_total{generation="2"}', 40],
    ['imr_withheld_messages_total{reason="too_large"}', 1],
    ['imr_withheld_messages_total{reason="poison"}', 2],
    ["imr_unknown_commands_total", 3],
    ["imr_other_generation_total", 4],
    ["imr_ready", 1],
    [`imr_build_info{version="1.2.3",deno="${Deno.version.deno}"}`, 1],
  ];
  for (const [name, value] of expected) strictEqual(samples.get(name), value, name);
  strictEqual((await scrape(base)).get('imr_received_frames_total{command="PUBLISH"}'), 100);
});

Deno.test("/metrics shows the outboxes of the connections", async () => {
  await using fixture = openFixture();
  const waiting = [5, 700, 20].map((waitingBytes) => ({ outbox: { waitingBytes } }));
  Object.assign(fixture.server, { connections: () => waiting });
  const samples = await scrape(fixture.base);
  strictEqual(samples.get("imr_outbox_waiting_bytes"), 725);
  strictEqual(samples.get("imr_outbox_largest_waiting_bytes"), 700);
});

Deno.test("/metrics shows the push jobs and their queue", async () => {
  await using fixture = openFixture({ sources: { push: PUSH, queue: QUEUE } });
  const samples = await scrape(fixture.base);
  const expected: [string, number][] = [
    ['imr_push_jobs_total{list="push_queue"}', 10],
    ['imr_push_jobs_total{list="customer_push_queue_v2"}', 50],
    ['imr_push_jobs_refused_total{list="push_queue",by="channel"}', 1],
    ['imr_push_jobs_refused_total{list="group_push_queue",by="sink"}', 2],
    ['imr_push_jobs_lost_total{list="customer_push_queue"}', 3],
    ['imr_push_waiting_jobs{list="system_push_queue"}', 4],
    ["imr_push_waiting_bytes", 567],
    ["imr_push_retries_total", 8],
    ['imr_push_queue_jobs{list="push_queue",state="waiting"}', 11],
    ['imr_push_queue_jobs{list="push_queue",state="leased"}', 22],
    ['imr_push_queue_oldest_seconds{list="push_queue"}', 33.5],
    ["imr_push_queue_waiting_takes", 6],
  ];
  for (const [name, value] of expected) strictEqual(samples.get(name), value, name);
  const failing = samples.get("imr_push_failing_seconds")!;
  ok(failing >= 3_600 && failing < 3_660, String(failing));
});

Deno.test("/metrics shows the process as it is", async () => {
  await using fixture = openFixture();
  const samples = await scrape(fixture.base);
  const between: [name: string, min: number, max: number][] = [
    ["process_cpu_seconds_total", 0.01, 10_000],
    ["process_resident_memory_bytes", 10e6, 10e9],
    ["process_start_time_seconds", Date.now() / 1_000 - 10_000, Date.now() / 1_000],
    ["imr_heap_used_bytes", 1e6, 4e9],
    ["imr_event_loop_delay_max_seconds", 0, 60],
  ];
  for (const [name, min, max] of between) {
    const value = samples.get(name)!;
    ok(value >= min && value <= max, `${name} ${value}`);
  }
});

Deno.test("/metrics counts answers by path and status, and every other path as one", async () => {
  await using fixture = openFixture();
  const { base } = fixture;
  for (const path of ["/online", "/online?appid=1&uid=1", "/healthz", "/a", "/b?c", "/push/x"]) {
    await (await fetch(`${base}${path}`)).text();
  }
  await fixture.raw("GET /healthz HTTP/1.1\r\nHost: a@b\r\nConnection: close\r\n\r\n");
  const samples = await scrape(base);
  const counted = [...samples].filter(([name]) => name.startsWith("imr_http_responses_total"));
  deepStrictEqual(Object.fromEntries(counted), {
    'imr_http_responses_total{path="/online",code="400"}': 1,
    'imr_http_responses_total{path="/online",code="200"}': 1,
    'imr_http_responses_total{path="/healthz",code="200"}': 1,
    'imr_http_responses_total{path="/healthz",code="400"}': 1,
    'imr_http_responses_total{path="other",code="404"}': 3,
  });
});

function allMetrics(): Metrics {
  const router = new Router({ generation: 2 });
  const server = new Server({ router, push: () => undefined, log: () => {} });
  return new Metrics({
    router,
    server,
    push: PUSH,
    queue: QUEUE,
    redis: fakeRedis(),
    groups: fakeGroups(),
    version: "1",
    notReadyReasons: () => [],
  });
}

Deno.test("docs/METRICS.md describes every metric and no other", async () => {
  const doc = await Deno.readTextFile(new URL("../../docs/METRICS.md", import.meta.url));
  const described = [...doc.matchAll(/^\| `([a-z_]+)`/gm)].map(([, name]) => name!);
  deepStrictEqual(described.toSorted(), allMetrics().names.toSorted());
  strictEqual(new Set(described).size, described.length);
});

Deno.test("docs/METRICS.md names no metric that there is not in its alerts", async () => {
  const doc = await Deno.readTextFile(new URL("../../docs/METRICS.md", import.meta.url));
  const names = new Set(allMetrics().names);
  for (const [name] of doc.matchAll(/\b(?:imr|process)_[a-z_]+[a-z]\b/g)) {
    ok(names.has(name.replace(/_(?:bucket|sum|count)$/, "")), name);
  }
});

Deno.test("names and labels of metrics follow the conventions of Prometheus", async () => {
  const metrics = allMetrics();
  const text = await metrics.text();
  for (const [, name, type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    ok(/^(?:imr|process)(?:_[a-z]+)+$/.test(name!), name!);
    strictEqual(name!.endsWith("_total"), type === "counter", name!);
  }
  for (const [, help] of text.matchAll(/^# HELP \S+ (.*)$/gm)) {
    ok(!help!.endsWith("."), help!);
  }
  ok(samplesOf(text).size < 250, "too many series for one process");
});
