import assert from "node:assert/strict";
import fc from "fast-check";
import {
  BATCH_BYTES_MAX,
  BATCH_JOBS_MAX,
  PushChannel,
  type PushChannelSettings,
} from "../../src/push/push_channel.ts";
import { SinkFullError } from "../../src/push/push_sink.ts";
import { JobBatch } from "../../src/router/job_batch.ts";
import { ByteBudget } from "../../src/push/byte_budget.ts";
import { batchOf, HeldSink, numbered, settle, textsOf } from "./fixtures.ts";
import { HeldClock } from "../support/held_clock.ts";

function channelOf(settings: PushChannelSettings = {}) {
  const sink = new HeldSink();
  const clock = new HeldClock();
  return { sink, clock, channel: new PushChannel(sink, { clock, gatherMs: 0, ...settings }) };
}

Deno.test("PushChannel.append all jobs of one moment leave together when the sink is idle", async () => {
  const { sink, channel } = channelOf();
  channel.append(batchOf(["a", "b"]));
  channel.append(batchOf(["c"], 1));
  assert.deepEqual(sink.writes, []);
  await settle();
  assert.deepEqual(sink.writes, [["a", "b", "c"]]);
  await sink.succeed();
  assert.equal(await channel.close(), 0);
});

Deno.test("PushChannel.append copies: the caller may use its batch again at once", async () => {
  const { sink, channel } = channelOf();
  const batch = batchOf(["first"]);
  channel.append(batch);
  batch.bytes.fill(0);
  batch.clear();
  await settle();
  assert.deepEqual(sink.writes, [["first"]]);
  await sink.succeed();
  await channel.close();
});

Deno.test("PushChannel.append an empty batch writes nothing", async () => {
  const { sink, channel } = channelOf();
  channel.append(new JobBatch());
  await settle();
  assert.deepEqual(sink.writes, []);
  assert.equal(await channel.close(), 0);
});

Deno.test("PushChannel.append while the sink works, jobs collect and leave as one batch", async () => {
  const { sink, channel } = channelOf();
  channel.append(batchOf(["a"]));
  await settle();
  for (const text of ["b", "c", "d"]) {
    channel.append(batchOf([text]));
    await settle();
  }
  assert.deepEqual(sink.writes, [["a"]]);
  await sink.succeed();
  assert.deepEqual(sink.writes, [["a"], ["b", "c", "d"]]);
  await sink.succeed();
  await channel.close();
});

Deno.test("PushChannel.append a batch is full at its jobs and at its bytes", async () => {
  const { sink, channel } = channelOf();
  channel.append(batchOf(["a"]));
  await settle();
  channel.append(batchOf(numbered("j", BATCH_JOBS_MAX + 1)));
  const quarter = "x".repeat(BATCH_BYTES_MAX / 4);
  channel.append(batchOf([quarter, quarter, quarter, quarter]));
  while (sink.busy) await sink.succeed();
  assert.deepEqual(sink.writes.map((jobs) => jobs.length), [1, BATCH_JOBS_MAX, 4, 1]);
  await channel.close();
});

Deno.test("PushChannel.append a job larger than a batch is one of its own", async () => {
  const { sink, channel } = channelOf();
  channel.append(batchOf(["a", "x".repeat(BATCH_BYTES_MAX + 1), "b"]));
  await settle();
  while (sink.busy) await sink.succeed();
  assert.deepEqual(sink.writes.map((jobs) => jobs.map((job) => job.length)), [[1], [
    BATCH_BYTES_MAX + 1,
  ], [1]]);
  await channel.close();
});

Deno.test("PushChannel.append a batch keeps its distance from the write before, a full one does not", async () => {
  const { sink, clock, channel } = channelOf({ gatherMs: 5 });
  channel.append(batchOf(["at once"]));
  await settle();
  await sink.succeed();
  clock.advance(2);
  channel.append(batchOf(["b"]));
  clock.advance(2);
  channel.append(batchOf(["c"]));
  await settle();
  assert.equal(sink.writes.length, 1);
  clock.advance(1);
  await settle();
  assert.deepEqual(sink.writes[1], ["b", "c"]);
  await sink.succeed();
  channel.append(batchOf(numbered("j", BATCH_JOBS_MAX)));
  await settle();
  assert.equal(sink.writes[2]!.length, BATCH_JOBS_MAX);
  await sink.succeed();
  await channel.close();
  assert.equal(clock.timers, 0);
});

