// A table made of rows in any order, against one that is filled a change at a time.
import assert from "node:assert/strict";
import fc from "fast-check";
import { TableBuilder } from "../../src/groups/table_builder.ts";
import { GroupTable } from "../../src/router/group_table.ts";
import { groupsOf, membersOf } from "../support/group_tables.ts";
import { ID_EXTREMES } from "../support/wire_hex.ts";

type MemberRow = readonly [group: bigint, uid: bigint];

interface Rows {
  /** Room for so many is made beforehand. */
  readonly about?: number;
  readonly groups: readonly bigint[];
  /** Left out: as many as there are member rows. */
  readonly sizes?: readonly (readonly [group: bigint, members: number])[];
  readonly members: readonly MemberRow[];
}

const lo = (id: bigint) => Number(BigInt.asIntN(32, id));
const hi = (id: bigint) => Number(BigInt.asIntN(32, id >> 32n));

/** How many rows each group has. */
function sizesOf(members: readonly MemberRow[]): Map<bigint, number> {
  const sizes = new Map<bigint, number>();
  for (const [group] of members) sizes.set(group, (sizes.get(group) ?? 0) + 1);
  return sizes;
}

/** What a builder makes of rows. */
function build(rows: Rows): { table: GroupTable; orphans: number; excess: number } {
  const { about = rows.groups.length, groups, members } = rows;
  const builder = new TableBuilder(about);
  for (const id of groups) builder.group(lo(id), hi(id));
  builder.layOutGroups();
  for (const [id, count] of rows.sizes ?? sizesOf(members)) builder.size(lo(id), hi(id), count);
  builder.layOutMembers();
  for (const [group, uid] of members) builder.member(lo(group), hi(group), lo(uid), hi(uid));
  const table = GroupTable.of(builder.build());
  return { table, orphans: builder.orphans, excess: builder.excess };
}

/** The table of the same rows, filled a change at a time. */
function naive({ groups, members }: Rows): GroupTable {
  const table = GroupTable.empty();
  for (const group of groups) table.create(group);
  for (const [group, uid] of members) table.addMember(group, uid);
  return table;
}

/** Asserts that two tables know the same of these groups, and nothing beside them. */
function assertSame(table: GroupTable, expected: GroupTable, groups: Iterable<bigint>): void {
  for (const group of groups) {
    assert.deepEqual(membersOf(table, group), membersOf(expected, group), `group ${group}`);
  }
  assert.deepEqual([table.size, table.memberCount], [expected.size, expected.memberCount]);
  assert.equal(table.isLoaded, true);
}

const IDS: readonly bigint[] = [...ID_EXTREMES, 5n, 5n << 32n, -5n];
const id = fc.oneof(fc.constantFrom(...IDS), fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n));
const known = fc.constantFrom(...IDS);
const rows = fc.record({
  about: fc.nat(300),
  groups: fc.array(id, { maxLength: 60 }),
  members: fc.array(fc.tuple(known, id), { maxLength: 200, size: "max" }),
});

Deno.test("TableBuilder makes of rows in any order what single changes make of them", () => {
  const property = fc.property(rows, (rows) => {
    const { table, orphans, excess } = build(rows);
    const groups = new Set(rows.groups);
    assertSame(table, naive(rows), [...groups, ...IDS]);
    assert.equal(orphans, rows.members.filter(([group]) => !groups.has(group)).length);
    assert.equal(excess, 0);
  });
  fc.assert(property, { numRuns: 500 });
});

Deno.test("TableBuilder makes a table that goes on like any other", () => {
  const change = fc.tuple(fc.constantFrom("create", "disband", "add", "add", "remove"), known, id);
  const property = fc.property(rows, fc.array(change, { maxLength: 100 }), (rows, changes) => {
    const { table } = build(rows);
    const expected = naive(rows);
    // Who is there already comes again, and who was loaded goes.
    const known = rows.members.map(([group, uid]) => ["remove", group, uid] as const);
    for (const [what, group, uid] of [...changes, ...known.slice(0, 50), ...changes]) {
      for (const one of [table, expected]) {
        if (what === "create") one.create(group);
        else if (what === "disband") one.disband(group);
        else if (what === "add") one.addMember(group, uid);
        else one.removeMember(group, uid);
      }
    }
    assertSame(table, expected, [...rows.groups, ...IDS]);
  });
  fc.assert(property, { numRuns: 200 });
});

Deno.test("TableBuilder makes of no rows at all a loaded table without groups", () => {
  const { table } = build({ groups: [], members: [] });
  assertSame(table, GroupTable.empty(), [0n]);
  table.create(0n);
  table.addMember(0n, 1n);
  assert.deepEqual(membersOf(table, 0n), [1n]);
});

Deno.test("TableBuilder.member counts members of groups that are not known, with a size or without", () => {
  const { table, orphans, excess } = build({
    groups: [1n],
    sizes: [[1n, 1], [2n, 1]],
    members: [[2n, 7n], [1n, 7n], [2n, 7n], [3n, 7n]],
  });
  assert.deepEqual([orphans, excess], [3, 0]);
  assertSame(table, groupsOf([1n, [7n]]), [1n, 2n, 3n]);
});

Deno.test("TableBuilder.member counts members for whom there is no room as excess, and leaves other groups alone", () => {
  const { table, orphans, excess } = build({
    groups: [1n, 2n, 3n],
    sizes: [[1n, 2], [2n, 1]], // nothing is said of group 3
    members: [[1n, 9n], [1n, 8n], [2n, 5n], [1n, 7n], [3n, 1n], [2n, 4n]],
  });
  assert.deepEqual([orphans, excess], [0, 3]);
  assertSame(table, groupsOf([1n, [8n, 9n]], [2n, [5n]], [3n, []]), [1n, 2n, 3n]);
});

Deno.test("TableBuilder makes the right table where sizes are too large, and groups that grow on", () => {
  const members: MemberRow[] = [[1n, 9n], [2n, 5n], [1n, 8n]];
  const { table, excess } = build({ groups: [1n, 2n, 3n], sizes: [[1n, 5], [3n, 9]], members });
  assert.equal(excess, 1, "nothing is said of group 2");
  assertSame(table, groupsOf([1n, [8n, 9n]], [2n, []], [3n, []]), [1n, 2n, 3n]);
  for (const group of [1n, 2n, 3n]) {
    for (let uid = 1n; uid <= 12n; uid++) table.addMember(group, uid);
  }
  const all = Array.from({ length: 12 }, (_, i) => BigInt(i + 1));
  assertSame(table, groupsOf([1n, all], [2n, all], [3n, all]), [1n, 2n, 3n]);
});

Deno.test("TableBuilder.size given twice for a group: the last one counts", () => {
  const { table, excess } = build({
    groups: [1n],
    sizes: [[1n, 1], [1n, 2]],
    members: [[1n, 2n], [1n, 1n]],
  });
  assert.equal(excess, 0);
  assertSame(table, groupsOf([1n, [1n, 2n]]), [1n]);
});

Deno.test("TableBuilder keeps every group and member where it was told of far fewer or more groups", () => {
  const groups = Array.from({ length: 5_000 }, (_, i) => BigInt(i * 3) << 16n);
  const members = groups.flatMap((group, i): MemberRow[] => [[group, BigInt(-i)], [group, 1n]]);
  const expected = naive({ groups, members });
  for (const about of [0, 1, 4_000, 50_000]) {
    const { table, excess } = build({ about, groups, members: members.toReversed() });
    assert.equal(excess, 0);
    assertSame(table, expected, groups);
  }
});
