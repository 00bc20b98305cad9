/**
 * MySQL, Redis and API servers in memory, as far as groups go, and a keeper that follows them.
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
import type { Step } from "./keeper_step.ts";

/** Something that is under way. */
interface Pending<T> {
  readonly end: PromiseWithResolvers<T>;
  value: T | undefined;
}

/** Enough for pauses after failures and for loads, and less than the time to the next comparison that nothing asks for. */
const CALM_SECONDS = 45;
/** An event that is late is heard before more time than this goes by at once. */
const LATE_MS = 10;
const LOADED = { orphans: 0, unreadable: 0 };

/** The world. */
export class KeeperWorld {
  readonly clock = new HeldClock();
  readonly table = GroupTable.unloaded();
  readonly keeper: GroupKeeper;
  /** What MySQL holds. */
  readonly groups = new Map<bigint, Set<bigint>>();
  readonly #answersAreSlow: boolean;
  /** Groups that must be in the table: they were, nobody disbanded them, and no event said so. */
  readonly #sure = new Set<bigint>();
  #load: Pending<GroupTable> | undefined;
  /** What Redis was asked, and its answer: what it knew at that moment. */
  #questions: Pending<bigint>[] = [];
  readonly #unpublished: (readonly [channel: string, content: string])[] = [];
  #late: (readonly [channel: string, payload: string]) | undefined;
  #latest = 0n;
  #isSubscribed = false;
  /** Whether the last event was lost although the line stands: nothing shows that before the next event, or a minute. */
  #isSilentlyLost = false;
  #isCalm = false;

