/**
 * The settings of a router as its parts are given them, and how a listening address is written. Where they come from is in
 * `effective.ts`.
 *
 * @module
 */

import type { MysqlSettings } from "../groups/mysql_settings.ts";
import type { RedisSettings } from "../redis/redis_settings.ts";
import type { Generation } from "../router/router.ts";

/** Where a port listens. */
export interface ListenAddress {
  /** A host name or an IP address without brackets. */
  readonly hostname: string;
  /** 0..65535; 0 lets the system choose. */
  readonly port: number;
}

/** Everything that an operator can set, put together. */
export interface Settings {
  /** Where IM servers connect. */
  readonly listen: ListenAddress;
  /** Where HTTP is served; undefined: nowhere. */
  readonly http: ListenAddress | undefined;
  /** Which generation of the family the IM servers are of. */
  readonly generation: Generation;
  /** The folder of the push queue and other data; made when missing. */
  readonly data: string;
  /** Where push jobs go; undefined: into the embedded queue of the data folder. */
  readonly redis: RedisSettings | undefined;
  /** From where the groups of generation 1 are loaded; undefined: nowhere. */
  readonly mysql: MysqlSettings | undefined;
  /** A file of groups instead; undefined: none. */
  readonly groupsFile: string | undefined;
  /** Addresses and networks that may connect as IM servers; undefined: everybody. */
  readonly allow: readonly string[] | undefined;
  /** A file whose first line is the token of the admin port; undefined: there is none. */
  readonly tokenFile: string | undefined;
  /** Whether system messages are pushed; undefined: as each generation has it. */
  readonly isPushSystem: boolean | undefined;
  /** Whether PUSH is ignored. */
  readonly pushDisabled: boolean;
  /** Whether frames on which servers end their process are held back. */
  readonly poisonGuard: boolean;
}

/**
 * Reads a listening address.
 *
 * @param text `host:port`, `[ipv6]:port`, or `:port` for every IPv4 interface
 * @returns undefined when it is none of these
 *
 * @example
 * ```ts
 * import { parseListenAddress } from "./settings.ts";
 *
 * console.assert(parseListenAddress(":4444")?.hostname === "0.0.0.0");
 * console.assert(parseListenAddress("4444") === undefined);
 * ```
 */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s/]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) return undefined;
  return { hostname: match[1] ?? (match[2] || "0.0.0.0"), port };
}

/**
 * Writes a listening address the way an operator reads it.
 *
 * @param address as it was set, or as the system says it
 * @returns `host:port` or `[ipv6]:port`
 */
export function formatListenAddress(address: ListenAddress): string {
  const host = address.hostname.includes(":") ? `[${address.hostname}]` : address.hostname;
  return `${host}:${address.port}`;
}
