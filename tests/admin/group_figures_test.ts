// What an operator sees of groups: metrics and warnings.
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { AdminSources, GroupFigures } from "../../src/admin/admin_sources.ts";
import { Metrics } from "../../src/admin/metrics.ts";
import { Server } from "../../src/net/server.ts";
import { GroupTable } from "../../src/router/group_table.ts";
import { Router } from "../../src/router/router.ts";
import { openFixture, tableOf } from "./admin_fixture.ts";
import { fakeGroups } from "./fake_group_figures.ts";
import { fakeRedis } from "./fake_redis_figures.ts";

async function samples(sources: Partial<AdminSources>, router: Router): Promise<Set<string>> {
  const server = new Server({ router, push: () => undefined, log: () => {} });
  const all = { router, server, version: "1", notReadyReasons: () => [], ...sources };
  const lines = (await new Metrics(all).text()).split("\n");
  return new Set(lines.filter((line) => line.startsWith("imr_group")));
}

Deno.test("/metrics shows the groups and the messages that need them, whatever keeps them", async () => {
  const table = tableOf({ "1": [1n, 2n], "2": [1n], "3": [] });
  const groupWaiting = { framesMax: 2, bytesMax: 1_000_000 };
  const router = new Router({ generation: 1, groups: table, groupWaiting });
  router.decisions.unknownGroups = 4;
  for (let i = 0; i < 5; i++) router.decisions.waiting.add(new Uint8Array(100), 0, 100);
  deepStrictEqual(
    await samples({}, router),
    new Set([
      "imr_groups 3",
      "imr_group_members 3",
      "imr_group_messages_unknown_group_total 4",
      "imr_group_messages_waiting 2",
      "imr_group_messages_waiting_bytes 600",
      "imr_group_messages_dropped_total 3",
    ]),
  );
});

async function keeperSamples(groups: GroupFigures): Promise<string[]> {
  const all = await samples({ groups }, new Router({ generation: 1 }));
  return [...all].filter((line) => line.startsWith("imr_groups_")).toSorted();
}

Deno.test("/metrics shows how the groups are kept true", async () => {
  const loads = new Map([["start", 1], ["gap", 2], ["retry", 3]]);
  const events = { applied: 40, unreadable: 5, foreign: 6, gaps: 2 };
  const figures = fakeGroups({
    loads,
    events,
    failures: 3,
    held: 2n ** 60n,
    latest: 2n ** 60n + 9n,
  });
  deepStrictEqual(await keeperSamples(figures), [
    "imr_groups_action_lag 9",
    "imr_groups_event_gaps_total 2",
    'imr_groups_events_total{result="applied"} 40',
    'imr_groups_events_total{result="foreign"} 6',
    'imr_groups_events_total{result="unreadable"} 5',
    "imr_groups_following 1",
    "imr_groups_last_load_duration_seconds 1.5",
    "imr_groups_last_load_timestamp_seconds 1700000000",
    "imr_groups_load_failures_total 3",
    'imr_groups_loads_total{cause="gap"} 2',
    'imr_groups_loads_total{cause="retry"} 3',
    'imr_groups_loads_total{cause="start"} 1',
    "imr_groups_stale 0",
  ]);
});

Deno.test("/metrics leaves out of groups what is not known", async () => {
  const early = await keeperSamples(
    fakeGroups({
      loadedAt: undefined,
      loadMs: 0,
      held: undefined,
      isStale: true,
      isFollowing: false,
    }),
  );
  for (const name of ["action_lag", "last_load_timestamp", "last_load_duration"]) {
    ok(!early.some((line) => line.startsWith(`imr_groups_${name}`)), name);
  }
  ok(early.includes("imr_groups_stale 1"));
  ok(early.includes("imr_groups_following 0"));
  const unasked = await keeperSamples(fakeGroups({ latest: undefined }));
  ok(!unasked.some((line) => line.startsWith("imr_groups_action_lag")));
});

Deno.test("/metrics says that groups lag by 0 when more was heard than Redis was last asked for", async () => {
  ok(
    (await keeperSamples(fakeGroups({ held: 9n, latest: 7n }))).includes("imr_groups_action_lag 0"),
  );
});

interface Scene {
  readonly groups?: GroupFigures;
  readonly redis?: AdminSources["redis"];
  readonly table?: GroupTable;
  /** Messages that wait, or have been dropped. */
  readonly messages?: { readonly waiting: number; readonly dropped: number };
}

