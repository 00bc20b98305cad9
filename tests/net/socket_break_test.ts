// Real sockets that break: resets, peers that vanish, peers that freeze; with the socket options of FFI and without.
import assert from "node:assert/strict";
import { subscribe } from "../support/wire_frames.ts";
import { message } from "./server_fixture.ts";
import { type Peer, Port, type PortOptions } from "./socket_fixture.ts";
import { openFds, SystemCalls } from "./system_calls.ts";
import { settle, until } from "./waiting.ts";

const LARGE = message(1n, "x".repeat(30_000));

/** The fields of the one line that says that a peer's connection has ended. */
function closeOf(port: Port, peer: Peer) {
  const said = port.scene.said("connection closed").filter(({ address }) =>
    address === peer.address
  );
  assert.equal(said.length, 1, "one line");
  return said[0]!;
}

async function closed(port: Port, peer: Peer): Promise<void> {
  await until(() => port.find(peer) === undefined, "its connection has ended");
}

/** A peer of user 1 that has stopped reading, and for which more waits than all kernels hold. */
async function withFrozenPeer(port: Port) {
  const frozen = await port.dial(subscribe(1n));
  const publisher = await port.dial();
  await port.routed(frozen);
  port.scene.pass(2); // its burst of subscriptions has ended
  const { outbox, transport } = port.find(frozen)!;
  const taken = () => outbox.sentBytes - (transport.unacknowledgedBytes() ?? 0);
  for (let same = 0, last = -1; same < 20;) {
    if (outbox.waitingBytes === 0) await publisher.send(...Array(20).fill(LARGE));
    await port.routed(publisher);
    await settle();
    same = outbox.busy && taken() === last ? same + 1 : 0;
    last = taken();
  }
  return { frozen, publisher, outbox };
}

/** Runs with FFI and without, and asserts that no file descriptor is left over. */
function testBoth(title: string, test: (port: Port, calls: SystemCalls) => Promise<void>): void {
  for (const ffi of [true, false]) {
    Deno.test(`${title}, FFI ${ffi ? "allowed" : "refused"}`, async () => {
      using calls = new SystemCalls();
      await leakless({ ffi }, (port) => test(port, calls));
    });
  }
}

async function leakless(options: PortOptions, test: (port: Port) => Promise<void>): Promise<void> {
  const before = openFds();
  {
    await using port = new Port(options);
    await test(port);
  }
  await until(() => openFds() <= before, `${before} file descriptors, as before`);
}

testBoth("Server whose peer resets in the middle of a frame says so once", async (port, calls) => {
  const other = (await port.dial(subscribe(2n))).read();
  const peer = await port.dial(subscribe(1n));
  await port.routed(other);
  await peer.send(message(2n, "before"), message(2n, "never whole").subarray(0, 50));
  await port.routed(peer);
  calls.reset(peer.fd);
  await closed(port, peer);
  const { reason, frames_in, bytes_in } = closeOf(port, peer);
  assert.deepEqual([reason, frames_in, bytes_in], ["reset", 2, peer.sentBytes]);
  await other.got(message(2n, "before").length);
  assert.deepEqual(other.texts(), ["before"]);
  assert.equal(port.scene.router.table.isOnline(0, 7, 0, 1), false);
});

testBoth(
  "Server whose peer resets while a write to it waits ends as reset, and no socket stays",
  async (port, calls) => {
    const { frozen, outbox } = await withFrozenPeer(port);
    calls.reset(frozen.fd);
    await closed(port, frozen);
    assert.equal(closeOf(port, frozen).reason, "reset");
    assert.equal(port.scene.server.counters.zombies, 0);
    await until(() => port.fdOf(frozen) === undefined, "the socket is gone");
    await until(() => !outbox.busy, "the write has ended");
  },
);

