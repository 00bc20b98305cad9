// The line to Redis on real servers: every way to reach one, everything that one refuses, and every way in which one goes away.
import assert from "node:assert/strict";
import { makeCertificates } from "../../support/certificates.ts";
import { freePort, RedisServer } from "../../support/redis_server.ts";
import { PUSH_LISTS } from "../../../src/router/push_list.ts";
import { parseRedisUrl } from "../../../src/redis/redis_settings.ts";
import { numbered, settle, tempFolder, until } from "../fixtures.ts";
import {
  failsWith,
  gap,
  orderOf,
  SHORT_TIMES,
  TestLink,
  WATERMARK,
  written,
} from "./link_fixtures.ts";

const [LIST] = PUSH_LISTS;
const SECRET = "open-sesame";

/** Appends one job, and finds it in the list. */
async function works(to: TestLink, server: RedisServer, first = 1): Promise<void> {
  assert.deepEqual(await to.appendSurely([`job ${first}`], first), written());
  assert.equal((await server.list(LIST)).at(-1), `job ${first}`);
}

/** Appends jobs while its connection is killed ten times, each time at another moment. Returns the jobs. */
async function appendWhileKilled(to: TestLink, server: RedisServer): Promise<string[]> {
  let isDone = false;
  const killing = (async () => {
    for (let kills = 0; kills < 10; kills++) {
      await to.untilReady();
      for (let turn = 0; turn < kills; turn++) await settle();
      await server.command("CLIENT", "KILL", "TYPE", "normal");
    }
    isDone = true;
  })();
  let count = 0;
  for (; !isDone; count += 2) {
    await to.appendSurely([`job ${count + 1}`, `job ${count + 2}`], count + 1);
  }
  await killing;
  return numbered("job ", count);
}

Deno.test("RedisLink reaches a server by host and port, and says when it is gone and back", async () => {
  await using server = await RedisServer.start({ appendOnly: true });
  await using to = await TestLink.open(server.address);
  await works(to, server);
  const { incarnation } = to.link;
  assert.match(incarnation, /^[0-9a-f]{40}$/);
  await server.kill();
  await until(() => !to.link.isReady && to.losses.length > 0, "lost");
  await failsWith(to.append(["job 2"], 2), "unreachable");
  await to.untilLost(/ECONNREFUSED|refused/i);
  await server.start();
  await to.untilReady();
  assert.equal(to.ready, 2);
  assert.notEqual(to.link.incarnation, incarnation);
  await works(to, server, 2);
  assert.deepEqual(await server.list(LIST), ["job 1", "job 2"]);
});

Deno.test("RedisLink gives no reason of an earlier loss for a later one", async () => {
  await using server = await RedisServer.start();
  await server.kill();
  await using to = new TestLink(server.address);
  await to.untilLost(/ECONNREFUSED|refused/i);
  await server.start();
  await to.untilReady();
  to.losses.length = 0;
  await server.command("CLIENT", "KILL", "TYPE", "normal");
  await until(() => to.losses.length > 0, "lost");
  assert.deepEqual(to.losses, ["the connection was closed"]);
});

Deno.test("RedisLink waits for a server that comes later", async () => {
  await using server = await RedisServer.start();
  await server.kill();
  await using to = new TestLink(server.address);
  await until(() => to.losses.length >= 2, "two dials failed");
  assert.equal(to.ready, 0);
  await failsWith(to.append(["job 1"], 1), "unreachable");
  await server.start();
  await to.untilReady();
  await works(to, server);
});

Deno.test("RedisLink reaches a unix socket, and a database of it", async () => {
  await using server = await RedisServer.start();
  await using to = await TestLink.open(`unix://${server.folder}/redis.sock?db=7`);
  assert.deepEqual(await to.append(["job"], 1), written());
  assert.match(String(await server.command("INFO", "keyspace")), /db7:keys=2/);
});

