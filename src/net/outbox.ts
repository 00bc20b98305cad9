/**
 * The channel towards one connection. Frames are copied into an open batch; a batch leaves at once when nothing is under way, and
 * while a write is under way frames collect, up to a full batch. Full batches wait in a TransformStream, which is made when the
 * first one has to: a stream on the path of every message was measured to cost as much as all the rest.
 *
 * Order holds because a batch goes to the socket directly only while nothing is written or queued.
 *
 * @module
 */

import { HEADER_BYTES } from "../wire/frame.ts";
import type { Transport } from "./transport.ts";

/** Bytes at which a batch is full. The largest frame that is sent fits into an empty one. */
const BATCH_BYTES_MAX = 64 << 10;
const BATCH_BYTES_FIRST = 2 << 10;

/** A sealed batch. */
interface Batch {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly frames: number;
}

/** What an outbox tells its connection. */
export interface OutboxEvents {
  /** A write failed: the connection is broken. Called at most once, never from within `append`. */
  readonly onFailure: (error: unknown) => void;
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
}

/** Frames on their way to one connection. */
export class Outbox {
  /** Bytes appended that the socket has not taken. */
  waitingBytes = 0;
  /** Bytes that the socket has taken. */
  sentBytes = 0;
  /** Frames of batches that the socket has taken whole. */
  sentFrames = 0;
  /** Frames that will not be sent, since the outbox was ended or closed. */
  droppedFrames = 0;
  /** Bytes of these. */
  droppedBytes = 0;
  /** When the socket last took something, or something came to wait where nothing did. */
  progressAt = 0;
  /** Whether it is on a list of outboxes to flush; for whoever keeps that list. */
  dirty = false;

  readonly #transport: Transport;
  readonly #events: OutboxEvents;
  #seq: number;
  #open = new Uint8Array(0);
  #openView = new DataView(this.#open.buffer);
  #openBytes = 0;
  #openFrames = 0;
  #spare: Uint8Array<ArrayBuffer> | undefined;
  /** The write that went past the stream; undefined when there is none. */
  #direct: Promise<void> | undefined;
  /** Batches in the stream, the one being written included. */
  #streamed = 0;
  #channel: WritableStreamDefaultWriter<Batch> | undefined;
  #waitingFrames = 0;
  #ended = false;
  #closed = false;
  #idle: PromiseWithResolvers<void> | undefined;

  /**
   * Makes an empty outbox.
   *
   * @param transport where the bytes go
   * @param events what to tell whom
   * @param lastSeq seq before the first frame's
   */
  constructor(transport: Transport, events: OutboxEvents, lastSeq = 0) {
    this.#transport = transport;
    this.#events = events;
    this.#seq = lastSeq;
  }

  /** Whether a write is under way or queued. */
  get busy(): boolean {
    return this.#direct !== undefined || this.#streamed > 0;
  }

