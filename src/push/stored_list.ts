/**
 * One list of the embedded store as memory has it: how many jobs there are, how old the oldest is, which are out; and which ones
 * a take gets. The rows are the truth; this is told of each change after its commit.
 *
 * @module
 */

import type { JobRows } from "./job_rows.ts";
import { LeaseBook } from "./lease_book.ts";
import type { ListState } from "./store_message.ts";

/** A take ends with the job that reaches this many bytes. */
export const TAKE_BYTES_MAX = 1 << 20;

/** What a take gets. */
export interface Choice {
  /** The jobs, ascending. */
  readonly ids: readonly number[];
  /** How many of them, the first ones, had come back from an earlier lease. */
  readonly returned: number;
  /** Up to where the list has been looked at. */
  readonly cursor: number;
}

/** A list's figures and leases. */
export class StoredList {
  /** Which jobs are out. */
  readonly leases: LeaseBook = new LeaseBook();
  readonly #number: number;
  readonly #rows: JobRows;
  #total: number;
  #oldestAt: number | undefined;
  #oldestIsStale = true;

  /**
   * Makes a list none of whose jobs is out.
   *
   * @param number of the list
   * @param rows where its jobs are
   * @param total how many there are
   */
  constructor(number: number, rows: JobRows, total: number) {
    this.#number = number;
    this.#rows = rows;
    this.#total = total;
  }

  /** Its figures. */
  get state(): ListState {
    const { leased } = this.leases;
    // A job that was acknowledged on a full disk may still have its row.
    const oldestAt = this.#total === 0 ? undefined : this.#oldestAt;
    return { waiting: this.#total - leased, leased, oldestAt };
  }

  /** A job was appended at `now`, in milliseconds since 1970. */
  appended(now: number): void {
    if (this.#total++ > 0) return;
    this.#oldestAt = now;
    this.#oldestIsStale = false;
  }

  /**
   * Jobs were deleted.
   *
   * @param ids which, each of this list
   * @returns keys of the leases that have no job left
   */
  deleted(ids: ReadonlySet<number>): number[] {
    this.#total -= ids.size;
    this.#oldestIsStale = true;
    return this.leases.forget(ids);
  }

  /** Looks up when the oldest job was appended, where deletions have made that uncertain. */
  refresh(): void {
    if (!this.#oldestIsStale) return;
    this.#oldestAt = this.#rows.oldest(this.#number);
    this.#oldestIsStale = false;
  }

  /**
   * Picks jobs for a take: those that came back, then those past the cursor. Changes nothing.
   *
   * @param room at most so many
   * @param isGone whether a job whose row is there is none any more
   */
  choose(room: number, isGone: (id: number) => boolean): Choice {
    const ids: number[] = [];
    let { cursor } = this.leases;
    let bytes = 0;
    for (const [id, size] of this.#rows.sizesOf(this.leases.returned(room))) {
      if (bytes >= TAKE_BYTES_MAX) break;
      ids.push(id);
      bytes += size;
    }
    const returned = ids.length;
    while (ids.length < room && bytes < TAKE_BYTES_MAX) {
      const rows = this.#rows.sizesAfter(this.#number, cursor, room - ids.length);
      if (rows.length === 0) break;
      for (const [id, size] of rows) {
        if (bytes >= TAKE_BYTES_MAX) break;
        cursor = id;
        if (this.leases.isLeased(id) || isGone(id)) continue; // leased before a restart, or gone
        ids.push(id);
        bytes += size;
      }
    }
    return { ids, returned, cursor };
  }
}
