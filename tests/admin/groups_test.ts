// /group: who is in a group, in slices, and for whom.
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import type { Hono } from "hono";
import { Access } from "../../src/admin/access.ts";
import type { AdminSources } from "../../src/admin/admin_sources.ts";
import { adminApp, type AdminEnv } from "../../src/admin/http.ts";
import { ADMIN_LIMITS, type AdminLimits } from "../../src/admin/listen_admin.ts";
import { Metrics } from "../../src/admin/metrics.ts";
import { OpenRequests } from "../../src/admin/open_requests.ts";
import { Turns } from "../../src/admin/turns.ts";
import { Server } from "../../src/net/server.ts";
import { GroupTable } from "../../src/router/group_table.ts";
import { Router } from "../../src/router/router.ts";
import { openFixture, tableOf, until } from "./admin_fixture.ts";

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/** The requests without a port: who asks may be anybody, and nothing is read ahead. */
interface App {
  readonly turns: Turns;
  readonly open: OpenRequests;
  ask(path: string, options?: { peer?: string; headers?: HeadersInit; method?: string }): Promise<
    Response
  >;
}

function appOf(
  table: GroupTable,
  { token, limits }: { token?: string; limits?: Partial<AdminLimits> } = {},
): App {
  const router = new Router({ generation: 1, groups: table });
  const server = new Server({ router, push: () => undefined, log: () => {} });
  const sources: AdminSources = { router, server, version: "1", notReadyReasons: () => [] };
  const turns = new Turns({ ...ADMIN_LIMITS, ...limits });
  const open = new OpenRequests();
  const app: Hono<AdminEnv> = adminApp({
    sources,
    metrics: new Metrics(sources),
    access: new Access("0.0.0.0", token),
    open,
    turns,
    limits: { ...ADMIN_LIMITS, ...limits },
    log: () => {},
  });
  return {
    turns,
    open,
    ask: async (path, { peer = "127.0.0.1", headers = {}, method = "GET" } = {}) => {
      const remoteAddr: Deno.NetAddr = { transport: "tcp", hostname: peer, port: 1 };
      const info = { remoteAddr, completed: Promise.resolve() };
      return await app.fetch(new Request(`http://imr${path}`, { method, headers }), info);
    },
  };
}

Deno.test("/group says who is in a group, with exact ids in ascending order", async () => {
  const table = tableOf({
    "500": [3n, 1n, 2n],
    "9007199254740993": [2n ** 53n + 1n],
    [String(INT64_MIN)]: [INT64_MAX, 0n, INT64_MIN, -1n],
    [String(INT64_MAX)]: [INT64_MIN],
    "0": [],
  });
  await using fixture = openFixture({ groups: table });
  const cases: [id: string, body: string][] = [
    ["500", '{"id":500,"count":3,"members":[1,2,3]}'],
    ["9007199254740993", '{"id":9007199254740993,"count":1,"members":[9007199254740993]}'],
    [
      String(INT64_MIN),
      `{"id":${INT64_MIN},"count":4,"members":[${INT64_MIN},-1,0,${INT64_MAX}]}`,
    ],
    [String(INT64_MAX), `{"id":${INT64_MAX},"count":1,"members":[${INT64_MIN}]}`],
    ["0", '{"id":0,"count":0,"members":[]}'],
    ["%2B0500", '{"id":500,"count":3,"members":[1,2,3]}'],
  ];
  for (const [id, body] of cases) {
    const response = await fetch(`${fixture.base}/group?id=${id}`);
    strictEqual(response.status, 200, id);
    strictEqual(response.headers.get("content-type"), "application/json");
    strictEqual(await response.text(), body);
  }
});

Deno.test("/group answers 400 when the parameter is bad or missing", async () => {
  await using fixture = openFixture({ groups: tableOf({ "1": [] }) });
  const queries = ["", "?", "?id=", "?id=x", "?id=+1", "?id=1.0", "?id=%zz", "?ID=1", "?group=1"];
  queries.push(`?id=${INT64_MAX + 1n}`, `?id=${INT64_MIN - 1n}`);
  for (const query of queries) {
    const response = await fetch(`${fixture.base}/group${query}`);
    strictEqual(response.status, 400, query);
    strictEqual(await response.text(), '{"meta":{"code":400,"message":"invalid query param"}}');
  }
});

