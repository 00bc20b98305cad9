// Whatever is late: events on their way, answers of Redis, the read of a load and its end, and what is not heard although the line
// seems to stand. The groups end as MySQL holds them, and none is missing meanwhile that was there before and after.
import assert from "node:assert/strict";
import fc from "fast-check";
import { GroupKeeper } from "../../src/groups/group_keeper.ts";
import type { LoadedGroups } from "../../src/groups/group_loader.ts";
import { LoadError } from "../../src/groups/load_error.ts";
import { GroupTable } from "../../src/router/group_table.ts";
import { groupsOf, membersOf } from "../support/group_tables.ts";
import { HeldClock } from "../support/held_clock.ts";

const GROUPS = [1n, 2n, 3n];
const UIDS = [1n, 2n];
/** Enough for pauses after failures and for loads, and less than the time to the next comparison that nothing asks for. */
const CALM_SECONDS = 45;

type Step =
  | { kind: "create" | "disband"; group: bigint }
  | { kind: "add" | "remove"; group: bigint; uid: bigint }
  | { kind: "unreadable" }
  /** The oldest change is published: the key is set, and its event is on its way or lost. */
  | { kind: "publish"; isLost: boolean }
  /** The oldest event on its way is heard. */
  | { kind: "hear" }
  /** Redis looks up what the oldest question asks for; the answer arrives; an error does. */
  | { kind: "lookUp" | "answer" | "refuse" }
  /** The line is dead and nobody knows; it is known to be lost; it is there again. */
  | { kind: "cut" | "lose" | "subscribe" }
  /** The load under way reads MySQL, comes to its end, or fails. */
  | { kind: "read" | "finish" | "fail" }
  | { kind: "wait"; ms: number };

interface Mishaps {
  readonly eventsAreLost: boolean;
  readonly lineBreaks: boolean;
  readonly loadsFail: boolean;
  /** Whether what Redis sends takes its time. */
  readonly isSlow: boolean;
}

const mishaps: fc.Arbitrary<Mishaps> = fc.record({
  eventsAreLost: fc.boolean(),
  lineBreaks: fc.boolean(),
  loadsFail: fc.boolean(),
  isSlow: fc.boolean(),
});

function plain(weight: number, ...kinds: readonly string[]): fc.WeightedArbitrary<Step> {
  return {
    weight,
    arbitrary: fc.record({ kind: fc.constantFrom(...kinds) }) as fc.Arbitrary<Step>,
  };
}

function stepsWith(mishaps: Mishaps): fc.Arbitrary<Step[]> {
  const group = fc.constantFrom(...GROUPS);
  const step = fc.oneof(
    { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("create", "disband"), group }) },
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constantFrom("add", "remove"),
        group,
        uid: fc.constantFrom(...UIDS),
      }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant("publish"),
        isLost: mishaps.eventsAreLost
          ? fc.nat(4).map((number) => number === 0)
          : fc.constant(false),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant("wait"), ms: fc.constantFrom(1, 600, 1_100) }),
    },
    plain(1, "unreadable"),
    plain(mishaps.isSlow ? 5 : 0, "hear"),
    plain(mishaps.isSlow ? 5 : 0, "lookUp", "answer", "answer", "refuse"),
    plain(mishaps.lineBreaks ? 3 : 0, "cut", "lose", "subscribe", "subscribe"),
    plain(4, "read", "finish"),
    plain(mishaps.loadsFail ? 1 : 0, "fail"),
  ) as fc.Arbitrary<Step>;
  return fc.array(step, { minLength: 10, maxLength: 70, size: "max" });
}

interface Question {
  readonly end: PromiseWithResolvers<bigint>;
  latest: bigint | undefined;
}

interface Load {
  readonly end: PromiseWithResolvers<LoadedGroups>;
  groups: ReadonlySet<bigint> | undefined;
  table: GroupTable | undefined;
}

