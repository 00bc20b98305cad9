/**
 * The command line: what can be typed, what it means, and what is said when it is wrong.
 *
 * @module
 */

import { object, or } from "@optique/core/constructs";
import { message, optionName, text } from "@optique/core/message";
import { map, optional, withDefault } from "@optique/core/modifiers";
import { command, constant, option } from "@optique/core/primitives";
import { choice, integer, string, type ValueParser } from "@optique/core/valueparser";
import { runSync } from "@optique/run";
import {
  DEFAULT_SETTINGS,
  formatListenAddress,
  type ListenAddress,
  parseListenAddress,
  type Settings,
} from "../config.ts";
import { formatMysql, type MysqlSettings, parseMysqlDsn } from "../groups/mysql_settings.ts";
import { formatRedis, parseRedisUrl, type RedisSettings } from "../redis/redis_settings.ts";

/** What a command line asks for. */
export interface Command {
  /** Start a router, show one at work, or look after the jobs that one has left on disk. */
  readonly name: "serve" | "demo" | "spool";
  /** What to do with these jobs. */
  readonly action: SpoolAction;
  /** A flush that gets no further for so many seconds has failed. */
  readonly giveUpAfter: number;
  /** The settings, defaults filled in. */
  readonly settings: Settings;
}

/** Count the jobs, print them, or write them to Redis. */
export type SpoolAction = "list" | "export" | "flush";

/** An operator's mistake: exit status of every wrong use. */
export const EXIT_WRONG_USE = 2;

const OFF = "off";
const GIVE_UP_SECONDS = 15;

function listenAddress(): ValueParser<"sync", ListenAddress> {
  const placeholder = DEFAULT_SETTINGS.listen;
  return {
    mode: "sync",
    metavar: "ADDRESS",
    placeholder,
    parse: (input) => {
      const value = parseListenAddress(input);
      if (value !== undefined) return { success: true, value };
      return {
        success: false,
        error: message`Expected host:port, or :port for every IPv4 interface, but got ${input}.`,
      };
    },
    format: formatListenAddress,
  };
}

/** The same, or `off`. */
function listenAddressOrOff(): ValueParser<"sync", ListenAddress | typeof OFF> {
  const address = listenAddress();
  return {
    ...address,
    parse: (input) =>
      input === OFF ? { success: true, value: OFF } : address.parse(input) as ReturnType<
        ValueParser<"sync", ListenAddress | typeof OFF>["parse"]
      >,
    format: (value) => value === OFF ? OFF : formatListenAddress(value),
  };
}

function redisAddress(): ValueParser<"sync", RedisSettings> {
  return address("URL", parseRedisUrl("127.0.0.1:6379"), parseRedisUrl, formatRedis);
}

function mysqlAddress(): ValueParser<"sync", MysqlSettings> {
  const placeholder = parseMysqlDsn("user@tcp(127.0.0.1:3306)/im");
  return address("DSN", placeholder, parseMysqlDsn, formatMysql);
}

/** Of a server, by a parser that throws a RangeError. */
function address<T>(
  metavar: "URL" | "DSN",
  placeholder: T,
  parse: (text: string) => T,
  format: (value: T) => string,
): ValueParser<"sync", T> {
  return {
    mode: "sync",
    metavar,
    placeholder,
    parse: (input) => {
      try {
        return { success: true, value: parse(input) };
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        return { success: false, error: message`${text(error.message)}` };
      }
    },
    format,
  };
}

