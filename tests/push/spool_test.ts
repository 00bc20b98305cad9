import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { SinkFullError } from "../../src/push/push_sink.ts";
import { Spool, type SpooledChunk } from "../../src/push/spool.ts";
import { EXPIRE_JOBS_MAX } from "../../src/push/spooled_jobs.ts";
import { batchOf, numbered, tempFolder, tempSpool, textsOf } from "./fixtures.ts";
import { HeldClock } from "../support/held_clock.ts";
import { A, B, drain, failsAs, jobsOf, plain } from "./spool_fixtures.ts";

/** Has deletes of jobs fail, as on a disk that cannot be written, until a job of list 4 is there. */
function refuseDeletes(folder: string): void {
  const database = new DatabaseSync(join(folder, "push.db"));
  database.exec(
    `CREATE TRIGGER full BEFORE DELETE ON job WHEN NOT EXISTS (SELECT 1 FROM job WHERE list = 4)
     BEGIN SELECT RAISE(ABORT, 'no space'); END`,
  );
  database.close();
}

Deno.test("Spool.peek gives the jobs of each list in order, with writer and sequence, and leaves them there", async () => {
  await using temp = await tempSpool();
  const { spool } = temp;
  const texts = numbered("peer", 150);
  await Promise.all([
    spool.append(0, A, 1, batchOf(texts.slice(0, 70))),
    spool.append(
      2,
      A,
      1,
      batchOf(['"\u00e9 \u4f60\u597d \u{1f600} \u2028 \ufffd"', "\ufeff{}"], 2),
    ),
    spool.append(0, A, 71, batchOf(texts.slice(70))),
  ]);
  const first = await spool.peek(0, 100, 1 << 20);
  assert.deepEqual(plain(first), { writer: A, firstSeq: 1, texts: texts.slice(0, 100) });
  assert.deepEqual([...first!.batch.lists], new Array(100).fill(0));
  assert.deepEqual(plain(await spool.peek(0, 100, 1 << 20)), plain(first));
  await spool.delete(first!.ids);
  assert.deepEqual((await drain(spool, 0)).map(plain), [
    { writer: A, firstSeq: 101, texts: texts.slice(100) },
  ]);
  assert.deepEqual((await drain(spool, 2)).map(plain), [
    {
      writer: A,
      firstSeq: 1,
      texts: ['"\u00e9 \u4f60\u597d \u{1f600} \u2028 \ufffd"', "\ufeff{}"],
    },
  ]);
  assert.equal(await spool.peek(0, 100, 1 << 20), undefined);
});

Deno.test("Spool.append copies the batch at once and leaves it as it is", async () => {
  await using temp = await tempSpool();
  const batch = batchOf(["a", "b"], 1);
  const appended = temp.spool.append(1, A, 5, batch);
  batch.bytes.fill(0x78);
  await appended;
  assert.deepEqual(textsOf(batch), ["x", "x"]);
  const expected = { writer: A, firstSeq: 5, texts: ["a", "b"] };
  assert.deepEqual(plain(await temp.spool.peek(1, 9, 9)), expected);
});

Deno.test("Spool.peek a chunk ends where the writer changes or a sequence is missing", async () => {
  await using temp = await tempSpool();
  const { spool } = temp;
  await spool.append(0, A, 1, batchOf(["a1", "a2"]));
  await spool.append(0, A, 4, batchOf(["a4"]));
  await spool.append(0, B, 5, batchOf(["b5"]));
  await spool.append(0, B, 6, batchOf(["b6"]));
  await spool.append(0, A, 7, batchOf(["a7"]));
  assert.deepEqual((await drain(spool, 0)).map(plain), [
    { writer: A, firstSeq: 1, texts: ["a1", "a2"] },
    { writer: A, firstSeq: 4, texts: ["a4"] },
    { writer: B, firstSeq: 5, texts: ["b5", "b6"] },
    { writer: A, firstSeq: 7, texts: ["a7"] },
  ]);
});

