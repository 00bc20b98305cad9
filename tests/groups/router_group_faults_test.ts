// Groups of generation 1 when MySQL, Redis or an event is missing: the router routes on, what needs a group waits, and in the end
// its groups are those of MySQL.
import assert from "node:assert/strict";
import { eventually } from "../support/eventually.ts";
import { ImServer } from "../support/im_server.ts";
import { im, publish, subscribe } from "../support/wire_frames.ts";
import { newGroup } from "./api_server.ts";
import { type GroupJob, GroupScene } from "./group_scene.ts";

/** IM that is forwarded: marked unpersistent. */
const forwarded = im({ receiver: 2n, flag: 0x02 });

function contents(jobs: readonly GroupJob[]): string[] {
  return jobs.map(({ content }) => content);
}

async function warned(scene: GroupScene, pattern: RegExp): Promise<void> {
  let warnings: string[] = [];
  await eventually(async () => {
    warnings = await scene.warnings();
    return warnings.some((warning) => pattern.test(warning));
  }, () => `a warning ${pattern}, not ${JSON.stringify(warnings)}; ${scene.router.logTail()}`);
}

Deno.test("Router whose MySQL is away at the start routes, and decides group messages in order when it comes", async () => {
  await using scene = await GroupScene.start({
    before: newGroup(500n, [1n, 2n, 3n]),
    startsWithoutMysql: true,
  });
  const { router, server, mysql, api } = scene;
  await warned(scene, /groups.*refused/i);
  assert.equal(router.logged("groups cannot be loaded").length, 1);
  assert.equal((await router.get("/readyz")).status, 200, "degraded, not down");
  assert.equal((await router.get("/group?id=500")).status, 503);

  await using receiver = await ImServer.connect(router.port);
  await receiver.send(subscribe(2n));
  await eventually(
    async () => (await router.get("/online?appid=7&uid=2")).text === '{"online":true}',
    () => router.logTail(),
  );
  await server.send(publish(2n, forwarded));
  await eventually(() => receiver.received.length === 1, () => "the message is forwarded");

  for (const number of [1, 2, 3]) await scene.say(500n, `waited ${number}`);
  await eventually(
    async () => await router.metric("imr_group_messages_waiting") === 3,
    () => `three wait; ${router.logTail()}`,
  );
  assert.deepEqual(await scene.redis.list("group_push_queue"), []);
  await mysql.start();
  await scene.loaded();
  const jobs = await scene.jobs(3);
  assert.deepEqual(contents(jobs), ["waited 1", "waited 2", "waited 3"]);
  for (const { receivers } of jobs) assert.deepEqual(receivers, [3], "user 2 is online");
  await api.change([{ kind: "add", group: 500n, uid: 4n }]);
  await scene.isTrue();
  assert.deepEqual(await scene.warnings(), []);
  assert.equal(await router.metric("imr_group_messages_dropped_total"), 0);
});

Deno.test("Router with a wrong password of MySQL says so, without the password, and ends with what waits said", async () => {
  const password = "wr0ng-passw0rd";
  await using scene = await GroupScene.start({
    dsn: (mysql) => mysql.dsn("im", `imr:${password}`),
  });
  const { router } = scene;
  await warned(scene, /denied/i);
  await scene.say(500n, "waits for ever");
  await eventually(
    async () => await router.metric("imr_group_messages_waiting") === 1,
    () => `it waits; ${router.logTail()}`,
  );
  const { text } = await router.get("/readyz");
  await scene.server[Symbol.asyncDispose](); // else the router waits for it
  const { code } = await router.stop();
  assert.equal(code, 0);
  assert.match(router.log.at(-1)!, /"level":"ERROR".*"undecided_group_messages":1/);
  for (const said of [text, router.banner, ...router.log]) assert.ok(!said.includes(password));
});

Deno.test("Router with a database that has no such tables says which are expected", async () => {
  await using scene = await GroupScene.start({ dsn: (mysql) => mysql.dsn("mysql") });
  await warned(scene, /group_member/);
});

