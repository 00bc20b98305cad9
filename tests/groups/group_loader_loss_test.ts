// A real MariaDB that goes away, or stops, before a load and in the midst of one; and loads that are given up.
import assert from "node:assert/strict";
import { parseMysqlDsn } from "../../src/groups/mysql_settings.ts";
import { membersOf } from "../support/group_tables.ts";
import { MariadbServer } from "../support/mariadb_server.ts";
import { freePort } from "../support/redis_server.ts";
import { until } from "../net/waiting.ts";
import { failOnce, sharedServer, TestLoader } from "./loader_fixture.ts";
import { WatchedLine } from "./watched_line.ts";

const shared = sharedServer();
const MEMBERS = 500_000;
/** So much has come when a test steps in: the rows of members are under way, and most are still to come. */
const MIDST_BYTES = 1 << 20;
const never = new AbortController().signal;

/** A server that a test may end. */
async function ownServer(): Promise<MariadbServer> {
  const server = await MariadbServer.start();
  await server.loadFamilySchema();
  return server;
}

/** Fills the database with one group of so many members that no buffer on the way holds their rows, without storing them. */
async function fill(server: MariadbServer): Promise<void> {
  await server.sql(`
    USE im; DROP TABLE group_member; INSERT INTO \`group\` (id) VALUES (1);
    CREATE VIEW group_member AS
      SELECT 1 AS group_id, -9000000000000000000 + CAST(seq AS signed) AS uid FROM seq_1_to_${MEMBERS};
  `);
}

/** Does something once, when rows have come, and lets everything go on after that. */
function inTheMidst(then: () => Promise<void> | void): (bytes: number) => Promise<void> {
  let isDone = false;
  return async (bytes) => {
    if (isDone || bytes < MIDST_BYTES) return;
    isDone = true;
    await then();
  };
}

/** Asserts that a load gives what {@linkcode fill} has made. */
async function assertLoads(loader: TestLoader): Promise<void> {
  const { table } = await loader.loadNow();
  assert.deepEqual([table.size, table.memberCount], [1, MEMBERS]);
}

/** The DSN of a line to the server. */
const through = (line: WatchedLine) => `root@tcp(127.0.0.1:${line.port})/im`;

Deno.test("GroupLoader.load without a server is unreachable, and says where; it works once the server is there", async () => {
  await using server = await ownServer();
  await server.stop();
  using loader = new TestLoader(server.dsn());
  await loader.failNow("unreachable", new RegExp(`127\\.0\\.0\\.1:${server.port}`));
  await loader.failNow("unreachable");
  await server.start();
  assert.equal((await loader.loadNow()).table.size, 0);
});

Deno.test("GroupLoader.load from a socket or a host that is not there is unreachable, and says where", async () => {
  await failOnce("root@unix(/nowhere/mysql.sock)/im", "unreachable", /\/nowhere\/mysql\.sock/);
  await failOnce("root@tcp(nowhere.invalid)/im", "unreachable", /nowhere\.invalid/);
  await failOnce(`root@tcp([::1]:${freePort()})/im`, "unreachable", /::1/);
});

Deno.test("GroupLoader.load of a server that takes connections and answers nothing is too_slow; it works after that", async () => {
  const server = shared.get();
  using loader = new TestLoader({ ...parseMysqlDsn(server.dsn()), connectTimeoutMs: 150 });
  server.freeze();
  try {
    await loader.failNow("too_slow");
  } finally {
    server.thaw();
  }
  assert.equal((await loader.loadNow()).table.size, 0);
});

Deno.test("GroupLoader.load of a server that stops in the midst of the rows is too_slow, the line ends, and the next load works", async () => {
  const server = shared.get();
  await fill(server);
  await using line = new WatchedLine(server.port, { onAnswer: inTheMidst(() => server.freeze()) });
  using loader = new TestLoader(through(line), { silenceMs: 500 });
  try {
    await loader.failNow("too_slow", /^MySQL has sent nothing for 0\.5 s$/);
    await until(() => line.open === 0, "the load's connection ends");
  } finally {
    server.thaw();
  }
  assert.equal(line.taken, 1);
  await assertLoads(loader);
});

Deno.test("GroupLoader.load of a server that is killed in the midst of the rows is unreachable, and the next load works", async () => {
  await using server = await ownServer();
  await fill(server);
  await using line = new WatchedLine(server.port, { onAnswer: inTheMidst(() => server.kill()) });
  using loader = new TestLoader(through(line));
  await loader.failNow("unreachable", /closed|lost|reset/i);
  await server.start();
  await assertLoads(loader);
});

Deno.test("GroupLoader.load whose connection an operator kills fails, and the next load works", async () => {
  const server = shared.get();
  await fill(server);
  await using line = new WatchedLine(server.port, {
    onAnswer: inTheMidst(async () => {
      const id = await server.sql(
        "SELECT id FROM information_schema.processlist WHERE info LIKE 'SELECT group_id, uid%'",
      );
      await server.sql(`KILL ${id}`);
    }),
  });
  using loader = new TestLoader(through(line));
  await assert.rejects(loader.loadNow(), { name: "LoadError" });
  await assertLoads(loader);
});

Deno.test("GroupLoader.load that its signal ends in the midst rejects with the reason, the line ends, and the next load works", async () => {
  const server = shared.get();
  await fill(server);
  const stop = new AbortController();
  const reason = new Error("the program ends");
  const onAnswer = inTheMidst(() => stop.abort(reason));
  await using line = new WatchedLine(server.port, { onAnswer });
  using loader = new TestLoader(through(line));
  await assert.rejects(loader.load(stop.signal), reason);
  await until(() => line.open === 0, "the load's connection ends");
  await assertLoads(loader);
});

Deno.test("GroupLoader.load with a signal that has fired rejects with its reason and dials nobody", async () => {
  await using line = new WatchedLine(shared.get().port);
  using loader = new TestLoader(through(line));
  const reason = new Error("the program ends");
  await assert.rejects(loader.load(AbortSignal.abort(reason)), reason);
  assert.deepEqual((await loader.load(never)).leftOut, { orphans: 0, unreadable: 0 });
  assert.equal(line.taken, 1);
});

Deno.test("GroupLoader.load ended at once, again and again, leaves a loader that works", async () => {
  using loader = new TestLoader(shared.get().dsn());
  await shared.get().sql("INSERT INTO im.`group` (id) VALUES (1)");
  for (let i = 0; i < 5; i++) {
    const stop = new AbortController();
    const load = loader.load(stop.signal);
    stop.abort();
    await assert.rejects(load, { name: "AbortError" });
  }
  assert.deepEqual(membersOf((await loader.loadNow()).table, 1n), []);
});

Deno.test("GroupLoader.close while a load is ended leaves no thread behind", async () => {
  const loader = new TestLoader(shared.get().dsn());
  const stop = new AbortController();
  const load = loader.load(stop.signal);
  stop.abort();
  loader.close();
  await assert.rejects(load, { name: "AbortError" });
});
