// Loads groups from MySQL several times, in a process of its own; prints what each further table that is held takes of resident memory,
// and how much of that goes once they are freed, as JSON. Arguments: a DSN. Wants --expose-gc.
import { GroupLoader } from "../../src/groups/group_loader.ts";
import { parseMysqlDsn } from "../../src/groups/mysql_settings.ts";
import type { GroupTable } from "../../src/router/group_table.ts";

interface Collector {
  gc(options: { type: "major"; execution: "sync" }): void;
}

/** Resident bytes once nothing is left to collect. */
async function resident(): Promise<number> {
  const { gc } = globalThis as unknown as Collector;
  for (let i = 0; i < 3; i++) {
    gc({ type: "major", execution: "sync" });
    await new Promise((resolve) => setTimeout(resolve, 0)); // what a callback of the loop holds goes too
  }
  return Deno.memoryUsage().rss;
}

/** Tables that are there before, with all that a load takes beside them, and those that are measured. */
const BEFORE = 2, MEASURED = 4;
/** Of a member, in the largest piece of a table; smaller pieces stay with the process for whatever comes. */
const PAIR_BYTES_LEAST = 7;

const loader = new GroupLoader(parseMysqlDsn(Deno.args[0]!));
const { signal } = new AbortController();

async function load(count: number): Promise<GroupTable[]> {
  const tables: GroupTable[] = [];
  while (tables.length < count) tables.push((await loader.load(signal)).table);
  return tables;
}

const before = await load(BEFORE);
const empty = await resident();
const measured = await load(MEASURED);
const full = await resident();
const members = before[0]!.memberCount;
for (const table of measured) await loader.free(table);
// The thread gives back the largest piece of each, and says nothing of it.
let freed = await resident();
const end = performance.now() + 5_000;
while (full - freed < MEASURED * PAIR_BYTES_LEAST * members && performance.now() < end) {
  freed = await resident();
}
const figures = {
  members,
  bytes: (full - empty) / MEASURED,
  freed: (full - freed) / MEASURED,
};
await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(figures)));
loader.close();
