// What the network between router and Redis does wrong while 5,000 jobs a second flow.
import assert from "node:assert/strict";
import { Peer } from "../../net/socket_fixture.ts";
import { im, publish, subscribe, withSeq } from "../../support/wire_frames.ts";
import { PushScene } from "./push_scene.ts";
import { eventually } from "../../support/eventually.ts";

Deno.test("Router with Redis behind a network that breaks in the middle of each twentieth reply", async () => {
  await using scene = await PushScene.start({ over: "proxy" });
  const { publisher, proxy } = scene;
  proxy.replyCut = { piece: 20, bytes: 7 };
  const load = publisher.send(15_000);
  await load;
  proxy.replyCut = undefined;
  assert.ok(proxy.cuts >= 10, `${proxy.cuts} replies were cut`);
  await scene.finish();
});

Deno.test("Router with Redis behind a network that stands still, then refuses, then works", async () => {
  await using scene = await PushScene.start({ over: "proxy" });
  const { publisher, proxy } = scene;
  const load = publisher.send(15_000);
  await publisher.reached(2_000);
  proxy.stall();
  await publisher.reached(5_000);
  proxy.resume();
  await publisher.reached(6_000);
  proxy.stall();
  await publisher.reached(7_000);
  proxy.refuse(true);
  proxy.resume();
  await publisher.reached(12_000);
  proxy.refuse(false);
  await load;
  await scene.finish();
});

Deno.test("Router with Redis that is not there at the start: it routes at once, jobs follow", async () => {
  await using scene = await PushScene.start({ startsWithoutRedis: true });
  const { publisher, redis, router } = scene;
  const { port } = router;
  const listener = new Peer(await Deno.connect({ hostname: "127.0.0.1", port }), port).read();
  const speaker = new Peer(await Deno.connect({ hostname: "127.0.0.1", port }), port);
  try {
    await listener.send(withSeq(subscribe(5n), 1));
    let seq = 0;
    await eventually(async () => {
      await speaker.send(withSeq(publish(5n, im({ content: "routed" })), ++seq));
      return listener.receivedBytes > 0;
    }, () => `a message is routed; ${router.logTail()}`);
  } finally {
    listener.close();
    speaker.close();
    await listener.reading;
  }
  const load = publisher.send(8_000);
  await publisher.reached(4_000);
  await redis.start();
  await load;
  await scene.finish();
});
