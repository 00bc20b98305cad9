/**
 * The rows of jobs that have a writer and a sequence: the SQL statements of the spool. It knows tables, not rules; those are in
 * `spooled_jobs.ts`. Errors are SQLite's own.
 *
 * @module
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { JobBatch } from "../router/job_batch.ts";
import type { SpoolPlace } from "./store_message.ts";

/** Rows of one long INSERT. What its rows have in common is bound once. */
const ROWS_OF_INSERT = 64;
/** Rows that are given a writer between two looks for more. */
const ROWS_OF_ADOPTION = 10_000;

/** A job as it is read: id, text, writer, sequence. */
export type SpoolRow = readonly [id: number, text: string, writer: string, seq: number];
/** What is known of a job without reading its text: id, bytes, when it was appended in milliseconds since 1970. */
export type SizeRow = readonly [id: number, bytes: number, created: number];

/** Statements of the spool on one open database. */
export class SpoolRows {
  readonly #database: DatabaseSync;
  readonly #insertOne: StatementSync;
  readonly #insertMany: StatementSync;
  readonly #sizesAfter: StatementSync;
  readonly #jobsAfter: StatementSync;

  /**
   * Compiles the statements.
   *
   * @param database an open database with the schema of `store_file.ts`
   */
  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#insertOne = database.prepare(insertOf(1));
    this.#insertMany = database.prepare(insertOf(ROWS_OF_INSERT));
    const first = "FROM job WHERE list = ? AND id > ? ORDER BY id LIMIT ?";
    this.#sizesAfter = this.#rows(`SELECT id, length(payload), created ${first}`);
    // A text is read in a third of the time of a blob; the bytes are the same, as jobs are UTF-8 without NUL.
    this.#jobsAfter = this.#rows(`SELECT id, CAST(payload AS TEXT), writer, seq ${first}`);
  }

  /** Appends the jobs of a batch to one list, in order. */
  insert(batch: JobBatch, { list, writer, firstSeq }: SpoolPlace, created: number): void {
    let i = 0;
    for (; i + ROWS_OF_INSERT <= batch.count; i += ROWS_OF_INSERT) {
      const texts: Uint8Array[] = [];
      for (let k = i; k < i + ROWS_OF_INSERT; k++) texts.push(batch.text(k));
      this.#insertMany.run(list, created, writer, firstSeq + i, ...texts);
    }
    for (; i < batch.count; i++) {
      this.#insertOne.run(list, created, writer, firstSeq + i, batch.text(i));
    }
  }

  /** A list's first jobs past an id, without their texts, at most `max`. */
  sizesAfter(list: number, id: number, max: number): SizeRow[] {
    return this.#sizesAfter.all(list, id, max) as unknown as SizeRow[];
  }

  /** A list's first jobs past an id, at most `max`. */
  jobsAfter(list: number, id: number, max: number): SpoolRow[] {
    return this.#jobsAfter.all(list, id, max) as unknown as SpoolRow[];
  }

  /**
   * Makes all jobs of the file jobs of the spool: those without a writer are given one, with sequences from 1 in each list.
   * No job stays younger than `now`, so that the oldest ones are first although the clock was set back.
   *
   * To be called in a transaction, and before anything is appended here: then jobs without a writer are always the last ones.
   */
  adopt(writer: string, now: number): void {
    const newest = this.#rows("SELECT created, writer FROM job ORDER BY id DESC LIMIT 1").get();
    if (newest === undefined) return;
    const [created, owner] = newest as unknown as [number, string | null];
    if (created > now) {
      this.#database.prepare("UPDATE job SET created = ?1 WHERE created > ?1").run(now);
    }
    if (owner === null) this.#giveWriter(writer);
  }

  /** By slices of ids and single updates, as one statement for millions of rows would need a temporary table of them. */
  #giveWriter(writer: string): void {
    const next = this.#rows(
      "SELECT id, list FROM job WHERE id > ? AND writer IS NULL ORDER BY id LIMIT ?",
    );
    const update = this.#database.prepare("UPDATE job SET writer = ?, seq = ? WHERE id = ?");
    const last = new Map<number, number>();
    let after = 0;
    for (;;) {
      const rows = next.all(after, ROWS_OF_ADOPTION) as unknown as [number, number][];
      for (const [id, list] of rows) {
        const seq = (last.get(list) ?? 0) + 1;
        last.set(list, seq);
        update.run(writer, seq, id);
        after = id;
      }
      if (rows.length < ROWS_OF_ADOPTION) break;
    }
  }

  /** A statement whose rows come as arrays, in half the time of rows as objects. */
  #rows(sql: string): StatementSync {
    const statement = this.#database.prepare(sql);
    // Deno 2.6 has the method; its types do not.
    (statement as StatementSync & { setReturnArrays(on: boolean): void }).setReturnArrays(true);
    return statement;
  }
}

function insertOf(rows: number): string {
  const values = Array.from({ length: rows }, (_, i) => `(?1,?2,?3,?4+${i},?${5 + i})`);
  return `INSERT INTO job(list, created, writer, seq, payload) VALUES ${values.join()}`;
}
