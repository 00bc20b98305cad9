/**
 * Opens the way of the push jobs out of the router: into Redis when it is configured, else into the embedded store.
 *
 * @module
 */

import type { Log } from "../log.ts";
import { EmbeddedStore } from "./embedded_store.ts";
import { PushChannel } from "./push_channel.ts";
import { RedisLink } from "./redis/redis_link.ts";
import { RedisPush } from "./redis/redis_push.ts";
import type { RedisSettings } from "../redis/redis_settings.ts";
import { Spool } from "./spool.ts";

/** What is open. */
export interface OpenPush {
  /** Takes the jobs of a chunk. */
  readonly push: PushChannel | RedisPush;
  /** From where workers take jobs over HTTP; undefined with Redis. */
  readonly queue: EmbeddedStore | undefined;
  /** What is seen of Redis; undefined without it. */
  readonly redis: RedisPush | undefined;
  /** Lets all jobs leave until the signal fires, and closes everything. Returns the jobs lost. */
  readonly close: (signal: AbortSignal) => Promise<number>;
}

/** Where jobs go. */
export interface PushSettings {
  /** The data folder. */
  readonly data: string;
  /** Where Redis is; undefined: nowhere. */
  readonly redis: RedisSettings | undefined;
}

/**
 * Opens it. Redis need not be there.
 *
 * @param settings where jobs go
 * @param log where events go
 * @throws {StoreError} when the data folder cannot be used
 */
export async function openPush({ data, redis }: PushSettings, log: Log): Promise<OpenPush> {
  return redis === undefined ? await openEmbedded(data, log) : await openRedis(data, redis, log);
}

async function openEmbedded(folder: string, log: Log): Promise<OpenPush> {
  const queue = await EmbeddedStore.open({ folder });
  const push = new PushChannel(queue, {
    onFailing: (why) => log("error", "push jobs cannot be stored and wait", { why }),
    onRecovered: () => log("info", "push jobs are stored again"),
  });
  const close = async (signal: AbortSignal): Promise<number> => {
    const lost = await push.close(signal);
    await queue.close();
    return lost;
  };
  return { push, queue, redis: undefined, close };
}

async function openRedis(folder: string, settings: RedisSettings, log: Log): Promise<OpenPush> {
  const spool = await Spool.open({ folder });
  const link = new RedisLink(settings, {
    onFallback: (mode, why) =>
      log("warning", "redis refuses the append script", {
        why,
        instead: mode === "watch" ? "WATCH and MULTI, still exactly once" : "RPUSH, at least once",
      }),
  });
  const push = new RedisPush({ redis: link, spool, log });
  return { push, queue: undefined, redis: push, close: (signal) => push.close(signal) };
}
