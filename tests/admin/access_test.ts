import { strictEqual } from "node:assert/strict";
import { Access, checkHostSyntax } from "../../src/admin/access.ts";
import { RequestError } from "../../src/admin/answer.ts";
import { openFixture } from "./admin_fixture.ts";

/** The status that a request would get; 200 when it may pass. */
function statusOf(check: () => void): number {
  try {
    check();
    return 200;
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    return error.status;
  }
}

const withHost = (host: string): Headers => new Headers({ host });

Deno.test("Access without a token lets only this machine pass", () => {
  const access = new Access("0.0.0.0", undefined);
  const peers: [peer: string, status: number][] = [
    ["127.0.0.1", 200],
    ["127.9.9.9", 200],
    ["::1", 200],
    ["::ffff:127.0.0.1", 200],
    ["10.0.0.1", 403],
    ["172.17.0.1", 403],
    ["::ffff:10.0.0.1", 403],
    ["fe80::1", 403],
    ["1.127.0.0", 403],
  ];
  for (const [peer, status] of peers) {
    strictEqual(statusOf(() => access.check(withHost("127.0.0.1:4445"), peer)), status, peer);
  }
});

Deno.test("Access without a token refuses host names that a web page could have rebound", () => {
  const access = new Access("imr.internal", undefined);
  const hosts: [host: string, status: number][] = [
    ["127.0.0.1:4445", 200],
    ["127.0.0.1", 200],
    ["10.1.2.3:80", 200],
    ["[::1]:4445", 200],
    ["localhost:4445", 200],
    ["LOCALHOST", 200],
    ["imr.localhost", 200],
    ["imr.internal:4445", 200],
    ["IMR.internal", 200],
    ["evil.example", 403],
    ["evil.example:4445", 403],
    ["127.0.0.1.evil.example", 403],
    ["localhost.evil.example", 403],
    ["evil-localhost", 403],
  ];
  for (const [host, status] of hosts) {
    strictEqual(statusOf(() => access.check(withHost(host), "127.0.0.1")), status, host);
  }
  strictEqual(statusOf(() => access.check(new Headers(), "::1")), 200);
});

Deno.test("Access with a token asks everybody for it, and for nothing else", () => {
  const access = new Access("127.0.0.1", "s3cret token");
  const given: [authorization: string, status: number][] = [
    ["Bearer s3cret token", 200],
    ["bearer  s3cret token", 200],
    ["Bearer s3cret", 401],
    ["Bearer s3cret token2", 401],
    ["Bearer", 401],
    ["Basic s3cret token", 401],
    ["s3cret token", 401],
  ];
  for (const [authorization, status] of given) {
    const headers = new Headers({ authorization, host: "imr.example" });
    for (const peer of ["127.0.0.1", "10.0.0.1"]) {
      strictEqual(statusOf(() => access.check(headers, peer)), status, authorization);
    }
  }
  strictEqual(statusOf(() => access.check(new Headers(), "127.0.0.1")), 401);
});

Deno.test("checkHostSyntax refuses what would end up in the path of the URL", () => {
  const hosts: [host: string, status: number][] = [
    ["127.0.0.1:4445", 200],
    ["a-b_c.example.", 200],
    ["[fe80::1]:80", 200],
    ["x/push/take?", 400],
    ["x?y", 400],
    ["x#y", 400],
    ["user@x", 400],
    ["x\\y", 400],
    ["a, b", 400],
    ["x:99999999", 400],
  ];
  for (const [host, status] of hosts) {
    strictEqual(statusOf(() => checkHostSyntax(withHost(host))), status, host);
  }
  strictEqual(statusOf(() => checkHostSyntax(new Headers())), 200);
});

Deno.test("the port asks for the token at /push/ and /group alone", async () => {
  await using fixture = openFixture({ token: "t" });
  for (const path of ["/online?appid=1&uid=1", "/all_online", "/healthz", "/readyz", "/metrics"]) {
    const response = await fetch(`${fixture.base}${path}`);
    strictEqual(response.status, 200, path);
    await response.body!.cancel();
  }
  for (const path of ["/push/take", "/push/ack", "/push/other", "/group?id=1"]) {
    const response = await fetch(`${fixture.base}${path}`, { method: "POST" });
    strictEqual(response.status, 401, path);
    strictEqual(response.headers.get("www-authenticate"), "Bearer");
    await response.body!.cancel();
  }
  const headers = { authorization: "Bearer t" };
  const response = await fetch(`${fixture.base}/push/take`, { method: "POST", headers });
  strictEqual(response.status, 404); // no queue here
  await response.body!.cancel();
});

Deno.test("the port refuses a rebound host at /push/ and /group, and answers it elsewhere", async () => {
  await using fixture = openFixture();
  const ask = async (path: string) =>
    (await fixture.raw(
      `GET ${path} HTTP/1.1\r\nHost: evil.example:4445\r\nConnection: close\r\n\r\n`,
    )).slice(0, 12);
  strictEqual(await ask("/push/take"), "HTTP/1.1 403");
  strictEqual(await ask("/%70ush/take"), "HTTP/1.1 403");
  strictEqual(await ask("/group?id=1"), "HTTP/1.1 403");
  strictEqual(await ask("/%67roup?id=1"), "HTTP/1.1 403");
  strictEqual(await ask("/online?appid=1&uid=1"), "HTTP/1.1 200");
});
