// What the line to Redis does where a server allows less than all: each way of appending, and what is said of it.
import assert from "node:assert/strict";
import { keysOf } from "../../../src/push/redis/append_script.ts";
import { RedisError } from "../../../src/push/redis/redis_lists.ts";
import { RedisLink } from "../../../src/push/redis/redis_link.ts";
import { parseRedisUrl } from "../../../src/redis/redis_settings.ts";
import { RedisServer } from "../../support/redis_server.ts";
import { batchOf, until } from "../fixtures.ts";

const NO_EVAL = ['rename-command EVAL ""', 'rename-command EVALSHA ""'];
const TIMES = { commandMs: 1_000, dialMs: 1_000 };

function orderOf(first: number, texts: readonly string[], list = 0) {
  return { list, writer: "0123456789abcdef", after: first - 1, first, batch: batchOf(texts, list) };
}

function userConfig(rights: string): string[] {
  return [`user imr on >pw ${rights}`];
}

interface Line extends Disposable {
  readonly link: RedisLink;
  /** Everything that it said. */
  readonly said: string[];
}

function dial(url: string): Line {
  const said: string[] = [];
  const onFallback = (mode: string, why: string) => said.push(`${mode}: ${why}`);
  const link = new RedisLink(parseRedisUrl(url), { times: TIMES, onFallback });
  link.onLost = (why) => said.push(why);
  return { link, said, [Symbol.dispose]: () => link.close() };
}

async function ready(server: RedisServer, login = ""): Promise<Line> {
  const line = dial(`redis://${login}${server.address}`);
  await until(() => line.link.isReady, "ready");
  return line;
}

Deno.test("RedisLink at a list of the wrong type keeps the watermark where it was, with the script and without it", async () => {
  for (const config of [[], NO_EVAL]) {
    await using server = await RedisServer.start({ config });
    using line = await ready(server);
    const [list, watermark] = keysOf(orderOf(1, []));
    await line.link.append(orderOf(1, ["a"]));
    await server.command("set", list, "no list");
    const wrongType = { name: "RedisError", kind: "refused", code: "WRONGTYPE" };
    await assert.rejects(line.link.append(orderOf(2, ["b"])), wrongType);
    assert.equal(await server.command("get", watermark), "1");
    await server.command("del", list);
    assert.deepEqual(await line.link.append(orderOf(2, ["b"])), { kind: "written", skipped: 0 });
    assert.deepEqual(await server.list(list), ["b"]);
  }
});

Deno.test("RedisLink without EVAL skips, finds gaps and says nothing of the jobs", async () => {
  await using server = await RedisServer.start({ config: NO_EVAL });
  using line = await ready(server);
  await line.link.append(orderOf(1, ["SECRET 1", "SECRET 2"]));
  const again = orderOf(1, ["SECRET 1", "SECRET 2", "SECRET 3"]);
  assert.deepEqual(await line.link.append(again), { kind: "written", skipped: 2 });
  assert.deepEqual(await line.link.append(orderOf(9, ["x"])), { kind: "gap", watermark: 3 });
  assert.deepEqual(await line.link.append(orderOf(9, ["x"], 1)), {
    kind: "gap",
    watermark: undefined,
  });
  assert.deepEqual(await server.list("push_queue"), ["SECRET 1", "SECRET 2", "SECRET 3"]);
  assert.deepEqual(line.said, ["watch: ERR unknown command 'evalsha'"]);
});

Deno.test("RedisLink without EVAL appends to five lists at once, each whole", async () => {
  await using server = await RedisServer.start({ config: NO_EVAL });
  using line = await ready(server);
  const texts = ["a", "b", "c"];
  await Promise.all(
    [0, 1, 2, 3, 4].map(async (list) => {
      for (let i = 0; i < 20; i++) await line.link.append(orderOf(1 + 3 * i, texts, list));
    }),
  );
  assert.deepEqual(await line.link.lengths(), [60, 60, 60, 60, 60]);
});

for (
  const [what, rights] of [
    ["SET alone is", "~* +@all -set"],
    ["SET and EVAL are", "~* +@all -set -eval -evalsha"],
    ["MULTI and EVAL are", "~* +@all -multi -eval -evalsha"],
    ["the watermark's key is", "~push_queue +@all"],
  ] as const
) {
  Deno.test(`RedisLink where ${what} forbidden writes each append once, plainly`, async () => {
    await using server = await RedisServer.start({ config: userConfig(rights) });
    using line = await ready(server, "imr:pw@");
    assert.deepEqual(await line.link.append(orderOf(1, ["a", "b"])), {
      kind: "written",
      skipped: 0,
    });
    assert.deepEqual(await server.list("push_queue"), ["a", "b"]);
    assert.equal(line.link.mode, "plain");
    assert.deepEqual(line.said.map((each) => each.split(":")[0]), ["watch", "plain"]);
  });
}

Deno.test("RedisLink without RPUSH keeps the watermark, so that no job is skipped later", async () => {
  await using server = await RedisServer.start({ config: userConfig("~* +@all -rpush") });
  using line = await ready(server, "imr:pw@");
  await assert.rejects(line.link.append(orderOf(1, ["a"])), RedisError);
  await server.command("acl", "setuser", "imr", "+rpush");
  assert.deepEqual(await line.link.append(orderOf(1, ["a"])), { kind: "written", skipped: 0 });
  assert.deepEqual(await server.list("push_queue"), ["a"]);
});

Deno.test("RedisLink to a database that is not there is never ready, and writes to no other", async () => {
  await using server = await RedisServer.start({ config: ["databases 2"] });
  using line = dial(`redis://${server.address}/5`);
  await until(() => line.said.length > 2, "lost three times");
  assert.equal(line.link.isReady, false);
  assert.match(line.said[0]!, /DB index is out of range/);
  await assert.rejects(line.link.append(orderOf(1, ["a"])), { kind: "unreachable" });
  assert.deepEqual(await server.list("push_queue"), []);
});

Deno.test("RedisLink never says the password, not even when the server does", async () => {
  for (const config of [['rename-command AUTH ""', 'rename-command HELLO ""'], ["requirepass x"]]) {
    await using server = await RedisServer.start({ config });
    using line = dial(`redis://:TOPSECRET@${server.address}`);
    await until(() => line.said.length > 0, "lost");
    const error = await line.link.append(orderOf(1, ["a"])).catch((error) => error);
    assert.ok(error instanceof RedisError);
    assert.doesNotMatch([error.message, ...line.said].join("\n"), /TOPSECRET/);
  }
});

Deno.test("RedisLink after a time-out is not ready until it has dialled anew", async () => {
  await using server = await RedisServer.start();
  using line = await ready(server);
  await line.link.append(orderOf(1, ["a"]));
  server.freeze();
  await assert.rejects(line.link.append(orderOf(2, ["b"])), { kind: "timed_out" });
  assert.equal(line.link.isReady, false);
  server.thaw();
  await until(() => line.link.isReady, "ready again");
  await line.link.append(orderOf(2, ["b"]));
  assert.deepEqual(await server.list("push_queue"), ["a", "b"]);
});

Deno.test("parseRedisUrl says nothing of a line that may hold a password", () => {
  for (
    const text of ["redis://:s3cret", "redis://user:s3cret", "s3cret://h", "redis://:s3cret%zz@h"]
  ) {
    assert.throws(() => parseRedisUrl(text), (error) => {
      assert.ok(error instanceof RangeError);
      assert.doesNotMatch(error.message, /s3cret/);
      return true;
    });
  }
});
