import { ok, strictEqual, throws } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { openFixture, readAll, until, writeAll } from "./admin_fixture.ts";

Deno.test("listenAdmin listens where it is told, and close() frees the port", async () => {
  const first = openFixture();
  const { port } = first.admin.addr;
  strictEqual(first.admin.addr.hostname, "127.0.0.1");
  ok(port > 0);
  throws(() => openFixture({ port }), Deno.errors.AddrInUse);
  strictEqual(await (await fetch(`${first.base}/healthz`)).text(), "ok\n");
  await Promise.all([first.admin.close(), first.admin.close()]);
  await first.admin.close();
  await using second = openFixture({ port });
  const answer = await second.raw("GET /healthz HTTP/1.0\r\n\r\n");
  ok(answer.endsWith("\r\n\r\nok\n"), answer);
});

Deno.test("close() cuts what does not end: half a header, half a body, an idle connection", async () => {
  await using fixture = openFixture({ limits: { closeMs: 50 } });
  const { port } = fixture.admin.addr;
  const beginnings = [
    "",
    "GET /hea",
    "GET /healthz HTTP/1.1\r\nHost: x\r\n",
    "POST /push/take HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n{",
  ];
  const conns = await Promise.all(
    beginnings.map(async (beginning) => {
      const conn = await Deno.connect({ hostname: "127.0.0.1", port });
      if (beginning !== "") await writeAll(conn, beginning);
      return conn;
    }),
  );
  await (await fetch(`${fixture.base}/healthz`)).text();
  const began = performance.now();
  await fixture.admin.close();
  const ms = performance.now() - began;
  ok(ms < 500, `${ms} ms`);
  for (const conn of conns) {
    await readAll(conn);
    conn.close();
  }
});

Deno.test("the port listens again after it had no file descriptors left", async () => {
  const script = fileURLToPath(new URL("./few_files_fixture.ts", import.meta.url));
  const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
  const child = new Deno.Command("sh", {
    args: ["-c", 'ulimit -n 50 && exec "$0" "$@"', Deno.execPath(), "run", "--no-check", "-A"]
      .concat("--config", config, script),
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let said = "";
  const reading = (async () => {
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) said += text;
  })();
  await until("it listens", () => said.includes("port "), 15_000);
  const port = Number(/port (\d+)/.exec(said)![1]);
  const conns: Deno.Conn[] = [];
  for (let i = 0; i < 60; i++) { // until it has stopped listening
    const conn = await Deno.connect({ hostname: "127.0.0.1", port }).catch(() => undefined);
    if (conn !== undefined) conns.push(conn);
  }
  for (const conn of conns.splice(1)) conn.close(); // one stays, so that the old server does not end
  await until("it listens again", () => said.includes("admin port listens again"));
  const answer = await fetch(`http://127.0.0.1:${port}/healthz`);
  strictEqual(await answer.text(), "ok\n");
  conns[0]!.close();
  await child.stdin.close();
  const { success } = await child.status;
  await reading;
  ok(success && said.includes("closing\n"), said);
});
