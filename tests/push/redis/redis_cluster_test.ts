// The line to a cluster of Redis: every list is somewhere else.
import assert from "node:assert/strict";
import { PUSH_LISTS } from "../../../src/router/push_list.ts";
import { RedisCluster } from "../../support/redis_cluster.ts";
import { freePort } from "../../support/redis_server.ts";
import { numbered, until } from "../fixtures.ts";
import { gap, SHORT_TIMES, TestLink, written } from "./link_fixtures.ts";

Deno.test("RedisLink to a cluster writes every list where it belongs, in order and once", async () => {
  await using redis = await RedisCluster.start();
  await using to = await TestLink.open(redis.url);
  assert.match(to.link.incarnation, /^[0-9a-f]{40},[0-9a-f]{40},[0-9a-f]{40}$/);
  const many = numbered("job ", 500);
  await Promise.all(PUSH_LISTS.map(async (name, list) => {
    assert.deepEqual(await to.append(["b"], 2, { list }), gap());
    assert.deepEqual(await to.append(["a", "b"], 1, { list }), written());
    assert.deepEqual(await to.append(["b", "c"], 2, { list }), written(1));
    assert.deepEqual(await to.append(["e"], 5, { list }), gap(3));
    assert.deepEqual(await to.append(many, 4, { list }), written());
    const server = await redis.serverOf(name);
    assert.deepEqual(await server.list(name), ["a", "b", "c", ...many]);
  }));
  assert.deepEqual(await to.link.lengths(), PUSH_LISTS.map(() => 3 + many.length));
  assert.equal(to.link.mode, "script");
  assert.deepEqual(to.losses, []);
});

Deno.test("RedisLink to a cluster goes on when its connections are killed", async () => {
  await using redis = await RedisCluster.start();
  await using to = await TestLink.open(redis.url);
  for (let first = 1; first <= 4; first++) {
    for (const [list, name] of PUSH_LISTS.entries()) {
      const reply = await to.appendSurely([`job ${first}`], first, { list });
      assert.equal(reply.kind, "written");
      assert.deepEqual(await (await redis.serverOf(name)).list(name), numbered("job ", first));
    }
    for (const server of redis.servers) await server.command("CLIENT", "KILL", "TYPE", "normal");
  }
});

Deno.test("RedisLink to a cluster recovers when one of its servers was frozen", async () => {
  await using redis = await RedisCluster.start();
  await using to = await TestLink.open(redis.url, { times: SHORT_TIMES });
  const server = await redis.serverOf(PUSH_LISTS[0]);
  await Promise.all(PUSH_LISTS.map((_, list) => to.append(["job 1"], 1, { list })));
  server.freeze();
  const replies = await Promise.allSettled(
    PUSH_LISTS.map((_, list) => to.append(["job 2"], 2, { list })),
  );
  assert.equal(replies[0]!.status, "rejected");
  assert.equal(to.link.isReady, false);
  server.thaw();
  await to.untilReady();
  for (const [list, name] of PUSH_LISTS.entries()) {
    assert.equal((await to.appendSurely(["job 2"], 2, { list })).kind, "written");
    assert.deepEqual(await (await redis.serverOf(name)).list(name), ["job 1", "job 2"]);
  }
});

Deno.test("RedisLink to a cluster says that no server is there, and closes", async () => {
  await using to = new TestLink(`redis+cluster://127.0.0.1:${freePort()}`);
  await until(() => to.losses.length >= 2, "two dials failed");
  assert.ok(to.losses.every((why) => why !== ""), to.losses.join());
  assert.equal(to.link.isReady, false);
});
