/**
 * The socket options that Deno 2.6 does not offer, set through libc: a bounded send buffer, keep-alive intervals, the user
 * time-out, how much the peer has not acknowledged, and a shutdown that ends a pending write. Linux alone; without
 * `--allow-ffi` there are none, and the router runs with less: `close` cannot end a write to a frozen peer then, and a dead
 * host is found by the kernel's own retries only.
 *
 * @module
 */

const LIBC = "libc.so.6";
const SYMBOLS = {
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  // Lengths under 2 GiB: a size_t would cost a bigint for each call, and a u32 fills its register just so.
  send: { parameters: ["i32", "buffer", "u32", "i32"], result: "i32" },
} as const;

// From asm-generic/socket.h, linux/tcp.h, linux/sockios.h: the same on x86-64 and arm64.
const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_KEEPALIVE = 9;
const IPPROTO_TCP = 6;
const TCP_KEEPIDLE = 4;
const TCP_KEEPINTVL = 5;
const TCP_KEEPCNT = 6;
const TCP_USER_TIMEOUT = 18;
const SIOCOUTQ = 0x5411n;
const SHUT_RDWR = 2;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

/** Of a connection: the kernel books twice as much, and keeps what a frozen peer has not taken. */
const SEND_BUFFER_BYTES = 256 << 10;
/** A vanished host is found after idle + interval × count seconds without traffic: 60 s. */
const KEEP_ALIVE = { idleSeconds: 30, intervalSeconds: 10, count: 3 };

/** Socket options by file descriptor. */
export class SocketOptions {
  readonly #libc: Deno.DynamicLibrary<typeof SYMBOLS>;
  readonly #int = new Int32Array(1);

  private constructor(libc: Deno.DynamicLibrary<typeof SYMBOLS>) {
    this.#libc = libc;
  }

  /**
   * Opens libc.
   *
   * @returns undefined, and why, where it cannot be used
   */
  static open(): { options?: SocketOptions; unavailable?: string } {
    if (Deno.build.os !== "linux") return { unavailable: `not on ${Deno.build.os}` };
    try {
      return { options: new SocketOptions(Deno.dlopen(LIBC, SYMBOLS)) };
    } catch (error) {
      return { unavailable: error instanceof Error ? error.message : String(error) };
    }
  }

  /** Closes libc. */
  close(): void {
    this.#libc.close();
  }

  /**
   * The file descriptor of an accepted connection.
   *
   * @returns undefined where Deno does not show it
   */
  static descriptor(conn: Deno.TcpConn): number | undefined {
    const symbol = Object.getOwnPropertySymbols(conn).find((s) =>
      s.description === "Deno.internal.fd"
    );
    const fd: unknown = symbol === undefined ? undefined : Reflect.get(conn, symbol);
    return typeof fd === "number" ? fd : undefined;
  }

  /** What every accepted connection gets: a bounded send buffer, and keep-alive probes that find a vanished host. */
  prepare(fd: number): void {
    this.#set(fd, SOL_SOCKET, SO_SNDBUF, SEND_BUFFER_BYTES);
    this.#set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    this.#set(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEP_ALIVE.idleSeconds);
    this.#set(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEP_ALIVE.intervalSeconds);
    this.#set(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEP_ALIVE.count);
  }

  /** Lets the kernel end a connection whose peer acknowledges nothing for so long. */
  setUserTimeout(fd: number, ms: number): void {
    this.#set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, ms);
  }

  /**
   * Bytes in the send buffer that the peer has not acknowledged.
   *
   * @returns undefined when the kernel does not say
   */
  unacknowledgedBytes(fd: number): number | undefined {
    const failed = this.#libc.symbols.ioctl(fd, SIOCOUTQ, this.#int) !== 0;
    return failed ? undefined : this.#int[0]!;
  }

  /**
   * Sends what the socket has room for: no promise, no event loop, less than half the cost of Deno's own write.
   *
   * @returns how many bytes it took; 0 when it takes none, for whatever reason
   */
  send(fd: number, bytes: Uint8Array<ArrayBuffer>): number {
    const count = this.#libc.symbols.send(fd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL);
    return Math.max(0, count);
  }

  /** Ends both directions at once, a pending write too. */
  shutdown(fd: number): void {
    this.#libc.symbols.shutdown(fd, SHUT_RDWR);
  }

  /** An option that the kernel refuses is one that the connection does without: nothing depends on a single one. */
  #set(fd: number, level: number, option: number, value: number): void {
    this.#int[0] = value;
    this.#libc.symbols.setsockopt(fd, level, option, this.#int, 4);
  }
}
