// Bytes as hex, for expectations that a reader can check against the layout of a frame.

/** The bytes of hex text; blanks, line ends and `|` are for the reader. */
export function hex(text: string): Uint8Array<ArrayBuffer> {
  const digits = text.replaceAll(/[\s|]/g, "");
  if (!/^(?:[0-9a-f]{2})*$/.test(digits)) throw new Error(`not hex: ${text}`);
  const bytes = new Uint8Array(digits.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

const DIGITS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Lower-case hex without blanks. */
export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += DIGITS[byte];
  return text;
}

/** All parts, one behind another. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((bytes, part) => bytes + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Big-endian int64s, one behind another. */
export function int64s(...values: readonly bigint[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8 * values.length);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => view.setBigInt64(8 * i, value));
  return bytes;
}

/** The bytes of a view that begins at a multiple of nothing, for code that works on part of a buffer. */
export function shifted(bytes: Uint8Array, by: number): Uint8Array<ArrayBuffer> {
  const buffer = new Uint8Array(by + bytes.length + by).fill(0xee);
  buffer.set(bytes, by);
  return buffer.subarray(by, by + bytes.length);
}

/** Ids that JavaScript numbers, 32-bit halves or signs are apt to get wrong. */
export const ID_EXTREMES: readonly bigint[] = [
  0n,
  1n,
  -1n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  0x1_0000_0000n,
  -0x8000_0000n,
  -0x1_0000_0000n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 53n + 1n,
  -(2n ** 53n) - 1n,
  2n ** 63n - 1n,
  -(2n ** 63n) + 1n,
  -(2n ** 63n),
];