async function warningsOf(scene: Scene): Promise<string[]> {
  const { groups, redis, table, messages = { waiting: 0, dropped: 0 } } = scene;
  const groupWaiting = { framesMax: messages.waiting, bytesMax: 1_000_000 };
  await using fixture = openFixture({ sources: { groups, redis }, groups: table, groupWaiting });
  for (let i = 0; i < messages.waiting + messages.dropped; i++) {
    fixture.router.decisions.waiting.add(new Uint8Array(9), 0, 9);
  }
  const response = await fetch(`${fixture.base}/readyz`);
  strictEqual(response.status, 200, "what is not as it should be does not make it unready");
  return (await response.json()).warnings;
}

const loading = (lastFailure?: string): GroupFigures =>
  fakeGroups({ isStale: true, loadedAt: undefined, held: undefined, lastFailure });

Deno.test("/readyz has no warning while groups are kept true, or never change", async () => {
  deepStrictEqual(await warningsOf({ groups: fakeGroups(), redis: fakeRedis() }), []);
  deepStrictEqual(await warningsOf({ table: tableOf({ "1": [5n] }) }), []);
});

Deno.test("/readyz warns of groups that are not loaded yet, and how many messages wait", async () => {
  const table = GroupTable.unloaded();
  const messages = { waiting: 12, dropped: 0 };
  deepStrictEqual(await warningsOf({ groups: loading(), table, messages }), [
    "groups are not loaded yet (the first load is under way); 12 group messages wait for their push",
  ]);
});

Deno.test("/readyz says in one warning why groups cannot be loaded and what that costs", async () => {
  const groups = loading(`connect ECONNREFUSED ${"x".repeat(1_000)}`);
  const messages = { waiting: 3, dropped: 4 };
  const scene = { groups, table: GroupTable.unloaded(), messages };
  const [warning, ...others] = await warningsOf(scene);
  ok(/^groups are not loaded yet \(the last try failed: connect ECONNREFUSED x+\);/.test(warning!));
  ok(/ 3 group messages wait for their push, and 4 were dropped without one/.test(warning!));
  ok(warning!.length < 400, warning!);
  deepStrictEqual(others, []);
});

Deno.test("/readyz warns of messages that were dropped before the groups were loaded", async () => {
  const messages = { waiting: 0, dropped: 5 };
  const [warning, ...others] = await warningsOf({ groups: fakeGroups(), messages });
  ok(/^5 group messages caused no push since the start/.test(warning!), warning!);
  deepStrictEqual(others, []);
});

Deno.test("/readyz warns that a change of groups was missed", async () => {
  const groups = fakeGroups({ isStale: true });
  const [warning, ...others] = await warningsOf({ groups, redis: fakeRedis() });
  ok(/^a change of groups was missed/.test(warning!), warning!);
  deepStrictEqual(others, []);
});

Deno.test("/readyz says in one warning why groups cannot be loaded again and how old they are", async () => {
  const figures = { lastFailure: `denied ${"x".repeat(1_000)}`, loadedAt: Date.now() - 61_000 };
  for (const isStale of [true, false]) {
    const groups = fakeGroups({ ...figures, isStale });
    const [warning, ...others] = await warningsOf({ groups, redis: fakeRedis() });
    const start = /^groups cannot be loaded again \(denied x+\): those of 6[1-5] s ago are in use/;
    ok(start.test(warning!), warning!);
    strictEqual(warning!.endsWith("missed"), isStale);
    ok(warning!.length < 400, warning!);
    deepStrictEqual(others, []);
  }
});

Deno.test("/readyz warns that changes of groups are not heard, once", async () => {
  for (const isStale of [true, false]) { // it is stale where Redis could not be asked
    const groups = fakeGroups({ isFollowing: false, isStale });
    const [warning, ...others] = await warningsOf({ groups, redis: fakeRedis() });
    ok(/^changes of groups are not heard, although Redis/.test(warning!), warning!);
    deepStrictEqual(others, []);
  }
});

Deno.test("/readyz tells of changes that are not heard in the warning of a Redis that is away", async () => {
  const redis = fakeRedis({ downSince: Date.now() - 5_000, downReason: "ECONNREFUSED" });
  const groups = fakeGroups({ isFollowing: false, isStale: true });
  const [warning, ...others] = await warningsOf({ groups, redis });
  ok(
    /^Redis is away .* wait on disk, and changes of groups are not heard$/.test(warning!),
    warning!,
  );
  deepStrictEqual(others, []);
});

Deno.test("/readyz has no warning of changes that are not heard where no Redis is set", async () => {
  const groups = fakeGroups({ isFollowing: false, held: undefined, latest: undefined });
  deepStrictEqual(await warningsOf({ groups }), []);
});