  /**
   * Makes a world where nothing was loaded yet.
   *
   * @param group is there, with a member
   * @param answersAreSlow whether Redis answers only when a step says so
   */
  constructor(group: bigint, answersAreSlow: boolean) {
    this.#answersAreSlow = answersAreSlow;
    this.groups.set(group, new Set([1n]));
    this.keeper = new GroupKeeper({
      table: this.table,
      source: { load: () => this.#beginLoad(), free: (table) => void table.release() },
      latestAction: () => this.#ask(),
      onLoaded: () => {},
      log: () => {},
      clock: this.clock,
    });
    this.keeper.start();
  }

  /** Lets one thing happen, and looks whether the table is as it must be. */
  async take(step: Step): Promise<void> {
    this.#happen(step);
    await settle();
    this.#check();
  }

  /** Everything works again: what was changed is published, and loads come to their end. */
  async calmDown(): Promise<void> {
    this.#isCalm = true;
    while (this.#unpublished.length > 0) await this.take({ kind: "publish", fate: "heard" });
    if (this.#isSilentlyLost) {
      await this.take({ kind: "unreadable" });
      await this.take({ kind: "publish", fate: "heard" });
    }
    await this.take({ kind: "subscribe" });
    for (let second = 0; second < CALM_SECONDS; second++) {
      await this.take({ kind: "wait", ms: 1_000 });
      await this.take({ kind: "answer" });
      await this.take({ kind: "finish" });
    }
  }

  /** Fails unless the table is what MySQL holds. */
  assertSame(message: string): void {
    for (const [group, members] of this.groups) {
      const held = [...members].sort((a, b) => a < b ? -1 : 1);
      assert.deepEqual(membersOf(this.table, group), held, `${message}: group ${group}`);
    }
    assert.equal(this.table.size, this.groups.size, `${message}: groups`);
  }

  #happen(step: Step): void {
    switch (step.kind) {
      case "publish":
        return this.#publish(step.fate);
      case "foreign":
        if (this.#isSubscribed) this.keeper.onEvent("group_disband", "1:2");
        return;
      case "subscribe":
        return this.#subscribe();
      case "lose":
        return this.#lose();
      case "answer":
        return this.#answer();
      case "read":
        if (this.#load !== undefined) this.#load.value ??= this.#read();
        return;
      case "finish":
        return this.#finishLoad();
      case "fail":
        this.#load?.end.reject(new LoadError("unreachable", "no route to MySQL"));
        this.#load = undefined;
        return;
      case "wait":
        if (step.ms > LATE_MS) this.#hearLate();
        return this.clock.advance(step.ms);
      default:
        this.#change(step);
    }
  }

  #publish(fate: "heard" | "late" | "lost"): void {
    this.#hearLate();
    const event = this.#unpublished.shift();
    if (event === undefined) return;
    const [channel, content] = event;
    const payload = `${this.#latest++}:${this.#latest}:${content}`;
    this.#isSilentlyLost = this.#isSubscribed && fate === "lost";
    if (!this.#isSubscribed || fate === "lost") return;
    this.#late = [channel, payload];
    if (fate === "heard") this.#hearLate();
  }

  #hearLate(): void {
    if (this.#late === undefined) return;
    const [channel, payload] = this.#late;
    this.#late = undefined;
    const group = BigInt(payload.split(/[:,]/)[2]!);
    if (channel === "group_disband") this.#sure.delete(group);
    this.keeper.onEvent(channel, payload);
    const isNew = channel === "group_create" && this.table.isLoaded;
    if (isNew && this.groups.has(group)) this.#sure.add(group);
  }

  #subscribe(): void {
    if (this.#isSubscribed) return;
    this.#isSubscribed = true;
    this.#isSilentlyLost = false;
    this.keeper.onSubscribed();
  }

  #lose(): void {
    if (!this.#isSubscribed) return;
    this.#isSubscribed = false;
    this.#late = undefined;
    for (const { end } of this.#questions) end.reject(new Error("the connection broke"));
    this.#questions = [];
    this.keeper.onLost();
  }

  /** Redis is asked on a connection that goes when the subscription does. */
  async #ask(): Promise<bigint> {
    if (!this.#isSubscribed) throw new Error("no connection to redis");
    const question = { end: Promise.withResolvers<bigint>(), value: this.#latest };
    this.#questions.push(question);
    if (!this.#answersAreSlow || this.#isCalm) this.#answer();
    return await question.end.promise;
  }

  #answer(): void {
    for (const { end, value } of this.#questions) end.resolve(value!);
    this.#questions = [];
  }

  #change(step: Step): void {
    switch (step.kind) {
      case "create":
        if (!this.groups.has(step.group)) this.groups.set(step.group, new Set());
        this.#unpublished.push(["group_create", `${step.group},7,0`]);
        break;
      case "disband":
        this.groups.delete(step.group);
        this.#sure.delete(step.group);
        this.#unpublished.push(["group_disband", `${step.group}`]);
        break;
      case "upgrade":
        this.#unpublished.push(["group_upgrade", `${step.group},7,1`]);
        break;
      case "add":
      case "remove": {
        const members = this.groups.get(step.group);
        if (members === undefined) break; // API servers refuse that
        if (step.kind === "add") members.add(step.uid);
        else members.delete(step.uid);
        this.#unpublished.push([`group_member_${step.kind}`, `${step.group},${step.uid}`]);
        break;
      }
      case "unreadable":
        this.#unpublished.push(["group_member_add", "1,one"]);
    }
  }

  #beginLoad(): Promise<LoadedGroups> {
    assert.equal(this.#load, undefined, "one load at a time");
    const end = Promise.withResolvers<GroupTable>();
    this.#load = { end, value: undefined };
    return end.promise.then((table) => ({ table, leftOut: LOADED }));
  }

  #finishLoad(): void {
    if (this.#load === undefined) return;
    this.#hearLate(); // a load takes longer than an event on its way
    const { end, value } = this.#load;
    this.#load = undefined;
    end.resolve(value ?? this.#read());
  }

  #read(): GroupTable {
    return groupsOf(...[...this.groups].map(([group, uids]) => [group, [...uids]] as const));
  }

  #check(): void {
    const { table, keeper } = this;
    for (const group of this.#sure) {
      assert.notEqual(table.members(group), undefined, `group ${group} is missing`);
    }
    if (!table.isLoaded) return;
    // While a load is under way, it may have been read when MySQL did not have a group that it has now.
    for (const group of this.#load === undefined ? this.groups.keys() : []) {
      if (table.members(group) !== undefined) this.#sure.add(group);
    }
    const isAllHeard = keeper.held === this.#latest && this.#unpublished.length === 0;
    if (isAllHeard && !keeper.isStale) this.assertSame("said not to be stale");
  }
}

/** Lets everything that need not wait for the clock happen. */
async function settle(): Promise<void> {
  for (let i = 0; i < 30; i++) await Promise.resolve();
}