const settings = map(
  object("Options", {
    listen: optional(option("--listen", listenAddress(), {
      description: message`Where IM servers connect. Default: 127.0.0.1:4444.`,
    })),
    http: optional(option("--http", listenAddressOrOff(), {
      description: message`Where HTTP is served, or "off". Default: 127.0.0.1:4445.`,
    })),
    generation: optional(option("--generation", choice(["auto", "1", "2"]), {
      description:
        message`Which generation of im_service the IM servers are of: 1 (2018-19, with groups in MySQL), 2 (today's), or auto, which tells them apart frame by frame. Default: auto.`,
    })),
    redis: optional(option("--redis", redisAddress(), {
      description:
        message`Where push jobs go: redis://[user[:password]@]host[:port][/db], rediss:// (TLS), unix:///path, redis+sentinel://host:port,…/master or redis+cluster://host:port,…. Default: the embedded queue of the data folder.`,
    })),
    redisPasswordFile: optional(option("--redis-password-file", string({ metavar: "FILE" }), {
      description: message`A file whose first line is the password of Redis.`,
    })),
    redisCa: optional(option("--redis-ca", string({ metavar: "FILE" }), {
      description: message`The certificate authority of Redis, in PEM form; means TLS.`,
    })),
    mysql: optional(option("--mysql", mysqlAddress(), {
      description:
        message`From where the groups of generation 1 are loaded, in the form of Go's driver: user[:password]@tcp(host:port)/database[?tls=true&timeout=5s], or unix(/path). Default: nowhere, so messages to groups cause no push.`,
    })),
    mysqlPasswordFile: optional(option("--mysql-password-file", string({ metavar: "FILE" }), {
      description: message`A file whose first line is the password of MySQL.`,
    })),
    mysqlCa: optional(option("--mysql-ca", string({ metavar: "FILE" }), {
      description: message`The certificate authority of MySQL, in PEM form; means TLS.`,
    })),
    groupsFile: optional(option("--groups-file", string({ metavar: "FILE" }), {
      description:
        message`A small file of groups instead of MySQL, one a line: {"group":500,"members":[1,2]}.`,
    })),
    data: optional(option("--data", string({ metavar: "FOLDER" }), {
      description: message`Folder of the push queue; made when missing. Default: ./imr-data.`,
    })),
  }),
  (given): Settings => ({
    listen: given.listen ?? DEFAULT_SETTINGS.listen,
    http: given.http === OFF ? undefined : given.http ?? DEFAULT_SETTINGS.http,
    generation: given.generation === "1" ? 1 : given.generation === "2" ? 2 : "auto",
    data: given.data ?? DEFAULT_SETTINGS.data,
    redis: given.redis && {
      ...given.redis,
      ...given.redisPasswordFile === undefined ? {} : { passwordFile: given.redisPasswordFile },
      ...given.redisCa === undefined ? {} : { tls: { caFile: given.redisCa } },
    },
    mysql: given.mysql && {
      ...given.mysql,
      ...given.mysqlPasswordFile === undefined ? {} : { passwordFile: given.mysqlPasswordFile },
      ...given.mysqlCa === undefined ? {} : { tls: { caFile: given.mysqlCa, verify: true } },
    },
    groupsFile: given.groupsFile,
  }),
);

const spoolActions = or(
  command("list", constant("list"), { description: message`Count the jobs of each list.` }),
  command("export", constant("export"), {
    description: message`Print every job, one JSON object a line, and leave them where they are.`,
  }),
  command("flush", constant("flush"), {
    description: message`Write all jobs to Redis, in order and once each.`,
  }),
);

const parser = or(
  object({
    name: constant("serve"),
    action: constant("list"),
    giveUpAfter: constant(GIVE_UP_SECONDS),
    settings: or(
      command("serve", settings, { description: message`Start the router; so does no command.` }),
      settings,
    ),
  }),
  object({
    name: constant("demo"),
    action: constant("list"),
    giveUpAfter: constant(GIVE_UP_SECONDS),
    settings: command("demo", settings, {
      description: message`Play two IM servers against a router that listens on ${
        optionName("--listen")
      } and show what it does.`,
    }),
  }),
  command(
    "spool",
    object({
      name: constant("spool"),
      action: spoolActions,
      giveUpAfter: withDefault(
        option("--give-up-after", integer({ min: 1, max: 3_600, metavar: "SECONDS" }), {
          description:
            message`A flush that gets no further for so long fails; what is left stays. Default: 15.`,
        }),
        GIVE_UP_SECONDS,
      ),
      settings,
    }),
    { description: message`Look after push jobs that a router has left in its data folder.` },
  ),
);

/**
 * Reads the command line. For `--help` and `--version` it prints and ends the process with status 0, for a wrong line it says what is
 * wrong and ends it with {@linkcode EXIT_WRONG_USE}.
 *
 * @param args the arguments without the program's name
 * @param version what `--version` prints
 * @returns what is asked for
 */
export function parseArguments(args: readonly string[], version: string): Command {
  return runSync(parser, {
    programName: "imr",
    args: args.length === 0 ? ["serve"] : args,
    help: "both",
    version: { value: version, command: true, option: true },
    errorExitCode: EXIT_WRONG_USE,
    aboveError: "none",
    brief: message`Routes messages between the IM servers of an im_service chat system.`,
    footer:
      message`With no arguments it starts with an embedded push queue and needs nothing else.`,
  });
}
