/**
 * Frames: a 12-byte header and a body. This file cuts a byte stream into frames and writes headers; it does not know what a
 * body means. All integers are big-endian and signed.
 *
 *     0-3 body length   4-7 seq   8 command   9 version   10 flag   11 reserved
 *
 * @module
 */

import { ProtocolError } from "./protocol_error.ts";

/** Bytes of a frame's header. */
export const HEADER_BYTES = 12;

/** The longest body that servers of the family read, and so the longest that the router sends. */
export const BODY_BYTES_MAX = 32_767;

/** The longest body that the router reads unless told otherwise. */
export const FRAME_BODY_BYTES_DEFAULT = 1 << 20;

const HELD_BYTES_FIRST = 512;
const HELD_BYTES_KEPT = 1 << 16;

/**
 * Cuts a byte stream into whole frames without copying those that lie whole in one chunk.
 *
 * A cursor, so that no object is made for a frame: {@linkcode FrameDecoder.push} hands it a chunk, then each
 * {@linkcode FrameDecoder.next} that answers true leaves one frame in `bytes`/`view` at `start`..`end` (header included), valid until the
 * following `next` or `push`. When `next` answers false the chunk is used up and may be overwritten; at most one unfinished
 * frame has been copied aside. A frame's length is checked as soon as its header is whole, before any of its body is
 * kept, and the space for a body grows with the bytes that came, never with the length that was announced.
 *
 * @example
 * ```ts
 * import { encodeFrame, FrameDecoder } from "./frame.ts";
 *
 * const decoder = new FrameDecoder();
 * decoder.push(encodeFrame({ command: 131, seq: 1, body: new Uint8Array(16) }));
 * while (decoder.next()) console.assert(decoder.end - decoder.start === 28);
 * ```
 */
export class FrameDecoder {
  /** The buffer that holds the current frame. */
  bytes: Uint8Array = new Uint8Array(0);
  /** A view of the same buffer with the same offsets as {@linkcode FrameDecoder.bytes}. */
  view: DataView = new DataView(this.bytes.buffer);
  /** Where the current frame's header begins. */
  start = 0;
  /** Where the current frame's body ends. */
  end = 0;

  readonly #bodyBytesMax: number;
  #chunkBytes = this.bytes;
  #chunkView = this.view;
  #at = 0;
  #chunkEnd = 0;
  #held = new Uint8Array(0);
  #heldView = new DataView(this.#held.buffer);
  #heldBytes = 0;

  /**
   * Makes a decoder at the start of a stream.
   *
   * @param bodyBytesMax the longest body accepted, in bytes
   */
  constructor(bodyBytesMax: number = FRAME_BODY_BYTES_DEFAULT) {
    this.#bodyBytesMax = bodyBytesMax;
  }

  /** Bytes of the unfinished frame that is kept between chunks; 0 between frames. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /**
   * Takes the next chunk of the stream.
   *
   * @param chunk any cut of the stream; must stay unchanged until `next` has answered false
   */
  push(chunk: Uint8Array): void {
    if (chunk.buffer !== this.#chunkBytes.buffer) {
      this.#chunkBytes = new Uint8Array(chunk.buffer);
      this.#chunkView = new DataView(chunk.buffer);
    }
    this.#at = chunk.byteOffset;
    this.#chunkEnd = chunk.byteOffset + chunk.byteLength;
  }

  /**
   * Moves to the next whole frame.
   *
   * @returns false when the chunk holds no further whole frame
   * @throws {ProtocolError} `bad_length` when a header announces a length outside 0..bodyBytesMax; the frames before it
   * have been given out, and the decoder is of no further use
   */
  next(): boolean {
    if (this.#heldBytes > 0) return this.#finishHeld();
    const at = this.#at;
    const left = this.#chunkEnd - at;
    if (left >= HEADER_BYTES) {
      const frameBytes = HEADER_BYTES + this.#bodyLength(this.#chunkView, at);
      if (left >= frameBytes) {
        this.bytes = this.#chunkBytes;
        this.view = this.#chunkView;
        this.start = at;
        this.end = this.#at = at + frameBytes;
        return true;
      }
    }
    if (left > 0) this.#hold(left);
    this.bytes = this.#chunkBytes; // a large frame that was held must not stay in memory while the peer is silent
    this.view = this.#chunkView;
    return false;
  }

  #finishHeld(): boolean {
    if (this.#heldBytes < HEADER_BYTES) {
      this.#hold(Math.min(HEADER_BYTES - this.#heldBytes, this.#chunkEnd - this.#at));
      if (this.#heldBytes < HEADER_BYTES) return false;
    }
    const frameBytes = HEADER_BYTES + this.#bodyLength(this.#heldView, 0);
    this.#hold(Math.min(frameBytes - this.#heldBytes, this.#chunkEnd - this.#at));
    if (this.#heldBytes < frameBytes) return false;
    this.bytes = this.#held;
    this.view = this.#heldView;
    this.start = 0;
    this.end = frameBytes;
    this.#heldBytes = 0;
    if (this.#held.length > HELD_BYTES_KEPT) { // one large frame must not pin its space for ever
      this.#held = new Uint8Array(0);
      this.#heldView = new DataView(this.#held.buffer);
    }
    return true;
  }

  /** Copies the next `count` bytes of the chunk behind those that are held; the space doubles, so dripping stays linear. */
  #hold(count: number): void {
    const bytes = this.#heldBytes + count;
    if (bytes > this.#held.length) {
      const grown = new Uint8Array(Math.max(HELD_BYTES_FIRST, this.#held.length * 2, bytes));
      grown.set(this.#held.subarray(0, this.#heldBytes));
      this.#held = grown;
      this.#heldView = new DataView(grown.buffer);
    }
    this.#held.set(this.#chunkBytes.subarray(this.#at, this.#at + count), this.#heldBytes);
    this.#heldBytes = bytes;
    this.#at += count;
  }

  #bodyLength(view: DataView, at: number): number {
    const length = view.getInt32(at);
    if (length < 0 || length > this.#bodyBytesMax) {
      throw new ProtocolError(
        "bad_length",
        `body length ${length} is outside 0..${this.#bodyBytesMax}`,
      );
    }
    return length;
  }
}

/** What a frame is made of. */
export interface FrameParts {
  /** The command byte, 0..255. */
  readonly command: number;
  /** Counts 1, 2, 3 … per direction of a connection; wraps at 32 bits. */
  readonly seq?: number;
  /** The body's version, 0..255. */
  readonly version?: number;
  /** The flag byte, 0..255. */
  readonly flag?: number;
  /** The body, whole. */
  readonly body?: Uint8Array;
}

/**
 * Writes one frame into bytes of its own. For tests, tools and rare frames: the forwarding path writes into its outgoing batch.
 *
 * @param parts the header's fields (0 when left out) and the body
 * @returns the frame, header first
 */
export function encodeFrame(parts: FrameParts): Uint8Array<ArrayBuffer> {
  const body = parts.body ?? new Uint8Array(0);
  const frame = new Uint8Array(HEADER_BYTES + body.length);
  const view = new DataView(frame.buffer);
  view.setInt32(0, body.length);
  view.setInt32(4, parts.seq ?? 0);
  view.setUint8(8, parts.command);
  view.setUint8(9, parts.version ?? 0);
  view.setUint8(10, parts.flag ?? 0);
  frame.set(body, HEADER_BYTES);
  return frame;
}
