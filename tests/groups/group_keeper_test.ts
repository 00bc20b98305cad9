// When the keeper of groups loads, what it does with changes meanwhile, and what of loads that fail.
import assert from "node:assert/strict";
import { KEPT_EVENTS_MAX } from "../../src/groups/kept_events.ts";
import { KeeperScene } from "./keeper_fixture.ts";

Deno.test("GroupKeeper loads as soon as changes are heard, and has the action that was the latest before", async () => {
  const scene = new KeeperScene();
  scene.latest = 10n;
  scene.keeper.start();
  await scene.pass(500);
  assert.equal(scene.isLoading, false, "it waits a moment for Redis");
  scene.keeper.onSubscribed();
  await scene.pass();
  assert.equal(scene.isLoading, true);
  scene.latest = 12n; // only now
  await scene.finish([[5n, [1n]]]);
  assert.equal(scene.members(5n), "1");
  assert.equal(scene.loaded, 1);
  assert.deepEqual(scene.causes(), { start: 1 });
  await scene.pass(1_000);
  await scene.pass();
  assert.equal(scene.isLoading, true, "11 and 12 were not heard");
  assert.deepEqual(scene.causes(), { start: 1, missed: 1 });
  await scene.keeper.stop();
});

Deno.test("GroupKeeper without Redis loads at once, and again every 290 s", async () => {
  const scene = new KeeperScene({ hasRedis: false });
  scene.keeper.start();
  await scene.pass();
  await scene.finish([[5n, [1n]]]);
  assert.equal(scene.keeper.isStale, false);
  await scene.pass(289_999);
  assert.equal(scene.isLoading, false);
  await scene.pass(1);
  await scene.finish([[5n, [2n]]]);
  assert.equal(scene.members(5n), "2");
  assert.deepEqual(scene.causes(), { start: 1, interval: 1 });
  await scene.keeper.stop();
});

Deno.test("GroupKeeper whose Redis is away loads all the same, once, and again when Redis is back", async () => {
  const scene = new KeeperScene();
  scene.latest = undefined;
  scene.keeper.start();
  await scene.pass(1_000);
  await scene.finish([[5n, [1n]]]);
  assert.equal(scene.members(5n), "1");
  assert.equal(scene.keeper.isStale, true, "nobody knows which action it has");
  await scene.pass(60_000);
  assert.equal(scene.isLoading, false, "a load would bring nothing new");
  scene.latest = 3n;
  scene.keeper.onSubscribed();
  await scene.pass(1_000);
  await scene.pass();
  await scene.finish([[5n, [2n]]]);
  assert.equal(scene.members(5n), "2");
  assert.equal(scene.keeper.isStale, false);
  assert.equal(scene.keeper.held, 3n);
  await scene.keeper.stop();
});

Deno.test("GroupKeeper makes a change at once, and a content that cannot be read counts as an action", async () => {
  const scene = await KeeperScene.loaded([[5n, [1n]]]);
  scene.add(10, 5n, 2n);
  scene.keeper.onEvent("group_member_add", "11:12:five,2");
  scene.keeper.onEvent("group_member_add", "no event");
  scene.add(12, 5n, 3n);
  assert.equal(scene.members(5n), "1,2,3");
  await scene.pass(10_000);
  assert.equal(scene.isLoading, false);
  assert.deepEqual({ ...scene.keeper.events }, { applied: 2, unreadable: 1, foreign: 1, gaps: 0 });
  await scene.keeper.stop();
});

Deno.test("GroupKeeper that sees a gap makes the change, and loads once for all gaps, a second after the last load began", async () => {
  const scene = await KeeperScene.loaded([[5n, [1n]]]);
  await scene.pass(300);
  scene.add(11, 5n, 2n);
  scene.add(20, 5n, 3n);
  assert.equal(scene.members(5n), "1,2,3");
  assert.equal(scene.keeper.isStale, true);
  await scene.pass(699);
  assert.equal(scene.isLoading, false);
  scene.latest = 21n;
  await scene.pass(1);
  assert.equal(scene.isLoading, true);
  await scene.finish([[5n, [1n, 2n, 3n, 4n]]]);
  assert.equal(scene.members(5n), "1,2,3,4");
  assert.equal(scene.keeper.isStale, false);
  await scene.pass(30_000);
  assert.deepEqual(scene.causes(), { start: 1, gap: 1 });
  assert.equal(scene.keeper.events.gaps, 2);
  await scene.keeper.stop();
});

Deno.test("GroupKeeper plays what was heard during a load to the new table, read before or after it", async () => {
  const scene = await KeeperScene.loaded([[5n, [1n]], [6n, [1n]]]);
  await scene.pass(2_000);
  scene.add(11, 5n, 2n); // a gap
  scene.latest = 12n;
  await scene.pass(1);
  scene.add(12, 5n, 3n);
  scene.keeper.onEvent("group_member_remove", "13:14:6,1");
  scene.keeper.onEvent("group_create", "14:15:7,7,0");
  scene.add(15, 7n, 9n);
  assert.equal(scene.members(6n), "", "the table in use changes at once");
  await scene.finish([[5n, [1n, 2n, 3n]], [6n, [1n]]]); // read after the first of them
  assert.deepEqual(["1,2,3", "", "9"], [5n, 6n, 7n].map((group) => scene.members(group)));
  assert.equal(scene.keeper.held, 16n);
  assert.equal(scene.keeper.isStale, false);
  await scene.keeper.stop();
});

