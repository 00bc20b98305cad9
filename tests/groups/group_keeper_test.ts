// When the keeper of groups loads, and what it does with changes meanwhile.
import assert from "node:assert/strict";
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
  await scene.pass(5_000); // no other load begins before this one's end
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

Deno.test("GroupKeeper that is started when changes are heard already loads at once, and not before", async () => {
  const scene = new KeeperScene();
  scene.keeper.onSubscribed();
  await scene.pass(5_000);
  assert.equal(scene.isLoading, false);
  assert.equal(scene.asked, 0);
  scene.keeper.start();
  await scene.pass();
  assert.equal(scene.isLoading, true);
  await scene.keeper.stop();
});

Deno.test("GroupKeeper waits one second for Redis, and not longer", async () => {
  const scene = new KeeperScene();
  scene.keeper.start();
  await scene.pass(999);
  assert.equal(scene.isLoading, false);
  await scene.pass(1);
  assert.equal(scene.isLoading, true);
  await scene.keeper.stop();
});

Deno.test("GroupKeeper that hears something that is no event holds the action that it held", async () => {
  const scene = await KeeperScene.loaded([[5n, [1n]]]);
  scene.keeper.onEvent("group_member_add", "no event");
  scene.keeper.onEvent("group_rename", "10:11:5,1");
  assert.equal(scene.keeper.held, 10n);
  scene.add(11, 5n, 2n);
  assert.deepEqual({ ...scene.keeper.events }, { applied: 1, unreadable: 0, foreign: 2, gaps: 1 });
  await scene.keeper.stop();
});

Deno.test("GroupKeeper knows when its table was loaded and how long that took, and gives the one before back", async () => {
  const scene = await KeeperScene.loaded([[5n, [1n]]]);
  assert.deepEqual(scene.freed, [0], "there was none before");
  await scene.pass(2_000);
  scene.add(11, 5n, 2n); // a gap
  scene.latest = 12n;
  await scene.pass();
  await scene.pass(700);
  assert.deepEqual(scene.freed, [0]);
  await scene.finish([[6n, [1n, 2n, 3n]], [7n, []]]);
  assert.deepEqual(scene.freed, [0, 1]);
  assert.equal(scene.keeper.loadedAt, scene.clock.now());
  assert.equal(scene.keeper.loadMs, 700);
  const { fields } = scene.log.findLast(({ event }) => event === "groups loaded")!;
  assert.deepEqual(fields, {
    groups: 2,
    members: 3,
    ms: 700,
    cause: "gap",
    orphans: 0,
    unreadable: 0,
  });
  await scene.keeper.stop();
});
