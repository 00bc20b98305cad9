// What the loader makes of the rows of a real MariaDB: ids, NULLs, orphans, and tables of other shapes than the family's.
import assert from "node:assert/strict";
import { GroupTable } from "../../src/router/group_table.ts";
import { membersOf } from "../support/group_tables.ts";
import { ID_EXTREMES } from "../support/wire_hex.ts";
import { loadOnce, sharedServer, TestLoader } from "./loader_fixture.ts";

const shared = sharedServer();
const ASCENDING = [...ID_EXTREMES].sort((a, b) => a < b ? -1 : 1);

/** Runs SQL in the database `im`. */
async function sql(text: string): Promise<string> {
  return await shared.get().sql(`USE im; ${text}`);
}

/** Loads as root, and asserts that nothing was left out. */
async function loadAll(): Promise<GroupTable> {
  const { table, leftOut } = await loadOnce(shared.get().dsn());
  assert.deepEqual(leftOut, { orphans: 0, unreadable: 0 });
  return table;
}

/** Rows of `group_member` for SQL. */
function memberRows(...rows: readonly (readonly [group: bigint, uid: bigint])[]): string {
  return "INSERT INTO group_member (group_id, uid) VALUES " +
    rows.map(([group, uid]) => `(${group}, ${uid})`).join();
}

Deno.test("GroupLoader.load reads groups, those without members too, and the members of each in order", async () => {
  await sql("INSERT INTO `group` (id, super) VALUES (7, 0), (3, 1), (9, 0)");
  await sql(memberRows([7n, 30n], [3n, 30n], [7n, 10n], [7n, 20n]));
  const table = await loadAll();
  assert.deepEqual([table.isLoaded, table.size, table.memberCount], [true, 3, 4]);
  assert.deepEqual(membersOf(table, 7n), [10n, 20n, 30n]);
  assert.deepEqual(membersOf(table, 3n), [30n]);
  assert.deepEqual(membersOf(table, 9n), []);
  assert.equal(membersOf(table, 8n), undefined);
});

Deno.test("GroupLoader.load of empty tables gives a loaded table that takes changes", async () => {
  const table = await loadAll();
  assert.deepEqual([table.isLoaded, table.size, table.memberCount], [true, 0, 0]);
  table.create(1n);
  table.addMember(1n, 2n);
  assert.deepEqual(membersOf(table, 1n), [2n]);
});

Deno.test("GroupLoader.load keeps ids at both ends of int64 and of what JavaScript counts exact", async () => {
  await sql(
    "SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO'; INSERT INTO `group` (id) VALUES " +
      ID_EXTREMES.map((id) => `(${id})`).join(),
  );
  const rows = ID_EXTREMES.flatMap((group) => ID_EXTREMES.map((uid) => [group, uid] as const));
  await sql(memberRows(...rows));
  const table = await loadAll();
  for (const id of ID_EXTREMES) assert.deepEqual(membersOf(table, id), ASCENDING, `group ${id}`);
  assert.equal(table.size, ID_EXTREMES.length);
});

Deno.test("GroupLoader.load takes rows whose other columns are NULL", async () => {
  await sql("INSERT INTO `group` (id, appid, master, name) VALUES (1, NULL, NULL, NULL)");
  await sql(
    "INSERT INTO group_member (group_id, uid, timestamp, nickname, mute) VALUES (1, 2, NULL, NULL, NULL)",
  );
  assert.deepEqual(membersOf(await loadAll(), 1n), [2n]);
});

Deno.test("GroupLoader.load counts members of groups that are not there, and leaves them out", async () => {
  await sql("INSERT INTO `group` (id) VALUES (1)");
  await sql(memberRows([1n, 5n], [2n, 5n], [2n, 6n], [-1n, 5n]));
  const { table, leftOut } = await loadOnce(shared.get().dsn());
  assert.deepEqual(leftOut, { orphans: 3, unreadable: 0 });
  assert.deepEqual([table.size, table.memberCount], [1, 1]);
  assert.equal(membersOf(table, 2n), undefined);
});

Deno.test("GroupLoader.load counts rows whose ids are NULL, where a table allows that, and leaves them out", async () => {
  await sql(`
    DROP TABLE \`group\`; CREATE TABLE \`group\` (id bigint, appid bigint);
    DROP TABLE group_member; CREATE TABLE group_member (group_id bigint, uid bigint);
    INSERT INTO \`group\` VALUES (NULL, 7), (1, 7), (NULL, NULL);
    INSERT INTO group_member VALUES (1, NULL), (NULL, 5), (1, 5), (NULL, NULL), (1, NULL), (2, 5);
  `);
  const { table, leftOut } = await loadOnce(shared.get().dsn());
  assert.deepEqual(leftOut, { orphans: 1, unreadable: 2 + 4 });
  assert.equal(table.size, 1);
  assert.deepEqual(membersOf(table, 1n), [5n]);
});

Deno.test("GroupLoader.load counts ids of an unsigned table that are past int64, and takes the others", async () => {
  const largest = 2n ** 63n - 1n;
  await sql(`
    ALTER TABLE \`group\` MODIFY id bigint unsigned NOT NULL;
    ALTER TABLE group_member MODIFY group_id bigint unsigned NOT NULL, MODIFY uid bigint unsigned NOT NULL;
    INSERT INTO \`group\` (id) VALUES (1), (${largest}), (${2n ** 63n}), (${2n ** 64n - 1n});
  `);
  await sql(memberRows([1n, 5n], [1n, 2n ** 63n], [largest, largest], [2n ** 64n - 1n, 5n]));
  const { table, leftOut } = await loadOnce(shared.get().dsn());
  assert.deepEqual(leftOut, { orphans: 0, unreadable: 2 + 2 });
  assert.deepEqual([membersOf(table, 1n), membersOf(table, largest)], [[5n], [largest]]);
});

