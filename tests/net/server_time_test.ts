// What ends a connection by the clock: an unfinished frame, and a peer that takes nothing. The clock is in the test's hand.
import assert from "node:assert/strict";
import { im, publish, subscribe, syncNotify } from "../support/wire_frames.ts";
import { encodeFrame } from "../../src/wire/frame.ts";
import { message, ServerScene, textsOf } from "./server_fixture.ts";
import { settle, until, within } from "./waiting.ts";

/** A peer that has said all its subscriptions and to which a message waits that it does not take. */
async function withStalledPeer(scene: ServerScene) {
  const stalled = scene.connect({}, subscribe(1n));
  const publisher = scene.connect();
  await settle();
  scene.pass(2); // a quiet second: its burst of subscriptions has ended
  stalled.stall();
  publisher.send(message(1n, "hello"));
  await until(() => stalled.writePending, "a write stalls");
  return { stalled, publisher };
}

Deno.test("Connection with an unfinished frame ends 30 s after it was noticed", async () => {
  await using scene = new ServerScene();
  const pair = scene.connect({}, subscribe(1n), subscribe(2n).subarray(0, 20));
  await settle();
  scene.pass(30);
  assert.equal(pair.closed, false, "the first tick noticed it, 29 s ago");
  scene.pass(1);
  const fields = scene.checkClosed(pair, "unfinished_frame");
  assert.deepEqual([fields.frames_in, fields.bytes_in, fields.detail], [
    1,
    49,
    "20 bytes of a frame",
  ]);
  await within(scene.runs[0]!, "the run ends");
});

Deno.test("Connection with an unfinished frame of a header alone ends likewise", async () => {
  await using scene = new ServerScene();
  const pair = scene.connect({}, Uint8Array.of(0));
  await settle();
  scene.pass(31);
  scene.checkClosed(pair, "unfinished_frame");
});

Deno.test("Connection whose large frame comes slowly but within 30 s stays, and the frame is routed", async () => {
  await using scene = new ServerScene();
  const receiver = scene.connect({}, subscribe(2n));
  const pair = scene.connect();
  await settle();
  const frame = message(2n, "x".repeat(29_000));
  for (let at = 0; at < frame.length; at += 1_000) {
    pair.send(frame.subarray(at, at + 1_000));
    await settle();
    if (at < 29_000) scene.pass(1);
  }
  await settle();
  assert.equal(textsOf(receiver)[0]!.length, 29_000);
  scene.pass(60);
  assert.equal(pair.closed, false, "nothing is unfinished any more");
});

Deno.test("Connection whose frame drips ends after 30 s all the same", async () => {
  await using scene = new ServerScene();
  const pair = scene.connect();
  const frame = message(2n, "x".repeat(29_000));
  for (let at = 0; at < 300 && !pair.closed; at++) {
    pair.send(frame.subarray(at, at + 1));
    await settle();
    scene.pass(1);
  }
  const fields = scene.checkClosed(pair, "unfinished_frame");
  assert.equal(fields.bytes_in, 31);
});

Deno.test("Connection whose chunks always end in a frame stays as long as frames come to an end", async () => {
  await using scene = new ServerScene();
  const receiver = scene.connect({}, subscribe(2n));
  const pair = scene.connect();
  const frame = publish(2n, syncNotify({ flag: 0x10 }));
  pair.send(frame.subarray(0, 5));
  for (let second = 0; second < 100; second++) {
    pair.send(frame.subarray(5), frame.subarray(0, 5));
    await settle();
    scene.pass(1);
  }
  assert.equal(pair.closed, false);
  assert.equal(receiver.frames().length, 100);
});

Deno.test("Connection that takes nothing for 10 s ends as stalled, and what waited counts as dropped", async () => {
  await using scene = new ServerScene();
  const { stalled, publisher } = await withStalledPeer(scene);
  scene.pass(9);
  assert.equal(stalled.closed, false);
  scene.pass(1);
  assert.match(
    String(scene.checkClosed(stalled, "stalled").detail),
    /^nothing acknowledged for 10000 ms$/,
  );
  assert.equal(scene.server.counters.droppedFrames, 1);
  assert.equal(scene.server.counters.droppedBytes, message(1n, "hello").length);
  assert.equal(scene.server.counters.zombies, 0, "closing ended the write");
  await within(scene.runs[0]!, "its run ends");
  scene.pass(60);
  assert.equal(publisher.closed, false);
});

Deno.test("Connection that stalls where closing cannot end a write is counted as a zombie", async () => {
  await using scene = new ServerScene();
  const pair = scene.connect({ closeEndsWrites: false }, subscribe(1n));
  await settle();
  scene.pass(2);
  pair.stall();
  scene.connect({}, message(1n, "hello"));
  await until(() => pair.writePending, "a write stalls");
  scene.pass(11);
  scene.checkClosed(pair, "stalled");
  assert.equal(scene.server.counters.zombies, 1);
  await within(scene.runs[0]!, "its run ends though the write does not");
});

