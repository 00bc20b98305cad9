// What the keeper of groups does when changes cease to be heard and are heard again, whatever is under way.
import assert from "node:assert/strict";
import { KeeperScene } from "./keeper_fixture.ts";

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

Deno.test("GroupKeeper that hears changes does not load every 290 s, and does so once the line is lost", async () => {
  const scene = await KeeperScene.loaded([[5n, [1n]]]);
  await scene.pass(290_000);
  assert.equal(scene.isLoading, false);
  scene.keeper.onLost();
  await scene.pass(289_999);
  assert.equal(scene.isLoading, false);
  await scene.pass(1);
  assert.deepEqual(scene.causes(), { start: 1, interval: 1 });
  await scene.keeper.stop();
});

Deno.test("GroupKeeper whose line is lost asks Redis nothing, whatever was under way", async () => {
  const states: readonly ((scene: KeeperScene) => Promise<void>)[] = [
    async (scene) => await scene.pass(5_000), // waiting for the next comparison
    async (scene) => {
      scene.latest = 11n;
      await scene.pass(60_000); // waiting for an action on its way
    },
  ];
  for (const [number, state] of states.entries()) {
    const scene = await KeeperScene.loaded([[5n, [1n]]]);
    await state(scene);
    const { asked } = scene;
    scene.keeper.onLost();
    await scene.pass(100_000);
    assert.equal(scene.asked, asked, `state ${number}`);
    await scene.keeper.stop();
  }
});

Deno.test("GroupKeeper whose line is lost during a load does not compare after it", async () => {
  const scene = await KeeperScene.loaded([[5n, [1n]]]);
  await scene.pass(2_000);
  scene.add(11, 5n, 2n); // a gap
  scene.latest = 12n;
  await scene.pass(1);
  scene.keeper.onLost();
  const { asked } = scene;
  await scene.finish([[5n, [1n, 2n]]]);
  await scene.pass(100_000);
  assert.equal(scene.asked, asked);
  await scene.keeper.stop();
});

Deno.test("GroupKeeper whose line is lost and back during a load asks Redis only after it", async () => {
  const scene = new KeeperScene();
  scene.latest = 10n;
  scene.keeper.start();
  scene.keeper.onSubscribed();
  await scene.pass();
  assert.equal(scene.keeper.latest, 10n, "the load has asked");
  const { asked } = scene;
  scene.keeper.onLost();
  scene.keeper.onSubscribed();
  await scene.pass(5_000);
  assert.equal(scene.asked, asked);
  await scene.finish([[5n, [1n]]]);
  assert.equal(scene.asked, asked + 1);
  await scene.keeper.stop();
});

Deno.test("GroupKeeper whose line is lost and back during a comparison heeds the new one, after the old one's end", async () => {
  const scene = await KeeperScene.loaded([[5n, [1n]]]);
  scene.latest = 11n;
  await scene.pass(60_000); // waits for 11
  const { asked } = scene;
  scene.keeper.onLost();
  scene.latest = 10n; // another Redis, which never had 11
  scene.keeper.onSubscribed();
  await scene.pass(999);
  assert.equal(scene.asked, asked);
  await scene.pass(1);
  assert.equal(scene.asked, asked + 1);
  await scene.pass(5_000);
  assert.equal(scene.keeper.isStale, false);
  assert.deepEqual(scene.causes(), { start: 1 });
  await scene.keeper.stop();
});