for (
  const [type, ids] of Object.entries({
    "int": [-(2n ** 31n), 0n, 2n ** 31n - 1n],
    "int unsigned": [0n, 2n ** 31n, 2n ** 32n - 1n],
    "bigint zerofill": [0n, 7n, 2n ** 63n - 1n],
    "decimal(20,0)": ASCENDING,
    "varchar(20)": ASCENDING,
  })
) {
  Deno.test(`GroupLoader.load takes ids that are ${type}`, async () => {
    await sql(`
      DROP TABLE \`group\`; CREATE TABLE \`group\` (id ${type});
      DROP TABLE group_member; CREATE TABLE group_member (group_id ${type}, uid ${type});
      INSERT INTO \`group\` VALUES ${ids.map((id) => `(${id})`).join()};
    `);
    await sql(memberRows(...ids.map((uid) => [ids[0]!, uid] as const)));
    assert.deepEqual(membersOf(await loadAll(), ids[0]!), ids);
  });
}

Deno.test("GroupLoader.load takes who stands in a group twice once, in a table without a primary key", async () => {
  await sql("ALTER TABLE group_member DROP PRIMARY KEY; INSERT INTO `group` (id) VALUES (1), (2)");
  await sql(memberRows([1n, 9n], [2n, 9n], [1n, 5n], [1n, 9n], [1n, 5n], [1n, 9n]));
  const table = await loadAll();
  assert.deepEqual([membersOf(table, 1n), membersOf(table, 2n)], [[5n, 9n], [9n]]);
  assert.equal(table.memberCount, 3);
  table.removeMember(1n, 9n);
  assert.deepEqual(membersOf(table, 1n), [5n]);
});

for (const [index, change] of [["with", ""], ["without", "DROP KEY uid"]] as const) {
  Deno.test(`GroupLoader.load is right ${index} the index of the users, by which rows come in another order`, async () => {
    await sql(`
      ALTER TABLE group_member ${change};
      INSERT INTO \`group\` (id) SELECT seq FROM seq_1_to_500;
      INSERT INTO group_member (group_id, uid)
        SELECT groups.seq, users.seq * 1000 + groups.seq % 7 FROM seq_1_to_500 groups, seq_1_to_20 users;
      ANALYZE TABLE group_member;
    `);
    const rows = (await sql("SELECT group_id FROM group_member")).split("\n").map(Number);
    const isByGroup = rows.every((group, i) => i === 0 || group >= rows[i - 1]!);
    assert.equal(isByGroup, index === "without", "the order is the one that is meant");
    const table = await loadAll();
    for (let group = 1; group <= 500; group++) {
      const expected = Array.from({ length: 20 }, (_, i) => BigInt((i + 1) * 1_000 + group % 7));
      assert.deepEqual(membersOf(table, BigInt(group)), expected);
    }
    assert.deepEqual([table.size, table.memberCount], [500, 10_000]);
  });
}

Deno.test("GroupLoader.load only reads: a user who may SELECT suffices", async () => {
  await sql("INSERT INTO `group` (id) VALUES (1)");
  await sql(memberRows([1n, 5n]));
  const login = await shared.get().createReader("hidden'\\:@/");
  const { table } = await loadOnce(shared.get().dsn("im", login));
  assert.deepEqual(membersOf(table, 1n), [5n]);
  const rights = await sql("SHOW GRANTS FOR imr@'%'");
  assert.match(rights, /GRANT USAGE ON .*\nGRANT SELECT ON `im`\.\* TO [^\n]*$/);
});

Deno.test("GroupLoader.load again sees what has changed, and leaves the table before as it was", async () => {
  using loader = new TestLoader(shared.get().dsn());
  await sql("INSERT INTO `group` (id) VALUES (1), (2)");
  await sql(memberRows([1n, 5n], [2n, 5n]));
  const first = (await loader.loadNow()).table;
  await sql("DELETE FROM `group` WHERE id = 2; DELETE FROM group_member WHERE group_id = 2");
  await sql(memberRows([1n, 6n]));
  const second = (await loader.loadNow()).table;
  assert.deepEqual([membersOf(first, 1n), membersOf(first, 2n)], [[5n], [5n]]);
  assert.deepEqual([membersOf(second, 1n), membersOf(second, 2n)], [[5n, 6n], undefined]);
});

Deno.test("GroupLoader.free takes the memory of a table, while a load is under way and once the loader is closed", async () => {
  using loader = new TestLoader(shared.get().dsn());
  await sql("INSERT INTO `group` (id) VALUES (1)");
  await sql(memberRows([1n, 5n]));
  const { table } = await loader.loadNow();
  const members = table.members(1n)!;
  const [{ table: next }] = await Promise.all([loader.loadNow(), loader.free(table)]);
  assert.deepEqual([members.length, members.buffer.byteLength], [0, 0]);
  assert.deepEqual(membersOf(next, 1n), [5n], "the other one is left alone");
  loader.close();
  await loader.free(next);
  loader.close();
});
