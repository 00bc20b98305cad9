/**
 * Figures of groups as a test wants them.
 *
 * @module
 */

import type { GroupFigures } from "../../src/admin/admin_sources.ts";
import { LOAD_CAUSES } from "../../src/groups/group_keeper.ts";

/** Groups that were loaded once and are kept true, but for what is told. */
export function fakeGroups(figures: Partial<GroupFigures> = {}): GroupFigures {
  return {
    loads: new Map(LOAD_CAUSES.map((cause) => [cause, cause === "start" ? 1 : 0])),
    failures: 0,
    lastFailure: undefined,
    loadedAt: 1_700_000_000_000,
    loadMs: 1_500,
    isStale: false,
    isFollowing: true,
    held: 7n,
    latest: 7n,
    events: { applied: 0, unreadable: 0, foreign: 0, gaps: 0 },
    ...figures,
  };
}
