/**
 * A line between the loader and a server on which a test sees what passes, and does something at a moment that it knows.
 *
 * @module
 */

/** What a test does while something passes; the line goes on when that is done. */
export interface LineOptions {
  /** Where it listens; 127.0.0.1 by default. */
  readonly hostname?: string;
  /** Before a command of the client reaches the server: its text, for a query. */
  readonly onQuery?: (text: string) => Promise<void> | void;
  /** Before an answer reaches the client: how many bytes have come so far on this connection. */
  readonly onAnswer?: (bytes: number) => Promise<void> | void;
}

/** Of a packet: its length, its number, and the kind of command. */
const COMMAND_HEADER_BYTES = 5;

/** A listener on a free port that passes everything on. */
export class WatchedLine implements AsyncDisposable {
  /** Connections that were taken in. */
  taken = 0;
  /** Connections that are open. */
  open = 0;
  readonly #listener: Deno.TcpListener;
  readonly #serverPort: number;
  readonly #options: LineOptions;
  readonly #connections = new Set<Deno.Conn>();
  readonly #done: Promise<void>;
  readonly #all: Promise<void>[] = [];

  /** Listens, and dials the server's port of 127.0.0.1 for whoever comes. */
  constructor(serverPort: number, options: LineOptions = {}) {
    this.#listener = Deno.listen({ hostname: options.hostname ?? "127.0.0.1", port: 0 });
    this.#serverPort = serverPort;
    this.#options = options;
    this.#done = this.#serve();
  }

  /** Where it listens. */
  get port(): number {
    return this.#listener.addr.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const connection of this.#connections) this.#close(connection);
    await this.#done;
    await Promise.all(this.#all);
  }

  async #serve(): Promise<void> {
    for await (const client of this.#listener) {
      this.taken++;
      this.open++;
      this.#all.push(this.#pass(client).finally(() => this.open--));
    }
  }

  async #pass(client: Deno.Conn): Promise<void> {
    this.#connections.add(client);
    const server = await Deno.connect({ hostname: "127.0.0.1", port: this.#serverPort });
    this.#connections.add(server);
    const { onQuery, onAnswer } = this.#options;
    const text = new TextDecoder();
    let answered = 0;
    await Promise.all([
      this.#copy(
        client,
        server,
        (bytes) => onQuery?.(text.decode(bytes.subarray(COMMAND_HEADER_BYTES))),
      ),
      this.#copy(server, client, (bytes) => onAnswer?.(answered += bytes.length)),
    ]);
  }

  /** Until one of them has ended; then neither goes on. */
  async #copy(
    from: Deno.Conn,
    to: Deno.Conn,
    before: (bytes: Uint8Array) => Promise<void> | void,
  ): Promise<void> {
    const buffer = new Uint8Array(1 << 16);
    try {
      for (;;) {
        const count = await from.read(buffer);
        if (count === null) break;
        await before(buffer.subarray(0, count));
        for (let at = 0; at < count;) at += await to.write(buffer.subarray(at, count));
      }
    } catch (error) {
      // One of them is gone.
      const { BadResource, Interrupted, BrokenPipe, ConnectionReset } = Deno.errors;
      const isExpected = [BadResource, Interrupted, BrokenPipe, ConnectionReset].some((kind) =>
        error instanceof kind
      );
      if (!isExpected) throw error;
    } finally {
      this.#close(from);
      this.#close(to);
    }
  }

  #close(connection: Deno.Conn): void {
    if (!this.#connections.delete(connection)) return;
    connection.close();
  }
}
