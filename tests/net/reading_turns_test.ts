// Readers share the event loop: with each other, and with everything that is not a reader.
import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import { ReadingTurns } from "../../src/net/reading_turns.ts";
import { subscribe } from "../support/wire_frames.ts";
import { concat } from "../support/wire_hex.ts";
import { message, ServerScene } from "./server_fixture.ts";
import { settle, until, within } from "./waiting.ts";

const CHUNK_BYTES = 64 << 10;

Deno.test("ReadingTurns.charge lets small chunks pass at once, and the loop turn when much was read", async () => {
  const turns = new ReadingTurns();
  let passed = 0;
  let turn: Promise<void> | undefined;
  while ((turn = turns.charge(CHUNK_BYTES)) === undefined) passed++;
  assert.ok(passed > 5 && passed < 20, `${passed} chunks of 64 KiB in one turn`);
  let turned = false;
  setTimeout(() => turned = true, 0);
  await within(turn, "the next turn");
  await until(() => turned, "the timer");
  assert.equal(turns.charge(100), undefined, "a new budget");
});

Deno.test("ReadingTurns.charge lets every reader go on in the order of waiting, a budget's worth in a turn", async () => {
  const turns = new ReadingTurns();
  const order: number[] = [];
  for (let waiting = 0; waiting < 100;) {
    const number = waiting;
    const turn = turns.charge(CHUNK_BYTES)?.then(() => order.push(number));
    if (turn !== undefined) waiting++;
  }
  const end = performance.now() + 5_000;
  for (let went = 0; went < 100; went = order.length) {
    assert.ok(performance.now() < end, "nobody is forgotten");
    await new Promise((resolve) => setImmediate(resolve)); // one turn, or part of a pause
    assert.ok(order.length - went <= 20, `${order.length - went} in one turn`);
  }
  assert.deepEqual(order, Array.from({ length: 100 }, (_, i) => i));
});

Deno.test("Server lets timers run and others be read while a peer sends without a pause", async () => {
  await using scene = new ServerScene();
  const receiver = scene.connect({}, subscribe(2n));
  const flooding = scene.connect();
  const other = scene.connect();
  await settle();
  const flood = concat(...Array(1_000).fill(message(1n, "x".repeat(8_000))));
  for (let i = 0; i < 8; i++) flooding.send(flood);
  let timers = 0;
  const timer = setInterval(() => timers++, 0);
  other.send(message(2n, "hello"));
  await until(() => receiver.frames().length === 1, "it is delivered");
  const { bytesIn } = scene.connection(flooding);
  assert.ok(bytesIn < flood.length, `${bytesIn} of ${8 * flood.length} bytes were read before`);
  await until(() => scene.connection(flooding).bytesIn === 8 * flood.length, "all is read");
  await new Promise((resolve) => setTimeout(resolve, 2)); // the last reader's pause ends
  clearInterval(timer);
  assert.ok(timers > 3, `${timers} times`);
});