  /**
   * Copies a frame behind the others under a new header: the router's own seq, version and flag 0.
   *
   * @param bytes the buffer that holds the frame
   * @param start where its header begins
   * @param end where the part of its body that is sent ends; the frame is at most 32,779 bytes
   * @param command the command byte
   */
  append(bytes: Uint8Array, start: number, end: number, command: number): void {
    const length = end - start;
    if (this.#ended) {
      this.droppedFrames++;
      this.droppedBytes += length;
      return;
    }
    if (this.#openBytes + length > this.#open.length) this.#makeRoom(length);
    const at = this.#openBytes;
    this.#open.set(bytes.subarray(start, end), at);
    const view = this.#openView;
    view.setInt32(at, length - HEADER_BYTES);
    view.setInt32(at + 4, this.#seq = this.#seq + 1 | 0);
    view.setInt32(at + 8, command << 24);
    this.#openBytes = at + length;
    this.#openFrames++;
    this.#waitingFrames++;
    if (this.waitingBytes === 0) this.progressAt = this.#events.now();
    this.waitingBytes += length;
  }

  /** Sends the open batch unless something is under way, after which it is sent anyhow. */
  flush(): void {
    if (this.#openBytes > 0 && !this.busy && !this.#closed) this.#writeOpen();
  }

  /**
   * Takes nothing more and sends what waits.
   *
   * @returns settles once nothing waits, or when the outbox is closed
   */
  async end(): Promise<void> {
    this.#ended = true;
    this.flush();
    if (this.waitingBytes === 0 || this.#closed) return;
    this.#idle ??= Promise.withResolvers();
    await this.#idle.promise;
  }

  /** Settles when the stream's queue has room again, by its byte count; at once where there is no stream. */
  async ready(): Promise<void> {
    if (this.#closed || this.#channel === undefined) return;
    await this.#channel.ready.catch(this.#ignoreAborted); // a publisher may wait while this is closed
  }

  /** Drops what waits and takes nothing more. A write that is under way ends with its transport. May be called twice. */
  close(): void {
    if (this.#closed) return;
    this.#closed = this.#ended = true;
    this.droppedFrames += this.#waitingFrames;
    this.droppedBytes += this.waitingBytes;
    this.waitingBytes = this.#waitingFrames = this.#openBytes = 0;
    this.#spare = undefined;
    this.#open = new Uint8Array(0);
    this.#openView = new DataView(this.#open.buffer);
    // The reading side ends quietly; what the queue holds goes with it.
    this.#channel?.abort().catch(this.#ignoreAborted);
    this.#idle?.resolve();
  }

  /** An aborted stream rejects every write that it still held; the outbox has counted them as dropped. */
  readonly #ignoreAborted = (error: unknown): void => {
    if (!this.#closed) this.#fail(error);
  };

  #makeRoom(length: number): void {
    const wanted = this.#openBytes + length;
    if (wanted <= BATCH_BYTES_MAX) {
      const size = Math.max(wanted, this.#open.length * 2, BATCH_BYTES_FIRST);
      const grown = new Uint8Array(Math.min(size, BATCH_BYTES_MAX));
      grown.set(this.#open.subarray(0, this.#openBytes));
      this.#use(grown);
    } else {
      if (this.busy) this.#queueOpen();
      else this.#writeOpen();
      if (length > this.#open.length) this.#makeRoom(length); // the spare batch may be a small one
    }
  }

  #use(buffer: Uint8Array<ArrayBuffer>): void {
    this.#open = buffer;
    this.#openView = new DataView(buffer.buffer);
  }

  /** Takes the open batch and opens a new one. */
  #seal(): Batch {
    const batch = { bytes: this.#open.subarray(0, this.#openBytes), frames: this.#openFrames };
    this.#use(this.#spare ?? new Uint8Array(this.#open.length));
    this.#spare = undefined;
    this.#openBytes = 0;
    this.#openFrames = 0;
    return batch;
  }

  /** Past the stream: nothing is written or queued. Almost always the socket takes the whole batch at once. */
  #writeOpen(): void {
    const count = this.#transport.writeNow(this.#open.subarray(0, this.#openBytes));
    if (count > 0) this.#took(count);
    if (count < this.#openBytes) {
      this.#direct = this.#write(this.#seal(), count).then(this.#afterDirect, this.#fail);
      return;
    }
    this.sentFrames += this.#openFrames;
    this.#waitingFrames -= this.#openFrames;
    this.#openBytes = this.#openFrames = 0;
    this.#afterWrite();
  }

  readonly #afterDirect = (): void => {
    this.#direct = undefined;
    this.#afterWrite();
  };

  #took(count: number): void {
    if (this.#closed) return; // counted as dropped
    this.sentBytes += count;
    this.waitingBytes -= count;
    this.progressAt = this.#events.now();
  }

  #finish(batch: Batch): void {
    if (this.#closed) return;
    this.sentFrames += batch.frames;
    this.#waitingFrames -= batch.frames;
    this.#spare ??= new Uint8Array(batch.bytes.buffer);
  }

  #afterWrite(): void {
    if (this.busy) return;
    if (this.#openBytes > 0) this.flush();
    else if (this.waitingBytes === 0) {
      this.#idle?.resolve();
      this.#idle = undefined;
    }
  }

  /** Writes a batch from byte `at` on. */
  async #write(batch: Batch, at: number): Promise<void> {
    while (at < batch.bytes.length) {
      const count = await this.#transport.write(batch.bytes.subarray(at));
      at += count;
      this.#took(count);
    }
    this.#finish(batch);
  }

  #queueOpen(): void {
    this.#channel ??= this.#openChannel();
    this.#streamed++;
    this.#channel.write(this.#seal()).catch(this.#ignoreAborted);
  }

  #openChannel(): WritableStreamDefaultWriter<Batch> {
    const bytesOf = (batch: Batch): number => batch.bytes.length;
    const { readable, writable } = new TransformStream<Batch, Batch>(
      {},
      { highWaterMark: 16 * BATCH_BYTES_MAX, size: bytesOf },
      { highWaterMark: 0, size: bytesOf },
    );
    this.#drain(readable).catch(this.#ignoreAborted);
    return writable.getWriter();
  }

  async #drain(batches: ReadableStream<Batch>): Promise<void> {
    for await (const batch of batches) {
      await this.#direct; // settles always: a direct write's failure is handled where it is made
      if (this.#closed) return;
      try {
        await this.#write(batch, 0);
      } catch (error) { // told before the loop ends: the writing side would only see that its reader went away
        this.#fail(error);
        return;
      }
      this.#streamed--;
      this.#afterWrite();
    }
  }

  /** Nothing is under way any more, and nothing that waits can be sent. */
  readonly #fail = (error: unknown): void => {
    this.#direct = undefined;
    this.#streamed = 0;
    if (this.#closed) return;
    this.#events.onFailure(error);
    this.close(); // where the connection has ended before, and only waited for this outbox
  };
}
