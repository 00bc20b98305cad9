import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { PushQueue, QueuedJob } from "../../src/admin/admin_sources.ts";
import * as limits from "../../src/admin/push_request.ts";
import * as store from "../../src/push/embedded_store.ts";
import { JobBatch } from "../../src/router/job_batch.ts";
import { PUSH_LISTS } from "../../src/router/push_list.ts";
import { type Fixture, openFixture, readAll, until, writeAll } from "./admin_fixture.ts";

const JSON_TYPE = { "content-type": "application/json" };

async function post(base: string, path: string, body: unknown): Promise<Response> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return await fetch(`${base}${path}`, { method: "POST", headers: JSON_TYPE, body: text });
}

async function messageOf(response: Response): Promise<string> {
  const { meta }: { meta: { code: number; message: string } } = await response.json();
  strictEqual(meta.code, response.status);
  return meta.message;
}

function batchOf(list: number, ...texts: string[]): JobBatch {
  const batch = new JobBatch();
  for (const text of texts) {
    const bytes = new TextEncoder().encode(text);
    const at = batch.byteLength;
    batch.reserve(at, bytes.length).set(bytes, at);
    batch.commit(list, at + bytes.length);
  }
  return batch;
}

/** A queue that answers as a test says. */
function queueOf(parts: Partial<PushQueue>): PushQueue {
  return {
    waiterCount: 0,
    take: () => Promise.resolve([]),
    ack: () => Promise.resolve(0),
    counts: () => [],
    ...parts,
  };
}

