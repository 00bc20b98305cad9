// What a server answers instead of rows, in the words of an operator, and that none of them holds the password.
import assert from "node:assert/strict";
import { loadErrorOf } from "../../src/groups/load_error.ts";
import { failOnce, loadOnce, sharedServer, TestLoader } from "./loader_fixture.ts";

const shared = sharedServer();
const SECRET = "hidden-7";
const HINT = /\(expected: `group` \(id, …\) and group_member \(group_id, uid, …\)\)$/;

/** Runs SQL in the database `im`. */
async function sql(text: string): Promise<string> {
  return await shared.get().sql(`USE im; ${text}`);
}

/** A user without any rights so far. */
async function makeUser(name: string): Promise<string> {
  await sql(`CREATE OR REPLACE USER ${name}@'%' IDENTIFIED BY '${SECRET}'`);
  return `${name}:${SECRET}`;
}

Deno.test("GroupLoader.load with a wrong password, or none, is denied, and names the user but no password", async () => {
  await makeUser("im");
  for (const login of [`im:wrong-${SECRET}`, "im", `nobody:${SECRET}`]) {
    const message = await failOnce(shared.get().dsn("im", login), "denied", /Access denied for/);
    assert.match(message, new RegExp(`'${login.split(":")[0]}'@`));
    assert.ok(!message.includes(SECRET), message);
  }
});

Deno.test("GroupLoader.load without the right to the database, a table or a column is denied, and says which", async () => {
  const login = await makeUser("im");
  const dsn = shared.get().dsn("im", login);
  await failOnce(dsn, "denied", /Access denied for user 'im'@'%' to database 'im'/);
  await sql("GRANT SELECT ON im.`group` TO im@'%'");
  await failOnce(dsn, "denied", /SELECT command denied to user 'im'@.* for table .*group_member/);
  await sql("GRANT SELECT (group_id, nickname) ON im.group_member TO im@'%'");
  await failOnce(dsn, "denied", /SELECT command denied to user 'im'@.* for column 'uid'/);
  await sql("GRANT SELECT (uid) ON im.group_member TO im@'%'");
  await loadOnce(dsn);
});

Deno.test("GroupLoader.load from a database that is not there is wrong_schema", async () => {
  await failOnce(shared.get().dsn("gone"), "wrong_schema", /Unknown database 'gone'/);
});

for (
  const [what, change, message] of [
    ["without group", "DROP TABLE `group`", /Table 'im\.group' doesn't exist/],
    ["without group_member", "DROP TABLE group_member", /Table 'im\.group_member' doesn't exist/],
    ["without group.id", "ALTER TABLE `group` CHANGE id gid bigint", /Unknown column 'id'/],
    ["without group_member.uid", "ALTER TABLE group_member DROP uid", /Unknown column 'uid'/],
    [
      "without group_member.group_id",
      "ALTER TABLE group_member CHANGE group_id g bigint",
      /Unknown column 'group_id'/,
    ],
  ] as const
) {
  Deno.test(`GroupLoader.load from a database ${what} is wrong_schema, and says what is expected`, async () => {
    // A table without all of its key cannot have it.
    await sql(
      `ALTER TABLE group_member DROP PRIMARY KEY; ALTER TABLE group_member DROP KEY uid; ${change}`,
    );
    await failOnce(shared.get().dsn(), "wrong_schema", message);
    await failOnce(shared.get().dsn(), "wrong_schema", HINT);
  });
}

Deno.test("GroupLoader.load works again after failures, and leaves no connection open", async () => {
  using loader = new TestLoader(shared.get().dsn());
  await sql("RENAME TABLE group_member TO gone");
  for (let i = 0; i < 3; i++) await loader.failNow("wrong_schema");
  await sql("RENAME TABLE gone TO group_member; INSERT INTO `group` (id) VALUES (1)");
  assert.equal((await loader.loadNow()).table.size, 1);
  const end = performance.now() + 10_000;
  const others = "SELECT COUNT(*) FROM information_schema.processlist WHERE id != CONNECTION_ID()";
  // The server takes a moment to see that one has ended.
  while (await sql(others) !== "0") assert.ok(performance.now() < end, "a connection stays open");
});

Deno.test("GroupLoader.load whose query ends in the midst of its rows fails with what the server says", async () => {
  await sql(`
    RENAME TABLE group_member TO hidden;
    INSERT INTO \`group\` (id) VALUES (1);
    CREATE FUNCTION broken(n bigint) RETURNS bigint RETURN
      IF(n < 1000, n, (SELECT seq FROM seq_1_to_2));
    CREATE VIEW group_member AS SELECT 1 AS group_id, broken(seq) AS uid FROM seq_1_to_2000;
  `);
  await failOnce(shared.get().dsn(), "failed", /Subquery returns more than 1 row/);
});

Deno.test("loadErrorOf leaves a LoadError as it is, and makes something of whatever is thrown", () => {
  const error = loadErrorOf(Object.assign(new Error("gone"), { code: "ECONNRESET", fatal: true }));
  assert.deepEqual([error.kind, error.message], ["unreachable", "gone"]);
  assert.equal(loadErrorOf(error), error);
  const bare = loadErrorOf(Object.assign(new Error(""), { code: "ECONNREFUSED", fatal: true }));
  assert.deepEqual([bare.kind, bare.message], ["unreachable", "ECONNREFUSED"]);
  for (const thrown of ["text", null, undefined, 7]) {
    const error = loadErrorOf(thrown);
    assert.deepEqual([error.kind, error.message], ["failed", String(thrown)]);
  }
});
