/**
 * Every setting there is, by its key: the name in the configuration file, with the table's name and a dot before it. The names are
 * those of the family where it has one for the same thing.
 *
 * @module
 */

import { formatMysql, parseMysqlDsn } from "../groups/mysql_settings.ts";
import { formatRedis, parseRedisUrl } from "../redis/redis_settings.ts";
import { parseNetworks } from "./networks.ts";
import { integerOf, parseSwitch, parseText, type Setting, wordOf } from "./setting.ts";
import { formatListenAddress, type ListenAddress, parseListenAddress } from "./settings.ts";

/** For HTTP: nowhere. */
const OFF = "off";

function parseListen(text: string): ListenAddress {
  const address = parseListenAddress(text);
  if (address === undefined) {
    throw new RangeError("host:port, or :port for every IPv4 interface, expected");
  }
  return address;
}

function setting<T>(setting: Setting<T>): Setting<T> {
  return setting;
}

/** The settings, in the order in which they are shown. */
export const SETTINGS = {
  "listen": setting({
    flag: "--listen",
    metavar: "ADDRESS",
    help: "Where IM servers connect: host:port, or :port for every IPv4 interface.",
    default: "127.0.0.1:4444",
    toml: "string",
    parse: parseListen,
    show: formatListenAddress,
  }),
  "http_listen_address": setting<ListenAddress | typeof OFF>({
    flag: "--http",
    metavar: "ADDRESS",
    help: 'Where HTTP is served, or "off".',
    default: "127.0.0.1:4445",
    toml: "string",
    parse: (text) => text === OFF ? OFF : parseListen(text),
    show: (value) => value === OFF ? OFF : formatListenAddress(value),
  }),
  "generation": setting({
    flag: "--generation",
    metavar: "GENERATION",
    help:
      "Which generation of im_service the IM servers are of: 1 (2018-19, with groups in MySQL), 2 (today's), or auto, which tells them apart frame by frame.",
    default: "auto",
    toml: "string",
    parse: wordOf("auto", "1", "2"),
  }),
  "data": setting({
    flag: "--data",
    metavar: "FOLDER",
    help: "Folder of the push queue and the spool; made when missing.",
    default: "./imr-data",
    toml: "string",
    parse: parseText,
  }),
  "push_disabled": setting({
    metavar: "SWITCH",
    help: "Ignore PUSH of generation 2: no push jobs at all.",
    default: "false",
    toml: "boolean",
    parse: parseSwitch,
  }),
  "is_push_system": setting({
    metavar: "SWITCH",
    help:
      "Whether system messages are pushed. Left out: not under the rules of generation 1, and under those of generation 2.",
    toml: "boolean",
    parse: parseSwitch,
  }),
  "poison_guard": setting({
    metavar: "SWITCH",
    help: "Hold back frames on which servers of generation 2 end their process.",
    default: "true",
    toml: "boolean",
    parse: parseSwitch,
  }),
  "redis.address": setting({
    flag: "--redis",
    metavar: "URL",
    help:
      "Where push jobs go: host:port, redis://[user[:password]@]host[:port][/db], rediss:// (TLS), unix:///path, redis+sentinel://host:port,…/master or redis+cluster://host:port,…. Left out: the embedded queue of the data folder.",
    secret: "part",
    toml: "string",
    parse: parseRedisUrl,
    show: formatRedis,
  }),
  "redis.password": setting({
    metavar: "PASSWORD",
    help: "Its password; better in a file.",
    secret: "whole",
    toml: "string",
    parse: (text) => text,
  }),
  "redis.password_file": setting({
    flag: "--redis-password-file",
    metavar: "FILE",
    help: "A file whose first line is the password of Redis.",
    toml: "string",
    parse: parseText,
  }),
  "redis.db": setting({
    metavar: "NUMBER",
    help: "The number of the database.",
    toml: "integer",
    parse: integerOf(0, 999_999_999),
  }),
  "redis.ca_file": setting({
    flag: "--redis-ca",
    metavar: "FILE",
    help: "The certificate authority of Redis, in PEM form; means TLS.",
    toml: "string",
    parse: parseText,
  }),
  "mysqldb_source": setting({
    flag: "--mysql",
    metavar: "DSN",
    help:
      "From where the groups of generation 1 are loaded, in the form of Go's driver: user[:password]@tcp(host:port)/database[?tls=true&timeout=5s], or unix(/path). Left out: nowhere, so messages to groups cause no push.",
    secret: "part",
    toml: "string",
    parse: parseMysqlDsn,
    show: formatMysql,
  }),
  "mysql.password_file": setting({
    flag: "--mysql-password-file",
    metavar: "FILE",
    help: "A file whose first line is the password of MySQL.",
    toml: "string",
    parse: parseText,
  }),
  "mysql.ca_file": setting({
    flag: "--mysql-ca",
    metavar: "FILE",
    help: "The certificate authority of MySQL, in PEM form; means TLS.",
    toml: "string",
    parse: parseText,
  }),
  "groups_file": setting({
    flag: "--groups-file",
    metavar: "FILE",
    help: 'A small file of groups instead of MySQL, one a line: {"group":500,"members":[1,2]}.',
    toml: "string",
    parse: parseText,
  }),
  "access.allow": setting<readonly string[]>({
    flag: "--allow",
    metavar: "NETWORKS",
    help:
      "Who may connect as an IM server: IP addresses and networks such as 10.0.0.0/8. Left out: everybody who can reach the port.",
    toml: "list of strings",
    parse: parseNetworks,
    show: (networks) => networks.join(","),
  }),
  "admin.token_file": setting({
    flag: "--token-file",
    metavar: "FILE",
    help:
      "A file whose first line has to be shown, as a Bearer token, by whoever takes push jobs or looks into a group over HTTP. Left out: that is for this machine alone.",
    toml: "string",
    parse: parseText,
  }),
} as const;

/** The key of a setting. */
export type SettingKey = keyof typeof SETTINGS;

/** Every key, in order. */
export const SETTING_KEYS = Object.keys(SETTINGS) as readonly SettingKey[];

/** What the value of a setting is, once read. */
export type SettingValue<K extends SettingKey> = ReturnType<(typeof SETTINGS)[K]["parse"]>;

/** Values by key; what is missing is set nowhere. */
export type SettingValues = { readonly [K in SettingKey]?: SettingValue<K> };

/** The description of a setting. */
export function settingOf<K extends SettingKey>(key: K): Setting<SettingValue<K>> {
  return SETTINGS[key] as unknown as Setting<SettingValue<K>>;
}

/** The variable of the environment that sets a setting: `redis.ca_file` is IMR_REDIS_CA_FILE. */
export function variableOf(key: SettingKey): string {
  return `IMR_${key.replaceAll(".", "_").toUpperCase()}`;
}
