// What the tests of the admin port share: a real router behind a real port, raw requests, and waiting with a deadline.
import type { AdminSources, ServerCounts } from "../../src/admin/admin_sources.ts";
import { type AdminOptions, type AdminServer, listenAdmin } from "../../src/admin/listen_admin.ts";
import type { LogFields, LogLevel } from "../../src/log.ts";
import { Server } from "../../src/net/server.ts";
import { GroupTable } from "../../src/router/group_table.ts";
import type { WaitingLimits } from "../../src/router/waiting_frames.ts";
import { Router } from "../../src/router/router.ts";

export interface LogLine {
  readonly level: LogLevel;
  readonly event: string;
  readonly fields: LogFields;
}

/** An open port, and what stands behind it. */
export interface Fixture extends AsyncDisposable {
  readonly router: Router;
  readonly server: Server;
  readonly admin: AdminServer;
  readonly base: string;
  readonly log: LogLine[];
  /** Sends bytes as they are and gives all that comes back until the other side closes. */
  raw(request: string): Promise<string>;
}

export type FixtureOptions =
  & Partial<Omit<AdminOptions, "sources" | "log">>
  & {
    readonly sources?: Partial<Omit<AdminSources, "router" | "server">>;
    readonly groups?: GroupTable | undefined;
    readonly groupWaiting?: WaitingLimits | undefined;
  };

export function openFixture(
  { groups, groupWaiting, ...options }: FixtureOptions = {},
): Fixture {
  const router = new Router({ generation: 2, groups, groupWaiting });
  const server = new Server({ router, push: () => undefined, log: () => {} });
  const log: LogLine[] = [];
  const admin = listenAdmin({
    hostname: "127.0.0.1",
    port: 0,
    ...options,
    sources: { router, server, version: "1.2.3", notReadyReasons: () => [], ...options.sources },
    log: (level, event, fields = {}) => log.push({ level, event, fields }),
  });
  const { port } = admin.addr;
  return {
    router,
    server,
    admin,
    base: `http://127.0.0.1:${port}`,
    log,
    raw: async (request) => {
      using conn = await Deno.connect({ hostname: "127.0.0.1", port });
      await writeAll(conn, request);
      return await readAll(conn);
    },
    [Symbol.asyncDispose]: () => admin.close(),
  };
}

export async function writeAll(conn: Deno.Conn, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

/** All that comes until the other side closes; a reset is an end too. */
export async function readAll(conn: Deno.Conn): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(64 << 10);
  let text = "";
  try {
    for (let n; (n = await conn.read(buffer)) !== null;) {
      text += decoder.decode(buffer.subarray(0, n), { stream: true });
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
  }
  return text;
}

/** Waits until something is true, but not for ever. */
export async function until(what: string, isTrue: () => boolean, ms = 5_000): Promise<void> {
  const deadline = performance.now() + ms;
  while (!isTrue()) {
    if (performance.now() > deadline) throw new Error(`not in ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Subscribes a user on a connection of the table. */
export function subscribe(
  router: Router,
  connection: number,
  appid: bigint,
  uid: bigint,
  online = 1,
): void {
  router.table.users.subscribe(connection, hi(appid), lo(appid), hi(uid), lo(uid), online);
}

/** A table of groups by id. */
export function tableOf(groups: Record<string, readonly bigint[]>): GroupTable {
  const table = GroupTable.empty();
  for (const [id, members] of Object.entries(groups)) {
    table.create(BigInt(id));
    for (const uid of members) table.addMember(BigInt(id), uid);
  }
  return table;
}

export function hi(id: bigint): number {
  return Number(BigInt.asIntN(32, id >> 32n));
}

export function lo(id: bigint): number {
  return Number(BigInt.asIntN(32, id));
}

/** Counts that a test can set. */
export type MutableCounts = { -readonly [Key in keyof ServerCounts]: ServerCounts[Key] };
