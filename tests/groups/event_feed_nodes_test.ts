// The feed of group events where Redis is more than one server: what is published at any of them is heard.
import assert from "node:assert/strict";
import { eventually } from "../support/eventually.ts";
import { HeldClock } from "../support/held_clock.ts";
import { RedisCluster } from "../support/redis_cluster.ts";
import { RedisSentinels } from "../support/redis_sentinels.ts";
import type { RedisServer } from "../support/redis_server.ts";
import { SHORT, TestFeed } from "./feed_fixture.ts";

/** Publishes at one server after another, and waits for each to be heard, once. */
async function hearsAll(test: TestFeed, servers: readonly RedisServer[]): Promise<void> {
  for (const server of servers) {
    const expected = [...test.events, `group_disband 1:2:${server.port}`];
    await server.command("PUBLISH", "group_disband", `1:2:${server.port}`);
    await test.until(() => test.events.length >= expected.length, `from ${server.port}`);
    assert.deepEqual(test.events, expected);
  }
}

Deno.test("EventFeed of a cluster hears what is published at each node, whichever it listens at", async () => {
  await using cluster = await RedisCluster.start();
  const owner = await cluster.serverOf("groups_actions");
  await owner.command("SET", "groups_actions", "1:2");
  for (const { address } of cluster.servers) {
    await using test = new TestFeed(`redis+cluster://${address}`);
    await test.ready();
    await hearsAll(test, cluster.servers);
    assert.equal(await test.feed.latestAction(), 2n);
    assert.deepEqual(test.losses, []);
  }
});

Deno.test("EventFeed of a cluster tries the next node when one is frozen or dead from the start", async () => {
  await using cluster = await RedisCluster.start();
  for (const server of cluster.servers) {
    await server.command("CONFIG", "SET", "cluster-require-full-coverage", "no");
  }
  const owner = await cluster.serverOf("groups_actions");
  await owner.command("SET", "groups_actions", "1:2");
  const [gone, other] = cluster.servers.filter((server) => server !== owner) as [
    RedisServer,
    RedisServer,
  ];
  const url = `redis+cluster://${[gone, other, owner].map(({ address }) => address)}`;
  const clock = new HeldClock();
  const finds = async (test: TestFeed, alive: readonly RedisServer[]): Promise<void> => {
    // Without pauses: a frozen node may also be the one that the client of the cluster happens to ask, and the dial fails again.
    await test.until(() => {
      if (test.subscribed === 0) clock.advance(60_000);
      return test.subscribed > 0;
    }, "subscribed");
    assert.ok(test.losses.length >= 1, "the first node was tried first");
    await hearsAll(test, alive);
    assert.equal(await test.feed.latestAction(), 2n);
  };
  gone.freeze();
  try {
    await using test = new TestFeed(url, { ...SHORT, clock });
    await finds(test, [other, owner]);
  } finally {
    gone.thaw();
  }
  await gone.kill();
  await using test = new TestFeed(url, { ...SHORT, clock });
  await finds(test, [other, owner]);
});

Deno.test("EventFeed of a cluster whose node dies hears again at the next one", async () => {
  await using cluster = await RedisCluster.start();
  for (const server of cluster.servers) {
    await server.command("CONFIG", "SET", "cluster-require-full-coverage", "no");
  }
  const owner = await cluster.serverOf("groups_actions");
  const other = cluster.servers.find((server) => server !== owner)!;
  await owner.command("SET", "groups_actions", "1:2");
  const dead = cluster.servers.find((server) => server !== owner && server !== other)!;
  const rest = cluster.servers.filter((server) => server !== dead);
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

Deno.test("EventFeed of sentinels hears the master, and the next one after a failover", async () => {
  await using sentinels = await RedisSentinels.start();
  await using test = new TestFeed(sentinels.url);
  await test.ready();
  const master = await sentinels.master();
  await master.command("SET", "groups_actions", "1:2");
  await master.command("WAIT", 2, 10_000);
  await hearsAll(test, [master]);
  await master.kill();
  // There may be more than one failover before the sentinels are of one mind: at whoever is the master now.
  await eventually(async () => {
    const next = await sentinels.master();
    if (next === undefined || next === master) return false;
    await next.command("PUBLISH", "group_disband", `1:2:${next.port}`);
    return test.events.includes(`group_disband 1:2:${next.port}`);
  }, () => `heard at the next master; losses ${test.losses}`);
  await eventually(
    async () => await test.feed.latestAction().catch(() => undefined) === 2n,
    () => "the latest action of the next master",
  );
  assert.ok(test.losses.length > 0);
});
