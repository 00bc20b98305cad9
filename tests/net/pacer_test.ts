// How long reading from a publisher stops for a slower receiver: seldom, shortly, and only where that helps.
import assert from "node:assert/strict";
import { PACE_BYTES, Pacer } from "../../src/net/pacer.ts";
import { im, push, subscribe } from "../support/wire_frames.ts";
import { OutboxScene } from "./outbox_fixture.ts";
import { message, ServerScene, textsOf } from "./server_fixture.ts";
import { settle, until, within } from "./waiting.ts";

/** Timers and a busy machine add to each pause. */
const SLACK_MS = 100;

/** An outbox in which more waits than its queue wants, and whose peer takes nothing more from now on. */
async function crowdedScene(): Promise<OutboxScene> {
  const scene = new OutboxScene();
  scene.pair.stall();
  for (let i = 0; i < 80; i++) scene.append(32_767);
  await settle();
  assert.ok(scene.outbox.waitingBytes > 2 * PACE_BYTES);
  return scene;
}

async function lengthOf(pause: Promise<void>): Promise<number> {
  const began = performance.now();
  await within(pause, "the pause");
  return performance.now() - began;
}

Deno.test("Pacer.pause lasts 20 ms at most, and 200 ms of a second altogether", async () => {
  const { outbox, now } = await crowdedScene();
  const pacer = new Pacer();
  for (const second of [now, now + 1_000]) {
    outbox.progressAt = second; // it takes something now and then
    const pauses: number[] = [];
    for (let pause; (pause = pacer.pause(outbox, second + 99)) !== undefined;) {
      pauses.push(await lengthOf(pause));
    }
    assert.ok(Math.max(...pauses) < 20 + SLACK_MS, `longest of ${pauses}`);
    const sum = pauses.reduce((sum, ms) => sum + ms, 0);
    assert.ok(sum > 150 && sum < 200 + SLACK_MS, `${sum} ms in one second`);
  }
  outbox.close();
});

Deno.test("Pacer.pause does not wait for an outbox that has taken nothing for more than 100 ms", async () => {
  const { outbox, now } = await crowdedScene();
  const pacer = new Pacer();
  assert.equal(pacer.pause(outbox, now + 101), undefined);
  const pause = pacer.pause(outbox, now + 100);
  assert.ok(pause !== undefined);
  await pause;
  outbox.close();
});

Deno.test("Pacer.pause ends as soon as the outbox has room again", async () => {
  const { outbox, now, pair } = await crowdedScene();
  const pauses: number[] = [];
  const pacer = new Pacer();
  for (let i = 0; i < 20; i++) {
    const pause = pacer.pause(outbox, now);
    assert.ok(pause !== undefined, "short pauses use up little");
    pair.release();
    pauses.push(await lengthOf(pause));
  }
  assert.ok(Math.min(...pauses) < 15, `shortest of ${pauses}`);
  await within(outbox.end(), "end");
});

Deno.test("Server pauses the publisher of a slower receiver and nobody else", async () => {
  await using scene = new ServerScene();
  const slow = scene.connect({}, subscribe(1n));
  const well = scene.connect({}, subscribe(2n));
  slow.stall(); // the held clock takes it for an outbox that drains
  const flooding = scene.connect();
  const other = scene.connect();
  await settle();
  flooding.send(...Array(80).fill(message(1n, "x".repeat(32_000))));
  await until(() => scene.server.counters.pauses > 0, "it is paused");
  flooding.send(message(2n, "behind the flood"));
  other.send(message(2n, "from another"));
  await until(() => well.frames().length === 2, "both come");
  assert.deepEqual(textsOf(well), ["from another", "behind the flood"]);
  slow.release();
  await until(() => slow.frames().length === 80, "the slow one gets all");
});

Deno.test("Server reads a publisher while writing to it waits", async () => {
  await using scene = new ServerScene();
  const pair = scene.connect({}, subscribe(1n));
  const other = scene.connect({}, subscribe(2n));
  pair.stall();
  await settle();
  other.send(...Array(80).fill(message(1n, "x".repeat(32_000))));
  await until(() => pair.writePending, "a write to it waits");
  for (let i = 0; i < 50; i++) pair.send(message(2n, `${i}`));
  await until(() => other.frames().length === 50, "it is read all the same");
});

Deno.test("Server lets a receiver that reads slowly have everything from a publisher that floods", async () => {
  await using scene = new ServerScene({ now: () => performance.now() });
  const slow = scene.connect(
    { writeBytesMax: () => 50_000, capacityBytes: 100_000 },
    subscribe(1n),
  );
  const flooding = scene.connect();
  slow.pause();
  await settle();
  for (let i = 0; i < 400; i++) flooding.send(message(1n, "x".repeat(20_000)));
  await until(() => {
    slow.resume(); // 150 KB or so at each turn
    slow.pause();
    return slow.receivedBytes >= 400 * message(1n, "x".repeat(20_000)).length;
  }, "all came");
  await settle();
  assert.ok(scene.server.counters.pauses > 0, "by pausing");
  assert.equal(scene.connection(slow).outbox.waitingBytes, 0);
});

Deno.test("Server slows down only the publisher whose push jobs pile up, and only while they drain", async () => {
  await using scene = new ServerScene();
  const storming = scene.connect();
  const other = scene.connect();
  await settle();
  const job = push([9n], im({ receiver: 9n, flag: 0x10, content: "x" }));
  const { promise, resolve } = Promise.withResolvers<void>();
  scene.pressure = { progressAt: scene.now, ready: () => promise };
  storming.send(job);
  await until(() => scene.server.counters.pauses === 1, "it is paused");
  storming.send(job);
  other.send(subscribe(1n));
  await until(() => scene.connection(other).framesIn === 1, "another is read");
  assert.equal(scene.jobs.length, 1, "the next job is not read yet");
  resolve();
  await until(() => scene.jobs.length === 2, "it goes on when there is room");

  scene.pressure = { progressAt: scene.now - 1_000, ready: () => new Promise(() => {}) };
  const { pauses } = scene.server.counters;
  for (let i = 0; i < 10; i++) storming.send(job);
  await until(() => scene.jobs.length === 12, "nobody waits for what does not drain");
  assert.equal(scene.server.counters.pauses, pauses);
});
