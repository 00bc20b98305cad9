/**
 * How a bug that a request met is said: the client is told nothing of it.
 *
 * @module
 */

import type { Log } from "../log.ts";

const PATH_CHARACTERS_MAX = 100;

/**
 * Logs it with its stack.
 *
 * @param log where it is said
 * @param path of the request
 * @param bug what was thrown
 */
export function logBug(log: Log, path: string, bug: unknown): void {
  const stack = bug instanceof Error ? bug.stack ?? bug.message : String(bug);
  log("error", "admin request failed", { path: path.slice(0, PATH_CHARACTERS_MAX), stack });
}