Deno.test("/group answers 404 when the group is not known", async () => {
  await using fixture = openFixture({ groups: tableOf({ "1": [5n] }) });
  for (const id of ["2", "-1", String(2n ** 32n + 1n), String(INT64_MIN)]) {
    const response = await fetch(`${fixture.base}/group?id=${id}`);
    strictEqual(response.status, 404, id);
    strictEqual(await response.text(), '{"meta":{"code":404,"message":"group not known"}}');
  }
});

Deno.test("/group answers 503 until the groups are loaded", async () => {
  const table = GroupTable.unloaded();
  await using fixture = openFixture({ groups: table });
  const early = await fetch(`${fixture.base}/group?id=1`);
  strictEqual(early.status, 503);
  strictEqual(early.headers.get("retry-after"), "5");
  strictEqual(await early.text(), '{"meta":{"code":503,"message":"groups are not loaded yet"}}');
  table.exchange(tableOf({ "1": [5n] }));
  const later = await fetch(`${fixture.base}/group?id=1`);
  strictEqual(await later.text(), '{"id":1,"count":1,"members":[5]}');
});

Deno.test("/group without a token is for this machine alone", async () => {
  const { ask } = appOf(tableOf({ "1": [5n] }));
  const statusOf = async (peer: string, host?: string) => {
    const response = await ask("/group?id=1", { peer, headers: host ? { host } : {} });
    if (response.status === 200) ok((await response.text()).includes("[5]"));
    else ok(!(await response.text()).includes("5]"));
    return response.status;
  };
  strictEqual(await statusOf("127.0.0.1"), 200);
  strictEqual(await statusOf("::1", "localhost:4445"), 200);
  strictEqual(await statusOf("10.0.0.1"), 403);
  strictEqual(await statusOf("::ffff:10.0.0.1", "127.0.0.1:4445"), 403);
  strictEqual(await statusOf("127.0.0.1", "evil.example:4445"), 403);
});

Deno.test("/group without access tells nothing, not even what is known", async () => {
  const { ask } = appOf(tableOf({ "1": [5n] }));
  for (const path of ["/group", "/group?id=1", "/group?id=2", "/%67roup?id=1"]) {
    const response = await ask(path, { peer: "10.0.0.1" });
    deepStrictEqual(await response.json(), {
      meta: { code: 403, message: "without a token this is for this machine alone" },
    });
  }
  const loading = await appOf(GroupTable.unloaded()).ask("/group?id=1", { peer: "10.0.0.1" });
  strictEqual(loading.status, 403);
});

Deno.test("/group with a token is for whoever shows it, from anywhere", async () => {
  const { ask } = appOf(tableOf({ "1": [5n] }), { token: "t" });
  for (const peer of ["127.0.0.1", "10.0.0.1"]) {
    const shown = await ask("/group?id=1", { peer, headers: { authorization: "Bearer t" } });
    strictEqual(await shown.text(), '{"id":1,"count":1,"members":[5]}');
    for (const headers of [{}, { authorization: "Bearer x" }]) {
      const refused = await ask("/group?id=1", { peer, headers });
      strictEqual(refused.status, 401);
      strictEqual(refused.headers.get("www-authenticate"), "Bearer");
      await refused.body?.cancel();
    }
  }
});

Deno.test("/group answers HEAD with the status alone, and without a turn", async () => {
  await using fixture = openFixture({
    groups: tableOf({ "1": [5n] }),
    limits: { turnsMax: 0, lineMax: 0 },
  });
  for (const [query, status] of [["?id=1", 200], ["?id=2", 404], ["", 400]] as const) {
    const response = await fetch(`${fixture.base}/group${query}`, { method: "HEAD" });
    strictEqual(response.status, status, query);
    strictEqual(await response.text(), "");
  }
  const get = await fetch(`${fixture.base}/group?id=1`);
  strictEqual(get.status, 503); // no turn
  await get.body?.cancel();
});

