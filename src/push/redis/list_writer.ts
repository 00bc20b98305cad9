/**
 * Writes the push jobs of one Redis list: each exactly once and in order, whatever Redis does.
 *
 * A job is known by its writer and its sequence, and Redis keeps the watermark of each writer beside the list, so that writing again
 * what may have been written does no harm. One call is under way at a time. What Redis does not take soon goes to the spool on
 * disk, with its sequence; and while the spool holds jobs of the list, newer ones go behind them.
 *
 * ```text
 * write(batch) ── spool empty, Redis ready ──▶ append script ── answered in time ──▶ held for a while
 *      │                                            └─ failed, or late ─┐
 *      └── else ────────────────────────────────────────────────────────▶ spool ──▶ drain: append script, delete
 * ```
 *
 * @module
 */

import { JobBatch } from "../../router/job_batch.ts";
import { PUSH_LISTS } from "../../router/push_list.ts";
import type { Clock } from "../../clock.ts";
import { type PushSink, SinkFullError } from "../push_sink.ts";
import type { Spool } from "../spool.ts";
import { StoreError } from "../store_error.ts";
import type { HeldBatches } from "./held_batches.ts";
import { type AppendOrder, RedisError, type RedisLists } from "./redis_lists.ts";

/** Redis is given so long before a batch goes to the spool as well, in milliseconds: a killed process loses no more than that. */
export const PATIENCE_MS = 50;
/** Pause after a failure before the spool is tried again, in milliseconds; it doubles with each further one. */
export const RETRY_MS = { first: 50, max: 2_000 };
/**
 * Bounds of one append. Large, as under load each takes a turn of the event loop or more, whatever its size; Redis is held up by
 * the largest for some milliseconds.
 */
export const APPEND_MAX = { jobs: 8_000, bytes: 1 << 20 };
/** Gaps in a row after which an append counts as failed. */
const GAPS_MAX = 4;

/** What a writer needs of the spool. */
export type ListSpool = Pick<Spool, "append" | "peek" | "delete" | "jobs">;

/** What a writer tells whoever writes the log; none may throw. */
export interface ListWriterEvents {
  /** The list takes no jobs; told once until it has recovered. */
  readonly onStalled?: (list: number, why: string) => void;
  /** It takes jobs again. */
  readonly onResumed?: (list: number) => void;
  /** Redis had lost the last of what it had acknowledged: so many jobs were sent again, so many were held no longer. */
  readonly onGap?: (list: number, resent: number, lost: number) => void;
  /**
   * Redis came back without anything: so many jobs were sent again. Of older ones those are lost that no worker had taken, and
   * nobody knows how many these are.
   */
  readonly onEmptied?: (list: number, resent: number) => void;
  /** The watermark was gone although Redis is the same: flushed, evicted or expired. Nothing is sent again. */
  readonly onWiped?: (list: number) => void;
}

/** What a writer is made of. */
export interface ListWriterParts {
  /** Number of the list. */
  readonly list: number;
  /** Names this process; never used before. */
  readonly writer: string;
  /** Where the jobs go. */
  readonly redis: RedisLists;
  /** Where they wait. */
  readonly spool: ListSpool;
  /** Acknowledged batches, shared by the lists. */
  readonly held: HeldBatches;
  /** Measures patience and pauses. */
  readonly clock: Clock;
  /** Who is told. */
  readonly events?: ListWriterEvents;
}

/** What Redis acknowledged of one writer: this process, or one before it whose spool is worked off. */
interface Progress {
  /** The last sequence. */
  acknowledged: number;
  /** In which life of Redis that was; undefined before the first. */
  incarnation: string | undefined;
}

/** A batch under its sequence. */
interface Numbered {
  readonly batch: JobBatch;
  readonly first: number;
  /** Whether Redis may have it. */
  sent: boolean;
}

/** The writer of one list. */
export class ListWriter implements PushSink {
  /** Jobs that Redis has acknowledged, those that it had already included. */
  written = 0;
  /** Jobs under way to Redis. */
  flying = 0;
  /** Jobs that went to the spool. */
  spooled = 0;
  /** Jobs sent again because Redis had lost them. */
  resent = 0;
  /** Jobs that Redis lost and that were held no longer. */
  lost = 0;
  /** Times that the watermark was gone although Redis was the same. */
  wiped = 0;
  /** Appends that failed. */
  failures = 0;
  /** Since when the list takes nothing, in milliseconds since 1970; undefined while all is well. */
  stalledSince: number | undefined;
  /** What the last failure said. */
  lastError: string | undefined;

  readonly #parts: ListWriterParts;
  readonly #events: ListWriterEvents;
  /** The next job's sequence. */
  #next = 1;
  /** By writer. Processes are few: each one that left something in the spool, and this one. */
  readonly #progress = new Map<string, Progress>();
  /** The batch whose writing failed as a whole, and which is expected again. */
  #pending: Numbered | undefined;
  /** The append under way; it never rejects. */
  #flight: Promise<boolean> | undefined;
  #draining = false;
  #drainWanted = false;
  #endPause: (() => void) | undefined;
  #ended = false;

