/**
 * The push queue that needs no other service: jobs are kept in a file of the data folder, and push workers take and acknowledge
 * them. This is the main thread's side, which never blocks; the database lives in a worker.
 *
 * Delivery is at least once: a job is gone only when it was acknowledged, and one that is not acknowledged before its lease
 * ends goes out again, in front of all others.
 *
 * @module
 */

import type { JobBatch } from "../router/job_batch.ts";
import { PUSH_LISTS, type PushListName } from "../router/push_list.ts";
import { type Clock, systemClock } from "../clock.ts";
import { packBatch } from "./packed_batch.ts";
import type { PushSink } from "./push_sink.ts";
import { StoreLink, type StoreSettings } from "./store_link.ts";
import type { Taken } from "./store_message.ts";
import { TakeWaiters } from "./take_waiters.ts";

/** Jobs of one take. */
export const TAKE_JOBS_MAX = 1_000;
/** Seconds of a lease. */
export const LEASE_SECONDS_MAX = 3_600;
/** Seconds that a take may wait. */
export const WAIT_SECONDS_MAX = 30;
/** Ids of one acknowledgement. */
export const ACK_IDS_MAX = 10_000;

/** Settings of a store. */
export type EmbeddedStoreSettings = StoreSettings;

/** What a push worker asks for. */
export interface TakeOrder {
  /** The list to take from. */
  readonly list: PushListName;
  /** Jobs at most, 1 to {@linkcode TAKE_JOBS_MAX}. Large jobs come in smaller numbers: a take ends with its first MiB. */
  readonly max: number;
  /** Seconds until the jobs come back unless they are acknowledged, 1 to {@linkcode LEASE_SECONDS_MAX}. */
  readonly leaseSeconds: number;
  /** Seconds to wait when there is no job, 0 (the default) to {@linkcode WAIT_SECONDS_MAX}. */
  readonly waitSeconds?: number;
  /** Fires when the client has gone. */
  readonly signal?: AbortSignal;
}

/** A leased job. */
export interface TakenJob {
  /** What to acknowledge. */
  readonly id: number;
  /** The job as the router wrote it: one JSON object. */
  readonly payload: string;
}

/** One list in figures. */
export interface ListCount {
  /** Its name. */
  readonly list: PushListName;
  /** Jobs that a worker could take now. */
  readonly waiting: number;
  /** Jobs that workers have taken and not acknowledged. */
  readonly leased: number;
  /** Age of the oldest job, leased or not, in milliseconds; 0 when there is none. */
  readonly oldestMs: number;
}

/** The embedded store, open. */
export class EmbeddedStore implements PushSink {
  readonly #clock: Clock;
  readonly #link: StoreLink;
  readonly #waiters: TakeWaiters;
  /** Takes back the look at the next end of a lease, and when that is. */
  #cancelLook: (() => void) | undefined;
  #lookAt: number | undefined;
  #closed = false;

  private constructor(link: StoreLink, clock: Clock) {
    this.#clock = clock;
    this.#link = link;
    this.#waiters = new TakeWaiters(clock);
    link.onState = () => this.#onState();
    this.#onState();
  }

  /**
   * Opens the store of a data folder; it is made when it is missing.
   *
   * @param settings where it is and how it is kept
   * @throws {StoreError} when it cannot be used: in use by another process, written by a newer version, damaged, or
   * its folder cannot be written
   */
  static async open(settings: EmbeddedStoreSettings): Promise<EmbeddedStore> {
    return new EmbeddedStore(await StoreLink.open(settings), settings.clock ?? systemClock);
  }

  /** How many takes wait for jobs. */
  get waiterCount(): number {
    return this.#waiters.count;
  }

  /**
   * Appends the jobs of a batch, all or none.
   *
   * @param batch at least one job, each UTF-8 without NUL; copied at once
   * @returns settles once they are committed
   * @throws {SinkFullError} when the file is at its bound
   * @throws {StoreError} when the disk fails or is full; the same batch may then be written again
   */
  async write(batch: JobBatch): Promise<void> {
    await this.#link.send({ kind: "append", batch: packBatch(batch) });
  }

