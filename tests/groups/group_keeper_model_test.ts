// Any order of changes, lost events, lost subscriptions, slow and failing loads ends in the groups that MySQL holds, and no group that
// was there all along is ever missing.
import assert from "node:assert/strict";
import fc from "fast-check";
import { GroupTable } from "../../src/router/group_table.ts";
import { GroupKeeper } from "../../src/groups/group_keeper.ts";
import type { LoadedGroups } from "../../src/groups/group_loader.ts";
import { LoadError } from "../../src/groups/load_error.ts";
import { groupsOf, membersOf } from "../support/group_tables.ts";
import { HeldClock } from "../support/held_clock.ts";

/** Is in MySQL from the beginning, and never disbanded. */
const LASTING = 1_000n;
/** The groups that come and go, few, so that much happens to each. */
const GROUPS = [1n, 2n, -(2n ** 63n)];
const UIDS = [1n, 2n, 3n];

/** Enough for pauses after failures and for loads, and less than the time to the next comparison that nothing asks for. */
const CALM_SECONDS = 45;

type Step =
  /** MySQL is changed; the event is published later. */
  | { kind: "create" | "disband"; group: bigint }
  | { kind: "add" | "remove"; group: bigint; uid: bigint }
  /** An event whose content cannot be read; it counts as an action. */
  | { kind: "unreadable" }
  /** Published is the oldest event that was not, and it is heard, or lost. */
  | { kind: "publish"; isLost: boolean }
  | { kind: "subscribe" | "lose" }
  /** The load under way reads MySQL, comes to its end, or fails. */
  | { kind: "read" | "finish" | "fail" }
  | { kind: "wait"; ms: number };

/** Which mishaps there are in a run: with all of them in each, one more load at its end would hide what was wrong before. */
interface Mishaps {
  /** Whether events are lost on a line that stands. */
  readonly eventsAreLost: boolean;
  /** Whether the line breaks. */
  readonly lineBreaks: boolean;
  /** Whether loads fail. */
  readonly loadsFail: boolean;
}

const mishaps: fc.Arbitrary<Mishaps> = fc.record({
  eventsAreLost: fc.boolean(),
  lineBreaks: fc.boolean(),
  loadsFail: fc.boolean(),
});

function stepsWith({ eventsAreLost, lineBreaks, loadsFail }: Mishaps): fc.Arbitrary<Step[]> {
  const group = fc.constantFrom(...GROUPS);
  const lost = fc.integer({ min: 0, max: 9 }).map((number) => eventsAreLost && number === 0);
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("create", "disband"), group }) },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constantFrom("add", "remove"),
        group: fc.constantFrom(...GROUPS, LASTING),
        uid: fc.constantFrom(...UIDS),
      }),
    },
    { weight: 1, arbitrary: fc.constant({ kind: "unreadable" }) },
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("publish"), isLost: lost }) },
    {
      weight: lineBreaks ? 2 : 0,
      arbitrary: fc.constantFrom({ kind: "subscribe" }, { kind: "lose" }),
    },
    { weight: 4, arbitrary: fc.constantFrom({ kind: "read" }, { kind: "finish" }) },
    { weight: loadsFail ? 1 : 0, arbitrary: fc.constant({ kind: "fail" }) },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("wait"),
        ms: fc.constantFrom(1, 10, 300, 1_000, 2_500),
      }),
    },
  );
  return fc.array(step, { minLength: 5, maxLength: 60, size: "max" });
}

/** A load under way. */
interface Pending {
  readonly end: PromiseWithResolvers<LoadedGroups>;
  table: GroupTable | undefined;
}

/** MySQL, Redis and API servers, as far as groups go, and a keeper. */
class World {
  readonly clock = new HeldClock();
  readonly table = GroupTable.unloaded();
  readonly keeper: GroupKeeper;
  /** What MySQL holds. */
  readonly groups = new Map<bigint, Set<bigint>>([[LASTING, new Set([1n])]]);
  #pending: Pending | undefined;
  readonly #unpublished: (readonly [channel: string, content: string])[] = [];
  #latest = 0n;
  #isSubscribed = false;
  /** Whether the last event was lost although the line stands: nothing shows that before the next event, or a minute. */
  #isSilentlyLost = false;

