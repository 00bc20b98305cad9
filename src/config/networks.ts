/**
 * Lists of addresses and networks, as an operator writes them.
 *
 * @module
 */

import { isIP } from "node:net";

const BITS: Readonly<Record<number, number>> = { 4: 32, 6: 128 };

/**
 * Reads a list.
 *
 * @param text addresses and networks with commas between them, such as `10.0.0.0/8,fd00::1`
 * @throws {RangeError} when one of them is neither
 *
 * @example
 * ```ts
 * import { parseNetworks } from "./networks.ts";
 *
 * console.assert(parseNetworks("10.0.0.0/8, ::1").length === 2);
 * ```
 */
export function parseNetworks(text: string): readonly string[] {
  return text.split(",").map((part) => {
    const network = part.trim();
    const [address = "", bits, ...more] = network.split("/");
    const version = isIP(address);
    const isPrefix = bits === undefined || /^\d{1,3}$/.test(bits) && Number(bits) <= BITS[version]!;
    if (version === 0 || address.includes("%") || !isPrefix || more.length > 0) {
      throw new RangeError(
        "IP addresses, or networks such as 10.0.0.0/8, with commas between them expected",
      );
    }
    return network;
  });
}
