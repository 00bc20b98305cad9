/**
 * The push jobs of a router that has Redis: five channels, each with the writer of its list, and the spool on disk for what Redis
 * does not take. The lists do not wait for each other.
 *
 * @module
 */

import type { Log } from "../../log.ts";
import type { JobBatch } from "../../router/job_batch.ts";
import { PUSH_LISTS } from "../../router/push_list.ts";
import { ByteBudget } from "../byte_budget.ts";
import { type Clock, systemClock } from "../../clock.ts";
import { PushChannel, WAITING_BYTES_MAX } from "../push_channel.ts";
import type { Spool } from "../spool.ts";
import { StoreError } from "../store_error.ts";
import { newWriterName } from "../writer_name.ts";
import { HeldBatches } from "./held_batches.ts";
import { ListWatch } from "./list_watch.ts";
import { APPEND_MAX, ListWriter, type ListWriterEvents } from "./list_writer.ts";
import { RedisError, type RedisLists } from "./redis_lists.ts";

/** Jobs older than that are not worth a push any more, in milliseconds. */
export const SPOOL_AGE_MS_MAX = 3_600_000;
/** Time from one look at lists and spool to the next, in milliseconds. */
const LOOK_MS = 10_000;
/** Least time from one write to the next one of a list, in milliseconds: with it, and a timer's grain, jobs leave within 5. */
const GATHER_MS = 3;

/** What a push queue in Redis is made of; it closes all of it. */
export interface RedisPushParts {
  /** The line to Redis. */
  readonly redis: RedisLists;
  /** The jobs on disk. */
  readonly spool: Spool;
  /** Where events go. */
  readonly log: Log;
  /** Names this process; 16 random hexadecimal digits unless given. */
  readonly writer?: string;
  /** Measures everything. */
  readonly clock?: Clock;
}

/** One list in figures. */
export interface RedisListFigures {
  /** Jobs that Redis has acknowledged. */
  readonly written: number;
  /** Jobs that went over the spool. */
  readonly spooled: number;
  /** Jobs in the spool. */
  readonly spoolJobs: number;
  /** Age of the oldest of them, in milliseconds. */
  readonly spoolOldestMs: number;
  /** Jobs dropped from the spool for their age. */
  readonly expired: number;
  /** Jobs sent again because Redis had lost them. */
  readonly resent: number;
  /** Jobs that Redis lost and that were held no longer. */
  readonly lost: number;
  /** Times that the watermark was gone although Redis was the same. */
  readonly wiped: number;
  /** Appends that failed. */
  readonly failures: number;
  /** Since when the list takes nothing, in milliseconds since 1970. */
  readonly stalledSince: number | undefined;
  /** What the last failure said. */
  readonly lastError: string | undefined;
  /** Jobs in the list of Redis as last seen; undefined while that is not known. */
  readonly length: number | undefined;
  /** Milliseconds in which nobody was seen to take from it. */
  readonly untakenMs: number;
}

/** Push jobs on their way to Redis. Figures by list are indexed by the list's number. */
export class RedisPush {
  /** Since when Redis is away, in milliseconds since 1970, or was not reached yet; undefined while it is there. */
  downSince: number | undefined;
  /** Why it was last away. */
  downReason: string | undefined;

  readonly #redis: RedisLists;
  readonly #spool: Spool;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #channels: readonly PushChannel[];
  readonly #writers: readonly ListWriter[];
  readonly #budget = new ByteBudget(WAITING_BYTES_MAX);
  readonly #held = new HeldBatches();
  readonly #watch: ListWatch;
  readonly #expired: number[] = PUSH_LISTS.map(() => 0);
  #cancelLook: (() => void) | undefined;
  #closed: Promise<number> | undefined;

