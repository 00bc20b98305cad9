import assert from "node:assert/strict";
import fc from "fast-check";
import { packBatch } from "../../src/push/packed_batch.ts";
import { StoredJobs } from "../../src/push/stored_jobs.ts";
import { batchOf, tempFolder } from "./fixtures.ts";

/** A job as the naive model has it. */
interface ModelJob {
  readonly id: number;
  readonly list: number;
  readonly text: string;
  readonly created: number;
  leasedUntil: number;
}

/** The rules once more, as simply as they can be written. */
class Model {
  jobs: ModelJob[] = [];
  #lastId = 0;

  append(list: number, texts: readonly string[], now: number): void {
    for (const text of texts) {
      this.jobs.push({ id: ++this.#lastId, list, text, created: now, leasedUntil: 0 });
    }
  }

  take(list: number, max: number, leaseMs: number, now: number): ModelJob[] {
    const free = this.jobs.filter((job) => job.list === list && job.leasedUntil <= now);
    const taken = free.slice(0, max);
    for (const job of taken) job.leasedUntil = now + leaseMs;
    return taken;
  }

  ack(ids: readonly number[]): number[] {
    const acked = this.jobs.filter(({ id }) => ids.includes(id));
    this.jobs = this.jobs.filter(({ id }) => !ids.includes(id));
    return Array.from({ length: 5 }, (_, list) => acked.filter((job) => job.list === list).length);
  }

  states(now: number) {
    return Array.from({ length: 5 }, (_, list) => {
      const jobs = this.jobs.filter((job) => job.list === list);
      const leased = jobs.filter(({ leasedUntil }) => leasedUntil > now).length;
      return { waiting: jobs.length - leased, leased, oldestAt: jobs[0]?.created };
    });
  }

  leaseEndsAt(now: number): number | undefined {
    const ends = this.jobs.map(({ leasedUntil }) => leasedUntil).filter((end) => end > now);
    return ends.length === 0 ? undefined : Math.min(...ends);
  }
}

type Step =
  | { readonly do: "append"; readonly list: number; readonly count: number }
  | { readonly do: "take"; readonly list: number; readonly max: number; readonly leaseMs: number }
  | { readonly do: "ack"; readonly ids: readonly number[] }
  | { readonly do: "pass"; readonly ms: number }
  | { readonly do: "reopen" };

const list = fc.nat(1);
/** Few jobs, or about as many as go into one long INSERT. */
const count = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 3 }) },
  { weight: 1, arbitrary: fc.integer({ min: 60, max: 70 }) },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("append" as const),
      list,
      count,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("take" as const),
      list,
      max: fc.integer({ min: 1, max: 20 }),
      leaseMs: fc.integer({ min: 1, max: 50 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("ack" as const),
      ids: fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 15 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("pass" as const), ms: fc.nat(40) }) },
  { weight: 1, arbitrary: fc.constant({ do: "reopen" as const }) },
);

Deno.test("StoredJobs any order of append, take, ack, time and restart: as the naive model has it", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60, size: "max" }), async (steps) => {
      await using folder = await tempFolder();
      const settings = { folder: folder.path, synchronous: "normal", bytesMax: 1 << 30 } as const;
      let now = 1_000_000;
      let jobs = new StoredJobs(settings, now);
      try {
        const model = new Model();
        let texts = 0;
        for (const step of steps) {
          switch (step.do) {
            case "append": {
              const batch = Array.from({ length: step.count }, () => `job ${++texts}`);
              model.append(step.list, batch, now);
              const change = {
                kind: "append",
                batch: packBatch(batchOf(batch, step.list)),
              } as const;
              assert.deepEqual(jobs.change([change], now), [batch.length]);
              break;
            }
            case "take": {
              const expected = model.take(step.list, step.max, step.leaseMs, now);
              const { ids, payloads } = jobs.take(step.list, step.max, step.leaseMs, now);
              assert.deepEqual(ids, expected.map(({ id }) => id));
              assert.deepEqual(payloads, expected.map(({ text }) => text));
              break;
            }
            case "ack":
              assert.deepEqual(jobs.change([{ kind: "ack", ids: step.ids }], now), [
                model.ack(step.ids),
              ]);
              break;
            case "pass":
              now += step.ms;
              break;
            case "reopen":
              jobs.close();
              jobs = new StoredJobs(settings, now);
          }
          jobs.expire(now);
          assert.deepEqual(jobs.states(), model.states(now));
          assert.equal(jobs.leaseEndsAt(), model.leaseEndsAt(now));
        }
      } finally {
        jobs.close();
      }
    }),
    { numRuns: 100 },
  );
});
