import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { packBatch } from "../../src/push/packed_batch.ts";
import { StoreError } from "../../src/push/store_error.ts";
import {
  LEASED_JOBS_MAX,
  StoredJobs,
  type StoredJobsSettings,
} from "../../src/push/stored_jobs.ts";
import { batchOf, numbered, tempFolder } from "./fixtures.ts";

const NOW = 1_000_000;
const append = (texts: readonly string[], list = 0) =>
  ({ kind: "append", batch: packBatch(batchOf(texts, list)) }) as const;
const ack = (ids: readonly number[]) => ({ kind: "ack", ids }) as const;
const settingsFor = (folder: string): StoredJobsSettings => (
  { folder, synchronous: "normal", bytesMax: 1 << 30 }
);

Deno.test("StoredJobs.change while deleting fails, acknowledged jobs stay away, and go when it works", async () => {
  await using folder = await tempFolder();
  new StoredJobs(settingsFor(folder.path), NOW).close();
  const database = new DatabaseSync(join(folder.path, "push.db"));
  // A disk that cannot be written until a job of list 4 is there.
  database.exec(
    `CREATE TRIGGER full BEFORE DELETE ON job WHEN NOT EXISTS (SELECT 1 FROM job WHERE list = 4)
     BEGIN SELECT RAISE(ABORT, 'no space'); END`,
  );
  database.close();

  let jobs = new StoredJobs(settingsFor(folder.path), NOW);
  jobs.change([append(numbered("j", 4))], NOW);
  assert.deepEqual(jobs.take(0, 2, 1_000, NOW).ids, [1, 2]);
  // 3 is acknowledged although it was never out, as after a restart.
  assert.deepEqual(jobs.change([ack([1, 3]), ack([1, 99])], NOW), [[2, 0, 0, 0, 0], [
    0,
    0,
    0,
    0,
    0,
  ]]);
  assert.deepEqual(jobs.states()[0], { waiting: 1, leased: 1, oldestAt: NOW });
  assert.deepEqual(jobs.take(0, 10, 1_000, NOW + 1_000).payloads, ["j2", "j4"]);
  jobs.change([append(["room"], 4)], NOW);
  jobs.change([append(["the next write"])], NOW);
  jobs.close();

  jobs = new StoredJobs(settingsFor(folder.path), NOW + 10_000);
  assert.deepEqual(jobs.take(0, 10, 1_000, NOW + 10_000).payloads, ["j2", "j4", "the next write"]);
  jobs.close();
});

Deno.test("StoredJobs.take of one list no more than its bound are out at a time", async () => {
  await using folder = await tempFolder();
  const jobs = new StoredJobs(settingsFor(folder.path), NOW);
  for (let i = 0; i <= LEASED_JOBS_MAX; i += 10_000) {
    jobs.change([append(new Array(10_000).fill("j")), append(["other list"], 1)], NOW);
  }
  let taken = 0;
  while (taken < LEASED_JOBS_MAX) taken += jobs.take(0, 999, 60_000, NOW).ids.length;
  assert.equal(taken, LEASED_JOBS_MAX);
  const isLeasedOut = (error: unknown) =>
    error instanceof StoreError && error.kind === "leased_out" && /push_queue/.test(error.message);
  assert.throws(() => jobs.take(0, 1, 60_000, NOW), isLeasedOut);
  assert.equal(jobs.take(1, 1, 60_000, NOW).ids.length, 1);
  jobs.change([ack([1, 2, 3])], NOW);
  assert.equal(jobs.take(0, 999, 60_000, NOW).ids.length, 3);
  // All of them come back at once.
  assert.equal(jobs.take(0, 5, 60_000, NOW + 60_000).ids[0], 4);
  jobs.close();
});

Deno.test("StoredJobs a clock that was set back locks no job away for longer than a lease lasts", async () => {
  await using folder = await tempFolder();
  let jobs = new StoredJobs(settingsFor(folder.path), 2 * NOW);
  jobs.change([append(["a"])], 2 * NOW);
  jobs.take(0, 1, 3_600_000, 2 * NOW);
  jobs.close();
  jobs = new StoredJobs(settingsFor(folder.path), 0);
  assert.deepEqual(jobs.take(0, 1, 1, 3_599_999).payloads, []);
  assert.deepEqual(jobs.take(0, 1, 1, 3_600_000).payloads, ["a"]);
  jobs.close();
});