  /**
   * Takes up what the spool holds, and new jobs from then on.
   *
   * @param parts what it is made of
   */
  constructor(parts: RedisPushParts) {
    const { redis, spool, log, clock = systemClock, writer = newWriterName() } = parts;
    this.#redis = redis;
    this.#spool = spool;
    this.#log = log;
    this.#clock = clock;
    this.#watch = new ListWatch(clock.now());
    const events = this.#writerEvents();
    const held = this.#held;
    this.#writers = PUSH_LISTS.map((_, list) =>
      new ListWriter({ list, writer, redis, spool, held, clock, events })
    );
    this.#channels = this.#writers.map((each, list) =>
      new PushChannel(each, {
        budget: this.#budget,
        gatherMs: GATHER_MS,
        batchJobsMax: APPEND_MAX.jobs,
        batchBytesMax: APPEND_MAX.bytes,
        clock,
        onFailing: (why) =>
          log("error", "push jobs can be neither sent nor spooled", {
            list: PUSH_LISTS[list],
            why,
          }),
        onRecovered: () => log("info", "push jobs are kept again", { list: PUSH_LISTS[list] }),
      })
    );
    if (!redis.isReady) this.downSince = clock.now();
    redis.onReady = () => this.#onReady();
    redis.onLost = (why) => this.#onLost(why);
    if (redis.isReady) this.#onReady();
    this.#planLook();
  }

  /** Jobs taken in. */
  get accepted(): readonly number[] {
    return this.#ofEach((channel, list) => channel.accepted[list]!);
  }

  /** Jobs turned away because too much waited in memory, or because the channel was closed. */
  get refused(): readonly number[] {
    return this.#ofEach((channel, list) => channel.refused[list]!);
  }

  /** Jobs taken in that the spool, at its bound, refused. */
  get refusedBySink(): readonly number[] {
    return this.#ofEach((channel, list) => channel.refusedBySink[list]!);
  }

  /** Jobs taken in that were neither written nor spooled when the time to close was over. */
  get lost(): readonly number[] {
    return this.#ofEach((channel, list) => channel.lost[list]!);
  }

  /** Jobs that wait in memory. */
  get waiting(): readonly number[] {
    return this.#ofEach((channel, list) => channel.waiting[list]!);
  }

  /** Bytes of these. */
  get waitingBytes(): number {
    return this.#budget.used;
  }

  /** Writes that were repeats. */
  get retries(): number {
    return this.#channels.reduce((sum, { retries }) => sum + retries, 0);
  }

  /** Why jobs can be neither sent nor spooled, or could not when it last was so. */
  get lastError(): string | undefined {
    return this.#channels.find(({ lastError }) => lastError !== undefined)?.lastError;
  }

  /** Since when jobs can be neither sent nor spooled, in milliseconds since 1970; undefined while all is well. */
  get failingSince(): number | undefined {
    const since = this.#channels.map(({ failingSince }) => failingSince ?? Infinity);
    const first = Math.min(...since);
    return first === Infinity ? undefined : first;
  }

  /** Bytes of the spool's file in use. */
  get spoolBytes(): number {
    return this.#spool.bytes;
  }

  /** Bytes of acknowledged jobs that are held. */
  get heldBytes(): number {
    return this.#held.bytes;
  }

  /** Every list in figures. */
  lists(): RedisListFigures[] {
    const now = this.#clock.now();
    return this.#writers.map((writer, list) => {
      const { written, spooled, resent, lost, wiped, failures, stalledSince, lastError } = writer;
      return {
        ...{ written, spooled, resent, lost, wiped, failures, stalledSince, lastError },
        spoolJobs: this.#spool.jobs(list),
        spoolOldestMs: this.#spool.oldestMs(list),
        expired: this.#expired[list]!,
        length: this.#watch.lengths[list],
        untakenMs: this.#watch.untakenMs(list, now),
      };
    });
  }

  /**
   * Copies jobs into the channels of their lists. Jobs that would exceed the bound of what waits are refused and counted.
   *
   * @param jobs in the order in which they are to be written; the caller's again when this returns
   * @returns the budget, when the caller should slow down for it
   */
  append(jobs: JobBatch): ByteBudget | undefined {
    for (let i = 0; i < jobs.count; i++) {
      const list = jobs.lists[i]!;
      this.#channels[list]!.appendJob(list, jobs.text(i));
    }
    return this.#budget.isCrowded ? this.#budget : undefined;
  }

  /**
   * Takes no further jobs, waits until all have reached Redis or the spool, and closes both. May be called twice.
   *
   * @param signal ends the waiting
   * @returns the jobs lost
   */
  close(signal?: AbortSignal): Promise<number> {
    return this.#closed ??= this.#close(signal);
  }

  async #close(signal: AbortSignal | undefined): Promise<number> {
    const lost = await Promise.all(this.#channels.map((channel) => channel.close(signal)));
    this.#cancelLook?.();
    for (const writer of this.#writers) writer.end();
    this.#redis.onLost = this.#redis.onReady = undefined;
    this.#redis.close();
    const left = PUSH_LISTS.reduce((sum, _, list) => sum + this.#spool.jobs(list), 0);
    if (left > 0) {
      this.#log(
        "warning",
        "push jobs stay in the spool; the next start takes them up, or `imr spool flush`",
        { jobs: left },
      );
    }
    await this.#spool.close(signal);
    return lost.reduce((sum, each) => sum + each, 0);
  }

  #ofEach(figure: (channel: PushChannel, list: number) => number): number[] {
    return this.#channels.map(figure);
  }

  #writerEvents(): ListWriterEvents {
    const log = this.#log;
    return {
      // While Redis is away its loss is said once, not once for each list.
      onStalled: (list, why) => {
        if (this.#redis.isReady) {
          log("warning", "push list takes no jobs, they wait in the spool", {
            list: PUSH_LISTS[list],
            why,
          });
        }
      },
      onResumed: (list) => {
        log("info", "push list takes jobs again", {
          list: PUSH_LISTS[list],
          spooled: this.#spool.jobs(list),
        });
      },
      onGap: (list, resent, lost) => {
        const level = lost > 0 ? "error" : "warning";
        log(level, "redis had lost push jobs", {
          list: PUSH_LISTS[list],
          sent_again: resent,
          lost,
        });
      },
      onEmptied: (list, resent) => {
        log("error", "redis came back empty: push jobs that no worker had taken are lost", {
          list: PUSH_LISTS[list],
          sent_again: resent,
          last_length: this.#watch.lengths[list],
        });
      },
      onWiped: (list) => {
        log("warning", "redis has forgotten the watermark: flushed, evicted or expired", {
          list: PUSH_LISTS[list],
        });
      },
    };
  }

  #onReady(): void {
    const { downSince } = this;
    this.downSince = undefined;
    const seconds = downSince === undefined ? 0 : (this.#clock.now() - downSince) / 1_000;
    const spooled = PUSH_LISTS.reduce((sum, _, list) => sum + this.#spool.jobs(list), 0);
    this.#log("info", "redis is ready", { after_seconds: Math.round(seconds * 10) / 10, spooled });
    for (const writer of this.#writers) writer.drain();
  }

  #onLost(why: string): void {
    const isNew = this.downReason === undefined || this.downSince === undefined;
    this.downReason = why;
    this.downSince ??= this.#clock.now();
    if (isNew) this.#log("warning", "redis is away, push jobs go to the spool", { why });
  }

  #planLook(): void {
    this.#cancelLook = this.#clock.after(LOOK_MS, () => {
      this.#look().finally(() => {
        if (this.#closed === undefined) this.#planLook();
      });
    });
  }

  async #look(): Promise<void> {
    this.#held.release(this.#clock.now());
    await Promise.all([this.#lookAtLists(), this.#expire()]);
  }

  async #lookAtLists(): Promise<void> {
    if (!this.#redis.isReady) return;
    const written = () => this.#writers.map(({ written, flying }) => ({ written, flying }));
    const asked = written();
    try {
      const lengths = await this.#redis.lengths();
      this.#watch.see(lengths, asked, written(), this.#clock.now());
    } catch (error) {
      if (!(error instanceof RedisError)) throw error; // the link says when Redis is away
    }
  }

  async #expire(): Promise<void> {
    try {
      const dropped = await this.#spool.expire(SPOOL_AGE_MS_MAX);
      dropped.forEach((jobs, list) => {
        if (jobs === 0) return;
        this.#expired[list]! += jobs;
        this.#log("error", "push jobs too old were dropped from the spool", {
          list: PUSH_LISTS[list],
          jobs,
        });
      });
    } catch (error) {
      if (!(error instanceof StoreError)) throw error; // tried again at the next look
    }
  }
}
