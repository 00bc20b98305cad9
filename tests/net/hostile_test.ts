// Whatever comes to the port harms only who sent it: its connection ends with a reason and a count, and others are served.
import assert from "node:assert/strict";
import type { CloseReason } from "../../src/net/connection.ts";
import { COMMAND } from "../../src/wire/command.ts";
import { encodeFrame } from "../../src/wire/frame.ts";
import { subscribe } from "../support/wire_frames.ts";
import { concat, hex } from "../support/wire_hex.ts";
import { Random } from "./random.ts";
import { counted, message } from "./server_fixture.ts";
import { type Peer, Port, type PortOptions } from "./socket_fixture.ts";
import { openFds } from "./system_calls.ts";
import { settle, until } from "./waiting.ts";

/** Two IM servers that are well: what one publishes has to reach the other at any time. */
class Witnesses {
  readonly #port: Port;
  readonly #from: Peer;
  readonly #to: Peer;
  #count = 0;

  private constructor(port: Port, from: Peer, to: Peer) {
    this.#port = port;
    this.#from = from;
    this.#to = to;
  }

  static async at(port: Port): Promise<Witnesses> {
    const to = (await port.dial(subscribe(1_000n))).read();
    const from = (await port.dial(subscribe(1_001n))).read();
    await port.routed(to);
    await port.routed(from);
    const witnesses = new Witnesses(port, from, to);
    await witnesses.check();
    return witnesses;
  }

  /** Sends a message and waits until it has come. */
  async check(): Promise<void> {
    const bytes = message(1_000n, `${this.#count++}`.padEnd(8));
    await this.#from.send(bytes);
    await this.#to.got(this.#count * bytes.length);
    assert.ok(this.#port.find(this.#from) !== undefined && this.#port.find(this.#to) !== undefined);
  }
}

/** A port with witnesses, who are asked again after the attack; and nothing is left over. */
async function attacked(
  options: PortOptions,
  attack: (port: Port, witnesses: Witnesses) => Promise<void>,
): Promise<void> {
  const before = openFds();
  {
    await using port = new Port(options);
    const witnesses = await Witnesses.at(port);
    await attack(port, witnesses);
    await witnesses.check();
    assert.equal(port.scene.server.connections().length, 2);
    assert.equal(port.scene.router.table.connectionCount, 2);
  }
  await until(() => openFds() <= before, `${before} file descriptors, as before`);
}

/** Waits until a peer's connection has ended, and asserts why. */
async function ended(port: Port, peer: Peer, ...reasons: CloseReason[]): Promise<CloseReason> {
  await until(() => port.find(peer) === undefined, "its connection has ended");
  const said = port.scene.said("connection closed").filter(({ address }) =>
    address === peer.address
  );
  assert.equal(said.length, 1, "one line");
  const reason = said[0]!.reason as CloseReason;
  assert.ok(reasons.includes(reason), `${reason} is one of ${reasons}`);
  assert.equal(port.scene.server.counters.closed.get(reason), 1, "and one count");
  return reason;
}

/** Sends for as long as the router takes it. */
async function sendAll(peer: Peer, bytes: Uint8Array): Promise<void> {
  try {
    await peer.send(bytes);
  } catch (error) {
    if (
      !(error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe)
    ) {
      throw error;
    }
  }
}

const GARBAGE: readonly [what: string, bytes: Uint8Array][] = [
  ["an HTTP request", new TextEncoder().encode("GET / HTTP/1.1\r\nHost: router\r\n\r\n")],
  ["a TLS handshake", concat(hex("16030100f1 010000ed0303"), new Uint8Array(235).fill(0x5a))],
  ["SSH", new TextEncoder().encode("SSH-2.0-OpenSSH_9.6\r\n")],
  ["a header that announces 2 GiB", hex("7fffffff 00000001 84000000 0011223344")],
  ["a header that announces -2 GiB", hex("80000000 00000001 84000000 0011223344")],
  ["only ones", new Uint8Array(100_000).fill(0xff)],
];

for (const [what, bytes] of GARBAGE) {
  Deno.test(`Server that gets ${what} closes at the first header`, async () => {
    await attacked({}, async (port) => {
      const peer = (await port.dial()).read();
      await sendAll(peer, bytes);
      await ended(port, peer, "bad_length");
      await peer.reading;
      assert.equal(peer.receivedBytes, 0, "nothing is answered");
    });
  });
}

Deno.test("Server that gets random bytes closes sooner or later, and lasts", async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = new Random(seed);
    const bytes = Uint8Array.from({ length: 4_000 }, () => random.below(256));
    bytes.fill(0, 0, 2); // else the first length is out of range almost always
    await attacked({}, async (port) => {
      const peer = (await port.dial()).read();
      await sendAll(peer, bytes);
      await peer.end();
      const reasons = [
        "bad_length",
        "unknown_command",
        "malformed_body",
        "ended_mid_frame",
      ] as const;
      await ended(port, peer, ...reasons);
    });
  }
});

