// The feed of group events: who it is for Redis, how long it pauses, and how it ends.
import assert from "node:assert/strict";
import { parseRedisUrl } from "../../src/redis/redis_settings.ts";
import { makeCertificates } from "../support/certificates.ts";
import { HeldClock } from "../support/held_clock.ts";
import { freePort, RedisServer } from "../support/redis_server.ts";
import { SHORT, TestFeed } from "./feed_fixture.ts";

Deno.test("EventFeed with the password of Redis is let in, and with a wrong one says so without it", async () => {
  await using redis = await RedisServer.start({
    config: ["requirepass right-one"],
    password: "right-one",
  });
  await using right = new TestFeed(`redis://:right-one@${redis.address}`);
  await right.ready();
  await using wrong = new TestFeed(`redis://:wr0ng-0ne@${redis.address}`);
  await wrong.until(() => wrong.losses.length >= 2, "refused twice");
  for (const why of wrong.losses) {
    assert.match(why, /WRONGPASS|NOAUTH/);
    assert.doesNotMatch(why, /wr0ng-0ne/);
  }
});

Deno.test("EventFeed of a user without the right to the channels says so, and is let in once it has it", async () => {
  await using redis = await RedisServer.start();
  await redis.command("ACL", "SETUSER", "reader", "on", ">pw", "+@all", "~*", "resetchannels");
  await using test = new TestFeed(`redis://reader:pw@${redis.address}`);
  await test.until(() => test.losses.length >= 2, "refused twice");
  assert.match(test.losses[0]!, /NOPERM/);
  await redis.command("ACL", "SETUSER", "reader", "&group_*");
  await test.ready();
});

Deno.test("EventFeed reads the latest action of its own database, and says when there is no such database", async () => {
  await using redis = await RedisServer.start({ config: ["databases 4"] });
  await using test = new TestFeed(`redis://${redis.address}/3`);
  await test.ready();
  await redis.command("SET", "groups_actions", "1:2");
  assert.equal(await test.feed.latestAction(), 0n);
  await redis.command(
    "EVAL",
    "redis.call('SELECT', 3) redis.call('SET', KEYS[1], '3:4')",
    1,
    "groups_actions",
  );
  assert.equal(await test.feed.latestAction(), 4n);
  await using none = new TestFeed(`redis://${redis.address}/9`);
  await none.until(() => none.losses.length >= 1, "refused");
  assert.match(none.losses[0]!, /out of range/);
});

Deno.test("EventFeed hears over TLS", async () => {
  const folder = await Deno.makeTempDir({ prefix: "imr-feed-" });
  try {
    const { caFile, certFile, keyFile } = await makeCertificates(folder, "localhost");
    const port = freePort();
    await using redis = await RedisServer.start({
      config: [
        `tls-port ${port}`,
        `tls-cert-file ${certFile}`,
        `tls-key-file ${keyFile}`,
        `tls-ca-cert-file ${caFile}`,
        "tls-auth-clients no",
      ],
    });
    const settings = parseRedisUrl(`rediss://localhost:${port}`);
    await using test = new TestFeed({ ...settings, tls: { caFile } });
    await test.ready();
    await redis.command("PUBLISH", "group_disband", "1:2:3");
    await test.until(() => test.events.length === 1, "an event");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** Lets timers fire that the feed has asked for, one by one, until so many dials have failed. */
async function dials(test: TestFeed, clock: HeldClock, count: number): Promise<void> {
  for (let dial = test.losses.length + 1; dial <= count; dial++) {
    await test.until(() => test.losses.length >= dial && clock.timers === 1, `dial ${dial}`);
    clock.advance(60_000);
  }
}

Deno.test("EventFeed that finds nobody dials with a pause that doubles up to a minute", async () => {
  const clock = new HeldClock();
  await using test = new TestFeed(`127.0.0.1:${freePort()}`, { ...SHORT, clock });
  await dials(test, clock, 11);
  const doubling = [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000];
  assert.deepEqual(clock.asked.slice(0, 11), [...doubling, 60_000, 60_000, 60_000]);
});

Deno.test("EventFeed pauses shortly after a line that stood for ten seconds, and ever longer after lines that end at once", async () => {
  await using redis = await RedisServer.start();
  const clock = new HeldClock();
  await using test = new TestFeed(redis.address, { ...SHORT, pingMs: 15_000, clock });
  const pauses: number[] = [];
  const lose = async (stoodMs: number): Promise<void> => {
    const count = test.losses.length;
    await test.ready(count + 1);
    clock.advance(stoodMs);
    await redis.command("CLIENT", "KILL", "TYPE", "pubsub");
    await test.until(() => test.losses.length > count && clock.timers === 1, "lost");
    pauses.push(clock.asked.at(-1)!);
    clock.advance(60_000);
  };
  for (const stoodMs of [0, 0, 0, 10_000, 9_999]) await lose(stoodMs);
  assert.deepEqual(pauses, [250, 500, 1_000, 250, 500]);
});

Deno.test("EventFeed ends at once while it dials, pauses or hears, and before it began; twice is once", async () => {
  await using redis = await RedisServer.start();
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const taken: Deno.Conn[] = [];
  const accepting = (async () => {
    for await (const conn of silent) taken.push(conn);
  })();
  const hearing = new TestFeed(redis.address);
  await hearing.ready();
  const pausing = new TestFeed(`127.0.0.1:${freePort()}`, { ...SHORT, clock: new HeldClock() });
  await pausing.until(() => pausing.losses.length === 1, "refused");
  const dialling = new TestFeed(`127.0.0.1:${silent.addr.port}`, {
    times: { commandMs: 60_000, dialMs: 60_000 },
  });
  await dialling.until(() => taken.length === 2, "both connections are taken");
  for (const { feed } of [hearing, pausing, dialling]) {
    await feed.close();
    await feed.close();
  }
  for (const conn of taken) conn.close();
  silent.close();
  await accepting;
});