Deno.test("Spool.peek keeps to its bounds of jobs and bytes, but a job that is too large comes alone", async () => {
  await using temp = await tempSpool();
  const { spool } = temp;
  const sizes = [10, 10, 11, 500_000, 1, 30];
  const texts = sizes.map((size) => "x".repeat(size));
  await spool.append(0, A, 1, batchOf(texts));
  const lengths = async (jobsMax: number, bytesMax: number) =>
    textsOf((await spool.peek(0, jobsMax, bytesMax))!.batch).map((text) => text.length);
  assert.deepEqual(await lengths(1, 1_000), [10]);
  assert.deepEqual(await lengths(9, 1), [10]);
  assert.deepEqual(await lengths(9, 20), [10, 10]);
  assert.deepEqual(await lengths(9, 30), [10, 10]);
  assert.deepEqual(await lengths(9, 31), [10, 10, 11]);
  const bounded: number[][] = [];
  for (;;) {
    const chunk = await spool.peek(0, 9, 31);
    if (chunk === undefined) break;
    bounded.push(textsOf(chunk.batch).map((text) => text.length));
    await spool.delete(chunk.ids);
  }
  assert.deepEqual(bounded, [[10, 10, 11], [500_000], [1, 30]]);
});

Deno.test("Spool numbers and names out of range are refused, and count nothing", async () => {
  await using temp = await tempSpool();
  const { spool } = temp;
  const batch = batchOf(["a"]);
  const bad = [[5, A, 1], [-1, A, 1], [0.5, A, 1], [0, "a", 1], [0, A.toUpperCase(), 1], [0, A, 0]];
  for (const [list, writer, seq] of bad as [number, string, number][]) {
    await assert.rejects(spool.append(list, writer, seq, batch), RangeError);
  }
  for (const [list, jobs, bytes] of [[5, 1, 1], [0, 0, 1], [0, 1, 0]] as const) {
    await assert.rejects(spool.peek(list, jobs, bytes), RangeError);
  }
  assert.deepEqual(jobsOf(spool), [0, 0, 0, 0, 0]);
});

Deno.test("Spool.jobs counts an append from its call, a failed one no more, a delete when it was answered", async () => {
  await using temp = await tempSpool({ pagesMax: 60 });
  const { spool } = temp;
  const appends = [
    spool.append(0, A, 1, batchOf(["a", "b"])),
    spool.append(0, A, 3, batchOf(["x".repeat(400_000)])),
    spool.append(3, A, 1, batchOf(["c"])),
  ];
  assert.deepEqual(jobsOf(spool), [3, 0, 0, 1, 0]);
  // Whoever learns of the failure sees figures without it.
  const failed = assert.rejects(
    appends[1]!.finally(() => assert.equal(spool.jobs(0), 2)),
    failsAs("disk_full"),
  );
  await Promise.all([appends[0], failed, appends[2]]);
  assert.deepEqual(jobsOf(spool), [2, 0, 0, 1, 0]);
  const { ids } = (await spool.peek(0, 1, 1))!;
  const deleted = spool.delete([...ids, ...ids, 999]);
  assert.equal(spool.jobs(0), 2);
  await deleted;
  assert.equal(spool.jobs(0), 1);
  await spool.delete(ids);
  assert.equal(spool.jobs(0), 1);
  assert.equal(spool.jobs(99), 0);
});

Deno.test("Spool.jobs never differs from what is on disk and under way, in any order of work", async () => {
  await using temp = await tempSpool({ synchronous: "normal" });
  const { spool } = temp;
  let under = 0, stored = 0, seq = 1;
  const check = () => assert.equal(spool.jobs(0), stored + under);
  const work: Promise<void>[] = [];
  for (let i = 0; i < 200; i++) {
    const count = i % 7 + 1;
    under += count;
    const append = spool.append(0, A, seq, batchOf(numbered("j", count)));
    check();
    seq += count;
    work.push(append.then(() => {
      under -= count;
      stored += count;
      check();
    }));
    if (i % 20 !== 19) continue;
    const chunk = await spool.peek(0, 30, 1 << 20);
    check();
    if (chunk === undefined) continue;
    await spool.delete(chunk.ids);
    // Appends of the same moment have settled before, as they came first.
    stored -= chunk.ids.length;
    check();
  }
  await Promise.all(work);
  assert.equal(under, 0);
  check();
});

Deno.test("Spool.append on a full disk nothing is kept, and the same call succeeds once there is room", async () => {
  await using temp = await tempSpool({ pagesMax: 60 });
  const { spool } = temp;
  const texts = (from: number) =>
    Array.from({ length: 20 }, (_, i) => `${from + i}${"x".repeat(800)}`);
  let next = 1;
  for (;;) {
    try {
      await spool.append(0, A, next, batchOf(texts(next)));
    } catch (error) {
      assert.ok(failsAs("disk_full")(error), String(error));
      break;
    }
    next += 20;
  }
  assert.ok(next > 100);
  assert.equal(spool.jobs(0), next - 1);
  const found: number[] = [];
  const take = (chunk: SpooledChunk) =>
    found.push(...textsOf(chunk.batch).map((text) => parseInt(text)));
  const chunk = (await spool.peek(0, 60, 1 << 20))!;
  take(chunk);
  await spool.delete(chunk.ids);
  await spool.append(0, A, next, batchOf(texts(next)));
  (await drain(spool, 0)).forEach(take);
  assert.deepEqual(found, Array.from({ length: next + 19 }, (_, i) => i + 1));
});

