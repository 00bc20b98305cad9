// How connections end: once, with a reason, a log line and a count, and without harm to others.
import assert from "node:assert/strict";
import type { CloseReason } from "../../src/net/connection.ts";
import { INNER_COMMAND } from "../../src/wire/command.ts";
import { encodeFrame, HEADER_BYTES } from "../../src/wire/frame.ts";
import { im, inner, publish, push, subscribe, withBodyCut } from "../support/wire_frames.ts";
import { concat, hex } from "../support/wire_hex.ts";
import type { MemoryPair } from "./memory_pair.ts";
import { counted, message, type SceneOptions, ServerScene, textsOf } from "./server_fixture.ts";
import { settle, until, within } from "./waiting.ts";

/** One way in which a peer ends a connection. */
interface Case {
  readonly reason: CloseReason;
  readonly how: string;
  /** What the peer sends behind good frames. */
  readonly bytes?: Uint8Array;
  /** What it does then. */
  readonly then?: (pair: MemoryPair) => void;
  readonly options?: SceneOptions;
}

const header = (length: number) => {
  const bytes = new Uint8Array(HEADER_BYTES);
  new DataView(bytes.buffer).setInt32(0, length);
  return bytes;
};

const CASES: readonly Case[] = [
  { reason: "bad_length", how: "a header announces a negative length", bytes: header(-1) },
  { reason: "bad_length", how: "a header announces a byte too much", bytes: header((1 << 20) + 1) },
  { reason: "malformed_body", how: "a SUBSCRIBE is short", bytes: withBodyCut(subscribe(9n), 16) },
  {
    reason: "unknown_command",
    how: "a frame of an unknown command has a body",
    bytes: encodeFrame({ command: 99, body: hex("00") }),
  },
  {
    reason: "unparseable_inner",
    how: "servers of generation 1 could not parse an inner frame",
    bytes: publish(2n, inner(INNER_COMMAND.IM, hex("00"))),
    options: { router: { generation: 1 } },
  },
  {
    reason: "seq_gap",
    how: "a peer that counts leaves out a number",
    bytes: concat(
      ...counted(Array(16).fill(subscribe(9n))),
      ...counted([subscribe(9n)], 18),
    ),
  },
  {
    reason: "too_many_subscriptions",
    how: "it subscribes one more than the limit",
    bytes: concat(subscribe(8n), subscribe(9n), subscribe(10n)),
    options: { router: { subscriptionsPerConnectionMax: 3 } },
  },
  { reason: "reset", how: "the stream is reset", then: (pair) => pair.break("reset") },
  { reason: "timed_out", how: "the kernel gave up", then: (pair) => pair.break("timed_out") },
  { reason: "broken", how: "the stream breaks otherwise", then: (pair) => pair.break("broken") },
  { reason: "peer_closed", how: "the peer ends its side", then: (pair) => pair.end() },
  {
    reason: "ended_mid_frame",
    how: "the peer ends in a header",
    bytes: header(0).subarray(0, 11),
    then: (pair) => pair.end(),
  },
  {
    reason: "ended_mid_frame",
    how: "the peer ends in a body",
    bytes: subscribe(9n).subarray(0, 28),
    then: (pair) => pair.end(),
  },
  {
    reason: "reset",
    how: "the stream is reset in a frame",
    bytes: subscribe(9n).subarray(0, 13),
    then: (pair) => pair.break("reset"),
  },
];

for (const { reason, how, bytes = new Uint8Array(), then, options } of CASES) {
  Deno.test(`Server closes as ${reason} when ${how}; what came before is carried out`, async () => {
    await using scene = new ServerScene(options);
    const generation1 = options?.router?.generation === 1;
    const other = scene.connect({}, subscribe(2n));
    const pair = scene.connect({}, subscribe(1n));
    await settle();
    // All in one chunk: two messages, a push for somebody who is not there, and what ends it.
    const text = (content: string) => publish(2n, im({ flag: 0x12, content }));
    const job = generation1 ? publish(3n, im({ receiver: 3n })) : push([3n], im({ receiver: 3n }));
    pair.send(text("one"), text("two"), job, bytes);
    then?.(pair);
    await until(() => pair.closed, "the connection ends");
    await settle();
    assert.deepEqual(textsOf(other), ["one", "two"]);
    assert.deepEqual(scene.jobs, [
      'push_queue {"appid":7,"content":"hi","receiver":3,"sender":1}',
    ]);
    const fields = scene.checkClosed(pair, reason);
    assert.ok(Number(fields.frames_in) >= 4);
    assert.ok(Number(fields.bytes_in) >= subscribe(1n).length + bytes.length);
    assert.deepEqual([fields.frames_out, fields.bytes_out, fields.dropped_frames], [0, 0, 0]);
    const { level } = scene.lines.find(({ event }) => event === "connection closed")!;
    assert.equal(level, reason === "peer_closed" ? "info" : "warning");
    assert.equal(scene.router.table.connectionCount, 1, "others stay");
    assert.equal(scene.router.table.isOnline(0, 7, 0, 1), false, "its users are gone");
    scene.connect({}, text("three"));
    await settle();
    assert.deepEqual(textsOf(other), ["one", "two", "three"]);
  });
}

