/**
 * A keeper of groups whose MySQL, Redis and clock are in a test's hand.
 *
 * @module
 */

import assert from "node:assert/strict";
import { GroupKeeper } from "../../src/groups/group_keeper.ts";
import type { LoadedGroups } from "../../src/groups/group_loader.ts";
import { LoadError } from "../../src/groups/load_error.ts";
import { GroupTable } from "../../src/router/group_table.ts";
import { groupsOf, membersOf } from "../support/group_tables.ts";
import { HeldClock } from "../support/held_clock.ts";

/** Groups and members as MySQL has them. */
export type Groups = readonly (readonly [group: bigint, members: readonly bigint[]])[];

/** How a scene differs from a plain one. */
export interface KeeperSceneOptions {
  /** Whether there is a Redis at all; there is one unless told otherwise. */
  readonly hasRedis?: boolean;
}

/** The scene. */
export class KeeperScene {
  readonly clock = new HeldClock();
  readonly table = GroupTable.unloaded();
  readonly keeper: GroupKeeper;
  readonly log: { readonly event: string; readonly fields: Record<string, unknown> }[] = [];
  /** Times that a table was loaded. */
  loaded = 0;
  /** Called when a table was loaded. */
  onLoaded = (): void => {};
  /** Loads begun, and when. */
  readonly loadsAt: number[] = [];
  /** What Redis says is the latest action; undefined: it does not answer. */
  latest: bigint | undefined = 0n;
  /** Times that it was asked. */
  asked = 0;
  /** What its answers wait for; nothing unless told otherwise. */
  answers: Promise<void> = Promise.resolve();
  /** Groups in each table that was given back. */
  readonly freed: number[] = [];
  #load: PromiseWithResolvers<LoadedGroups> | undefined;

  constructor({ hasRedis = true }: KeeperSceneOptions = {}) {
    this.keeper = new GroupKeeper({
      table: this.table,
      source: {
        load: (signal) => this.#begin(signal),
        free: (table) => {
          this.freed.push(table.size);
          table.release();
        },
      },
      latestAction: hasRedis ? () => this.#ask() : undefined,
      onLoaded: () => {
        this.loaded++;
        this.onLoaded();
      },
      log: (_level, event, fields = {}) => this.log.push({ event, fields }),
      clock: this.clock,
    });
  }

  /** A keeper that has loaded groups, and hears of changes after an action. */
  static async loaded(groups: Groups, latest = 10n): Promise<KeeperScene> {
    const scene = new KeeperScene();
    scene.latest = latest;
    scene.keeper.start();
    scene.keeper.onSubscribed();
    await scene.pass();
    await scene.finish(groups);
    return scene;
  }

  /** Whether a load is under way. */
  get isLoading(): boolean {
    return this.#load !== undefined;
  }

  /** Lets time pass, and everything happen that it brings. */
  async pass(ms = 0): Promise<void> {
    await settle();
    this.clock.advance(ms);
    await settle();
  }

  /** The load under way brings these groups. */
  async finish(groups: Groups): Promise<void> {
    assert.ok(this.#load !== undefined, "a load is under way");
    this.#load.resolve({ table: groupsOf(...groups), leftOut: { orphans: 0, unreadable: 0 } });
    this.#load = undefined;
    await settle();
  }

  /** The load under way fails. */
  async fail(why: string | Error = "no route to MySQL"): Promise<void> {
    assert.ok(this.#load !== undefined, "a load is under way");
    this.#load.reject(why instanceof Error ? why : new LoadError("unreachable", why));
    this.#load = undefined;
    await settle();
  }

  /** An event is heard that a user is now a member. */
  add(previous: number, group: bigint, uid: bigint, action = previous + 1): void {
    this.keeper.onEvent("group_member_add", `${previous}:${action}:${group},${uid}`);
  }

  /** Members of a group. */
  members(group: bigint): string | undefined {
    return membersOf(this.table, group)?.join();
  }

  /** Times that something was said. */
  said(event: string): number {
    return this.log.filter((entry) => entry.event === event).length;
  }

  /** Counts of loads that there were, by cause. */
  causes(): Record<string, number> {
    return Object.fromEntries([...this.keeper.loads].filter(([, count]) => count > 0));
  }

  #begin(signal: AbortSignal): Promise<LoadedGroups> {
    if (signal.aborted) return Promise.reject(signal.reason);
    assert.equal(this.#load, undefined, "one load at a time");
    this.loadsAt.push(this.clock.now());
    const load = this.#load = Promise.withResolvers<LoadedGroups>();
    signal.addEventListener("abort", () => {
      load.reject(signal.reason);
      this.#load = undefined;
    });
    return load.promise;
  }

  async #ask(): Promise<bigint> {
    this.asked++;
    const { latest } = this;
    await this.answers;
    if (latest === undefined) throw new Error("no connection to redis");
    return latest;
  }
}

/** Lets everything happen that need not wait for the clock. */
async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
}
