/**
 * A server on a real port of 127.0.0.1, and peers that dial it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { acceptAll } from "../../src/net/acceptor.ts";
import type { Connection } from "../../src/net/connection.ts";
import { SocketOptions } from "../../src/net/socket_options.ts";
import { FrameDecoder } from "../../src/wire/frame.ts";
import { concat } from "../support/wire_hex.ts";
import { type SceneOptions, ServerScene, textOf } from "./server_fixture.ts";
import { fdOf } from "./system_calls.ts";
import { until, within } from "./waiting.ts";

/** How a port differs from one with all that a router uses. */
export interface PortOptions extends SceneOptions {
  /** False: no FFI, so no socket options. */
  readonly ffi?: boolean;
}

/** A real port. */
export class Port implements AsyncDisposable {
  readonly scene: ServerScene;
  /** Settles when accepting has ended. */
  readonly accepting: Promise<void>;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #options: SocketOptions | undefined;
  readonly #peers: Peer[] = [];

  constructor(options: PortOptions = {}) {
    this.scene = new ServerScene(options);
    if (options.ffi !== false) {
      this.#options = SocketOptions.open().options;
      assert.ok(this.#options !== undefined, "these tests want Linux and --allow-ffi");
    }
    const { server, log } = this.scene;
    this.accepting = acceptAll(this.#listener, server, this.#options, log);
  }

  /** Dials, and waits until the server has taken the connection in. */
  async dial(...frames: readonly Uint8Array[]): Promise<Peer> {
    const peer = await this.dialOnly();
    await until(() => this.find(peer) !== undefined, "it is accepted");
    if (frames.length > 0) await peer.send(...frames);
    return peer;
  }

  /** Dials. */
  async dialOnly(): Promise<Peer> {
    const { hostname, port } = this.#listener.addr;
    const peer = new Peer(await Deno.connect({ hostname, port }), port);
    this.#peers.push(peer);
    return peer;
  }

  /** The server's side of a peer's connection, while there is one. */
  find(peer: Peer): Connection | undefined {
    return this.scene.server.connections().find(({ transport }) =>
      transport.address === peer.address
    );
  }

  /** The descriptor of the server's side. */
  fdOf(peer: Peer): number | undefined {
    return fdOf(this.#listener.addr.port, peer.port);
  }

  /** Waits until everything that a peer has sent is routed. */
  async routed(peer: Peer): Promise<void> {
    await until(() => this.find(peer)?.bytesIn === peer.sentBytes, "what it sent is routed");
  }

  /** Accepts nothing more. */
  async stopAccepting(): Promise<void> {
    try {
      this.#listener.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
    await this.accepting;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopAccepting();
    for (const peer of this.#peers) peer.close();
    await Promise.all(this.#peers.map(({ reading }) => reading));
    await this.scene[Symbol.asyncDispose]();
    this.#options?.close();
  }
}

/** The IM server's end of a real connection. */
export class Peer {
  /** As the server sees it. */
  readonly address: string;
  readonly port: number;
  /** Settles when nothing is read any more. */
  reading: Promise<void> = Promise.resolve();
  /** Whether the router has ended its side. */
  ended = false;
  /** Why reading failed. */
  failure: unknown;
  sentBytes = 0;
  receivedBytes = 0;
  /** Whether received bytes are kept. */
  keeps = true;
  readonly conn: Deno.TcpConn;
  readonly #serverPort: number;
  readonly #received: Uint8Array[] = [];

  constructor(conn: Deno.TcpConn, serverPort: number) {
    this.conn = conn;
    this.#serverPort = serverPort;
    conn.setNoDelay(true);
    this.port = conn.localAddr.port;
    this.address = `127.0.0.1:${this.port}`;
  }

  /** Its descriptor. */
  get fd(): number {
    const fd = fdOf(this.port, this.#serverPort);
    assert.ok(fd !== undefined, "the peer is connected");
    return fd;
  }

  /** Sends all of it. */
  async send(...frames: readonly Uint8Array[]): Promise<void> {
    const bytes = concat(...frames);
    for (let at = 0; at < bytes.length;) {
      const count = await this.conn.write(bytes.subarray(at));
      at += count;
      this.sentBytes += count;
    }
  }

  /** Reads from now on, until the router ends its side or this one is closed. */
  read(): this {
    this.reading = this.#read();
    return this;
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(64 << 10);
    try {
      for (let count; (count = await this.conn.read(buffer)) !== null;) {
        this.receivedBytes += count;
        if (this.keeps) this.#received.push(buffer.slice(0, count));
      }
      this.ended = true;
    } catch (error) {
      this.failure = error;
    }
  }

  /** All bytes so far. */
  received(): Uint8Array<ArrayBuffer> {
    return concat(...this.#received);
  }

  /** Seq and text of each message so far; the numbers have no gap. */
  texts(): string[] {
    const decoder = new FrameDecoder();
    decoder.push(this.received());
    const texts: string[] = [];
    while (decoder.next()) {
      const { bytes, view, start, end } = decoder;
      texts.push(textOf(bytes.subarray(start + 12, end)));
      assert.equal(view.getInt32(start + 4), texts.length, "seq counts without a gap");
    }
    return texts;
  }

  /** Waits until so many bytes have come. */
  async got(bytes: number): Promise<void> {
    await until(() => this.receivedBytes >= bytes, `${bytes} bytes have come`);
  }

  /** Ends its side. */
  async end(): Promise<void> {
    await within(this.conn.closeWrite(), "closeWrite");
  }

  /** Closes; may be called twice. */
  close(): void {
    this.conn[Symbol.dispose]();
  }
}
