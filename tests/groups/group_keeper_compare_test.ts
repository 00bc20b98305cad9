// The comparison of the last action heard with the latest one in Redis.
import assert from "node:assert/strict";
import { KeeperScene } from "./keeper_fixture.ts";

Deno.test("GroupKeeper compares after each subscription, and loads when an action was missed", async () => {
  const scene = await KeeperScene.loaded([[5n, [1n]]]);
  await scene.pass(5_000);
  scene.keeper.onLost();
  assert.equal(scene.keeper.isFollowing, false);
  scene.latest = 11n;
  await scene.pass(5_000);
  assert.equal(scene.isLoading, false);
  scene.keeper.onSubscribed();
  await scene.pass(999);
  assert.equal(scene.isLoading, false, "it may be on its way");
  await scene.pass(1);
  assert.equal(scene.keeper.isStale, true);
  await scene.pass();
  await scene.finish([[5n, [1n, 2n]]]);
  assert.equal(scene.members(5n), "1,2");
  assert.equal(scene.keeper.isStale, false);
  assert.deepEqual(scene.causes(), { start: 1, missed: 1 });
  await scene.keeper.stop();
});

Deno.test("GroupKeeper that missed nothing while the line was away does not load", async () => {
  const scene = await KeeperScene.loaded([[5n, [1n]]]);
  await scene.pass(5_000);
  scene.keeper.onLost();
  scene.keeper.onSubscribed();
  await scene.pass(10_000);
  assert.deepEqual(scene.causes(), { start: 1 });
  await scene.keeper.stop();
});

Deno.test("GroupKeeper does not take an action for missed that is heard within a second, or was heard since it asked", async () => {
  const scene = await KeeperScene.loaded([[5n, [1n]]]);
  await scene.pass(5_000);
  scene.latest = 12n; // set, and not published yet
  scene.keeper.onLost();
  scene.keeper.onSubscribed();
  await scene.pass(500);
  scene.add(10, 5n, 2n);
  scene.add(11, 5n, 3n);
  scene.add(12, 5n, 4n); // goes past what was asked for
  await scene.pass(10_000);
  assert.deepEqual(scene.causes(), { start: 1 });
  assert.equal(scene.keeper.isStale, false);
  await scene.keeper.stop();
});

Deno.test("GroupKeeper compares every minute, and notices that the last event never came", async () => {
  const scene = await KeeperScene.loaded([[5n, [1n]]]);
  await scene.pass();
  const { asked } = scene;
  scene.latest = 11n;
  await scene.pass(59_999);
  assert.equal(scene.asked, asked);
  await scene.pass(1);
  assert.equal(scene.asked, asked + 1);
  assert.equal(scene.keeper.latest, 11n);
  await scene.pass(1_000);
  await scene.pass();
  assert.equal(scene.isLoading, true);
  await scene.keeper.stop();
});

Deno.test("GroupKeeper whose comparison fails tries again after a second", async () => {
  const scene = await KeeperScene.loaded([[5n, [1n]]]);
  await scene.pass(5_000);
  scene.keeper.onLost();
  scene.latest = undefined;
  const { asked } = scene;
  scene.keeper.onSubscribed();
  await scene.pass(999);
  assert.equal(scene.asked, asked + 1);
  await scene.pass(1);
  assert.equal(scene.asked, asked + 2);
  scene.latest = 11n;
  await scene.pass(1_000);
  await scene.pass(1_000);
  await scene.pass();
  assert.equal(scene.isLoading, true);
  await scene.keeper.stop();
});

Deno.test("GroupKeeper that hears what is the latest ends the comparison, and compares a minute after that", async () => {
  const scene = await KeeperScene.loaded([[5n, [1n]]]);
  scene.latest = 11n;
  await scene.pass(60_000);
  const { asked } = scene;
  await scene.pass(400);
  scene.add(10, 5n, 2n);
  await scene.pass(59_999);
  assert.equal(scene.asked, asked);
  await scene.pass(1);
  assert.equal(scene.asked, asked + 1);
  await scene.keeper.stop();
});

