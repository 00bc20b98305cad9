/**
 * The one channel from the router to where push jobs go. The router appends and never waits; jobs collect in an open batch, and a
 * TransformStream that counts bytes carries sealed batches, in order, to the sink.
 *
 * An open batch leaves one microtask after its first job when the sink is idle, so that all jobs of one socket read leave
 * together; while the sink works it collects until it is full or the sink is free. A batch that is not full also keeps a short
 * distance from the write before it: at thousands of jobs a second, dozens then share what a write costs.
 *
 * @module
 */

import { JobBatch } from "../router/job_batch.ts";
import { PUSH_LISTS } from "../router/push_list.ts";
import { ByteBudget } from "./byte_budget.ts";
import { type Clock, systemClock } from "../clock.ts";
import type { PushSink } from "./push_sink.ts";
import { type SinkEvents, SinkWriter } from "./sink_writer.ts";

/** Jobs of one batch unless told otherwise. */
export const BATCH_JOBS_MAX = 1_000;
/** Bytes of one batch unless told otherwise; a job that is larger is a batch of its own. */
export const BATCH_BYTES_MAX = 256 << 10;
/** Bytes of jobs that may wait unless told otherwise: 64 MiB. */
export const WAITING_BYTES_MAX = 64 << 20;
/** Default of {@linkcode PushChannelSettings.gatherMs}. */
export const GATHER_MS = 5;
/** Empty batches that are kept for use. */
const SPARES_MAX = 2;

/** Settings of a channel. */
export interface PushChannelSettings extends SinkEvents {
  /** Bounds the bytes of jobs that wait, those being written included; channels may share one. */
  readonly budget?: ByteBudget;
  /** Jobs of one batch. */
  readonly batchJobsMax?: number;
  /** Bytes of one batch; a job that is larger is a batch of its own. */
  readonly batchBytesMax?: number;
  /** Least time from the start of a write to that of the next one, unless that is full, in milliseconds; 0 for none. */
  readonly gatherMs?: number;
  /** Measures pauses. */
  readonly clock?: Clock;
}

/** Who waits until the first `jobs` of all accepted jobs are settled. */
interface Drain {
  readonly jobs: number;
  readonly resolve: () => void;
}

const zeroOfEachList = (): number[] => PUSH_LISTS.map(() => 0);

/** Push jobs on their way to a sink. Figures by list are indexed by the list's number. */
export class PushChannel {
  readonly #accepted = zeroOfEachList();
  readonly #refused = zeroOfEachList();
  readonly #refusedBySink = zeroOfEachList();
  readonly #lost = zeroOfEachList();
  readonly #waiting = zeroOfEachList();
  #waitingJobs = 0;
  #waitingBytes = 0;
  #settledJobs = 0;

  readonly #budget: ByteBudget;
  readonly #batchJobsMax: number;
  readonly #batchBytesMax: number;
  readonly #gatherMs: number;
  readonly #clock: Clock;
  readonly #sink: SinkWriter;
  readonly #stream: WritableStreamDefaultWriter<JobBatch>;
  readonly #pumped: Promise<void>;
  #open = new JobBatch();
  readonly #spares: JobBatch[] = [];
  /** Batches in the stream, the one being written included. */
  #sealed = 0;
  /** Whether the open batch has a moment at which it leaves. */
  #planned = false;
  #cancelPlan: (() => void) | undefined;
  #writeStartedAt = -Infinity;
  readonly #drains = new Set<Drain>();
  #closed: Promise<number> | undefined;
  #ended = false;

