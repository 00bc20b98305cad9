/**
 * One master, two replicas of it, and three sentinels that watch them, on loopback ports.
 *
 * @module
 */

import { RedisServer } from "./redis_server.ts";

const MASTER = "imr-main";
const SENTINELS = 3;
const DEADLINE_MS = 15_000;

/** A master, its replicas, and their sentinels. */
export class RedisSentinels implements AsyncDisposable {
  /** The first is the master at the start. */
  readonly servers: readonly RedisServer[];
  readonly #sentinels: readonly RedisServer[];
  readonly #all: AsyncDisposableStack;

  private constructor(
    servers: readonly RedisServer[],
    sentinels: readonly RedisServer[],
    all: AsyncDisposableStack,
  ) {
    this.servers = servers;
    this.#sentinels = sentinels;
    this.#all = all;
  }

  /** Starts all, and waits until each sentinel knows both replicas and both other sentinels. */
  static async start(): Promise<RedisSentinels> {
    await using all = new AsyncDisposableStack();
    const master = all.use(await RedisServer.start());
    const replicaOf = { config: [`replicaof 127.0.0.1 ${master.port}`] };
    const replicas = [
      all.use(await RedisServer.start(replicaOf)),
      all.use(await RedisServer.start(replicaOf)),
    ];
    for (const replica of replicas) {
      await shows(replica, ["INFO", "replication"], /master_link_status:up/);
    }
    const monitor = {
      args: ["--sentinel"],
      config: [
        `sentinel monitor ${MASTER} 127.0.0.1 ${master.port} 2`,
        `sentinel down-after-milliseconds ${MASTER} 500`,
        `sentinel failover-timeout ${MASTER} 2000`,
      ],
    };
    const sentinels: RedisServer[] = [];
    while (sentinels.length < SENTINELS) sentinels.push(all.use(await RedisServer.start(monitor)));
    for (const sentinel of sentinels) {
      await shows(
        sentinel,
        ["SENTINEL", "MASTER", MASTER],
        /num-slaves,2,[^]*num-other-sentinels,2,/,
      );
    }
    return new RedisSentinels([master, ...replicas], sentinels, all.move());
  }

  /** The address for a link. */
  get url(): string {
    return `redis+sentinel://${this.#sentinels.map(({ address }) => address)}/${MASTER}`;
  }

  /** The server that the sentinels call the master. */
  async master(): Promise<RedisServer> {
    const [, port] = await this.#sentinels[0]!.command(
      "SENTINEL",
      "GET-MASTER-ADDR-BY-NAME",
      MASTER,
    ) as [string, string];
    return this.servers.find((server) => server.port === Number(port))!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#all.disposeAsync();
  }
}

/** Waits until a server answers a command in such a way. */
async function shows(
  server: RedisServer,
  command: readonly [string, ...string[]],
  answer: RegExp,
): Promise<void> {
  const end = performance.now() + DEADLINE_MS;
  while (!answer.test(String(await server.command(...command)))) {
    if (performance.now() > end) throw new Error(`${command.join(" ")} does not show ${answer}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
