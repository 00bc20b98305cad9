/**
 * Query strings and integers exactly as the family's own HTTP server reads them, so that an API server gets the same answer for
 * the same URL. What `URLSearchParams` and `Number` do differs: here a pair with a bad escape or a `;` is skipped, `+` is a blank
 * (so that only `%2B5` is a signed 5), and an integer has all 64 bits.
 *
 * @module
 */

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
const INT64_DIGITS_MAX = 19;

/**
 * The query string of a URL, without its `?`.
 *
 * @param url as the client sent it, not normalized
 */
export function queryOf(url: string): string {
  const at = url.indexOf("?");
  return at < 0 ? "" : url.slice(at + 1);
}

/**
 * The first value of a parameter.
 *
 * @param query a query string without `?`
 * @param name in ASCII
 * @returns undefined when it does not occur. Bytes past ASCII come out as one character each, which is enough to see that
 * they are no digits
 */
export function firstParameter(query: string, name: string): string | undefined {
  for (const pair of query.split("&")) {
    if (pair.includes(";")) continue;
    const [, key, value] = /^([^=]*)=?(.*)$/s.exec(pair)!;
    const text = unescaped(value!);
    if (text !== undefined && unescaped(key!) === name) return text;
  }
  return undefined;
}

/**
 * Reads a decimal integer: an optional sign, then digits alone.
 *
 * @param text what stands in the parameter; undefined is no integer either
 * @returns undefined when it is none, or has more than 64 bits
 *
 * @example
 * ```ts
 * import { parseInt64 } from "./query.ts";
 *
 * console.assert(parseInt64("+007") === 7n);
 * console.assert(parseInt64("9223372036854775808") === undefined);
 * ```
 */
export function parseInt64(text: string | undefined): bigint | undefined {
  const match = /^([+-]?)0*([0-9]+)$/.exec(text ?? "");
  if (match === null || match[2]!.length > INT64_DIGITS_MAX) return undefined;
  const value = match[1] === "-" ? -BigInt(match[2]!) : BigInt(match[2]!);
  return value < INT64_MIN || value > INT64_MAX ? undefined : value;
}

function unescaped(text: string): string | undefined {
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) return undefined;
  return text.replaceAll("+", " ").replace(
    /%(..)/g,
    (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
