// The keeper of groups when things cross: answers of Redis that are late, and loads during comparisons.
import assert from "node:assert/strict";
import { KeeperScene } from "./keeper_fixture.ts";

/** A keeper that has just begun to load, because of a gap before action 12. */
async function loadingAgain(answers = Promise.resolve()): Promise<KeeperScene> {
  const scene = await KeeperScene.loaded([[5n, [1n]]]);
  await scene.pass(2_000);
  scene.add(11, 5n, 2n);
  scene.latest = 12n;
  scene.answers = answers;
  await scene.pass();
  return scene;
}

/** A keeper that waits for action 11, of which Redis knows. */
async function waitingForAction(): Promise<KeeperScene> {
  const scene = await KeeperScene.loaded([[5n, [1n]]]);
  await scene.pass(5_000);
  scene.latest = 11n;
  scene.keeper.onLost();
  scene.keeper.onSubscribed();
  await scene.pass(300);
  return scene;
}

Deno.test("GroupKeeper keeps what is heard while Redis is still asked for the action before a load", async () => {
  const answer = Promise.withResolvers<void>();
  const scene = await loadingAgain(answer.promise);
  scene.add(12, 5n, 3n);
  answer.resolve(); // 12, as it was when Redis looked
  await scene.pass();
  await scene.finish([[5n, [1n, 2n]]]);
  assert.equal(scene.members(5n), "1,2,3");
  assert.equal(scene.keeper.isStale, false);
  assert.equal(scene.keeper.held, 13n);
  await scene.keeper.stop();
});

Deno.test("GroupKeeper loads again when it played a change that one before the load undid, and missed that one", async () => {
  const scene = await KeeperScene.loaded([[5n, [1n]]]);
  await scene.pass(2_000);
  scene.add(11, 5n, 2n); // a gap
  scene.latest = 15n; // as Redis will look a moment later
  const answer = Promise.withResolvers<void>();
  scene.answers = answer.promise;
  await scene.pass();
  scene.keeper.onEvent("group_create", "12:13:7,7,0");
  scene.add(14, 5n, 3n); // the disbandment of 7 was missed
  answer.resolve();
  await scene.pass();
  await scene.finish([[5n, [1n, 2n, 3n]]]);
  assert.equal(scene.keeper.isStale, true, "7 is there again");
  await scene.pass(1_000);
  await scene.finish([[5n, [1n, 2n, 3n]]]);
  assert.equal(scene.members(7n), undefined);
  assert.equal(scene.keeper.isStale, false);
  await scene.keeper.stop();
});

Deno.test("GroupKeeper does not judge by a comparison that began before a load", async () => {
  const scene = await waitingForAction();
  scene.latest = 13n;
  scene.add(12, 5n, 2n); // a gap: 11 never comes
  await scene.pass();
  await scene.finish([[5n, [1n, 2n]]]);
  assert.equal(scene.keeper.held, 13n);
  await scene.pass(10_000);
  assert.equal(scene.keeper.isStale, false);
  assert.deepEqual(scene.causes(), { start: 1, gap: 1 });
  await scene.keeper.stop();
});

Deno.test("GroupKeeper whose load ended without the latest action, during a comparison, compares once that is over", async () => {
  const scene = await waitingForAction();
  scene.latest = undefined;
  scene.add(12, 5n, 2n); // a gap
  await scene.pass();
  await scene.finish([[5n, [1n, 2n]]]);
  assert.equal(scene.keeper.isStale, true, "nobody knows which action it has");
  scene.latest = 13n;
  await scene.pass(1_000); // the comparison ends
  await scene.pass(1_000);
  await scene.pass();
  assert.equal(scene.isLoading, true);
  await scene.finish([[5n, [1n, 2n]]]);
  assert.equal(scene.keeper.isStale, false);
  await scene.keeper.stop();
});

Deno.test("GroupKeeper: a group that is there before and after is there at every moment of a load", async () => {
  const scene = await loadingAgain();
  for (let number = 0; number < 2_500; number++) scene.add(12 + number, 5n, BigInt(1_000 + number));
  const finished = scene.finish([[5n, [1n]], [6n, [1n]]]);
  let steps = 0;
  while (scene.members(6n) === undefined) {
    assert.ok(++steps < 1_000, "the new table is taken");
    assert.notEqual(scene.table.members(5n), undefined, `step ${steps}`);
    await Promise.resolve();
    if (steps % 100 === 0) scene.clock.advance(1);
  }
  assert.ok(steps > 200, "changes were played in three slices");
  await finished;
  assert.equal(scene.members(5n)?.split(",").length, 2_501);
  await scene.keeper.stop();
});
