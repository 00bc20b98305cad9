/**
 * The rows of the embedded store: every SQL statement that runs after the file was opened. It knows tables, not rules; those
 * are in `stored_jobs.ts`. Errors are SQLite's own.
 *
 * @module
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { JobBatch } from "../router/job_batch.ts";

/** Rows of one long INSERT: a job costs half of what it costs with one row each. */
const ROWS_OF_INSERT = 64;
const INSERT = "INSERT INTO job(list, created, payload) VALUES ";
/** Sets of ids go in as one JSON text: one call instead of one for each. */
const IDS = "(SELECT value FROM json_each(?))";

/** A saved lease. */
export interface LeaseRow {
  /** Its number. */
  readonly id: number;
  /** Number of its list. */
  readonly list: number;
  /** When it ends, in milliseconds since 1970. */
  readonly until: number;
  /** Ids of its jobs, as a JSON array. */
  readonly jobs: string;
}

/** Statements on the tables of one open database. */
export class JobRows {
  readonly #database: DatabaseSync;
  readonly #synchronous: "full" | "normal";
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #rollback: StatementSync;
  readonly #insertOne: StatementSync;
  readonly #insertMany: StatementSync;
  readonly #delete: StatementSync;
  readonly #listsOf: StatementSync;
  readonly #sizesOf: StatementSync;
  readonly #sizesAfter: StatementSync;
  readonly #payloadsOf: StatementSync;
  readonly #oldest: StatementSync;
  readonly #bytesUsed: StatementSync;
  readonly #insertLease: StatementSync;
  readonly #deleteLeases: StatementSync;

