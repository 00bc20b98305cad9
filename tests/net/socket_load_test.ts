// Many real connections at once, and a server that stops under load.
import assert from "node:assert/strict";
import { subscribe } from "../support/wire_frames.ts";
import { message } from "./server_fixture.ts";
import { type Peer, Port } from "./socket_fixture.ts";
import { openFds } from "./system_calls.ts";
import { until, within } from "./waiting.ts";

const CONNECTIONS = 1_000;

Deno.test(`Server gives each of ${CONNECTIONS} connections its message, and keeps no descriptor after they left`, async () => {
  const before = openFds();
  {
    await using port = new Port();
    const { server } = port.scene;
    const peers: Peer[] = [];
    while (peers.length < CONNECTIONS) {
      peers.push(...await Promise.all(Array.from({ length: 100 }, () => port.dialOnly())));
    }
    await Promise.all(peers.map((peer, i) => peer.read().send(subscribe(BigInt(i)))));
    await until(() => port.scene.router.table.users.keys === CONNECTIONS, "all have subscribed");
    assert.equal(server.connections().length, CONNECTIONS);
    const publisher = await port.dial();
    await publisher.send(...peers.map((_, i) => message(BigInt(i), `for ${i}`)));
    await until(() => peers.every(({ receivedBytes }) => receivedBytes > 0), "each gets something");
    peers.forEach((peer, i) => assert.deepEqual(peer.texts(), [`for ${i}`]));
    for (const peer of peers) peer.close();
    await until(() => server.connections().length === 1, "all have left");
    assert.equal(server.counters.closed.get("peer_closed"), CONNECTIONS);
    assert.equal(port.scene.said("connection closed").length, CONNECTIONS);
    await until(() => port.scene.router.table.users.keys === 0, "what they held is freed");
  }
  await until(() => openFds() <= before, `${before} file descriptors, as before`);
});

/** Sends numbered messages to everybody until the router ends its side; as IM servers do, it then ends its own. */
async function publish(peer: Peer, name: number, uids: readonly bigint[]): Promise<number> {
  peer.read();
  let sent = 0;
  while (!peer.ended) {
    const frames = Array.from({ length: 50 }, () => {
      const uid = uids[sent % uids.length]!;
      return message(uid, `${name} ${sent++}`.padEnd(sent % 1_000));
    });
    await peer.send(...frames);
    await new Promise((resolve) => setTimeout(resolve, 0)); // lets the router have its turn
  }
  await peer.end();
  return sent;
}

Deno.test("Server.stop under load delivers all that it took in before, and counts what comes too late", async () => {
  const before = openFds();
  {
    await using port = new Port();
    const { server } = port.scene;
    const uids = Array.from({ length: 8 }, (_, i) => BigInt(i));
    const peers = await Promise.all(uids.map((uid) => port.dial(subscribe(uid))));
    for (const peer of peers) await port.routed(peer);
    const sending = peers.map((peer, i) =>
      publish(peer, i, uids.filter((uid) => uid !== BigInt(i)))
    );
    await until(() => peers.every(({ receivedBytes }) => receivedBytes > 500_000), "much flows");
    const routedBefore = server.counters.framesOut[132]!;
    await port.stopAccepting();
    await within(server.stop(3_000, 5_000), "stop");
    const sent = (await Promise.all(sending)).reduce((sum, count) => sum + count, 0);
    assert.equal(server.counters.framesIn[132], sent, "every stream was read to its end");
    assert.equal(server.counters.framesOut[132], sent, "and every message routed");
    assert.deepEqual([...server.counters.closed], [["peer_closed", 8]]);
    const received = peers.map((peer) => peer.texts().map((text) => text.trimEnd()));
    const came = received.reduce((sum, texts) => sum + texts.length, 0);
    assert.equal(came + server.counters.droppedFrames, sent, "none was lost without a count");
    assert.ok(came >= routedBefore, "all that was routed before came");
    received.forEach((texts, to) => {
      const last = new Map<number, number>();
      for (const text of texts) {
        const [from, number] = text.split(" ").map(Number) as [number, number];
        const next = (last.get(from) ?? firstFor(from, to) - 7) + 7;
        assert.equal(number, next, `from ${from} to ${to}: in order and without a gap`);
        last.set(from, number);
      }
    });
  }
  await until(() => openFds() <= before, `${before} file descriptors, as before`);
});

/** The number of the first message that goes from one peer to another: each writes to the other seven in turn. */
function firstFor(from: number, to: number): number {
  return to < from ? to : to - 1;
}

Deno.test("Server that stops while servers only read lets them have every last byte", async () => {
  await using port = new Port();
  const reader = await port.dial(subscribe(1n));
  const publisher = (await port.dial()).read();
  await port.routed(reader);
  const texts = Array.from({ length: 2_000 }, (_, i) => `${i}`.padEnd(3_000));
  await publisher.send(...texts.map((text) => message(1n, text)));
  await port.routed(publisher);
  assert.ok(port.find(reader)!.outbox.waitingBytes > 0, "much waits in the router");
  await port.stopAccepting();
  const stopped = port.scene.server.stop(3_000, 5_000);
  reader.read();
  await until(() => reader.ended && publisher.ended, "both see the end");
  await Promise.all([reader.end(), publisher.end()]);
  await within(stopped, "stop");
  assert.deepEqual(reader.texts(), texts);
});
