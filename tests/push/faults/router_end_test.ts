// deno-lint-ignore-file no-console
// Ends of the router, gentle and not, while 5,000 jobs a second flow, and what the next one on the same data folder does.
import assert from "node:assert/strict";
import { differences, gapsOf } from "./list_account.ts";
import { type Counts, LISTS } from "./publisher.ts";
import { PushScene } from "./push_scene.ts";

const DURABLE = { appendOnly: true, config: ["appendfsync always"] };
/**
 * Jobs that are younger may be lost with the router that is killed, in milliseconds: 100, and what a disk takes for fsync while other
 * programs write as well.
 */
const YOUNG_MS = 250;

/** A router was killed. */
interface Kill {
  /** When, on the clock of `performance.now()`. */
  readonly at: number;
  /** All that was sent to it and to those before it. */
  readonly sent: Counts;
}

Deno.test("Router with Redis, killed in mid-run: the newest jobs are lost at most, and none comes twice", async () => {
  await using scene = await PushScene.start();
  const { publisher } = scene;
  const load = publisher.send(20_000);
  await publisher.reached(6_000);
  const kill = await killRouter(scene, load);
  await scene.startRouter();
  await publisher.send(3_000);
  await scene.end();
  await assertYoungGaps(scene, [kill]);
});

Deno.test("Router with Redis down, killed: the spool has all but the newest jobs, and the next router writes them", async () => {
  await using scene = await PushScene.start({ redis: DURABLE });
  const { publisher, redis } = scene;
  const load = publisher.send(20_000);
  await publisher.reached(3_000);
  await redis.kill();
  await publisher.reached(9_000);
  const kill = await killRouter(scene, load);
  await redis.start();
  await scene.startRouter();
  await publisher.send(3_000);
  await scene.end();
  await assertYoungGaps(scene, [kill]);
});

Deno.test("Router with Redis frozen, killed: the newest jobs are lost at most, and none comes twice", async () => {
  await using scene = await PushScene.start();
  const { publisher, redis } = scene;
  const load = publisher.send(20_000);
  await publisher.reached(3_000);
  redis.freeze();
  await publisher.reached(9_000);
  const kill = await killRouter(scene, load);
  await scene.startRouter();
  redis.thaw();
  await publisher.send(3_000);
  await scene.end();
  await assertYoungGaps(scene, [kill]);
});

Deno.test("Router with Redis that stands still again and again, killed three times: none comes twice", async () => {
  await using scene = await PushScene.start();
  const { publisher, redis } = scene;
  const kills: Kill[] = [];
  while (kills.length < 3) {
    const start = publisher.frames;
    const load = publisher.send(20_000);
    // 80 ms each: longer than a batch is waited for, so that each is in the spool and arrives as well.
    for (let frames = start + 400; frames < start + 3_600; frames += 800) {
      await publisher.reached(frames);
      redis.freeze();
      await publisher.reached(frames + 400);
      redis.thaw();
    }
    // At other distances from the last thaw: while the spool is worked off, and behind that.
    await publisher.reached(publisher.frames + 25 * kills.length);
    kills.push(await killRouter(scene, load));
    await scene.startRouter();
  }
  await publisher.send(2_000);
  await scene.end();
  await assertYoungGaps(scene, kills);
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

/** Kills the router in mid-load. */
async function killRouter({ publisher, router }: PushScene, load: Promise<boolean>): Promise<Kill> {
  const at = await router.kill();
  assert.equal(await load, false, "it was killed in mid-load");
  return { at, sent: publisher.counts };
}

/** What was sent is there once and in order, but for the newest jobs at each kill, and only young ones. */
async function assertYoungGaps(scene: PushScene, kills: readonly Kill[]): Promise<void> {
  const { publisher, router } = scene;
  for (const list of LISTS) {
    const numbers = await scene.numbers(list);
    const last = publisher.counts[list];
    const wrong = differences(numbers, 1, last);
    assert.deepEqual(wrong.filter((text) => !text.startsWith("missing")), [], router.logTail());
    for (const [from, to] of gapsOf(numbers, last)) {
      const kill = kills.find(({ sent }) => sent[list] === to);
      const what = `${list}: jobs ${from} to ${to} were lost`;
      assert.ok(kill !== undefined, `${what}, but not with a router; ${router.logTail()}`);
      const ageMs = kill.at - publisher.sentAt(list, from);
      console.log(`${what}, the oldest ${ageMs.toFixed(0)} ms old`);
      assert.ok(ageMs < YOUNG_MS, `${what}, the oldest ${ageMs} ms old; ${router.logTail()}`);
    }
  }
}
