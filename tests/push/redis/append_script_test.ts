// The append script on a real server.
import assert from "node:assert/strict";
import { WATERMARK_SECONDS } from "../../../src/push/redis/append_script.ts";
import { PUSH_LISTS } from "../../../src/router/push_list.ts";
import { RedisServer } from "../../support/redis_server.ts";
import { numbered } from "../fixtures.ts";
import { failsWith, gap, TestLink, WATERMARK, written } from "./link_fixtures.ts";

const [LIST] = PUSH_LISTS;

/** A server and a line to it, for one test. */
async function withLink(test: (to: TestLink, server: RedisServer) => Promise<void>): Promise<void> {
  await using server = await RedisServer.start();
  await using to = await TestLink.open(server.address);
  await test(to, server);
  assert.equal(to.link.mode, "script");
  assert.deepEqual(to.fallbacks, []);
}

Deno.test("APPEND_SCRIPT writes jobs in order, each list and writer for itself", () =>
  withLink(async (to, server) => {
    assert.deepEqual(await to.append(["a", "b"], 1), written());
    assert.deepEqual(await to.append(["c"], 3), written());
    assert.deepEqual(await to.append(["x"], 1, { writer: "fedcba9876543210" }), written());
    for (let list = 1; list < PUSH_LISTS.length; list++) {
      assert.deepEqual(await to.append([`list ${list}`], 1, { list }), written());
    }
    assert.deepEqual(await server.list(LIST), ["a", "b", "c", "x"]);
    for (let list = 1; list < PUSH_LISTS.length; list++) {
      assert.deepEqual(await server.list(PUSH_LISTS[list]!), [`list ${list}`]);
    }
    assert.deepEqual(await to.link.lengths(), [4, 1, 1, 1, 1]);
  }));

Deno.test("APPEND_SCRIPT skips jobs that are there: all, some, and with newer ones behind them", () =>
  withLink(async (to, server) => {
    assert.deepEqual(await to.append(["a", "b", "c"], 1), written());
    assert.deepEqual(await to.append(["a", "b", "c"], 1), written(3));
    assert.deepEqual(await to.append(["b", "c", "d"], 2), written(2));
    assert.deepEqual(await to.append(["a"], 1), written(1));
    assert.equal(await server.command("GET", WATERMARK), "4");
    assert.deepEqual(await server.list(LIST), ["a", "b", "c", "d"]);
  }));

Deno.test("APPEND_SCRIPT writes nothing behind a gap, and says where Redis is", () =>
  withLink(async (to, server) => {
    assert.deepEqual(await to.append(["b"], 2), gap());
    assert.equal(await server.command("EXISTS", WATERMARK), 0);
    await server.command("SET", WATERMARK, 0);
    assert.deepEqual(await to.append(["b"], 2), gap(0));
    assert.deepEqual(await to.append(["a", "b"], 1), written());
    assert.deepEqual(await to.append(["d"], 4), gap(2));
    assert.deepEqual(await server.list(LIST), ["a", "b"]);
    // A hole that is known is passed.
    assert.deepEqual(await to.append(["d"], 4, { after: 2 }), written());
    assert.equal(await server.command("GET", WATERMARK), "4");
  }));

Deno.test("APPEND_SCRIPT with no jobs asks for the watermark, and keeps it", () =>
  withLink(async (to, server) => {
    assert.deepEqual(await to.append([], 5), gap());
    assert.deepEqual(await to.append(["a", "b"], 1), written());
    assert.deepEqual(await to.append([], 3), written());
    assert.deepEqual(await to.append([], 4), gap(2));
    assert.equal(await server.command("GET", WATERMARK), "2");
    assert.deepEqual(await server.list(LIST), ["a", "b"]);
  }));

Deno.test("APPEND_SCRIPT leaves the watermark as it was when the list is none", () =>
  withLink(async (to, server) => {
    await to.append(["a"], 1);
    await server.command("SET", LIST, "no list");
    await failsWith(to.append(["b"], 2), "refused", "WRONGTYPE");
    assert.equal(await server.command("GET", WATERMARK), "1");
    await server.command("DEL", LIST);
    assert.deepEqual(await to.append(["b"], 2), written());
    assert.deepEqual(await server.list(LIST), ["b"]);
  }));

Deno.test("APPEND_SCRIPT counts exactly up to the largest safe integer", () =>
  withLink(async (to, server) => {
    const last = Number.MAX_SAFE_INTEGER;
    await server.command("SET", WATERMARK, String(last - 3));
    assert.deepEqual(await to.append(["a"], last - 1), gap(last - 3));
    assert.deepEqual(await to.append(["a", "b"], last - 2), written());
    assert.equal(await server.command("GET", WATERMARK), String(last - 1));
    assert.deepEqual(await to.append(["b", "c"], last - 1), written(1));
    assert.equal(await server.command("GET", WATERMARK), String(last));
    assert.deepEqual(await to.append(["c"], last), written(1));
    assert.deepEqual(await server.list(LIST), ["a", "b", "c"]);
  }));

Deno.test("APPEND_SCRIPT keeps every byte: UTF-8, empty, long, and a thousand of them", () =>
  withLink(async (to, server) => {
    const texts = ["", "Zürich 東京 🚀", "\0\r\n\x7f", "€".repeat(20_000), ""];
    assert.deepEqual(await to.append(texts, 1), written());
    const many = numbered("job ", 1_000);
    assert.deepEqual(await to.append(many, texts.length + 1), written());
    assert.deepEqual(await to.append(many, texts.length + 1), written(1_000));
    assert.deepEqual(await server.list(LIST), [...texts, ...many]);
  }));

Deno.test("APPEND_SCRIPT lets each append give the watermark seven days", () =>
  withLink(async (to, server) => {
    for (const texts of [["a"], ["a"], []]) {
      await to.append(texts, texts.length === 0 ? 2 : 1);
      const seconds = Number(await server.command("TTL", WATERMARK));
      assert.ok(seconds > WATERMARK_SECONDS - 60 && seconds <= WATERMARK_SECONDS, String(seconds));
      await server.command("EXPIRE", WATERMARK, 60);
    }
  }));

Deno.test("APPEND_SCRIPT is loaded again when the server has forgotten it", () =>
  withLink(async (to, server) => {
    await to.append(["a"], 1);
    await server.command("SCRIPT", "FLUSH");
    assert.deepEqual(await to.append(["b"], 2), written());
    assert.deepEqual(await server.list(LIST), ["a", "b"]);
  }));

Deno.test("APPEND_SCRIPT finds a gap without a watermark once everything was flushed", () =>
  withLink(async (to, server) => {
    await to.append(["a"], 1);
    await server.command("FLUSHALL");
    assert.deepEqual(await to.append(["b"], 2), gap());
    assert.deepEqual(await to.append(["b"], 2, { after: 0 }), written());
    assert.deepEqual(await server.list(LIST), ["b"]);
  }));
