// Accepting: without file descriptors it waits for some, and closing the listener ends it.
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { subscribe } from "../support/wire_frames.ts";
import { message } from "./server_fixture.ts";
import { Peer, Port } from "./socket_fixture.ts";
import { SystemCalls } from "./system_calls.ts";
import { until, within } from "./waiting.ts";

const FDS_MAX = 64;

/** What the child prints. */
interface Line {
  readonly port?: number;
  readonly fds?: number;
  readonly acceptErrors?: number;
  readonly event?: string;
  readonly level?: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** A router's port in a process that may have few file descriptors. */
class Child implements AsyncDisposable {
  readonly lines: Line[] = [];
  readonly #process = new Deno.Command("sh", {
    args: [
      "-c",
      `ulimit -n ${FDS_MAX} && exec "$0" run -A "$1"`,
      Deno.execPath(),
      fileURLToPath(new URL("accept_child.ts", import.meta.url)),
    ],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  readonly #stdin = this.#process.stdin.getWriter();
  readonly #reading = this.#read();
  #ended = false;

  async #read(): Promise<void> {
    let text = "";
    for await (const part of this.#process.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (text + part).split("\n");
      text = lines.pop()!;
      this.lines.push(...lines.map((line) => JSON.parse(line) as Line));
    }
  }

  /** The next line that has something, from line `from` on. */
  async line(has: keyof Line, from = 0): Promise<Line> {
    const found = () => this.lines.slice(from).find((line) => line[has] !== undefined);
    await until(() => found() !== undefined, `the child prints its ${has}`, 20_000);
    return found()!;
  }

  /** Its file descriptors and accept errors, as they are now. */
  async figures(): Promise<Line> {
    const from = this.lines.length;
    await this.#stdin.write(new TextEncoder().encode("\n"));
    return await this.line("fds", from);
  }

  /** How often it said something. */
  said(event: string): number {
    return this.lines.filter((line) => line.event === event).length;
  }

  /** Lets it end, and returns its exit status. */
  async end(): Promise<number> {
    if (!this.#ended) await this.#stdin.close();
    this.#ended = true;
    const { code } = await within(this.#process.status, "the child ends");
    await this.#reading;
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }
}

Deno.test("acceptAll survives having no file descriptors left, says so, and takes in who waited", async () => {
  using calls = new SystemCalls();
  await using child = new Child();
  const { port } = await child.line("port");
  const dial = async () =>
    new Peer(await Deno.connect({ hostname: "127.0.0.1", port: port! }), port!);
  const { fds } = await child.figures();
  const peers: Peer[] = [];
  try {
    // It needs some itself; who comes last waits in the kernel's queue.
    for (let i = 0; i < FDS_MAX; i++) peers.push(await dial());
    await until(() => child.said("accept failed") >= 3, "it fails and tries again");
    const line = child.lines.find(({ event }) => event === "accept failed")!;
    assert.equal(line.level, "error");
    assert.match(String(line.fields!.error), /too many open files/i);
    const taken = child.said("connection opened");
    assert.ok(taken > 2 && taken < peers.length, `${taken} of ${peers.length} taken in`);
    // Those that it holds are served meanwhile.
    await peers[0]!.read().send(subscribe(1n));
    await peers[1]!.send(message(1n, "while others wait"));
    await peers[0]!.got(message(1n, "while others wait").length);
    // Some of those that wait are gone by the time it is their turn, as after a health check: that holds up nobody.
    const gone = peers.slice(taken, -1);
    for (const peer of gone) calls.reset(peer.fd);
    for (const peer of peers.slice(2, taken)) peer.close();
    await peers.at(-1)!.send(message(1n, "from one that waited"));
    await until(() => peers[0]!.texts().length === 2, "it is served");
    assert.deepEqual(peers[0]!.texts(), ["while others wait", "from one that waited"]);
  } finally {
    for (const peer of peers) peer.close();
    await Promise.all(peers.map(({ reading }) => reading));
  }
  const opened = child.said("connection opened");
  await until(() => child.said("connection closed") === opened, "all have left");
  const pauses = child.lines.filter(({ event }) => event === "accept failed").map(({ fields }) =>
    `${fields!.next_try_ms} ms after ${String(fields!.error).replace(/ \(.*/, "")}`
  );
  assert.deepEqual([...new Set(pauses)], [
    "100 ms after Too many open files",
    "0 ms after Transport endpoint is not connected",
  ]);
  assert.ok(pauses.length < 200, `${pauses.length} times: it does not try without a pause`);
  const after = await child.figures();
  assert.equal(after.fds, fds, "no descriptor is left over");
  assert.ok(after.acceptErrors! >= 3);
  assert.equal(await child.end(), 0);
});

Deno.test("acceptAll ends when its listener is closed; what it took in goes on", async () => {
  await using port = new Port();
  const receiver = (await port.dial(subscribe(1n))).read();
  const publisher = await port.dial();
  await port.routed(receiver);
  await within(port.stopAccepting(), "accepting ends");
  await assert.rejects(port.dialOnly(), Deno.errors.ConnectionRefused);
  await publisher.send(message(1n, "still"));
  await receiver.got(message(1n, "still").length);
  assert.equal(port.scene.server.counters.acceptErrors, 0);
});

Deno.test("acceptAll refuses a connection beyond the limit by closing it", async () => {
  await using port = new Port({ limits: { connectionsMax: 1 } });
  const first = (await port.dial(subscribe(1n))).read();
  const refused = (await port.dialOnly()).read();
  await within(refused.reading, "its stream ends");
  assert.ok(refused.ended);
  await until(() => port.fdOf(refused) === undefined, "its socket is gone");
  assert.equal(port.scene.server.counters.closed.get("too_many_connections"), 1);
  first.close();
  await until(() => port.find(first) === undefined, "the first has left");
  await port.dial();
});
