/**
 * What can go wrong with the embedded store, in the words of an operator: each error names the file, what happened and
 * what helps.
 *
 * @module
 */

/**
 * What went wrong:
 * - `in_use`: another process has the store open
 * - `newer_schema`: a newer version of the program wrote it
 * - `corrupt`: the file is damaged, or no database
 * - `unwritable`: the file or its folder cannot be made or written
 * - `disk_full`: the disk, or SQLite's own limit, is full
 * - `full`: the store's own bound is reached; appending is refused, all else works
 * - `leased_out`: a list has as many leased jobs as it may
 * - `busy`: too many requests wait for the store, or too many clients for jobs
 * - `closed`: the store was closed
 * - `failed`: anything else that SQLite reports
 */
export type StoreErrorKind =
  | "in_use"
  | "newer_schema"
  | "corrupt"
  | "unwritable"
  | "disk_full"
  | "full"
  | "leased_out"
  | "busy"
  | "closed"
  | "failed";

/** The embedded store cannot do what was asked. */
export class StoreError extends Error {
  /** The class, for logs. */
  override readonly name = "StoreError";

  /**
   * Makes an error for an operator to read.
   *
   * @param kind what went wrong
   * @param message the same for people, with the file where one is concerned
   */
  constructor(readonly kind: StoreErrorKind, message: string) {
    super(message);
  }
}

/** The low byte of SQLite's result codes, and what they mean to an operator. */
const MEANINGS: ReadonlyMap<number, readonly [StoreErrorKind, string]> = new Map([
  [3, ["unwritable", "no permission"]],
  [5, ["in_use", "another process uses it; two routers cannot share a data folder"]],
  [8, ["unwritable", "the file or its folder is read-only"]],
  [11, ["corrupt", "the file is damaged; move it aside, docs/PUSH.md says how to save its jobs"]],
  [13, ["disk_full", "no space left; it goes on by itself once there is some"]],
  [14, ["unwritable", "the file cannot be opened"]],
  [26, ["corrupt", "not a database; move the file aside and start again"]],
]);

/**
 * Turns what SQLite threw into a store error.
 *
 * @param error what was caught
 * @param path the database file, for the message
 * @returns the error in an operator's words; a store error as it is
 * @throws whatever was caught, when it came neither from SQLite nor from the store: that is a bug
 */
export function storeErrorOf(error: unknown, path: string): StoreError {
  if (error instanceof StoreError) return error;
  if (!(error instanceof Error) || !("code" in error) || error.code !== "ERR_SQLITE_ERROR") {
    throw error;
  }
  const code = "errcode" in error && typeof error.errcode === "number" ? error.errcode & 0xff : 0;
  const [kind, meaning] = MEANINGS.get(code) ?? ["failed", "SQLite failed"];
  return new StoreError(kind, `push store ${path}: ${meaning} (${error.message})`);
}
