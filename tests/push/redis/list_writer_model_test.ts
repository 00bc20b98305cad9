// Every schedule of time-outs, late applies, lost tails, crashes and full disks that a seed can think of: no job lost or doubled
// beyond what docs/PUSH.md says.
import assert from "node:assert/strict";
import fc from "fast-check";
import { PushChannel } from "../../../src/push/push_channel.ts";
import { HeldBatches } from "../../../src/push/redis/held_batches.ts";
import { ListWriter } from "../../../src/push/redis/list_writer.ts";
import { setImmediate } from "node:timers/promises";
import { batchOf } from "../fixtures.ts";
import { HeldClock } from "../../support/held_clock.ts";
import { type FakeLine, FakeRedis, type Fault } from "./fake_redis.ts";
import { FakeDisk, FakeSpool } from "./fake_spool.ts";

type Step =
  | { readonly op: "write"; readonly jobs: number; readonly faults: readonly Fault[] }
  | { readonly op: "late" | "answer" | "down" | "up" | "crash" | "diskFull" | "diskFree" | "flush" }
  | { readonly op: "bound"; readonly on: boolean }
  | { readonly op: "failOver"; readonly lost: number }
  | { readonly op: "tick"; readonly ms: number };

const fault = fc.constantFrom<Fault>("none", "unapplied", "applied", "late", "refused", "slow");
const write = fc.record({
  op: fc.constant("write" as const),
  jobs: fc.integer({ min: 1, max: 4 }),
  faults: fc.array(fault, { maxLength: 3 }),
});
const tick = fc.record({
  op: fc.constant("tick" as const),
  ms: fc.constantFrom(1, 5, 20, 60, 100),
});
const plain = (
  ...ops: ("late" | "answer" | "down" | "up" | "crash" | "diskFull" | "diskFree" | "flush")[]
) => fc.record({ op: fc.constantFrom(...ops) });
const failOver = fc.record({
  op: fc.constant("failOver" as const),
  lost: fc.integer({ min: 0, max: 3 }),
});
const bound = fc.record({ op: fc.constant("bound" as const), on: fc.boolean() });

/** One process: a channel, a writer, and its lines to Redis and disk. */
class Process {
  readonly line: FakeLine;
  readonly spool: FakeSpool;
  readonly writer: ListWriter;
  readonly channel: PushChannel;
  /** Jobs appended, in order. */
  readonly jobs: string[] = [];

  constructor(scene: Scene, name: string) {
    this.line = scene.redis.connect();
    this.spool = new FakeSpool(scene.disk);
    this.writer = new ListWriter({
      list: 0,
      writer: name,
      redis: this.line,
      spool: this.spool,
      held: new HeldBatches(),
      clock: scene.clock,
    });
    this.line.onReady = () => this.writer.drain();
    this.channel = new PushChannel(this.writer, { clock: scene.clock, gatherMs: 0 });
    this.writer.drain();
  }
}

class Scene {
  readonly redis = new FakeRedis();
  readonly disk = new FakeDisk();
  readonly clock = new HeldClock();
  process = new Process(this, "w1");
  /** Jobs that a crash may have taken along. */
  readonly doubtful = new Set<string>();
  /** Jobs that a fail-over took away, and how many of them processes counted as lost. */
  readonly rolledBack = new Set<string>();
  countedLost = 0;
  /** Jobs that were flushed. */
  readonly flushed = new Set<string>();
  refused = 0;
  #sent = 0;
  #processes = 1;

