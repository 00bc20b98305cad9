// The recorded vectors over real sockets: every byte that each IM server got, and every push. See tests/vectors/README.md.
import assert from "node:assert/strict";
import type { RouterOptions } from "../../src/router/router.ts";
import { hex, toHex } from "../support/wire_hex.ts";
import { recordedPushes, recording, type VectorLine } from "../support/wire_vectors.ts";
import { type Peer, Port } from "./socket_fixture.ts";
import { until } from "./waiting.ts";

/** Plays one line, once all that was recorded before has happened. */
async function play(port: Port, peer: Peer, line: VectorLine, expected: Map<Peer, string>) {
  const bytes = line.b ?? "";
  if (line.d === "out") {
    expected.set(peer, expected.get(peer)! + bytes);
    await peer.got(expected.get(peer)!.length / 2);
    if (line.end) await until(() => peer.ended, "the router ends its side");
  } else {
    if (bytes !== "") await peer.send(hex(bytes));
    // The recording's pauses were there to let the router handle one connection before the next.
    await port.routed(peer);
    if (line.end) await peer.end();
  }
}

function byQueue(pushes: readonly string[]): Map<string, string[]> {
  const queues = new Map<string, string[]>();
  for (const push of pushes) {
    const at = push.indexOf(" ");
    const queue = push.slice(0, at);
    queues.set(queue, [...queues.get(queue) ?? [], push.slice(at + 1)]);
  }
  return new Map([...queues].sort());
}

const CASES: readonly [recorded: 1 | 2, router: RouterOptions][] = [
  [1, { generation: 1, isPushSystem: true }],
  [1, { generation: "auto", isPushSystem: true }],
  [2, { generation: 2 }],
  [2, { generation: "auto" }],
];

for (const [recorded, router] of CASES) {
  Deno.test(`Server set to ${router.generation} replays the recording of generation ${recorded} over real sockets`, async () => {
    await using port = new Port({ router });
    const peers = new Map<string, Peer>();
    const expected = new Map<Peer, string>();
    for (const line of recording(recorded)) {
      let peer = peers.get(line.c);
      if (peer === undefined) {
        peer = (await port.dial()).read();
        peers.set(line.c, peer);
        expected.set(peer, "");
      }
      await play(port, peer, line, expected);
    }
    for (const [name, peer] of peers) {
      assert.equal(toHex(peer.received()), expected.get(peer), `what ${name} got`);
    }
    const { scene } = port;
    const pushes = recordedPushes(recorded).map(({ queue, json }) => `${queue} ${json}`);
    assert.deepEqual(byQueue(scene.jobs), byQueue(pushes));
    assert.equal(scene.server.counters.closed.get("peer_closed"), peers.size);
    const { event } = scene.lines.find(({ event }) =>
      !/^connection (opened|closed)$/.test(event)
    ) ??
      { event: "nothing else" };
    assert.equal(event, "nothing else", "nothing that real servers send is worth a line");
  });
}
