/**
 * Query strings and integers exactly as the family's own HTTP server reads them, so that an API server gets the same answer for
 * the same URL. What `URLSearchParams` and `Number` do differs: here a pair with a bad escape or a `;` is skipped, `+` is a blank
 * (so that only `%2B5` is a signed 5), and an integer has all 64 bits.
 *
 * @module
 */

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

function unescaped(text: string): string | undefined {
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) return undefined;
  return text.replaceAll("+", " ").replace(
    /%(..)/g,
    (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
