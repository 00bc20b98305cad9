// How a server stops: what waits is sent, peers are told by a half-close and read to their end, and nobody is waited for in vain.
import assert from "node:assert/strict";
import { im, push, subscribe } from "../support/wire_frames.ts";
import type { MemoryPair } from "./memory_pair.ts";
import { message, ServerScene, textsOf } from "./server_fixture.ts";
import { settle, until, within } from "./waiting.ts";

/** Longer than any test may take: what would wait so long has waited in vain. */
const FOREVER_MS = 60_000;

/** Ends the peer's side as soon as it has seen the router end its own, as IM servers do. */
async function endsWithRouter(pair: MemoryPair): Promise<void> {
  await until(() => pair.ended, "the router ends its side");
  pair.end();
}

Deno.test("Server.stop without connections settles at once, a second time too", async () => {
  await using scene = new ServerScene();
  await within(scene.server.stop(FOREVER_MS, FOREVER_MS), "stop");
  await within(scene.server.stop(FOREVER_MS, FOREVER_MS), "stop again");
});

Deno.test("Server.stop sends what waits before it half-closes", async () => {
  await using scene = new ServerScene();
  const slow = scene.connect({}, subscribe(1n));
  const publisher = scene.connect();
  slow.stall();
  await settle();
  const texts = Array.from({ length: 500 }, (_, i) => `${i}`.padEnd(1_000));
  publisher.send(...texts.map((text) => message(1n, text)));
  await until(() => scene.server.counters.framesOut[132] === 500, "all are routed");
  const stopped = scene.server.stop(FOREVER_MS, FOREVER_MS);
  await endsWithRouter(publisher);
  await settle();
  assert.equal(slow.ended, false, "not before it has everything");
  slow.release();
  await endsWithRouter(slow);
  assert.deepEqual(textsOf(slow), texts);
  await within(stopped, "stop");
  scene.checkClosed(slow, "peer_closed", 2);
  scene.checkClosed(publisher, "peer_closed", 2);
  assert.equal(scene.server.counters.droppedFrames, 0);
});

Deno.test("Server.stop goes on routing what a half-closed server still sends, with the complete table", async () => {
  await using scene = new ServerScene();
  const holder = scene.connect({}, subscribe(1n));
  const publisher = scene.connect();
  await settle();
  const stopped = scene.server.stop(FOREVER_MS, FOREVER_MS);
  await until(() => publisher.ended && holder.ended, "both are told");
  publisher.send(
    push([1n], im({ receiver: 1n })), // online still: no push
    push([2n], im({ receiver: 2n })),
    message(1n, "late"),
  );
  publisher.send(push([3n], im({ receiver: 3n })));
  await until(() => scene.jobs.length === 2, "jobs are handed over");
  const jobOf = (uid: number) =>
    `push_queue {"appid":7,"content":"hi","receiver":${uid},"sender":1}`;
  assert.deepEqual(scene.jobs, [jobOf(2), jobOf(3)]);
  publisher.end();
  holder.end();
  await within(stopped, "stop");
  assert.deepEqual(textsOf(holder), [], "its side has ended");
  assert.equal(scene.server.counters.droppedFrames, 1, "and that is counted");
  assert.equal(scene.checkClosed(holder, "peer_closed", 2).dropped_frames, 1);
});

Deno.test("Server.stop closes as shutdown who has not ended in time, and says so", async () => {
  await using scene = new ServerScene();
  const stays = scene.connect({}, subscribe(1n));
  const leaves = scene.connect();
  await settle();
  const stopped = scene.server.stop(FOREVER_MS, 50);
  await endsWithRouter(leaves);
  await within(stopped, "stop");
  scene.checkClosed(leaves, "peer_closed");
  scene.checkClosed(stays, "shutdown");
  await within(Promise.all(scene.runs), "nothing runs any more");
});

