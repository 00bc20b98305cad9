import assert from "node:assert/strict";
import { PushChannel } from "../../src/push/push_channel.ts";
import type { StoreError } from "../../src/push/store_error.ts";
import { batchOf, tempStore, until } from "./fixtures.ts";

Deno.test("EmbeddedStore on a full disk jobs wait in the channel, nothing is lost or doubled when there is room", async () => {
  await using temp = await tempStore({ pagesMax: 150 });
  const { store } = temp;
  const channel = new PushChannel(store, { gatherMs: 0 });
  const count = 2_000;
  for (let i = 0; i < count; i += 20) {
    const texts = Array.from(
      { length: 20 },
      (_, k) => `{"number":${i + k},"x":"${"x".repeat(800)}"}`,
    );
    channel.append(batchOf(texts));
    await null;
    await null;
  }
  await until(() => channel.retries > 2, "the disk is full and writes are repeated");
  assert.match(channel.lastError!, /no space left/);
  assert.ok(channel.failingSince !== undefined && channel.waitingJobs > 0);
  const found: number[] = [];
  while (found.length < count) {
    const jobs = await store.take({
      list: "push_queue",
      max: 100,
      leaseSeconds: 60,
      waitSeconds: 10,
    });
    assert.ok(jobs.length > 0, `no job in 10 s, after ${found.length}`);
    found.push(...jobs.map(({ payload }) => JSON.parse(payload).number as number));
    assert.equal(await store.ack(jobs.map(({ id }) => id)), jobs.length);
  }
  assert.equal(await channel.close(), 0);
  assert.deepEqual(found, Array.from({ length: count }, (_, i) => i));
  assert.equal(channel.failingSince, undefined);
  assert.equal(store.counts()[0]!.waiting, 0);
});

Deno.test("EmbeddedStore on a full disk a write that does not fit fails alone, others of its moment are kept", async () => {
  await using temp = await tempStore({ pagesMax: 40 });
  const { store } = temp;
  const results = await Promise.allSettled([
    store.write(batchOf(["small 1"])),
    store.write(batchOf(["x".repeat(200_000)])),
    store.write(batchOf(["small 2"])),
  ]);
  assert.deepEqual(results.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
  const failure = (results[1] as PromiseRejectedResult).reason as StoreError;
  assert.equal(failure.kind, "disk_full");
  const jobs = await store.take({ list: "push_queue", max: 10, leaseSeconds: 60 });
  assert.deepEqual(jobs.map(({ payload }) => payload), ["small 1", "small 2"]);
});
