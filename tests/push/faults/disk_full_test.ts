// The spool's disk is full while Redis is away: the parts of the router that see to push jobs, with a real Redis and a real file.
import assert from "node:assert/strict";
import { RedisLink } from "../../../src/push/redis/redis_link.ts";
import { RedisPush } from "../../../src/push/redis/redis_push.ts";
import { parseRedisUrl } from "../../../src/redis/redis_settings.ts";
import { Spool } from "../../../src/push/spool.ts";
import { PUSH_LISTS } from "../../../src/router/push_list.ts";
import { RedisServer } from "../../support/redis_server.ts";
import { batchOf, tempFolder, until } from "../fixtures.ts";

const TICK_MS = 5;
const JOBS_OF_TICK = 25;
const JOBS = 10_000;
/** A disk of 1 MB: some 3,000 jobs. */
const PAGES_MAX = 250;

const job = (number: number) =>
  `{"appid":7,"content":"${"x".repeat(100)}${number}","receiver":${number},"sender":1}`;

/** Appends 5,000 jobs a second, to two lists in turn. */
async function load(push: RedisPush, onJob: (sent: number) => Promise<void>): Promise<string[][]> {
  const sent: string[][] = PUSH_LISTS.map(() => []);
  for (let number = 0; number < JOBS;) {
    const list = number / JOBS_OF_TICK % 2;
    const texts = Array.from({ length: JOBS_OF_TICK }, () => job(number++));
    push.append(batchOf(texts, list));
    sent[list]!.push(...texts);
    await onJob(number);
    await new Promise((resolve) => setTimeout(resolve, TICK_MS)); // the pace of the load
  }
  return sent;
}

Deno.test("RedisPush with Redis away and a full disk keeps jobs in memory, says why, and writes each once when Redis is back", async () => {
  await using redis = await RedisServer.start({
    appendOnly: true,
    config: ["appendfsync always"],
  });
  await using folder = await tempFolder();
  const spool = await Spool.open({ folder: folder.path, pagesMax: PAGES_MAX });
  const errors: string[] = [];
  const push = new RedisPush({
    redis: new RedisLink(parseRedisUrl(redis.address)),
    spool,
    log: (level, event, fields) => {
      if (level === "error") errors.push(`${event}: ${fields?.why}`);
    },
  });
  try {
    await until(() => push.downSince === undefined, "Redis is ready");
    let wasFull = false;
    const sent = await load(push, async (number) => {
      if (number === 1_000) await redis.kill();
      if (number === 9_000) {
        await until(() => push.failingSince !== undefined, "the disk is full");
        wasFull = push.waiting[0]! > 0 && push.lists()[0]!.spoolJobs > 0;
        await redis.start();
      }
    });
    assert.ok(wasFull, "jobs waited on the disk and behind it in memory");
    await until(() => push.lists().every(({ spoolJobs }) => spoolJobs === 0), "spool", 30_000);
    await until(() => push.waiting.every((jobs) => jobs === 0), "memory", 30_000);
    for (const list of [0, 1]) {
      assert.deepEqual(await redis.list(PUSH_LISTS[list]!), sent[list]);
    }
    assert.deepEqual(push.refused, [0, 0, 0, 0, 0]);
    assert.ok(errors.some((error) => error.includes("no space left")), errors.join());
    assert.equal(push.failingSince, undefined);
  } finally {
    await push.close();
  }
});
