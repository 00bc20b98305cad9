/**
 * What the tests of the push parts have in common: batches, temporary folders, and waiting for a condition.
 *
 * @module
 */

import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { JobBatch } from "../../src/router/job_batch.ts";
import { EmbeddedStore, type EmbeddedStoreSettings } from "../../src/push/embedded_store.ts";
import type { PushSink } from "../../src/push/push_sink.ts";
import { Spool, type SpoolSettings } from "../../src/push/spool.ts";

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });

/** A batch of jobs for one list. */
export function batchOf(texts: readonly string[], list = 0): JobBatch {
  const batch = new JobBatch();
  for (const text of texts) {
    const bytes = ENCODER.encode(text);
    const at = batch.byteLength;
    batch.reserve(at, bytes.length).set(bytes, at);
    batch.commit(list, at + bytes.length);
  }
  return batch;
}

/**
 * Makes the file of a store as version 1 of its schema was: jobs 1 and 3 on list 0, 2 on list 1, up to 7 gone; job 1 is leased.
 *
 * @param now the jobs were appended 5 seconds before, and the lease has 10 seconds left, in milliseconds since 1970
 */
export function makeVersion1(folder: string, now: number): void {
  const database = new DatabaseSync(join(folder, "push.db"));
  database.exec(`
    PRAGMA journal_mode=WAL;
    CREATE TABLE job(
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      list INTEGER NOT NULL,
      created INTEGER NOT NULL,
      payload BLOB NOT NULL);
    CREATE INDEX job_of_list ON job(list);
    CREATE TABLE lease(
      id INTEGER PRIMARY KEY,
      list INTEGER NOT NULL,
      until INTEGER NOT NULL,
      jobs TEXT NOT NULL);
    PRAGMA user_version=1;
    INSERT INTO job(list, created, payload) VALUES
      (0, ${now - 5_000}, CAST('peer 1' AS BLOB)),
      (1, ${now - 5_000}, CAST('group 1' AS BLOB)),
      (0, ${now - 5_000}, CAST('peer 2' AS BLOB));
    INSERT INTO job(id, list, created, payload) VALUES (7, 0, ${now}, X'7B7D');
    DELETE FROM job WHERE id = 7;
    INSERT INTO lease VALUES (1, 0, ${now + 10_000}, '[1]');`);
  database.close();
}

/** `name1`, `name2`, … up to a count. */
export function numbered(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${name}${i + 1}`);
}

/** The texts of a batch. */
export function textsOf(batch: JobBatch): string[] {
  return Array.from({ length: batch.count }, (_, i) => DECODER.decode(batch.text(i)));
}

/** A folder that is removed at the end of its block. */
export async function tempFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await Deno.makeTempDir({ prefix: "imr-push-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** An open store in a folder of its own; both go at the end of the block. */
export async function tempStore(
  settings: Omit<EmbeddedStoreSettings, "folder"> = {},
): Promise<AsyncDisposable & { readonly store: EmbeddedStore; readonly folder: string }> {
  const folder = await tempFolder();
  const store = await EmbeddedStore.open({ folder: folder.path, ...settings });
  return {
    store,
    folder: folder.path,
    async [Symbol.asyncDispose]() {
      await store.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** An open spool in a folder of its own; both go at the end of the block. */
export async function tempSpool(
  settings: Omit<SpoolSettings, "folder"> = {},
): Promise<AsyncDisposable & { readonly spool: Spool; readonly folder: string }> {
  const folder = await tempFolder();
  const spool = await Spool.open({ folder: folder.path, ...settings });
  return {
    spool,
    folder: folder.path,
    async [Symbol.asyncDispose]() {
      await spool.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/**
 * Waits for a condition, a turn of the event loop at a time.
 *
 * @throws {Error} when it does not hold after `ms` milliseconds
 */
export async function until(condition: () => boolean, what: string, ms = 10_000): Promise<void> {
  const end = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

/** Lets everything run that needs no more than promises. */
export async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 0));
}

/** A sink in a test's hand: each write waits until it is answered. */
export class HeldSink implements PushSink {
  /** The jobs of each write, failed ones included. */
  readonly writes: string[][] = [];
  /** The batch of each write. */
  readonly batches: JobBatch[] = [];
  #answer: PromiseWithResolvers<void> | undefined;

  /** Whether a write waits for its answer. */
  get busy(): boolean {
    return this.#answer !== undefined;
  }

  write(batch: JobBatch): Promise<void> {
    if (this.busy) throw new Error("two writes at a time");
    this.writes.push(textsOf(batch));
    this.batches.push(batch);
    this.#answer = Promise.withResolvers();
    return this.#answer.promise;
  }

  /** Lets the write that waits succeed, and what follows from it happen. */
  async succeed(): Promise<void> {
    const answer = this.#answer!;
    this.#answer = undefined;
    answer.resolve();
    await settle();
  }

  /** Lets it fail. */
  async fail(error: Error): Promise<void> {
    const answer = this.#answer!;
    this.#answer = undefined;
    answer.reject(error);
    await settle();
  }
}