Deno.test("Connection.close called twice ends once, for the first reason", async () => {
  await using scene = new ServerScene();
  const pair = scene.connect({}, subscribe(1n));
  await settle();
  const connection = scene.connection(pair);
  connection.close("stalled", "by the test");
  connection.close("shutdown");
  pair.end();
  await within(scene.runs[0]!, "the run ends");
  connection.close("shutdown");
  assert.equal(scene.checkClosed(pair, "stalled").detail, "by the test");
  assert.equal(scene.server.counters.closed.size, 1);
});

Deno.test("Connection that is closed routes nothing of a chunk that was read before", async () => {
  await using scene = new ServerScene({ limits: { outboxBytesMax: 1_000 } });
  const other = scene.connect({}, subscribe(2n));
  const pair = scene.connect({}, subscribe(1n));
  pair.stall();
  const publisher = scene.connect();
  await settle();
  // Both chunks are there when the first one is routed, which ends the connection of the second.
  publisher.send(message(1n, "x".repeat(2_000)), message(2n, "in time"));
  pair.send(message(2n, "too late"));
  await within(scene.runs[1]!, "the run ends");
  await settle();
  assert.deepEqual(textsOf(other), ["in time"]);
  assert.equal(scene.checkClosed(pair, "outbox_full").frames_in, 1);
});

Deno.test("Connection whose peer ends its side still gets what was sent to it before, and nothing new", async () => {
  await using scene = new ServerScene();
  const pair = scene.connect({ capacityBytes: 100 }, subscribe(1n));
  pair.pause();
  const other = scene.connect();
  await settle();
  other.send(...Array.from({ length: 3000 }, (_, i) => message(1n, `${i}`)));
  await until(() => pair.writePending, "it has to wait");
  pair.end();
  await until(() => scene.server.connections().length === 1, "it has left");
  assert.equal(pair.closed, false);
  other.send(message(1n, "new"));
  await settle();
  pair.resume();
  await until(() => pair.closed, "the connection ends");
  assert.deepEqual(textsOf(pair), Array.from({ length: 3000 }, (_, i) => `${i}`));
  const fields = scene.checkClosed(pair, "peer_closed");
  assert.deepEqual([fields.frames_out, fields.dropped_frames], [3000, 0]);
  assert.equal(fields.bytes_out, pair.receivedBytes);
});

Deno.test("Connection whose peer ends its side and then breaks ends at once", async () => {
  await using scene = new ServerScene();
  const pair = scene.connect({}, subscribe(1n));
  pair.stall();
  scene.connect({}, message(1n, "hello"));
  await until(() => pair.writePending, "it has to wait");
  pair.end();
  await until(() => scene.server.connections().length === 1, "it has left");
  assert.equal(pair.closed, false);
  pair.break();
  await within(scene.runs[0]!, "the run ends", 1_000);
  const fields = scene.checkClosed(pair, "peer_closed");
  assert.deepEqual([fields.dropped_frames, scene.server.counters.droppedFrames], [1, 1]);
});

Deno.test("Connection whose peer ends its side and never reads ends three seconds later", async () => {
  await using scene = new ServerScene();
  const pair = scene.connect({ closeEndsWrites: false }, subscribe(1n));
  pair.stall();
  scene.connect({}, message(1n, "hello"));
  await until(() => pair.writePending, "it has to wait");
  pair.end();
  const began = performance.now();
  await within(scene.runs[0]!, "the run ends");
  assert.ok(performance.now() - began > 2_900);
  assert.equal(scene.checkClosed(pair, "peer_closed").dropped_frames, 1);
  assert.equal(scene.server.counters.zombies, 1);
});
