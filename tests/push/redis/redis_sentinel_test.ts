// The line to Redis by way of sentinels: it follows the master.
import assert from "node:assert/strict";
import { PUSH_LISTS } from "../../../src/router/push_list.ts";
import { freePort } from "../../support/redis_server.ts";
import { RedisSentinels } from "../../support/redis_sentinels.ts";
import { numbered, until } from "../fixtures.ts";
import { TestLink, written } from "./link_fixtures.ts";

const [LIST] = PUSH_LISTS;
/** The client gives its old lines to sentinels so long to end. */
const CLIENT_TIMERS_MS = 2_100;

async function saysThatNoSentinelAnswers(): Promise<void> {
  await using to = new TestLink(`redis+sentinel://127.0.0.1:${freePort()}/main`);
  to.endMs = CLIENT_TIMERS_MS;
  await to.untilLost(/sentinels are unreachable/);
  assert.equal(to.link.isReady, false);
}

async function followsTheMaster(): Promise<void> {
  await using redis = await RedisSentinels.start();
  await using to = await TestLink.open(redis.url);
  const before = await redis.master();
  assert.equal(before, redis.servers[0]);
  assert.deepEqual(await to.append(["job 1", "job 2"], 1), written());
  assert.deepEqual(await before.list(LIST), ["job 1", "job 2"]);
  // What was not replicated is lost with the master; that is not this test's matter.
  assert.equal(await before.command("WAIT", 2, 5_000), 2);
  const { incarnation } = to.link;
  await before.kill();
  await until(() => to.losses.length > 0, "lost");
  await to.untilReady(15_000);
  assert.notEqual(to.link.incarnation, incarnation);
  assert.deepEqual(await to.appendSurely(["job 2", "job 3"], 2), written(1));
  // Appends go on. Each sentinel tells of its new master, and the client may dial anew each time. With times as short as here two
  // sentinels may even make a master each; the later one lacks what the earlier one took, and that is sent again as a writer does.
  let count = 3, from = 4, losses = to.losses.length, quietSince = performance.now();
  while (performance.now() - quietSince < CLIENT_TIMERS_MS) {
    if (from > count) count++;
    const reply = await to.appendSurely(numbered("job ", count).slice(from - 1), from);
    from = reply.kind === "written" ? count + 1 : (reply.watermark ?? 0) + 1;
    if (to.losses.length > losses) quietSince = performance.now();
    losses = to.losses.length;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  assert.ok(from > count);
  const after = await redis.master();
  assert.notEqual(after, before);
  assert.deepEqual(await after.list(LIST), numbered("job ", count));
}

Deno.test("RedisLink follows the master that sentinels name, and says when none of them answers", async () => {
  await Promise.all([saysThatNoSentinelAnswers(), followsTheMaster()]);
});
