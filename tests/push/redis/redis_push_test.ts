// The five lists together: who goes where, what does not wait for what, what is dropped and said.
import assert from "node:assert/strict";
import type { LogFields } from "../../../src/log.ts";
import { WAITING_BYTES_MAX } from "../../../src/push/push_channel.ts";
import {
  type AppendOrder,
  type AppendReply,
  RedisError,
  type RedisLists,
} from "../../../src/push/redis/redis_lists.ts";
import { RedisPush, SPOOL_AGE_MS_MAX } from "../../../src/push/redis/redis_push.ts";
import { Spool, type SpoolSettings } from "../../../src/push/spool.ts";
import { JobBatch } from "../../../src/router/job_batch.ts";
import { batchOf, numbered, tempFolder, textsOf, until } from "../fixtures.ts";
import { HeldClock } from "../../support/held_clock.ts";

/** Takes everything but what a test refuses. */
class Lists implements RedisLists {
  isReady = true;
  incarnation = "1";
  onReady: (() => void) | undefined;
  onLost: ((why: string) => void) | undefined;
  readonly items: string[][] = [[], [], [], [], []];
  readonly refuses = new Set<number>();
  isClosed = false;

  append({ list, batch }: AppendOrder): Promise<AppendReply> {
    if (this.refuses.has(list)) {
      return Promise.reject(new RedisError("refused", "WRONGTYPE", "WRONGTYPE no list"));
    }
    this.items[list]!.push(...textsOf(batch));
    return Promise.resolve({ kind: "written", skipped: 0 });
  }

  lengths(): Promise<number[]> {
    return Promise.resolve(this.items.map(({ length }) => length));
  }

  close(): void {
    this.isClosed = true;
  }
}

interface Scene extends AsyncDisposable {
  readonly lists: Lists;
  readonly push: RedisPush;
  readonly log: { readonly event: string; readonly fields: LogFields }[];
  readonly folder: string;
  readonly clock: HeldClock;
}