  constructor() {
    this.keeper = new GroupKeeper({
      table: this.table,
      source: { load: () => this.#load(), free: (table) => void table.release() },
      // Redis is asked on a connection that goes when the subscription does.
      latestAction: async () => {
        if (!this.#isSubscribed) throw new Error("no connection to redis");
        return await Promise.resolve(this.#latest);
      },
      onLoaded: () => {},
      log: () => {},
      clock: this.clock,
    });
    this.keeper.start();
  }

  async take(step: Step): Promise<void> {
    switch (step.kind) {
      case "publish":
        this.#publish(step.isLost);
        break;
      case "subscribe":
        if (this.#isSubscribed) break;
        this.#isSubscribed = true;
        this.#isSilentlyLost = false;
        this.keeper.onSubscribed();
        break;
      case "lose":
        if (!this.#isSubscribed) break;
        this.#isSubscribed = false;
        this.keeper.onLost();
        break;
      case "read":
        if (this.#pending !== undefined) this.#pending.table ??= this.#snapshot();
        break;
      case "finish":
        this.#finish();
        break;
      case "fail":
        this.#pending?.end.reject(new LoadError("unreachable", "no route to MySQL"));
        this.#pending = undefined;
        break;
      case "wait":
        this.clock.advance(step.ms);
        break;
      default:
        this.#change(step);
    }
    await settle();
  }

  /** Everything works again: what was changed is published, and loads come to their end. */
  async calmDown(): Promise<void> {
    while (this.#unpublished.length > 0) await this.take({ kind: "publish", isLost: false });
    if (this.#isSilentlyLost) {
      await this.take({ kind: "unreadable" });
      await this.take({ kind: "publish", isLost: false });
    }
    await this.take({ kind: "subscribe" });
    for (let second = 0; second < CALM_SECONDS; second++) {
      await this.take({ kind: "wait", ms: 1_000 });
      await this.take({ kind: "finish" });
    }
  }

  #publish(isLost: boolean): void {
    const event = this.#unpublished.shift();
    if (event === undefined) return;
    const [channel, content] = event;
    const previous = this.#latest++;
    this.#isSilentlyLost = this.#isSubscribed && isLost;
    if (this.#isSubscribed && !isLost) {
      this.keeper.onEvent(channel, `${previous}:${this.#latest}:${content}`);
    }
  }

  #change(step: Exclude<Step, { kind: "wait" | "publish" }>): void {
    switch (step.kind) {
      case "create":
        if (!this.groups.has(step.group)) this.groups.set(step.group, new Set());
        this.#unpublished.push(["group_create", `${step.group},7,0`]);
        break;
      case "disband":
        this.groups.delete(step.group);
        this.#unpublished.push(["group_disband", `${step.group}`]);
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

  #load(): Promise<LoadedGroups> {
    assert.equal(this.#pending, undefined, "one load at a time");
    this.#pending = { end: Promise.withResolvers(), table: undefined };
    return this.#pending.end.promise;
  }

  #finish(): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    this.#pending = undefined;
    const table = pending.table ?? this.#snapshot();
    pending.end.resolve({ table, leftOut: { orphans: 0, unreadable: 0 } });
  }

  #snapshot(): GroupTable {
    return groupsOf(...[...this.groups].map(([group, uids]) => [group, [...uids]] as const));
  }
}

/** Lets everything that need not wait for the clock happen. */
async function settle(): Promise<void> {
  for (let i = 0; i < 30; i++) await Promise.resolve();
}

function contentOf(table: GroupTable): Record<string, string> {
  const content: Record<string, string> = {};
  for (const group of [...GROUPS, LASTING]) {
    const members = membersOf(table, group);
    if (members !== undefined) content[`${group}`] = members.join();
  }
  return content;
}

Deno.test("GroupKeeper: any order of changes, gaps, loads and lost lines ends in what MySQL holds", async () => {
  await fc.assert(
    fc.asyncProperty(mishaps.chain(stepsWith), async (steps) => {
      const world = new World();
      await world.take({ kind: "subscribe" });
      let wasLoaded = false;
      for (const each of steps) {
        await world.take(each);
        if (wasLoaded) {
          assert.notEqual(world.table.members(LASTING), undefined, "a group is missing");
        }
        wasLoaded ||= world.table.isLoaded;
      }
      await world.calmDown();
      const held = groupsOf(
        ...[...world.groups].map(([group, uids]) => [group, [...uids]] as const),
      );
      assert.deepEqual(contentOf(world.table), contentOf(held));
      assert.equal(world.table.size, world.groups.size);
      assert.equal(world.keeper.isStale, false);
      await world.keeper.stop();
      assert.equal(world.clock.timers, 0, "no timer is left");
    }),
    { numRuns: 500 },
  );
});
