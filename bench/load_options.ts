/**
 * The command line of the load generator.
 *
 * @module
 */

import { type Address, Arguments } from "./arguments.ts";

/** What the load does. */
export const MODES = ["flood", "big", "rate", "room", "subs", "offline"] as const;

/** One of {@linkcode MODES}. */
export type Mode = typeof MODES[number];

/** Users in all, when nothing is said. */
const USERS_DEFAULT: Record<Mode, number> = {
  flood: 8_000,
  big: 1_000_000,
  rate: 8_000,
  room: 400,
  subs: 1_000_000,
  offline: 8_000,
};

const NAMED = [
  ...["addr", "mode", "conns", "users", "rooms", "secs", "warm", "window", "batch", "rate"],
  ...["burst", "drain", "pid", "proto", "gen", "redis", "http", "metric"],
];

/** The text of `--help`. */
export const LOAD_USAGE = `usage: deno run -A bench/load.ts [options]

  --addr HOST:PORT   the router (127.0.0.1:4444)
  --mode MODE        flood    many messages in flight: messages per second, CPU for each
                     big      flood among a million users
                     rate     messages at a steady rate: latency
                     room     flood of room messages: fan-out
                     subs     a million subscriptions: time and CPU for each, memory per user
                     offline  messages to users who are online nowhere: push jobs per second
  --conns N          IM servers to play (8)
  --users N          users in all (by mode: 8000, big and subs 1000000, room 400)
  --rooms N          rooms that every server holds (room: 1)
  --secs S           seconds measured (3)
  --warm S           seconds of load before them (1); before rate also of flood
  --drain S          seconds without a delivery after which messages count as lost (10)
  --window N         messages in flight per server (512)
  --batch N          messages to one write (16)
  --rate N           messages per second in all (5000)
  --burst N          messages that are due at the same moment (1)
  --pid PID          the router's process: adds its CPU time and memory
  --proto PROTO      imr, or nats: the same work as subjects on a NATS server
  --gen N            offline: 1 sends PUBLISH (also for a router that tells by itself), 2 sends PUSH (1)
  --redis HOST:PORT  offline: counts the jobs in this Redis
  --http HOST:PORT   offline: counts the jobs by the router's /metrics
  --metric NAME      offline: the counter there (imr_push_jobs_total)
  --json             only the line of JSON
`;

/** What one run does. */
export interface LoadOptions {
  /** Where the router listens. */
  readonly address: Address;
  /** What sort of load. */
  readonly mode: Mode;
  /** What the server speaks. */
  readonly proto: "imr" | "nats";
  /** IM servers to play. */
  readonly conns: number;
  /** Users in all. */
  readonly users: number;
  /** Rooms that every server holds; 0 when messages go to users. */
  readonly rooms: number;
  /** Seconds measured. */
  readonly secs: number;
  /** Seconds of load before. */
  readonly warmSecs: number;
  /** Seconds without a delivery until the rest counts as lost. */
  readonly drainSecs: number;
  /** Messages in flight per connection. */
  readonly window: number;
  /** Messages to one write. */
  readonly batch: number;
  /** Messages per second in all. */
  readonly rate: number;
  /** Messages that are due together. */
  readonly burst: number;
  /** The router's process, when it is known. */
  readonly pid: number | null;
  /** Whose way of asking for pushes. */
  readonly generation: 1 | 2;
  /** Where push jobs are counted. */
  readonly redis: Address | null;
  /** Where push jobs are counted when not in Redis. */
  readonly http: Address | null;
  /** The counter there. */
  readonly metric: string;
  /** Whether to print JSON alone. */
  readonly jsonOnly: boolean;
}

/**
 * Reads the command line.
 *
 * @param args what follows the program's name
 * @returns the options, or null when help was asked for
 * @throws {TypeError} when an option is unknown
 * @throws {RangeError} when a value is impossible
 */
export function parseLoadOptions(args: string[]): LoadOptions | null {
  const given = new Arguments(args, NAMED, ["json", "help"]);
  if (given.has("help")) return null;
  const mode = given.oneOf("mode", "flood", MODES);
  return {
    address: given.address("addr") ?? { hostname: "127.0.0.1", port: 4444 },
    mode,
    proto: given.oneOf("proto", "imr", ["imr", "nats"]),
    conns: given.number("conns", 8, 2, 1000),
    users: given.number("users", USERS_DEFAULT[mode], 1, 8_000_000),
    rooms: mode === "room" ? given.number("rooms", 1, 1, 1_000_000) : 0,
    secs: given.number("secs", 3, 0.1, 3600),
    warmSecs: given.number("warm", 1, 0, 3600),
    drainSecs: given.number("drain", 10, 0, 3600),
    window: given.number("window", 512, 1, 65_536),
    batch: given.number("batch", 16, 1, 65_536),
    rate: given.number("rate", 5000, 1, 10_000_000),
    burst: given.number("burst", 1, 1, 1000),
    pid: given.has("pid") ? given.number("pid", 0, 1, 2 ** 31) : null,
    generation: given.number("gen", 1, 1, 2) === 2 ? 2 : 1,
    redis: given.address("redis"),
    http: given.address("http"),
    metric: given.text("metric", "imr_push_jobs_total"),
    jsonOnly: given.has("json"),
  };
}
