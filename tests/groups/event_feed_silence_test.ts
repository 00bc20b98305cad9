// The feed of group events on lines that have died without a word: within which time that is found out.
import assert from "node:assert/strict";
import { Proxy } from "../support/proxy.ts";
import { RedisServer } from "../support/redis_server.ts";
import { SHORT, TestFeed } from "./feed_fixture.ts";

/** The longest until a silent line is found out: a PING may be due only then, and wait for as long as it may. */
const FOUND_MS = SHORT.pingMs + SHORT.times.commandMs;
/** What a busy machine may add; still less than half of any bound by default. */
const SLACK_MS = 900;
/** A feed that sends no PING within a test. */
const NO_PING = { ...SHORT, pingMs: 600_000 };

/** Waits for the first loss, which has to come in time, and returns it. */
async function foundOut(test: TestFeed): Promise<string> {
  const begin = performance.now();
  await test.until(() => test.losses.length > 0, "lost");
  const ms = performance.now() - begin;
  assert.ok(ms <= FOUND_MS + SLACK_MS, `found out in ${ms} ms`);
  return test.losses[0]!;
}

/** Hears something, and gets an answer. */
async function works(test: TestFeed, redis: RedisServer): Promise<void> {
  const heard = test.events.length;
  await redis.command("SET", "groups_actions", "1:2");
  await redis.command("PUBLISH", "group_disband", "1:2:3");
  await test.until(() => test.events.length > heard, "an event");
  assert.equal(await test.feed.latestAction(), 2n);
}

Deno.test("EventFeed finds out in time that Redis is frozen, says so, and works when it is not", async () => {
  await using redis = await RedisServer.start();
  await using test = new TestFeed(redis.address);
  await test.ready();
  redis.freeze();
  try {
    assert.match(await foundOut(test), /timed out/i);
    await assert.rejects(test.feed.latestAction(), /no connection/);
  } finally {
    redis.thaw();
  }
  await test.ready(2);
  await works(test, redis);
});

Deno.test("EventFeed finds out in time that a line swallows everything, says so, and works when it does not", async () => {
  await using redis = await RedisServer.start();
  await using proxy = new Proxy(redis.port);
  await using test = new TestFeed(`127.0.0.1:${proxy.port}`);
  await test.ready();
  proxy.stall();
  assert.match(await foundOut(test), /timed out/i);
  proxy.resume();
  await test.ready(2);
  await works(test, redis);
});

Deno.test("EventFeed.latestAction that is not answered throws in time, and the line is dialled anew", async () => {
  await using redis = await RedisServer.start();
  await using proxy = new Proxy(redis.port);
  await using test = new TestFeed(`127.0.0.1:${proxy.port}`, NO_PING);
  await test.ready();
  proxy.stall();
  const asked = assert.rejects(test.feed.latestAction(), /timed out/i);
  await foundOut(test);
  await asked;
  proxy.resume();
  await test.ready(2);
  await works(test, redis);
});

Deno.test("EventFeed that hears nothing for many PINGs stands", async () => {
  await using redis = await RedisServer.start();
  await using test = new TestFeed(redis.address, { ...SHORT, pingMs: 1 });
  await test.ready();
  const pings = async () => {
    const stats = String(await redis.command("INFO", "commandstats"));
    return Number(/cmdstat_ping:calls=(\d+)/.exec(stats)?.[1] ?? 0);
  };
  const before = await pings();
  const end = performance.now() + 20_000;
  while (await pings() < before + 20) assert.ok(performance.now() < end, "twenty PINGs");
  await works(test, redis);
  assert.deepEqual([test.losses, test.subscribed], [[], 1]);
});

Deno.test("EventFeed gives up a dial that a frozen Redis takes and does not answer, in time", async () => {
  await using redis = await RedisServer.start();
  redis.freeze();
  try {
    await using test = new TestFeed(redis.address, SHORT);
    assert.notEqual(await foundOut(test), "");
    assert.equal(test.subscribed, 0);
    redis.thaw();
    await test.ready();
    await works(test, redis);
  } finally {
    redis.thaw();
  }
});
