// What an operator sees of Redis and the spool: metrics and warnings.
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { Registry } from "prom-client";
import type { RedisFigures } from "../../src/admin/admin_sources.ts";
import { addRedisMetrics } from "../../src/admin/redis_metrics.ts";
import { openFixture } from "./admin_fixture.ts";
import { fakeRedis } from "./fake_redis_figures.ts";

async function warningsOf(redis: RedisFigures): Promise<string[]> {
  await using fixture = openFixture({ sources: { redis } });
  const response = await fetch(`${fixture.base}/readyz`);
  strictEqual(response.status, 200, "what is not as it should be does not make it unready");
  return (await response.json()).warnings;
}

Deno.test("/readyz has no warning while Redis takes what it should", async () => {
  deepStrictEqual(await warningsOf(fakeRedis({}, { length: 5, untakenMs: 119_000 })), []);
});

Deno.test("/readyz warns that Redis is away, since when, why, and how many jobs wait", async () => {
  const redis = fakeRedis(
    { downSince: Date.now() - 61_000, downReason: "connect ECONNREFUSED" },
    { spoolJobs: 17, stalledSince: 1, lastError: "not said while Redis is away" },
  );
  const [warning, ...more] = await warningsOf(redis);
  ok(/away since 6[12] s \(connect ECONNREFUSED\); 17 push jobs wait on disk/.test(warning!));
  deepStrictEqual(more, []);
});

Deno.test("/readyz warns of a list that refuses jobs, with the reason", async () => {
  const lastError = "WRONGTYPE Operation against a key";
  const [warning] = await warningsOf(
    fakeRedis({}, { stalledSince: Date.now() - 3_000, lastError }),
  );
  ok(warning!.startsWith("push_queue takes no jobs since 3 s: WRONGTYPE"), warning!);
});

Deno.test("/readyz warns of a list from which nobody takes", async () => {
  const [warning] = await warningsOf(fakeRedis({}, { length: 9, untakenMs: 120_000 }));
  ok(warning!.includes("any of the 9 jobs in push_queue for 120 s"), warning!);
});

Deno.test("/readyz warns of jobs that were lost", async () => {
  const [warning] = await warningsOf(fakeRedis({}, { expired: 2, lost: 3 }));
  ok(warning!.startsWith("5 jobs of push_queue were lost"), warning!);
});

Deno.test("addRedisMetrics shows every figure under the name of its list", async () => {
  const registry = new Registry();
  addRedisMetrics(
    registry,
    fakeRedis({ downSince: 5, spoolBytes: 4_096, heldBytes: 77 }, {
      written: 1,
      spooled: 2,
      spoolJobs: 3,
      spoolOldestMs: 4_000,
      expired: 5,
      resent: 6,
      lost: 7,
      wiped: 8,
      failures: 9,
      length: 10,
      untakenMs: 11_000,
    }),
  );
  const text = await registry.metrics();
  const first = [...text.matchAll(/^(\w+)\{list="push_queue"\} (\S+)$/gm)].map(([, name, value]) =>
    `${name} ${value}`
  );
  deepStrictEqual(first.toSorted(), [
    "imr_redis_jobs_lost_total 7",
    "imr_redis_jobs_resent_total 6",
    "imr_redis_jobs_written_total 1",
    "imr_redis_list_jobs 10",
    "imr_redis_list_untaken_seconds 11",
    "imr_redis_watermarks_lost_total 8",
    "imr_redis_write_failures_total 9",
    "imr_spool_jobs 3",
    "imr_spool_jobs_expired_total 5",
    "imr_spool_jobs_total 2",
    "imr_spool_oldest_seconds 4",
  ]);
  ok(text.includes("\nimr_redis_up 0\n"));
  ok(text.includes("\nimr_spool_bytes 4096\n"));
  ok(text.includes("\nimr_redis_held_bytes 77\n"));
  ok(!text.includes('imr_redis_list_jobs{list="customer_push_queue_v2"}'), "a length not known");
});
