// The bounds of the port: bytes that wait, connections, pauses; and how little is written for what waits.
import assert from "node:assert/strict";
import { PACE_BYTES } from "../../src/net/pacer.ts";
import { subscribe } from "../support/wire_frames.ts";
import { message, ServerScene, textsOf } from "./server_fixture.ts";
import { settle, until, within } from "./waiting.ts";

const LARGE = message(1n, "x".repeat(20_000));

/** A receiver of user 1 that takes nothing, and one of user 2 that does. */
async function frozenAndWell(scene: ServerScene) {
  const frozen = scene.connect({}, subscribe(1n));
  const well = scene.connect({}, subscribe(2n), subscribe(1n));
  frozen.stall();
  await settle();
  return { frozen, well };
}

for (const limit of [50_000, 200_000, 3 << 20]) {
  Deno.test(`Server ends a connection for which more than ${limit} bytes wait; others get everything`, async () => {
    await using scene = new ServerScene({ limits: { outboxBytesMax: limit } });
    const { frozen, well } = await frozenAndWell(scene);
    const publisher = scene.connect();
    const fit = Math.floor(limit / LARGE.length);
    publisher.send(...Array(fit).fill(LARGE));
    await until(() => well.frames().length === fit, "what fits is delivered");
    assert.equal(frozen.closed, false);
    assert.equal(scene.connection(frozen).outbox.waitingBytes, fit * LARGE.length);
    publisher.send(LARGE, message(2n, "other"));
    await until(() => frozen.closed, "the bound is passed");
    const fields = scene.checkClosed(frozen, "outbox_full");
    assert.equal(fields.detail, `${limit} bytes wait`);
    assert.equal(fields.dropped_frames, fit + 1);
    assert.equal(scene.server.counters.droppedFrames, fit + 1);
    assert.equal(scene.server.counters.droppedBytes, (fit + 1) * LARGE.length);
    publisher.send(LARGE, message(2n, "later"));
    await until(() => well.frames().length === fit + 4, "others get everything");
    assert.deepEqual([textsOf(well)[fit + 1], textsOf(well)[fit + 3]], ["other", "later"]);
    await within(scene.runs[0]!, "its run ends");
  });
}

Deno.test("Server ends every receiver whose outbox is full by one frame to all", async () => {
  await using scene = new ServerScene({ limits: { outboxBytesMax: 100_000 } });
  const frozen = Array.from({ length: 5 }, () => scene.connect({}, subscribe(1n)));
  const well = scene.connect({}, subscribe(1n));
  for (const pair of frozen) pair.stall();
  await settle();
  const publisher = scene.connect({}, ...Array(4).fill(LARGE));
  await until(() => well.frames().length === 4, "what fits is delivered");
  publisher.send(LARGE);
  await until(() => well.frames().length === 5, "the one that reads gets all");
  for (const pair of frozen) scene.checkClosed(pair, "outbox_full", frozen.length);
  assert.equal(scene.router.table.connectionCount, 2);
});

Deno.test("Server refuses connections beyond its limit, and takes one in when another has ended", async () => {
  await using scene = new ServerScene({ limits: { connectionsMax: 2 } });
  const first = scene.connect();
  scene.connect();
  const refused = scene.connect({}, subscribe(1n));
  await within(scene.runs[2]!, "it is refused at once");
  assert.ok(refused.closed);
  assert.deepEqual(scene.said("connection refused"), [{
    reason: "too_many_connections",
    address: refused.transport.address,
    connections_max: 2,
  }]);
  assert.equal(scene.server.counters.closed.get("too_many_connections"), 1);
  assert.equal(scene.server.counters.accepted, 3);
  assert.equal(scene.router.table.isOnline(0, 7, 0, 1), false, "nothing of it was read");
  first.end();
  await within(scene.runs[0]!, "the first one ends");
  const next = scene.connect({}, subscribe(1n));
  await settle();
  assert.equal(next.closed, false);
  assert.equal(scene.router.table.isOnline(0, 7, 0, 1), true);
});

Deno.test("Server writes once for what several readers have in one turn", async () => {
  await using scene = new ServerScene();
  const receiver = scene.connect({}, subscribe(1n));
  const publishers = Array.from({ length: 16 }, () => scene.connect());
  await settle();
  for (let turn = 1; turn <= 20; turn++) {
    for (const publisher of publishers) publisher.send(message(1n, "hello"));
    await until(() => receiver.frames().length === 16 * turn, "the messages of a turn");
  }
  assert.equal(receiver.writes.length, 20, "one write for 16 messages");
});

Deno.test("Server writes once for all frames of a chunk", async () => {
  await using scene = new ServerScene();
  const receivers = [1n, 2n, 3n].map((uid) => scene.connect({}, subscribe(uid)));
  await settle();
  const chunk = Array.from({ length: 300 }, (_, i) => message(BigInt(i % 3 + 1), `${i}`));
  scene.connect({}, ...chunk);
  await until(() => receivers.every((pair) => pair.frames().length === 100), "all came");
  assert.deepEqual(receivers.map(({ writes }) => writes.length), [1, 1, 1]);
});

Deno.test("Server writes once for what came while a write was under way", async () => {
  await using scene = new ServerScene();
  const receiver = scene.connect({}, subscribe(1n));
  const publisher = scene.connect();
  await settle();
  receiver.stall();
  for (let i = 0; i < 100; i++) {
    publisher.send(message(1n, `${i}`));
    await until(() => scene.server.counters.framesOut[132] === i + 1, "it is routed");
  }
  receiver.release();
  await until(() => receiver.frames().length === 100, "all came");
  assert.equal(receiver.writes.length, 2);
});

Deno.test("Server does not wait for a frozen outbox", async () => {
  await using scene = new ServerScene();
  const { frozen, well } = await frozenAndWell(scene);
  const publisher = scene.connect();
  publisher.send(message(1n, "first"));
  await until(() => frozen.writePending, "it takes nothing");
  scene.now += 101; // since then
  const count = Math.ceil(3 * PACE_BYTES / LARGE.length);
  for (let i = 0; i < count; i++) publisher.send(LARGE);
  await until(() => well.frames().length === count + 1, "the other gets everything");
  assert.ok(scene.connection(frozen).outbox.waitingBytes > 3 * PACE_BYTES);
  assert.equal(scene.server.counters.pauses, 0);
});

Deno.test("Server goes on with a paused publisher when the receiver it waits for breaks", async () => {
  await using scene = new ServerScene();
  const { frozen, well } = await frozenAndWell(scene);
  const publisher = scene.connect();
  const count = Math.ceil(2 * PACE_BYTES / LARGE.length);
  publisher.send(...Array(count).fill(LARGE));
  await until(() => scene.server.counters.pauses > 0, "it is paused");
  frozen.break();
  publisher.send(message(2n, "later"));
  await until(() => well.frames().length === count + 1, "it is read on");
  scene.checkClosed(frozen, "reset");
});
