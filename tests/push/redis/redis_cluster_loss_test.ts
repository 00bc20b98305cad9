// The line to a Redis cluster when one of its masters loses what it held.
import assert from "node:assert/strict";
import { RedisError } from "../../../src/push/redis/redis_lists.ts";
import { RedisLink } from "../../../src/push/redis/redis_link.ts";
import { parseRedisUrl } from "../../../src/redis/redis_settings.ts";
import { RedisServer } from "../../support/redis_server.ts";
import { batchOf, until } from "../fixtures.ts";

const SLOTS = [[0, 5_460], [5_461, 10_922], [10_923, 16_383]] as const;
const CONFIG = [
  "cluster-enabled yes",
  "cluster-config-file nodes.conf",
  "cluster-node-timeout 1000",
  "cluster-require-full-coverage no",
];

function orderOf(first: number, text: string, list: number) {
  const batch = batchOf([text], list);
  return { list, writer: "0123456789abcdef", after: first - 1, first, batch };
}

/** Asks again and again, a turn between. */
async function eventually(holds: () => Promise<boolean>, what: string): Promise<void> {
  let held = false, asking = false;
  await until(() => {
    if (!asking && !held) {
      asking = true;
      holds().then((value) => held = value).finally(() => asking = false);
    }
    return held;
  }, what);
}

async function isWhole(servers: readonly RedisServer[]): Promise<boolean> {
  const infos = await Promise.all(servers.map((each) => each.command("cluster", "info")));
  return infos.every((info) => /cluster_state:ok[^]*cluster_known_nodes:3/.test(String(info)));
}

Deno.test("RedisLink to a cluster: a master that comes back empty is another one before its gap is told", async () => {
  await using a = await RedisServer.start({ config: CONFIG });
  await using b = await RedisServer.start({ config: CONFIG });
  await using c = await RedisServer.start({ config: CONFIG });
  const servers = [a, b, c];
  for (const [i, server] of servers.entries()) {
    await server.command("cluster", "addslotsrange", ...SLOTS[i]!);
    if (i > 0) await server.command("cluster", "meet", "127.0.0.1", a.port);
  }
  await eventually(() => isWhole(servers), "the cluster is whole");

  const link = new RedisLink(parseRedisUrl(`redis+cluster://${a.address}`));
  let readies = 0;
  link.onReady = () => readies++;
  try {
    await until(() => link.isReady, "ready");
    for (const list of [0, 1, 2, 3, 4]) {
      // ioredis may drop a connection to a node just after it is ready: writers try again.
      await eventually(async () => {
        const reply = await link.append(orderOf(1, "a", list)).catch((error) => error);
        if (reply instanceof RedisError && reply.kind === "unreachable") return false;
        assert.equal(reply.kind, "written");
        return true;
      }, "written");
    }
    assert.deepEqual(await link.lengths(), [1, 1, 1, 1, 1]);

    const before = link.incarnation, readiesBefore = readies;
    const slot = Number(await a.command("cluster", "keyslot", "push_queue"));
    const owner = servers[SLOTS.findIndex(([, last]) => slot <= last)]!;
    await owner.kill();
    await assert.rejects(link.append(orderOf(2, "b", 0)), { name: "RedisError" });
    await owner.start();
    let reply: unknown;
    await eventually(async () => {
      reply = await link.append(orderOf(2, "b", 0)).catch(() => undefined);
      return reply !== undefined;
    }, "an answer");
    assert.deepEqual(reply, { kind: "gap", watermark: undefined });
    assert.notEqual(link.incarnation, before);
    await until(() => readies > readiesBefore, "ready told once more");
  } finally {
    link.close();
  }
});
