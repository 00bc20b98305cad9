/**
 * How to reach MySQL or MariaDB: the DSN of Go's MySQL driver, which the family's configuration files hold, and the settings that it
 * stands for.
 *
 * @module
 */

/** Where the server is. */
export type MysqlTarget =
  | {
    readonly kind: "tcp";
    /** Name or address; IPv6 without brackets. */
    readonly host: string;
    /** 1 to 65,535. */
    readonly port: number;
  }
  | { readonly kind: "unix"; readonly path: string };

/** What a connection to the server needs. */
export interface MysqlSettings {
  /** Where it is. */
  readonly target: MysqlTarget;
  /** The user's name; empty is the anonymous user. */
  readonly user: string;
  /** The user's password. */
  readonly password?: string | undefined;
  /** A file whose first line is the password; it wins over `password`, and is read by whoever dials. */
  readonly passwordFile?: string | undefined;
  /** The database that holds the tables; never empty. */
  readonly database: string;
  /**
   * TLS: whether the server's certificate has to be in order, and the file of an own certificate authority in PEM form; undefined is
   * no TLS.
   */
  readonly tls?:
    | { readonly caFile?: string | undefined; readonly verify: boolean }
    | undefined;
  /** How long a dial may take, in whole milliseconds from 1; undefined leaves it to whoever dials. */
  readonly connectTimeoutMs?: number | undefined;
}

const DEFAULT_HOST = "127.0.0.1";
const DEFAULT_PORT = 3306;
const DEFAULT_SOCKET = "/tmp/mysql.sock";
const FORMS = "[user[:password]@]tcp(host[:port])/database[?tls=true&timeout=5s] or " +
  "[user[:password]@]unix(path)/database";
const V6 = /^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*(?:%[\w.-]+)?$/;
const NAME = /^[^\s:/@()[\]]+$/;
const NANOSECONDS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  // Go takes both letters: the micro sign and the Greek mu.
  "\u00b5s": 1e3,
  "\u03bcs": 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};
const DURATION = /^\+?(?:(?:\d+\.?\d*|\.\d+)(?:ns|[u\u00b5\u03bc]s|ms|s|m|h))+$/;
const DURATION_PART = /(?<number>[\d.]+)(?<unit>[^\d.]+)/g;
/** A timer of the runtime that is longer ends at once. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/**
 * Reads a DSN as Go's MySQL driver does: `[user[:password]@][protocol[(address)]]/database[?name=value&…]`.
 *
 * The last `/` begins the database, the last `@` before it ends the login, and the first `:` of the login begins the password, which is
 * taken as it stands. Hence a password may hold any character; a `/` or `@` behind the last `/` is percent-encoded.
 *
 * What differs from the driver:
 *
 * - A database has to be named.
 * - `tls=preferred` is TLS when the server offers it, whatever its certificate is. That keeps nobody out, and clients here cannot do
 *   it; it means no TLS. `allowFallbackToPlaintext` is ignored, and TLS that is asked for is demanded.
 * - `tls` with the name of a configuration that a Go program has registered is refused, as it says nothing here.
 * - `tcp4` and `tcp6` want an address, and are otherwise `tcp`.
 * - All parameters but `tls` and `timeout` say how the Go driver works, and are ignored.
 *
 * @param text the DSN
 * @throws {RangeError} when it is none; the message says what is wrong and holds nothing of the text, as any part of it may be the
 * password
 *
 * @example
 * ```ts
 * import { formatMysql, parseMysqlDsn } from "./mysql_settings.ts";
 *
 * const settings = parseMysqlDsn("im:secret@tcp(db)/gobelieve?charset=utf8");
 * console.assert(formatMysql(settings) === "im@tcp(db:3306)/gobelieve");
 * ```
 */
export function parseMysqlDsn(text: string): MysqlSettings {
  const slash = text.lastIndexOf("/");
  if (slash < 0) throw new RangeError(`there is no /database at the end; expected ${FORMS}`);
  const front = text.slice(0, slash);
  const back = text.slice(slash + 1);
  // Else, without a /database, the rest of a password that holds a / would be taken for one, and shown as such.
  if (back.includes("@")) {
    throw new RangeError(
      `an @ behind the last / is written %40; is there a /database? expected ${FORMS}`,
    );
  }
  const at = front.lastIndexOf("@");
  const question = back.indexOf("?");
  const database = decode(question < 0 ? back : back.slice(0, question), "the database's name");
  if (database === "") throw new RangeError(`the database has no name; expected ${FORMS}`);
  return {
    ...loginOf(at < 0 ? "" : front.slice(0, at)),
    target: targetOf(front.slice(at + 1)),
    database,
    ...question < 0 ? {} : parametersOf(back.slice(question + 1)),
  };
}

/**
 * Writes where the server is the way an operator reads it, which is a DSN again: the user's name, and never a password, nor the name of
 * a file.
 */
