// A load shows the database as it was at one moment, whatever is written while it goes on.
import assert from "node:assert/strict";
import { membersOf } from "../support/group_tables.ts";
import { sharedServer, TestLoader } from "./loader_fixture.ts";
import { WatchedLine } from "./watched_line.ts";

const shared = sharedServer();

/** Runs SQL in the database `im`. */
async function sql(text: string): Promise<string> {
  return await shared.get().sql(`USE im; ${text}`);
}

/** The DSN of a line to the server. */
const through = (line: WatchedLine) => `root@tcp(127.0.0.1:${line.port})/im`;

/** What moves user 5 from group 1 to 2 and back, and makes and ends group 3 with its member, a transaction each. */
const CHANGES = `
  START TRANSACTION;
    DELETE FROM group_member WHERE group_id = 1 AND uid = 5;
    INSERT INTO group_member (group_id, uid) VALUES (2, 5);
  COMMIT;
  START TRANSACTION;
    INSERT INTO group_member (group_id, uid) VALUES (3, 5);
    INSERT INTO \`group\` (id) VALUES (3);
  COMMIT;
  START TRANSACTION;
    DELETE FROM group_member WHERE group_id = 2 AND uid = 5;
    INSERT INTO group_member (group_id, uid) VALUES (1, 5);
  COMMIT;
  START TRANSACTION;
    DELETE FROM \`group\` WHERE id = 3;
    DELETE FROM group_member WHERE group_id = 3;
  COMMIT;
`;

Deno.test("GroupLoader.load sees whole transactions alone, however many come while it goes on", async () => {
  // What stands between the groups that change makes a load last.
  await sql(`
    INSERT INTO \`group\` (id) VALUES (1), (2);
    INSERT INTO \`group\` (id) SELECT seq FROM seq_1000_to_5000;
    INSERT INTO group_member (group_id, uid) SELECT 1000 + seq % 4000, seq FROM seq_1_to_20000;
    INSERT INTO group_member (group_id, uid) VALUES (1, 5);
  `);
  using loader = new TestLoader(shared.get().dsn());
  await loader.loadNow(); // the thread is there
  let isWriting = true;
  const writing = sql(CHANGES.repeat(3_000)).finally(() => isWriting = false);
  const states = new Map<string, number>();
  while (isWriting) {
    const { table, leftOut } = await loader.loadNow();
    assert.deepEqual(leftOut, { orphans: 0, unreadable: 0 });
    const groups = [1n, 2n, 3n].map((id) => membersOf(table, id)?.join() ?? "no group");
    const state = groups.join("/");
    states.set(state, (states.get(state) ?? 0) + 1);
    assert.equal(table.memberCount, 20_001 + (groups[2] === "5" ? 1 : 0));
  }
  await writing;
  const whole = ["/5/5", "/5/no group", "5//5", "5//no group"];
  assert.deepEqual([...states.keys()].filter((state) => !whole.includes(state)), []);
  assert.ok(states.size > 1, "the loads saw more than one of the states that follow each other");
});

const QUERIES = ["SELECT COUNT", "SELECT id", "SELECT group_id, COUNT", "SELECT group_id, uid"];

for (const level of ["READ UNCOMMITTED", "SERIALIZABLE"]) {
  Deno.test(`GroupLoader.load keeps to its moment between any two queries, on a server that is ${level}`, async () => {
    await sql(`
      SET GLOBAL TRANSACTION ISOLATION LEVEL ${level};
      INSERT INTO \`group\` (id) VALUES (1), (2);
      INSERT INTO group_member (group_id, uid) VALUES (1, 10), (1, 11), (2, 20);
    `);
    let stop = "";
    let stops = 0;
    await using line = new WatchedLine(shared.get().port, {
      async onQuery(text) {
        if (stop === "" || !text.startsWith(stop)) return;
        stops++;
        await sql(`
          INSERT INTO \`group\` (id) VALUES (3);
          INSERT INTO group_member (group_id, uid) VALUES (1, 12), (3, 30);
          DELETE FROM group_member WHERE uid = 20;
          DELETE FROM \`group\` WHERE id = 2;
        `);
      },
    });
    using loader = new TestLoader(through(line));
    for (const query of QUERIES) {
      stop = query;
      const { table, leftOut } = await loader.loadNow();
      assert.deepEqual(leftOut, { orphans: 0, unreadable: 0 });
      const groups = [1n, 2n, 3n].map((group) => membersOf(table, group));
      assert.deepEqual(groups, [[10n, 11n], [20n], undefined], `changed before ${query}`);
      stop = "";
      const after = (await loader.loadNow()).table;
      assert.deepEqual([membersOf(after, 1n), membersOf(after, 3n)], [[10n, 11n, 12n], [30n]]);
      await sql(`
        DELETE FROM group_member WHERE uid IN (12, 30);
        DELETE FROM \`group\` WHERE id = 3;
        INSERT INTO \`group\` (id) VALUES (2);
        INSERT INTO group_member (group_id, uid) VALUES (2, 20);
      `);
    }
    assert.equal(stops, QUERIES.length);
    await sql("SET GLOBAL TRANSACTION ISOLATION LEVEL REPEATABLE READ");
  });
}

Deno.test("GroupLoader.load of tables that know no snapshot fails when a group grows meanwhile, and says why", async () => {
  await sql(`
    ALTER TABLE group_member ENGINE = MyISAM;
    INSERT INTO \`group\` (id) VALUES (1);
    INSERT INTO group_member (group_id, uid) VALUES (1, 10);
  `);
  let isFirst = true;
  await using line = new WatchedLine(shared.get().port, {
    async onQuery(text) {
      if (!isFirst || !text.startsWith("SELECT group_id, uid")) return;
      isFirst = false;
      await sql("INSERT INTO group_member (group_id, uid) VALUES (1, 11)");
    },
  });
  using loader = new TestLoader(through(line));
  await loader.failNow("failed", /are the tables InnoDB\?$/);
  const { table } = await loader.loadNow();
  assert.deepEqual(membersOf(table, 1n), [10n, 11n]);
});

for (
  const { what, query, change } of [
    { what: "a member goes", query: "SELECT group_id, uid", change: "DELETE FROM group_member" },
    { what: "a group goes", query: "SELECT id FROM", change: "DELETE FROM `group`" },
  ]
) {
  Deno.test(`GroupLoader.load that is sent fewer rows than were counted, as ${what} meanwhile, fails`, async () => {
    await sql(`
      ALTER TABLE group_member ENGINE = MyISAM;
      ALTER TABLE \`group\` ENGINE = MyISAM;
      INSERT INTO \`group\` (id) VALUES (1);
      INSERT INTO group_member (group_id, uid) VALUES (1, 10);
    `);
    await using line = new WatchedLine(shared.get().port, {
      async onQuery(text) {
        if (text.startsWith(query)) await sql(change);
      },
    });
    using loader = new TestLoader(through(line));
    await loader.failNow("failed", /another number of rows than it had counted/);
  });
}
