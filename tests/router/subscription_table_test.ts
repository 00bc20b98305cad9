// The table of subscriptions by itself: what it answers, ended holders, and ids that are alike.
import assert from "node:assert/strict";
import { SubscriptionTable } from "../../src/router/subscription_table.ts";

/** Holders of (7, id), sorted. */
function holders(table: SubscriptionTable, id: number): number[] {
  const count = table.lookup(0, 7, 0, id);
  return [...table.found.subarray(0, count)].sort((a, b) => a - b);
}

function subscribe(table: SubscriptionTable, holder: number, id: number, online = 1): void {
  assert.ok(table.subscribe(holder, 0, 7, 0, id, online));
}

Deno.test("SubscriptionTable.lookup finds every holder of an id, and whether one holds it as online", () => {
  const table = new SubscriptionTable(1);
  for (let holder = 0; holder < 50; holder++) subscribe(table, holder, 5, 0);
  assert.deepEqual(holders(table, 5), Array.from({ length: 50 }, (_, i) => i));
  assert.equal(table.foundOnline, false);
  subscribe(table, 33, 5, 1);
  assert.equal(holders(table, 5).length, 50);
  assert.equal(table.foundOnline, true);
  assert.equal(table.lookup(0, 7, 0, 6), 0);
  assert.equal(table.foundOnline, false, "the answer before is forgotten");
  assert.deepEqual([table.keys, table.subscriptions], [1, 50]);
});

Deno.test("SubscriptionTable.unsubscribe of the first, a middle and the last holder keeps the others", () => {
  for (const gone of [0, 1, 2]) {
    const table = new SubscriptionTable(1);
    for (const holder of [0, 1, 2]) subscribe(table, holder, 5);
    assert.equal(table.unsubscribe(gone, 0, 7, 0, 5), true);
    assert.equal(table.unsubscribe(gone, 0, 7, 0, 5), false);
    assert.deepEqual(holders(table, 5), [0, 1, 2].filter((holder) => holder !== gone));
    assert.deepEqual([table.keys, table.subscriptions], [1, 2]);
  }
});

Deno.test("SubscriptionTable.retire hides a holder at once, release frees what it held in parts", () => {
  const table = new SubscriptionTable(1);
  for (let id = 0; id < 10; id++) subscribe(table, 3, id);
  subscribe(table, 4, 0, 0);
  table.retire(3);
  assert.deepEqual(holders(table, 0), [4]);
  assert.equal(table.foundOnline, false);
  assert.deepEqual(holders(table, 1), []);
  assert.deepEqual([table.keys, table.subscriptions, table.subscriptionsOf(3)], [10, 11, 10]);
  assert.equal(table.release(3, 4), 4);
  assert.deepEqual(holders(table, 1), [], "still hidden");
  assert.equal(table.release(3, 100), 6);
  assert.equal(table.release(3, 100), 0);
  assert.deepEqual([table.keys, table.subscriptions, table.subscriptionsOf(3)], [1, 1, 0]);
  subscribe(table, 3, 1);
  assert.deepEqual(holders(table, 1), [3], "the number is a new holder's");
});

Deno.test("SubscriptionTable.release of exactly what is left makes the number free", () => {
  const table = new SubscriptionTable(1);
  for (let id = 0; id < 4; id++) subscribe(table, 2, id);
  table.retire(2);
  assert.equal(table.release(2, 4), 4);
  subscribe(table, 2, 9);
  assert.deepEqual(holders(table, 9), [2]);
});

Deno.test("SubscriptionTable.retire and release of a holder who never held anything do nothing", () => {
  const table = new SubscriptionTable(1);
  table.retire(1_000);
  assert.equal(table.release(1_000, 10), 0);
  subscribe(table, 1_000, 5);
  assert.deepEqual(holders(table, 5), [1_000]);
});

Deno.test("SubscriptionTable.visitShard shows each id once, however many hold it, and none of retired holders", () => {
  const table = new SubscriptionTable(9);
  for (let id = 0; id < 5_000; id++) {
    subscribe(table, id % 3, id);
    if (id % 2 === 0) subscribe(table, 3, id, 0);
  }
  table.retire(0);
  const seen: number[] = [];
  for (let shard = 0; shard < SubscriptionTable.SHARDS; shard++) {
    table.visitShard(shard, (appHi, appLo, idHi, idLo) => {
      assert.deepEqual([appHi, appLo, idHi], [0, 7, 0]);
      seen.push(idLo);
    });
  }
  const expected = Array.from({ length: 5_000 }, (_, id) => id)
    .filter((id) => id % 3 !== 0 || id % 2 === 0);
  assert.deepEqual(seen.sort((a, b) => a - b), expected);
});

Deno.test("SubscriptionTable keeps every id while it grows, shrinks and is filled anew, for several seeds", () => {
  for (const seed of [0, -1, 0x7fff_ffff]) {
    const table = new SubscriptionTable(seed);
    const count = 100_000; // past the size from which an emptied table gives its space back
    for (const round of [1, 2]) {
      for (let id = 0; id < count; id++) subscribe(table, id & 3, id * round, id >> 2 & 1);
      for (let id = 1; id < count; id += 2) {
        assert.ok(table.unsubscribe(id & 3, 0, 7, 0, id * round));
      }
      for (let id = 0; id < count; id++) {
        const found = table.lookup(0, 7, 0, id * round);
        if (found !== (id & 1 ^ 1) || found === 1 && table.foundOnline !== ((id >> 2 & 1) === 1)) {
          assert.fail(`id ${id} of round ${round}: ${found} holders, online ${table.foundOnline}`);
        }
      }
      assert.deepEqual([table.keys, table.subscriptions], [count / 2, count / 2]);
      for (let id = 0; id < count; id += 2) table.unsubscribe(id & 3, 0, 7, 0, id * round);
      assert.deepEqual([table.keys, table.subscriptions], [0, 0]);
    }
  }
});

/** Nanoseconds of one look-up among these ids, half of them held: the best of three rounds. */
function lookupNs(idOf: (i: number) => readonly [number, number, number, number]): number {
  const count = 60_000;
  const table = new SubscriptionTable(0x5eed);
  for (let i = 0; i < count; i++) table.subscribe(0, ...idOf(i), 1);
  let best = Infinity;
  for (let round = 0; round < 3; round++) {
    const started = performance.now();
    let found = 0;
    for (let i = 0; i < 2 * count; i++) found += table.lookup(...idOf(i));
    best = Math.min(best, (performance.now() - started) * 1e6 / (2 * count));
    assert.equal(found, count);
  }
  return best;
}

Deno.test("SubscriptionTable.lookup is not much slower among ids that are alike in their low or high bits", () => {
  const plain = lookupNs((i) => [0, 7, 0, i]);
  const alike: Record<string, (i: number) => readonly [number, number, number, number]> = {
    "the low 32 bits": (i) => [0, 7, i, 0],
    "the low 12 bits": (i) => [0, 7, i >>> 20, i << 12],
    "the low 15 bits": (i) => [0, 7, i >>> 17, i << 15],
    "all but the app": (i) => [0, i, 0, 1],
    "all but the app's high half": (i) => [i, 0, 0, 1],
    "the sum of app and id": (i) => [0, i, 0, 1_000_000 - i],
    "app and id": (i) => [0, i, 0, i],
    "high bits alone": (i) => [0, 7, i << 15, 0],
  };
  for (const [what, idOf] of Object.entries(alike)) {
    const ns = lookupNs(idOf);
    assert.ok(ns < 4 * plain + 100, `${ns} ns where ${what} are alike, ${plain} ns else`);
  }
});