Deno.test("RedisLink uses the database of its address, after a loss too", async () => {
  await using server = await RedisServer.start();
  await using to = await TestLink.open(`redis://${server.address}/3`);
  assert.deepEqual(await to.append(["job 1"], 1), written());
  await server.command("CLIENT", "KILL", "TYPE", "normal");
  await until(() => to.losses.length > 0, "lost");
  await to.untilReady();
  assert.deepEqual(await to.append(["job 2"], 2), written());
  await server.command("SELECT", 3);
  assert.deepEqual(await server.list(LIST), ["job 1", "job 2"]);
});

Deno.test("RedisLink writes nothing when the database is out of range, and says so", async () => {
  await using server = await RedisServer.start({ config: ["databases 2"] });
  await using to = new TestLink(`redis://${server.address}/2`);
  await to.untilLost(/^database 2: .*out of range/);
  assert.equal(to.link.isReady, false);
  const error = await failsWith(to.append(["job"], 1), "unreachable");
  assert.match(error.message, /out of range/);
  assert.equal(await server.command("DBSIZE"), 0);
});

Deno.test("RedisLink begins when a database that was refused is allowed", async () => {
  await using server = await RedisServer.start({
    config: [`user imr on >${SECRET} ~* +@all -select`],
  });
  await using to = new TestLink(`redis://imr:${SECRET}@${server.address}/1`);
  await to.untilLost(/^database 1: NOPERM/);
  assert.equal(to.ready, 0);
  await server.command("ACL", "SETUSER", "imr", "+select");
  await to.untilReady();
  assert.deepEqual(await to.append(["job"], 1), written());
  assert.match(String(await server.command("INFO", "keyspace")), /db1:keys=2/);
});

Deno.test("RedisLink gives the password, from the address or from a file", async () => {
  await using server = await RedisServer.start({
    config: [`requirepass ${SECRET}`],
    password: SECRET,
  });
  await using to = await TestLink.open(`redis://:${SECRET}@${server.address}`);
  await works(to, server);
  const passwordFile = `${server.folder}/password`;
  await Deno.writeTextFile(passwordFile, `${SECRET}\r\nno password\n`);
  await using other = await TestLink.open({ ...parseRedisUrl(server.address), passwordFile });
  await works(other, server, 2);
});

Deno.test("RedisLink logs in as a user", async () => {
  await using server = await RedisServer.start({
    config: [`user imr on >${SECRET} ~* +@all`],
  });
  await using to = await TestLink.open(`redis://imr:${SECRET}@${server.address}`);
  await works(to, server);
  assert.match(String(await server.command("CLIENT", "LIST")), /name=imr .*user=imr/);
});

Deno.test("RedisLink says that the password is wrong, shows it nowhere, and recovers when it is put right", async () => {
  await using server = await RedisServer.start({
    config: ["requirepass another"],
    password: "another",
  });
  await using to = new TestLink(`redis://:${SECRET}@${server.address}`);
  await to.untilLost(/WRONGPASS/);
  const error = await failsWith(to.append(["job"], 1), "unreachable");
  assert.match(error.message, /WRONGPASS/);
  assert.ok(!(error.message + to.losses).includes(SECRET));
  await server.command("CONFIG", "SET", "requirepass", SECRET);
  await to.untilReady();
  await works(to, server);
});

Deno.test("RedisLink shows no password when the server answers with what it was sent", async () => {
  await using server = await RedisServer.start({
    config: ['rename-command HELLO ""', 'rename-command AUTH ""'],
  });
  await using to = new TestLink(`redis://:${SECRET}@${server.address}`);
  await to.untilLost(/unknown command/);
  const error = await failsWith(to.append(["job"], 1), "unreachable");
  assert.ok(!(error.message + to.losses).includes(SECRET), error.message);
});

