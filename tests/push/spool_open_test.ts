import assert from "node:assert/strict";
import { EmbeddedStore } from "../../src/push/embedded_store.ts";
import { Spool } from "../../src/push/spool.ts";
import {
  batchOf,
  makeVersion1,
  numbered,
  tempFolder,
  tempSpool,
  tempStore,
  textsOf,
  until,
} from "./fixtures.ts";
import { HeldClock } from "../support/held_clock.ts";
import { spawnScript } from "./spawned_script.ts";
import { A, B, drain, failsAs, jobsOf, plain } from "./spool_fixtures.ts";

Deno.test("Spool.open after the clock was set back: old jobs go at their age, and none before", async () => {
  await using folder = await tempFolder();
  let spool = await Spool.open({ folder: folder.path, clock: new HeldClock(9_000_000) });
  await spool.append(0, A, 1, batchOf(["from the future"]));
  await spool.close();
  const clock = new HeldClock(1_000_000);
  spool = await Spool.open({ folder: folder.path, clock });
  clock.advance(1_000);
  await spool.append(0, A, 2, batchOf(["now"]));
  assert.equal(spool.oldestMs(0), 1_000);
  assert.deepEqual(await spool.expire(1_000), [0, 0, 0, 0, 0]);
  assert.deepEqual(await spool.expire(999), [1, 0, 0, 0, 0]);
  await spool.close();
});

Deno.test("Spool.open after a kill -9: nothing committed is missing, writer and sequence are as before", async () => {
  await using folder = await tempFolder();
  await using child = await spawnScript("spooler_process.ts", [folder.path, B]);
  await until(() => child.lines.length >= 150, "the child has done something");
  child.process.kill("SIGKILL");
  await child.process.status;
  await child.read;
  const said = (what: string) =>
    Math.max(
      ...child.lines.filter((line) => line.startsWith(what)).map((line) =>
        Number(line.split(" ").at(-1))
      ),
    );
  const spool = await Spool.open({ folder: folder.path });
  for (const [list, deleted] of [[0, said("deleted")], [3, 0]] as const) {
    const jobs = spool.jobs(list);
    const chunks = await drain(spool, list);
    const first = chunks[0]!.firstSeq;
    const texts = chunks.flatMap(({ batch }) => textsOf(batch));
    assert.ok(chunks.every(({ writer }) => writer === B));
    // One delete more may have been committed than was said.
    assert.ok(first > deleted && (list === 0 || first === 1), `${first} after ${deleted}`);
    assert.ok(first + jobs - 1 >= said(`appended ${list}`));
    assert.deepEqual(texts, Array.from({ length: jobs }, (_, i) => `${list}:${first + i}`));
  }
  await spool.close();
});

Deno.test("Spool.open takes up what the embedded queue held, leased or not, and only once", async () => {
  await using folder = await tempFolder();
  const store = await EmbeddedStore.open({ folder: folder.path });
  const mixed = batchOf(["p1"], 0);
  for (const [text, list] of [["g1", 1], ["p2", 0], ["p3", 0], ["g2", 1]] as const) {
    mixed.append(batchOf([text], list));
  }
  await store.write(mixed);
  const [first] = await store.take({ list: "push_queue", max: 1, leaseSeconds: 600 });
  await store.take({ list: "push_queue", max: 1, leaseSeconds: 600 });
  await store.ack([first!.id]);
  await store.close();

  let spool = await Spool.open({ folder: folder.path });
  assert.deepEqual(jobsOf(spool), [2, 2, 0, 0, 0]);
  await spool.append(0, A, 1, batchOf(["new"]));
  const peer = (await spool.peek(0, 9, 99))!;
  assert.match(peer.writer, /^[0-9a-f]{16}$/);
  const adopted = { writer: peer.writer, firstSeq: 1, texts: ["p2", "p3"] };
  assert.deepEqual(plain(peer), adopted);
  const group = { writer: peer.writer, firstSeq: 1, texts: ["g1", "g2"] };
  assert.deepEqual(plain(await spool.peek(1, 9, 99)), group);
  await spool.close();

  // As when a flush was killed half-way: the identity is the same.
  spool = await Spool.open({ folder: folder.path });
  assert.deepEqual(plain(await spool.peek(0, 9, 99)), adopted);
  assert.deepEqual(plain(await spool.peek(1, 9, 99)), group);
  await spool.delete([peer.ids[0]!]);
  await spool.close();

  // Back to the embedded queue and here again: what was spooled keeps its identity, what came since gets one.
  const embedded = await EmbeddedStore.open({ folder: folder.path });
  await embedded.write(batchOf(["later"]));
  const taken = await embedded.take({ list: "push_queue", max: 9, leaseSeconds: 600 });
  assert.deepEqual(taken.map(({ payload }) => payload), ["p3", "new", "later"]);
  await embedded.close();
  spool = await Spool.open({ folder: folder.path });
  const [kept, own, later] = (await drain(spool, 0)).map((chunk) => plain(chunk)!);
  assert.deepEqual(kept, { writer: peer.writer, firstSeq: 2, texts: ["p3"] });
  assert.deepEqual(own, { writer: A, firstSeq: 1, texts: ["new"] });
  assert.deepEqual([later!.firstSeq, later!.texts], [1, ["later"]]);
  assert.ok(![A, peer.writer].includes(later!.writer));
  await spool.close();
});

