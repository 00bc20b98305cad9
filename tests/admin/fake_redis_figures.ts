/**
 * Figures of push lists in Redis as a test wants them.
 *
 * @module
 */

import type { RedisFigures, RedisListFigures } from "../../src/admin/admin_sources.ts";

const QUIET: RedisListFigures = {
  written: 0,
  spooled: 0,
  spoolJobs: 0,
  spoolOldestMs: 0,
  expired: 0,
  resent: 0,
  lost: 0,
  wiped: 0,
  failures: 0,
  stalledSince: undefined,
  lastError: undefined,
  length: 0,
  untakenMs: 0,
};

/** Five quiet lists; the first with other figures. */
export function fakeRedis(
  figures: Partial<Omit<RedisFigures, "lists">> = {},
  first: Partial<RedisListFigures> = {},
): RedisFigures {
  const lists = [{ ...QUIET, ...first }, QUIET, QUIET, QUIET, { ...QUIET, length: undefined }];
  const quiet = { downSince: undefined, downReason: undefined, spoolBytes: 0, heldBytes: 0 };
  return { ...quiet, ...figures, lists: () => lists };
}