Deno.test("PushChannel.append any sizes: every job once, in order, with its list, within a batch's bounds", async () => {
  const job = fc.record({ list: fc.nat(4), size: fc.integer({ min: 1, max: 90_000 }) });
  const appends = fc.array(fc.array(job, { maxLength: 20 }), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(appends, async (all) => {
      const written: string[] = [];
      const channel = new PushChannel({
        write: async (batch) => {
          assert.ok(batch.count > 0 && batch.count <= BATCH_JOBS_MAX);
          assert.ok(batch.byteLength <= BATCH_BYTES_MAX);
          textsOf(batch).forEach((text, i) => written.push(`${batch.lists[i]}${text}`));
          await settle();
        },
      }, { gatherMs: 0 });
      let number = 0;
      const expected: string[] = [];
      for (const jobs of all) {
        const batch = new JobBatch();
        for (const { list, size } of jobs) {
          const text = `:${++number}:`.padEnd(size, "x");
          batch.append(batchOf([text], list));
          expected.push(`${list}${text}`);
        }
        channel.append(batch);
        if (jobs.length % 2 === 0) await null;
      }
      assert.equal(await channel.close(), 0);
      assert.deepEqual(written, expected);
      assert.equal(channel.waitingBytes, 0);
    }),
    { numRuns: 40 },
  );
});

Deno.test("PushChannel a write that fails is made again with the same batch, after pauses that double", async () => {
  const { sink, clock, channel } = channelOf();
  channel.append(batchOf(["a"]));
  await settle();
  channel.append(batchOf(["b"]));
  const started = clock.now();
  const pauses = [10, 20, 40, 80, 160, 320, 640, 1000, 1000];
  for (const pause of pauses) {
    await sink.fail(new Error("down"));
    assert.equal(clock.asked.at(-1), pause);
    clock.advance(pause - 1);
    await settle();
    assert.equal(sink.busy, false);
    clock.advance(1);
    await settle();
  }
  assert.equal(channel.retries, pauses.length);
  assert.equal(channel.lastError, "down");
  assert.equal(channel.failingSince, started);
  assert.deepEqual([channel.waitingJobs, channel.waitingBytes], [2, 2]);
  await sink.succeed();
  assert.equal(channel.failingSince, undefined);
  assert.deepEqual(sink.writes.slice(-2), [["a"], ["b"]]);
  assert.equal(new Set(sink.batches.slice(0, -1)).size, 1);
  await sink.succeed();
  await channel.close();
});

Deno.test("PushChannel a sink that fails is told of once, and so is its recovery", async () => {
  const told: string[] = [];
  const { sink, clock, channel } = channelOf({
    onFailing: (reason) => told.push(reason),
    onRecovered: () => told.push("recovered"),
  });
  for (const reason of ["first", "third"]) {
    channel.append(batchOf(["a"]));
    await settle();
    await sink.fail(new Error(reason));
    clock.advance(10);
    await settle();
    await sink.fail(new Error("another"));
    clock.advance(20);
    await settle();
    await sink.succeed();
  }
  assert.deepEqual(told, ["first", "recovered", "third", "recovered"]);
  await channel.close();
});

Deno.test("PushChannel.append past the bound of what waits the newest jobs are refused, by list", async () => {
  const { sink, channel } = channelOf({ budget: new ByteBudget(10) });
  channel.append(batchOf(["12345", "1234"]));
  await settle();
  channel.append(batchOf(["12", "1", "1"], 3));
  assert.deepEqual([...channel.accepted], [2, 0, 0, 1, 0]);
  assert.deepEqual([...channel.refused], [0, 0, 0, 2, 0]);
  assert.deepEqual([...channel.waiting], [2, 0, 0, 1, 0]);
  assert.equal(channel.waitingBytes, 10);
  await sink.succeed();
  channel.append(batchOf(["again"]));
  await sink.succeed();
  await sink.succeed();
  assert.deepEqual(sink.writes, [["12345", "1234"], ["1"], ["again"]]);
  assert.deepEqual([channel.waitingJobs, channel.waitingBytes], [0, 0]);
  await channel.close();
});

