// One large group, and that no single change of a large table takes long.
// deno-lint-ignore-file no-console -- the figures are worth seeing
import assert from "node:assert/strict";
import { GroupTable } from "../../src/router/group_table.ts";
import { slowestMs } from "../support/slowest_operation.ts";

const MEMBERS = 300_000;
/** Generous: a test that runs beside others loses the processor for some milliseconds at any time. */
const CHANGE_MS_MAX = 20;

/** All numbers below `count`, in an order that is the same for the same seed. */
function shuffled(count: number, seed: number): Uint32Array {
  const numbers = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    seed = Math.imul(seed, 1_664_525) + 1_013_904_223 | 0;
    const j = Math.floor((seed >>> 0) / 2 ** 32 * (i + 1));
    [numbers[i], numbers[j]] = [numbers[j]!, numbers[i]!];
  }
  return numbers;
}

/** Ids on both sides of 0, ascending with `i`, that differ in their low and their high halves. */
const idOf = (i: number): bigint => BigInt(i - MEMBERS / 2) * 0x3_0001n;

/** Asserts that a group has those of all members for whom `isThere` says so, each once, in ascending order. */
function assertMembers(table: GroupTable, isThere: (i: number) => boolean): void {
  const words = table.members(1n)!;
  let at = 0;
  for (let i = 0; i < MEMBERS; i++) {
    if (!isThere(i)) continue;
    const id = idOf(i);
    const isRight = words[at] === Number(BigInt.asIntN(32, id)) &&
      words[at + 1] === Number(BigInt.asIntN(32, id >> 32n));
    if (!isRight) assert.fail(`no ${id} where it has to be`);
    at += 2;
  }
  assert.equal(words.length, at);
}

Deno.test("GroupTable keeps a group of 300,000 members sorted that come and go in random order", () => {
  const table = GroupTable.empty();
  table.create(1n);
  for (const [number, i] of shuffled(MEMBERS, 1).entries()) {
    table.addMember(1n, idOf(i));
    if (number % 8 === 0) table.addMember(1n, idOf(i)); // who is there already
  }
  assert.equal(table.memberCount, MEMBERS);
  assertMembers(table, () => true);
  const order = shuffled(MEMBERS, 2);
  const gone = new Set(order.subarray(0, MEMBERS / 2));
  for (const i of gone) table.removeMember(1n, idOf(i));
  for (const i of order.subarray(0, 1_000)) table.removeMember(1n, idOf(i)); // who has gone already
  assert.equal(table.memberCount, MEMBERS / 2);
  assertMembers(table, (i) => !gone.has(i));
  for (const i of order.subarray(MEMBERS / 2)) table.removeMember(1n, idOf(i));
  assertMembers(table, () => false);
  assert.deepEqual([table.size, table.memberCount], [1, 0]);
});

const HISTORIES: Readonly<Record<string, readonly [changes: number, () => (i: number) => void]>> = {
  "a million groups are created": [1_000_000, () => {
    const table = GroupTable.empty();
    return (i) => table.create(BigInt(i));
  }],
  "a million members come to 20,000 groups": [1_000_000, () => {
    const table = GroupTable.empty();
    for (let group = 0n; group < 20_000n; group++) table.create(group);
    return (i) => table.addMember(BigInt(i % 20_000), BigInt(i));
  }],
  "a group grows to 300,000 members, each before the others": [MEMBERS, () => {
    const table = GroupTable.empty();
    table.create(1n);
    return (i) => table.addMember(1n, BigInt(-i));
  }],
  "200,000 groups are disbanded and created again": [400_000, () => {
    const table = GroupTable.empty();
    for (let group = 0n; group < 200_000n; group++) {
      table.create(group);
      table.addMember(group, group);
    }
    return (i) => i < 200_000 ? table.disband(BigInt(i)) : table.create(BigInt(i));
  }],
};

for (const [what, [changes, begin]] of Object.entries(HISTORIES)) {
  Deno.test(`GroupTable: no change takes ${CHANGE_MS_MAX} ms while ${what}`, () => {
    const ms = slowestMs({ operations: changes, perWindow: 64, msMax: CHANGE_MS_MAX }, begin);
    console.log(`${ms.toFixed(2)} ms for the slowest of ${changes.toLocaleString("en")}`);
    assert.ok(ms < CHANGE_MS_MAX, `${ms} ms`);
  });
}
