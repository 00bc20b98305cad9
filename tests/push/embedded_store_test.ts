import assert from "node:assert/strict";
import { ACK_IDS_MAX, EmbeddedStore, type TakeOrder } from "../../src/push/embedded_store.ts";
import { PushChannel } from "../../src/push/push_channel.ts";
import { SinkFullError } from "../../src/push/push_sink.ts";
import { WAITERS_MAX } from "../../src/push/take_waiters.ts";
import { JobBatch } from "../../src/router/job_batch.ts";
import { PUSH_LISTS } from "../../src/router/push_list.ts";
import { batchOf, numbered, tempFolder, tempStore, textsOf, until } from "./fixtures.ts";
import { HeldClock } from "../support/held_clock.ts";

const TAKE: TakeOrder = { list: "push_queue", max: 1_000, leaseSeconds: 30 };
const failsAs = (kind: string) => (error: unknown): boolean =>
  error instanceof Error && "kind" in error && error.kind === kind;

async function payloads(store: EmbeddedStore, order: Partial<TakeOrder> = {}): Promise<string[]> {
  return (await store.take({ ...TAKE, ...order })).map(({ payload }) => payload);
}

Deno.test("EmbeddedStore.take gives the jobs of each list in order, and of no other list", async () => {
  await using temp = await tempStore();
  const mixed = new JobBatch();
  for (let i = 0; i < 500; i++) mixed.append(batchOf([`job ${i}`], i % PUSH_LISTS.length));
  await temp.store.write(mixed);
  for (const [number, list] of PUSH_LISTS.entries()) {
    const expected = textsOf(mixed).filter((_, i) => i % PUSH_LISTS.length === number);
    assert.deepEqual(await payloads(temp.store, { list }), expected);
  }
});

Deno.test("EmbeddedStore.take gives a payload back as it was written", async () => {
  await using temp = await tempStore();
  const texts = [
    '{"content":"\\u003cb\\u003e \\"quoted\\" \\\\ \\u0000"}',
    "{}",
    '"\u00e9 \u4f60\u597d \u{1f600} \u2028 \ufffd \ufeff \u007f"',
    "\ufeff{}",
    "x".repeat(100_000),
  ];
  await temp.store.write(batchOf(texts));
  assert.deepEqual(await payloads(temp.store), texts);
});

Deno.test("EmbeddedStore.write leaves the batch as it is", async () => {
  await using temp = await tempStore();
  const batch = batchOf(["a", "b"], 4);
  await temp.store.write(batch);
  assert.deepEqual(textsOf(batch), ["a", "b"]);
  assert.deepEqual([...batch.lists.subarray(0, 2)], [4, 4]);
});

Deno.test("EmbeddedStore.take a leased job is not given again until its lease ends, then in front", async () => {
  const clock = new HeldClock();
  await using temp = await tempStore({ clock });
  await temp.store.write(batchOf(numbered("j", 6)));
  assert.deepEqual(await payloads(temp.store, { max: 2, leaseSeconds: 10 }), ["j1", "j2"]);
  assert.deepEqual(await payloads(temp.store, { max: 2, leaseSeconds: 20 }), ["j3", "j4"]);
  clock.advance(9_999);
  assert.deepEqual(await payloads(temp.store, { max: 1 }), ["j5"]);
  clock.advance(1);
  assert.deepEqual(await payloads(temp.store, { max: 1 }), ["j1"]);
  clock.advance(10_000);
  assert.deepEqual(await payloads(temp.store), ["j2", "j3", "j4", "j6"]);
});

Deno.test("EmbeddedStore.ack deletes what was taken; again, unknown and late ids do no harm", async () => {
  const clock = new HeldClock();
  await using temp = await tempStore({ clock });
  await temp.store.write(batchOf(numbered("j", 4)));
  const ids = (await temp.store.take({ ...TAKE, max: 3, leaseSeconds: 1 })).map(({ id }) => id);
  assert.equal(await temp.store.ack([ids[0]!, ids[0]!, 999_999]), 1);
  assert.equal(await temp.store.ack([ids[0]!]), 0);
  clock.advance(1_000);
  assert.equal(await temp.store.ack([ids[1]!]), 1);
  assert.equal(await temp.store.ack([]), 0);
  assert.deepEqual(await payloads(temp.store), ["j3", "j4"]);
});

Deno.test("EmbeddedStore.take numbers and names out of range are refused", async () => {
  await using temp = await tempStore();
  const bad: Partial<Record<keyof TakeOrder, unknown>>[] = [
    { max: 0 },
    { max: 1_001 },
    { max: 1.5 },
    { max: NaN },
    { leaseSeconds: 0 },
    { leaseSeconds: 3_601 },
    { waitSeconds: -1 },
    { waitSeconds: 31 },
    { list: "no_queue" },
  ];
  for (const part of bad) {
    await assert.rejects(temp.store.take({ ...TAKE, ...part } as TakeOrder), RangeError);
  }
  for (const ids of [[0], [1.5], [-1], [2 ** 53], new Array(ACK_IDS_MAX + 1).fill(1)]) {
    await assert.rejects(temp.store.ack(ids), RangeError);
  }
});

