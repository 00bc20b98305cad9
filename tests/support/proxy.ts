/**
 * A TCP proxy on 127.0.0.1 between a router and its Redis, which breaks the line in chosen ways.
 *
 * @module
 */

const BUFFER_BYTES = 64 << 10;

/** How replies are cut. */
export interface ReplyCut {
  /** The so-manieth piece that the server sends on a connection is cut. */
  readonly piece: number;
  /** So many of its bytes are passed on before the line breaks. */
  readonly bytes: number;
}

/** The proxy. */
export class Proxy implements AsyncDisposable {
  /** Connections that were broken so far. */
  cuts = 0;
  /** Cuts the replies of each connection while it is set. */
  replyCut: ReplyCut | undefined;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #targetPort: number;
  readonly #lines = new Set<Line>();
  readonly #accepting: Promise<void>;
  #refuses = false;
  #stalled: PromiseWithResolvers<void> | undefined;

  /**
   * Begins to accept.
   *
   * @param targetPort of 127.0.0.1
   */
  constructor(targetPort: number) {
    this.#targetPort = targetPort;
    this.#accepting = this.#accept();
  }

  /** Where it accepts. */
  get port(): number {
    return this.#listener.addr.port;
  }

  /** Breaks all connections. */
  cutAll(): void {
    for (const line of this.#lines) this.cut(line);
  }

  /** Breaks connections as soon as they are there, and those that are there; or does so no more. */
  refuse(refuses: boolean): void {
    this.#refuses = refuses;
    if (refuses) this.cutAll();
  }

  /** Holds all bytes back, both ways. */
  stall(): void {
    this.#stalled ??= Promise.withResolvers();
  }

  /** Lets them go. */
  resume(): void {
    this.#stalled?.resolve();
    this.#stalled = undefined;
  }

  /** Breaks one connection. */
  cut(line: Line): void {
    if (!this.#lines.delete(line)) return;
    this.cuts++;
    line.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.refuse(true);
    this.resume();
    await this.#accepting;
  }

  async #accept(): Promise<void> {
    const carried = new Set<Promise<void>>();
    try {
      for await (const client of this.#listener) {
        const done = this.#carry(client).finally(() => carried.delete(done));
        carried.add(done);
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error; // closed
    }
    await Promise.all(carried);
  }

  async #carry(client: Deno.TcpConn): Promise<void> {
    if (this.#refuses) return client.close();
    let server: Deno.TcpConn;
    try {
      server = await Deno.connect({ hostname: "127.0.0.1", port: this.#targetPort });
    } catch (error) {
      client.close();
      if (error instanceof Deno.errors.ConnectionRefused) return;
      throw error;
    }
    client.setNoDelay(true);
    server.setNoDelay(true);
    const line = new Line(client, server);
    this.#lines.add(line);
    await Promise.all([
      this.#pass(line, client, server, () => undefined),
      this.#pass(line, server, client, (piece) => {
        return this.replyCut?.piece === piece ? this.replyCut.bytes : undefined;
      }),
    ]);
  }

  /** Carries one way until either end goes, or a piece is cut. */
  async #pass(
    line: Line,
    from: Deno.TcpConn,
    to: Deno.TcpConn,
    cutOf: (piece: number) => number | undefined,
  ): Promise<void> {
    const buffer = new Uint8Array(BUFFER_BYTES);
    try {
      for (let piece = 1, count; (count = await from.read(buffer)) !== null; piece++) {
        await this.#stalled?.promise;
        const cutBytes = cutOf(piece);
        const end = Math.min(count, cutBytes ?? count);
        for (let at = 0; at < end;) at += await to.write(buffer.subarray(at, end));
        if (cutBytes !== undefined) this.cut(line);
      }
    } catch {
      // Either end is gone, or this line was cut: the same to both.
    }
    this.#lines.delete(line);
    line.close();
  }
}

/** Both ends of what the proxy carries. */
class Line {
  readonly #ends: readonly Deno.TcpConn[];

  constructor(...ends: readonly Deno.TcpConn[]) {
    this.#ends = ends;
  }

  /** May be called twice. */
  close(): void {
    for (const end of this.#ends) end[Symbol.dispose]();
  }
}
