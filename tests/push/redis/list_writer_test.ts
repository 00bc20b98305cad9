import assert from "node:assert/strict";
import { SinkFullError } from "../../../src/push/push_sink.ts";
import { HeldBatches } from "../../../src/push/redis/held_batches.ts";
import { ListWriter } from "../../../src/push/redis/list_writer.ts";
import { batchOf } from "../fixtures.ts";
import { HeldClock } from "../../support/held_clock.ts";
import { FakeRedis } from "./fake_redis.ts";
import { FakeDisk, FakeSpool } from "./fake_spool.ts";

function sceneOf() {
  const redis = new FakeRedis();
  const disk = new FakeDisk();
  const writer = new ListWriter({
    list: 0,
    writer: "w",
    redis: redis.connect(),
    spool: new FakeSpool(disk),
    held: new HeldBatches(),
    clock: new HeldClock(),
  });
  return { redis, disk, writer };
}

Deno.test("ListWriter gives the jobs after a refused batch numbers of their own, also in the same memory", async () => {
  const { redis, disk, writer } = sceneOf();
  const batch = batchOf(["a", "b"]);
  redis.faults.push("applied"); // it arrives, but nobody hears of it
  disk.atBound = true;
  await assert.rejects(writer.write(batch), SinkFullError);
  batch.clear();
  batch.append(batchOf(["c", "d"]));
  await writer.write(batch);
  await writer.write(batchOf(["e"]));
  assert.deepEqual(redis.items, ["a", "b", "c", "d", "e"]);
});

Deno.test("ListWriter leaves no hole where Redis never saw the refused batch, and counts no loss", async () => {
  const { redis, disk, writer } = sceneOf();
  redis.down();
  disk.atBound = true;
  await assert.rejects(writer.write(batchOf(["a", "b"])), SinkFullError);
  redis.up();
  await writer.write(batchOf(["c"]));
  assert.deepEqual(redis.items, ["c"]);
  assert.deepEqual([writer.lost, writer.resent, writer.failures], [0, 0, 0]);
});

Deno.test("ListWriter.written counts a batch once that was late and comes again from the spool", async () => {
  const { redis, writer } = sceneOf();
  redis.faults.push("applied");
  await writer.write(batchOf(["a", "b"]));
  for (let turns = 0; turns < 50; turns++) await null;
  assert.deepEqual(redis.items, ["a", "b"]);
  assert.equal(writer.written, 2);
  assert.equal(writer.spooled, 2);
});