Deno.test("EmbeddedStore.take ends with the job that reaches a MiB", async () => {
  await using temp = await tempStore();
  const large = "x".repeat(400 << 10);
  await temp.store.write(batchOf([large, large, large, large]));
  assert.equal((await payloads(temp.store)).length, 3);
  assert.equal((await payloads(temp.store)).length, 1);
});

Deno.test("EmbeddedStore.take a wait ends with the next job of that list, one waiter for each", async () => {
  await using temp = await tempStore();
  const first = payloads(temp.store, { max: 1, waitSeconds: 30 });
  await until(() => temp.store.waiterCount === 1, "the first waits");
  const second = payloads(temp.store, { waitSeconds: 30 });
  await until(() => temp.store.waiterCount === 2, "the second waits");
  await temp.store.write(batchOf(["other list"], 1));
  assert.equal(temp.store.waiterCount, 2);
  await temp.store.write(batchOf(["a", "b"]));
  assert.deepEqual(await first, ["a"]);
  assert.deepEqual(await second, ["b"]);
  assert.equal(temp.store.waiterCount, 0);
});

Deno.test("EmbeddedStore.take a wait ends when a lease does", async () => {
  const clock = new HeldClock();
  await using temp = await tempStore({ clock });
  await temp.store.write(batchOf(["a"]));
  assert.deepEqual(await payloads(temp.store, { leaseSeconds: 2 }), ["a"]);
  const waiting = payloads(temp.store, { waitSeconds: 30 });
  await until(() => temp.store.waiterCount === 1, "it waits");
  clock.advance(2_000);
  assert.deepEqual(await waiting, ["a"]);
});

Deno.test("EmbeddedStore.take a wait for nothing ends empty at its time", async () => {
  const clock = new HeldClock();
  await using temp = await tempStore({ clock });
  const waiting = payloads(temp.store, { waitSeconds: 30 });
  await until(() => temp.store.waiterCount === 1, "it waits");
  clock.advance(30_000);
  assert.deepEqual(await waiting, []);
  assert.equal(clock.timers, 0);
});

Deno.test("EmbeddedStore.take a client that goes takes its wait with it, and no job", async () => {
  await using temp = await tempStore();
  const client = new AbortController();
  const waiting = payloads(temp.store, { waitSeconds: 30, signal: client.signal });
  await until(() => temp.store.waiterCount === 1, "it waits");
  client.abort(new Error("gone"));
  await assert.rejects(waiting, /gone/);
  assert.equal(temp.store.waiterCount, 0);
  await temp.store.write(batchOf(["a"]));
  assert.deepEqual(await payloads(temp.store), ["a"]);
});

Deno.test("EmbeddedStore.take a client that goes while it is served gives its jobs back at once", async () => {
  await using temp = await tempStore();
  await temp.store.write(batchOf(["a"]));
  const client = new AbortController();
  const taking = payloads(temp.store, { signal: client.signal });
  client.abort(new Error("gone"));
  await assert.rejects(taking, /gone/);
  assert.deepEqual(await payloads(temp.store), ["a"]);
});

Deno.test("EmbeddedStore.take more waiters than the bound are refused", async () => {
  const clock = new HeldClock();
  await using temp = await tempStore({ clock });
  const waits = Array.from({ length: WAITERS_MAX }, () => payloads(temp.store, { waitSeconds: 1 }));
  await until(() => temp.store.waiterCount === WAITERS_MAX, "all wait");
  await assert.rejects(payloads(temp.store, { waitSeconds: 1 }), failsAs("busy"));
  clock.advance(1_000);
  assert.deepEqual((await Promise.all(waits)).flat(), []);
});

Deno.test("EmbeddedStore.counts tells what waits, what is out, and how old the oldest is", async () => {
  const clock = new HeldClock();
  await using temp = await tempStore({ clock });
  const peer = () => temp.store.counts()[0]!;
  assert.deepEqual(peer(), { list: "push_queue", waiting: 0, leased: 0, oldestMs: 0 });
  await temp.store.write(batchOf(numbered("j", 3)));
  clock.advance(500);
  await temp.store.write(batchOf(["last"]));
  assert.deepEqual(peer(), { list: "push_queue", waiting: 4, leased: 0, oldestMs: 500 });
  const [first] = await temp.store.take({ ...TAKE, max: 2, leaseSeconds: 1 });
  await temp.store.ack([first!.id]);
  assert.deepEqual(peer(), { list: "push_queue", waiting: 2, leased: 1, oldestMs: 500 });
  // Nobody asks the store anything, and yet the figures follow the lease.
  clock.advance(1_000);
  await until(() => peer().leased === 0, "the lease ends");
  assert.deepEqual(peer(), { list: "push_queue", waiting: 3, leased: 0, oldestMs: 1_500 });
  const rest = await temp.store.take(TAKE);
  assert.equal(await temp.store.ack(rest.map(({ id }) => id)), 3);
  assert.deepEqual(peer(), { list: "push_queue", waiting: 0, leased: 0, oldestMs: 0 });
});

