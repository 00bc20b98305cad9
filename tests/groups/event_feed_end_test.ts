// The feed of group events: how it ends, whatever it is doing, and that nothing of an old line is told afterwards.
import assert from "node:assert/strict";
import { EventFeed, type EventListener } from "../../src/groups/event_feed.ts";
import { parseRedisUrl } from "../../src/redis/redis_settings.ts";
import { eventually } from "../support/eventually.ts";
import { HeldClock } from "../support/held_clock.ts";
import { Proxy } from "../support/proxy.ts";
import { freePort, RedisServer } from "../support/redis_server.ts";
import { SHORT, TestFeed } from "./feed_fixture.ts";

/** Far less than any bound of a feed of {@linkcode PATIENT}. */
const PROMPT_MS = 2_000;
/** With these bounds a feed that waits for one of them is found out. */
const PATIENT = { times: { commandMs: 60_000, dialMs: 60_000 }, pingMs: 60_000 };

/** Closes, and fails when that takes long. */
async function closes(feed: EventFeed, ms = PROMPT_MS): Promise<void> {
  let isClosed = false;
  const closed = feed.close().then(() => isClosed = true);
  await eventually(() => isClosed, () => "closed", ms);
  await closed;
}

/** A listener that does nothing but what is given. */
function listening(acts: Partial<EventListener>): EventListener {
  return { onSubscribed: () => {}, onEvent: () => {}, onLost: () => {}, ...acts };
}

/** Accepts connections and says nothing; one that the other side ends is ended. */
class SilentPort implements AsyncDisposable {
  /** Connections that were taken. */
  taken = 0;
  readonly #open = new Set<Deno.Conn>();
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #accepting = this.#accept();

  /** `127.0.0.1:PORT`. */
  get address(): string {
    return `127.0.0.1:${this.#listener.addr.port}`;
  }

  /** Connections that are open. */
  get open(): number {
    return this.#open.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const conn of this.#open) this.#close(conn);
    await this.#accepting;
  }

  async #accept(): Promise<void> {
    const held: Promise<void>[] = [];
    for await (const conn of this.#listener) {
      this.taken++;
      this.#open.add(conn);
      held.push(this.#hold(conn));
    }
    await Promise.all(held);
  }

  async #hold(conn: Deno.Conn): Promise<void> {
    try {
      while (await conn.read(new Uint8Array(1_024)) !== null);
    } catch {
      // Reset, or closed at the end of the test: the same to both.
    }
    this.#close(conn);
  }

  #close(conn: Deno.Conn): void {
    if (this.#open.delete(conn)) conn.close();
  }
}

Deno.test("EventFeed.close before it began ends at once, and it never begins", async () => {
  await using port = new SilentPort();
  let told = 0;
  const feed = new EventFeed(
    parseRedisUrl(port.address),
    listening({ onLost: () => told++, onSubscribed: () => told++ }),
    PATIENT,
  );
  await closes(feed);
  feed.start();
  await closes(feed);
  assert.deepEqual([told, port.taken], [0, 0]);
});

Deno.test("EventFeed.close ends a dial that is not answered at once, and tells nothing", async () => {
  await using port = new SilentPort();
  const test = new TestFeed(port.address, PATIENT);
  await test.until(() => port.taken > 0, "a connection is taken");
  await closes(test.feed);
  assert.deepEqual([test.losses, test.subscribed], [[], 0]);
});

Deno.test("EventFeed.close ends a dial of a cluster that does not answer at once", async () => {
  await using port = new SilentPort();
  const test = new TestFeed(`redis+cluster://${port.address}`, PATIENT);
  await test.until(() => port.taken > 0, "a connection is taken");
  await closes(test.feed);
  assert.deepEqual([test.losses, test.subscribed], [[], 0]);
});

Deno.test("EventFeed.close waits for no sentinel that does not answer, whose connection is left when a command would be", async () => {
  await using port = new SilentPort();
  const times = { commandMs: 1_000, dialMs: 1_000 };
  const test = new TestFeed(`redis+sentinel://${port.address}/main`, { ...PATIENT, times });
  await test.until(() => port.taken > 0, "a connection is taken");
  await closes(test.feed, times.commandMs / 2);
  assert.deepEqual([test.losses, test.subscribed], [[], 0]);
  await eventually(() => port.open === 0, () => "no connection is left", 3 * times.commandMs);
  // The sockets here learn a few turns later that the other side has ended, too.
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
});

Deno.test("EventFeed.close ends a pause at once", async () => {
  const clock = new HeldClock();
  const test = new TestFeed(`127.0.0.1:${freePort()}`, { ...PATIENT, clock });
  await test.until(() => test.losses.length === 1 && clock.timers === 1, "refused, and pausing");
  await closes(test.feed);
  assert.deepEqual([test.losses.length, clock.timers], [1, 0]);
});