/** A port in front of a real store in a folder that goes with the test. */
async function withStore(
  test: (fixture: Fixture, embedded: store.EmbeddedStore) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "imr-admin-" });
  const embedded = await store.EmbeddedStore.open({ folder, synchronous: "normal" });
  try {
    await using fixture = openFixture({ sources: { queue: embedded } });
    await test(fixture, embedded);
  } finally {
    await embedded.close();
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("/push/take gives jobs exactly, and /push/ack deletes them", async () => {
  await withStore(async ({ base }, embedded) => {
    const texts = [
      `{"appid":7,"content":"\\u003ca\\u003e \\"q\\" \\\\ \\u2028 é 😀 \\ufffd \u007f","sender":9007199254740993}`,
      "{}",
      `{"content":"${"x".repeat(40_000)}"}`,
    ];
    await embedded.write(batchOf(0, ...texts));
    await embedded.write(batchOf(1, '{"group":1}'));
    const response = await post(base, "/push/take", { list: "push_queue" });
    strictEqual(response.status, 200);
    strictEqual(response.headers.get("content-type"), "application/json");
    const { jobs }: { jobs: QueuedJob[] } = await response.json();
    deepStrictEqual(jobs.map(({ payload }) => payload), texts);
    deepStrictEqual(Object.keys(jobs[0]!), ["id", "payload"]);
    const again = await post(base, "/push/take", { list: "push_queue", max: 1_000, lease: 1 });
    strictEqual(await again.text(), '{"jobs":[]}');
    const acked = await post(base, "/push/ack", { ids: [...jobs.map(({ id }) => id), 999] });
    strictEqual(await acked.text(), '{"acked":3}');
    deepStrictEqual(embedded.counts().map(({ waiting, leased }) => [waiting, leased]), [
      [0, 0],
      [1, 0],
      [0, 0],
      [0, 0],
      [0, 0],
    ]);
  });
});

Deno.test("/push/take waits for a job", async () => {
  await withStore(async ({ base }, embedded) => {
    const waiting = post(base, "/push/take", { list: "group_push_queue", wait: 30 });
    await until("somebody waits", () => embedded.waiterCount === 1);
    await embedded.write(batchOf(1, '{"a":1}'));
    const { jobs }: { jobs: QueuedJob[] } = await (await waiting).json();
    deepStrictEqual(jobs.map(({ payload }) => payload), ['{"a":1}']);
  });
});

Deno.test("/push/take leases no job to a client that has gone", async () => {
  await withStore(async ({ base, admin }, embedded) => {
    const gone = new AbortController();
    const aborted = fetch(`${base}/push/take`, {
      method: "POST",
      headers: JSON_TYPE,
      body: '{"list":"push_queue","wait":30}',
      signal: gone.signal,
    }).catch(() => "aborted");
    const body = '{"list":"push_queue","wait":30}';
    const conn = await Deno.connect({ hostname: "127.0.0.1", port: admin.addr.port });
    await writeAll(
      conn,
      `POST /push/take HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n` +
        `Content-Length: ${body.length}\r\n\r\n${body}`,
    );
    await until("both wait", () => embedded.waiterCount === 2);
    gone.abort();
    conn.close();
    strictEqual(await aborted, "aborted");
    await until("nobody waits", () => embedded.waiterCount === 0);
    await embedded.write(batchOf(0, '{"a":1}'));
    const { jobs }: { jobs: QueuedJob[] } =
      await (await post(base, "/push/take", { list: "push_queue" })).json();
    strictEqual(jobs.length, 1);
  });
});

Deno.test("close() lets takes that wait go home empty", async () => {
  await withStore(async ({ base, admin }, embedded) => {
    const waiting = [1, 2, 3].map(() => post(base, "/push/take", { list: "push_queue", wait: 30 }));
    await until("they wait", () => embedded.waiterCount === 3);
    const began = performance.now();
    await admin.close();
    ok(performance.now() - began < 900, "took as long as requests that have to be cut");
    for (const response of await Promise.all(waiting)) {
      strictEqual(await response.text(), '{"jobs":[]}');
    }
    strictEqual(embedded.waiterCount, 0);
  });
});

Deno.test("the bounds of push requests are those of the store", () => {
  strictEqual(limits.TAKE_JOBS_MAX, store.TAKE_JOBS_MAX);
  strictEqual(limits.LEASE_SECONDS_MAX, store.LEASE_SECONDS_MAX);
  strictEqual(limits.WAIT_SECONDS_MAX, store.WAIT_SECONDS_MAX);
  strictEqual(limits.ACK_IDS_MAX, store.ACK_IDS_MAX);
});

const badRequests: [path: string, body: string, message: RegExp][] = [
  ["/push/take", "", /not JSON/],
  ["/push/take", "{", /not JSON/],
  ["/push/take", '{"list":"push_queue"}x', /not JSON/],
  ["/push/take", "[]", /JSON object/],
  ["/push/take", "null", /JSON object/],
  ["/push/take", '"x"', /JSON object/],
  ["/push/take", "[".repeat(60_000), /not JSON/],
  ["/push/take", `{"list":${"[".repeat(30_000)}${"]".repeat(30_000)}}`, /^list is an array of 1;/],
  ["/push/take", "{}", /^list is missing; it has to be one of push_queue, group_push_queue, /],
  ["/push/take", '{"list":"x"}', /^list is "x"; /],
  ["/push/take", `{"list":"${"x".repeat(1_000)}"}`, /^list is "x{79}…; /],
  ["/push/take", '{"list":0}', /^list is 0; /],
  ["/push/take", '{"list":{"a":1}}', /^list is an object; /],
  ["/push/take", '{"list":"push_queue","leese":1}', /^unknown field "leese"; there are list, max,/],
  ["/push/take", '{"list":"push_queue","__proto__":1}', /^unknown field "__proto__"/],
  ["/push/ack", "{}", /^ids is missing; it has to be an array of ids/],
  ["/push/ack", '{"ids":1}', /^ids is 1; it has to be an array/],
  ["/push/ack", '{"ids":[1,"2"]}', /^ids\[1\] is "2"; it has to be a whole number from 1 to /],
  ["/push/ack", '{"ids":[0]}', /^ids\[0\] is 0; /],
  ["/push/ack", '{"ids":[1.5]}', /^ids\[0\] is 1.5; /],
  ["/push/ack", '{"ids":[9007199254740993]}', /^ids\[0\] is 9007199254740992; /],
  ["/push/ack", `{"ids":[${"1,".repeat(10_000)}1]}`, /^ids is an array of 10001; .*at most 10000/],
  ["/push/ack", '{"ids":[],"list":"push_queue"}', /^unknown field "list"; there are ids$/],
];
for (const [field, max] of [["max", 1_000], ["lease", 3_600], ["wait", 30]] as const) {
  const min = field === "wait" ? 0 : 1;
  for (const value of [`${min - 1}`, `${max + 1}`, "1.5", "1e99", '"7"', "true", "[]", "-1"]) {
    const allowed = new RegExp(
      `^${field} is .*; it has to be a whole number from ${min} to ${max}$`,
    );
    badRequests.push(["/push/take", `{"list":"push_queue","${field}":${value}}`, allowed]);
  }
}

Deno.test("push requests that are wrong get 400 with the field, its value and what is allowed", async () => {
  const called = () => Promise.reject(new Error("the queue was asked"));
  await using fixture = openFixture({ sources: { queue: queueOf({ take: called, ack: called }) } });
  for (const [path, body, message] of badRequests) {
    const response = await post(fixture.base, path, body);
    strictEqual(response.status, 400, body.slice(0, 100));
    const said = await messageOf(response);
    ok(message.test(said), `${body.slice(0, 100)}: ${said}`);
    ok(said.length < 300);
  }
  const invalidUtf8 = await fetch(`${fixture.base}/push/take`, {
    method: "POST",
    headers: JSON_TYPE,
    body: new Uint8Array([0x22, 0xff, 0x22]),
  });
  strictEqual(invalidUtf8.status, 400);
  ok(/not JSON/.test(await messageOf(invalidUtf8)));
  deepStrictEqual(fixture.log, []);
});

Deno.test("/push/take passes on what was asked, with defaults for the rest", async () => {
  const orders: unknown[] = [];
  const take: PushQueue["take"] = ({ signal, ...order }) => {
    ok(signal instanceof AbortSignal);
    orders.push(order);
    return Promise.resolve([]);
  };
  await using fixture = openFixture({ sources: { queue: queueOf({ take }) } });
  for (const list of PUSH_LISTS) await (await post(fixture.base, "/push/take", { list })).text();
  const list = "push_queue";
  await (await post(fixture.base, "/push/take", { list, max: 1, lease: 3_600, wait: 30 })).text();
  deepStrictEqual(orders, [
    ...PUSH_LISTS.map((list) => ({ list, max: 100, leaseSeconds: 30, waitSeconds: 0 })),
    { list, max: 1, leaseSeconds: 3_600, waitSeconds: 30 },
  ]);
});

Deno.test("push requests of another type get 415, so that no web page can send one unasked", async () => {
  await using fixture = openFixture({ sources: { queue: queueOf({}) } });
  const types = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"];
  types.push("application/jsonp", "text/json", "text/plain; application/json");
  for (const type of types) {
    const headers = { "content-type": type };
    const init = { method: "POST", headers, body: '{"list":"push_queue"}' };
    const response = await fetch(`${fixture.base}/push/take`, init);
    strictEqual(response.status, 415, type);
    ok(/application\/json/.test(await messageOf(response)));
  }
  const bare = await fetch(`${fixture.base}/push/take`, { method: "POST" });
  strictEqual(bare.status, 415);
  await bare.body!.cancel();
  for (const type of ["application/json; charset=utf-8", "Application/JSON"]) {
    const headers = { "content-type": type };
    const init = { method: "POST", headers, body: '{"list":"push_queue"}' };
    const response = await fetch(`${fixture.base}/push/take`, init);
    strictEqual(await response.text(), '{"jobs":[]}');
  }
  const preflight = await fetch(`${fixture.base}/push/take`, {
    method: "OPTIONS",
    headers: { origin: "http://evil.example", "access-control-request-method": "POST" },
  });
  strictEqual(preflight.status, 405);
  strictEqual(preflight.headers.get("access-control-allow-origin"), null);
  await preflight.body!.cancel();
});

Deno.test("push requests of another method get 405 with Allow", async () => {
  await using fixture = openFixture({ sources: { queue: queueOf({}) } });
  for (const path of ["/push/take", "/push/ack"]) {
    for (const method of ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"]) {
      const response = await fetch(`${fixture.base}${path}`, { method });
      strictEqual(response.status, 405, method);
      strictEqual(response.headers.get("allow"), "POST");
      await response.body?.cancel();
    }
  }
});

Deno.test("push requests get 404 where jobs go to Redis", async () => {
  await using fixture = openFixture();
  const response = await post(fixture.base, "/push/take", { list: "push_queue" });
  strictEqual(response.status, 404);
  ok(/Redis/.test(await messageOf(response)));
});

Deno.test("a body of more than 64 KiB gets 413, announced or not", async () => {
  await using fixture = openFixture({ sources: { queue: queueOf({}) } });
  const large = " ".repeat((64 << 10) - 21) + '{"list":"push_queue"}';
  strictEqual(await (await post(fixture.base, "/push/take", large)).text(), '{"jobs":[]}');
  const announced = await post(fixture.base, "/push/take", ` ${large}`);
  strictEqual(announced.status, 413);
  ok(/65536/.test(await messageOf(announced)));
  const chunks = Array.from({ length: 200 }, () => new Uint8Array(1_000).fill(0x20));
  const streamed = await fetch(`${fixture.base}/push/take`, {
    method: "POST",
    headers: JSON_TYPE,
    body: ReadableStream.from(chunks),
  });
  strictEqual(streamed.status, 413);
  await streamed.body!.cancel();
});

Deno.test("a body that does not come in time gets 408", async () => {
  await using fixture = openFixture({
    sources: { queue: queueOf({}) },
    limits: { bodyMs: 30 },
  });
  using conn = await Deno.connect({ hostname: "127.0.0.1", port: fixture.admin.addr.port });
  await writeAll(
    conn,
    "POST /push/take HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n" +
      'Content-Length: 100\r\n\r\n{"list":',
  );
  const buffer = new Uint8Array(1_000);
  const count = await conn.read(buffer) ?? 0;
  const answer = new TextDecoder().decode(buffer.subarray(0, count));
  ok(answer.startsWith("HTTP/1.1 408 "), answer);
});

Deno.test("a client that goes in the middle of its body leaves nothing behind", async () => {
  await using fixture = openFixture({ sources: { queue: queueOf({}) } });
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: fixture.admin.addr.port });
  await writeAll(
    conn,
    "POST /push/take HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n" +
      'Content-Length: 100\r\n\r\n{"list":',
  );
  await conn.closeWrite();
  await readAll(conn);
  conn.close();
  strictEqual(await (await fetch(`${fixture.base}/healthz`)).text(), "ok\n");
  deepStrictEqual(fixture.log, []);
});

Deno.test("a queue that fails gets 503 with its kind, and a bug 500 without its stack", async () => {
  let error: Error = new TypeError("secret detail");
  const fail = () => Promise.reject(error);
  await using fixture = openFixture({ sources: { queue: queueOf({ take: fail, ack: fail }) } });
  const bug = await post(fixture.base, "/push/take", { list: "push_queue" });
  strictEqual(bug.status, 500);
  strictEqual(await bug.text(), '{"meta":{"code":500,"message":"internal error, see the log"}}');
  strictEqual(fixture.log.length, 1);
  ok(String(fixture.log[0]!.fields["stack"]).includes("secret detail"));
  error = Object.assign(new Error("/data/push.db: no space"), { kind: "disk_full" });
  for (const [path, body] of [["take", { list: "push_queue" }], ["ack", { ids: [1] }]] as const) {
    const failed = await post(fixture.base, `/push/${path}`, body);
    strictEqual(failed.status, 503);
    strictEqual(failed.headers.get("retry-after"), "1");
    strictEqual(await messageOf(failed), "the push queue cannot answer now: disk full");
  }
});
