// deno-lint-ignore-file no-console
// What Redis does wrong while 5,000 jobs a second flow: each job is in its list once, and in order.
import assert from "node:assert/strict";
import { countsOf, LISTS } from "./publisher.ts";
import { PushScene } from "./push_scene.ts";
import { meanwhile } from "../../support/eventually.ts";

/** A server that has on its disk what it has acknowledged. */
const DURABLE = { appendOnly: true, config: ["appendfsync always"] };
/** Empties the lists and says how many jobs they held, in one step. */
const FLUSH = `local held = {redis.call('LLEN', KEYS[1]), redis.call('LLEN', KEYS[2])}
  redis.call('FLUSHALL')
  return held`;
/** Puts a string in the place of a list and says how many jobs it held, in one step. */
const SPOIL = `local held = redis.call('LLEN', KEYS[1])
  redis.call('SET', KEYS[1], 'x')
  return held`;

Deno.test("Router with Redis in good order: jobs are there at once, each once and in order", async () => {
  await using scene = await PushScene.start();
  const { publisher, redis } = scene;
  const times: number[] = [];
  for (let job = 0; job < 20; job++) {
    const start = performance.now();
    const list = await publisher.sendOne();
    await redis.command("BLPOP", list, 10);
    times.push(performance.now() - start);
  }
  const taken = publisher.counts;
  times.sort((a, b) => a - b);
  await publisher.send(10_000);
  const start = performance.now();
  await scene.workedOff();
  const restMs = performance.now() - start;
  await scene.finish({
    push_queue: taken.push_queue + 1,
    group_push_queue: taken.group_push_queue + 1,
  });
  const [median, longest] = [times[10]!, times[19]!].map((ms) => ms.toFixed(1));
  console.log(`from frame to list: median ${median} ms, longest ${longest} ms`);
  console.log(`all is in Redis ${restMs.toFixed(0)} ms after the last of 10,000 frames`);
  // Half of the twenty are left to a machine that does something else as well.
  assert.ok(times[10]! < 10, `the median took ${median} ms`);
});

Deno.test("Router with Redis that is killed and comes back with its append-only file", async () => {
  await using scene = await PushScene.start({ redis: DURABLE });
  const { publisher, redis } = scene;
  const load = publisher.send(15_000);
  await publisher.reached(4_000);
  await redis.kill();
  await publisher.reached(8_000);
  await redis.start();
  await publisher.reached(11_000);
  await redis.kill();
  await redis.start();
  await load;
  await scene.finish();
});

Deno.test("Router with Redis that comes back empty, then with an old snapshot: the rest is sent again", async () => {
  await using scene = await PushScene.start();
  const { publisher, redis, router } = scene;
  const load = publisher.send(13_000);
  await publisher.reached(3_000);
  await redis.kill();
  await publisher.reached(4_500);
  await redis.start();
  await publisher.reached(7_000);
  await redis.command("SAVE");
  await publisher.reached(9_000);
  await redis.kill();
  await redis.start();
  await load;
  await scene.finish();
  assert.ok(router.logged("redis had lost push jobs").length > 0, router.logTail());
});

Deno.test("Router with Redis that stands still for a moment again and again", async () => {
  await using scene = await PushScene.start();
  const { publisher, redis } = scene;
  const load = publisher.send(12_000);
  // 80 ms each: longer than a batch is waited for, so that each is in the spool and arrives as well.
  for (let frames = 400; frames < 12_000; frames += 800) {
    await publisher.reached(frames);
    redis.freeze();
    await publisher.reached(frames + 400);
    redis.thaw();
  }
  await load;
  await scene.finish();
});

Deno.test("Router with Redis that answers, but holds back all writes for a while", async () => {
  await using scene = await PushScene.start();
  const { publisher, redis } = scene;
  const load = publisher.send(17_000);
  await publisher.reached(2_000);
  await redis.command("CLIENT", "PAUSE", 60_000, "WRITE");
  await publisher.reached(14_000);
  await redis.command("CLIENT", "UNPAUSE");
  await load;
  await scene.finish();
});

Deno.test("Router with Redis that is frozen for five seconds", async () => {
  await using scene = await PushScene.start();
  const { publisher, redis } = scene;
  const load = publisher.send(28_000);
  await publisher.reached(1_000);
  redis.freeze();
  await publisher.reached(26_000);
  redis.thaw();
  await load;
  await scene.finish();
});

Deno.test("Router with Redis that ends all connections ten times a second", async () => {
  await using scene = await PushScene.start();
  const { publisher, redis } = scene;
  const load = publisher.send(15_000);
  let killed = 0;
  await meanwhile(load, 100, async () => {
    killed += Number(await redis.command("CLIENT", "KILL", "TYPE", "normal"));
  });
  await load;
  assert.ok(killed >= 10, `${killed} connections were ended`);
  await scene.finish();
});

Deno.test("Router with Redis that has no memory left for a while", async () => {
  await using scene = await PushScene.start();
  const { publisher, redis, router } = scene;
  const load = publisher.send(12_000);
  await publisher.reached(3_000);
  await redis.command("CONFIG", "SET", "maxmemory", 1);
  await publisher.reached(8_000);
  await redis.command("CONFIG", "SET", "maxmemory", 0);
  await load;
  await scene.finish();
  assert.ok(router.logged("OOM").length > 0, router.logTail());
});

Deno.test("Router with Redis in which one list's key holds a string: the other list goes on", async () => {
  await using scene = await PushScene.start();
  const { publisher, redis } = scene;
  const load = publisher.send(12_000);
  await publisher.reached(3_000);
  const held = Number(await redis.command("EVAL", SPOIL, 1, "group_push_queue"));
  await meanwhile(load, 50, async () => {
    const due = countsOf(publisher.framesAt(performance.now() - 250)).push_queue;
    const length = await scene.length("push_queue");
    assert.ok(length >= due, `push_queue holds ${length} jobs, ${due} were sent 250 ms before`);
  });
  await load;
  await scene.workedOff(["push_queue"]);
  assert.equal(await scene.length("push_queue"), publisher.counts.push_queue);
  assert.equal(await redis.command("GET", "group_push_queue"), "x");
  await redis.command("DEL", "group_push_queue");
  await scene.finish({ push_queue: 1, group_push_queue: held + 1 });
});

Deno.test("Router with Redis that is flushed: what was there does not come back, all later jobs do", async () => {
  await using scene = await PushScene.start();
  const { publisher, redis } = scene;
  const load = publisher.send(12_000);
  const first = { push_queue: 1, group_push_queue: 1 };
  for (const frames of [3_000, 6_000, 9_000]) {
    await publisher.reached(frames);
    const held = await redis.command("EVAL", FLUSH, 2, ...LISTS) as number[];
    LISTS.forEach((list, i) => first[list] += held[i]!);
  }
  await load;
  await scene.finish(first);
});

Deno.test("Router with Redis, over its unix socket, that forgets its scripts a hundred times a second", async () => {
  await using scene = await PushScene.start({ over: "socket" });
  const { publisher, redis } = scene;
  const load = publisher.send(10_000);
  await meanwhile(load, 10, () => redis.command("SCRIPT", "FLUSH"));
  await load;
  await scene.finish();
});
