// deno-lint-ignore-file no-console
// Ends of the router, gentle and not, while 5,000 jobs a second flow, and what the next one on the same data folder does.
import assert from "node:assert/strict";
import { differences } from "./list_account.ts";
import { LISTS } from "./publisher.ts";
import { PushScene } from "./push_scene.ts";

const DURABLE = { appendOnly: true, config: ["appendfsync always"] };
/** Jobs that are younger may be lost with the router that is killed, in milliseconds. */
const YOUNG_MS = 100;

Deno.test("Router with Redis, killed in mid-run: the newest jobs are lost at most, and none comes twice", async () => {
  await using scene = await PushScene.start();
  const { publisher, router } = scene;
  const load = publisher.send(20_000);
  await publisher.reached(6_000);
  const killedAt = await router.kill();
  assert.equal(await load, false);
  await scene.startRouter();
  await publisher.send(3_000);
  await scene.end();
  await assertOneYoungGap(scene, killedAt);
});

Deno.test("Router with Redis down, killed: the spool has all but the newest jobs, and the next router writes them", async () => {
  await using scene = await PushScene.start({ redis: DURABLE });
  const { publisher, redis, router } = scene;
  const load = publisher.send(20_000);
  await publisher.reached(3_000);
  await redis.kill();
  await publisher.reached(9_000);
  const killedAt = await router.kill();
  assert.equal(await load, false);
  await redis.start();
  await scene.startRouter();
  await publisher.send(3_000);
  await scene.end();
  await assertOneYoungGap(scene, killedAt);
});

Deno.test("Router with Redis frozen, killed: the newest jobs are lost at most, and none comes twice", async () => {
  await using scene = await PushScene.start();
  const { publisher, redis, router } = scene;
  const load = publisher.send(20_000);
  await publisher.reached(3_000);
  redis.freeze();
  await publisher.reached(9_000);
  const killedAt = await router.kill();
  assert.equal(await load, false);
  await scene.startRouter();
  redis.thaw();
  await publisher.send(3_000);
  await scene.end();
  await assertOneYoungGap(scene, killedAt);
});

Deno.test("Router with Redis frozen, ended by SIGTERM: status 0, and the next router writes the rest", async () => {
  await using scene = await PushScene.start();
  const { publisher, redis, router } = scene;
  const load = publisher.send(8_000);
  await publisher.reached(3_000);
  redis.freeze();
  await load;
  await scene.decided();
  const { code, ms } = await router.stop();
  assert.equal(code, 0, router.logTail());
  assert.ok(ms < 15_000, `it took ${Math.round(ms)} ms`);
  await scene.startRouter();
  redis.thaw();
  await publisher.send(3_000);
  await scene.finish();
});

/** What was sent is there once and in order, but for one gap of jobs that were young when the router was killed. */
async function assertOneYoungGap(scene: PushScene, killedAt: number): Promise<void> {
  const { publisher, router } = scene;
  for (const list of LISTS) {
    const numbers = await scene.numbers(list);
    const last = publisher.counts[list];
    const wrong = differences(numbers, 1, last);
    const missing = /^missing: (?<from>\d+)(?:-(?<to>\d+))?$/.exec(wrong[0] ?? "")?.groups;
    if (missing === undefined) {
      assert.deepEqual(wrong, [], `${list}; ${router.logTail()}`);
      continue;
    }
    const { from, to = from } = missing;
    const ageMs = killedAt - publisher.sentAt(list, Number(from));
    const what = `${list}: jobs ${from} to ${to} were lost, the oldest ${ageMs.toFixed(0)} ms old`;
    console.log(what);
    assert.equal(wrong.length, 1, `${list}: ${wrong.join(", ")}; ${router.logTail()}`);
    assert.ok(ageMs < YOUNG_MS, `${what}; ${router.logTail()}`);
    assert.ok(Number(to) < last, "jobs for the next router are all there");
  }
}
