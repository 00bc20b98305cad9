/**
 * Who may connect to the router's port: addresses and networks.
 *
 * @module
 */

import { BlockList, isIP, isIPv6 } from "node:net";

/** Addresses and networks that are let in. */
export class AllowList {
  readonly #networks = new BlockList();

  /**
   * Makes a list.
   *
   * @param networks addresses such as `10.0.0.7` and `fd00::1`, and networks such as `10.0.0.0/8`, all of them valid
   */
  constructor(networks: readonly string[]) {
    for (const network of networks) {
      const [address = "", bits] = network.split("/");
      const family = familyOf(address);
      if (bits === undefined) this.#networks.addAddress(address, family);
      else this.#networks.addSubnet(address, Number(bits), family);
    }
  }

  /**
   * Whether a peer is let in. An IPv4 address that came over an IPv6 socket counts as what it is.
   *
   * @param address as a transport says it: `ipv4:port` or `[ipv6]:port`
   */
  allows(address: string): boolean {
    const host = /^\[?(?<host>[^\]%]*)(?:%[^\]]*)?\]?:\d+$/.exec(address)?.groups?.host ?? "";
    return isIP(host) !== 0 && this.#networks.check(host, familyOf(host));
  }
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return isIPv6(address) ? "ipv6" : "ipv4";
}
