// `imr spool` as an operator uses it: on the data folder of a router that does not run, with a real Redis.
import assert from "node:assert/strict";
import { join } from "node:path";
import { EmbeddedStore } from "../../src/push/embedded_store.ts";
import { Spool } from "../../src/push/spool.ts";
import { batchOf, numbered, tempFolder } from "../push/fixtures.ts";
import { freePort, RedisServer } from "../support/redis_server.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

async function imr(...args: string[]): Promise<Ended> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--no-check", MAIN, ...args],
    stdin: "null",
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), error: decoder.decode(stderr) };
}

const json = (texts: string[]) => texts.map((text) => JSON.stringify({ content: text }));
const PEER = json(numbered("peer", 2_500));
const GROUP = json(numbered("group", 3));

/** A folder that a router with Redis has left, its Redis being away. */
async function leftFolder(path: string): Promise<void> {
  const spool = await Spool.open({ folder: path });
  const writer = "0123456789abcdef";
  for (let i = 0; i < PEER.length; i += 500) {
    await spool.append(0, writer, i + 1, batchOf(PEER.slice(i, i + 500)));
  }
  await spool.append(1, writer, 1, batchOf(GROUP));
  await spool.close();
}

Deno.test("imr spool list counts the jobs of each list and changes nothing", async () => {
  await using folder = await tempFolder();
  await leftFolder(folder.path);
  for (let again = 0; again < 2; again++) {
    const { code, out } = await imr("spool", "list", "--data", folder.path);
    assert.equal(code, 0);
    assert.match(out, /^push_queue +2500 +oldest of \d{4}-/m);
    assert.match(out, /^group_push_queue +3 /m);
    assert.match(out, /^system_push_queue +0$/m);
  }
});

Deno.test("imr spool export prints every job as a line and leaves it where it is", async () => {
  await using folder = await tempFolder();
  await leftFolder(folder.path);
  const { code, out } = await imr("spool", "export", "--data", folder.path);
  assert.equal(code, 0);
  const jobs = out.trimEnd().split("\n").map((line) => JSON.parse(line));
  const of = (list: string) =>
    jobs.filter((job) => job.list === list).map(({ payload }) => payload);
  assert.deepEqual(of("push_queue"), PEER);
  assert.deepEqual(of("group_push_queue"), GROUP);
});

Deno.test("imr spool flush writes each job once and in order, and a second one nothing", async () => {
  await using redis = await RedisServer.start();
  await using folder = await tempFolder();
  await leftFolder(folder.path);
  const args = ["spool", "flush", "--data", folder.path, "--redis", redis.address];
  const first = await imr(...args);
  assert.equal(first.code, 0, first.error);
  assert.match(first.out, /^2503 push jobs written to redis:.*, 0 left/);
  assert.match((await imr(...args)).out, /^0 push jobs written/);
  assert.deepEqual(await redis.list("push_queue"), PEER);
  assert.deepEqual(await redis.list("group_push_queue"), GROUP);
  for (const key of await redis.command("KEYS", "*") as string[]) {
    const ttl = Number(await redis.command("TTL", key));
    if (!key.endsWith("push_queue")) {
      assert.ok(ttl > 0 && ttl <= 604_800, `${key} lives for ${ttl}`);
    }
  }
});

Deno.test("imr spool flush writes what the embedded queue held, leased jobs included", async () => {
  await using redis = await RedisServer.start();
  await using folder = await tempFolder();
  const store = await EmbeddedStore.open({ folder: folder.path });
  await store.write(batchOf(PEER.slice(0, 10)));
  await store.take({ list: "push_queue", max: 3, leaseSeconds: 60 });
  await store.close();
  const { code } = await imr("spool", "flush", "--data", folder.path, "--redis", redis.address);
  assert.equal(code, 0);
  assert.deepEqual(await redis.list("push_queue"), PEER.slice(0, 10));
});

Deno.test("imr spool says what is wrong, without secrets, and ends with the status for it", async () => {
  await using folder = await tempFolder();
  const missing = await imr("spool", "list", "--data", join(folder.path, "none"));
  assert.equal(missing.code, 1);
  assert.match(missing.error, /there is no push store in .*none/);

  const nowhere = await imr("spool", "flush", "--data", folder.path);
  assert.equal(nowhere.code, 2);
  assert.match(nowhere.error, /--redis/);

  const spool = await Spool.open({ folder: folder.path });
  const inUse = await imr("spool", "list", "--data", folder.path);
  await spool.close();
  assert.equal(inUse.code, 1);
  assert.match(inUse.error, /another process uses it/);

  const wrong = await imr("spool", "flush", "--redis", "redis://:geheim@h:99999");
  assert.equal(wrong.code, 2);
  assert.ok(!wrong.error.includes("geheim"), wrong.error);
});

Deno.test("imr spool flush that finds no Redis says so and leaves the jobs", async () => {
  await using folder = await tempFolder();
  await leftFolder(folder.path);
  const address = `redis://:geheim@127.0.0.1:${freePort()}`;
  const { code, out, error } = await imr(
    ...["spool", "flush", "--data", folder.path, "--redis", address, "--give-up-after", "1"],
  );
  assert.equal(code, 1);
  assert.match(out, /^0 push jobs written .* 2503 left/);
  assert.match(error, /ECONNREFUSED|refused/);
  assert.ok(!(out + error).includes("geheim"));
  assert.match((await imr("spool", "list", "--data", folder.path)).out, /^push_queue +2500 /m);
});
