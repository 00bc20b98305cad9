/**
 * Whether the router should get connections, and what an operator should look at although it works.
 *
 * @module
 */

import { PUSH_LISTS } from "../router/push_list.ts";
import type { AdminSources, GroupFigures } from "./admin_sources.ts";

/** What `/readyz` says. */
export interface Readiness {
  /** Whether IM servers should be sent here. */
  readonly ready: boolean;
  /** Why not. */
  readonly reasons: readonly string[];
  /** What is not as it should be. */
  readonly warnings: readonly string[];
}

/** A job that waits for longer, in milliseconds, says that nobody works on its list. */
const OLD_JOB_MS = 300_000;
/** So says a list of Redis from which nobody has taken for so long. */
const UNTAKEN_MS = 120_000;
const ERROR_CHARACTERS_MAX = 200;

/**
 * Looks at everything.
 *
 * @param sources what to look at
 * @param now milliseconds since 1970
 */
export function readinessOf(sources: AdminSources, now: number): Readiness {
  const reasons = sources.notReadyReasons();
  const warnings = [
    ...generationWarnings(sources),
    ...pushWarnings(sources, now),
    ...redisWarnings(sources, now),
    ...groupWarnings(sources, now),
  ];
  return { ready: reasons.length === 0, reasons, warnings };
}

function generationWarnings({ router }: AdminSources): string[] {
  const count = router.otherGeneration;
  if (count === 0) return [];
  return [
    `${count} messages bear signs of the other generation: the setting \`generation\` does not fit the IM servers`,
  ];
}

function redisWarnings({ redis, groups }: AdminSources, now: number): string[] {
  if (redis === undefined) return [];
  const warnings: string[] = [];
  const lists = redis.lists();
  const { downSince, downReason = "not reached yet" } = redis;
  if (downSince !== undefined) {
    const spooled = lists.reduce((jobs, { spoolJobs }) => jobs + spoolJobs, 0);
    const deaf = groups?.isFollowing === false ? ", and changes of groups are not heard" : "";
    warnings.push(
      `Redis is away since ${secondsSince(downSince, now)} s (${
        short(downReason)
      }); ${spooled} push jobs wait on disk${deaf}`,
    );
  }
  lists.forEach((list, number) => {
    const name = PUSH_LISTS[number];
    if (downSince === undefined && list.stalledSince !== undefined) {
      const why = short(list.lastError ?? "");
      warnings.push(
        `${name} takes no jobs since ${secondsSince(list.stalledSince, now)} s: ${why}`,
      );
    }
    if (list.untakenMs >= UNTAKEN_MS) {
      const seconds = Math.round(list.untakenMs / 1_000);
      warnings.push(
        `nobody has taken any of the ${list.length} jobs in ${name} for ${seconds} s: does its push worker run?`,
      );
    }
    const gone = list.expired + list.lost;
    if (gone > 0) {
      warnings.push(`${gone} jobs of ${name} were lost since the start: too old, or lost by Redis`);
    }
  });
  return warnings;
}

function groupWarnings(sources: AdminSources, now: number): string[] {
  const { groups: table, waiting: { dropped } } = sources.router.decisions;
  if (!table.isLoaded) return [notLoadedWarning(sources)];
  const warnings = keeperWarnings(sources, now);
  if (dropped > 0) {
    warnings.push(
      `${dropped} group messages caused no push since the start, as too many waited for the groups`,
    );
  }
  return warnings;
}

/** What is wrong with groups that are loaded. */
function keeperWarnings({ groups, redis }: AdminSources, now: number): string[] {
  if (groups === undefined) return [];
  const warnings: string[] = [];
  // Who sets no Redis has been told so at the start, and a Redis that is away has its own warning.
  const isDeaf = redis !== undefined && !groups.isFollowing;
  if (groups.lastFailure !== undefined) {
    warnings.push(oldGroupsWarning(groups, now));
  } else if (groups.isStale && !isDeaf) {
    warnings.push(
      "a change of groups was missed, so who joined one may get no pushes and who left may still get them; all are loaded again as soon as MySQL and Redis answer",
    );
  }
  if (isDeaf && redis.downSince === undefined) {
    warnings.push(
      "changes of groups are not heard, although Redis can be reached (the log says why): who joins one gets no pushes, and who leaves still gets them, until all are loaded again, every 5 minutes",
    );
  }
  return warnings;
}

function notLoadedWarning({ groups, router: { decisions } }: AdminSources): string {
  const { count, dropped } = decisions.waiting;
  const why = groups?.lastFailure === undefined
    ? "the first load is under way"
    : `the last try failed: ${short(groups.lastFailure)}`;
  const lost = dropped === 0 ? "" : `, and ${dropped} were dropped without one as too many wait`;
  return `groups are not loaded yet (${why}); ${count} group messages wait for their push${lost}`;
}

function oldGroupsWarning({ lastFailure, isStale, loadedAt }: GroupFigures, now: number): string {
  const age = loadedAt === undefined ? "before" : `${secondsSince(loadedAt, now)} s ago`;
  const missed = isStale ? ", and changes since were missed" : "";
  return `groups cannot be loaded again (${
    short(lastFailure ?? "")
  }): those of ${age} are in use${missed}`;
}

function secondsSince(since: number, now: number): number {
  return Math.max(0, Math.round((now - since) / 1_000));
}

function short(error: string): string {
  return error.slice(0, ERROR_CHARACTERS_MAX);
}

function pushWarnings({ push, queue }: AdminSources, now: number): string[] {
  const warnings: string[] = [];
  if (push?.failingSince !== undefined) {
    const error = short(push.lastError ?? "");
    warnings.push(
      `push jobs cannot be stored since ${secondsSince(push.failingSince, now)} s: ${error}`,
    );
  }
  const gone = push === undefined ? 0 : sum(push.refused) + sum(push.refusedBySink);
  if (gone > 0) {
    warnings.push(`${gone} push jobs were refused since the start, as too many waited`);
  }
  for (const { list, oldestMs } of queue?.counts() ?? []) {
    if (oldestMs < OLD_JOB_MS) continue;
    const seconds = Math.round(oldestMs / 1_000);
    warnings.push(`the oldest job in ${list} waits since ${seconds} s: does its push worker run?`);
  }
  return warnings;
}

function sum(numbers: ArrayLike<number>): number {
  return Array.from(numbers).reduce((total, number) => total + number, 0);
}
