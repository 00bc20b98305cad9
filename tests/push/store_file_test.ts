import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { EmbeddedStore } from "../../src/push/embedded_store.ts";
import type { StoreErrorKind } from "../../src/push/store_error.ts";
import { StoreError } from "../../src/push/store_error.ts";
import { batchOf, makeVersion1, tempFolder, tempStore, until } from "./fixtures.ts";
import { HeldClock } from "../support/held_clock.ts";
import { spawnScript } from "./spawned_script.ts";

/** Opening fails with this kind, and with the file in the message. */
async function opensAs(folder: string, kind: StoreErrorKind, message: RegExp): Promise<void> {
  await assert.rejects(EmbeddedStore.open({ folder }), (error) => {
    assert.ok(error instanceof StoreError);
    assert.equal(error.kind, kind);
    assert.match(error.message, message);
    assert.ok(error.message.includes(join(folder, "push.db")));
    return true;
  });
}

async function modeOf(path: string): Promise<string> {
  return ((await Deno.stat(path)).mode! & 0o777).toString(8);
}

Deno.test("store file a new folder and its files are for their owner only", async () => {
  await using temp = await tempFolder();
  const folder = join(temp.path, "new", "data");
  const store = await EmbeddedStore.open({ folder });
  await store.write(batchOf(["a"]));
  assert.equal(await modeOf(folder), "700");
  assert.equal(await modeOf(join(folder, "push.db")), "600");
  assert.equal(await modeOf(join(folder, "push.db-wal")), "600");
  await store.close();
});

Deno.test("store file a second opener in the same process is refused, and harms the first in nothing", async () => {
  await using temp = await tempStore();
  await temp.store.write(batchOf(["a"]));
  await opensAs(temp.folder, "in_use", /another process/);
  await opensAs(temp.folder, "in_use", /another process/);
  await temp.store.write(batchOf(["b"]));
  assert.equal(temp.store.counts()[0]!.waiting, 2);
});

Deno.test("store file a second opener in another process is refused, until the first is killed", async () => {
  await using folder = await tempFolder();
  await using child = await spawnScript("writer_process.ts", [folder.path]);
  await until(() => child.lines.length > 0, "the child has committed something");
  await opensAs(folder.path, "in_use", /two routers cannot share a data folder/);
  child.process.kill("SIGKILL");
  await child.process.status;
  const store = await EmbeddedStore.open({ folder: folder.path });
  await store.close();
});

Deno.test("store file kill -9: every job whose write was answered is there, once, in order", async () => {
  await using folder = await tempFolder();
  await using child = await spawnScript("writer_process.ts", [folder.path]);
  await until(() => child.lines.length >= 50, "the child has committed 50 batches");
  child.process.kill("SIGKILL");
  await child.process.status;
  await child.read;
  const answered = Number(child.lines.at(-1));
  const store = await EmbeddedStore.open({ folder: folder.path });
  const found: number[] = [];
  for (;;) {
    const jobs = await store.take({ list: "push_queue", max: 1_000, leaseSeconds: 60 });
    if (jobs.length === 0) break;
    found.push(...jobs.map(({ payload }) => Number(JSON.parse(payload).number)));
  }
  assert.ok(found.length >= answered, `${answered} answered, ${found.length} found`);
  assert.deepEqual(found, Array.from(found, (_, i) => i + 1));
  await store.close();
});

Deno.test("store file one of a newer version is refused and left as it is", async () => {
  await using folder = await tempFolder();
  await (await EmbeddedStore.open({ folder: folder.path })).close();
  const path = join(folder.path, "push.db");
  const database = new DatabaseSync(path);
  database.exec("PRAGMA user_version=3");
  database.close();
  const before = await Deno.readFile(path);
  await opensAs(folder.path, "newer_schema", /schema 3, this one knows 2/);
  assert.deepEqual(await Deno.readFile(path), before);
});

