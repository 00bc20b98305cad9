/**
 * int64 as decimal digits, as it stands in requests, events and files.
 *
 * @module
 */

const INT64_BITS = 64;
/** Of the greatest, without leading zeros. */
const INT64_DIGITS_MAX = 19;

/** Whether a number has 64 bits at most. */
export function isInt64(value: bigint): boolean {
  return BigInt.asIntN(INT64_BITS, value) === value;
}

/**
 * Reads a decimal integer as Go does: an optional sign, then digits alone, leading zeros among them.
 *
 * @param text the digits; undefined is no integer either
 * @returns undefined when it is none, or has more than 64 bits
 *
 * @example
 * ```ts
 * import { parseInt64 } from "./int64.ts";
 *
 * console.assert(parseInt64("+007") === 7n);
 * console.assert(parseInt64("9223372036854775808") === undefined);
 * ```
 */
export function parseInt64(text: string | undefined): bigint | undefined {
  const match = /^([+-]?)0*([0-9]+)$/.exec(text ?? "");
  if (match === null || match[2]!.length > INT64_DIGITS_MAX) return undefined;
  const value = match[1] === "-" ? -BigInt(match[2]!) : BigInt(match[2]!);
  return isInt64(value) ? value : undefined;
}
