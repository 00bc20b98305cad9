/**
 * Where push jobs leave the router to: the one thing that the push channel knows of Redis, the embedded store, or a test.
 *
 * @module
 */

import type { JobBatch } from "../router/job_batch.ts";

/** Takes batches of push jobs, one at a time and in order. */
export interface PushSink {
  /**
   * Keeps a whole batch for good, or nothing of it.
   *
   * @param batch at least one job; it stays as it is until the promise settles, and the sink does not change it
   * @returns settles when no end of this process can lose the jobs any more
   * @throws {SinkFullError} when the sink is at its bound: another try now would be in vain
   * @throws {Error} when the world failed: the same batch may be written again and is then kept once
   */
  write(batch: JobBatch): Promise<void>;
}

/** A sink is at its bound and refuses what is newest. */
export class SinkFullError extends Error {
  /** The class, for logs. */
  override readonly name = "SinkFullError";
}