Deno.test("GroupKeeper that sees a gap during a load loads again", async () => {
  const scene = await KeeperScene.loaded([[5n, [1n]]]);
  await scene.pass(2_000);
  scene.add(11, 5n, 2n);
  scene.latest = 12n;
  await scene.pass(1);
  scene.add(15, 5n, 3n); // another gap, of which nobody knows whether the load has it
  await scene.finish([[5n, [1n, 2n]]]);
  assert.equal(scene.members(5n), "1,2,3");
  assert.equal(scene.keeper.isStale, true);
  scene.latest = 16n;
  await scene.pass(1_000);
  await scene.finish([[5n, [1n, 2n, 3n, 4n]]]);
  assert.equal(scene.members(5n), "1,2,3,4");
  assert.equal(scene.keeper.isStale, false);
  await scene.keeper.stop();
});

Deno.test("GroupKeeper that hears too much during a load keeps the table that has it all, and loads again", async () => {
  const scene = await KeeperScene.loaded([[5n, [1n]]]);
  await scene.pass(2_000);
  scene.add(11, 5n, 2n);
  scene.latest = 12n;
  await scene.pass(1);
  for (let number = 0; number <= KEPT_EVENTS_MAX; number++) {
    scene.add(12 + number, 5n, BigInt(number % 50));
  }
  await scene.finish([[5n, [1n, 2n]]]);
  assert.equal(scene.members(5n)?.split(",").length, 50, "the old table");
  scene.latest = scene.keeper.held;
  await scene.pass(1_000);
  assert.deepEqual(scene.causes(), { start: 1, gap: 1, overflow: 1 });
  await scene.finish([[5n, [7n]]]);
  assert.equal(scene.members(5n), "7");
  assert.equal(scene.keeper.isStale, false);
  await scene.keeper.stop();
});

Deno.test("GroupKeeper plays a flood of changes to a new table in slices, and misses none that comes between them", async () => {
  const scene = await KeeperScene.loaded([[5n, [1n]]]);
  await scene.pass(2_000);
  scene.add(11, 5n, 2n);
  scene.latest = 12n;
  await scene.pass(1);
  for (let number = 0; number < 2_500; number++) scene.add(12 + number, 5n, BigInt(1_000 + number));
  await scene.finish([[5n, []], [6n, []]]);
  assert.equal(scene.members(6n), undefined, "the new table is not in use yet");
  scene.add(2_512, 5n, 77n);
  await scene.pass(1);
  await scene.pass(1);
  assert.equal(scene.members(6n), "");
  assert.equal(scene.members(5n)?.split(",").length, 2_501);
  assert.equal(scene.keeper.isStale, false);
  await scene.keeper.stop();
});

Deno.test("GroupKeeper whose loads fail tries again after 1, 2, 4, 8, 10, 10 s, says so once, and uses what it has", async () => {
  const scene = await KeeperScene.loaded([[5n, [1n]]]);
  await scene.pass(2_000);
  scene.add(11, 5n, 2n);
  scene.latest = 12n;
  await scene.pass(1);
  const from = scene.loadsAt.length;
  for (const pause of [1, 2, 4, 8, 10, 10]) {
    await scene.fail();
    await scene.pass(pause * 1_000 - 1);
    assert.equal(scene.isLoading, false, `${pause} s`);
    await scene.pass(1);
    assert.equal(scene.isLoading, true, `${pause} s`);
  }
  assert.equal(scene.members(5n), "1,2");
  assert.equal(scene.keeper.failures, 6);
  assert.equal(scene.keeper.lastFailure, "no route to MySQL");
  const said = () => scene.log.filter(({ event }) => event === "groups cannot be loaded").length;
  assert.equal(said(), 1);
  await scene.fail("access denied");
  assert.equal(said(), 2, "another reason is said");
  await scene.pass(10_000);
  await scene.finish([[5n, [3n]]]);
  assert.equal(scene.members(5n), "3");
  assert.equal(scene.keeper.lastFailure, undefined);
  assert.equal(scene.causes().retry, 7);
  assert.equal(scene.loadsAt.length, from + 7);
  await scene.keeper.stop();
});

Deno.test("GroupKeeper ends in each state without a timer or a load left", async () => {
  const states: readonly ((scene: KeeperScene) => Promise<void>)[] = [
    async () => {},
    async (scene) => await scene.pass(1_000), // loading
    async (scene) => {
      await scene.pass(1_000);
      await scene.fail(); // about to try again
    },
    async (scene) => {
      scene.keeper.onSubscribed();
      await scene.pass();
      scene.latest = 5n;
      await scene.finish([[5n, [1n]]]); // waiting for an action on its way
    },
    async (scene) => {
      scene.keeper.onSubscribed();
      await scene.pass();
      await scene.finish([[5n, [1n]]]); // waiting for the next comparison
    },
  ];
  for (const [number, state] of states.entries()) {
    const scene = new KeeperScene();
    scene.keeper.start();
    await state(scene);
    await scene.keeper.stop();
    await scene.pass();
    assert.equal(scene.clock.timers, 0, `state ${number}`);
    assert.equal(scene.isLoading, false);
    await scene.pass(300_000);
    assert.equal(scene.isLoading, false);
  }
});