Deno.test("Router whose MySQL dies goes on with the groups that it has, and follows events", async () => {
  await using scene = await GroupScene.start({ before: newGroup(500n, [2n, 3n]) });
  await scene.loaded();
  const { api, mysql } = scene;
  await api.commit([{ kind: "add", group: 500n, uid: 4n }]);
  await api.commit([{ kind: "add", group: 500n, uid: 5n }]);
  await mysql.kill();
  await api.tell({ kind: "add", group: 500n, uid: 4n });
  await eventually( // Redis and the IM server are two ways to the router
    async () => (await scene.membersOf(500n))?.join() === "2,3,4",
    () => scene.router.logTail(),
  );
  await scene.reaches(500n, [2n, 3n, 4n]);
  await api.tell({ kind: "add", group: 500n, uid: 5n }, { isUnheard: true });
  await api.publish("group_member_add", "999,1"); // shows the gap
  await warned(scene, /MySQL|load/);
  assert.equal(await scene.router.metric("imr_groups_stale"), 1);
  await scene.reaches(500n, [2n, 3n, 4n]);
  await mysql.start();
  await scene.isTrue();
  await scene.reaches(500n, [2n, 3n, 4n, 5n]);
  await eventually(
    async () => (await scene.warnings()).length === 0,
    () => `all is well; ${scene.router.logTail()}`,
  );
});

Deno.test("Router notices an event that never came by the next one", async () => {
  await using scene = await GroupScene.start({ before: newGroup(500n, [2n]) });
  await scene.loaded();
  const { api, router } = scene;
  await api.change([{ kind: "add", group: 500n, uid: 3n }], { isUnheard: true });
  await api.change([{ kind: "add", group: 500n, uid: 4n }]);
  await scene.isTrue();
  await scene.loaded(2);
  assert.equal(await router.metric("imr_groups_event_gaps_total"), 1);
  await scene.reaches(500n, [2n, 3n, 4n]);
});

for (const type of ["pubsub", "normal"]) {
  Deno.test(`Router whose ${type} connections to Redis are killed hears of what it missed`, async () => {
    await using scene = await GroupScene.start({ before: newGroup(500n, [2n]) });
    await scene.loaded();
    const { api, redis, router } = scene;
    await redis.command("CLIENT", "KILL", "TYPE", type);
    await api.change([{ kind: "add", group: 500n, uid: 3n }], { isUnheard: true });
    await scene.isTrue();
    assert.equal(await router.metric('imr_groups_loads_total{cause="missed"}'), 1);
    await api.change([{ kind: "remove", group: 500n, uid: 2n }]);
    await scene.isTrue();
    await scene.reaches(500n, [3n]);
  });
}

Deno.test("Router whose Redis dies for a while loads again what changed meanwhile", async () => {
  await using scene = await GroupScene.start({ before: newGroup(500n, [2n]) });
  await scene.loaded();
  const { api, redis } = scene;
  await redis.kill();
  await warned(scene, /Redis/);
  await api.commit([{ kind: "add", group: 500n, uid: 3n }]);
  await redis.start(); // it has forgotten the latest action
  await api.tell({ kind: "add", group: 500n, uid: 3n });
  await scene.isTrue();
  await scene.reaches(500n, [2n, 3n]);
});

Deno.test("Router that loads again and again while messages flow pushes each to all members, and to nobody else", async () => {
  const groups = [500n, 600n, 700n];
  const membersOf = (group: bigint): bigint[] => [1n, group + 1n, group + 2n, group + 3n];
  await using scene = await GroupScene.start({
    before: groups.flatMap((group) => newGroup(group, membersOf(group))),
  });
  await scene.loaded();
  const { api, router } = scene;
  const LOADS = 4;
  const sent: string[] = [];
  let uid = 10_000n;
  for (let number = 0; router.logged("groups loaded").length < LOADS; number++) {
    const group = groups[number % groups.length]!;
    sent.push(`${group} ${number}`);
    await scene.say(group, sent.at(-1)!);
    if (number % 20 !== 0) continue;
    // Another group changes, and every other event is lost.
    await api.change([{ kind: "create", group: 800n }]);
    await api.change([{ kind: "add", group: 800n, uid: ++uid }], { isUnheard: number % 40 === 0 });
  }
  const jobs = await scene.jobs(sent.length);
  assert.deepEqual(contents(jobs), sent);
  for (const { content, group_id, receivers } of jobs) {
    const members = membersOf(BigInt(group_id)).filter((member) => member !== 1n).map(Number);
    assert.deepEqual(receivers, members, content);
  }
  assert.ok(sent.length > 50, `${sent.length} messages over ${LOADS} loads`);
  await scene.isTrue();
});