testBoth("Server whose peer half-closes sends what waited and closes", async (port) => {
  const { frozen, publisher, outbox } = await withFrozenPeer(port);
  await frozen.end();
  await closed(port, frozen);
  await publisher.send(message(1n, "too late"));
  await port.routed(publisher);
  frozen.read();
  await until(() => frozen.ended, "it gets everything, then the end");
  const { reason, bytes_out, dropped_frames } = closeOf(port, frozen);
  assert.deepEqual([reason, bytes_out, dropped_frames], ["peer_closed", frozen.receivedBytes, 0]);
  assert.equal(outbox.waitingBytes, 0);
  assert.equal(frozen.texts().length, frozen.receivedBytes / LARGE.length);
});

Deno.test("Server ends a frozen real peer after 10 s: the write ends and the socket is gone", async () => {
  await leakless({}, async (port) => {
    const { frozen, outbox } = await withFrozenPeer(port);
    const other = (await port.dial(subscribe(2n))).read();
    port.scene.pass(9);
    assert.ok(port.find(frozen) !== undefined);
    port.scene.pass(2);
    assert.equal(port.find(frozen), undefined);
    const { reason, dropped_frames } = closeOf(port, frozen);
    assert.equal(reason, "stalled");
    assert.ok(Number(dropped_frames) > 0);
    assert.equal(port.scene.server.counters.zombies, 0);
    await until(() => !outbox.busy, "the write has ended");
    await until(() => port.fdOf(frozen) === undefined, "the socket is gone though the peer sleeps");
    await port.routed(other);
    await (await port.dial()).send(message(2n, "hello"));
    await other.got(message(2n, "hello").length);
  });
});

Deno.test("Server without FFI closes a frozen real peer for itself, counts a zombie, and lets go when it wakes", async () => {
  await leakless({ ffi: false }, async (port) => {
    const { frozen, outbox } = await withFrozenPeer(port);
    port.scene.pass(11);
    assert.equal(port.find(frozen), undefined);
    assert.equal(closeOf(port, frozen).reason, "stalled");
    assert.equal(port.scene.server.counters.zombies, 1);
    assert.equal(port.scene.router.table.isOnline(0, 7, 0, 1), false);
    assert.ok(outbox.busy && port.fdOf(frozen) !== undefined, "the system keeps the socket");
    frozen.read();
    await until(() => frozen.ended || frozen.failure !== undefined, "the stream ends");
    await until(() => port.fdOf(frozen) === undefined, "then the socket is gone");
    assert.ok(frozen.receivedBytes > outbox.sentBytes - LARGE.length, "what the kernel had came");
  });
});

Deno.test("Server whose peer has vanished ends it after 10 s without an acknowledgement", async () => {
  using calls = new SystemCalls();
  await leakless({}, async (port) => {
    const gone = await port.dial(subscribe(1n));
    const publisher = await port.dial();
    await port.routed(gone);
    port.scene.pass(2);
    calls.vanish(gone.fd);
    await publisher.send(message(1n, "to nobody"));
    await port.routed(publisher);
    const { outbox, transport } = port.find(gone)!;
    await until(() => outbox.sentFrames === 1, "the kernel takes it");
    assert.equal(transport.unacknowledgedBytes(), message(1n, "to nobody").length);
    port.scene.pass(9);
    assert.ok(port.find(gone) !== undefined);
    port.scene.pass(2);
    assert.equal(closeOf(port, gone).reason, "stalled");
    calls.comeBack(gone.fd);
  });
});

Deno.test("Server whose peer has vanished learns it from the kernel where its own clock stands still", async () => {
  using calls = new SystemCalls();
  await leakless({ limits: { stallMs: 100 } }, async (port) => {
    const gone = await port.dial(subscribe(1n));
    const publisher = await port.dial();
    await port.routed(gone);
    for (let ticks = 0; ticks < 2; ticks++) port.scene.server.tick(); // the kernel is told: 2,100 ms
    calls.vanish(gone.fd);
    await publisher.send(message(1n, "to nobody"));
    const began = performance.now();
    await closed(port, gone);
    assert.ok(performance.now() - began > 2_000);
    assert.equal(closeOf(port, gone).reason, "timed_out");
    calls.comeBack(gone.fd);
  });
});
