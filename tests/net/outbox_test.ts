// An outbox over a memory pair: batches, ends, failures, backpressure.
import assert from "node:assert/strict";
import { OutboxScene } from "./outbox_fixture.ts";
import { settle, within } from "./waiting.ts";

/** A full batch. */
const BATCH_BYTES = 64 << 10;
/** Four of these fill a batch. */
const QUARTER_BODY = BATCH_BYTES / 4 - 12;

/** An outbox whose first frame is being written to a peer that takes nothing. */
async function stalledScene(
  closeEndsWrites = true,
  capacityBytes = Infinity,
): Promise<OutboxScene> {
  const scene = new OutboxScene({ closeEndsWrites, capacityBytes });
  scene.pair.stall();
  scene.append(100);
  scene.outbox.flush();
  await settle();
  assert.ok(scene.pair.writePending);
  return scene;
}

function appendBatches(scene: OutboxScene, batches: number): void {
  for (let i = 0; i < batches * 4; i++) scene.append(QUARTER_BODY);
}

Deno.test("Outbox that is idle sends all frames since the last flush in one write", async () => {
  const scene = new OutboxScene();
  for (let i = 0; i < 50; i++) scene.append(100, 138);
  assert.equal(scene.pair.writes.length, 0, "nothing is sent before flush");
  scene.outbox.flush();
  await settle();
  assert.deepEqual(scene.pair.writes, [50 * 112]);
  assert.ok(scene.pair.frames().every(({ command }) => command === 138));
  scene.checkReceived();
});

Deno.test("Outbox that is busy sends what came meanwhile in one write, without a further flush", async () => {
  const scene = await stalledScene();
  for (let i = 0; i < 50; i++) {
    scene.append(100);
    scene.outbox.flush();
  }
  scene.pair.release();
  await settle();
  assert.deepEqual(scene.pair.writes, [112, 50 * 112]);
  scene.checkReceived();
});

Deno.test("Outbox sends a full batch by itself when it is idle", async () => {
  const scene = new OutboxScene();
  appendBatches(scene, 1);
  scene.append(1);
  await settle();
  assert.equal(scene.pair.writes[0], BATCH_BYTES, "the largest write is a full batch");
  scene.checkReceived();
});

Deno.test("Outbox that is busy queues full batches and sends them one by one", async () => {
  const scene = await stalledScene();
  appendBatches(scene, 5);
  scene.append(1);
  scene.pair.release();
  await within(scene.outbox.end(), "end");
  assert.deepEqual(scene.pair.writes, [112, ...Array(5).fill(BATCH_BYTES), 13]);
  scene.checkReceived();
});

Deno.test("Outbox takes the largest frame where the spare batch is a small one", async () => {
  const scene = await stalledScene(); // a batch of 2 KiB is being written
  appendBatches(scene, 1);
  scene.append(32_767); // the full batch goes into the stream
  scene.pair.pause(); // a capacity without bound: the first write ends
  scene.pair.release();
  for (let turns = 0; turns < 4; turns++) await null; // now the small batch is the spare one
  scene.pair.stall();
  for (let i = 0; i < 9; i++) scene.append(32_767);
  scene.pair.release();
  await within(scene.outbox.end(), "end");
  scene.checkReceived();
});

Deno.test("Outbox appends the largest frame to an empty outbox", async () => {
  const scene = new OutboxScene();
  scene.append(32_767);
  scene.outbox.flush();
  await settle();
  assert.deepEqual(scene.pair.writes, [32_779]);
  scene.checkReceived();
});

Deno.test("Outbox.append counts seq on past the largest int32 by wrapping to the smallest", async () => {
  const scene = new OutboxScene({}, 0x7fff_fffd);
  for (let i = 0; i < 4; i++) scene.append(1);
  scene.outbox.flush();
  await settle();
  const seqs = scene.pair.frames().map(({ seq }) => seq);
  assert.deepEqual(seqs, [0x7fff_fffe, 0x7fff_ffff, -0x8000_0000, -0x7fff_ffff]);
});

Deno.test("Outbox.progressAt tells when the socket last took something or something came to wait", async () => {
  const scene = new OutboxScene();
  scene.now = 2_000;
  scene.append(100);
  assert.equal(scene.outbox.progressAt, 2_000, "something came to wait");
  scene.now = 3_000;
  scene.append(100);
  assert.equal(scene.outbox.progressAt, 2_000, "more of it is no progress");
  scene.outbox.flush();
  scene.now = 4_000;
  await settle();
  assert.equal(scene.outbox.progressAt, 4_000, "it was taken");
});

