// The feed of group events from a real Redis: what it hears, and how it comes back.
import assert from "node:assert/strict";
import { GROUP_CHANNELS } from "../../src/groups/group_event.ts";
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
