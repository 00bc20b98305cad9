/**
 * Batches that Redis has acknowledged, kept for a while: a fail-over to a replica may lose the newest writes, and then they are
 * sent again from the watermark on. Bounded by age and by bytes, over all lists together; the oldest go first.
 *
 * @module
 */

import type { JobBatch } from "../../router/job_batch.ts";

/** How long a batch is kept, in milliseconds. */
export const HELD_MS_MAX = 10_000;
/** Bytes of jobs that are kept. */
export const HELD_BYTES_MAX = 16 << 20;

/** An acknowledged batch. */
export interface HeldBatch {
  /** Number of its list. */
  readonly list: number;
  /** Whose sequence it is. */
  readonly writer: string;
  /** Sequence of its first job. */
  readonly first: number;
  /** Its jobs; nobody changes them. */
  readonly batch: JobBatch;
}

interface Entry extends HeldBatch {
  readonly heldAt: number;
}

/** The acknowledged batches of one process. */
export class HeldBatches {
  /** Oldest first. */
  #entries: Entry[] = [];
  /** Entries before this one are gone. */
  #start = 0;
  #bytes = 0;

  /** Bytes that are held. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Takes a batch over.
   *
   * @param held the batch, the newest of its list and writer
   * @param now milliseconds on a clock that never goes back
   */
  add(held: HeldBatch, now: number): void {
    this.#entries.push({ ...held, heldAt: now });
    this.#bytes += held.batch.byteLength;
    this.release(now);
  }

  /** Lets go of what is too old, and of the oldest while there is too much. */
  release(now: number): void {
    const entries = this.#entries;
    let start = this.#start;
    while (start < entries.length) {
      const { heldAt, batch } = entries[start]!;
      if (this.#bytes <= HELD_BYTES_MAX && now - heldAt <= HELD_MS_MAX) break;
      this.#bytes -= batch.byteLength;
      start++;
    }
    this.#start = start;
    if (start * 2 > entries.length) {
      this.#entries = entries.slice(start);
      this.#start = 0;
    }
  }

  /** Batches of a list and writer with jobs behind `watermark`, in order. */
  after(list: number, writer: string, watermark: number): HeldBatch[] {
    return this.#entries.slice(this.#start).filter((held) =>
      held.list === list && held.writer === writer && held.first + held.batch.count - 1 > watermark
    );
  }
}