  /**
   * Makes a writer that has written nothing.
   *
   * @param parts what it is made of
   */
  constructor(parts: ListWriterParts) {
    this.#parts = parts;
    this.#events = parts.events ?? {};
    this.#progress.set(parts.writer, { acknowledged: 0, incarnation: undefined });
  }

  /**
   * Keeps a batch in Redis or in the spool; see {@linkcode PushSink.write}.
   *
   * @throws {SinkFullError} when it had to go to the spool and that is at its bound
   * @throws {StoreError} when it had to go to the spool and the disk fails; the same batch keeps its sequence
   */
  async write(batch: JobBatch): Promise<void> {
    const { list, writer, redis, spool } = this.#parts;
    const numbered = this.#number(batch);
    const { first } = numbered;
    if (redis.isReady && spool.jobs(list) === 0 && this.#flight === undefined) {
      numbered.sent = true;
      // A copy, as the call may outlive the patience, and as acknowledged batches are held.
      const flight = this.#fly(writer, first, batch.slice());
      if (await this.#patiently(flight)) {
        this.#pending = undefined;
        return;
      }
    }
    try {
      await spool.append(list, writer, first, batch);
    } catch (error) {
      if (error instanceof SinkFullError) this.#giveUp(numbered);
      throw error;
    }
    this.#pending = undefined;
    this.spooled += batch.count;
    this.drain();
  }

  /** Takes up the spool now; to be called when Redis is ready again, and once at the start. */
  drain(): void {
    this.#drainWanted = true;
    this.#endPause?.();
    if (this.#draining || this.#ended) return;
    this.#draining = true;
    this.#drainAll();
  }

  /** Begins nothing more. */
  end(): void {
    this.#ended = true;
    this.#endPause?.();
  }

  /** The batch's sequence: the one that it had when it comes again. */
  #number(batch: JobBatch): Numbered {
    if (this.#pending?.batch === batch) return this.#pending;
    this.#pending = { batch, first: this.#next, sent: false };
    this.#next += batch.count;
    return this.#pending;
  }

  /** A batch is refused for good. What Redis never saw leaves no hole in the sequence. */
  #giveUp({ first, sent }: Numbered): void {
    this.#pending = undefined;
    if (!sent) this.#next = first;
  }

