/**
 * Push jobs one behind another in one buffer: the form in which they leave the router, wait, and reach a sink. A
 * job is the number of its list and one JSON object in UTF-8. No object is made for a job.
 *
 * @module
 */

import { PUSH_LISTS, type PushListName } from "./push_list.ts";

const JOBS_FIRST = 64;
const BYTES_FIRST = 8_192;

/** An append-only batch of push jobs, in the order in which the router decided them. */
export class JobBatch {
  /** Jobs in the batch. */
  count = 0;
  /** The JSON texts, one behind another; the first `ends[count - 1]` bytes count. */
  bytes: Uint8Array<ArrayBuffer>;
  /** The number of each job's list, an index of {@linkcode PUSH_LISTS}. */
  lists: Uint8Array<ArrayBuffer>;
  /** Where each job's text ends in `bytes`. */
  ends: Uint32Array<ArrayBuffer>;

  /** Makes an empty batch, or adopts the arrays of one that came from another thread. */
  constructor(from?: Pick<JobBatch, "count" | "bytes" | "lists" | "ends">) {
    this.count = from?.count ?? 0;
    this.bytes = from?.bytes ?? new Uint8Array(BYTES_FIRST);
    this.lists = from?.lists ?? new Uint8Array(JOBS_FIRST);
    this.ends = from?.ends ?? new Uint32Array(JOBS_FIRST);
  }

  /** Bytes of all texts. */
  get byteLength(): number {
    return this.count === 0 ? 0 : this.ends[this.count - 1]!;
  }

  /** Where job `i` begins in `bytes`. */
  start(i: number): number {
    return i === 0 ? 0 : this.ends[i - 1]!;
  }

  /** The name of job `i`'s list. */
  list(i: number): PushListName {
    return PUSH_LISTS[this.lists[i]!]!;
  }

  /** The JSON text of job `i`, a view into the batch. */
  text(i: number): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray(this.start(i), this.ends[i]!);
  }

  /**
   * Makes room for `more` further bytes behind those written.
   *
   * @param at bytes in use
   * @param more bytes to come
   * @returns the buffer to write into, which may be a new one
   */
  reserve(at: number, more: number): Uint8Array<ArrayBuffer> {
    if (at + more > this.bytes.length) {
      const grown = new Uint8Array(Math.max(this.bytes.length * 2, at + more));
      grown.set(this.bytes.subarray(0, at));
      this.bytes = grown;
    }
    return this.bytes;
  }

  /**
   * Ends a job whose text has been written behind the last one.
   *
   * @param list number of its list
   * @param end where its text ends in `bytes`
   */
  commit(list: number, end: number): void {
    if (this.count === this.lists.length) {
      const lists = new Uint8Array(this.count * 2);
      lists.set(this.lists);
      this.lists = lists;
      const ends = new Uint32Array(this.count * 2);
      ends.set(this.ends);
      this.ends = ends;
    }
    this.lists[this.count] = list;
    this.ends[this.count++] = end;
  }

  /** Copies all jobs of another batch behind those of this one. */
  append(other: JobBatch): void {
    const base = this.byteLength;
    const bytes = other.byteLength;
    this.reserve(base, bytes).set(other.bytes.subarray(0, bytes), base);
    for (let i = 0; i < other.count; i++) this.commit(other.lists[i]!, base + other.ends[i]!);
  }

  /** Copies one job behind the others. */
  appendJob(list: number, text: Uint8Array): void {
    const at = this.byteLength;
    this.reserve(at, text.length).set(text, at);
    this.commit(list, at + text.length);
  }

  /** A copy of the jobs from `from` on, in memory of its own. */
  slice(from = 0): JobBatch {
    const start = this.start(from);
    return new JobBatch({
      count: this.count - from,
      bytes: this.bytes.slice(start, this.byteLength),
      lists: this.lists.slice(from, this.count),
      ends: this.ends.slice(from, this.count).map((end) => end - start),
    });
  }

  /** Forgets the jobs and keeps the space. */
  clear(): void {
    this.count = 0;
  }
}