const MANY = 50_000;

/** Ids of 16 and more digits, in ascending order. */
const manyMembers = (): bigint[] =>
  Array.from({ length: MANY }, (_, i) => 2n ** 53n + BigInt(i) * 0x1_0000_0001n);

Deno.test("/group writes a large group as it was at the beginning, whatever changes meanwhile", async () => {
  const members = manyMembers();
  const table = tableOf({ "-7": members, "8": [1n] });
  const { ask, turns } = appOf(table);
  const response = await ask("/group?id=-7");
  const decoder = new TextDecoder();
  let text = "";
  let chunks = 0;
  for await (const chunk of response.body!) {
    text += decoder.decode(chunk, { stream: true });
    ok(chunk.length <= 32 << 10, `${chunk.length} bytes at once`);
    strictEqual(turns.taken, 1);
    switch (chunks++) {
      case 0: // the block shrinks in its place
        for (const uid of members.slice(0, 100)) table.removeMember(-7n, uid);
        table.addMember(-7n, INT64_MIN);
        break;
      case 2: // and gets another owner
        table.disband(-7n);
        for (let uid = 0n; uid < 1_000n; uid++) table.addMember(8n, uid);
        break;
      case 4:
        table.exchange(GroupTable.empty());
    }
  }
  ok(chunks > 20, `${chunks} chunks`);
  strictEqual(text, `{"id":-7,"count":${MANY},"members":[${members.join(",")}]}`);
  strictEqual(turns.taken, 0);
});

Deno.test("/group lets others work between its slices", async () => {
  const { ask } = appOf(tableOf({ "1": manyMembers() }));
  let turns = 0;
  const count = setInterval(() => turns++, 0);
  const response = await ask("/group?id=1");
  const { members }: { members: number[] } = await response.json();
  clearInterval(count);
  strictEqual(members.length, MANY);
  ok(turns >= 2, `${turns} turns of the event loop`);
});

Deno.test("/group does nothing that is not read, and gives its turn back when nobody reads", async () => {
  const table = tableOf({ "1": manyMembers() });
  const { ask, turns, open } = appOf(table, { limits: { turnsMax: 1, lineMax: 1 } });
  const first = await ask("/group?id=1");
  strictEqual(turns.taken, 1);
  const inLine = ask("/all_online"); // the same line
  await until("somebody waits", () => turns.waiting === 1);
  const refused = await ask("/group?id=1");
  strictEqual(refused.status, 503);
  strictEqual(refused.headers.get("retry-after"), "5");
  await refused.body!.cancel();
  await first.body!.cancel();
  const list = await inLine;
  strictEqual(await list.text(), "[]");
  strictEqual(turns.taken, 0);
  strictEqual(open.count, 0);
});

Deno.test("/group answers 404 and gives its turn back when the group goes while it stands in line", async () => {
  const table = tableOf({ "1": [5n] });
  const { ask, turns, open } = appOf(table, { limits: { turnsMax: 1 } });
  const list = await ask("/all_online");
  const inLine = ask("/group?id=1");
  await until("it waits", () => turns.waiting === 1);
  table.disband(1n);
  await list.body!.cancel();
  const response = await inLine;
  strictEqual(response.status, 404);
  strictEqual(await response.text(), '{"meta":{"code":404,"message":"group not known"}}');
  strictEqual(turns.taken, 0);
  strictEqual(open.count, 0);
});

Deno.test("/group breaks off when it is not read in time, and when the port closes", async () => {
  const { ask, turns, open } = appOf(tableOf({ "1": manyMembers() }), { limits: { listMs: 20 } });
  const slow = await ask("/group?id=1");
  await until("it is given up", () => turns.taken === 0);
  await rejects(slow.text(), /not read in 20 ms/);
  const last = await ask("/group?id=1");
  open.close();
  strictEqual(turns.taken, 0);
  await rejects(last.text(), /nobody reads/);
  strictEqual((await ask("/group?id=1")).status, 503);
});