for (const closeEndsWrites of [true, false]) {
  Deno.test(`Server.stop does not wait for a frozen outbox, closeEndsWrites ${closeEndsWrites}`, async () => {
    await using scene = new ServerScene();
    const frozen = scene.connect({ closeEndsWrites }, subscribe(1n));
    const well = scene.connect({}, subscribe(2n));
    await settle();
    scene.pass(2);
    frozen.stall();
    well.send(message(1n, "hello"));
    await until(() => frozen.writePending, "a write stalls");
    scene.pass(3);
    const stopped = scene.server.stop(FOREVER_MS, FOREVER_MS);
    well.send(push([3n], im({ receiver: 3n })));
    await endsWithRouter(well);
    await within(stopped, "stop");
    scene.checkClosed(well, "peer_closed");
    assert.equal(scene.checkClosed(frozen, "shutdown").dropped_frames, 1);
    assert.equal(scene.server.counters.zombies, closeEndsWrites ? 0 : 1);
    assert.equal(scene.jobs.length, 1, "others are read to their end");
  });
}

Deno.test("Server.stop waits for a peer to which nothing waits, however long it has been silent", async () => {
  await using scene = new ServerScene();
  const silent = scene.connect({}, subscribe(1n));
  await settle();
  scene.now += 60_000; // and no tick
  const stopped = scene.server.stop(FOREVER_MS, FOREVER_MS);
  await until(() => silent.ended, "it is told");
  silent.send(push([3n], im({ receiver: 3n })));
  await until(() => scene.jobs.length === 1, "it is read");
  silent.end();
  await within(stopped, "stop");
  scene.checkClosed(silent, "peer_closed");
});

Deno.test("Server.stop reads on from a server that subscribes and does not read yet", async () => {
  await using scene = new ServerScene();
  const subscribing = scene.connect({}, subscribe(1n));
  subscribing.stall();
  const publisher = scene.connect({}, message(1n, "hello"));
  await until(() => subscribing.writePending, "a write waits");
  scene.pass(1);
  const stopped = scene.server.stop(FOREVER_MS, FOREVER_MS);
  await endsWithRouter(publisher);
  for (let uid = 10n; uid < 100n; uid++) subscribing.send(subscribe(uid));
  await until(() => scene.router.table.users.keys === 91, "it is read");
  subscribing.release();
  await endsWithRouter(subscribing);
  await within(stopped, "stop");
  assert.deepEqual(textsOf(subscribing), ["hello"]);
});

Deno.test("Server.stop called twice at once and once more ends everything once", async () => {
  await using scene = new ServerScene();
  const slow = scene.connect({}, subscribe(1n));
  slow.stall();
  const publisher = scene.connect({}, message(1n, "hello"));
  await until(() => slow.writePending, "a write waits");
  const stops = [scene.server.stop(FOREVER_MS, 50), scene.server.stop(FOREVER_MS, 50)];
  slow.release();
  await endsWithRouter(slow);
  await within(Promise.all(stops), "both stops");
  await within(scene.server.stop(FOREVER_MS, FOREVER_MS), "a third one");
  assert.deepEqual(textsOf(slow), ["hello"]);
  scene.checkClosed(slow, "peer_closed");
  scene.checkClosed(publisher, "shutdown");
});

Deno.test("Server.stop waits for a peer that ended before but has not got everything yet", async () => {
  await using scene = new ServerScene();
  const leaving = scene.connect({}, subscribe(1n));
  leaving.stall();
  const publisher = scene.connect({}, message(1n, "hello"));
  await until(() => leaving.writePending, "a write waits");
  leaving.end();
  await until(() => scene.server.connections().length === 1, "it has left");
  const stopped = scene.server.stop(FOREVER_MS, FOREVER_MS);
  await endsWithRouter(publisher);
  leaving.release();
  await within(stopped, "stop");
  assert.deepEqual(textsOf(leaving), ["hello"]);
  scene.checkClosed(leaving, "peer_closed", 2);
});

Deno.test("Server.stop is not held up by a stream that breaks while it is flushed", async () => {
  await using scene = new ServerScene();
  const breaking = scene.connect({}, subscribe(1n));
  breaking.stall();
  const publisher = scene.connect({}, message(1n, "hello"));
  await until(() => breaking.writePending, "a write waits");
  const stopped = scene.server.stop(FOREVER_MS, FOREVER_MS);
  breaking.break();
  await endsWithRouter(publisher);
  await within(stopped, "stop");
  scene.checkClosed(breaking, "reset");
});
