/**
 * The database file of the embedded store and of the spool: made, locked, brought up to date, checked and shrunk here. What is
 * done with its rows is in `job_rows.ts` and `spool_rows.ts`. Runs in the store's worker, as each call blocks on the disk.
 *
 * @module
 */

import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { StoreError, storeErrorOf } from "./store_error.ts";

/** Name of the file in the data folder. */
export const STORE_FILE_NAME = "push.db";

/**
 * `list` is an index of PUSH_LISTS. Ids are never used twice, so that a late acknowledgement cannot hit another job. Leases are rows
 * of their own, one for each take, so that a restart does not hand out again what workers have in their hands.
 */
const VERSION_1 = [
  `CREATE TABLE job(
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     list INTEGER NOT NULL,
     created INTEGER NOT NULL,
     payload BLOB NOT NULL)`,
  "CREATE INDEX job_of_list ON job(list)",
  `CREATE TABLE lease(
     id INTEGER PRIMARY KEY,
     list INTEGER NOT NULL,
     until INTEGER NOT NULL,
     jobs TEXT NOT NULL)`,
];
/** By what Redis knows a job of the spool; both NULL for one of the embedded queue. Rows that exist are not rewritten. */
const VERSION_2 = [
  "ALTER TABLE job ADD COLUMN writer TEXT",
  "ALTER TABLE job ADD COLUMN seq INTEGER",
];
/** What leads from each version to the next; a new file goes through all. */
const STEPS = [VERSION_1, VERSION_2];
const SCHEMA_VERSION = STEPS.length;

/** A file that is larger than this and holds no job is shrunk when it is opened. */
const EMPTY_BYTES_MAX = 64 << 20;
/** The write-ahead log is cut back to this after a burst. */
const LOG_BYTES_KEPT = 16 << 20;

/** How the file is kept. */
export interface StoreFileSettings {
  /** The folder of the file, made when it is missing. */
  readonly folder: string;
  /** "full" outlives a power failure; "normal" saves a disk flush for each write and may lose the last of them then. */
  readonly synchronous: "full" | "normal";
  /** SQLite's own bound in pages of 4 KiB; it acts as a full disk does. */
  readonly pagesMax?: number;
}

/** The open database, and where it is, for messages. */
export interface StoreFile {
  /** The file. */
  readonly path: string;
  /** Its database, locked for this process. */
  readonly database: DatabaseSync;
}

/**
 * Opens the file and locks it for this process; the lock goes with the process, however it ends.
 *
 * @param settings where it is and how it is kept
 * @throws {StoreError} when it cannot be used, with the reason
 */
export function openStoreFile(settings: StoreFileSettings): StoreFile {
  const path = join(settings.folder, STORE_FILE_NAME);
  makeFile(settings.folder, path);
  const database = connect(path);
  try {
    prepareFile(database, path, settings);
    return { path, database };
  } catch (error) {
    database.close();
    throw storeErrorOf(error, path);
  }
}

/**
 * Makes folder and file for the owner's eyes only: jobs hold contents of messages. A file that exists is not even opened, as
 * closing it would drop the locks that this process has on it.
 */
function makeFile(folder: string, path: string): void {
  try {
    Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
    Deno.openSync(path, { write: true, createNew: true, mode: 0o600 }).close();
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists && Deno.statSync(folder).isDirectory) return;
    throw unwritable(path, error);
  }
}

function connect(path: string): DatabaseSync {
  try {
    return new DatabaseSync(path);
  } catch (error) {
    // Its errors carry no code, and it fails only where the file cannot be had.
    throw unwritable(path, error);
  }
}

function unwritable(path: string, error: unknown): StoreError {
  const reason = error instanceof Error ? error.message : String(error);
  return new StoreError("unwritable", `push store ${path} cannot be opened or made: ${reason}`);
}

function prepareFile(database: DatabaseSync, path: string, settings: StoreFileSettings): void {
  // Statements, not exec: the errors of exec carry no code.
  const run = (sql: string) => database.prepare(sql).get();
  run("PRAGMA locking_mode=EXCLUSIVE");
  const version = Number(run("PRAGMA user_version")?.["user_version"]);
  if (version > SCHEMA_VERSION) {
    throw new StoreError(
      "newer_schema",
      `push store ${path} was written by a newer version (schema ${version}, this one knows ` +
        `${SCHEMA_VERSION}): start that version, or move the file aside`,
    );
  }
  run("PRAGMA journal_mode=WAL");
  run(`PRAGMA synchronous=${settings.synchronous}`);
  run(`PRAGMA journal_size_limit=${LOG_BYTES_KEPT}`);
  if (settings.pagesMax !== undefined) run(`PRAGMA max_page_count=${settings.pagesMax}`);
  // The first write takes the lock, which in this mode is kept to the end.
  run("BEGIN IMMEDIATE");
  for (const sql of STEPS.slice(version).flat()) run(sql);
  if (version < SCHEMA_VERSION) run(`PRAGMA user_version=${SCHEMA_VERSION}`);
  run("COMMIT");
  shrinkEmpty(run);
}

function shrinkEmpty(run: (sql: string) => Record<string, unknown> | undefined): void {
  const pages = Number(run("PRAGMA page_count")?.["page_count"]);
  const pageBytes = Number(run("PRAGMA page_size")?.["page_size"]);
  if (pages * pageBytes <= EMPTY_BYTES_MAX) return;
  if (run("SELECT 1 FROM job LIMIT 1") === undefined) run("VACUUM");
}