Deno.test("PushChannel a full sink's refusal is counted, not retried, and what follows is written", async () => {
  const { sink, channel } = channelOf();
  channel.append(batchOf(["a", "b"], 1));
  await settle();
  channel.append(batchOf(["c"]));
  await sink.fail(new SinkFullError("at its bound"));
  assert.deepEqual(sink.writes, [["a", "b"], ["c"]]);
  assert.deepEqual([...channel.refusedBySink], [0, 2, 0, 0, 0]);
  assert.equal(channel.lastError, "at its bound");
  assert.notEqual(channel.failingSince, undefined);
  await sink.succeed();
  assert.equal(channel.failingSince, undefined);
  assert.equal(channel.retries, 0);
  await channel.close();
});

Deno.test("PushChannel.drain waits for what was appended before, and the channel goes on", async () => {
  const { sink, channel } = channelOf();
  channel.append(batchOf(["a"]));
  await settle();
  channel.append(batchOf(["b"]));
  let left: number | undefined;
  const drained = channel.drain().then((jobs) => left = jobs);
  channel.append(batchOf(["c"]));
  await sink.succeed();
  assert.equal(left, undefined);
  await sink.succeed();
  await drained;
  assert.equal(left, 0);
  assert.equal(await channel.drain(AbortSignal.abort()), 1);
  await sink.succeed();
  assert.equal(await channel.drain(), 0);
  await channel.close();
});

Deno.test("PushChannel.drain jobs that a full sink refused are not waited for", async () => {
  const { sink, channel } = channelOf();
  channel.append(batchOf(["a"]));
  await settle();
  const drained = channel.drain();
  await sink.fail(new SinkFullError("at its bound"));
  assert.equal(await drained, 0);
  await channel.close();
});

Deno.test("PushChannel.close hands over what waits, then refuses; a second close has the same end", async () => {
  const { sink, channel } = channelOf();
  channel.append(batchOf(["a"]));
  const closed = channel.close();
  assert.equal(channel.close(), closed);
  channel.append(batchOf(["late"], 2));
  await settle();
  await sink.succeed();
  assert.equal(await closed, 0);
  assert.deepEqual(sink.writes, [["a"]]);
  assert.deepEqual([...channel.refused], [0, 0, 1, 0, 0]);
});

Deno.test("PushChannel.close a sink that never answers: at the deadline what is left is counted as lost", async () => {
  const { sink, channel } = channelOf();
  channel.append(batchOf(["a"]));
  await settle();
  channel.append(batchOf(numbered("b", BATCH_JOBS_MAX + 5), 1));
  const deadline = new AbortController();
  const closed = channel.close(deadline.signal);
  deadline.abort();
  assert.equal(await closed, BATCH_JOBS_MAX + 6);
  assert.deepEqual([...channel.lost], [1, BATCH_JOBS_MAX + 5, 0, 0, 0]);
  assert.equal(channel.waitingJobs, 0);
  // The answer comes after all: nothing more is written, and nothing is counted twice.
  await sink.succeed();
  assert.equal(sink.writes.length, 1);
  assert.deepEqual([...channel.lost], [1, BATCH_JOBS_MAX + 5, 0, 0, 0]);
  assert.deepEqual([channel.waitingJobs, channel.waitingBytes], [0, 0]);
});

Deno.test("PushChannel.close between two tries of a failing sink: no further one is made", async () => {
  const { sink, clock, channel } = channelOf();
  channel.append(batchOf(["a"]));
  await settle();
  await sink.fail(new Error("down"));
  assert.equal(await channel.close(AbortSignal.abort()), 1);
  await settle();
  assert.equal(clock.timers, 0);
  assert.equal(sink.writes.length, 1);
});
