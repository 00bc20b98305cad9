// The table of groups by itself: against plain maps and sets, large, and how long a single change takes.
import assert from "node:assert/strict";
import fc from "fast-check";
import { GroupTable } from "../../src/router/group_table.ts";
import { membersOf } from "../support/group_tables.ts";
import { ID_EXTREMES } from "../support/wire_hex.ts";

type Groups = Map<bigint, Set<bigint>>;
interface Model {
  groups: Groups;
}
type Step = fc.Command<Model, GroupTable>;

/** Both ends of int64, negative ids, and ids that share their low or their high half. */
const IDS: readonly bigint[] = [
  ...ID_EXTREMES,
  5n,
  5n << 32n,
  5n | 5n << 32n,
  5n - (5n << 32n),
  -5n,
];
const BY_ID = (a: bigint, b: bigint) => a < b ? -1 : a > b ? 1 : 0;

/** Asserts that the table answers as the model for one group, and counts as it does. */
function assertGroup(model: Model, table: GroupTable, group: bigint): void {
  const members = model.groups.get(group);
  assert.deepEqual(membersOf(table, group), members && [...members].sort(BY_ID), `group ${group}`);
  assert.equal(table.size, model.groups.size);
  const all = [...model.groups.values()].reduce((sum, { size }) => sum + size, 0);
  assert.equal(table.memberCount, all);
}

/** A command that may always run. */
function command(
  text: string,
  inModel: (groups: Groups) => void,
  inTable: (table: GroupTable) => void,
  group: bigint,
): Step {
  return {
    check: () => true,
    run(model, table) {
      inModel(model.groups);
      inTable(table);
      assertGroup(model, table, group);
    },
    toString: () => text,
  };
}

const create = (group: bigint): Step =>
  command(
    `create ${group}`,
    (groups) => {
      if (!groups.has(group)) groups.set(group, new Set());
    },
    (table) => table.create(group),
    group,
  );

const disband = (group: bigint): Step =>
  command(
    `disband ${group}`,
    (groups) => groups.delete(group),
    (table) => table.disband(group),
    group,
  );

const addMember = (group: bigint, uid: bigint): Step =>
  command(
    `add ${uid} to ${group}`,
    (groups) => groups.get(group)?.add(uid),
    (table) => table.addMember(group, uid),
    group,
  );

const removeMember = (group: bigint, uid: bigint): Step =>
  command(
    `remove ${uid} from ${group}`,
    (groups) => groups.get(group)?.delete(uid),
    (table) => table.removeMember(group, uid),
    group,
  );

const membersOfAll: Step = {
  check: () => true,
  run(model, table) {
    for (const group of IDS) assertGroup(model, table, group);
  },
  toString: () => "members of all",
};

/** What was in the table before has to be in the other one after that. */
const exchange = (fresh: readonly (readonly [bigint, readonly bigint[]])[]): Step => ({
  check: () => true,
  run(model, table) {
    const before = model.groups;
    model.groups = new Map();
    const other = GroupTable.empty();
    for (const [group, uids] of fresh) {
      other.create(group);
      for (const uid of uids) other.addMember(group, uid);
      // A group that is known keeps its members.
      model.groups.set(group, new Set([...model.groups.get(group) ?? [], ...uids]));
    }
    table.exchange(other);
    for (const group of IDS) {
      assertGroup(model, table, group);
      assertGroup({ groups: before }, other, group);
    }
  },
  toString: () => `exchange with ${fresh.length} groups`,
});

const id = fc.constantFrom(...IDS);
const STEPS: fc.Arbitrary<Step>[] = [
  id.map(create),
  id.map(create),
  id.map(disband),
  ...Array.from({ length: 6 }, () => fc.tuple(id, id).map(([group, uid]) => addMember(group, uid))),
  ...Array.from(
    { length: 3 },
    () => fc.tuple(id, id).map(([group, uid]) => removeMember(group, uid)),
  ),
  fc.constant(membersOfAll),
  fc.array(fc.tuple(id, fc.array(id, { maxLength: 8 })), { maxLength: 4 }).map(exchange),
];

Deno.test("GroupTable answers any history of changes as a map of sets does", () => {
  const property = fc.property(
    fc.commands(STEPS, { maxCommands: 200, size: "max" }),
    (commands) => {
      fc.modelRun(() => ({ model: { groups: new Map() }, real: GroupTable.empty() }), commands);
    },
  );
  fc.assert(property, { numRuns: 300 });
});

Deno.test("GroupTable.exchange makes a table that was not loaded count as loaded, and its peer too", () => {
  const table = GroupTable.unloaded();
  const other = GroupTable.empty();
  other.create(1n);
  assert.equal(table.isLoaded, false);
  table.exchange(other);
  assert.deepEqual([table.isLoaded, table.size, other.isLoaded, other.size], [true, 1, true, 0]);
});

Deno.test("GroupTable.addMember to a group that is not known is nothing, also once it is created", () => {
  const table = GroupTable.empty();
  table.addMember(1n, 2n);
  assert.equal(table.members(1n), undefined);
  table.create(1n);
  assert.deepEqual(membersOf(table, 1n), []);
});

/** Ids that are alike in most of their bits. */
const SHAPES: Readonly<Record<string, (i: number) => bigint>> = {
  "counted up": (i) => BigInt(i),
  "alike in their low halves": (i) => BigInt(i) << 32n,
  "below 0": (i) => -(2n ** 63n) + BigInt(i) * 0x1_0001n,
};
const GROUPS = 100_000;

for (const [shape, idOf] of Object.entries(SHAPES)) {
  Deno.test(`GroupTable finds each of 100,000 groups ${shape}, and half of them when the others are disbanded`, () => {
    const table = GroupTable.empty();
    for (let i = 0; i < GROUPS; i++) {
      table.create(idOf(i));
      table.addMember(idOf(i), BigInt(i));
      if (i % 3 === 0) table.addMember(idOf(i), -1n);
    }
    const isRight = (i: number) => {
      const words = table.members(idOf(i));
      const length = i % 3 === 0 ? 4 : 2;
      return words?.length === length && words[length - 2] === i && words[length - 1] === 0;
    };
    for (let i = 0; i < GROUPS; i++) assert.ok(isRight(i), `group ${idOf(i)}`);
    assert.deepEqual([table.size, table.memberCount], [GROUPS, GROUPS + Math.ceil(GROUPS / 3)]);
    for (let i = 1; i < GROUPS; i += 2) table.disband(idOf(i));
    for (let i = 0; i < GROUPS; i++) {
      const isThere = i % 2 === 0;
      assert.ok(isThere ? isRight(i) : table.members(idOf(i)) === undefined, `group ${idOf(i)}`);
    }
    assert.deepEqual([table.size, table.memberCount], [
      GROUPS / 2,
      GROUPS / 2 + Math.ceil(GROUPS / 6),
    ]);
    for (let i = 0; i < GROUPS; i++) table.create(idOf(i));
    assert.equal(table.size, GROUPS);
    for (let i = 0; i < GROUPS; i++) {
      assert.ok(i % 2 === 0 ? isRight(i) : table.members(idOf(i))?.length === 0);
    }
  });
}
