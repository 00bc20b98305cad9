import assert from "node:assert/strict";
import { HELD_BYTES_MAX, HELD_MS_MAX, HeldBatches } from "../../../src/push/redis/held_batches.ts";
import { batchOf } from "../fixtures.ts";

const add = (held: HeldBatches, first: number, now: number, text = "x", list = 0, writer = "w") =>
  held.add({ list, writer, first, batch: batchOf([text, text]) }, now);

Deno.test("HeldBatches.after gives a list's batches behind the watermark, a part of one included", () => {
  const held = new HeldBatches();
  add(held, 1, 0);
  add(held, 1, 0, "x", 1);
  add(held, 1, 0, "x", 0, "other");
  add(held, 3, 0);
  add(held, 5, 0);
  assert.deepEqual(held.after(0, "w", 3).map(({ first }) => first), [3, 5]);
  assert.deepEqual(held.after(0, "w", 6), []);
});

Deno.test("HeldBatches lets go of what is older than its time", () => {
  const held = new HeldBatches();
  add(held, 1, 0);
  add(held, 3, 1);
  held.release(HELD_MS_MAX + 1);
  assert.deepEqual(held.after(0, "w", 0).map(({ first }) => first), [3]);
  assert.equal(held.bytes, 2);
});

Deno.test("HeldBatches lets go of the oldest when it holds too many bytes", () => {
  const held = new HeldBatches();
  const text = "x".repeat(HELD_BYTES_MAX / 8);
  for (let i = 0; i < 20; i++) add(held, 1 + 2 * i, i, text);
  assert.equal(held.bytes, HELD_BYTES_MAX);
  assert.deepEqual(held.after(0, "w", 0).map(({ first }) => first), [33, 35, 37, 39]);
});
