// A Sentinel promotes a replica while 5,000 jobs a second flow: what the replica did not have yet is sent again.
import { PushScene } from "./push_scene.ts";
import { ReplicatedRedis } from "./replicated_redis.ts";

Deno.test("Router with Redis whose master is killed: a replica takes over", async () => {
  await using redis = await ReplicatedRedis.start();
  await using scene = await PushScene.start({ at: { server: redis.first, url: redis.url } });
  const { publisher } = scene;
  const load = publisher.send(15_000);
  await publisher.reached(3_000);
  await redis.first.kill();
  await load;
  await redis.secondLeads();
  scene.redis = redis.second;
  await scene.finish();
});

Deno.test("Router with Redis whose master hands over to a replica while it is well", async () => {
  await using redis = await ReplicatedRedis.start();
  await using scene = await PushScene.start({ at: { server: redis.first, url: redis.url } });
  const { publisher } = scene;
  const load = publisher.send(15_000);
  await publisher.reached(3_000);
  await redis.failOver();
  await redis.secondLeads();
  await scene.redisIsReady(2);
  await load;
  scene.redis = redis.second;
  await scene.finish();
});

Deno.test("Router with Redis whose master is frozen, replaced by a replica, and wakes up", async () => {
  await using redis = await ReplicatedRedis.start();
  await using scene = await PushScene.start({ at: { server: redis.first, url: redis.url } });
  const { publisher } = scene;
  const load = publisher.send(15_000);
  await publisher.reached(3_000);
  redis.first.freeze();
  await redis.secondLeads();
  await publisher.reached(12_000);
  redis.first.thaw();
  await load;
  scene.redis = redis.second;
  await scene.finish();
});
