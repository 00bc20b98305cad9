// The load generator against a router that does one thing wrong: each must be seen, and nothing where all is well. Linux alone.
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { COMMAND } from "../src/wire/command.ts";
import { encodeFrame, FrameDecoder, HEADER_BYTES } from "../src/wire/frame.ts";
import { MARKER, messageReceiver, messageSender } from "./message.ts";

const LOAD = fileURLToPath(new URL("load.ts", import.meta.url));
const WRONG_AT = 100;

type Wrong =
  | "nothing"
  | "damage"
  | "lose"
  | "repeat"
  | "reorder"
  | "misroute"
  | "skip seq"
  | "close";

class WrongRouter implements AsyncDisposable {
  readonly #wrong: Wrong;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #holders = new Map<number, Peer>();
  readonly #peers: Peer[] = [];
  readonly #serving: Promise<void>;
  #count = 0;
  #held: Uint8Array | null = null;

  constructor(wrong: Wrong) {
    this.#wrong = wrong;
    this.#serving = this.#accept();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  async #accept(): Promise<void> {
    const serving: Promise<void>[] = [];
    for await (const conn of this.#listener) {
      const peer = new Peer(conn);
      this.#peers.push(peer);
      serving.push(this.#serve(peer));
    }
    await Promise.all(serving);
  }

  async #serve(peer: Peer): Promise<void> {
    using conn = peer.conn;
    const decoder = new FrameDecoder();
    const buffer = new Uint8Array(65_536);
    for (let n; (n = await conn.read(buffer).catch(() => null)) !== null;) {
      decoder.push(buffer.subarray(0, n));
      while (decoder.next()) {
        const body = decoder.bytes.slice(decoder.start + HEADER_BYTES, decoder.end);
        const view = new DataView(body.buffer);
        const id = messageReceiver(view, 0);
        if (decoder.view.getUint8(decoder.start + 8) === COMMAND.SUBSCRIBE) {
          this.#holders.set(id, peer);
        } else {
          const to = this.#holders.get(id);
          if (to !== undefined) await this.#deliver(to, body, view);
        }
      }
    }
  }

  async #deliver(to: Peer, body: Uint8Array, view: DataView): Promise<void> {
    const held = this.#held === null ? null : new DataView(this.#held.buffer);
    const sameStream = held !== null && messageSender(held, 0) === messageSender(view, 0) &&
      messageReceiver(held, 0) === messageReceiver(view, 0);
    if ((messageSender(view, 0) & MARKER) === 0 && ++this.#count === WRONG_AT) {
      if (this.#wrong === "damage") body[150]! ^= 1;
      if (this.#wrong === "lose") return;
      if (this.#wrong === "repeat") await to.deliver(body);
      if (this.#wrong === "skip seq") to.seq++;
      if (this.#wrong === "close") return to.conn[Symbol.dispose]();
      if (this.#wrong === "misroute") to = this.#peers.find((peer) => peer !== to)!;
      if (this.#wrong === "reorder") {
        this.#held = body;
        return;
      }
    }
    await to.deliver(body);
    if (sameStream) {
      await to.deliver(this.#held!);
      this.#held = null;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const { conn } of this.#peers) conn[Symbol.dispose]();
    await this.#serving;
  }
}

class Peer {
  readonly conn: Deno.TcpConn;
  seq = 0;

  constructor(conn: Deno.TcpConn) {
    this.conn = conn;
    conn.setNoDelay(true);
  }

  /** A peer that has gone takes nothing. */
  async deliver(body: Uint8Array): Promise<void> {
    const frame = encodeFrame({ command: COMMAND.PUBLISH, seq: ++this.seq, body });
    await this.conn.write(frame).catch(() => 0);
  }
}

async function load(port: number): Promise<[number, Record<string, unknown>]> {
  const short = ["--conns", "3", "--users", "9", "--window", "16", "--batch", "4"];
  const times = ["--warm", "0.1", "--secs", "0.3", "--drain", "0.3"];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", LOAD, "--json", "--addr", `127.0.0.1:${port}`, ...short, ...times],
  }).output();
  const line = new TextDecoder().decode(stdout);
  assert.notEqual(line, "", new TextDecoder().decode(stderr));
  return [code, JSON.parse(line)];
}

const cases: Record<Wrong, { lost: number; bad?: RegExp }> = {
  "nothing": { lost: 0 },
  "damage": { lost: 1, bad: /^connection \d: damaged, 178 bytes: / },
  "lose": { lost: 1 },
  "repeat": { lost: 0, bad: /: order: message \d+ of sender \d to \d+ came after \d+$/ },
  "reorder": { lost: 1, bad: /: order: message \d+ of sender \d to \d+ came after \d+$/ },
  "misroute": { lost: 1, bad: /: message \d+ of sender \d (to \d+ came here|was not for \d+)$/ },
  "skip seq": { lost: 0, bad: /: outgoing seq \d+ where \d+ was due$/ },
  "close": { lost: NaN, bad: /^connection \d was closed by the router$/ },
};

for (const [wrong, { lost, bad }] of Object.entries(cases)) {
  const ignore = Deno.build.os !== "linux";
  Deno.test(`load: sees a router that does wrong: ${wrong}`, { ignore }, async () => {
    await using router = new WrongRouter(wrong as Wrong);
    const [code, figures] = await load(router.port);
    assert.ok(Number(figures["sent"]) >= WRONG_AT, JSON.stringify(figures));
    if (!Number.isNaN(lost)) assert.equal(figures["lost"], lost, JSON.stringify(figures));
    if (bad === undefined) assert.equal(figures["bad"], undefined);
    else assert.match(String(figures["bad"]), bad);
    assert.equal(code, wrong === "nothing" ? 0 : 1);
  });
}
