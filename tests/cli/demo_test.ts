// The demo against a fake router in process: what it says, and that it leaves nothing behind.
import assert from "node:assert/strict";
import { demo, type DemoOptions } from "../../src/cli/demo.ts";
import { FakeRouter } from "./fake_router.ts";

const HTTP_OFF = null;

async function run(options: Omit<DemoOptions, "write">): Promise<[boolean, string]> {
  const lines: string[] = [];
  const worked = await demo({ ...options, write: (line) => lines.push(line) });
  return [worked, lines.join("\n").replaceAll(/\d+\.\d ms/g, "N ms")];
}

Deno.test("demo: with an idle router shows a message, a room message and a push job", async () => {
  await using router = new FakeRouter();
  const { listen, http } = router;
  const [worked, text] = await run({ listen, http });
  assert.equal(
    text,
    `Two IM servers, A and B, are connected to the router at 127.0.0.1:${listen.port}.

  subscribe   A holds user 1 and room 9, B holds user 2 and room 9.
  to a user   A sends "hello" from user 1 to user 2.
              It arrived at B, which holds user 2, after N ms.
  to a room   B sends "hi, all" from user 2 to room 9.
              It arrived at A after N ms. B, which sent it, does not get it back.
  to nobody   A sends "call me" from user 1 to user 3, who is online nowhere.
              It became a push job in push_queue, for a push worker to wake a phone:
              {"appid":424242,"content":"call me","receiver":3,"sender":1}
              The demo took the job and acknowledged it, as a push worker does.

All of it worked. A and B disconnect, and the router forgets their users.`,
  );
  assert.equal(worked, true);
  assert.equal(router.jobs.size, 0, "the job was acknowledged");
  for (const seqs of router.seqs) assert.deepEqual(seqs, seqs.map((_, i) => i + 1));
});

Deno.test("demo: without a router says how to start one", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { addr } = listener;
  listener.close();
  const [worked, text] = await run({ listen: addr, http: HTTP_OFF });
  assert.equal(worked, false);
  const where = `127.0.0.1:${addr.port}`;
  assert.equal(
    text,
    `No router listens on ${where}. ` +
      `Start one in another terminal with \`imr --listen ${where}\`, then try again.`,
  );
});

Deno.test("demo: leaves a queue alone that somebody uses", async (t) => {
  const cases = {
    "push_queue has jobs of others, which the demo leaves alone": { jobs: ['{"appid":7}'] },
    "a push worker waits at the queue, and the job would be its": { waitingTakes: 1 },
  };
  for (const [why, options] of Object.entries(cases)) {
    await t.step(why, async () => {
      await using router = new FakeRouter(options);
      const before = new Map(router.jobs);
      const { listen, http } = router;
      const [worked, text] = await run({ listen, http });
      assert.equal(worked, true);
      assert.ok(text.includes(`\n  to nobody   Left out, as ${why}.\n\nThe rest worked.`), text);
      assert.deepEqual(router.jobs, before);
      assert.deepEqual(router.requests, ["/metrics"]);
      assert.ok(!router.receivers.includes(3n), "no message that could become a job was sent");
    });
  }
});

Deno.test("demo: without HTTP leaves the push job out", async (t) => {
  await t.step("switched off", async () => {
    await using router = new FakeRouter();
    const [worked, text] = await run({ listen: router.listen, http: HTTP_OFF });
    assert.equal(worked, true);
    assert.match(
      text,
      /\n {2}to nobody {3}Left out, as the push queue is seen over HTTP alone\.\n/,
    );
    assert.equal(router.jobs.size, 0);
  });

  await t.step("nobody there", async () => {
    await using router = new FakeRouter();
    const [worked, text] = await run({ listen: router.listen, http: { ...router.http, port: 1 } });
    assert.equal(worked, true);
    assert.match(text, /Left out, as http:\/\/127\.0\.0\.1:1\/metrics cannot be read\.\n/);
  });
});

Deno.test("demo: says what did not come", async (t) => {
  await t.step("a router that forwards nothing", async () => {
    await using router = new FakeRouter({ onFrame: "ignore" });
    const [worked, text] = await run({ listen: router.listen, http: HTTP_OFF, stepMs: 50 });
    assert.equal(worked, false);
    assert.match(text, /\nThe subscriptions did not take effect within 0\.05 s\.$/);
  });

  await t.step("a router that makes no push jobs", async () => {
    await using router = new FakeRouter({ makesJobs: false });
    const { listen, http } = router;
    const [worked, text] = await run({ listen, http, stepMs: 150 });
    assert.equal(worked, false);
    assert.match(text, /\nNo push job came into push_queue within 0\.15 s\.$/);
  });

  await t.step("a router that closes the connection", async () => {
    await using router = new FakeRouter({ onFrame: "close" });
    const [worked, text] = await run({ listen: router.listen, http: HTTP_OFF });
    assert.equal(worked, false);
    assert.match(
      text,
      /\n(The router closed the connection of server|The connection of server) [AB]/,
    );
  });

  await t.step("something that is no router", async () => {
    const greeting = new TextEncoder().encode("220 mail.example ESMTP\r\n");
    await using router = new FakeRouter({ greeting, onFrame: "ignore" });
    const [worked, text] = await run({ listen: router.listen, http: HTTP_OFF });
    assert.equal(worked, false);
    assert.match(text, /\nWhat answers there is not an IM router \(.*\)\.$/);
  });
});

Deno.test("demo: its signal ends it", async () => {
  await using router = new FakeRouter({ onFrame: "ignore" });
  const stop = new AbortController();
  const lines: string[] = [];
  const worked = await demo({
    listen: router.listen,
    http: HTTP_OFF,
    signal: stop.signal,
    write: (line) => {
      lines.push(line);
      stop.abort();
    },
  });
  assert.equal(worked, false);
  assert.equal(lines.at(-1), "The demo was ended.");
});