Deno.test("Server that gets a large frame's header and little more keeps little more", async () => {
  await attacked({}, async (port) => {
    const peer = await port.dial(hex("00100000 00000001 84000000"), new Uint8Array(1_000));
    await port.routed(peer);
    assert.equal(port.find(peer)!.decoder.heldBytes, 1_012);
    port.scene.pass(31);
    await ended(port, peer, "unfinished_frame");
  });
});

Deno.test("Server to whom bytes drip closes after 30 s", async () => {
  await attacked({}, async (port, witnesses) => {
    const peer = await port.dial();
    const frame = message(1_000n, "x".repeat(1_000));
    for (let at = 0; at < 100 && port.find(peer) !== undefined; at++) {
      await sendAll(peer, frame.subarray(at, at + 1));
      await until(() => (port.find(peer)?.bytesIn ?? at + 1) === at + 1, "the byte has come");
      port.scene.pass(1);
      if (at % 10 === 0) await witnesses.check();
    }
    await ended(port, peer, "unfinished_frame");
    assert.equal(peer.sentBytes, 31);
  });
});

Deno.test("Server skips and counts a flood of empty frames from who has never counted", async () => {
  await attacked({}, async (port, witnesses) => {
    const peer = await port.dial();
    const frames = 100_000;
    const sending = peer.send(new Uint8Array(12 * frames));
    for (let i = 0; i < 10; i++) await witnesses.check();
    await sending;
    await port.routed(peer);
    assert.equal(port.scene.router.unknown, frames);
    await peer.end();
    await ended(port, peer, "peer_closed");
  });
});

Deno.test("Server closes at the first empty frame of a flood from who has counted so far", async () => {
  await attacked({}, async (port) => {
    const frames = Array.from({ length: 20 }, (_, i) => subscribe(BigInt(i)));
    const peer = await port.dial(...counted(frames));
    await port.routed(peer);
    await sendAll(peer, new Uint8Array(12 * 100_000));
    await ended(port, peer, "seq_gap");
    assert.equal(port.scene.router.unknown, 0);
  });
});

Deno.test("Server closes at an empty SUBSCRIBE", async () => {
  await attacked({}, async (port) => {
    const peer = await port.dial();
    await sendAll(peer, concat(...Array(1_000).fill(encodeFrame({ command: COMMAND.SUBSCRIBE }))));
    await ended(port, peer, "malformed_body");
  });
});

Deno.test("Server closes who subscribes without end at the limit, and frees all of it", async () => {
  await attacked({ router: { subscriptionsPerConnectionMax: 20_000 } }, async (port, witnesses) => {
    const peer = await port.dial();
    for (let uid = 0n; port.find(peer) !== undefined && uid < 100_000n;) {
      const frames = Array.from({ length: 500 }, () => subscribe(1_000_000n + uid++));
      await sendAll(peer, concat(...frames));
      await settle();
      if (uid % 5_000n === 0n) await witnesses.check();
    }
    await ended(port, peer, "too_many_subscriptions");
    await until(() => port.scene.router.table.users.keys === 2, "only the witnesses' are left");
  });
});

for (const ffi of [true, false]) {
  Deno.test(`Server closes who subscribes and never reads when its outbox is full, FFI ${ffi}`, async () => {
    await attacked({ ffi, limits: { outboxBytesMax: 2 << 20 } }, async (port, witnesses) => {
      const peer = await port.dial(subscribe(1n));
      const publisher = await port.dial();
      await port.routed(peer);
      const flood = concat(...Array(20).fill(message(1n, "x".repeat(30_000))));
      while (port.find(peer) !== undefined) {
        await publisher.send(flood);
        await witnesses.check();
      }
      await ended(port, peer, "outbox_full");
      assert.equal(port.scene.server.counters.zombies, ffi ? 0 : 1);
      peer.read(); // for the sanitizer: a write that is under way ends
      await until(() => port.fdOf(peer) === undefined, "its socket is gone");
      publisher.close();
      await until(() => port.find(publisher) === undefined, "the publisher has left");
    });
  });
}

Deno.test("Server from which hundreds come and go at once keeps nothing", async () => {
  await attacked({}, async (port, witnesses) => {
    for (let round = 0; round < 5; round++) {
      const peers = await Promise.all(Array.from({ length: 100 }, () => port.dialOnly()));
      peers.forEach((peer, i) => {
        if (i % 3 !== 0) peer.close();
      });
      await witnesses.check();
      for (const peer of peers) peer.close();
    }
    const { server } = port.scene;
    await until(() => server.counters.closed.get("peer_closed") === 500, "all have left");
    assert.equal(server.counters.accepted, 502);
  });
});