Deno.test("Spool.delete on a disk that cannot be written: the jobs are in no later peek, and go when it can", async () => {
  await using folder = await tempFolder();
  await (await Spool.open({ folder: folder.path })).close();
  refuseDeletes(folder.path);
  const clock = new HeldClock();
  const spool = await Spool.open({ folder: folder.path, clock });
  await spool.append(0, A, 1, batchOf(numbered("j", 6)));
  const { ids } = (await spool.peek(0, 6, 1 << 20))!;
  await spool.delete([ids[0]!, ids[1]!, ids[3]!]);
  assert.equal(spool.jobs(0), 3);
  const rest = await spool.peek(0, 2, 1 << 20);
  assert.deepEqual(plain(rest), { writer: A, firstSeq: 3, texts: ["j3"] });
  await spool.delete(rest!.ids);
  assert.deepEqual(plain(await spool.peek(0, 9, 99)), {
    writer: A,
    firstSeq: 5,
    texts: ["j5", "j6"],
  });
  clock.advance(10);
  assert.deepEqual(await spool.expire(5), [2, 0, 0, 0, 0]);
  assert.equal(await spool.peek(0, 9, 99), undefined);
  assert.equal(spool.jobs(0), 0);
  // In one transaction with what makes room, before memory's deletes are saved: nothing is counted twice.
  await Promise.all([spool.append(4, A, 1, batchOf(["room"], 4)), spool.delete(ids)]);
  assert.equal(spool.jobs(0), 0);
  await spool.append(0, A, 7, batchOf(["j7"]));
  await spool.close();
  const again = await Spool.open({ folder: folder.path, clock });
  assert.deepEqual((await drain(again, 0)).map(plain), [{ writer: A, firstSeq: 7, texts: ["j7"] }]);
  await again.close();
});

Deno.test("Spool.append at its bound the newest are refused, and taken again when there is room", async () => {
  await using temp = await tempSpool({ bytesMax: 300_000 });
  const { spool } = temp;
  const batch = batchOf(new Array(50).fill("x".repeat(1_000)));
  let appended = 0;
  await assert.rejects(async () => {
    for (;; appended += 50) await spool.append(0, A, appended + 1, batch);
  }, SinkFullError);
  assert.ok(appended >= 200 && appended < 300, `${appended} kept`);
  assert.ok(spool.bytes > 200_000 && spool.bytes <= 300_000, `${spool.bytes} bytes`);
  assert.equal(spool.jobs(0), appended);
  await drain(spool, 0);
  assert.ok(spool.bytes < 50_000, `${spool.bytes} bytes`);
  await spool.append(0, A, appended + 1, batch);
  assert.equal(spool.jobs(0), 50);
});

Deno.test("Spool.expire drops what is older than asked, of every list, and tells how many", async () => {
  const clock = new HeldClock();
  await using temp = await tempSpool({ clock, synchronous: "normal" });
  const { spool } = temp;
  const many = EXPIRE_JOBS_MAX * 2 + 10;
  await spool.append(0, A, 1, batchOf(new Array(many).fill("{}")));
  await spool.append(3, A, 1, batchOf(["a", "b"], 3));
  clock.advance(1_000);
  await spool.append(0, A, many + 1, batchOf(["young"]));
  assert.deepEqual([spool.oldestMs(0), spool.oldestMs(1), spool.oldestMs(3)], [1_000, 0, 1_000]);
  assert.deepEqual(await spool.expire(1_000), [0, 0, 0, 0, 0]);
  clock.advance(1);
  assert.deepEqual(await spool.expire(1_000), [many, 0, 0, 2, 0]);
  assert.deepEqual(jobsOf(spool), [1, 0, 0, 0, 0]);
  assert.deepEqual([spool.oldestMs(0), spool.oldestMs(3)], [1, 0]);
  assert.deepEqual(plain(await spool.peek(0, 9, 99)), {
    writer: A,
    firstSeq: many + 1,
    texts: ["young"],
  });
});
