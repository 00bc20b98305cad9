/**
 * How to reach Redis: the forms of an address, and the settings that they stand for.
 *
 * @module
 */

/** A host and a port. */
export interface RedisNode {
  /** Name or address; IPv6 without brackets. */
  readonly host: string;
  /** 1 to 65,535. */
  readonly port: number;
}

/** Where Redis is, by the way it is run. */
export type RedisTarget =
  | { readonly kind: "server"; readonly node: RedisNode }
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "sentinel"; readonly nodes: readonly RedisNode[]; readonly master: string }
  | { readonly kind: "cluster"; readonly nodes: readonly RedisNode[] };

/** Everything that a connection to Redis needs. */
export interface RedisSettings {
  /** Where it is. */
  readonly target: RedisTarget;
  /** An ACL user; the default user when undefined. */
  readonly username?: string | undefined;
  /** Its password. */
  readonly password?: string | undefined;
  /** A file whose first line is the password; it wins over `password`. */
  readonly passwordFile?: string | undefined;
  /** The password of the sentinels, when they have one. */
  readonly sentinelPassword?: string | undefined;
  /** The number of the database; 0 in a cluster. */
  readonly database: number;
  /** TLS, and the file of an own certificate authority in PEM form; undefined is no TLS. */
  readonly tls?: { readonly caFile?: string | undefined } | undefined;
}

const PORT_REDIS = 6379;
const PORT_SENTINEL = 26379;
const FORMS =
  "redis://[user:password@]host[:port][/db], rediss://… with TLS, unix:///path[?db=N], " +
  "redis+sentinel://host[:port],…/master[/db] or redis+cluster://host:port,…";
const URL_PARTS =
  /^(?<scheme>[a-z+]+):\/\/(?:(?<login>[^@/]*)@)?(?<hosts>[^/?]*)(?<path>\/[^?]*)?(?:\?(?<query>.*))?$/;

/**
 * Reads an address of Redis.
 *
 * @param text in one of the forms of docs/PUSH.md; `host:port` alone is a server
 * @throws {RangeError} when it is none of them; the message says what is wrong and never holds the password
 *
 * @example
 * ```ts
 * import { formatRedis, parseRedisUrl } from "./redis_settings.ts";
 *
 * console.assert(formatRedis(parseRedisUrl("redis://:secret@db:7000/2")) === "redis://db:7000/2");
 * ```
 */
export function parseRedisUrl(text: string): RedisSettings {
  const parts = URL_PARTS.exec(text.includes("://") ? text : `redis://${text}`)?.groups;
  if (parts === undefined) throw new RangeError(`not an address of Redis; expected ${FORMS}`);
  const { scheme = "", login, hosts = "", path = "", query = "" } = parts;
  // Else the rest of a password would be taken for a host, and shown as such.
  if ((hosts + path + query).includes("@")) {
    throw new RangeError("an @ or / in a password is written %40 or %2F");
  }
  const parameters = new URLSearchParams(query);
  if ([...parameters.keys()].some((name) => scheme !== "unix" || name !== "db")) {
    throw new RangeError("there is no parameter but ?db=N of a unix socket");
  }
  const settings = {
    ...loginOf(login),
    ...scheme.startsWith("rediss") ? { tls: {} } : {},
  };
  switch (scheme) {
    case "redis":
    case "rediss": {
      const [node, ...more] = nodesOf(hosts, PORT_REDIS);
      if (more.length > 0) throw new RangeError(`one host expected, for several use ${FORMS}`);
      const target = { kind: "server", node: node! } as const;
      return { target, database: databaseOf(path.slice(1)), ...settings };
    }
    case "unix":
      if (hosts !== "" || path.length < 2) {
        throw new RangeError("the path of a unix socket is absolute: unix:///run/redis.sock");
      }
      return {
        target: { kind: "unix", path: decode(path) },
        database: databaseOf(parameters.get("db") ?? ""),
        ...settings,
      };
    case "redis+sentinel":
    case "rediss+sentinel": {
      const [master = "", database = "", ...more] = path.slice(1).split("/");
      if (master === "" || more.length > 0) {
        throw new RangeError("the master's name is expected behind the hosts: …/MASTER[/db]");
      }
      const nodes = nodesOf(hosts, PORT_SENTINEL);
      const target = { kind: "sentinel", nodes, master: decode(master) } as const;
      return { target, database: databaseOf(database), ...settings };
    }
    case "redis+cluster":
    case "rediss+cluster":
      if (path.length > 1) throw new RangeError("a cluster has no databases but 0");
      return {
        target: { kind: "cluster", nodes: nodesOf(hosts, PORT_REDIS) },
        database: 0,
        ...settings,
      };
    default:
      throw new RangeError(`${scheme}:// is not known; expected ${FORMS}`);
  }
}

/** Writes where Redis is the way an operator reads it: the user's name, and never a password. */
export function formatRedis({ target, username, database, tls }: RedisSettings): string {
  const scheme = tls === undefined ? "redis" : "rediss";
  const user = username === undefined ? "" : `${encodeURIComponent(username)}@`;
  const path = database === 0 ? "" : `/${database}`;
  switch (target.kind) {
    case "server":
      return `${scheme}://${user}${formatNode(target.node)}${path}`;
    case "unix":
      return `unix://${user}${target.path}${database === 0 ? "" : `?db=${database}`}`;
    case "sentinel":
      return `${scheme}+sentinel://${user}${target.nodes.map(formatNode)}/${target.master}${path}`;
    case "cluster":
      return `${scheme}+cluster://${user}${target.nodes.map(formatNode)}`;
  }
}

function formatNode({ host, port }: RedisNode): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function loginOf(login: string | undefined): { username?: string; password?: string } {
  if (login === undefined) return {};
  const at = login.indexOf(":");
  if (at < 0) return { username: decode(login) };
  return {
    ...at > 0 ? { username: decode(login.slice(0, at)) } : {},
    password: decode(login.slice(at + 1)),
  };
}

function nodesOf(hosts: string, defaultPort: number): RedisNode[] {
  return hosts.split(",").map((text) => {
    const match = /^(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<name>[^:[\]\s]+))(?::(?<port>\d{1,5}))?$/.exec(
      text,
    );
    const port = Number(match?.groups?.port ?? defaultPort);
    const host = match?.groups?.v6 ?? match?.groups?.name;
    if (host === undefined || port < 1 || port > 65_535) {
      // The text is not shown: without its @host, a user and a password look like a host and a port.
      throw new RangeError("a host, or host:port with a port of 1 to 65535, expected");
    }
    return { host, port };
  });
}

function databaseOf(text: string): number {
  if (text === "") return 0;
  if (!/^\d{1,9}$/.test(text)) throw new RangeError("the database is a whole number of 0 or more");
  return Number(text);
}

/** Percent-decodes; the message of the built-in error would not say where. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new RangeError("a % in user, password or path is written %25");
  }
}
