// What the keeper of groups does when much is heard during a load.
import assert from "node:assert/strict";
import { KEPT_EVENTS_MAX } from "../../src/groups/kept_events.ts";
import { KeeperScene } from "./keeper_fixture.ts";

/** More is heard than is kept, after action 12. */
function flood(scene: KeeperScene): void {
  for (let number = 0; number <= KEPT_EVENTS_MAX; number++) {
    scene.add(12 + number, 5n, BigInt(number % 50));
  }
}

Deno.test("GroupKeeper that hears too much during a load keeps the table that has it all, and loads again", async () => {
  const scene = await KeeperScene.loaded([[5n, [1n]]]);
  await scene.pass(2_000);
  scene.add(11, 5n, 2n);
  scene.latest = 12n;
  await scene.pass(1);
  await scene.fail();
  await scene.pass(1_000);
  flood(scene);
  await scene.finish([[5n, [1n, 2n]], [6n, []]]);
  assert.deepEqual(scene.freed, [0, 2], "the new one is given back");
  assert.equal(scene.keeper.lastFailure, undefined, "MySQL has answered");
  assert.equal(scene.members(5n)?.split(",").length, 50, "the old table");
  scene.latest = scene.keeper.held;
  await scene.pass(1_000);
  assert.deepEqual(scene.causes(), { start: 1, gap: 1, retry: 1, overflow: 1 });
  await scene.finish([[5n, [7n]]]);
  assert.equal(scene.members(5n), "7");
  assert.equal(scene.keeper.isStale, false);
  await scene.keeper.stop();
});

Deno.test("GroupKeeper that hears too much during its first load takes what it gets, and loads again", async () => {
  const scene = new KeeperScene();
  scene.latest = 12n;
  scene.keeper.start();
  scene.keeper.onSubscribed();
  await scene.pass();
  flood(scene);
  await scene.finish([[5n, [1n]]]);
  assert.equal(scene.members(5n), "1");
  assert.equal(scene.keeper.isStale, true);
  const held = Number(scene.keeper.held);
  assert.equal(held, 12 + KEPT_EVENTS_MAX + 1);
  scene.add(held, 5n, 2n);
  assert.equal(scene.keeper.events.gaps, 0);
  scene.latest = scene.keeper.held;
  await scene.pass(1_000);
  assert.deepEqual(scene.causes(), { start: 1, overflow: 1 });
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
