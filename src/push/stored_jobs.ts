/**
 * The embedded push queue itself, and the spool: jobs in SQLite, appended, leased or looked at, and deleted. Synchronous; it runs
 * in the store's worker. Time comes with each call.
 *
 * What is written becomes memory's truth only after the commit. Jobs are leased outside of the transaction that appends, so that no
 * lease ever covers a job that a rollback takes away (SQLite would then give its id to another).
 *
 * @module
 */

import { PUSH_LISTS } from "../router/push_list.ts";
import { JobRows, type LeaseRow } from "./job_rows.ts";
import { unpackBatch } from "./packed_batch.ts";
import { SpoolRows } from "./spool_rows.ts";
import { SpooledJobs } from "./spooled_jobs.ts";
import { StoreError, storeErrorOf } from "./store_error.ts";
import { openStoreFile, type StoreFileSettings } from "./store_file.ts";
import type { AppendRequest, ChangeRequest, ListState, Peeked, Taken } from "./store_message.ts";
import { StoredList } from "./stored_list.ts";

/** Jobs of one list that may be leased at a time; each costs memory. */
export const LEASED_JOBS_MAX = 100_000;
/** The longest lease, in milliseconds. */
export const LEASE_MS_MAX = 3_600_000;
/** Acknowledged jobs whose rows may wait for a disk that cannot be written. */
export const UNSAVED_ACKS_MAX = 100_000;

const NONE: Taken = { lease: 0, ids: [], payloads: [] };

/** Settings of the stored jobs. */
export interface StoredJobsSettings extends StoreFileSettings {
  /** Bytes of the file in use from which on appending is refused. */
  readonly bytesMax: number;
  /**
   * Opens the file as the spool: jobs without a writer are given this one, and all leases are forgotten. Left out for the
   * embedded queue, which takes every job as it is.
   */
  readonly adopter?: string;
}

/** What came of a change: jobs appended; jobs deleted, by number of the list; or why it was not made. */
export type Outcome = number | readonly number[] | StoreError;

/** What memory does once a change is committed, and what is answered. */
type Effect = () => Outcome;

/** The jobs of one data folder. */
export class StoredJobs {
  readonly #path: string;
  readonly #bytesMax: number;
  readonly #rows: JobRows;
  readonly #spoolRows: SpoolRows;
  readonly #spooled: SpooledJobs;
  readonly #lists: readonly StoredList[];
  #lastLease = 0;
  /** Leases that have ended and whose rows are still there; they go with the next write. */
  #endedLeases: number[] = [];
  /** Jobs that were acknowledged while the disk could not be written; their rows go as soon as it can. */
  readonly #unsavedAcks = new Set<number>();
  #bytes = 0;

  /**
   * Opens the store, which no other process may have open.
   *
   * @param settings where it is and how it is kept
   * @param now milliseconds since 1970
   * @throws {StoreError} when it cannot be used
   */
  constructor(settings: StoredJobsSettings, now: number) {
    const { path, database } = openStoreFile(settings);
    this.#path = path;
    this.#bytesMax = settings.bytesMax;
    try {
      const rows = this.#rows = new JobRows(database, settings.synchronous);
      const spoolRows = this.#spoolRows = new SpoolRows(database);
      this.#spooled = new SpooledJobs(spoolRows, (id) => this.#unsavedAcks.has(id));
      const { adopter } = settings;
      if (adopter !== undefined) {
        rows.transaction(() => {
          rows.deleteLeases(rows.leases().map(({ id }) => id));
          spoolRows.adopt(adopter, now);
        });
      }
      const totals = new Map(rows.totals());
      this.#lists = PUSH_LISTS.map((_, list) => new StoredList(list, rows, totals.get(list) ?? 0));
      for (const lease of rows.leases()) this.#load(lease, now);
    } catch (error) {
      database.close();
      throw storeErrorOf(error, path);
    }
  }

