// A program that asks its own admin port for the list of a million users, some times, and measures for how long its event loop does
// nothing else. Writes the figures in JSON.
import process from "node:process";
import { openFixture, writeAll } from "./admin_fixture.ts";

const USERS = 1_000_000;
const RUNS = 6;

/** Milliseconds on the clock, and of CPU time. */
function times(): { wall: number; cpu: number } {
  const { user, system } = process.cpuUsage();
  return { wall: performance.now(), cpu: (user + system) / 1_000 };
}

/** Time in which other processes had the CPU does not count as a stall. */
async function run(port: number): Promise<{ bytes: number; stallMs: number; totalMs: number }> {
  const began = performance.now();
  let last = times();
  let stallMs = 0;
  const look = () => {
    const now = times();
    stallMs = Math.max(stallMs, Math.min(now.wall - last.wall, now.cpu - last.cpu));
    last = now;
  };
  const timer = setInterval(look, 1);
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await writeAll(conn, "GET /all_online HTTP/1.0\r\n\r\n");
  const buffer = new Uint8Array(64 << 10);
  let bytes = 0;
  for (let n; (n = await conn.read(buffer)) !== null;) bytes += n;
  look();
  clearInterval(timer);
  return { bytes, stallMs, totalMs: performance.now() - began };
}

await using fixture = openFixture();
const { router, admin } = fixture;
const connection = router.connect();
for (let i = 0; i < USERS; i++) {
  const uid = (i * 2_654_435_761) % Number.MAX_SAFE_INTEGER;
  router.table.users.subscribe(connection, 0, 7, Math.floor(uid / 2 ** 32), uid | 0, 1);
}
const runs = [];
for (let i = 0; i < RUNS; i++) runs.push(await run(admin.addr.port));
await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(runs)));
