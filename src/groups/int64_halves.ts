/**
 * int64 as MySQL's client gives it, in two 32-bit halves.
 *
 * @module
 */

import { isInt64 } from "../wire/int64.ts";

const LOW = 2 ** 32;
const DIGITS = /^-?\d{1,20}$/;

/** The halves of an int64. */
export interface Int64Halves {
  /** The low 32 bits. */
  lo: number;
  /** The high 32 bits. */
  hi: number;
}

/**
 * Splits an int64.
 *
 * @param value an exact whole number, its decimal digits, or a bigint; anything else is none
 * @param into gets the halves, as signed numbers
 * @returns whether the value is an int64
 */
export function halvesOf(value: unknown, into: Int64Halves): boolean {
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value)) return false;
    into.lo = value | 0;
    into.hi = Math.floor(value / LOW);
    return true;
  }
  const isDigits = typeof value === "string" && DIGITS.test(value);
  if (!isDigits && typeof value !== "bigint") return false;
  const id = BigInt(value as string | bigint);
  if (!isInt64(id)) return false;
  into.lo = Number(BigInt.asIntN(32, id));
  into.hi = Number(BigInt.asIntN(32, id >> 32n));
  return true;
}
