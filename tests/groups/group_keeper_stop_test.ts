// How the keeper of groups ends.
import assert from "node:assert/strict";
import { KeeperScene } from "./keeper_fixture.ts";

/** Fails when anything is left of a keeper that was stopped. */
async function assertAtRest(scene: KeeperScene, message = "ended"): Promise<void> {
  await scene.pass();
  assert.equal(scene.clock.timers, 0, message);
  assert.equal(scene.isLoading, false, message);
}

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

Deno.test("GroupKeeper that is stopped while Redis is asked, for a comparison or a load, is at rest when Redis answers", async () => {
  for (const asks of ["comparison", "load"]) {
    const scene = await KeeperScene.loaded([[5n, [1n]]]);
    await scene.pass(5_000);
    const answers = Promise.withResolvers<void>();
    scene.answers = answers.promise;
    scene.latest = 11n;
    const { asked } = scene;
    if (asks === "load") {
      scene.add(11, 5n, 2n); // a gap
    } else {
      scene.keeper.onLost();
      scene.keeper.onSubscribed();
    }
    await scene.pass(1);
    assert.equal(scene.asked, asked + 1);
    assert.equal(scene.isLoading, false, "MySQL is asked after Redis");
    const stopped = scene.keeper.stop();
    answers.resolve();
    await stopped;
    await assertAtRest(scene, asks);
  }
});

Deno.test("GroupKeeper that is stopped while it plays changes to a new table puts it in no place", async () => {
  const scene = await KeeperScene.loaded([[5n, [1n]]]);
  await scene.pass(2_000);
  scene.add(11, 5n, 2n); // a gap
  scene.latest = 12n;
  await scene.pass(1);
  for (let number = 0; number < 2_500; number++) scene.add(12 + number, 5n, 3n);
  await scene.finish([[5n, []], [6n, []]]);
  let isStopped = false;
  const stopped = scene.keeper.stop().then(() => isStopped = true);
  await scene.pass();
  assert.equal(isStopped, false, "a load is under way");
  await scene.pass(1);
  await stopped;
  assert.equal(scene.members(6n), undefined);
  assert.equal(scene.loaded, 1);
  await assertAtRest(scene);
});

Deno.test("GroupKeeper that is stopped by whom it tells that groups are loaded is at rest after that", async () => {
  const scene = new KeeperScene();
  scene.keeper.start();
  scene.keeper.onSubscribed();
  await scene.pass();
  let stopped: Promise<void> | undefined;
  scene.onLoaded = () => stopped = scene.keeper.stop();
  await scene.finish([[5n, [1n]]]);
  await stopped;
  assert.equal(scene.loaded, 1);
  await assertAtRest(scene);
});

Deno.test("GroupKeeper that was stopped begins nothing, whatever it hears", async () => {
  for (const ms of [0, 1_000]) { // before and after the first load
    const scene = new KeeperScene();
    scene.keeper.start();
    await scene.pass(ms);
    if (ms > 0) await scene.finish([[5n, [1n]]]);
    await scene.keeper.stop();
    const { asked } = scene;
    scene.keeper.onSubscribed();
    scene.add(1, 5n, 2n);
    scene.add(3, 5n, 2n); // a gap
    scene.keeper.onLost();
    scene.keeper.onSubscribed();
    await assertAtRest(scene);
    assert.equal(scene.asked, asked);
  }
});