class World {
  readonly clock = new HeldClock();
  readonly table = GroupTable.unloaded();
  readonly keeper: GroupKeeper;
  /** What MySQL holds. */
  readonly groups = new Map<bigint, Set<bigint>>([[1n, new Set([1n])]]);
  #isSlow: boolean;
  readonly #unpublished: (readonly [channel: string, content: string])[] = [];
  #onTheirWay: (readonly [channel: string, payload: string])[] = [];
  #latest = 0n;
  #questions: Question[] = [];
  #load: Load | undefined;
  /** Groups of the last load that came to its end. */
  #loaded: ReadonlySet<bigint> = new Set();
  #adopted = 0;
  /** Groups of which a disbandment was heard since a table was taken. */
  readonly #disbanded = new Set<bigint>();
  #line: "up" | "dead" | "lost" = "lost";
  /** Whether the last event is not heard although the line stands: nothing shows that before the next one, or a minute. */
  #isLastLost = false;

  constructor(isSlow: boolean) {
    this.#isSlow = isSlow;
    this.keeper = new GroupKeeper({
      table: this.table,
      source: { load: () => this.#begin(), free: () => {} },
      latestAction: () => this.#ask(),
      onLoaded: () => this.#adopted++,
      log: () => {},
      clock: this.clock,
    });
    this.keeper.start();
  }

  /** Takes a step, and everything that follows from it without the clock; watches over the groups. */
  async take(step: Step): Promise<void> {
    const before = GROUPS.filter((group) => this.table.members(group) !== undefined);
    const adopted = this.#adopted;
    this.#act(step);
    for (let i = 0; i < 40; i++) await Promise.resolve();
    for (const group of before) {
      if (this.table.members(group) !== undefined || this.#disbanded.has(group)) continue;
      assert.ok(adopted !== this.#adopted && !this.#loaded.has(group), `${group} is missing`);
    }
    if (adopted !== this.#adopted) this.#disbanded.clear();
  }

  /** All goes well from here on. */
  async calmDown(): Promise<void> {
    const question = () => this.#questions.length > 0;
    while (this.#unpublished.length > 0) await this.take({ kind: "publish", isLost: false });
    while (this.#onTheirWay.length > 0) await this.take({ kind: "hear" });
    if (this.#line === "dead") await this.take({ kind: "lose" });
    if (this.#isLastLost) {
      await this.take({ kind: "unreadable" });
      await this.take({ kind: "publish", isLost: false });
      while (this.#onTheirWay.length > 0) await this.take({ kind: "hear" });
    }
    this.#isSlow = false;
    await this.take({ kind: "subscribe" });
    for (let second = 0; second < CALM_SECONDS; second++) {
      while (question()) await this.take({ kind: "answer" });
      await this.take({ kind: "finish" });
      await this.take({ kind: "wait", ms: 1_000 });
    }
  }

  #act(step: Step): void {
    switch (step.kind) {
      case "publish":
        return this.#publish(step.isLost);
      case "hear":
        return this.#hear();
      case "lookUp":
      case "answer":
      case "refuse":
        return this.#answer(step.kind);
      case "cut":
        if (this.#line === "up") this.#line = "dead";
        return;
      case "lose":
        return this.#lose();
      case "subscribe":
        if (this.#line !== "lost") return;
        this.#line = "up";
        this.#isLastLost = false;
        return this.keeper.onSubscribed();
      case "read":
        return this.#read();
      case "finish":
        return this.#finish();
      case "fail":
        this.#load?.end.reject(new LoadError("unreachable", "no route to MySQL"));
        this.#load = undefined;
        return;
      case "wait":
        return this.clock.advance(step.ms);
      default:
        this.#change(step);
    }
  }

  #change(step: Extract<Step, { kind: "create" | "disband" | "add" | "remove" | "unreadable" }>) {
    if (step.kind === "unreadable") {
      this.#unpublished.push(["group_member_add", "1,one"]);
      return;
    }
    const { group } = step;
    const members = this.groups.get(group);
    if (step.kind === "create") {
      if (members === undefined) this.groups.set(group, new Set());
      this.#unpublished.push(["group_create", `${group},7,0`]);
    } else if (members === undefined) {
      return; // API servers refuse that
    } else if (!("uid" in step)) {
      this.groups.delete(group);
      this.#unpublished.push(["group_disband", `${group}`]);
    } else {
      members[step.kind === "add" ? "add" : "delete"](step.uid);
      this.#unpublished.push([`group_member_${step.kind}`, `${group},${step.uid}`]);
    }
  }

  #publish(isLost: boolean): void {
    const [channel, content] = this.#unpublished.shift() ?? [];
    if (channel === undefined) return;
    const previous = this.#latest++;
    this.#isLastLost = this.#line === "up" && isLost;
    if (this.#line !== "up" || isLost) return;
    this.#onTheirWay.push([channel, `${previous}:${this.#latest}:${content}`]);
    if (!this.#isSlow) this.#hear();
  }

  #hear(): void {
    const [channel, payload] = this.#onTheirWay.shift() ?? [];
    if (channel === undefined) return;
    if (channel === "group_disband") this.#disbanded.add(BigInt(payload!.split(":")[2]!));
    this.keeper.onEvent(channel, payload!);
  }

  #ask(): Promise<bigint> {
    if (this.#line === "lost") return Promise.reject(new Error("no connection to redis"));
    const question = { end: Promise.withResolvers<bigint>(), latest: undefined };
    this.#questions.push(question);
    if (!this.#isSlow && this.#line === "up") this.#answer("answer");
    return question.end.promise;
  }

  #answer(how: "lookUp" | "answer" | "refuse"): void {
    const question = this.#questions[0];
    if (question === undefined || this.#line !== "up") return;
    question.latest ??= this.#latest;
    if (how === "lookUp") return;
    this.#questions.shift();
    if (how === "answer") question.end.resolve(question.latest);
    else question.end.reject(new Error("LOADING"));
  }

  #lose(): void {
    if (this.#line === "lost") return;
    this.#line = "lost";
    this.#onTheirWay = [];
    for (const { end } of this.#questions.splice(0)) end.reject(new Error("closed"));
    this.keeper.onLost();
  }

  #begin(): Promise<LoadedGroups> {
    assert.equal(this.#load, undefined, "one load at a time");
    this.#load = { end: Promise.withResolvers(), groups: undefined, table: undefined };
    return this.#load.end.promise;
  }

  #read(): void {
    if (this.#load === undefined || this.#load.table !== undefined) return;
    this.#load.groups = new Set(this.groups.keys());
    this.#load.table = tableOf(this.groups);
  }

  #finish(): void {
    this.#read();
    const load = this.#load;
    if (load === undefined) return;
    this.#load = undefined;
    this.#loaded = load.groups!;
    load.end.resolve({ table: load.table!, leftOut: { orphans: 0, unreadable: 0 } });
  }
}

function tableOf(groups: ReadonlyMap<bigint, ReadonlySet<bigint>>): GroupTable {
  return groupsOf(...[...groups].map(([group, uids]) => [group, [...uids]] as const));
}

function contentOf(table: GroupTable): (string | undefined)[] {
  return GROUPS.map((group) => membersOf(table, group)?.join());
}

Deno.test("GroupKeeper: however late Redis and loads are, the groups end as MySQL holds them, and none is missing meanwhile", async () => {
  await fc.assert(
    fc.asyncProperty(
      mishaps.chain((mishaps) => fc.tuple(fc.constant(mishaps.isSlow), stepsWith(mishaps))),
      async ([isSlow, steps]) => {
        const world = new World(isSlow);
        await world.take({ kind: "subscribe" });
        for (const step of steps) await world.take(step);
        await world.calmDown();
        assert.deepEqual(contentOf(world.table), contentOf(tableOf(world.groups)));
        assert.equal(world.keeper.isStale, false);
        await world.keeper.stop();
        assert.equal(world.clock.timers, 0, "no timer is left");
      },
    ),
    { numRuns: 1_500 },
  );
});
