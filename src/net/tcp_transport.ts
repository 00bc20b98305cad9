/**
 * An accepted TCP connection as a {@linkcode Transport}.
 *
 * Reads go through `conn.read` into a buffer of our own: `conn.readable` costs three times the CPU and closes both sides
 * when the peer half-closes.
 *
 * @module
 */

import { SocketOptions } from "./socket_options.ts";
import { type Transport, TransportError } from "./transport.ts";

/** An idle connection keeps the first; one whose reads fill the buffer is given a larger one, up to the last. */
const READ_BYTES = { first: 4 << 10, last: 256 << 10, factor: 8 };

/** One accepted socket. */
export class TcpTransport implements Transport {
  /** The peer, as `host:port`. */
  readonly address: string;
  readonly #conn: Deno.TcpConn;
  readonly #options: SocketOptions | undefined;
  /** -1 once closed, when the number may already belong to another socket. */
  #fd: number;

  /**
   * Takes over a connection and sets its options.
   *
   * @param conn just accepted
   * @param options undefined where FFI is not allowed
   */
  constructor(conn: Deno.TcpConn, options: SocketOptions | undefined) {
    this.#conn = conn;
    const { hostname, port } = conn.remoteAddr;
    this.address = hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
    this.#fd = options === undefined ? -1 : SocketOptions.descriptor(conn) ?? -1;
    this.#options = this.#fd < 0 ? undefined : options;
    conn.setNoDelay(true); // without it Nagle and delayed acknowledgements make 40 ms of some messages
    if (this.#options === undefined) conn.setKeepAlive(true);
    else this.#options.prepare(this.#fd);
  }

  /** Whether `close` ends a pending write. */
  get closeEndsWrites(): boolean {
    return this.#options !== undefined;
  }

  /** The bytes that come in; see {@linkcode Transport.chunks}. */
  async *chunks(): AsyncGenerator<Uint8Array> {
    let buffer = new Uint8Array(READ_BYTES.first);
    for (;;) {
      let count: number | null;
      try {
        count = await this.#conn.read(buffer);
      } catch (error) {
        throw this.failure(error);
      }
      if (count === null) return;
      yield buffer.subarray(0, count);
      if (count === buffer.length && count < READ_BYTES.last) {
        buffer = new Uint8Array(Math.min(buffer.length * READ_BYTES.factor, READ_BYTES.last));
      }
    }
  }

  /** Sends at once; see {@linkcode Transport.writeNow}. Without socket options every byte is left to `write`. */
  writeNow(bytes: Uint8Array<ArrayBuffer>): number {
    return this.#fd < 0 ? 0 : this.#options!.send(this.#fd, bytes);
  }

  /** Sends bytes; see {@linkcode Transport.write}. */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<number> {
    return this.#conn.write(bytes);
  }

  /** What a write's error means; see {@linkcode Transport.failure}. */
  failure(error: unknown): TransportError {
    const detail = error instanceof Error ? error.message : String(error);
    if (error instanceof Deno.errors.TimedOut) return new TransportError("timed_out", detail);
    const reset = error instanceof Deno.errors.ConnectionReset ||
      error instanceof Deno.errors.ConnectionAborted || error instanceof Deno.errors.BrokenPipe;
    return new TransportError(reset ? "reset" : "broken", detail);
  }

  /** Ends our side; see {@linkcode Transport.closeWrite}. */
  async closeWrite(): Promise<void> {
    try {
      await this.#conn.closeWrite();
    } catch (error) {
      if (!isEnded(error)) throw error;
    }
  }

  /** Ends both sides; see {@linkcode Transport.close}. */
  close(): void {
    if (this.#fd >= 0) this.#options?.shutdown(this.#fd);
    this.#fd = -1;
    try {
      this.#conn.close();
    } catch (error) {
      if (!isEnded(error)) throw error;
    }
  }

  /** What the peer has not acknowledged; see {@linkcode Transport.unacknowledgedBytes}. */
  unacknowledgedBytes(): number | undefined {
    return this.#fd < 0 ? undefined : this.#options?.unacknowledgedBytes(this.#fd);
  }

  /** Sets the user time-out; see {@linkcode Transport.giveUpAfter}. */
  giveUpAfter(ms: number): void {
    if (this.#fd >= 0) this.#options?.setUserTimeout(this.#fd, ms);
  }
}

/** Closing what has ended is no error. */
function isEnded(error: unknown): boolean {
  return error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted ||
    error instanceof Deno.errors.NotConnected || error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.ConnectionReset;
}