  /**
   * Compiles the statements.
   *
   * @param database an open database with the schema of `store_file.ts`
   * @param synchronous how it was opened
   */
  constructor(database: DatabaseSync, synchronous: "full" | "normal") {
    this.#database = database;
    this.#synchronous = synchronous;
    this.#begin = database.prepare("BEGIN IMMEDIATE");
    this.#commit = database.prepare("COMMIT");
    this.#rollback = database.prepare("ROLLBACK");
    this.#insertOne = database.prepare(`${INSERT}(?,?,?)`);
    const rows = Array.from({ length: ROWS_OF_INSERT }, () => "(?,?,?)");
    this.#insertMany = database.prepare(INSERT + rows.join());
    this.#delete = this.#rows(`DELETE FROM job WHERE id IN ${IDS} RETURNING id, list`);
    this.#listsOf = this.#rows(`SELECT id, list FROM job WHERE id IN ${IDS}`);
    const sizes = "SELECT id, length(payload) FROM job";
    this.#sizesOf = this.#rows(`${sizes} WHERE id IN ${IDS} ORDER BY id`);
    this.#sizesAfter = this.#rows(`${sizes} WHERE list = ? AND id > ? ORDER BY id LIMIT ?`);
    // A text is read in a third of the time of a blob; the bytes are the same, as jobs are UTF-8 without NUL.
    const payloads = "SELECT CAST(payload AS TEXT) FROM job";
    this.#payloadsOf = this.#rows(`${payloads} WHERE id IN ${IDS} ORDER BY id`);
    this.#oldest = this.#rows("SELECT created FROM job WHERE list = ? ORDER BY id LIMIT 1");
    this.#bytesUsed = this.#rows(
      "SELECT (page_count - freelist_count) * page_size " +
        "FROM pragma_page_count, pragma_freelist_count, pragma_page_size",
    );
    this.#insertLease = database.prepare(
      "INSERT INTO lease(id, list, until, jobs) VALUES (?,?,?,?)",
    );
    this.#deleteLeases = database.prepare(`DELETE FROM lease WHERE id IN ${IDS}`);
  }

  /** Runs `work` as one transaction; what it throws undoes all of it. */
  transaction<T>(work: () => T): T {
    this.#begin.run();
    try {
      const result = work();
      this.#commit.run();
      return result;
    } catch (error) {
      // Some failures have rolled back by themselves.
      if (this.#database.isTransaction) this.#rollback.run();
      throw error;
    }
  }

  /** Runs `work` without waiting for the disk: it is safe from a crash of the process, not from a power failure. */
  unflushed(work: () => void): void {
    // Compiling this pragma is what runs it, so that no statement can be kept for it.
    this.#database.exec("PRAGMA synchronous=NORMAL");
    try {
      work();
    } finally {
      this.#database.exec(`PRAGMA synchronous=${this.#synchronous}`);
    }
  }

  /** Appends the jobs of a batch, in order. */
  insert(batch: JobBatch, created: number): void {
    let i = 0;
    for (; i + ROWS_OF_INSERT <= batch.count; i += ROWS_OF_INSERT) {
      const values: (number | Uint8Array)[] = [];
      for (let k = i; k < i + ROWS_OF_INSERT; k++) {
        values.push(batch.lists[k]!, created, batch.text(k));
      }
      this.#insertMany.run(...values);
    }
    for (; i < batch.count; i++) this.#insertOne.run(batch.lists[i]!, created, batch.text(i));
  }

  /** Deletes jobs; ids that are not there do no harm. Returns id and list of each that was. */
  delete(ids: readonly number[]): [id: number, list: number][] {
    return this.#delete.all(JSON.stringify(ids)) as unknown as [number, number][];
  }

  /** Id and list of each of those jobs that exist. */
  listsOf(ids: readonly number[]): [id: number, list: number][] {
    return this.#listsOf.all(JSON.stringify(ids)) as unknown as [number, number][];
  }

  /** Ids and payload bytes of those jobs that exist, by id. */
  sizesOf(ids: readonly number[]): [id: number, bytes: number][] {
    return this.#sizesOf.all(JSON.stringify(ids)) as unknown as [number, number][];
  }

  /** Ids and payload bytes of a list's first jobs past an id, at most `max`. */
  sizesAfter(list: number, id: number, max: number): [id: number, bytes: number][] {
    return this.#sizesAfter.all(list, id, max) as unknown as [number, number][];
  }

  /** Payloads of jobs, by id. */
  payloadsOf(ids: readonly number[]): string[] {
    const rows = this.#payloadsOf.all(JSON.stringify(ids)) as unknown as [string][];
    return rows.map(([payload]) => payload);
  }

  /** When a list's first job was appended; undefined when it has none. */
  oldest(list: number): number | undefined {
    const row = this.#oldest.get(list) as unknown as [number] | undefined;
    return row?.[0];
  }

  /** Bytes of the file that hold something. */
  bytesUsed(): number {
    const [bytes] = this.#bytesUsed.get() as unknown as [number];
    return bytes;
  }

  /** Number of each list that has jobs, and how many. Reads the whole index: for the start. */
  totals(): [list: number, jobs: number][] {
    const statement = this.#rows("SELECT list, COUNT(*) FROM job GROUP BY list");
    return statement.all() as unknown as [number, number][];
  }

  /** All saved leases. */
  leases(): LeaseRow[] {
    const statement = this.#database.prepare("SELECT id, list, until, jobs FROM lease ORDER BY id");
    return statement.all() as unknown as LeaseRow[];
  }

  /** Saves a lease. */
  insertLease(row: LeaseRow): void {
    this.#insertLease.run(row.id, row.list, row.until, row.jobs);
  }

  /** Deletes leases; ids that are not there do no harm. */
  deleteLeases(ids: readonly number[]): void {
    if (ids.length > 0) this.#deleteLeases.run(JSON.stringify(ids));
  }

  /** Moves the log into the file and closes the database. */
  close(): void {
    this.#database.close();
  }

  /** A statement whose rows come as arrays, in half the time of rows as objects. */
  #rows(sql: string): StatementSync {
    const statement = this.#database.prepare(sql);
    // Deno 2.6 has the method; its types do not.
    (statement as StatementSync & { setReturnArrays(on: boolean): void }).setReturnArrays(true);
    return statement;
  }
}
