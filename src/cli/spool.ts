/**
 * `imr spool`: looks after the push jobs that a router has left in its data folder, while none is running on it.
 *
 * @module
 */

import { RedisLink } from "../push/redis/redis_link.ts";
import { RedisPush } from "../push/redis/redis_push.ts";
import { formatRedis, type RedisSettings } from "../redis/redis_settings.ts";
import { Spool } from "../push/spool.ts";
import { type StoredJob, storedJobsIn } from "../push/stored_jobs_reader.ts";
import { PUSH_LISTS } from "../router/push_list.ts";
import type { Settings } from "../config/settings.ts";
import { type Command, EXIT_WRONG_USE } from "./arguments.ts";
import { print } from "./messages.ts";

const EXIT_FAILED = 1;
const LOOK_MS = 50;

/** What a command line asks of the spool. */
export type SpoolCommand = Pick<Command, "action" | "giveUpAfter">;

/** The settings that it needs. */
export type SpoolSettings = Pick<Settings, "data" | "redis">;

/**
 * Does what was asked, and says what came of it.
 *
 * @param command what was asked
 * @param settings where the jobs are, and where Redis is
 * @returns the exit status
 */
export async function spool(command: SpoolCommand, settings: SpoolSettings): Promise<number> {
  const { action, giveUpAfter } = command;
  try {
    switch (action) {
      case "list":
        return list(settings.data);
      case "export":
        return exportAll(settings.data);
      case "flush":
        if (settings.redis !== undefined) {
          return await flush(settings.data, settings.redis, giveUpAfter * 1_000);
        }
        say("where to? Name Redis with --redis");
        return EXIT_WRONG_USE;
      default:
        throw new TypeError(`${action} is for another command`);
    }
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    say(error.message);
    return EXIT_FAILED;
  }
}

function list(folder: string): number {
  const jobs = PUSH_LISTS.map(() => 0);
  const oldest: (number | undefined)[] = PUSH_LISTS.map(() => undefined);
  for (const { list, created } of storedJobsIn(folder)) {
    jobs[list]!++;
    oldest[list] ??= created;
  }
  const rows = PUSH_LISTS.map((name, list) => {
    const at = oldest[list];
    const since = at === undefined ? "" : `oldest of ${new Date(at).toISOString()}`;
    return `${name.padEnd(24)}${String(jobs[list]).padStart(10)}   ${since}`.trimEnd();
  });
  print(rows.join("\n"));
  return 0;
}

function exportAll(folder: string): number {
  for (const { list, created, payload } of storedJobsIn(folder)) {
    const time = new Date(created).toISOString();
    print(JSON.stringify({ list: PUSH_LISTS[list], time, payload } satisfies ExportedJob));
  }
  return 0;
}

interface ExportedJob extends Pick<StoredJob, "payload"> {
  readonly list: string | undefined;
  readonly time: string;
}

async function flush(folder: string, settings: RedisSettings, giveUpMs: number): Promise<number> {
  // The jobs are counted first: opening the spool begins to empty it.
  const spooled = await Spool.open({ folder });
  const jobs = sum(spooled);
  const redis = new RedisLink(settings);
  const push = new RedisPush({ redis, spool: spooled, log: () => {} });
  const left = await emptied(spooled, giveUpMs);
  const why = push.lists().map(({ lastError }) => lastError).find((error) => error !== undefined);
  const cause = redis.isReady ? why : push.downReason;
  await push.close();
  print(`${jobs - left} push jobs written to ${formatRedis(settings)}, ${left} left in ${folder}`);
  if (left === 0) return 0;
  say(cause ?? "redis takes no jobs");
  return EXIT_FAILED;
}

/** Waits until nothing is left, or nothing moves any more. Returns what is left. */
async function emptied(spooled: Spool, giveUpMs: number): Promise<number> {
  let left = sum(spooled);
  for (let movedAt = performance.now(); left > 0;) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    const now = performance.now();
    const still = sum(spooled);
    if (still < left) movedAt = now;
    else if (now - movedAt > giveUpMs) break;
    left = still;
  }
  return left;
}

function sum(spooled: Spool): number {
  return PUSH_LISTS.reduce((jobs, _, list) => jobs + spooled.jobs(list), 0);
}

function say(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`imr spool: ${text}\n`));
}