Deno.test("Outbox.end settles at once where nothing waits", async () => {
  const scene = new OutboxScene();
  await within(scene.outbox.end(), "end of an empty outbox");
  scene.append(10);
  scene.outbox.flush();
  await settle();
  scene.checkReceived(0);
  assert.deepEqual([scene.outbox.droppedFrames, scene.outbox.droppedBytes], [1, 22]);
  assert.equal(scene.outbox.waitingBytes, 0);
});

Deno.test("Outbox.end called twice sends what waits, drops what comes later, and settles both", async () => {
  const scene = await stalledScene();
  appendBatches(scene, 2);
  scene.append(1);
  const ends = Promise.all([scene.outbox.end(), scene.outbox.end()]);
  scene.append(10);
  scene.pair.release();
  await within(ends, "both ends");
  await within(scene.outbox.end(), "a third one, later");
  scene.checkReceived(scene.appended.length - 1);
  assert.equal(scene.outbox.droppedFrames, 1);
});

Deno.test("Outbox.close while a write stalls settles end and drops what waits, the stalled write included", async () => {
  for (const closeEndsWrites of [true, false]) {
    const scene = await stalledScene(closeEndsWrites);
    appendBatches(scene, 3);
    const { outbox, pair } = scene;
    const end = outbox.end();
    outbox.close();
    outbox.close();
    pair.transport.close();
    await within(end, "end");
    await within(outbox.ready(), "ready");
    assert.deepEqual([outbox.droppedFrames, outbox.droppedBytes], [13, scene.appendedBytes]);
    await settle();
    assert.equal(pair.writePending, !closeEndsWrites, "a write that cannot be ended stays");
    assert.equal(outbox.busy, !closeEndsWrites, "which is what makes a zombie");
    pair.release(); // the peer wakes
    await settle();
    assert.equal(pair.writes.length, 1, "nothing more is written");
    assert.deepEqual([outbox.droppedFrames, outbox.droppedBytes], [13, scene.appendedBytes]);
    assert.deepEqual([outbox.sentFrames, outbox.waitingBytes], [0, 0], "nothing waits any more");
    assert.deepEqual(scene.failures, []);
  }
});

for (const batches of [0, 3]) {
  Deno.test(`Outbox tells a failure once, with what broke, while ${batches} batches are queued`, async () => {
    const scene = await stalledScene();
    appendBatches(scene, batches);
    scene.append(1);
    scene.pair.break("timed_out");
    await settle();
    assert.equal(scene.failures.length, 1);
    assert.equal(scene.pair.transport.failure(scene.failures[0]).reason, "timed_out");
    scene.outbox.close();
    await settle();
    assert.equal(scene.failures.length, 1);
    assert.equal(scene.outbox.busy, false, "a write that has failed is not under way");
    assert.equal(scene.outbox.droppedBytes, scene.appendedBytes);
  });

  Deno.test(`Outbox tells a failure in the middle of ${batches + 1} batches once and counts what was taken`, async () => {
    const scene = await stalledScene(true, 1_112);
    appendBatches(scene, batches + 1);
    scene.pair.pause();
    scene.pair.release();
    await settle();
    assert.equal(scene.pair.receivedBytes, 1_112, "the peer's kernel is full");
    assert.deepEqual([scene.outbox.sentBytes, scene.outbox.sentFrames], [1_112, 1]);
    scene.pair.break("reset");
    await settle();
    assert.equal(scene.failures.length, 1);
    assert.equal(scene.pair.transport.failure(scene.failures[0]).reason, "reset");
    const { sentBytes, droppedBytes, droppedFrames } = scene.outbox;
    assert.deepEqual([sentBytes, droppedFrames], [1_112, 4 * (batches + 1)]);
    assert.equal(sentBytes + droppedBytes, scene.appendedBytes);
  });
}

Deno.test("Outbox.ready settles at once where little waits, and later when the queue has room again", async () => {
  const scene = await stalledScene();
  appendBatches(scene, 10);
  await within(scene.outbox.ready(), "ready with 640 KiB in the queue");
  appendBatches(scene, 10);
  let ready = false;
  const waiting = scene.outbox.ready().then(() => ready = true);
  await settle();
  assert.equal(ready, false, "the queue holds more than 1 MiB");
  scene.pair.release();
  await within(waiting, "ready once the peer reads");
  await within(scene.outbox.end(), "end");
  scene.checkReceived();
});

for (const end of ["close", "failure"] as const) {
  Deno.test(`Outbox.ready settles on ${end} while the queue is full`, async () => {
    const scene = await stalledScene();
    appendBatches(scene, 20);
    const waiting = scene.outbox.ready();
    if (end === "failure") scene.pair.break();
    await settle();
    scene.outbox.close();
    await within(waiting, "ready");
    await within(scene.outbox.ready(), "ready, asked later");
  });
}