async function openScene(
  options: Omit<SpoolSettings, "folder"> & { readonly isReady?: boolean } = {},
): Promise<Scene> {
  const { isReady = true, ...settings } = options;
  const folder = await tempFolder();
  const clock = new HeldClock();
  const spool = await Spool.open({ folder: folder.path, clock, ...settings });
  const lists = new Lists();
  lists.isReady = isReady;
  const log: Scene["log"] = [];
  const push = new RedisPush({
    redis: lists,
    spool,
    clock,
    log: (_level, event, fields = {}) => log.push({ event, fields }),
  });
  return {
    ...{ lists, push, log, clock },
    folder: folder.path,
    async [Symbol.asyncDispose]() {
      await push.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

function mixed(...jobs: readonly [list: number, text: string][]): JobBatch {
  const batch = new JobBatch();
  for (const [list, text] of jobs) batch.append(batchOf([text], list));
  return batch;
}

Deno.test("RedisPush.append sends each job of a chunk to its list, in order", async () => {
  await using scene = await openScene();
  const { push, lists } = scene;
  push.append(mixed([0, "a"], [3, "s"], [0, "b"], [1, "g"], [0, "c"]));
  await until(() => lists.items.flat().length === 5, "all are written");
  assert.deepEqual(lists.items, [["a", "b", "c"], ["g"], [], ["s"], []]);
  assert.deepEqual([...push.accepted], [3, 1, 0, 1, 0]);
  assert.deepEqual(push.lists().map(({ written }) => written), [3, 1, 0, 1, 0]);
});

Deno.test("RedisPush goes on with the other lists while one refuses its jobs, which wait in the spool", async () => {
  await using scene = await openScene();
  const { push, lists, log, clock } = scene;
  lists.refuses.add(1);
  push.append(mixed([1, "g1"], [0, "a"]));
  await until(() => lists.items[0]!.length === 1, "the other list is written");
  await until(() => push.lists()[1]!.spoolJobs === 1, "the job is spooled");
  const group = push.lists()[1]!;
  assert.equal(group.stalledSince, clock.now());
  assert.match(group.lastError!, /WRONGTYPE/);
  assert.ok(
    log.some(({ event, fields }) =>
      event.startsWith("push list takes no jobs") && fields.list === "group_push_queue"
    ),
  );
  clock.advance(10);
  push.append(mixed([1, "g2"]));
  await until(() => push.lists()[1]!.spoolJobs === 2, "so is the next one");
  lists.refuses.clear();
  await until(() => {
    clock.advance(500); // its pause ends
    return lists.items[1]!.length === 2;
  }, "both follow");
  assert.deepEqual(lists.items[1], ["g1", "g2"]);
  await until(() => push.lists()[1]!.spoolJobs === 0, "the spool is empty");
  assert.equal(push.lists()[1]!.stalledSince, undefined);
});

Deno.test("RedisPush without Redis keeps jobs in the spool, says so once, and sends them when it comes", async () => {
  await using scene = await openScene({ isReady: false });
  const { push, lists, log, clock } = scene;
  lists.onLost!("connect ECONNREFUSED");
  lists.onLost!("connect ECONNREFUSED");
  push.append(mixed([0, "a"]));
  await until(() => push.lists()[0]!.spoolJobs === 1, "the job is spooled");
  assert.equal(push.downSince, 1_000_000);
  assert.equal(log.filter(({ event }) => event.startsWith("redis is away")).length, 1);
  clock.advance(1_000);
  lists.isReady = true;
  lists.onReady!();
  await until(() => push.lists()[0]!.spoolJobs === 0, "it is written");
  assert.deepEqual(lists.items[0], ["a"]);
  assert.equal(push.downSince, undefined);
});

Deno.test("RedisPush drops jobs older than an hour from the spool, counts them and says so", async () => {
  await using scene = await openScene({ isReady: false });
  const { push, log, clock } = scene;
  push.append(mixed([0, "old"], [3, "old too"]));
  await until(() => push.lists()[3]!.spoolJobs === 1, "they are spooled");
  clock.advance(SPOOL_AGE_MS_MAX - 5_000);
  push.append(mixed([0, "young"]));
  await until(() => push.lists()[0]!.spoolJobs === 2, "one more");
  await until(() => {
    clock.advance(1_000);
    return push.lists()[0]!.expired === 1 && push.lists()[3]!.expired === 1;
  }, "the old ones are dropped");
  assert.equal(push.lists()[0]!.spoolJobs, 1);
  const said = log.filter(({ event }) => event.includes("too old"));
  assert.deepEqual(said.map(({ fields }) => fields.jobs), [1, 1]);
});

Deno.test("RedisPush.close leaves what Redis does not take in the spool, and the next one sends it", async () => {
  await using folder = await tempFolder();
  const lists = new Lists();
  lists.isReady = false;
  const log: string[] = [];
  const open = async () =>
    new RedisPush({
      redis: lists,
      spool: await Spool.open({ folder: folder.path }),
      log: (_level, event) => log.push(event),
    });
  const first = await open();
  first.append(batchOf(numbered("j", 20)));
  assert.equal(await first.close(), 0);
  assert.ok(lists.isClosed);
  assert.ok(log.some((event) => event.includes("stay in the spool")));
  lists.isReady = true;
  const second = await open();
  await until(() => lists.items[0]!.length === 20, "they are written");
  assert.equal(await second.close(), 0);
  assert.deepEqual(lists.items[0], numbered("j", 20));
});

Deno.test("RedisPush on a full disk keeps 64 MiB of all lists in memory, refuses the newest, and loses none of those", async () => {
  await using scene = await openScene({ isReady: false, pagesMax: 100 });
  const { push, lists, clock } = scene;
  const text = "x".repeat(512 << 10);
  for (let i = 0; i < 200; i++) push.append(mixed([i % 2, text]));
  await until(() => push.failingSince !== undefined, "the disk is full");
  const kept = push.accepted.reduce((sum, jobs) => sum + jobs, 0);
  assert.equal(kept, WAITING_BYTES_MAX / text.length);
  assert.equal(push.refused.reduce((sum, jobs) => sum + jobs, 0), 200 - kept);
  assert.match(push.lastError!, /no space left/);
  lists.isReady = true;
  lists.onReady!();
  await until(() => {
    clock.advance(500);
    return lists.items.flat().length === kept;
  }, "all that was kept is written");
  assert.equal(push.waitingBytes, 0);
});
