// What the kernel was told of an accepted connection, asked of the kernel itself.
import assert from "node:assert/strict";
import { subscribe } from "../support/wire_frames.ts";
import { SocketOptions } from "../../src/net/socket_options.ts";
import { message } from "./server_fixture.ts";
import { Port } from "./socket_fixture.ts";
import { SystemCalls } from "./system_calls.ts";
import { until } from "./waiting.ts";

// From asm-generic/socket.h and linux/tcp.h.
const SOL_SOCKET = 1, IPPROTO_TCP = 6;
const SO_SNDBUF = 7, SO_KEEPALIVE = 9;
const TCP_NODELAY = 1, TCP_KEEPIDLE = 4, TCP_KEEPINTVL = 5, TCP_KEEPCNT = 6, TCP_USER_TIMEOUT = 18;

Deno.test("TcpTransport with FFI sets NODELAY, keep-alive and a bounded send buffer on an accepted connection", async () => {
  using calls = new SystemCalls();
  await using port = new Port();
  const peer = await port.dial(subscribe(1n));
  await port.routed(peer);
  const fd = port.fdOf(peer)!;
  const tcp = (option: number) => calls.option(fd, IPPROTO_TCP, option);
  assert.equal(tcp(TCP_NODELAY), 1);
  assert.equal(calls.option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
  assert.deepEqual([TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT].map(tcp), [30, 10, 3]);
  // The kernel books twice as much, of what the system's administrator allows.
  const allowed = Number(Deno.readTextFileSync("/proc/sys/net/core/wmem_max"));
  assert.equal(calls.option(fd, SOL_SOCKET, SO_SNDBUF), 2 * Math.min(256 << 10, allowed));
  assert.equal(tcp(TCP_USER_TIMEOUT), 0, "not while it subscribes and does not read");
  port.scene.pass(2);
  assert.equal(tcp(TCP_USER_TIMEOUT), 12_000);
});

Deno.test("TcpTransport without FFI sets NODELAY and the system's own keep-alive", async () => {
  using calls = new SystemCalls();
  await using port = new Port({ ffi: false });
  const peer = await port.dial();
  const fd = port.fdOf(peer)!;
  assert.equal(calls.option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
  assert.equal(calls.option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
  assert.equal(port.find(peer)!.transport.unacknowledgedBytes(), undefined);
  assert.equal(port.find(peer)!.transport.closeEndsWrites, false);
});

Deno.test("TcpTransport that is closed touches no descriptor any more", async () => {
  await using port = new Port();
  const peer = await port.dial(subscribe(1n));
  await port.routed(peer);
  const { transport } = port.find(peer)!;
  transport.close();
  transport.close();
  transport.giveUpAfter(1);
  assert.equal(transport.unacknowledgedBytes(), undefined);
  await transport.closeWrite();
});

Deno.test("SocketOptions.unacknowledgedBytes falls to nothing when the peer's kernel has it all, unread", async () => {
  await using port = new Port();
  const peer = await port.dial(subscribe(1n));
  await port.routed(peer);
  await (await port.dial()).send(message(1n, "hello"));
  const { outbox, transport } = port.find(peer)!;
  await until(() => outbox.sentFrames === 1, "the router's kernel has it");
  await until(() => transport.unacknowledgedBytes() === 0, "the peer's kernel has it");
});

Deno.test("SocketOptions.descriptor finds none on a connection that was dialled", async () => {
  await using port = new Port();
  const peer = await port.dial();
  assert.equal(SocketOptions.descriptor(peer.conn), undefined);
});