Deno.test("RedisLink trusts its own authority over TLS, and no other", async () => {
  await using folder = await tempFolder();
  const ours = await makeCertificates(folder.path, "ours");
  const other = await makeCertificates(folder.path, "other");
  const port = freePort();
  await using server = await RedisServer.start({
    config: [
      `tls-port ${port}`,
      `tls-cert-file ${ours.certFile}`,
      `tls-key-file ${ours.keyFile}`,
      `tls-ca-cert-file ${ours.caFile}`,
      "tls-auth-clients no",
    ],
  });
  let first = 0;
  for (const host of ["127.0.0.1", "localhost"]) {
    const settings = parseRedisUrl(`rediss://${host}:${port}`);
    await using to = await TestLink.open({ ...settings, tls: { caFile: ours.caFile } });
    await works(to, server, ++first);
    await using wrong = new TestLink({ ...settings, tls: { caFile: other.caFile } });
    await wrong.untilLost(/TLS handshake failed\? check certificate, host name and CA/);
    assert.equal(wrong.ready, 0);
  }
});

Deno.test("RedisLink throws where a file of its settings cannot be read", () => {
  const settings = parseRedisUrl("rediss://127.0.0.1");
  for (const more of [{ tls: { caFile: "/absent" } }, { passwordFile: "/absent" }]) {
    assert.throws(() => new TestLink({ ...settings, ...more }), Deno.errors.NotFound);
  }
});

Deno.test("RedisLink gives up an append to a frozen server in time, and the same append is done once", async () => {
  await using server = await RedisServer.start();
  await using to = await TestLink.open(server.address, { times: SHORT_TIMES });
  await works(to, server);
  server.freeze();
  const begin = performance.now();
  await failsWith(to.append(["job 2"], 2), "timed_out");
  const ms = performance.now() - begin;
  assert.ok(ms > SHORT_TIMES.commandMs - 50 && ms < SHORT_TIMES.commandMs + 500, `${ms} ms`);
  assert.equal(to.link.isReady, false);
  await failsWith(to.append(["job 2"], 2), "unreachable");
  await until(() => to.losses.length > 0, "lost");
  server.thaw();
  await to.untilReady();
  const reply = await to.appendSurely(["job 2"], 2);
  assert.equal(reply.kind, "written");
  assert.deepEqual(await server.list(LIST), ["job 1", "job 2"]);
});

Deno.test("RedisLink closes while the server is frozen, or absent", async () => {
  await using server = await RedisServer.start();
  {
    await using _ready = await TestLink.open(server.address, { times: SHORT_TIMES });
    server.freeze();
    await using _dialling = new TestLink(server.address, { times: SHORT_TIMES });
  }
  server.thaw();
  await server.kill();
  await using to = new TestLink(server.address);
  await until(() => to.losses.length > 0, "a dial failed");
});

Deno.test("RedisLink and retries write each job once while its connections are killed", async () => {
  await using server = await RedisServer.start();
  await using to = await TestLink.open(server.address);
  const jobs = await appendWhileKilled(to, server);
  assert.deepEqual(await server.list(LIST), jobs);
  assert.ok(to.losses.length > 0);
});

Deno.test("RedisLink says OOM when the server's memory is full, and goes on when there is room", async () => {
  await using server = await RedisServer.start({
    config: ["maxmemory 1mb", "maxmemory-policy noeviction"],
  });
  await using to = await TestLink.open(server.address);
  const job = "x".repeat(1 << 20);
  let error: unknown;
  let first = 1;
  for (; error === undefined && first < 10; first++) {
    error = await to.append([job], first).then(() => undefined, (reason) => reason);
  }
  await failsWith(Promise.reject(error), "refused", "OOM");
  assert.equal(to.link.isReady, true);
  await server.command("CONFIG", "SET", "maxmemory", "64mb");
  assert.deepEqual(await to.append([job], first - 1), written());
});

