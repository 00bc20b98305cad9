/**
 * Opens the source of the groups of generation 1: MySQL with the changes that are published in Redis, a file, or nowhere.
 *
 * @module
 */

import type { Log } from "../log.ts";
import type { RedisSettings } from "../redis/redis_settings.ts";
import { GroupTable } from "../router/group_table.ts";
import { EventFeed } from "./event_feed.ts";
import { GroupKeeper } from "./group_keeper.ts";
import { GroupLoader } from "./group_loader.ts";
import { readGroupsFile } from "./groups_file.ts";
import type { MysqlSettings } from "./mysql_settings.ts";

/** Where groups come from. */
export interface GroupsSettings {
  /** Where MySQL is; undefined: there is none. */
  readonly mysql: MysqlSettings | undefined;
  /** A file of groups, where there is no MySQL; undefined: groups come from nowhere. */
  readonly groupsFile: string | undefined;
  /** Where Redis is, which tells of changes in MySQL; undefined: nowhere. */
  readonly redis: RedisSettings | undefined;
}

/** What is open. */
export interface OpenGroups {
  /** The groups, for the router. */
  readonly table: GroupTable;
  /** Keeps them true; undefined where they do not change. */
  readonly keeper: GroupKeeper | undefined;
  /** Begins to load; `onLoaded` is called for each table that was. */
  readonly start: (onLoaded: () => void) => void;
  /** Ends it. */
  readonly close: () => Promise<void>;
}

/**
 * Opens it. Neither MySQL nor Redis need be there.
 *
 * @param settings where groups come from
 * @param log where events go
 * @throws {GroupsFileError} when the file holds something else
 * @throws {Deno.errors.NotFound} and the like, when the file cannot be read
 */
export function openGroups(settings: GroupsSettings, log: Log): OpenGroups {
  const { mysql, groupsFile, redis } = settings;
  if (mysql !== undefined) return openMysql(mysql, redis, log);
  const table = groupsFile === undefined ? GroupTable.empty() : readGroupsFile(groupsFile);
  return { table, keeper: undefined, start: () => {}, close: async () => {} };
}

function openMysql(
  settings: MysqlSettings,
  redis: RedisSettings | undefined,
  log: Log,
): OpenGroups {
  const table = GroupTable.unloaded();
  const source = new GroupLoader(settings);
  let onLoaded = (): void => {};
  const feed = redis && new EventFeed(redis, {
    onSubscribed: () => {
      log("info", "changes of groups are heard");
      keeper.onSubscribed();
    },
    onEvent: (channel, payload) => keeper.onEvent(channel, payload),
    onLost: (why) => {
      log("warning", "changes of groups are not heard", { why });
      keeper.onLost();
    },
  });
  const latestAction = feed && (() => feed.latestAction());
  const keeper = new GroupKeeper({ table, source, latestAction, log, onLoaded: () => onLoaded() });
  return {
    table,
    keeper,
    start: (then) => {
      onLoaded = then;
      feed?.start();
      keeper.start();
    },
    close: async () => {
      // Together: a load may wait for an answer of Redis, which the end of the feed cuts short.
      await Promise.all([keeper.stop(), feed?.close()]);
      source.close();
    },
  };
}
