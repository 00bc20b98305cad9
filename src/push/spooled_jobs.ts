/**
 * How the spool is read: which jobs are the first of a list, and which are too old. Runs in the store's worker; what is written
 * goes through `stored_jobs.ts`.
 *
 * @module
 */

import { JobBatch } from "../router/job_batch.ts";
import { PUSH_LISTS } from "../router/push_list.ts";
import { packBatch } from "./packed_batch.ts";
import type { SizeRow, SpoolRow, SpoolRows } from "./spool_rows.ts";
import type { Peeked } from "./store_message.ts";

/** Jobs that go together when they are too old: they keep the disk for some 10 ms. */
export const EXPIRE_JOBS_MAX = 2_000;
/** The same in bytes: each page of a large job is touched when it goes. */
const EXPIRE_BYTES_MAX = 8 << 20;
/** Bytes of UTF-8 that a unit of a string becomes at most. */
const BYTES_OF_UNIT = 3;

const ENCODER = new TextEncoder();

/** The first jobs of each list. */
export class SpooledJobs {
  readonly #rows: SpoolRows;
  readonly #isGone: (id: number) => boolean;
  /** By number of the list: jobs up to this id are gone, though some may still have their rows. Ids only grow. */
  readonly #cursors: number[] = PUSH_LISTS.map(() => 0);

  /**
   * Makes a reader of rows.
   *
   * @param rows where the jobs are
   * @param isGone whether a job whose row is there is none any more
   */
  constructor(rows: SpoolRows, isGone: (id: number) => boolean) {
    this.#rows = rows;
    this.#isGone = isGone;
  }

  /**
   * Reads the first jobs of a list: of one writer, consecutive, within both bounds except for the first.
   *
   * @param list number of the list
   * @param jobsMax jobs at most, 1 or more
   * @param bytesMax bytes of texts at most
   */
  peek(list: number, jobsMax: number, bytesMax: number): Peeked | undefined {
    let count = 0;
    let bytes = 0;
    for (const [id, size] of this.#first(list, jobsMax)) {
      bytes += size;
      if (count > 0 && (bytes > bytesMax || this.#isGone(id))) break;
      count++;
    }
    if (count === 0) return undefined;
    return chunkOf(list, this.#rows.jobsAfter(list, this.#cursors[list]!, count));
  }

  /** Ids of the first jobs of the lists that were appended before a time, as many as may go together. */
  appendedBefore(time: number): number[] {
    const ids: number[] = [];
    let bytes = 0;
    for (const list of PUSH_LISTS.keys()) {
      // Mostly nothing is old, and one row says so.
      const [oldest] = this.#first(list, 1);
      if (oldest === undefined || oldest[2] >= time) continue;
      for (const [id, size, created] of this.#first(list, EXPIRE_JOBS_MAX - ids.length)) {
        if (created >= time) break;
        if (this.#isGone(id)) continue;
        ids.push(id);
        bytes += size;
        if (ids.length >= EXPIRE_JOBS_MAX || bytes >= EXPIRE_BYTES_MAX) return ids;
      }
    }
    return ids;
  }

  /** A list's first rows, the very first of which is no job that is gone. */
  #first(list: number, max: number): SizeRow[] {
    for (;;) {
      const rows = this.#rows.sizesAfter(list, this.#cursors[list]!, max);
      const start = rows.findIndex(([id]) => !this.#isGone(id));
      if (start === 0 || rows.length === 0) return rows;
      this.#cursors[list] = rows.at(start < 0 ? -1 : start - 1)![0];
    }
  }
}

/** Packs the first of these rows, as far as writer and sequence go on without a break. */
function chunkOf(list: number, rows: readonly SpoolRow[]): Peeked {
  const [, , writer, firstSeq] = rows[0]!;
  const batch = new JobBatch();
  const ids: number[] = [];
  for (const [id, text, itsWriter, seq] of rows) {
    if (itsWriter !== writer || seq !== firstSeq + ids.length) break;
    const at = batch.byteLength;
    const room = batch.reserve(at, text.length * BYTES_OF_UNIT).subarray(at);
    batch.commit(list, at + ENCODER.encodeInto(text, room).written);
    ids.push(id);
  }
  return { writer, firstSeq, ids, batch: packBatch(batch) };
}
