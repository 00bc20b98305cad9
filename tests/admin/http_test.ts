import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { PushFigures, PushQueue } from "../../src/admin/admin_sources.ts";
import { openFixture } from "./admin_fixture.ts";

/** A push channel that is well. */
const WELL: PushFigures = {
  accepted: [0, 0, 0, 0, 0],
  refused: [0, 0, 0, 0, 0],
  refusedBySink: [0, 0, 0, 0, 0],
  lost: [0, 0, 0, 0, 0],
  waiting: [0, 0, 0, 0, 0],
  waitingBytes: 0,
  retries: 0,
  lastError: undefined,
  failingSince: undefined,
};

Deno.test("/healthz answers while the event loop turns", async () => {
  await using fixture = openFixture({ sources: { notReadyReasons: () => ["stopping"] } });
  const response = await fetch(`${fixture.base}/healthz`);
  strictEqual(response.status, 200);
  strictEqual(await response.text(), "ok\n");
});

Deno.test("/readyz is 200 without a reason against it, and 503 with one", async () => {
  const reasons: string[] = [];
  await using fixture = openFixture({ sources: { notReadyReasons: () => reasons, push: WELL } });
  const ready = await fetch(`${fixture.base}/readyz`);
  strictEqual(ready.status, 200);
  strictEqual(ready.headers.get("content-type"), "application/json");
  strictEqual(await ready.text(), '{"ready":true,"reasons":[],"warnings":[]}');
  reasons.push("stopping");
  const stopping = await fetch(`${fixture.base}/readyz`);
  strictEqual(stopping.status, 503);
  strictEqual(await stopping.text(), '{"ready":false,"reasons":["stopping"],"warnings":[]}');
});

async function warningsOf(base: string): Promise<string[]> {
  const response = await fetch(`${base}/readyz`);
  strictEqual(response.status, 200); // a warning is no reason to get no connections
  return (await response.json()).warnings;
}

Deno.test("/readyz warns of the other generation and names the setting", async () => {
  await using fixture = openFixture();
  fixture.router.otherGeneration = 3;
  const [warning, ...others] = await warningsOf(fixture.base);
  ok(/^3 messages .*`generation`/.test(warning!), warning!);
  deepStrictEqual(others, []);
});

Deno.test("/readyz warns of push jobs that cannot be stored or were refused", async () => {
  const failingSince = Date.now() - 12_000;
  const lastError = `disk ${"x".repeat(1_000)}`;
  const push = { ...WELL, failingSince, lastError, refused: [1, 0, 0, 0, 2], refusedBySink: [4] };
  await using fixture = openFixture({ sources: { push } });
  const [failing, refused, ...others] = await warningsOf(fixture.base);
  ok(/^push jobs cannot be stored since 1[2-5] s: disk x+$/.test(failing!), failing!);
  ok(failing!.length < 300);
  ok(/^7 push jobs were refused/.test(refused!), refused!);
  deepStrictEqual(others, []);
});

Deno.test("/readyz warns of a list on which nobody works", async () => {
  const queue: Partial<PushQueue> = {
    counts: () => [
      { list: "push_queue", waiting: 5, leased: 0, oldestMs: 299_000 },
      { list: "group_push_queue", waiting: 5, leased: 0, oldestMs: 301_000 },
    ],
  };
  await using fixture = openFixture({ sources: { queue: queue as PushQueue } });
  const [warning, ...others] = await warningsOf(fixture.base);
  ok(/group_push_queue waits since 301 s/.test(warning!), warning!);
  deepStrictEqual(others, []);
});

Deno.test("other paths get 404, whatever tricks are in them", async () => {
  await using fixture = openFixture();
  const paths = ["/", "/online/", "/Online", "//online", "/./online", "/../online", "/online/../x"];
  paths.push("/online%2f", "/online%00", "/%zz", "/%", "/%c3%28", "/push", "/push/", "/metrics/x");
  paths.push("/*", "/push/*", "/all_online;x", "/readyz%3Fx", "/a\\online");
  for (const path of paths) {
    const answer = await fixture.raw(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`,
    );
    ok(/^HTTP\/1\.1 404 /.test(answer), `${path}: ${answer}`);
    ok(answer.endsWith('{"meta":{"code":404,"message":"not found"}}'), `${path}: ${answer}`);
  }
  deepStrictEqual(fixture.log, []);
});

Deno.test("a Host that would end up in the path is refused", async () => {
  await using fixture = openFixture();
  for (const host of ["x/push/take?", "x/all_online#", "a@b", "x y", "\u00e9"]) {
    const answer = await fixture.raw(
      `GET /healthz HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    );
    ok(/^HTTP\/1\.1 400 /.test(answer), `${host}: ${answer}`);
  }
});

Deno.test("requests that are too large or no HTTP are refused, and others go on", async () => {
  await using fixture = openFixture();
  const requests: [request: string, status: string][] = [
    [`GET /${"a".repeat(70_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, "414"],
    [`GET /healthz HTTP/1.1\r\nHost: x\r\nX: ${"a".repeat(600_000)}\r\n\r\n`, "431"],
    [`GET /healthz HTTP/1.1\r\nHost: x\r\n${"X: y\r\n".repeat(1_000)}\r\n`, "431"],
    ["\u0000\u0000\u0000\u0011\u0000\u0000\u0000\u0001\u0082\u0000\r\n\r\n", "400"],
    ["GET /healthz HTTP/9.9\r\n\r\n", "400"],
  ];
  for (const [request, status] of requests) {
    const answer = await fixture.raw(request);
    ok(answer === "" || answer.startsWith(`HTTP/1.1 ${status} `), answer.slice(0, 200));
    strictEqual(await (await fetch(`${fixture.base}/healthz`)).text(), "ok\n");
  }
});

Deno.test("HTTP/1.0 without a Host is answered", async () => {
  await using fixture = openFixture();
  const answer = await fixture.raw("GET /online?appid=1&uid=2 HTTP/1.0\r\n\r\n");
  ok(/^HTTP\/1\.0 200 /.test(answer) && answer.endsWith('{"online":false}'), answer);
});

Deno.test("a bug in what is looked at gives 500 without a stack, and a line in the log", async () => {
  const fail = (): never => {
    throw new TypeError("secret detail");
  };
  await using fixture = openFixture({ sources: { notReadyReasons: fail } });
  for (const path of ["/readyz", "/metrics"]) {
    const response = await fetch(`${fixture.base}${path}`);
    strictEqual(response.status, 500);
    const body = await response.text();
    ok(!/secret|\.ts/.test(body), body);
  }
  strictEqual(fixture.log.length, 2);
  ok(String(fixture.log[0]!.fields["stack"]).includes("secret detail"));
  strictEqual(await (await fetch(`${fixture.base}/healthz`)).text(), "ok\n");
});
