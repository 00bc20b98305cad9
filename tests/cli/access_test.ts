// The allow-list and the token, with a client that should not get in.
import assert from "node:assert/strict";
import { tempFolder } from "../push/fixtures.ts";
import { eventually } from "../support/eventually.ts";
import { RouterProcess } from "../support/router_process.ts";

Deno.test("a router with an allow-list closes others at once, counts and says it", async () => {
  await using data = await tempFolder();
  const args = ["--allow", "127.0.0.2,10.0.0.0/8"];
  await using router = await RouterProcess.start({ data: data.path, args });
  using conn = await Deno.connect({ hostname: "127.0.0.1", port: router.port });
  const end = await conn.read(new Uint8Array(1)).catch((error) => error.name); // or a reset
  assert.ok(end === null || end === "ConnectionReset", String(end));
  await eventually(
    () => /"address":"127\.0\.0\.1:\d+"/.test(router.logged("not_allowed").join()),
    () => router.logTail(),
  );
  const refused = await router.metric('imr_connections_closed_total{reason="not_allowed"}');
  assert.ok(refused! >= 1, `${refused}`);
  assert.equal(router.logged("connection opened").length, 0);
});

Deno.test("a router with an allow-list lets its own in", async () => {
  await using data = await tempFolder();
  await using router = await RouterProcess.start({
    data: data.path,
    args: ["--allow", "127.0.0.0/8"],
  });
  using _conn = await Deno.connect({ hostname: "127.0.0.1", port: router.port });
  await eventually(() => router.logged("connection opened").length >= 1, () => router.logTail());
  assert.equal(router.logged("not_allowed").length, 0);
});

Deno.test("a router with a token answers who shows it, and nobody else", async () => {
  await using folder = await tempFolder();
  const token = "0123456789abcdef";
  const file = `${folder.path}/token`;
  await Deno.writeTextFile(file, `${token}\nmore\n`);
  const args = ["--token-file", file, "--generation", "1"];
  await using router = await RouterProcess.start({ data: `${folder.path}/data`, args });
  const ask = async (headers: Record<string, string>): Promise<number> => {
    const response = await fetch(`http://127.0.0.1:${router.httpPort}/group?id=1`, { headers });
    await response.body?.cancel();
    return response.status;
  };
  assert.equal(await ask({}), 401);
  assert.equal(await ask({ authorization: `Bearer ${token}x` }), 401);
  assert.equal(await ask({ authorization: `Bearer ${token}` }), 404);
  assert.equal((await router.get("/online?appid=1&uid=1")).status, 200, "the family's need none");
  assert.ok(!router.log.join().includes(token));
});

for (
  const { what, content } of [
    { what: "is not there", content: undefined },
    { what: "holds a short token", content: "secret" },
    { what: "is empty", content: "" },
    { what: "holds blanks", content: "one two three four five" },
  ]
) {
  Deno.test(`a router whose token file ${what} does not start, and says why`, async () => {
    await using folder = await tempFolder();
    const file = `${folder.path}/token`;
    if (content !== undefined) await Deno.writeTextFile(file, content);
    const start = RouterProcess.start({ data: folder.path, args: ["--token-file", file] });
    await assert.rejects(start, (error: Error) => {
      assert.match(error.message, /status 2/);
      assert.match(error.message, /token/);
      if (content) assert.ok(!error.message.includes(content));
      return true;
    });
  });
}
