// Push jobs one behind another in one buffer.
import assert from "node:assert/strict";
import fc from "fast-check";
import { JobBatch } from "../../src/router/job_batch.ts";
import { PUSH_LIST, PUSH_LISTS } from "../../src/router/push_list.ts";

/** Appends a job to a batch. */
function add(batch: JobBatch, list: number, text: string): void {
  const bytes = new TextEncoder().encode(text);
  const at = batch.byteLength;
  batch.reserve(at, bytes.length).set(bytes, at);
  batch.commit(list, at + bytes.length);
}

function jobsOf(batch: JobBatch): [string, string][] {
  const utf8 = new TextDecoder();
  return Array.from({ length: batch.count }, (_, i) => [batch.list(i), utf8.decode(batch.text(i))]);
}

const jobs = fc.array(
  fc.tuple(fc.nat(PUSH_LISTS.length - 1), fc.string({ maxLength: 200, size: "max" })),
  {
    maxLength: 200,
    size: "max",
  },
);

Deno.test("JobBatch gives back the jobs that were committed, in order, however it grew", () => {
  const property = fc.property(jobs, (all) => {
    const batch = new JobBatch();
    for (const [list, text] of all) add(batch, list, text);
    assert.equal(
      batch.byteLength,
      new TextEncoder().encode(all.map(([, text]) => text).join("")).length,
    );
    assert.deepEqual(
      jobsOf(batch),
      all.map(([list, text]) => [PUSH_LISTS[list]!, text.toWellFormed()]),
    );
  });
  fc.assert(property, { numRuns: 200 });
});

Deno.test("JobBatch.append copies all jobs of another behind its own, and leaves that alone", () => {
  const property = fc.property(jobs, jobs, (first, second) => {
    const [one, other] = [new JobBatch(), new JobBatch()];
    for (const [list, text] of first) add(one, list, text);
    for (const [list, text] of second) add(other, list, text);
    const [before, more] = [jobsOf(one), jobsOf(other)];
    one.append(other);
    assert.deepEqual(jobsOf(one), [...before, ...more]);
    assert.deepEqual(jobsOf(other), more);
  });
  fc.assert(property, { numRuns: 100 });
});

Deno.test("JobBatch.clear forgets the jobs, and the batch is used again from its start", () => {
  const batch = new JobBatch();
  for (let i = 0; i < 100; i++) add(batch, PUSH_LIST.GROUP, `job ${i}`);
  batch.clear();
  assert.equal(batch.count, 0);
  assert.equal(batch.byteLength, 0);
  add(batch, PUSH_LIST.PEER, "anew");
  assert.deepEqual(jobsOf(batch), [["push_queue", "anew"]]);
});

Deno.test("JobBatch adopts the arrays of a batch that came from another thread", () => {
  const batch = new JobBatch();
  add(batch, PUSH_LIST.SYSTEM, "one");
  const adopted = new JobBatch(
    structuredClone({ count: 1, bytes: batch.bytes, lists: batch.lists, ends: batch.ends }),
  );
  add(adopted, PUSH_LIST.CUSTOMER_V2, "two");
  assert.deepEqual(jobsOf(adopted), [["system_push_queue", "one"], [
    "customer_push_queue_v2",
    "two",
  ]]);
});

Deno.test("PUSH_LISTS are the lists that push workers read, and PUSH_LIST their numbers", () => {
  const named = Object.entries(PUSH_LIST).map(([name, number]) => [name, PUSH_LISTS[number]]);
  assert.deepEqual(named, [
    ["PEER", "push_queue"],
    ["GROUP", "group_push_queue"],
    ["CUSTOMER", "customer_push_queue"],
    ["SYSTEM", "system_push_queue"],
    ["CUSTOMER_V2", "customer_push_queue_v2"],
  ]);
});

Deno.test("JobBatch.slice copies the jobs from one on, into memory of its own", () => {
  const batch = new JobBatch();
  const texts = ["a", "", "ccc", "dd"];
  texts.forEach((text, list) => batch.appendJob(list, new TextEncoder().encode(text)));
  for (let from = 0; from <= texts.length; from++) {
    const copy = batch.slice(from);
    const read = Array.from(
      { length: copy.count },
      (_, i) => new TextDecoder().decode(copy.text(i)),
    );
    assert.deepEqual(read, texts.slice(from));
    assert.deepEqual([...copy.lists], [0, 1, 2, 3].slice(from));
    assert.equal(copy.byteLength, texts.slice(from).join("").length);
    assert.notEqual(copy.bytes.buffer, batch.bytes.buffer);
  }
});
