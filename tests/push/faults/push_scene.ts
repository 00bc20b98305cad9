/**
 * A real Redis, the real router in front of it, and an IM server that asks for push jobs; and the check at the end that each job
 * is in its list once, and in order.
 *
 * @module
 */

import assert from "node:assert/strict";
import { RedisServer, type RedisServerOptions } from "../../support/redis_server.ts";
import { tempFolder } from "../fixtures.ts";
import { differences, numbersOf } from "./list_account.ts";
import { type Counts, type List, LISTS, Publisher } from "./publisher.ts";
import { Proxy } from "../../support/proxy.ts";
import { RouterProcess } from "../../support/router_process.ts";
import { eventually } from "../../support/eventually.ts";

/** How a scene differs from a plain one. */
export interface PushSceneOptions {
  /** Of the Redis. */
  readonly redis?: RedisServerOptions;
  /** A Redis that has been started elsewhere, and what the router knows it by. */
  readonly at?: { readonly server: RedisServer; readonly url: string };
  /** Whether Redis is killed before the router starts. */
  readonly startsWithoutRedis?: boolean;
  /** How the router reaches Redis; over its port unless told otherwise. */
  readonly over?: "port" | "socket" | "proxy";
}

/** Counters of jobs that no list will ever hold. */
const GONE = /^imr_(?:push_jobs_refused|push_jobs_lost|redis_jobs_lost|spool_jobs_expired)_total/;
const FIRST: Counts = { push_queue: 1, group_push_queue: 1 };

/** Everything that a case needs, started; it ends at the end of the block. */
export class PushScene implements AsyncDisposable {
  /** The server whose lists are looked at. */
  redis: RedisServer;
  readonly proxy: Proxy;
  readonly publisher: Publisher;
  /** The router that was started last. */
  router!: RouterProcess;
  readonly #data: string;
  readonly #url: string;
  /** What this made itself. */
  readonly #stack = new AsyncDisposableStack();
  /** All that was started, this included. */
  #ends: AsyncDisposableStack | undefined;
  /** What had been sent before the router started. */
  #before: Counts = { push_queue: 0, group_push_queue: 0 };

  private constructor(redis: RedisServer, data: string, { over, at }: PushSceneOptions) {
    this.redis = redis;
    this.#data = data;
    this.proxy = this.#stack.use(new Proxy(redis.port));
    this.publisher = this.#stack.use(new Publisher());
    const port = over === "proxy" ? this.proxy.port : redis.port;
    const url = over === "socket"
      ? `unix://${redis.folder}/redis.sock`
      : `redis://127.0.0.1:${port}`;
    this.#url = at?.url ?? url;
  }

  /** Starts Redis and the router, and connects the publisher. */
  static async start(options: PushSceneOptions = {}): Promise<PushScene> {
    const { at, startsWithoutRedis = false } = options;
    await using started = new AsyncDisposableStack();
    const data = started.use(await tempFolder()).path;
    const redis = at?.server ?? started.use(await RedisServer.start(options.redis));
    const scene = started.use(new PushScene(redis, data, options));
    if (startsWithoutRedis) await redis.kill();
    await scene.startRouter();
    if (!startsWithoutRedis) await scene.redisIsReady();
    scene.#ends = started.move();
    return scene;
  }

  /** Starts a router, or another one on the same data folder, and connects the publisher to it. */
  async startRouter(): Promise<void> {
    const args = ["--generation", "2", "--redis", this.#url];
    const options = { data: this.#data, args };
    this.router = this.#stack.use(await RouterProcess.start(options));
    this.#before = this.publisher.counts;
    await this.publisher.connect(this.router.port);
  }

  /** Waits until the router has reached Redis so many times. */
  async redisIsReady(times = 1): Promise<void> {
    const { router } = this;
    await eventually(
      () => router.logged("redis is ready").length >= times,
      () => `redis is ready; ${router.logTail()}`,
    );
  }

  /** Jobs in a list; 0 when it is none. */
  async length(list: List): Promise<number> {
    return Number(
      await this.redis.command(
        "EVAL",
        "return redis.call('TYPE', KEYS[1]).ok == 'list' and redis.call('LLEN', KEYS[1]) or 0",
        1,
        list,
      ),
    );
  }

  /** Waits until the router has decided on all that was sent to it. */
  async decided(): Promise<void> {
    let metrics = new Map<string, number>();
    const { router, publisher } = this;
    await eventually(
      async () => {
        metrics = await router.metrics();
        return LISTS.every((list) =>
          metrics.get(`imr_push_jobs_total{list="${list}"}`) ===
            publisher.counts[list] - this.#before[list]
        );
      },
      () => `all that was sent is decided; ${seriesOf(metrics)}; ${router.logTail()}`,
    );
  }

  /** Waits until all is decided and nothing of these lists is under way any more, neither in memory nor in the spool. */
  async workedOff(lists: readonly List[] = LISTS): Promise<void> {
    await this.decided();
    let metrics = new Map<string, number>();
    const { router } = this;
    await eventually(
      async () => {
        metrics = await router.metrics();
        return lists.every((list) =>
          metrics.get(`imr_push_waiting_jobs{list="${list}"}`) === 0 &&
          metrics.get(`imr_spool_jobs{list="${list}"}`) === 0
        );
      },
      () => `all is worked off; ${seriesOf(metrics)}; ${router.logTail()}`,
    );
  }

  /** The numbers of the jobs that a list holds, in its order. */
  async numbers(list: List): Promise<number[]> {
    return numbersOf(list, await this.redis.list(list));
  }

  /** Waits until the router has worked everything off, and ends it: nothing comes to the lists any more. */
  async end(): Promise<void> {
    await this.workedOff();
    const { router } = this;
    const gone = [...await router.metrics()].filter(([series, value]) =>
      GONE.test(series) && value > 0
    );
    assert.deepEqual(gone, [], "no job is refused or lost");
    this.publisher.disconnect();
    const { code } = await router.stop();
    assert.equal(code, 0, router.logTail());
    assert.deepEqual(router.logged(`"level":"ERROR"`), []);
  }

  /**
   * Does {@linkcode PushScene.end}, and compares the lists with what was sent, job by job.
   *
   * @param first the first job that each list holds
   */
  async finish(first: Counts = FIRST): Promise<void> {
    await this.end();
    for (const list of LISTS) {
      const numbers = await this.numbers(list);
      const wrong = differences(numbers, first[list], this.publisher.counts[list]);
      assert.deepEqual(wrong, [], `${list}; ${this.router.logTail()}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ends = this.#ends;
    this.#ends = undefined;
    if (ends === undefined) await this.#stack.disposeAsync();
    else await ends.disposeAsync();
  }
}

function seriesOf(metrics: ReadonlyMap<string, number>): string {
  return [...metrics].filter(([series]) => /^imr_(?:push|spool)_.*push_queue"/.test(series)).map((
    pair,
  ) => pair.join(" ")).join(", ");
}
