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
  await scene.pass(1_000);
  await scene.pass();
  assert.equal(scene.isLoading, true);
  assert.equal(scene.keeper.latest, 11n);
  await scene.keeper.stop();
});

Deno.test("GroupKeeper whose comparison fails tries again after a second", async () => {
  const scene = await KeeperScene.loaded([[5n, [1n]]]);
  await scene.pass(5_000);
  scene.keeper.onLost();
  scene.latest = undefined;
  scene.keeper.onSubscribed();
  await scene.pass(3_000);
  scene.latest = 11n;
  await scene.pass(1_000);
  await scene.pass(1_000);
  await scene.pass();
  assert.equal(scene.isLoading, true);
  await scene.keeper.stop();
});

Deno.test("GroupKeeper whose line is lost and back during a comparison compares again", async () => {
  const scene = await KeeperScene.loaded([[5n, [1n]]]);
  await scene.pass(5_000);
  scene.latest = 11n;
  scene.keeper.onLost();
  scene.keeper.onSubscribed();
  await scene.pass(500); // waits for 11
  scene.keeper.onLost();
  scene.latest = 12n;
  scene.keeper.onSubscribed();
  await scene.pass(500); // the first one ends
  await scene.pass(1_000);
  await scene.pass();
  assert.equal(scene.isLoading, true);
  await scene.finish([[5n, [2n]]]);
  assert.equal(scene.keeper.held, 12n);
  await scene.keeper.stop();
});

Deno.test("GroupKeeper whose line is lost and back during a load compares after it", async () => {
  const scene = await KeeperScene.loaded([[5n, [1n]]]);
  await scene.pass(2_000);
  scene.add(11, 5n, 2n); // a gap
  scene.latest = 12n;
  await scene.pass(1);
  assert.equal(scene.isLoading, true);
  scene.keeper.onLost();
  scene.latest = 13n; // missed
  scene.keeper.onSubscribed();
  await scene.finish([[5n, [1n, 2n]]]);
  await scene.pass(1_000);
  await scene.pass();
  assert.equal(scene.isLoading, true);
  assert.deepEqual(scene.causes(), { start: 1, gap: 1, missed: 1 });
  await scene.keeper.stop();
});

Deno.test("GroupKeeper loads every 290 s while the line is lost", async () => {
  const scene = await KeeperScene.loaded([[5n, [1n]]]);
  scene.keeper.onLost();
  scene.latest = undefined;
  await scene.pass(290_000);
  await scene.finish([[5n, [2n]]]);
  assert.equal(scene.members(5n), "2");
  assert.deepEqual(scene.causes(), { start: 1, interval: 1 });
  await scene.keeper.stop();
});