Deno.test("Spool.open more jobs of the embedded queue than are adopted in one slice", async () => {
  await using folder = await tempFolder();
  const store = await EmbeddedStore.open({ folder: folder.path, synchronous: "normal" });
  const texts = numbered("j", 20_500);
  await store.write(batchOf(texts));
  await store.close();
  const spool = await Spool.open({ folder: folder.path, synchronous: "normal" });
  const chunks = await drain(spool, 0);
  assert.equal(new Set(chunks.map(({ writer }) => writer)).size, 1);
  assert.deepEqual(chunks.map(({ firstSeq }) => firstSeq), chunks.map((_, i) => i * 1_000 + 1));
  assert.deepEqual(chunks.flatMap(({ batch }) => textsOf(batch)), texts);
  await spool.close();
});

Deno.test("Spool.open a file of version 1", async () => {
  await using folder = await tempFolder();
  const clock = new HeldClock();
  makeVersion1(folder.path, clock.now());
  const spool = await Spool.open({ folder: folder.path, clock });
  assert.deepEqual(jobsOf(spool), [2, 1, 0, 0, 0]);
  assert.equal(spool.oldestMs(0), 5_000);
  await spool.append(0, A, 1, batchOf(["new"]));
  assert.deepEqual((await drain(spool, 0)).map(({ batch }) => textsOf(batch)), [
    ["peer 1", "peer 2"],
    ["new"],
  ]);
  await spool.close();
});

Deno.test("Spool.open beside a spool or an embedded store is refused, and harms neither", async () => {
  await using spooled = await tempSpool();
  await assert.rejects(Spool.open({ folder: spooled.folder }), failsAs("in_use"));
  await assert.rejects(EmbeddedStore.open({ folder: spooled.folder }), failsAs("in_use"));
  await spooled.spool.append(0, A, 1, batchOf(["a"]));
  await using stored = await tempStore();
  await assert.rejects(Spool.open({ folder: stored.folder }), failsAs("in_use"));
  await stored.store.write(batchOf(["a"]));
});

Deno.test("Spool.close works off what was asked before, and refuses what comes after", async () => {
  await using folder = await tempFolder();
  const spool = await Spool.open({ folder: folder.path });
  const appends = Array.from(
    { length: 50 },
    (_, i) => spool.append(0, A, i + 1, batchOf([`${i}`])),
  );
  const peeked = spool.peek(0, 100, 1 << 20);
  await Promise.all([spool.close(), spool.close(), ...appends]);
  assert.ok((await peeked)!.ids.length >= 50);
  await assert.rejects(spool.append(0, A, 51, batchOf(["late"])), failsAs("closed"));
  await assert.rejects(spool.peek(0, 1, 1), failsAs("closed"));
  await assert.rejects(spool.delete([1]), failsAs("closed"));
  await assert.rejects(spool.expire(1), failsAs("closed"));
  assert.equal(spool.jobs(0), 50);
  const again = await Spool.open({ folder: folder.path });
  assert.equal(again.jobs(0), 50);
  await again.close();
});

Deno.test("Spool.close an aborted signal ends the worker without its answer, and loses nothing committed", async () => {
  await using folder = await tempFolder();
  const spool = await Spool.open({ folder: folder.path });
  await spool.append(0, A, 1, batchOf(["a"]));
  const late = spool.append(0, A, 2, batchOf(["late"]));
  await spool.close(AbortSignal.abort());
  await assert.rejects(late, failsAs("closed"));
  assert.equal(spool.jobs(0), 1);
  const again = await Spool.open({ folder: folder.path });
  assert.equal(textsOf((await again.peek(0, 1, 1))!.batch)[0], "a");
  await again.close();
});
