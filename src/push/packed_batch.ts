/**
 * A batch of push jobs as one buffer that is handed from thread to thread: one transfer costs less than three, and less than a
 * structured clone; and the batch itself stays with its owner, whole, should it have to be sent again.
 *
 * Layout, in the machine's byte order: count u32, ends u32 each, lists u8 each, then the texts.
 *
 * @module
 */

import { JobBatch } from "../router/job_batch.ts";

const COUNT_BYTES = 4;
const END_BYTES = 4;

/**
 * Copies a batch.
 *
 * @returns a buffer of exactly its size, to be transferred
 */
export function packBatch(batch: JobBatch): ArrayBuffer {
  const { count, byteLength } = batch;
  const listsAt = COUNT_BYTES + END_BYTES * count;
  const bytes = new Uint8Array(listsAt + count + byteLength);
  const numbers = new Uint32Array(bytes.buffer, 0, 1 + count);
  numbers[0] = count;
  numbers.set(batch.ends.subarray(0, count), 1);
  bytes.set(batch.lists.subarray(0, count), listsAt);
  bytes.set(batch.bytes.subarray(0, byteLength), listsAt + count);
  return bytes.buffer;
}

/**
 * Reads a packed batch without copying it.
 *
 * @param buffer from {@linkcode packBatch}
 * @returns a batch to read from, made of views of the buffer
 */
export function unpackBatch(buffer: ArrayBuffer): JobBatch {
  const [count] = new Uint32Array(buffer, 0, 1) as unknown as [number];
  const listsAt = COUNT_BYTES + END_BYTES * count;
  return new JobBatch({
    count,
    ends: new Uint32Array(buffer, COUNT_BYTES, count),
    lists: new Uint8Array(buffer, listsAt, count),
    bytes: new Uint8Array(buffer, listsAt + count),
  });
}