Deno.test("GroupKeeper compares once a minute, whatever loads there were meanwhile", async () => {
  const scene = await KeeperScene.loaded([[5n, [1n]]]);
  await scene.pass(30_000);
  scene.add(11, 5n, 2n); // a gap
  scene.latest = 12n;
  await scene.pass(1);
  await scene.finish([[5n, [2n]]]);
  const { asked } = scene;
  await scene.pass(59_999);
  assert.equal(scene.asked, asked);
  await scene.pass(1);
  assert.equal(scene.asked, asked + 1);
  await scene.keeper.stop();
});

Deno.test("GroupKeeper loads when the latest action is one that it heard long ago: Redis has forgotten some", async () => {
  const scene = await KeeperScene.loaded([[5n, [1n]]]);
  scene.add(10, 5n, 2n);
  scene.add(11, 5n, 3n);
  await scene.pass(60_000);
  await scene.pass(1_000);
  await scene.pass();
  assert.deepEqual(scene.causes(), { start: 1, missed: 1 });
  await scene.finish([[5n, [4n]]]);
  assert.equal(scene.keeper.held, 10n);
  assert.equal(scene.keeper.isStale, false);
  await scene.keeper.stop();
});

Deno.test("GroupKeeper that was stale loads when Redis is back, also when it hears the latest action", async () => {
  const scene = new KeeperScene();
  scene.latest = undefined;
  scene.keeper.start();
  await scene.pass(1_000);
  await scene.finish([[5n, [1n]]]);
  await scene.pass(5_000);
  scene.latest = 3n;
  scene.keeper.onSubscribed();
  await scene.pass(500);
  assert.equal(scene.isLoading, false);
  scene.add(2, 5n, 2n);
  await scene.pass(1);
  assert.deepEqual(scene.causes(), { start: 1, missed: 1 });
  await scene.keeper.stop();
});

Deno.test("GroupKeeper that has loaded during a comparison does not heed what that finds", async () => {
  const scene = await KeeperScene.loaded([[5n, [1n]]]);
  scene.latest = 11n;
  await scene.pass(60_000);
  scene.latest = 13n;
  scene.add(12, 5n, 2n); // a gap: 11 and 12 are missed
  await scene.pass(100);
  await scene.finish([[5n, [2n]]]);
  await scene.pass(5_000);
  assert.equal(scene.keeper.isStale, false);
  assert.deepEqual(scene.causes(), { start: 1, gap: 1 });
  await scene.keeper.stop();
});

Deno.test("GroupKeeper says once that changes were missed while it cannot load", async () => {
  const scene = await KeeperScene.loaded([[5n, [1n]]]);
  await scene.pass();
  scene.latest = 11n;
  await scene.pass(60_000);
  await scene.pass(1_000);
  await scene.pass();
  await scene.fail();
  await scene.pass(1_000);
  await scene.fail(); // the pause is longer than a comparison now
  const { asked } = scene;
  scene.keeper.onLost();
  scene.keeper.onSubscribed();
  await scene.pass(1_000);
  assert.equal(scene.asked, asked + 1);
  assert.equal(scene.said("changes of groups were missed"), 1);
  assert.equal(scene.keeper.isStale, true);
  await scene.keeper.stop();
});

Deno.test("GroupKeeper that hears changes but cannot ask for the latest says why once, and loads every 290 s", async () => {
  const scene = new KeeperScene();
  scene.latest = undefined;
  scene.keeper.start();
  scene.keeper.onSubscribed();
  await scene.pass();
  await scene.finish([[5n, [1n]]]);
  assert.equal(scene.keeper.isStale, true);
  for (let second = 0; second < 289; second++) await scene.pass(1_000);
  const said = scene.log.filter(({ event }) => event.includes("cannot be read"));
  assert.deepEqual(said.map(({ fields }) => fields.why), ["no connection to redis"]);
  assert.equal(scene.isLoading, false);
  await scene.pass(1_000);
  await scene.pass();
  await scene.finish([[5n, [2n]]]);
  assert.equal(scene.members(5n), "2");
  assert.deepEqual(scene.causes(), { start: 1, interval: 1 });
  await scene.keeper.stop();
});
