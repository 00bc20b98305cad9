// Fills a table with users and empties it again, in a process of its own; prints what that takes of resident memory as JSON.
// Arguments: how many users. Wants --expose-gc.
import { SubscriptionTable } from "../../src/router/subscription_table.ts";

const users = Number(Deno.args[0]);
const HOLDERS = 8;

interface Collector {
  gc(options: { type: "major"; execution: "async" }): Promise<void>;
}

/** Resident bytes once nothing is left to collect. */
async function resident(): Promise<number> {
  const { gc } = globalThis as unknown as Collector;
  for (let i = 0; i < 3; i++) await gc({ type: "major", execution: "async" });
  return Deno.memoryUsage().rss;
}

function fill(table: SubscriptionTable, count: number): void {
  for (let i = 0; i < count; i++) table.subscribe(i % HOLDERS, 0, 7, 0, 14_420_000 + i, 1);
}

const table = new SubscriptionTable(0x5eed);
fill(table, 20_000); // the code is compiled, and the first megabytes are there
for (let holder = 0; holder < HOLDERS; holder++) {
  table.retire(holder);
  table.release(holder, users);
}
const empty = await resident();
fill(table, users);
const full = await resident();
for (let holder = 0; holder < HOLDERS; holder++) {
  table.retire(holder);
  while (table.release(holder, 4_000) === 4_000);
}
const emptied = await resident();
const figures = { keys: table.keys, each: (full - empty) / users, left: emptied - empty };
await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(figures)));