Deno.test("EmbeddedStore.open jobs, leases and figures are as they were when the store was closed", async () => {
  await using folder = await tempFolder();
  const clock = new HeldClock();
  const open = () => EmbeddedStore.open({ folder: folder.path, clock });
  let store = await open();
  await store.write(batchOf(numbered("j", 5)));
  clock.advance(100);
  const [first] = await store.take({ ...TAKE, max: 1 });
  await store.take({ ...TAKE, max: 2, leaseSeconds: 5 });
  await store.ack([first!.id]);
  await store.close();

  store = await open();
  assert.deepEqual(store.counts()[0], {
    list: "push_queue",
    waiting: 2,
    leased: 2,
    oldestMs: 100,
  });
  assert.deepEqual(await payloads(store, { max: 1 }), ["j4"]);
  clock.advance(5_000);
  assert.deepEqual(await payloads(store), ["j2", "j3", "j5"]);
  await store.close();

  // Ids are never used again, even when nothing is left.
  store = await open();
  await store.ack([2, 3, 4, 5]);
  await store.close();
  store = await open();
  await store.write(batchOf(["new"]));
  assert.deepEqual(await store.take(TAKE), [{ id: 6, payload: "new" }]);
  await store.close();
});

Deno.test("EmbeddedStore.write at its bound the newest are refused, and taken again when there is room", async () => {
  await using temp = await tempStore({ bytesMax: 300_000 });
  const kilobyte = "x".repeat(1_000);
  const channel = new PushChannel(temp.store, { gatherMs: 0 });
  for (let i = 0; i < 10; i++) {
    channel.append(batchOf(new Array(50).fill(kilobyte)));
    await channel.drain();
  }
  const kept = temp.store.counts()[0]!.waiting;
  assert.ok(kept >= 200 && kept <= 300, `${kept} kept`);
  assert.equal(channel.refusedBySink[0], 500 - kept);
  await assert.rejects(temp.store.write(batchOf([kilobyte.repeat(50)])), SinkFullError);
  const ids = (await temp.store.take(TAKE)).map(({ id }) => id);
  assert.equal(await temp.store.ack(ids), kept);
  channel.append(batchOf(["room again"]));
  assert.equal(await channel.close(), 0);
  assert.deepEqual(await payloads(temp.store), ["room again"]);
});

Deno.test("EmbeddedStore.close works off what was asked before, and lets waits go home empty", async () => {
  await using folder = await tempFolder();
  const store = await EmbeddedStore.open({ folder: folder.path });
  const waiting = payloads(store, { list: "system_push_queue", waitSeconds: 30 });
  await until(() => store.waiterCount === 1, "it waits");
  const written = store.write(batchOf(["a"]));
  await Promise.all([store.close(), store.close()]);
  await written;
  assert.deepEqual(await waiting, []);
  await assert.rejects(store.write(batchOf(["late"])), failsAs("closed"));
  await assert.rejects(store.take(TAKE), failsAs("closed"));
  await assert.rejects(store.ack([1]), failsAs("closed"));
  const files = await Array.fromAsync(Deno.readDir(folder.path), ({ name }) => name);
  assert.deepEqual(files, ["push.db"]);
  const again = await EmbeddedStore.open({ folder: folder.path });
  assert.deepEqual(await payloads(again), ["a"]);
  await again.close();
});

Deno.test("EmbeddedStore.close at the moment in which a lease ends leaves no timer and asks nothing more", async () => {
  await using folder = await tempFolder();
  const clock = new HeldClock();
  const store = await EmbeddedStore.open({ folder: folder.path, clock });
  await store.write(batchOf(["a", "b"]));
  await payloads(store, { max: 1, leaseSeconds: 1 });
  await payloads(store, { max: 1, leaseSeconds: 2 });
  clock.advance(1_000);
  await store.close();
  assert.equal(clock.timers, 0);
});

Deno.test("EmbeddedStore.close an aborted signal ends the worker without its answer, and loses nothing committed", async () => {
  await using folder = await tempFolder();
  const store = await EmbeddedStore.open({ folder: folder.path });
  await store.write(batchOf(["a"]));
  const late = store.write(batchOf(["late"]));
  await store.close(AbortSignal.abort());
  await assert.rejects(late, failsAs("closed"));
  const again = await EmbeddedStore.open({ folder: folder.path });
  assert.equal((await payloads(again))[0], "a");
  await again.close();
});

Deno.test("EmbeddedStore requests of one moment are worked off together, each with its own answer", async () => {
  await using temp = await tempStore();
  const writes = numbered("j", 100).map((text) => temp.store.write(batchOf([text])));
  const takes = Array.from({ length: 20 }, () => payloads(temp.store, { max: 5 }));
  const acks = temp.store.ack([12_345]);
  await Promise.all(writes);
  assert.equal(await acks, 0);
  assert.deepEqual((await Promise.all(takes)).flat(), numbered("j", 100));
});
