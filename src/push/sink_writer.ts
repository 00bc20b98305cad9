/**
 * Writes one batch after another to a sink that may fail: the same batch again, after a pause that doubles, until it is kept
 * or refused. It knows nothing of what waits behind it.
 *
 * @module
 */

import type { JobBatch } from "../router/job_batch.ts";
import type { Clock } from "../clock.ts";
import { type PushSink, SinkFullError } from "./push_sink.ts";

/** Pause after the first failure of a batch, in milliseconds; it doubles with each further one. */
export const RETRY_MS_FIRST = 10;
/** The longest pause, in milliseconds. */
export const RETRY_MS_MAX = 1_000;

/** How the writing of a batch ended: it is kept, the sink was full, or the writer was ended before. */
export type WriteEnd = "kept" | "refused" | "ended";

/** What a writer tells whoever writes the log; neither may throw. */
export interface SinkEvents {
  /** The sink begins to fail, for this reason. Not called again until it has recovered. */
  readonly onFailing?: ((reason: string) => void) | undefined;
  /** It works again. */
  readonly onRecovered?: (() => void) | undefined;
}

/** A sink, and how it fares. */
export class SinkWriter {
  /** Writes that were repeats. */
  retries = 0;
  /** What the last failure said; it stays when the sink has recovered. */
  lastError: string | undefined;
  /** Since when no write has succeeded, in milliseconds since 1970; undefined while all is well. */
  failingSince: number | undefined;

  readonly #sink: PushSink;
  readonly #clock: Clock;
  readonly #events: SinkEvents;
  #ended = false;
  #endPause: (() => void) | undefined;

  /**
   * Makes a writer that has not failed yet.
   *
   * @param sink where batches go
   * @param clock measures the pauses
   * @param events who is told
   */
  constructor(sink: PushSink, clock: Clock, events: SinkEvents = {}) {
    this.#sink = sink;
    this.#clock = clock;
    this.#events = events;
  }

  /**
   * Writes a batch, as often as it takes. Called for one batch at a time.
   *
   * @param batch at least one job; not to be changed until the promise settles
   * @returns how it ended
   */
  async write(batch: JobBatch): Promise<WriteEnd> {
    for (let pauseMs = RETRY_MS_FIRST; !this.#ended; pauseMs *= 2) {
      const error = await this.#tryOnce(batch);
      if (this.#ended) break;
      if (error === undefined) {
        this.#noteSuccess();
        return "kept";
      }
      this.#noteFailure(error instanceof Error ? error.message : String(error));
      // A full sink stays full until somebody reads from it: no time to wait for, and nothing that a retry could win.
      if (error instanceof SinkFullError) return "refused";
      await this.#pause(Math.min(pauseMs, RETRY_MS_MAX));
      if (!this.#ended) this.retries++;
    }
    return "ended";
  }

  /** Makes no further write; one that is under way is not waited for by anybody. */
  end(): void {
    this.#ended = true;
    this.#endPause?.();
  }

  /** Returns what the sink threw; undefined when it kept the batch. */
  async #tryOnce(batch: JobBatch): Promise<unknown> {
    try {
      await this.#sink.write(batch);
      return undefined;
    } catch (error) {
      return error ?? new Error("the sink failed without a reason");
    }
  }

  #noteSuccess(): void {
    if (this.failingSince === undefined) return;
    this.failingSince = undefined;
    this.#events.onRecovered?.();
  }

  #noteFailure(reason: string): void {
    this.lastError = reason;
    if (this.failingSince !== undefined) return;
    this.failingSince = this.#clock.now();
    this.#events.onFailing?.(reason);
  }

  async #pause(ms: number): Promise<void> {
    if (this.#ended) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#clock.after(ms, resolve);
    this.#endPause = resolve;
    await promise;
    cancel();
    this.#endPause = undefined;
  }
}
