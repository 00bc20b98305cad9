/**
 * Time for the load generator: nanoseconds since this process started, as a number that stays exact, and the same as the int64
 * timestamp of a route message, which no router interprets.
 *
 * @module
 */

const EPOCH_NS = BigInt(Math.round(performance.timeOrigin)) * 1_000_000n;
const EPOCH_HIGH = Number(EPOCH_NS >> 32n);
const EPOCH_LOW = Number(EPOCH_NS & 0xffff_ffffn);
const TWO_32 = 2 ** 32;

/**
 * The monotonic time.
 *
 * @returns nanoseconds since this process started, a whole number
 */
export function nowNs(): number {
  return Math.round(performance.now() * 1e6);
}

/**
 * Writes a time as nanoseconds since 1970, without a bigint.
 *
 * @param view the buffer
 * @param at where the eight bytes begin
 * @param ns a time as {@linkcode nowNs} gives it
 */
export function writeTimestamp(view: DataView, at: number, ns: number): void {
  const low = EPOCH_LOW + ns;
  view.setUint32(at, EPOCH_HIGH + Math.floor(low / TWO_32));
  view.setUint32(at + 4, low % TWO_32);
}

/**
 * Reads what {@linkcode writeTimestamp} wrote in this process.
 *
 * @param view the buffer
 * @param at where the eight bytes begin
 * @returns the time as {@linkcode nowNs} gives it
 */
export function readTimestamp(view: DataView, at: number): number {
  return (view.getUint32(at) - EPOCH_HIGH) * TWO_32 + (view.getUint32(at + 4) - EPOCH_LOW);
}