  /**
   * Appends and deletes in one transaction. When that fails, each change is tried alone, so that one that cannot be made
   * does not hold up the others.
   *
   * @param changes in the order in which they came
   * @param now milliseconds since 1970
   * @returns what came of each
   */
  change(changes: readonly ChangeRequest[], now: number): Outcome[] {
    if (changes.length === 0) return [];
    this.#saveAcks();
    return this.#change(changes, now);
  }

  #change(changes: readonly ChangeRequest[], now: number): Outcome[] {
    try {
      const effects = this.#rows.transaction(() => {
        this.#rows.deleteLeases(this.#endedLeases);
        return changes.map((change) => this.#write(change, now));
      });
      this.#endedLeases = [];
      return effects.map((effect) => effect());
    } catch (error) {
      const failure = storeErrorOf(error, this.#path);
      if (changes.length > 1) return changes.flatMap((change) => this.#change([change], now));
      const change = changes[0]!;
      return [change.kind === "append" ? failure : this.#deleteUnsaved(change, failure)];
    }
  }

  /**
   * Leases the first jobs of a list that are not out.
   *
   * @param list number of the list
   * @param max at most so many; fewer when they are large
   * @param leaseMs how long, in milliseconds, at most {@linkcode LEASE_MS_MAX}
   * @param now milliseconds since 1970
   * @throws {StoreError} when the list has too many jobs out, or the database cannot be read
   */
  take(list: number, max: number, leaseMs: number, now: number): Taken {
    this.expire(now);
    const { leases, state } = this.#lists[list]!;
    if (state.waiting === 0) return NONE;
    const room = Math.min(max, LEASED_JOBS_MAX - state.leased);
    if (room <= 0) {
      const name = PUSH_LISTS[list];
      throw new StoreError(
        "leased_out",
        `${state.leased} jobs of ${name} are out: acknowledge some`,
      );
    }
    try {
      const { ids, returned, cursor } = this.#choose(list, room);
      leases.cursor = cursor;
      if (ids.length === 0) return NONE;
      const payloads = this.#rows.payloadsOf(ids);
      const lease = ++this.#lastLease;
      leases.grant(lease, ids, returned, now + leaseMs);
      this.#saveLease({ id: lease, list, until: now + leaseMs, jobs: JSON.stringify(ids) });
      return { lease, ids, payloads };
    } catch (error) {
      throw storeErrorOf(error, this.#path);
    }
  }

  /**
   * Reads the first jobs of a list of the spool: of one writer, consecutive, and within both bounds except for the first job.
   *
   * @param list number of the list
   * @param jobsMax jobs at most
   * @param bytesMax bytes of their texts at most
   * @returns undefined when there is none
   * @throws {StoreError} when the database cannot be read
   */
  peek(list: number, jobsMax: number, bytesMax: number): Peeked | undefined {
    try {
      return this.#spooled.peek(list, jobsMax, bytesMax);
    } catch (error) {
      throw storeErrorOf(error, this.#path);
    }
  }

  /** Ends a lease early; does nothing when it has ended. */
  release(list: number, lease: number): void {
    this.#lists[list]!.leases.release(lease);
    this.#endedLeases.push(lease);
  }

  /** Brings back the jobs whose lease is over at `now`. */
  expire(now: number): void {
    for (const { leases } of this.#lists) this.#endedLeases.push(...leases.expire(now));
  }

  /** Every list as it is, by number. */
  states(): ListState[] {
    return this.#lists.map((list) => {
      this.#tolerate(() => list.refresh());
      return list.state;
    });
  }

  /** When the next lease ends, in milliseconds since 1970; undefined when none is open. */
  leaseEndsAt(): number | undefined {
    const first = Math.min(...this.#lists.map(({ leases }) => leases.earliest ?? Infinity));
    return first === Infinity ? undefined : first;
  }

  /** Bytes of the file that hold something. */
  bytes(): number {
    this.#tolerate(() => this.#bytes = this.#rows.bytesUsed());
    return this.#bytes;
  }

  /** Moves the log into the file and closes it. */
  close(): void {
    this.#saveAcks();
    this.#rows.close();
  }

  #load(lease: LeaseRow, now: number): void {
    this.#lastLease = lease.id;
    const asked: number[] = JSON.parse(lease.jobs);
    const ids = this.#rows.sizesOf(asked).map(([id]) => id);
    // A clock that was set back must not lock jobs away for longer than any lease lasts.
    const until = Math.min(lease.until, now + LEASE_MS_MAX);
    if (ids.length === 0 || until <= now) this.#endedLeases.push(lease.id);
    else this.#lists[lease.list]!.leases.grant(lease.id, ids, 0, until);
  }

  #write(change: ChangeRequest, now: number): Effect {
    if (change.kind === "append") return this.#append(change, now);
    // What was deleted in memory before has been counted.
    const deleted = this.#rows.delete(this.#idsOf(change))
      .filter(([id]) => !this.#unsavedAcks.has(id));
    return () => this.#forget(deleted);
  }

  #idsOf(change: Exclude<ChangeRequest, AppendRequest>): readonly number[] {
    return change.kind === "ack" ? change.ids : this.#spooled.appendedBefore(change.before);
  }

  #append({ batch: packed, place }: AppendRequest, now: number): Effect {
    const batch = unpackBatch(packed);
    if (this.#rows.bytesUsed() + batch.byteLength > this.#bytesMax) {
      const message = `push store ${this.#path} is at its bound of ${this.#bytesMax} bytes`;
      return () => new StoreError("full", message);
    }
    if (place === undefined) this.#rows.insert(batch, now);
    else this.#spoolRows.insert(batch, place, now);
    return () => {
      for (let i = 0; i < batch.count; i++) {
        this.#lists[place?.list ?? batch.lists[i]!]!.appended(now);
      }
      return batch.count;
    };
  }

  #forget(jobs: readonly (readonly [id: number, list: number])[]): readonly number[] {
    const idsOf = PUSH_LISTS.map(() => new Set<number>());
    for (const [id, list] of jobs) idsOf[list]!.add(id);
    idsOf.forEach((ids, list) => {
      if (ids.size > 0) this.#endedLeases.push(...this.#lists[list]!.deleted(ids));
    });
    return idsOf.map((ids) => ids.size);
  }

  /**
   * Deletes in memory alone. On a full disk every job would else go out again whenever its lease ends, although it was
   * worked off; this way it does only if the process ends before there is room.
   */
  #deleteUnsaved(change: Exclude<ChangeRequest, AppendRequest>, failure: StoreError): Outcome {
    try {
      const ids = this.#idsOf(change);
      if (this.#unsavedAcks.size + ids.length > UNSAVED_ACKS_MAX) return failure;
      const jobs = this.#rows.listsOf(ids).filter(([id]) => !this.#unsavedAcks.has(id));
      for (const [id] of jobs) this.#unsavedAcks.add(id);
      return this.#forget(jobs);
    } catch (error) {
      return storeErrorOf(error, this.#path);
    }
  }

  #saveAcks(): void {
    if (this.#unsavedAcks.size === 0) return;
    this.#tolerate(() => {
      this.#rows.transaction(() => this.#rows.delete([...this.#unsavedAcks]));
      this.#unsavedAcks.clear();
    });
  }

  #choose(list: number, room: number): ReturnType<StoredList["choose"]> {
    return this.#lists[list]!.choose(room, (id) => this.#unsavedAcks.has(id));
  }

  /** A lease that cannot be saved holds all the same, but not across a restart. */
  #saveLease(lease: LeaseRow): void {
    this.#tolerate(() => {
      this.#rows.unflushed(() => {
        this.#rows.deleteLeases(this.#endedLeases);
        this.#rows.insertLease(lease);
      });
      this.#endedLeases = [];
    });
  }

  /** Runs what may fail with the disk because it is tried again anyhow; a bug still throws. */
  #tolerate(work: () => void): void {
    try {
      work();
    } catch (error) {
      storeErrorOf(error, this.#path);
    }
  }
}
