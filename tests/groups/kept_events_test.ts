import assert from "node:assert/strict";
import { parseGroupEvent } from "../../src/groups/group_event.ts";
import { KeptEvents } from "../../src/groups/kept_events.ts";
import { groupsOf, membersOf } from "../support/group_tables.ts";

const added = (previous: number, uid: number, action = previous + 1) =>
  parseGroupEvent("group_member_add", `${previous}:${action}:5,${uid}`)!;

function keptOf(...events: readonly ReturnType<typeof added>[]): KeptEvents {
  const kept = new KeptEvents();
  for (const event of events) kept.add(event);
  return kept;
}

Deno.test("KeptEvents.play plays each event once, in portions, also those that come meanwhile", () => {
  const table = groupsOf([5n, []]);
  const kept = keptOf(added(1, 11), added(2, 12), added(3, 13));
  assert.equal(kept.play(table, 2), true);
  assert.deepEqual(membersOf(table, 5n), [11n, 12n]);
  table.removeMember(5n, 11n);
  kept.add(added(4, 14));
  assert.equal(kept.play(table, 2), false);
  assert.deepEqual(membersOf(table, 5n), [12n, 13n, 14n]);
  assert.equal(kept.lastAction, 5n);
});

Deno.test("KeptEvents.follow: an unbroken chain from the action on, whatever came before it", () => {
  assert.equal(keptOf().follow(7n), true, "nothing happened");
  assert.equal(keptOf(added(7, 1), added(8, 2)).follow(7n), true);
  assert.equal(keptOf(added(5, 1), added(6, 1), added(7, 2)).follow(7n), true);
  assert.equal(keptOf(added(2, 1), added(6, 1), added(7, 2)).follow(7n), false, "a gap before it");
  assert.equal(keptOf(added(8, 1)).follow(7n), false, "the first was missed");
  assert.equal(keptOf(added(7, 1), added(9, 1)).follow(7n), false, "one in the middle was missed");
  assert.equal(keptOf(added(5, 1), added(6, 1)).follow(7n), true, "all of them are in the table");
  assert.equal(keptOf(added(5, 1)).follow(7n), false, "heard is 6, so 7 was missed");
});

Deno.test("KeptEvents.follow: what was heard before Redis began anew is no chain with what came then", () => {
  const events = [added(6, 1), added(8, 1), added(6, 1), added(7, 2)];
  assert.equal(keptOf(...events).follow(7n), false);
});

Deno.test("KeptEvents.follow: nothing follows an action that is not known", () => {
  assert.equal(keptOf().follow(undefined), false);
  assert.equal(keptOf(added(7, 1)).follow(undefined), false);
});

Deno.test("KeptEvents past its bound is overflown, plays nothing and follows nothing", () => {
  const table = groupsOf([5n, []]);
  const kept = new KeptEvents(2);
  for (const number of [1, 2, 3, 4]) kept.add(added(number, number));
  assert.equal(kept.isOverflown, true);
  assert.equal(kept.play(table, 10), false);
  assert.deepEqual(membersOf(table, 5n), []);
  assert.equal(kept.follow(1n), false);
  assert.equal(kept.lastAction, undefined);
});

Deno.test("KeptEvents at its bound keeps them all", () => {
  const table = groupsOf([5n, []]);
  const kept = new KeptEvents(2);
  for (const number of [1, 2]) kept.add(added(number, number));
  assert.equal(kept.isOverflown, false);
  assert.equal(kept.play(table, 10), false);
  assert.deepEqual(membersOf(table, 5n), [1n, 2n]);
  assert.equal(kept.follow(1n), true);
});