export function formatMysql({ target, user, database, tls }: MysqlSettings): string {
  const login = user === "" ? "" : `${user}@`;
  const name = database.replace(/[%/?@\s\p{Cc}]/gu, encodeURIComponent);
  const query = tls === undefined ? "" : `?tls=${tls.verify ? "true" : "skip-verify"}`;
  return `${login}${formatTarget(target)}/${name}${query}`;
}

function formatTarget(target: MysqlTarget): string {
  if (target.kind === "unix") return `unix(${target.path})`;
  const { host, port } = target;
  return `tcp(${host.includes(":") ? `[${host}]` : host}:${port})`;
}

function loginOf(login: string): { user: string; password?: string } {
  const colon = login.indexOf(":");
  if (colon < 0) return { user: login };
  const password = login.slice(colon + 1);
  // The driver knows no empty password: it is none.
  return { user: login.slice(0, colon), ...password === "" ? {} : { password } };
}

function targetOf(text: string): MysqlTarget {
  const open = text.indexOf("(");
  if (open >= 0 && !text.endsWith(")")) {
    throw new RangeError(
      "no ) ends the address; is there a /database, and is a / in a parameter written %2F? " +
        `expected ${FORMS}`,
    );
  }
  const protocol = open < 0 ? text : text.slice(0, open);
  const address = open < 0 ? "" : text.slice(open + 1, -1);
  switch (protocol) {
    case "":
    case "tcp":
      return { kind: "tcp", ...nodeOf(address) };
    case "tcp4":
    case "tcp6":
      // A default address would be of the wrong family for one of them; the driver knows none either.
      if (address === "") throw new RangeError("tcp4 and tcp6 want an address");
      return { kind: "tcp", ...nodeOf(address) };
    case "unix":
      return { kind: "unix", path: address === "" ? DEFAULT_SOCKET : address };
    default:
      // Not shown: it may as well be a password whose @ is missing.
      throw new RangeError(`the protocol is tcp or unix; expected ${FORMS}`);
  }
}

function nodeOf(address: string): { host: string; port: number } {
  // As Go does, more than one colon without brackets is an IPv6 address without a port.
  if (V6.test(address) && address.indexOf(":") !== address.lastIndexOf(":")) {
    return { host: address, port: DEFAULT_PORT };
  }
  const match = /^(?:\[(?<v6>[^[\]]*)\]|(?<name>[^:]*))(?::(?<port>\d{1,5}))?$/.exec(address);
  const { v6, name, port: digits = DEFAULT_PORT } = match?.groups ?? {};
  const host = v6 ?? (name === "" ? DEFAULT_HOST : name);
  const port = Number(digits);
  const isHost = host !== undefined && (v6 === undefined ? NAME : V6).test(host);
  if (!isHost || port < 1 || port > 65_535) {
    throw new RangeError(
      "a host, host:port or [IPv6]:port with a port of 1 to 65535 expected in tcp(…)",
    );
  }
  return { host, port };
}

function parametersOf(query: string): Pick<MysqlSettings, "tls" | "connectTimeoutMs"> {
  // The last one of a name counts; what has no = is none.
  let tls: { verify: boolean } | undefined;
  let connectTimeoutMs: number | undefined;
  for (const parameter of query.split("&")) {
    const equals = parameter.indexOf("=");
    const value = parameter.slice(equals + 1);
    switch (equals < 0 ? "" : parameter.slice(0, equals)) {
      case "tls":
        tls = tlsOf(decode(value, "the parameter tls"));
        break;
      case "timeout":
        connectTimeoutMs = timeoutOf(decode(value, "the parameter timeout"));
        break;
    }
  }
  return {
    ...tls === undefined ? {} : { tls },
    ...connectTimeoutMs === undefined ? {} : { connectTimeoutMs },
  };
}

function tlsOf(value: string): { verify: boolean } | undefined {
  switch (value.toLowerCase()) {
    case "true":
    case "1":
      return { verify: true };
    case "skip-verify":
      return { verify: false };
    case "false":
    case "0":
    case "preferred":
    case "":
      return undefined;
    default:
      throw new RangeError(
        "tls is true, skip-verify, preferred or false; for an own certificate authority use --mysql-ca",
      );
  }
}

/** Rounded up to a millisecond, so that a little is not nothing; nothing is no time-out of the DSN. */
function timeoutOf(value: string): number | undefined {
  if (/^\+?0$/.test(value)) return undefined;
  if (!DURATION.test(value)) {
    throw new RangeError("timeout is a duration of Go such as 5s, 500ms or 1m30s");
  }
  let nanoseconds = 0;
  for (const { groups } of value.matchAll(DURATION_PART)) {
    // Rounded, as 1.1 seconds are a little more than 1,100 ms in floating point.
    nanoseconds += Math.round(Number(groups!.number) * NANOSECONDS[groups!.unit!]!);
  }
  const ms = Math.ceil(nanoseconds / 1e6);
  if (ms > MAX_TIMEOUT_MS) throw new RangeError("timeout is 596h at most");
  return ms === 0 ? undefined : ms;
}

/** Percent-decodes; the message of the built-in error would not say where. */
function decode(text: string, what: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new RangeError(`a % in ${what} is written %25`);
  }
}