for (
  const [how, first] of [
    ["reset", "both"],
    ["reset", "reader"],
    ["timed_out", "reader"],
    ["broken", "reader"],
  ] as const
) {
  Deno.test(`Connection that ends as ${how} (${first} first) while a write stalls is no zombie: the kernel ends the write`, async () => {
    await using scene = new ServerScene();
    const pair = scene.connect({ closeEndsWrites: false }, subscribe(1n));
    pair.stall();
    const flood = Array.from({ length: 30 }, () => message(1n, "x".repeat(20_000)));
    scene.connect({}, ...flood);
    await until(() => scene.server.counters.framesOut[132] === flood.length, "all are routed");
    pair.break(how, first);
    await until(() => pair.closed, "it ends");
    assert.equal(scene.checkClosed(pair, how).dropped_frames, flood.length);
    assert.equal(scene.server.counters.zombies, 0);
  });
}

Deno.test("Connection to which nothing waits may be silent for ever", async () => {
  await using scene = new ServerScene();
  const pair = scene.connect({}, subscribe(1n));
  await settle();
  scene.pass(100_000);
  assert.equal(pair.closed, false);
});

Deno.test("Connection that takes something in time stays, however little", async () => {
  await using scene = new ServerScene();
  const { stalled, publisher } = await withStalledPeer(scene);
  for (let i = 0; i < 5; i++) {
    scene.pass(9);
    stalled.release();
    await settle();
    stalled.stall();
    publisher.send(message(1n, "again"));
    await until(() => stalled.writePending, "the next write stalls");
  }
  assert.equal(stalled.closed, false);
  assert.equal(stalled.frames().length, 5);
  scene.pass(10);
  assert.equal(stalled.closed, false, "the tick after the last progress began the 10 s");
  scene.pass(1);
  scene.checkClosed(stalled, "stalled");
});

Deno.test("Connection whose unacknowledged bytes fall stays, though no write ends", async () => {
  await using scene = new ServerScene();
  const { stalled } = await withStalledPeer(scene);
  for (let left = 300_000; left > 0; left -= 10_000) {
    stalled.unacknowledged = left;
    scene.pass(9);
    assert.equal(stalled.closed, false);
  }
  scene.pass(1);
  assert.equal(stalled.closed, false, "9 s after the tick that saw progress");
  scene.pass(1);
  scene.checkClosed(stalled, "stalled");
});

Deno.test("Connection whose kernel holds bytes that are not acknowledged for 10 s ends, though no write waits", async () => {
  await using scene = new ServerScene();
  const pair = scene.connect({}, subscribe(1n));
  await settle();
  scene.pass(2);
  scene.connect({}, message(1n, "hello"));
  await until(() => pair.frames().length === 1, "the kernel has it");
  pair.unacknowledged = pair.receivedBytes;
  scene.pass(9);
  assert.equal(pair.closed, false);
  scene.pass(1);
  scene.checkClosed(pair, "stalled");
});

Deno.test("Connection in its first burst of subscriptions is not stalled, however long it lasts", async () => {
  await using scene = new ServerScene();
  const pair = scene.connect({}, subscribe(1n));
  pair.stall();
  const publisher = scene.connect({}, message(1n, "hello"));
  await until(() => pair.writePending, "a write stalls");
  for (let second = 0n; second < 100n; second++) {
    for (let n = 0n; n < 100n; n++) pair.send(subscribe(1_000n * second + n));
    const sent = 101 + 100 * Number(second);
    await until(() => scene.connection(pair).framesIn === sent, "all of a second are read");
    scene.pass(1);
  }
  assert.equal(pair.closed, false);
  assert.equal(pair.givesUpAfterMs, undefined, "nor does the kernel give up");
  scene.pass(1);
  assert.equal(pair.givesUpAfterMs, 12_000, "later than ours, which has a name for it");
  scene.pass(8);
  assert.equal(pair.closed, false, "it last subscribed 9 s ago");
  scene.pass(1);
  scene.checkClosed(pair, "stalled");
  assert.equal(publisher.closed, false);
});

Deno.test("Connection that subscribes one user a second is no burst that puts off the stall clock", async () => {
  await using scene = new ServerScene();
  const pair = scene.connect({}, subscribe(1n));
  pair.stall();
  scene.connect({}, message(1n, "hello"));
  await until(() => pair.writePending, "a write stalls");
  for (let second = 0n; second < 12n && !pair.closed; second++) {
    pair.send(subscribe(10n + second));
    await settle();
    scene.pass(1);
  }
  scene.checkClosed(pair, "stalled");
});

for (
  const [what, frame] of [
    ["a message", publish(5n, im({ flag: 0x10 }))],
    ["an unknown command", encodeFrame({ command: 99 })],
  ] as const
) {
  Deno.test(`Connection has ended its burst of subscriptions when it sends ${what}`, async () => {
    await using scene = new ServerScene();
    const pair = scene.connect({}, subscribe(1n));
    pair.stall();
    scene.connect({}, message(1n, "hello"));
    await until(() => pair.writePending, "a write stalls");
    for (let second = 0; second < 11 && !pair.closed; second++) {
      pair.send(frame);
      await settle();
      scene.pass(1);
    }
    scene.checkClosed(pair, "stalled");
  });
}