  /**
   * Leases the first jobs of a list. Without any, it waits for one that is appended or comes back.
   *
   * @param order what to take, for how long, and how long to wait
   * @returns the jobs, in order; none when the wait is over or the store closes
   * @throws {RangeError} when a number or the list's name is out of range
   * @throws {StoreError} when too many jobs are out, too many clients wait, or the disk fails
   * @throws the signal's reason when it fires; jobs that were about to be given come back at once
   */
  async take(order: TakeOrder): Promise<TakenJob[]> {
    const { max, leaseSeconds, waitSeconds = 0, signal } = order;
    const list = PUSH_LISTS.indexOf(order.list);
    if (list < 0) throw new RangeError(`list must be one of ${PUSH_LISTS.join(", ")}`);
    checkWhole("max", max, 1, TAKE_JOBS_MAX);
    checkWhole("lease", leaseSeconds, 1, LEASE_SECONDS_MAX);
    checkWhole("wait", waitSeconds, 0, WAIT_SECONDS_MAX);
    const endsAt = this.#clock.now() + waitSeconds * 1_000;
    for (;;) {
      signal?.throwIfAborted();
      const taken = await this.#lease(list, max, leaseSeconds * 1_000);
      if (signal?.aborted) await this.#giveBack(list, taken.lease);
      signal?.throwIfAborted();
      const leftMs = endsAt - this.#clock.now();
      if (taken.ids.length > 0 || leftMs <= 0 || this.#closed) {
        return taken.ids.map((id, i) => ({ id, payload: taken.payloads[i]! }));
      }
      await this.#waiters.wait(list, leftMs, signal);
      if (this.#closed) return [];
    }
  }

  /**
   * Deletes jobs that were worked off. Ids that are unknown, or were acknowledged before, do no harm; neither does one whose
   * lease is over, which then does not go out again.
   *
   * @param ids of jobs, at most {@linkcode ACK_IDS_MAX}
   * @returns how many jobs were deleted
   * @throws {RangeError} when an id is no whole number of 1 or more, or when there are too many
   * @throws {StoreError} when the disk fails
   */
  async ack(ids: readonly number[]): Promise<number> {
    if (ids.length > ACK_IDS_MAX) throw new RangeError(`at most ${ACK_IDS_MAX} ids at a time`);
    for (const id of ids) checkWhole("id", id, 1, Number.MAX_SAFE_INTEGER);
    const acked = await this.#link.send({ kind: "ack", ids });
    return acked.reduce((sum, jobs) => sum + jobs, 0);
  }

  /** Every list in figures, as the worker last told them. Costs nothing and never waits for the disk. */
  counts(): ListCount[] {
    const now = this.#clock.now();
    return this.#link.state.lists.map(({ waiting, leased, oldestAt }, i) => {
      const oldestMs = oldestAt === undefined ? 0 : Math.max(0, now - oldestAt);
      return { list: PUSH_LISTS[i]!, waiting, leased, oldestMs };
    });
  }

  /**
   * Lets takes that wait go home empty, works off the requests that wait, closes the file and ends the worker. May be called
   * twice.
   *
   * @param signal ends the worker although the disk does not answer; what was committed is safe then too
   */
  async close(signal?: AbortSignal): Promise<void> {
    this.#closed = true;
    this.#waiters.wakeAll();
    await this.#link.close(signal);
    this.#cancelLook?.();
    this.#cancelLook = undefined;
  }

  #lease(list: number, max: number, leaseMs: number): Promise<Taken> {
    return this.#link.send({ kind: "take", list, max, leaseMs });
  }

  async #giveBack(list: number, lease: number): Promise<void> {
    if (lease > 0) await this.#link.send({ kind: "release", list, lease });
  }

  #onState(): void {
    const { lists, leaseEndsAt } = this.#link.state;
    lists.forEach(({ waiting }, list) => {
      if (waiting > 0) this.#waiters.wake(list);
    });
    this.#planLook(leaseEndsAt);
  }

  /** Has the worker look when the next lease ends: then jobs come back, and somebody may wait for them. */
  #planLook(at: number | undefined): void {
    if (at === this.#lookAt || this.#closed) return;
    this.#cancelLook?.();
    this.#cancelLook = undefined;
    this.#lookAt = at;
    if (at === undefined) return;
    this.#cancelLook = this.#clock.after(Math.max(0, at - this.#clock.now()), () => {
      this.#lookAt = undefined;
      this.#link.look();
    });
  }
}

function checkWhole(name: string, value: number, min: number, max: number): void {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return;
  throw new RangeError(`${name} must be a whole number from ${min} to ${max}`);
}
