/**
 * Writes JSON as Go's encoding/json does, byte for byte, into a batch of push jobs: push workers of the family were written
 * against that, and one that compares or signs texts must not see a difference.
 *
 * `"` `\` and control characters are escaped, and so are `<` `>` `&` U+2028 U+2029; DEL stays raw. Every byte
 * that is not part of valid UTF-8 becomes the six characters `\ufffd`; a real U+FFFD stays raw.
 *
 * @module
 */

import type { JobBatch } from "./job_batch.ts";

const encoder = new TextEncoder();

/** What a byte below 0x80 is written as; undefined is itself. */
const ESCAPES: readonly (Uint8Array | undefined)[] = Array.from({ length: 128 }, (_, byte) => {
  const short = new Map([
    [0x08, "\\b"],
    [0x09, "\\t"],
    [0x0a, "\\n"],
    [0x0c, "\\f"],
    [0x0d, "\\r"],
    [0x22, '\\"'],
    [0x5c, "\\\\"],
  ]).get(byte);
  if (short !== undefined) return encoder.encode(short);
  if (byte >= 0x20 && !"<>&".includes(String.fromCharCode(byte))) return undefined;
  return encoder.encode("\\u" + byte.toString(16).padStart(4, "0"));
});
const INVALID = encoder.encode("\\ufffd");
const LINE_SEPARATOR = encoder.encode("\\u2028");
const PARAGRAPH_SEPARATOR = encoder.encode("\\u2029");
/** The longest that one byte of content becomes. */
const ESCAPED_BYTES_MAX = 6;
const INT64_DIGITS_MAX = 20;

/** Writes the text of one job after another behind the last one of a batch. */
export class GoJsonWriter {
  readonly #batch: JobBatch;
  #out: Uint8Array;
  #at = 0;

  /**
   * Makes a writer that appends to a batch.
   *
   * @param batch where the jobs go
   */
  constructor(batch: JobBatch) {
    this.#batch = batch;
    this.#out = batch.bytes;
  }

  /** Begins the text of a job. */
  begin(): void {
    this.#at = this.#batch.byteLength;
    this.#out = this.#batch.bytes;
  }

  /**
   * Ends the job.
   *
   * @param list number of the list that it goes to
   */
  end(list: number): void {
    this.#batch.commit(list, this.#at);
  }

  /**
   * Writes bytes as they are.
   *
   * @param text ASCII, already JSON
   */
  raw(text: Uint8Array): void {
    this.#reserve(text.length);
    for (let i = 0; i < text.length; i++) this.#out[this.#at++] = text[i]!;
  }

  /**
   * Writes an int64 as plain digits, exactly.
   *
   * @param view the buffer that holds it
   * @param at where it stands
   */
  int64(view: DataView, at: number): void {
    this.int64Of(view.getInt32(at), view.getInt32(at + 4));
  }

  /** Writes an int64 that is given as its two 32-bit halves. */
  int64Of(hi: number, lo: number): void {
    this.#reserve(INT64_DIGITS_MAX);
    const value = hi * 0x1_0000_0000 + (lo >>> 0);
    const text = Number.isSafeInteger(value)
      ? String(value)
      : ((BigInt(hi) << 32n) | BigInt(lo >>> 0)).toString();
    for (let i = 0; i < text.length; i++) this.#out[this.#at++] = text.charCodeAt(i);
  }

  /**
   * Writes bytes as a JSON string with its quotes.
   *
   * @param bytes the buffer that holds the content
   * @param start where the content begins
   * @param end where it ends
   */
  string(bytes: Uint8Array, start: number, end: number): void {
    this.#reserve((end - start) * ESCAPED_BYTES_MAX + 2);
    const out = this.#out;
    let at = this.#at;
    out[at++] = 0x22;
    for (let i = start; i < end;) {
      const byte = bytes[i]!;
      if (byte < 0x80) {
        const escape = ESCAPES[byte];
        if (escape === undefined) out[at++] = byte;
        else for (let k = 0; k < escape.length; k++) out[at++] = escape[k]!;
        i++;
        continue;
      }
      const length = sequenceLength(bytes, i, end);
      const instead = length === 0 ? INVALID : separatorEscape(bytes, i, length);
      if (instead === undefined) { for (let k = 0; k < length; k++) out[at++] = bytes[i + k]!; }
      else for (let k = 0; k < instead.length; k++) out[at++] = instead[k]!;
      i += Math.max(length, 1);
    }
    out[at++] = 0x22;
    this.#at = at;
  }

  #reserve(bytes: number): void {
    this.#out = this.#batch.reserve(this.#at, bytes);
  }
}

/** U+2028 and U+2029, which end a line in JavaScript, are E2 80 A8 and E2 80 A9. */
function separatorEscape(bytes: Uint8Array, at: number, length: number): Uint8Array | undefined {
  if (length !== 3 || bytes[at] !== 0xe2 || bytes[at + 1] !== 0x80) return undefined;
  if (bytes[at + 2] === 0xa8) return LINE_SEPARATOR;
  return bytes[at + 2] === 0xa9 ? PARAGRAPH_SEPARATOR : undefined;
}

/** Bytes of the valid UTF-8 sequence that begins at a byte of 0x80 or more; 0 when it is not one (RFC 3629, table 3-7 of Unicode). */
function sequenceLength(bytes: Uint8Array, at: number, end: number): number {
  const first = bytes[at]!;
  const length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (length === 0 || at + length > end) return 0;
  const second = bytes[at + 1]!;
  const least = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80; // no overlong forms
  const most = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf; // no surrogates, nothing past U+10FFFF
  if (second < least || second > most) return 0;
  for (let i = 2; i < length; i++) if ((bytes[at + i]! & 0xc0) !== 0x80) return 0;
  return length;
}
