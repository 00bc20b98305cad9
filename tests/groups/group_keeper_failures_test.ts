// What the keeper of groups does when they cannot be loaded.
import assert from "node:assert/strict";
import { KeeperScene } from "./keeper_fixture.ts";

const FAILED = "groups cannot be loaded";

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
  assert.equal(scene.said(FAILED), 1);
  await scene.fail("access denied");
  assert.equal(scene.said(FAILED), 2, "another reason is said");
  await scene.pass(10_000);
  await scene.finish([[5n, [3n]]]);
  assert.equal(scene.members(5n), "3");
  assert.equal(scene.keeper.lastFailure, undefined);
  assert.equal(scene.causes().retry, 7);
  assert.equal(scene.loadsAt.length, from + 7);
  await scene.keeper.stop();
});

Deno.test("GroupKeeper whose loads go on failing says so every 30th time, and what is used instead", async () => {
  const scene = new KeeperScene({ hasRedis: false });
  scene.keeper.start();
  await scene.pass();
  for (let failure = 1; failure <= 61; failure++) {
    await scene.fail();
    assert.equal(scene.said(FAILED), Math.ceil(failure / 30), `failure ${failure}`);
    await scene.pass(10_000);
  }
  assert.deepEqual(scene.log.at(-1)?.fields, {
    why: "unreachable",
    error: "no route to MySQL",
    instead: "pushes wait",
  });
  await scene.finish([[5n, [1n]]]);
  await scene.pass(290_000);
  await scene.fail();
  assert.equal(scene.log.at(-1)?.fields.instead, "the groups of before are used");
  await scene.keeper.stop();
});

Deno.test("GroupKeeper that has loaded after failures begins with the shortest pause again", async () => {
  const scene = await KeeperScene.loaded([[5n, [1n]]]);
  await scene.pass(2_000);
  scene.add(11, 5n, 2n); // a gap
  scene.latest = 12n;
  await scene.pass(1);
  for (const pause of [1_000, 2_000, 4_000]) {
    await scene.fail();
    await scene.pass(pause);
  }
  await scene.finish([[5n, [3n]]]);
  scene.add(13, 5n, 2n); // a gap
  scene.latest = 14n;
  await scene.pass(1_000);
  await scene.fail();
  assert.equal(scene.said(FAILED), 2, "the same reason is new again");
  await scene.pass(1_000);
  assert.equal(scene.isLoading, true);
  await scene.keeper.stop();
});

Deno.test("GroupKeeper that subscribes anew while it pauses after a failure does not load sooner", async () => {
  const scene = await KeeperScene.loaded([[5n, [1n]]]);
  await scene.pass(2_000);
  scene.add(11, 5n, 2n); // a gap
  scene.latest = 12n;
  await scene.pass(1);
  await scene.fail();
  await scene.pass(1_000);
  await scene.fail();
  scene.keeper.onLost();
  scene.keeper.onSubscribed();
  await scene.pass(1_999);
  assert.equal(scene.isLoading, false);
  await scene.pass(1);
  assert.equal(scene.isLoading, true);
  assert.deepEqual(scene.causes(), { start: 1, gap: 1, retry: 2 });
  await scene.keeper.stop();
});

Deno.test("GroupKeeper does not take a fault of the program for a load that failed", async () => {
  const scene = new KeeperScene({ hasRedis: false });
  scene.keeper.start();
  await scene.pass();
  const fault = new TypeError("a fault");
  const seen = Promise.withResolvers<unknown>();
  const onRejection = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    seen.resolve(event.reason);
  };
  globalThis.addEventListener("unhandledrejection", onRejection, { once: true });
  await scene.fail(fault);
  assert.equal(await seen.promise, fault);
  assert.equal(scene.keeper.failures, 0);
});
