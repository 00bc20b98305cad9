/**
 * Makes an ioredis client of the settings. It queues nothing while it is away, and repeats no command by itself: what to do with a
 * command that failed is decided by whoever sent it.
 *
 * @module
 */

import { Cluster, Redis, type RedisOptions } from "ioredis";
import type { RedisSettings } from "./redis_settings.ts";

/** A client of one server, or of a cluster. */
export type RedisClient = Redis | Cluster;

/** Times of a client, in milliseconds. */
export interface RedisTimes {
  /** The longest that a command may take. */
  readonly commandMs: number;
  /** The longest that a dial may take. */
  readonly dialMs: number;
}

/** The times unless told otherwise. */
export const REDIS_TIMES: RedisTimes = { commandMs: 2_000, dialMs: 2_000 };

/** What a client does when there is no connection. */
export type Dialing =
  /** It dials at once, and for ever. */
  | "for ever"
  /** It dials when it is told to connect, and ends with that connection. */
  | "once";

const DIAL_PAUSE_MS = { first: 50, max: 1_000 };

/**
 * Makes a client.
 *
 * @param settings where Redis is
 * @param times bounds
 * @param dialing when it dials
 * @throws {Error} when the file of the password or of the certificate authority cannot be read
 */
export function makeClient(
  settings: RedisSettings,
  times: RedisTimes,
  dialing: Dialing = "for ever",
): RedisClient {
  const { target } = settings;
  const options = optionsOf(settings, times, dialing);
  const pause = options.retryStrategy!;
  switch (target.kind) {
    case "server":
      return new Redis({ ...options, ...target.node });
    case "unix":
      return new Redis({ ...options, path: target.path });
    case "sentinel":
      return new Redis({
        ...options,
        sentinels: target.nodes.map((node) => ({ ...node })),
        name: target.master,
        sentinelPassword: settings.sentinelPassword,
        sentinelRetryStrategy: pause,
        sentinelReconnectStrategy: pause,
        sentinelCommandTimeout: times.commandMs,
        failoverDetector: true,
        ...settings.tls === undefined
          ? {}
          : { enableTLSForSentinelMode: true, sentinelTLS: tlsOf(settings) },
      });
    case "cluster": {
      const { retryStrategy: _own, enableOfflineQueue: _queue, lazyConnect, ...ofNode } = options;
      return new Cluster(target.nodes.map((node) => ({ ...node })), {
        clusterRetryStrategy: pause,
        lazyConnect,
        enableOfflineQueue: false,
        slotsRefreshTimeout: times.dialMs,
        redisOptions: ofNode,
        // Certificates name hosts: a lookup here would hand addresses to TLS.
        ...settings.tls === undefined ? {} : { dnsLookup: (host, done) => done(null, host) },
      });
    }
  }
}

/**
 * Makes a client of one server for subscriptions: those of a cluster hear what is published at any of its nodes.
 *
 * @param turn which node of a cluster to ask; counts up when one does not answer
 * @throws {Error} when the file of the password or of the certificate authority cannot be read
 */
export function makeSubscriber(settings: RedisSettings, times: RedisTimes, turn: number): Redis {
  const { target } = settings;
  if (target.kind !== "cluster") return makeClient(settings, times, "once") as Redis;
  const node = target.nodes[turn % target.nodes.length]!;
  return new Redis({ ...optionsOf(settings, times, "once"), ...node });
}

/** What a TLS handshake that failed looks like. */
const TLS_HINT = /UNKNOWN|EOF|InvalidData|invalid peer certificate/i;

/** What an error says; never the command, which may hold a password: an unknown one is answered with its arguments. */
export function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/,? with args beginning with:[^]*/, "");
}

/** The same for an operator: a handshake that failed says little by itself. */
export function reasonOf(error: unknown, { tls }: RedisSettings): string {
  const reason = messageOf(error);
  const isTls = tls !== undefined && TLS_HINT.test(reason);
  return isTls ? `${reason} (TLS handshake failed? check certificate, host name and CA)` : reason;
}

function optionsOf(
  settings: RedisSettings,
  times: RedisTimes,
  dialing: Dialing,
): Omit<RedisOptions, "replyMapping"> {
  return {
    lazyConnect: dialing === "once",
    autoResubscribe: false,
    username: settings.username,
    password: passwordOf(settings),
    db: settings.database,
    tls: settings.tls === undefined ? undefined : tlsOf(settings),
    connectTimeout: times.dialMs,
    // Whoever hangs up wants nothing more of the socket; a frozen server would not close it.
    disconnectTimeout: 0,
    commandTimeout: times.commandMs,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    keepAlive: 10_000,
    connectionName: "imr",
    retryStrategy: dialing === "once" ? () => null : pauseOf,
    // A demoted master: dial anew, to whoever is the master now.
    reconnectOnError: (error) => error.message.startsWith("READONLY"),
  };
}

function passwordOf({ password, passwordFile }: RedisSettings): string | undefined {
  if (passwordFile === undefined) return password;
  return Deno.readTextFileSync(passwordFile).split(/\r?\n/, 1)[0];
}

function tlsOf({ tls }: RedisSettings): { ca?: string } {
  return tls?.caFile === undefined ? {} : { ca: Deno.readTextFileSync(tls.caFile) };
}

function pauseOf(attempt: number): number {
  return Math.min(DIAL_PAUSE_MS.first * 2 ** Math.min(attempt - 1, 10), DIAL_PAUSE_MS.max);
}