Deno.test("RedisLink says READONLY of a replica, and recovers when it is a master", async () => {
  await using server = await RedisServer.start();
  await using to = await TestLink.open(server.address);
  await works(to, server);
  await server.command("REPLICAOF", "127.0.0.1", freePort());
  await failsWith(to.append(["job 2"], 2), "refused", "READONLY");
  await until(() => to.losses.length > 0, "dialled anew");
  await server.command("REPLICAOF", "NO", "ONE");
  await to.untilReady();
  assert.deepEqual(await to.appendSurely(["job 2"], 2), written());
  assert.deepEqual(await server.list(LIST), ["job 1", "job 2"]);
});

Deno.test("RedisLink is ready only when the server has loaded its data", async () => {
  // A pause for each command of the file, in microseconds; a server that loads answers now and then.
  await using server = await RedisServer.start({
    appendOnly: true,
    config: [
      "aof-use-rdb-preamble no",
      "key-load-delay 300",
      "loading-process-events-interval-bytes 1024",
    ],
  });
  await using to = await TestLink.open(server.address);
  for (let first = 1; first <= 1_000; first++) await to.append([`job ${first}`], first);
  await server.kill();
  await until(() => to.losses.length > 0, "lost");
  const begin = performance.now();
  await Promise.all([server.start(), to.untilReady()]);
  const ms = performance.now() - begin;
  assert.ok(ms > 300, `loaded in ${ms} ms`);
  assert.equal(to.ready, 2);
  assert.deepEqual(await to.append(["job 1001"], 1_001), written());
});

/** Every way to forbid the script: by the user's rights, and for everybody. */
const FORBIDDEN_SCRIPTS:
  readonly (readonly [how: string, config: readonly string[], login: string])[] = [
    ["the user may not", [`user x on >${SECRET} ~* +@all -eval -evalsha`], `x:${SECRET}@`],
    ["the commands are renamed", ['rename-command EVAL ""', 'rename-command EVALSHA ""'], ""],
  ];

for (const [how, config, login] of FORBIDDEN_SCRIPTS) {
  Deno.test(`RedisLink writes each job once with WATCH where scripts are forbidden: ${how}`, async () => {
    await using server = await RedisServer.start({ config });
    await using to = await TestLink.open(`redis://${login}${server.address}`);
    assert.deepEqual(await to.append(["b"], 2), gap());
    assert.deepEqual(await to.append(["a", "b"], 1), written());
    assert.deepEqual(await to.append(["b", "c"], 2), written(1));
    assert.deepEqual(await to.append(["a", "b", "c"], 1), written(3));
    assert.deepEqual(await to.append(["e"], 5), gap(3));
    assert.deepEqual(await to.append([], 4), written());
    assert.equal(to.link.mode, "watch");
    assert.deepEqual(to.fallbacks.map(({ mode }) => mode), ["watch"]);
    assert.doesNotMatch(to.fallbacks[0]!.why, /args/);
    assert.equal(await server.command("GET", WATERMARK), "3");
    assert.ok(Number(await server.command("TTL", WATERMARK)) > 600_000);
    await Promise.all(PUSH_LISTS.map(async (_, list) => {
      for (let i = 4; i < 24; i++) {
        const after = list > 0 && i === 4 ? { after: 0 } : {};
        assert.deepEqual(await to.append([`${list}: ${i}`], i, { list, ...after }), written());
      }
    }));
    for (const [list, name] of PUSH_LISTS.entries()) {
      const jobs = Array.from({ length: 20 }, (_, i) => `${list}: ${i + 4}`);
      assert.deepEqual((await server.list(name)).slice(-20), jobs);
    }
    assert.deepEqual(await to.link.lengths(), [23, 20, 20, 20, 20]);
    assert.deepEqual(to.losses, []);
  });
}