Deno.test("EventFeed.close ends a subscription at once, and a question under way fails", async () => {
  await using redis = await RedisServer.start();
  const test = new TestFeed(redis.address, PATIENT);
  await test.ready();
  redis.freeze(); // so that neither the question nor the end of the connection is answered
  try {
    const asked = assert.rejects(test.feed.latestAction());
    await closes(test.feed);
    await asked;
  } finally {
    redis.thaw();
  }
  await assert.rejects(test.feed.latestAction(), /no connection/);
  assert.deepEqual(test.losses, []);
});

Deno.test("EventFeed.close twice at the same time ends both calls at once", async () => {
  await using redis = await RedisServer.start();
  const test = new TestFeed(redis.address, PATIENT);
  await test.ready();
  await Promise.all([closes(test.feed), closes(test.feed)]);
});

Deno.test("EventFeed.close by the listener that is told of a loss ends it without a pause", async () => {
  const clock = new HeldClock();
  let ended: Promise<void> | undefined;
  let losses = 0;
  const feed: EventFeed = new EventFeed(
    parseRedisUrl(`127.0.0.1:${freePort()}`),
    listening({
      onLost: () => {
        losses++;
        ended = closes(feed);
      },
    }),
    { ...PATIENT, clock },
  );
  feed.start();
  await eventually(() => ended !== undefined, () => "lost");
  await ended;
  assert.deepEqual([losses, clock.asked], [1, []]);
});

Deno.test("EventFeed.close by the listener that is told of an event is the last thing told", async () => {
  await using redis = await RedisServer.start();
  let ended: Promise<void> | undefined;
  let isSubscribed = false;
  let events = 0;
  const feed: EventFeed = new EventFeed(
    parseRedisUrl(redis.address),
    listening({
      onSubscribed: () => isSubscribed = true,
      onEvent: () => {
        events++;
        ended ??= closes(feed);
      },
    }),
    PATIENT,
  );
  feed.start();
  await eventually(() => isSubscribed, () => "subscribed");
  // One script, so that all of them arrive in one piece.
  const script = "for i = 1, 100 do redis.call('PUBLISH', 'group_disband', '1:2:' .. i) end";
  await redis.command("EVAL", script, 0);
  await eventually(() => ended !== undefined, () => "an event");
  await ended;
  assert.equal(events, 1);
});

Deno.test("EventFeed that is started twice dials once", async () => {
  await using redis = await RedisServer.start();
  await using test = new TestFeed(redis.address);
  test.feed.start();
  await test.ready();
  await redis.command("PUBLISH", "group_disband", "1:2:3");
  await test.until(() => test.events.length > 0, "an event");
  const clients = String(await redis.command("CLIENT", "LIST"));
  assert.equal(clients.match(/name=imr /g)?.length, 2);
  assert.equal(test.events.length, 1);
});

Deno.test("EventFeed.latestAction during a dial throws at once, and the dial goes on", async () => {
  await using redis = await RedisServer.start();
  await using proxy = new Proxy(redis.port);
  proxy.stall();
  await using test = new TestFeed(`127.0.0.1:${proxy.port}`, PATIENT);
  const connected = async () => /connected_clients:2/.test(String(await redis.command("INFO")));
  await eventually(connected, () => "a connection, beside that of the test");
  await assert.rejects(test.feed.latestAction(), /no connection/);
  proxy.resume();
  await test.ready();
  assert.equal(await test.feed.latestAction(), 0n);
  assert.deepEqual([test.losses, test.subscribed], [[], 1]);
});

Deno.test("EventFeed pauses in full although the other connection of the old line closes late", async () => {
  await using redis = await RedisServer.start();
  const clock = new HeldClock();
  await using test = new TestFeed(redis.address, { ...SHORT, clock });
  for (const [i, type] of ["normal", "pubsub", "normal", "pubsub"].entries()) {
    await test.ready(i + 1);
    await redis.command("CLIENT", "KILL", "TYPE", type);
    await test.until(() => test.losses.length === i + 1 && clock.timers === 1, "pausing");
    const asked = clock.asked.length;
    // Once Redis has seen the other one end, and answered some more, its end has long been told here too.
    const isGone = async () => !/name=imr /.test(String(await redis.command("CLIENT", "LIST")));
    await eventually(isGone, () => "both connections have ended");
    for (let turn = 0; turn < 20; turn++) await redis.command("PING");
    assert.deepEqual(
      [clock.asked.length, clock.timers, test.subscribed, test.losses.length],
      [asked, 1, i + 1, i + 1],
    );
    clock.advance(clock.asked.at(-1)!);
  }
  await test.ready(5);
});
