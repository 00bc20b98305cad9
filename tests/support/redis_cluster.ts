/**
 * A cluster of three masters on loopback ports, without replicas.
 *
 * @module
 */

import { freePort, RedisServer } from "./redis_server.ts";

const SLOTS = 16_384;
const MASTERS = 3;
const DEADLINE_MS = 15_000;

/** A running cluster. */
export class RedisCluster implements AsyncDisposable {
  /** The masters; each has a third of the slots. */
  readonly servers: readonly RedisServer[];
  readonly #all: AsyncDisposableStack;

  private constructor(servers: readonly RedisServer[], all: AsyncDisposableStack) {
    this.servers = servers;
    this.#all = all;
  }

  /** Starts one, and waits until each of its servers says that it is whole. */
  static async start(): Promise<RedisCluster> {
    await using all = new AsyncDisposableStack();
    const servers: RedisServer[] = [];
    const buses: number[] = [];
    for (let i = 0; i < MASTERS; i++) {
      const bus = freePort(); // the customary one, port + 10,000, may be taken or too high
      const config = [
        "cluster-enabled yes",
        "cluster-config-file nodes.conf",
        "cluster-node-timeout 1000",
        `cluster-port ${bus}`,
      ];
      servers.push(all.use(await RedisServer.start({ config })));
      buses.push(bus);
    }
    const [first] = servers;
    for (const [i, server] of servers.entries()) {
      const from = Math.floor(SLOTS * i / MASTERS), to = Math.floor(SLOTS * (i + 1) / MASTERS);
      await server.command("CLUSTER", "ADDSLOTSRANGE", from, to - 1);
      await server.command("CLUSTER", "SET-CONFIG-EPOCH", i + 1);
      if (i > 0) await first!.command("CLUSTER", "MEET", "127.0.0.1", server.port, buses[i]!);
    }
    const end = performance.now() + DEADLINE_MS;
    for (const server of servers) {
      const isWhole = async () => {
        const info = String(await server.command("CLUSTER", "INFO"));
        return info.includes("cluster_state:ok") && info.includes(`cluster_known_nodes:${MASTERS}`);
      };
      while (!await isWhole()) {
        if (performance.now() > end) throw new Error("the cluster does not come together");
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
    return new RedisCluster(servers, all.move());
  }

  /** The address for a link, by the first two servers. */
  get url(): string {
    return `redis+cluster://${this.servers.slice(0, 2).map(({ address }) => address)}`;
  }

  /** The server that has a key's slot. */
  async serverOf(key: string): Promise<RedisServer> {
    const slot = Number(await this.servers[0]!.command("CLUSTER", "KEYSLOT", key));
    return this.servers[Math.floor((slot * MASTERS + MASTERS - 1) / SLOTS)]!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#all.disposeAsync();
  }
}