Deno.test("RedisLink with WATCH and retries writes each job once while connections are killed, and tells it once", async () => {
  await using server = await RedisServer.start({ config: FORBIDDEN_SCRIPTS[0]![1] });
  await using to = await TestLink.open(`redis://x:${SECRET}@${server.address}`);
  const jobs = await appendWhileKilled(to, server);
  assert.deepEqual(await server.list(LIST), jobs);
  assert.ok(to.losses.length > 0);
  assert.deepEqual(to.fallbacks.map(({ mode }) => mode), ["watch"]);
});

Deno.test("RedisLink with WATCH writes a job once that a frozen server takes late", async () => {
  await using server = await RedisServer.start({ config: FORBIDDEN_SCRIPTS[0]![1] });
  await using to = await TestLink.open(`redis://x:${SECRET}@${server.address}`, {
    times: SHORT_TIMES,
  });
  await works(to, server);
  server.freeze();
  await failsWith(to.append(["job 2"], 2), "timed_out");
  server.thaw();
  await to.untilReady();
  assert.equal((await to.appendSurely(["job 2"], 2)).kind, "written");
  assert.deepEqual(await server.list(LIST), ["job 1", "job 2"]);
});

/** Every way to forbid the watermark. */
const FORBIDDEN_MARKS: readonly (readonly [how: string, rights: string])[] = [
  [
    "RPUSH on the lists is all that is allowed",
    `${PUSH_LISTS.map((name) => `~${name}`).join(" ")} ` +
    "+rpush +multi +exec +info +ping +llen +client +select +hello",
  ],
  ["SET is forbidden, and scripts", "~* +@all -eval -evalsha -set"],
];

for (const [how, rights] of FORBIDDEN_MARKS) {
  Deno.test(`RedisLink pushes plainly where the watermark is out of reach: ${how}`, async () => {
    await using server = await RedisServer.start({ config: [`user x on >${SECRET} ${rights}`] });
    await using to = await TestLink.open(`redis://x:${SECRET}@${server.address}`);
    assert.deepEqual(await to.append(["a", "b"], 1), written());
    assert.equal(to.link.mode, "plain");
    assert.deepEqual(await to.append(["c"], 3), written());
    assert.deepEqual(await to.append([], 4), written());
    assert.deepEqual(await server.list(LIST), ["a", "b", "c"]);
    assert.deepEqual(await to.link.lengths(), [3, 0, 0, 0, 0]);
    assert.deepEqual(to.fallbacks.map(({ mode }) => mode), ["watch", "plain"]);
    assert.equal(await server.command("EXISTS", WATERMARK), 0);
  });
}

Deno.test("RedisLink says NOPERM when not even RPUSH is allowed", async () => {
  await using server = await RedisServer.start({
    config: [`user x on >${SECRET} ~* +info +ping +client +hello`],
  });
  await using to = await TestLink.open(`redis://x:${SECRET}@${server.address}`);
  await failsWith(to.append(["a"], 1), "refused", "NOPERM");
  await failsWith(to.link.lengths(), "refused", "NOPERM");
});

Deno.test("RedisLink takes a script's forbidden SET for forbidden scripts", async () => {
  await using server = await RedisServer.start({ config: [`user x on >${SECRET} ~* +@all -set`] });
  await using to = await TestLink.open(`redis://x:${SECRET}@${server.address}`);
  assert.deepEqual(await to.append(["a"], 1), written());
  assert.equal(to.link.mode, "plain");
  assert.deepEqual([...new Set(await server.list(LIST))], ["a"]);
});

Deno.test("RedisLink counts the jobs in each list, and knows a key that is none", async () => {
  await using server = await RedisServer.start();
  await using to = await TestLink.open(server.address);
  await to.append(["a", "b"], 1);
  await server.command("SET", PUSH_LISTS[1], "no list");
  assert.deepEqual(await to.link.lengths(), [2, undefined, 0, 0, 0]);
  await failsWith(to.link.append(orderOf(["c"], 1, { list: 1 })), "refused", "WRONGTYPE");
  await server.kill();
  await until(() => to.losses.length > 0, "lost");
  await failsWith(to.link.lengths(), "unreachable");
});
