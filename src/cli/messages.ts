/**
 * What the program says to a person outside of its log: the lines at the start, and why it could not start.
 *
 * @module
 */

import { formatListenAddress, type ListenAddress, type Settings } from "../config/settings.ts";
import type { Log } from "../log.ts";
import { formatMysql } from "../groups/mysql_settings.ts";
import { formatRedis } from "../redis/redis_settings.ts";

/** Exit status when the operator erred. */
const EXIT_WRONG_USE = 2;
/** Exit status when the world did not let it start or run. */
const EXIT_FAILED = 1;

/** Writes lines to standard output. */
export function print(text: string): void {
  const bytes = new TextEncoder().encode(`${text}\n`);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}

/**
 * The lines at the start: what listens where, the generation, where push jobs go, where groups come from.
 *
 * @param settings as they were set
 * @param listen where IM servers can connect now
 * @param http where HTTP is served now; undefined: nowhere
 */
export function startBanner(
  settings: Settings,
  listen: ListenAddress,
  http: ListenAddress | undefined,
): string {
  const rules = settings.generation === "auto"
    ? "generation auto: told apart frame by frame"
    : `generation ${settings.generation}`;
  const paths = "/online /all_online /healthz /readyz /metrics" +
    (settings.generation === 2 ? "" : " /group") +
    (settings.redis === undefined ? " /push/…" : "");
  return [
    `IM servers connect to   ${where(listen)}   (${rules})`,
    http === undefined ? "HTTP is off" : `HTTP is served on       ${where(http)}   (${paths})`,
    pushLine(settings, http),
    ...settings.generation === 2 ? [] : [groupsLine(settings)],
  ].join("\n");
}

function groupsLine({ mysql, groupsFile, redis }: Settings): string {
  if (mysql !== undefined) {
    const changes = redis === undefined
      ? "and loaded again every 290 s, as without Redis no change is heard"
      : "changes are heard in Redis";
    return `Groups come from        ${formatMysql(mysql)}   (${changes})`;
  }
  if (groupsFile !== undefined) return `Groups come from        ${groupsFile}   (read once)`;
  return `Groups come from        nowhere          (messages to groups cause no push)`;
}

function pushLine({ data, redis }: Settings, http: ListenAddress | undefined): string {
  if (redis !== undefined) {
    return `Push jobs go to         ${
      formatRedis(redis)
    }   (they wait in ${data} while it is away)`;
  }
  const workers = http === undefined
    ? "no worker can take them while HTTP is off"
    : "workers take them over HTTP";
  return `Push jobs are kept in   ${data.padEnd(14)}   (${workers})`;
}

/**
 * Says why the router could not start, and what to do.
 *
 * @param error what was thrown
 * @param log where it is said
 * @returns the exit status
 * @throws the error itself when it is not of the world but a bug
 */
export function startFailure(error: unknown, log: Log): number {
  if (!(error instanceof Error) || !isOfTheWorld(error)) throw error;
  log("error", "cannot start", { error: error.message });
  return "kind" in error && error.kind === "wrong_use" ? EXIT_WRONG_USE : EXIT_FAILED;
}

/**
 * Opens a port and, where that fails, says which one and what to do.
 *
 * @param option the option that chooses the port
 * @param address where it listens
 * @param open opens it
 * @returns what `open` returns
 * @throws {Error} with the same `cause` and a message for the operator
 */
export function opening<T>(option: string, address: ListenAddress, open: () => T): T {
  try {
    return open();
  } catch (cause) {
    if (!(cause instanceof Error) || !isOfTheWorld(cause)) throw cause;
    const advice = cause instanceof Deno.errors.AddrInUse
      ? `another program listens there: stop it, or choose another address with ${option}`
      : cause instanceof Deno.errors.PermissionDenied
      ? `this user may not: choose a port of 1024 or more with ${option}`
      : `${cause.message}: choose another address with ${option}`;
    throw new StartError(`cannot listen on ${formatListenAddress(address)}: ${advice}`, { cause });
  }
}

/** The world does not let the router start; the message is for the operator. */
class StartError extends Error {
  /** Tells it from a bug. */
  readonly kind = "start";
}

function where(address: ListenAddress): string {
  return formatListenAddress(address).padEnd(14);
}

function isOfTheWorld(error: Error): boolean {
  return "kind" in error || "code" in error ||
    Object.values(Deno.errors).some((kind) => error instanceof kind);
}
