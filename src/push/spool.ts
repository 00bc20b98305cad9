/**
 * Push jobs on disk that wait for Redis, in the same file as the embedded queue. This is the main thread's side, which never
 * blocks; the database lives in a worker.
 *
 * A job is known by its writer, which names a process, and its sequence in its list. It keeps both until it is deleted, across
 * every restart, so that whoever writes it to Redis again can be told apart from whoever writes it first. What the embedded queue
 * left in the file is taken up when the spool is opened.
 *
 * @module
 */

import type { JobBatch } from "../router/job_batch.ts";
import { PUSH_LISTS } from "../router/push_list.ts";
import { type Clock, systemClock } from "../clock.ts";
import { packBatch, unpackBatch } from "./packed_batch.ts";
import { StoreError } from "./store_error.ts";
import { StoreLink, type StoreSettings } from "./store_link.ts";
import { newWriterName } from "./writer_name.ts";

const WRITER = /^[0-9a-f]{16}$/;

/** Settings of a spool. */
export type SpoolSettings = StoreSettings;

/** The first jobs of a list: of one writer, with consecutive sequences. */
export interface SpooledChunk {
  /** The process that decided them: 16 hexadecimal digits. */
  readonly writer: string;
  /** Sequence of the first one. */
  readonly firstSeq: number;
  /** What to delete them by, in the same order. */
  readonly ids: readonly number[];
  /** The jobs. */
  readonly batch: JobBatch;
}

/** The spool, open. */
export class Spool {
  readonly #link: StoreLink;
  readonly #clock: Clock;
  /** By number of the list. The worker's own figures lack what is under way to it. */
  readonly #jobs: number[];

  private constructor(link: StoreLink, clock: Clock) {
    this.#link = link;
    this.#clock = clock;
    this.#jobs = link.state.lists.map(({ waiting, leased }) => waiting + leased);
  }

  /**
   * Opens the spool of a data folder; it is made when it is missing. Jobs that the embedded queue left there are given a new
   * writer and sequences from 1 in the order of each list, and all leases are forgotten, in one transaction.
   *
   * @param settings where it is and how it is kept
   * @throws {StoreError} when it cannot be used: in use by another process, by an embedded store, written by a newer
   * version, damaged, its folder cannot be written, or no room on the disk for what has to be changed
   */
  static async open(settings: SpoolSettings): Promise<Spool> {
    const link = await StoreLink.open(settings, newWriterName());
    return new Spool(link, settings.clock ?? systemClock);
  }

  /** Bytes of the file that hold something, as last told. */
  get bytes(): number {
    return this.#link.state.bytes;
  }

  /**
   * Appends jobs of one list behind those that are there, all or none.
   *
   * @param list number of the list; the numbers in the batch are not looked at
   * @param writer of the jobs: 16 hexadecimal digits
   * @param firstSeq sequence of the first job; the others follow without a gap
   * @param batch at least one job, each UTF-8 without NUL; copied at once
   * @returns settles once they are committed
   * @throws {SinkFullError} when the file is at its bound
   * @throws {StoreError} when the disk fails or is full: nothing is kept then, and the same call may be made again
   * @throws {RangeError} when list, writer or sequence is none
   */
  async append(list: number, writer: string, firstSeq: number, batch: JobBatch): Promise<void> {
    checkList(list);
    if (!WRITER.test(writer)) throw new RangeError("writer must be 16 hexadecimal digits");
    checkCount("firstSeq", firstSeq);
    const { count } = batch;
    const place = { list, writer, firstSeq };
    this.#jobs[list]! += count;
    try {
      await this.#link.send({ kind: "append", batch: packBatch(batch), place });
    } catch (error) {
      this.#jobs[list]! -= count;
      throw error;
    }
  }

  /**
   * Reads the first jobs of a list and leaves them there. Jobs of an append that has not settled may be among them.
   *
   * @param list number of the list
   * @param jobsMax jobs at most, 1 or more
   * @param bytesMax bytes of their texts at most, 1 or more; the first job comes whatever its size
   * @returns undefined when no job is on disk
   * @throws {StoreError} when the file cannot be read
   * @throws {RangeError} when a number is out of range
   */
  async peek(list: number, jobsMax: number, bytesMax: number): Promise<SpooledChunk | undefined> {
    checkList(list);
    checkCount("jobsMax", jobsMax);
    checkCount("bytesMax", bytesMax);
    const peeked = await this.#link.send({ kind: "peek", list, jobsMax, bytesMax });
    return peeked && { ...peeked, batch: unpackBatch(peeked.batch) };
  }

  /**
   * Deletes jobs; ids that are unknown do no harm. On a full disk they are deleted in memory until there is room: they are
   * gone for this process, and come back, with writer and sequence as before, when it ends first.
   *
   * @param ids of jobs, as many as one chunk has
   * @throws {StoreError} when the disk fails for longer than memory bridges
   */
  async delete(ids: readonly number[]): Promise<void> {
    this.#countDown(await this.#link.send({ kind: "ack", ids }));
  }

  /**
   * Deletes what has waited for too long, a slice at a time, with other requests between two slices.
   *
   * @param olderThanMs age in milliseconds above which jobs go
   * @returns how many went, by number of the list
   * @throws {StoreError} when the disk fails before anything went; what had gone before a later failure is returned
   */
  async expire(olderThanMs: number): Promise<number[]> {
    const before = this.#clock.now() - olderThanMs;
    const dropped = PUSH_LISTS.map(() => 0);
    for (;;) {
      try {
        const slice = await this.#link.send({ kind: "expire", before });
        this.#countDown(slice);
        if (slice.every((jobs) => jobs === 0)) return dropped;
        slice.forEach((jobs, list) => dropped[list]! += jobs);
      } catch (error) {
        if (error instanceof StoreError && dropped.some((jobs) => jobs > 0)) return dropped;
        throw error;
      }
    }
  }

  /**
   * How many jobs of a list are spooled or on their way there, exactly: an append counts from its call, and no more when it has
   * failed; a delete counts when it was answered. Never waits.
   */
  jobs(list: number): number {
    return this.#jobs[list] ?? 0;
  }

  /** Age of a list's oldest job on disk in milliseconds, as last told; 0 when there is none. */
  oldestMs(list: number): number {
    const oldestAt = this.#link.state.lists[list]?.oldestAt;
    return oldestAt === undefined ? 0 : Math.max(0, this.#clock.now() - oldestAt);
  }

  /**
   * Works off the requests that wait, closes the file and ends the worker. May be called twice.
   *
   * @param signal ends the worker although the disk does not answer; what was committed is safe then too
   */
  close(signal?: AbortSignal): Promise<void> {
    return this.#link.close(signal);
  }

  #countDown(deleted: readonly number[]): void {
    deleted.forEach((jobs, list) => this.#jobs[list]! -= jobs);
  }
}

function checkList(list: number): void {
  if (!(list in PUSH_LISTS)) throw new RangeError(`${list} is no number of a list`);
}

function checkCount(name: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 1) return;
  throw new RangeError(`${name} must be a whole number of 1 or more`);
}
