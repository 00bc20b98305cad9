/**
 * Writes ASCII text into chunks of one size, without a string for each number: a million ids as strings are 30 MB of garbage, and to
 * collect that stops everybody for 10 ms and more.
 *
 * @module
 */

const CHUNK_BYTES = 32 << 10;
/** Nine digits fit into 32 bits, and 2^64 has 20. */
const BILLION = 1_000_000_000;
const BILLION_DIGITS = 9;
const MINUS = 0x2d, ZERO = 0x30;

/** A writer of chunks. */
export class AsciiChunks {
  #bytes = new Uint8Array(CHUNK_BYTES);
  #at = 0;

  /** Bytes that still fit into the chunk. */
  get room(): number {
    return CHUNK_BYTES - this.#at;
  }

  /** Writes ASCII, not more than there is room for. */
  text(text: string): void {
    for (let i = 0; i < text.length; i++) this.#bytes[this.#at++] = text.charCodeAt(i);
  }

  /** Writes an int64 in plain digits, given as its two 32-bit halves; at most 20 bytes. */
  int64(hi: number, lo: number): void {
    let high = hi >>> 0;
    let low = lo >>> 0;
    if (hi < 0) {
      this.#bytes[this.#at++] = MINUS;
      low = -low >>> 0;
      high = ~high + (low === 0 ? 1 : 0) >>> 0;
    }
    // Divides by a billion in steps that stay exact in a double. A quotient has at most 11 digits.
    const top = Math.floor(high / BILLION);
    const upper = (high - top * BILLION) * 0x10000 + (low >>> 16);
    const middle = Math.floor(upper / BILLION);
    const lower = (upper - middle * BILLION) * 0x10000 + (low & 0xffff);
    const bottom = Math.floor(lower / BILLION);
    const billions = top * 0x1_0000_0000 + middle * 0x10000 + bottom;
    const units = lower - bottom * BILLION;
    if (billions === 0) {
      this.#digits(units, 1);
      return;
    }
    const quintillions = Math.floor(billions / BILLION);
    if (quintillions > 0) this.#digits(quintillions, 1);
    this.#digits(billions - quintillions * BILLION, quintillions > 0 ? BILLION_DIGITS : 1);
    this.#digits(units, BILLION_DIGITS);
  }

  /**
   * Ends the chunk.
   *
   * @returns what was written since the last one; the caller's own
   */
  take(): Uint8Array<ArrayBuffer> {
    const chunk = this.#bytes.subarray(0, this.#at);
    this.#bytes = new Uint8Array(CHUNK_BYTES);
    this.#at = 0;
    return chunk;
  }

  /** Writes a number under a billion with at least so many digits. */
  #digits(value: number, least: number): void {
    let rest = value | 0;
    let count = least;
    for (let limit = 10 ** least; limit <= rest; limit *= 10) count++;
    for (let at = this.#at + count - 1; at >= this.#at; at--) {
      const tenth = rest / 10 | 0;
      this.#bytes[at] = ZERO + rest - tenth * 10;
      rest = tenth;
    }
    this.#at += count;
  }
}