  async run(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      this.#step(step);
      await setImmediate();
    }
    await this.heal();
  }

  #step(step: Step): void {
    const { redis, disk, clock } = this;
    switch (step.op) {
      case "write": {
        redis.faults.push(...step.faults);
        const texts = Array.from({ length: step.jobs }, () => `j${++this.#sent}`);
        this.process.jobs.push(...texts);
        this.process.channel.append(batchOf(texts));
        break;
      }
      case "late":
        return redis.applyLate();
      case "answer":
        return redis.answer();
      case "down":
        return redis.down();
      case "up":
        return redis.up();
      case "tick":
        return clock.advance(step.ms);
      case "diskFull":
      case "diskFree":
        disk.isFull = step.op === "diskFull";
        break;
      case "bound":
        disk.atBound = step.on;
        break;
      case "failOver":
        for (const job of redis.failOver(step.lost)) this.rolledBack.add(job);
        break;
      case "flush":
        for (const job of redis.flush()) this.flushed.add(job);
        break;
      case "crash":
        this.#crash();
    }
  }

  #crash(): void {
    const { writer, channel, line, spool, jobs } = this.process;
    const left = channel.waitingJobs;
    for (const job of jobs.slice(jobs.length - left)) this.doubtful.add(job);
    this.countedLost += writer.lost;
    this.refused += channel.refusedBySink[0]!;
    writer.end();
    this.redis.forget(line);
    spool.isDead = true;
    this.process = new Process(this, `w${++this.#processes}`);
  }

  /** All goes well from here on, until nothing waits. */
  async heal(): Promise<void> {
    const { redis, disk, clock } = this;
    redis.faults.length = 0;
    disk.isFull = disk.atBound = false;
    redis.up();
    for (let turn = 0; turn < 200; turn++) {
      redis.answer();
      await setImmediate();
      const isIdle = this.process.channel.waitingJobs === 0 && this.process.spool.jobs() === 0;
      if (isIdle && turn > 25) break; // the longest pause of the writer is over
      clock.advance(100);
    }
    assert.equal(this.process.channel.waitingJobs, 0, "nothing waits in memory");
    assert.equal(this.process.spool.jobs(), 0, "nothing waits in the spool");
    await setImmediate();
    for (let i = 0; i < 50; i++) redis.applyLate();
    this.countedLost += this.process.writer.lost;
    this.refused += this.process.channel.refusedBySink[0]!;
  }

  /** Jobs that should be in the list and are not. */
  missing(): string[] {
    const there = new Set(this.redis.items);
    return Array.from({ length: this.#sent }, (_, i) => `j${i + 1}`).filter((job) =>
      !there.has(job)
    );
  }

  checkOnceAndInOrder(): void {
    assert.equal(new Set(this.redis.items).size, this.redis.items.length, "each job once");
    // What was under way when its process was killed may arrive whenever the network likes.
    const sure = this.redis.items.filter((job) => !this.doubtful.has(job));
    const numbers = sure.map((job) => Number(job.slice(1)));
    numbers.forEach((number, i) => {
      assert.ok(i === 0 || numbers[i - 1]! < number, `in order: ${this.redis.items}`);
    });
  }
}

async function play(steps: readonly Step[]): Promise<Scene> {
  const scene = new Scene();
  await scene.run(steps);
  return scene;
}

const RUNS = { numRuns: 3_000, seed: Number(Deno.env.get("IMR_TEST_SEED") ?? 20_251) };

Deno.test("ListWriter loses and doubles no job, whatever times out, comes late, goes away or fills up", async () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: write },
    { weight: 3, arbitrary: tick },
    { weight: 4, arbitrary: plain("late", "answer", "down", "up", "diskFull", "diskFree") },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const scene = await play(steps);
      assert.deepEqual(scene.missing(), []);
      scene.checkOnceAndInOrder();
    }),
    RUNS,
  );
});

Deno.test("ListWriter sends again what a fail-over lost, as long as it is held", async () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: write },
    { weight: 2, arbitrary: tick },
    { weight: 2, arbitrary: failOver },
    { weight: 3, arbitrary: plain("late", "answer", "down", "up", "diskFull", "diskFree") },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const scene = await play(steps);
      assert.deepEqual(scene.missing(), []);
      assert.equal(scene.countedLost, 0);
      scene.checkOnceAndInOrder();
    }),
    RUNS,
  );
});

Deno.test("ListWriter of the next process takes up the spool and doubles nothing", async () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: write },
    { weight: 2, arbitrary: tick },
    {
      weight: 4,
      arbitrary: plain("late", "answer", "down", "up", "crash", "diskFull", "diskFree"),
    },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const scene = await play(steps);
      for (const job of scene.missing()) assert.ok(scene.doubtful.has(job), `${job} is missing`);
      assert.equal(scene.countedLost, 0);
      scene.checkOnceAndInOrder();
    }),
    RUNS,
  );
});

Deno.test("ListWriter counts what is refused at the spool's bound, and nothing else is missing", async () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: write },
    { weight: 2, arbitrary: tick },
    { weight: 2, arbitrary: bound },
    { weight: 4, arbitrary: plain("late", "answer", "down", "up") },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const scene = await play(steps);
      // A refused job may have arrived all the same.
      assert.ok(scene.missing().length <= scene.refused, `${scene.missing()} are missing`);
      assert.equal(scene.countedLost, 0);
      scene.checkOnceAndInOrder();
    }),
    RUNS,
  );
});

Deno.test("ListWriter does not bring back what was flushed", async () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: write.map((step) => ({ ...step, faults: [] })) },
    { weight: 2, arbitrary: tick },
    { weight: 2, arbitrary: plain("flush") },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const scene = await play(steps);
      for (const job of scene.redis.items) assert.ok(!scene.flushed.has(job), `${job} came back`);
      for (const job of scene.missing()) assert.ok(scene.flushed.has(job), `${job} is missing`);
      scene.checkOnceAndInOrder();
    }),
    RUNS,
  );
});
