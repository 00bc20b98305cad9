/**
 * Reads the jobs of a data folder on which no router runs, and changes nothing.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { StoreError, storeErrorOf } from "./store_error.ts";
import { openStoreFile, STORE_FILE_NAME } from "./store_file.ts";

const ROWS = 1_000;

/** A job as it is stored. */
export interface StoredJob {
  /** Its id; ids of a list rise in the order of its jobs. */
  readonly id: number;
  /** Number of its list. */
  readonly list: number;
  /** When it was stored, in milliseconds since 1970. */
  readonly created: number;
  /** The job: one JSON object. */
  readonly payload: string;
}

/**
 * Every job, in the order in which they were stored.
 *
 * @param folder the data folder
 * @throws {StoreError} when there is no store in it, or it is in use or damaged
 */
export function* storedJobsIn(folder: string): Generator<StoredJob> {
  const path = join(folder, STORE_FILE_NAME);
  if (!exists(path)) throw new StoreError("unwritable", `there is no push store in ${folder}`);
  const { database } = openStoreFile({ folder, synchronous: "normal" });
  try {
    yield* rowsOf(database, path);
  } finally {
    database.close();
  }
}

function* rowsOf(database: DatabaseSync, path: string): Generator<StoredJob> {
  const page = database.prepare(
    "SELECT id, list, created, CAST(payload AS TEXT) AS payload FROM job WHERE id > ? " +
      `ORDER BY id LIMIT ${ROWS}`,
  );
  for (let last = 0;;) {
    let rows: StoredJob[];
    try {
      rows = page.all(last) as unknown as StoredJob[];
    } catch (error) {
      throw storeErrorOf(error, path);
    }
    yield* rows;
    if (rows.length < ROWS) return;
    last = rows[rows.length - 1]!.id;
  }
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