Deno.test("store file one of version 1: jobs, leases and ids are kept", async () => {
  await using folder = await tempFolder();
  const clock = new HeldClock();
  makeVersion1(folder.path, clock.now());
  let store = await EmbeddedStore.open({ folder: folder.path, clock });
  const take = { list: "push_queue", max: 10, leaseSeconds: 1 } as const;
  assert.deepEqual(store.counts()[0], {
    list: "push_queue",
    waiting: 1,
    leased: 1,
    oldestMs: 5_000,
  });
  assert.deepEqual(await store.take(take), [{ id: 3, payload: "peer 2" }]);
  await store.write(batchOf(["new"]));
  assert.deepEqual(await store.take(take), [{ id: 8, payload: "new" }]);
  await store.close();

  const database = new DatabaseSync(join(folder.path, "push.db"));
  assert.deepEqual({ ...database.prepare("PRAGMA user_version").get() }, { user_version: 2 });
  const rows = database.prepare("SELECT id FROM job WHERE writer IS NULL AND seq IS NULL").all();
  assert.deepEqual(rows.map(({ id }) => id), [1, 2, 3, 8]);
  database.close();

  store = await EmbeddedStore.open({ folder: folder.path, clock });
  assert.equal(await store.ack([1, 2, 3, 8]), 4);
  await store.close();
});

Deno.test("store file one of version 1 that cannot be brought up to date is left as it is", async () => {
  await using folder = await tempFolder();
  makeVersion1(folder.path, 0);
  const database = new DatabaseSync(join(folder.path, "push.db"));
  // The columns cannot be added, as something else is in their way.
  database.exec("ALTER TABLE job ADD COLUMN seq INTEGER");
  database.close();
  await opensAs(folder.path, "failed", /duplicate column name: seq/);
  const again = new DatabaseSync(join(folder.path, "push.db"));
  assert.deepEqual({ ...again.prepare("PRAGMA user_version").get() }, { user_version: 1 });
  assert.equal(again.prepare("SELECT * FROM job").columns().length, 5);
  again.close();
});

Deno.test("store file one that is no database is refused and left as it is", async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, "push.db");
  await Deno.writeTextFile(path, "no database ".repeat(1_000));
  await opensAs(folder.path, "corrupt", /not a database/);
  assert.match(await Deno.readTextFile(path), /^no database/);
});

Deno.test("store file one with damaged pages: an error that says so, and the process lives", async () => {
  await using folder = await tempFolder();
  const store = await EmbeddedStore.open({ folder: folder.path });
  await store.write(batchOf(Array.from({ length: 500 }, (_, i) => `job ${i} `.repeat(20))));
  await store.close();
  const path = join(folder.path, "push.db");
  const file = await Deno.open(path, { write: true });
  await file.seek(4_096, Deno.SeekMode.Start);
  await file.write(new Uint8Array((await file.stat()).size - 4_096).fill(0xa5));
  file.close();
  await opensAs(folder.path, "corrupt", /damaged/);
});

Deno.test("store file a folder that cannot be made or written is refused", async () => {
  await using temp = await tempFolder();
  const file = join(temp.path, "file");
  await Deno.writeTextFile(file, "");
  await opensAs(file, "unwritable", /cannot be opened or made/);
  await opensAs(join(file, "below"), "unwritable", /cannot be opened or made/);
  await Deno.mkdir(join(temp.path, "push.db"));
  await opensAs(temp.path, "unwritable", /cannot be opened or made/);
});

Deno.test("store file a large one that holds no job gives its space back when it is opened", async () => {
  await using folder = await tempFolder();
  let store = await EmbeddedStore.open({ folder: folder.path, synchronous: "normal" });
  const megabyte = "x".repeat(1 << 20);
  for (let i = 0; i < 70; i++) await store.write(batchOf([megabyte]));
  await store.ack(Array.from({ length: 70 }, (_, i) => i + 1));
  await store.close();
  const path = join(folder.path, "push.db");
  assert.ok((await Deno.stat(path)).size > 64 << 20);
  store = await EmbeddedStore.open({ folder: folder.path });
  await store.write(batchOf(["a"]));
  assert.equal((await store.take({ list: "push_queue", max: 1, leaseSeconds: 1 }))[0]!.id, 71);
  await store.close();
  assert.ok((await Deno.stat(path)).size < 1 << 20);
});
