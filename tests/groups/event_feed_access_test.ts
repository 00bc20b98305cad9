// The feed of group events: who it is for Redis, what it says when that is not let in, and how long it pauses.
import assert from "node:assert/strict";
import { parseRedisUrl } from "../../src/redis/redis_settings.ts";
import { makeCertificates } from "../support/certificates.ts";
import { eventually } from "../support/eventually.ts";
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

Deno.test("EventFeed shows no password when Redis answers with what it was sent", async () => {
  await using redis = await RedisServer.start({
    config: ['rename-command HELLO ""', 'rename-command AUTH ""'],
  });
  await using test = new TestFeed(`redis://:s3cr3t@${redis.address}`);
  await test.until(() => test.losses.length >= 2, "refused twice");
  for (const why of test.losses) assert.equal(why, "ERR unknown command 'auth'");
});

Deno.test("EventFeed reads the password from a file for each dial, also one that comes late or changes", async () => {
  await using redis = await RedisServer.start({
    config: ["requirepass right-one"],
    password: "right-one",
  });
  const passwordFile = `${redis.folder}/password`;
  await using test = new TestFeed({ ...parseRedisUrl(redis.address), passwordFile });
  await test.until(() => test.losses.length >= 1, "no file");
  assert.match(test.losses[0]!, /No such file/);
  await Deno.writeTextFile(passwordFile, "wr0ng-0ne\n");
  await test.until(() => test.losses.some((why) => why.includes("WRONGPASS")), "refused");
  await Deno.writeTextFile(passwordFile, "right-one\nno password\n");
  await test.ready();
  assert.ok(!test.losses.join().includes("wr0ng-0ne"));
});

Deno.test("EventFeed of a user without the right to the channels says so, and is let in once it has it", async () => {
  await using redis = await RedisServer.start();
  await redis.command("ACL", "SETUSER", "reader", "on", ">pw", "+@all", "~*", "resetchannels");
  await using test = new TestFeed(`redis://reader:pw@${redis.address}`);
  await test.until(() => test.losses.length >= 2, "refused twice");
  for (const why of test.losses) assert.match(why, /NOPERM.*channel/);
  assert.equal(test.subscribed, 0);
  await redis.command("ACL", "SETUSER", "reader", "&group_*");
  await test.ready();
});

Deno.test("EventFeed needs no rights but get, subscribe, ping and info, on one key and its channels", async () => {
  await using redis = await RedisServer.start();
  const rights = ["+get", "+subscribe", "+ping", "+info", "~groups_actions", "&group_*"];
  await redis.command("ACL", "SETUSER", "reader", "on", ">pw", "resetchannels", ...rights);
  await redis.command("ACL", "LOG", "RESET");
  await using test = new TestFeed(`redis://reader:pw@${redis.address}`, { ...SHORT, pingMs: 1 });
  await test.ready();
  assert.equal(await test.feed.latestAction(), 0n);
  await redis.command("PUBLISH", "group_disband", "1:2:3");
  await test.until(() => test.events.length === 1, "an event");
  const pinged = async () =>
    /cmdstat_ping/.test(String(await redis.command("INFO", "commandstats")));
  await eventually(pinged, () => "a PING");
  assert.deepEqual(test.losses, []);
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
  await none.until(() => none.losses.length >= 2, "refused twice");
  for (const why of none.losses) assert.match(why, /out of range/);
  assert.equal(none.subscribed, 0);
});

Deno.test("EventFeed hears and asks over TLS of its own authority, and trusts no other", async () => {
  const folder = await Deno.makeTempDir({ prefix: "imr-feed-" });
  try {
    const { caFile, certFile, keyFile } = await makeCertificates(folder, "ours");
    const other = await makeCertificates(folder, "other");
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
    assert.equal(await test.feed.latestAction(), 0n);
    for (const tls of [{ caFile: other.caFile }, {}]) {
      const clock = new HeldClock();
      await using wrong = new TestFeed({ ...settings, tls }, { ...SHORT, clock });
      // So many dials, since a socket that a failed handshake leaves open is left by some of them only.
      for (let dial = 1; dial <= 12; dial++) {
        clock.advance(60_000);
        await wrong.until(() => wrong.losses.length >= dial && clock.timers === 1, `dial ${dial}`);
      }
      for (const why of wrong.losses) assert.match(why, /TLS handshake failed\? check certificate/);
      assert.equal(wrong.subscribed, 0);
    }
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
