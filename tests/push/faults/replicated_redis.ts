/**
 * Two real redis-servers, one of which follows the other, and a Sentinel that promotes the follower when the first is away. The least
 * that fails over, as it runs beside a loaded router.
 *
 * @module
 */

import { RedisServer } from "../../support/redis_server.ts";
import { eventually } from "../../support/eventually.ts";

const MASTER_NAME = "push";
const DOWN_AFTER_MS = 500;

/** The three, started; they end at the end of the block. */
export class ReplicatedRedis implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;

  private constructor(
    /** The master at first. */
    readonly first: RedisServer,
    /** What follows it, and takes its place. */
    readonly second: RedisServer,
    readonly sentinel: RedisServer,
    stack: AsyncDisposableStack,
  ) {
    this.#stack = stack;
  }

  /** Starts them, and waits until the second follows the first and the Sentinel knows of it. */
  static async start(): Promise<ReplicatedRedis> {
    await using started = new AsyncDisposableStack();
    const first = started.use(await RedisServer.start());
    const second = started.use(
      await RedisServer.start({ config: [`replicaof 127.0.0.1 ${first.port}`] }),
    );
    const sentinel = started.use(
      await RedisServer.start({
        args: ["--sentinel"],
        config: [
          `sentinel monitor ${MASTER_NAME} 127.0.0.1 ${first.port} 1`,
          `sentinel down-after-milliseconds ${MASTER_NAME} ${DOWN_AFTER_MS}`,
          `sentinel failover-timeout ${MASTER_NAME} 5000`,
        ],
      }),
    );
    const redis = new ReplicatedRedis(first, second, sentinel, started.move());
    try {
      await redis.#isWatched();
    } catch (error) {
      await redis[Symbol.asyncDispose]();
      throw error;
    }
    return redis;
  }

  /** As `--redis` takes it. */
  get url(): string {
    return `redis+sentinel://${this.sentinel.address}/${MASTER_NAME}`;
  }

  /** Has the second take over although the first is well. */
  async failOver(): Promise<void> {
    await this.sentinel.command("SENTINEL", "FAILOVER", MASTER_NAME);
  }

  /** Waits until the second has taken over. */
  async secondLeads(): Promise<void> {
    await eventually(
      async () => String((await this.second.command("ROLE") as unknown[])[0]) === "master",
      () => "the second server leads",
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  async #isWatched(): Promise<void> {
    await eventually(
      async () => {
        const role = await this.second.command("ROLE") as unknown[];
        const replicas = await this.sentinel.command("SENTINEL", "REPLICAS", MASTER_NAME);
        const text = String(replicas);
        return role[3] === "connected" && text.includes(`127.0.0.1:${this.second.port}`) &&
          text.includes("master-link-status,ok");
      },
      () => "the second server follows, and the sentinel knows",
    );
  }
}
