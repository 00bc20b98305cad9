import assert from "node:assert/strict";
import type { EmbeddedStore } from "../../src/push/embedded_store.ts";
import { batchOf, numbered, tempFolder, tempStore, until } from "./fixtures.ts";

const ADDRESS_IN_DOC = "127.0.0.1:4445";

/** What `POST /push/take` and `POST /push/ack` are, without the checks. */
function serve(store: EmbeddedStore): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    assert.equal(request.method, "POST");
    assert.equal(request.headers.get("content-type"), "application/json");
    const body = await request.json();
    switch (new URL(request.url).pathname) {
      case "/push/take": {
        const { list, max, lease: leaseSeconds, wait: waitSeconds } = body;
        const { signal } = request;
        const jobs = await store.take({ list, max, leaseSeconds, waitSeconds, signal })
          .catch((error) => signal.aborted ? [] : Promise.reject(error));
        return Response.json({ jobs });
      }
      case "/push/ack":
        return Response.json({ acked: await store.ack(body.ids) });
      default:
        return new Response("not found", { status: 404 });
    }
  });
}

async function codeInDoc(language: string): Promise<string> {
  const doc = await Deno.readTextFile(new URL("../../docs/PUSH.md", import.meta.url));
  const code = new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``).exec(doc)?.[1];
  assert.ok(code !== undefined, `a ${language} example in docs/PUSH.md`);
  return code;
}

Deno.test("docs/PUSH.md the JavaScript worker works off what is there and what comes", async () => {
  await using temp = await tempStore();
  await using folder = await tempFolder();
  await using server = serve(temp.store);
  await temp.store.write(batchOf(numbered('{"number":', 3).map((text) => `${text}}`)));
  const code = (await codeInDoc("js")).replaceAll(ADDRESS_IN_DOC, `127.0.0.1:${server.addr.port}`);
  const script = `${folder.path}/worker.js`;
  await Deno.writeTextFile(
    script,
    `const notify = (job) => Deno.writeTextFile("${folder.path}/sent", job + "\\n", { append: true });\n${code}`,
  );
  const worker = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-config", "--allow-all", script],
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn();
  try {
    const left = () => temp.store.counts()[0]!.waiting + temp.store.counts()[0]!.leased;
    await until(
      () => left() === 0 && temp.store.waiterCount === 1,
      "it has worked off what was there",
    );
    await temp.store.write(batchOf(['{"number":4}']));
    await until(() => left() === 0, "it works off what comes");
  } finally {
    worker.kill("SIGKILL");
    await worker.status;
  }
  const sent = await Deno.readTextFile(`${folder.path}/sent`);
  assert.equal(sent, '{"number":1}\n{"number":2}\n{"number":3}\n{"number":4}\n');
});