  /**
   * Opens a channel.
   *
   * @param sink where the jobs go; it gets one batch at a time
   * @param settings bounds, clock, and who is told of failures
   */
  constructor(sink: PushSink, settings: PushChannelSettings = {}) {
    this.#budget = settings.budget ?? new ByteBudget(WAITING_BYTES_MAX);
    this.#batchJobsMax = settings.batchJobsMax ?? BATCH_JOBS_MAX;
    this.#batchBytesMax = settings.batchBytesMax ?? BATCH_BYTES_MAX;
    this.#gatherMs = settings.gatherMs ?? GATHER_MS;
    this.#clock = settings.clock ?? systemClock;
    this.#sink = new SinkWriter(sink, this.#clock, settings);
    const size = (batch: JobBatch): number => batch.byteLength;
    const { readable, writable } = new TransformStream<JobBatch, JobBatch>(
      {},
      { highWaterMark: this.#budget.max, size },
      { highWaterMark: 0, size },
    );
    this.#stream = writable.getWriter();
    this.#pumped = this.#pump(readable);
  }

  /** Jobs taken in. */
  get accepted(): readonly number[] {
    return this.#accepted;
  }

  /** Jobs turned away because too much waited, or because the channel was closed. */
  get refused(): readonly number[] {
    return this.#refused;
  }

  /** Jobs taken in that the sink, full to its own bound, refused. */
  get refusedBySink(): readonly number[] {
    return this.#refusedBySink;
  }

  /** Jobs taken in that were not written when the time to close was over. */
  get lost(): readonly number[] {
    return this.#lost;
  }

  /** Jobs that wait, those being written included; their sum is {@linkcode waitingJobs}. */
  get waiting(): readonly number[] {
    return this.#waiting;
  }

  /** Jobs of all lists that wait, those being written included. */
  get waitingJobs(): number {
    return this.#waitingJobs;
  }

  /** Their bytes. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Writes that were repeats. */
  get retries(): number {
    return this.#sink.retries;
  }

  /** What the sink's last failure said; it stays when the sink has recovered. */
  get lastError(): string | undefined {
    return this.#sink.lastError;
  }

  /** Since when the sink fails, in milliseconds since 1970; undefined while all is well. */
  get failingSince(): number | undefined {
    return this.#sink.failingSince;
  }

  /**
   * Copies jobs into the open batch. Jobs that would exceed the bound of what waits are refused and counted, and so is
   * everything after {@linkcode close}.
   *
   * @param jobs in the order in which they are to be written; the caller's again when this returns
   * @returns the budget, when the caller should slow down for it
   */
  append(jobs: JobBatch): ByteBudget | undefined {
    const bytes = jobs.byteLength;
    const fits = this.#open.count + jobs.count <= this.#batchJobsMax &&
      this.#open.byteLength + bytes <= this.#batchBytesMax &&
      this.#budget.fits(bytes);
    if (fits && this.#closed === undefined) {
      this.#open.append(jobs);
      for (let i = 0; i < jobs.count; i++) this.#countAccepted(jobs.lists[i]!);
      this.#countBytes(bytes);
    } else {
      for (let i = 0; i < jobs.count; i++) this.#appendOne(jobs.lists[i]!, jobs.text(i));
    }
    if (this.#open.count === this.#batchJobsMax) this.#seal();
    this.#plan();
    return this.#budget.isCrowded ? this.#budget : undefined;
  }

  /** The same for one job. */
  appendJob(list: number, text: Uint8Array): void {
    this.#appendOne(list, text);
    this.#plan();
  }

  /**
   * Waits until all jobs appended so far have left. The channel goes on meanwhile and afterwards.
   *
   * @param signal ends the waiting
   * @returns how many of them still wait; 0 unless the signal fired
   */
  async drain(signal?: AbortSignal): Promise<number> {
    if (this.#open.count > 0) this.#seal();
    const jobs = this.#settledJobs + this.#waitingJobs;
    if (this.#waitingJobs > 0 && !signal?.aborted) await this.#settled(jobs, signal);
    return Math.max(0, jobs - this.#settledJobs);
  }

  /**
   * Takes no further jobs, waits until all have left, and ends. What has not left when the signal fires is counted as lost; of
   * the batch under way at that moment nobody knows. May be called twice; the first signal counts.
   *
   * @param signal ends the waiting
   * @returns the jobs lost
   */
  close(signal?: AbortSignal): Promise<number> {
    return this.#closed ??= this.#close(signal);
  }

  async #close(signal: AbortSignal | undefined): Promise<number> {
    const lost = await this.drain(signal);
    this.#ended = true;
    this.#cancelPlan?.();
    this.#sink.end();
    if (lost === 0) {
      await this.#stream.close();
      await this.#pumped;
    }
    this.#waiting.forEach((jobs, list) => this.#lost[list] = jobs);
    this.#waiting.fill(0);
    this.#waitingJobs = 0;
    this.#countBytes(-this.#waitingBytes);
    return lost;
  }

  #countAccepted(list: number): void {
    this.#accepted[list]!++;
    this.#waiting[list]!++;
    this.#waitingJobs++;
  }

  #countBytes(bytes: number): void {
    this.#waitingBytes += bytes;
    if (bytes > 0) this.#budget.take(bytes);
    else this.#budget.give(-bytes);
  }

  #appendOne(list: number, text: Uint8Array): void {
    if (!this.#budget.fits(text.length) || this.#closed !== undefined) {
      this.#refused[list]!++;
      return;
    }
    const bytes = this.#open.byteLength;
    const isFull = this.#open.count === this.#batchJobsMax ||
      bytes + text.length > this.#batchBytesMax;
    if (isFull && this.#open.count > 0) this.#seal();
    this.#open.appendJob(list, text);
    this.#countAccepted(list);
    this.#countBytes(text.length);
  }

  /** Sees to it that the open batch leaves. While the sink works, the end of that work does. */
  #plan(): void {
    if (this.#planned || this.#sealed > 0 || this.#open.count === 0) return;
    this.#planned = true;
    const waitMs = this.#writeStartedAt + this.#gatherMs - this.#clock.now();
    if (waitMs <= 0) queueMicrotask(this.#leave);
    else this.#cancelPlan = this.#clock.after(waitMs, this.#leave);
  }

  readonly #leave = (): void => {
    this.#planned = false;
    if (this.#sealed === 0 && this.#open.count > 0) this.#seal();
  };

  #seal(): void {
    const batch = this.#open;
    this.#open = this.#spares.pop() ?? new JobBatch();
    this.#sealed++;
    this.#stream.write(batch).catch(this.#onStreamEnd);
  }

  /** When the channel has ended, what the stream still held is counted as lost; at any other time this is a bug. */
  readonly #onStreamEnd = (error: unknown): void => {
    if (!this.#ended) throw error;
  };

  async #pump(batches: ReadableStream<JobBatch>): Promise<void> {
    for await (const batch of batches) {
      this.#writeStartedAt = this.#clock.now();
      const end = await this.#sink.write(batch);
      if (end === "ended") return;
      this.#settle(batch, end === "refused");
      this.#plan();
    }
  }

  #settle(batch: JobBatch, isRefused: boolean): void {
    for (let i = 0; i < batch.count; i++) {
      const list = batch.lists[i]!;
      this.#waiting[list]!--;
      if (isRefused) this.#refusedBySink[list]!++;
    }
    this.#waitingJobs -= batch.count;
    this.#settledJobs += batch.count;
    this.#countBytes(-batch.byteLength);
    this.#sealed--;
    batch.clear();
    if (this.#spares.length < SPARES_MAX && batch.bytes.length <= 2 * this.#batchBytesMax) {
      this.#spares.push(batch);
    }
    for (const { jobs, resolve } of this.#drains) if (this.#settledJobs >= jobs) resolve();
  }

  async #settled(jobs: number, signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const onAbort = () => resolve();
    const drain = { jobs, resolve };
    this.#drains.add(drain);
    signal?.addEventListener("abort", onAbort);
    await promise;
    signal?.removeEventListener("abort", onAbort);
    this.#drains.delete(drain);
  }
}
