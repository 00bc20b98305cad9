// The feed of group events from a real Redis: what it hears, and how it comes back.
import assert from "node:assert/strict";
import { GROUP_CHANNELS } from "../../src/groups/group_event.ts";
import { Proxy } from "../support/proxy.ts";
import { RedisCluster } from "../support/redis_cluster.ts";
import { RedisSentinels } from "../support/redis_sentinels.ts";
import { RedisServer } from "../support/redis_server.ts";
import { TestFeed } from "./feed_fixture.ts";

Deno.test("EventFeed hears all five channels, in order, and no other", async () => {
  await using redis = await RedisServer.start();
  await using test = new TestFeed(redis.address);
  await test.ready();
  for (const channel of [...GROUP_CHANNELS, "other", ...GROUP_CHANNELS]) {
    await redis.command("PUBLISH", channel, `1:2:${channel}`);
  }
  await test.until(() => test.events.length >= 10, "ten events");
  const expected = GROUP_CHANNELS.map((channel) => `${channel} 1:2:${channel}`);
  assert.deepEqual(test.events, [...expected, ...expected]);
  assert.deepEqual(test.losses, []);
});

Deno.test("EventFeed.latestAction is what the key says, and what it cannot mean is an error that breaks nothing", async () => {
  await using redis = await RedisServer.start();
  await using test = new TestFeed(redis.address);
  await assert.rejects(test.feed.latestAction(), /no connection/);
  await test.ready();
  assert.equal(await test.feed.latestAction(), 0n);
  await redis.command("SET", "groups_actions", `1:${2n ** 63n - 1n}`);
  assert.equal(await test.feed.latestAction(), 2n ** 63n - 1n);
  await redis.command("SET", "groups_actions", "nonsense");
  await assert.rejects(test.feed.latestAction(), /groups_actions is not/);
  await redis.command("DEL", "groups_actions");
  await redis.command("RPUSH", "groups_actions", "1");
  await assert.rejects(test.feed.latestAction(), /WRONGTYPE/);
  await redis.command("DEL", "groups_actions");
  assert.equal(await test.feed.latestAction(), 0n);
  assert.deepEqual([test.losses, test.subscribed], [[], 1]);
});

for (const type of ["pubsub", "normal"]) {
  Deno.test(`EventFeed whose ${type} connection is killed says so, and hears again`, async () => {
    await using redis = await RedisServer.start();
    await using test = new TestFeed(redis.address);
    await test.ready();
    await redis.command("CLIENT", "KILL", "TYPE", type);
    await test.ready(2);
    assert.equal(test.losses.length, 1);
    assert.ok(test.losses[0]!.length > 0, "with a reason");
    await redis.command("PUBLISH", "group_disband", "1:2:3");
    await test.until(() => test.events.length === 1, "an event, once");
    assert.equal(await test.feed.latestAction(), 0n);
  });
}

Deno.test("EventFeed whose Redis dies hears again when it is back", async () => {
  await using redis = await RedisServer.start();
  await using test = new TestFeed(redis.address);
  await test.ready();
  await redis.kill();
  await test.until(() => test.losses.some((why) => why.includes("ECONNREFUSED")), "refused");
  await redis.start();
  await test.ready(2);
  await redis.command("PUBLISH", "group_disband", "1:2:3");
  await test.until(() => test.events.length === 1, "an event");
});

Deno.test("EventFeed finds out by a PING that Redis is frozen, and hears again when it is not", async () => {
  await using redis = await RedisServer.start();
  await using test = new TestFeed(redis.address);
  await test.ready();
  redis.freeze();
  try {
    await test.until(() => test.losses.length >= 2, "lost, and not to be had");
  } finally {
    redis.thaw();
  }
  await test.ready(2);
});

Deno.test("EventFeed finds out that a line swallows everything, which no socket tells", async () => {
  await using redis = await RedisServer.start();
  await using proxy = new Proxy(redis.port);
  await using test = new TestFeed(`127.0.0.1:${proxy.port}`);
  await test.ready();
  proxy.stall();
  await test.until(() => test.losses.length >= 1, "lost");
  proxy.resume();
  await test.ready(2);
});

Deno.test("EventFeed of a master that sentinels name hears what is published there", async () => {
  await using sentinels = await RedisSentinels.start();
  await using test = new TestFeed(sentinels.url);
  await test.ready();
  const master = await sentinels.master();
  await master.command("SET", "groups_actions", "1:2");
  await master.command("PUBLISH", "group_disband", "1:2:3");
  await test.until(() => test.events.length === 1, "an event");
  assert.equal(await test.feed.latestAction(), 2n);
});

Deno.test("EventFeed of a cluster hears what is published at another node, also when a node is dead", async () => {
  await using cluster = await RedisCluster.start();
  for (const server of cluster.servers) {
    await server.command("CONFIG", "SET", "cluster-require-full-coverage", "no");
  }
  const owner = await cluster.serverOf("groups_actions");
  const other = cluster.servers.find((server) => server !== owner)!;
  await owner.command("SET", "groups_actions", "1:2");
  const dead = cluster.servers.find((server) => server !== owner && server !== other)!;
  const rest = cluster.servers.filter((server) => server !== dead);
  // The dead one first.
  const nodes = [dead, ...rest].map(({ address }) => address).join();
  await using test = new TestFeed(`redis+cluster://${nodes}`);
  await test.ready();
  await other.command("PUBLISH", "group_disband", "1:2:3");
  await test.until(() => test.events.length === 1, "an event");
  assert.equal(await test.feed.latestAction(), 2n);
  await dead.kill();
  await test.ready(2);
  await other.command("PUBLISH", "group_disband", "2:3:4");
  await test.until(() => test.events.length === 2, "another");
});