  /** Lets a batch go as the only one. Returns whether it was acknowledged. */
  #fly(writer: string, first: number, batch: JobBatch): Promise<boolean> {
    return this.#flight = this.#tryDelivery(writer, first, batch);
  }

  /** Settles when no append is under way: another may have begun where one ended. */
  async #landing(): Promise<void> {
    while (this.#flight !== undefined) await this.#flight;
  }

  async #tryDelivery(writer: string, first: number, batch: JobBatch): Promise<boolean> {
    this.flying = batch.count;
    try {
      await this.#deliver(writer, first, batch);
      return true;
    } catch (error) {
      if (!(error instanceof RedisError)) throw error;
      this.failures++;
      this.#noteStall(error.message);
      return false;
    } finally {
      this.flying = 0;
      this.#flight = undefined;
    }
  }

  /** Whether the flight ends well, and in time. */
  async #patiently(flight: Promise<boolean>): Promise<boolean> {
    const { clock } = this.#parts;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    // On a busy event loop a timer comes before an answer that has long been there: a second one lets sockets be looked at.
    let cancel = clock.after(PATIENCE_MS, () => {
      cancel = clock.after(1, () => resolve(false));
    });
    const done = await Promise.race([flight, promise]);
    cancel();
    return done;
  }

  /**
   * Appends a batch behind all before it.
   *
   * @throws {RedisError} when nobody knows whether it arrived, or it did not
   */
  async #deliver(writer: string, first: number, batch: JobBatch): Promise<void> {
    const { list, redis } = this.#parts;
    let after = first - 1;
    for (let gaps = 0; gaps < GAPS_MAX; gaps++) {
      const incarnation = redis.incarnation;
      const reply = await redis.append({ list, writer, after, first, batch });
      if (reply.kind === "written") {
        this.#acknowledge(writer, first, batch, incarnation);
        this.#noteResumption();
        return;
      }
      after = await this.#bridge(writer, reply.watermark);
    }
    throw new RedisError("refused", "GAP", `the watermark of ${PUSH_LISTS[list]} does not hold`);
  }

  #acknowledge(writer: string, first: number, batch: JobBatch, incarnation: string): void {
    const { list, held, clock } = this.#parts;
    const last = first + batch.count - 1;
    const before = this.#progress.get(writer)?.acknowledged ?? first - 1;
    // A batch that was late comes again from the spool.
    this.written += Math.max(0, last - Math.max(before, first - 1));
    this.#progress.set(writer, { acknowledged: Math.max(before, last), incarnation });
    if (last > before) held.add({ list, writer, first, batch }, clock.now());
  }

  /**
   * Redis is behind what was sent before. Returns from where on to go on.
   *
   * @throws {RedisError} when sending again fails
   */
  async #bridge(writer: string, watermark: number | undefined): Promise<number> {
    const { list, redis } = this.#parts;
    const from = watermark ?? 0;
    const { incarnation } = redis;
    const progress = this.#progress.get(writer);
    // Jobs that were refused or dropped leave a hole in the sequence, and no loss. Of a process that is gone nobody knows more.
    if (progress === undefined || from >= progress.acknowledged) return from;
    if (watermark === undefined && progress.incarnation === incarnation) {
      this.#progress.set(writer, { acknowledged: 0, incarnation });
      this.wiped++;
      this.#events.onWiped?.(list);
      return 0;
    }
    const { reached, resent, lost } = await this.#sendAgain(writer, from, progress.acknowledged);
    this.#progress.set(writer, { acknowledged: reached, incarnation }); // a loss is counted once
    this.resent += resent;
    if (watermark === undefined && lost > 0) {
      this.#events.onEmptied?.(list, resent);
    } else {
      this.lost += lost;
      this.#events.onGap?.(list, resent, lost);
    }
    return reached;
  }

  async #sendAgain(
    writer: string,
    from: number,
    acknowledged: number,
  ): Promise<{ reached: number; resent: number; lost: number }> {
    const { list, redis, held } = this.#parts;
    const batches = held.after(list, writer, from);
    // What is missing between batches that are held was refused, not lost.
    const heldFrom = batches[0]?.first ?? acknowledged + 1;
    let reached = from, resent = 0;
    for (const { first, batch } of batches) {
      const order: AppendOrder = { list, writer, after: reached, first, batch };
      const reply = await redis.append(order);
      if (reply.kind === "gap") {
        throw new RedisError("refused", "GAP", `${PUSH_LISTS[list]} lost jobs once more`);
      }
      resent += batch.count - reply.skipped;
      reached = Math.max(reached, first + batch.count - 1);
    }
    return { reached, resent, lost: Math.max(0, heldFrom - 1 - from) };
  }

  async #drainAll(): Promise<void> {
    let pauseMs = RETRY_MS.first;
    while (this.#drainWanted && !this.#ended) {
      this.#drainWanted = false;
      if (await this.#drainChunks()) pauseMs = RETRY_MS.first;
      else {
        this.#drainWanted = true;
        await this.#pause(pauseMs);
        pauseMs = Math.min(pauseMs * 2, RETRY_MS.max);
      }
    }
    this.#draining = false;
  }

  /** Returns false when something failed and is to be tried again later. */
  async #drainChunks(): Promise<boolean> {
    const { list, redis, spool } = this.#parts;
    if (!await this.#probe()) return false;
    while (spool.jobs(list) > 0 && redis.isReady && !this.#ended) {
      await this.#landing();
      try {
        const chunk = await spool.peek(list, APPEND_MAX.jobs, APPEND_MAX.bytes);
        if (chunk === undefined) return true; // on its way to the disk: `write` drains when it is there
        const { writer, firstSeq, ids, batch } = chunk;
        // A batch that was only late is in the spool and in Redis: it must not come back when somebody flushes that.
        const known = (this.#progress.get(writer)?.acknowledged ?? 0) - firstSeq + 1;
        const skipped = Math.min(batch.count, Math.max(0, known));
        if (skipped < batch.count) {
          const rest = skipped === 0 ? batch : batch.slice(skipped);
          if (!await this.#fly(writer, firstSeq + skipped, rest)) return false;
        }
        await spool.delete(ids);
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        this.#noteStall(error.message);
        return false;
      }
    }
    return true;
  }

  /**
   * After a restart or a fail-over: an append of nothing shows whether Redis still has what it had acknowledged, also when no
   * further job comes. Returns false when that failed.
   */
  async #probe(): Promise<boolean> {
    const { redis } = this.#parts;
    for (const [writer, { acknowledged, incarnation }] of [...this.#progress]) {
      if (!redis.isReady || this.#ended) return true;
      if (acknowledged === 0 || incarnation === redis.incarnation) continue;
      await this.#landing();
      if (!await this.#fly(writer, acknowledged + 1, new JobBatch())) return false;
    }
    return true;
  }

  #noteStall(why: string): void {
    this.lastError = why;
    if (this.stalledSince !== undefined) return;
    this.stalledSince = this.#parts.clock.now();
    this.#events.onStalled?.(this.#parts.list, why);
  }

  #noteResumption(): void {
    if (this.stalledSince === undefined) return;
    this.stalledSince = undefined;
    this.#events.onResumed?.(this.#parts.list);
  }

  async #pause(ms: number): Promise<void> {
    if (this.#ended) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#parts.clock.after(ms, resolve);
    this.#endPause = resolve;
    await promise;
    cancel();
    this.#endPause = undefined;
  }
}
