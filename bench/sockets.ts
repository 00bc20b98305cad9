/**
 * The load's sockets: dialled by Deno, then read, written and waited for with the system's own calls, through FFI.
 *
 * Deno's timers have a grain of a millisecond, and a loop that spins in between looks at its sockets only each 61st turn: a
 * generator made so adds more to a latency of 70 us than the router does, and takes the router's second core away. Here one
 * thread blocks in `ppoll(2)` until a socket is ready or the next message is due. Linux alone; it needs all permissions (`-A`).
 *
 * @module
 */

import { setImmediate } from "node:timers";
import type { Address } from "./arguments.ts";

const POLLIN = 0x1;
const POLLOUT = 0x4;
/** POLLERR, POLLHUP and POLLNVAL, which come unasked. */
const POLL_BROKEN = 0x38;
const POLLFD_BYTES = 8;
const EVENTS_AT = 4;
const REVENTS_AT = 6;
const MSG_NOSIGNAL = 0x4000;
const PR_SET_TIMERSLACK = 29;

const SYMBOLS = {
  ppoll: { parameters: ["buffer", "u32", "buffer", "pointer"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
  prctl: { parameters: ["i32", "u32", "u32", "u32", "u32"], result: "i32" },
} as const;

type Libc = Deno.DynamicLibrary<typeof SYMBOLS>;

/** All sockets of a run. They make progress in {@linkcode Sockets.turn} alone. */
export class Sockets implements Disposable {
  readonly #libc: Libc = Deno.dlopen("libc.so.6", SYMBOLS);
  readonly #sockets: Socket[] = [];
  readonly #timeout = new BigInt64Array(2);
  #poll = new DataView(new ArrayBuffer(0));

  /** Loads the system's library. */
  constructor() {
    // By default the kernel may prolong a wait by 50 us.
    this.#libc.symbols.prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
  }

  /**
   * Dials. One call at a time.
   *
   * @param address of the router
   * @returns the socket, without Nagle's algorithm
   */
  async connect(address: Address): Promise<Socket> {
    const before = socketFds();
    const conn = await Deno.connect(address);
    conn.setNoDelay(true);
    const [fd] = [...socketFds()].filter((fd) => !before.has(fd));
    if (fd === undefined) throw new Error("the socket's descriptor was not found");
    const socket = new Socket(this.#libc, conn, fd);
    this.#sockets.push(socket);
    this.#poll = new DataView(new ArrayBuffer(this.#sockets.length * POLLFD_BYTES));
    this.#sockets.forEach((each, i) => this.#poll.setInt32(i * POLLFD_BYTES, each.fd, true));
    return socket;
  }

  /**
   * Waits for the sockets, carries out what can be done, and lets everything run that waited for it.
   *
   * @param ns the longest wait, in nanoseconds; 0 or less only looks
   */
  async turn(ns: number): Promise<void> {
    const poll = this.#poll;
    for (let i = 0; i < this.#sockets.length; i++) {
      poll.setInt16(i * POLLFD_BYTES + EVENTS_AT, this.#sockets[i]!.wanted, true);
    }
    const wait = Math.max(0, Math.floor(ns));
    this.#timeout[0] = BigInt(Math.floor(wait / 1e9));
    this.#timeout[1] = BigInt(wait % 1e9);
    const buffer = new Uint8Array(poll.buffer);
    const ready = this.#libc.symbols.ppoll(buffer, this.#sockets.length, this.#timeout, null);
    for (let i = 0; ready > 0 && i < this.#sockets.length; i++) {
      const events = poll.getInt16(i * POLLFD_BYTES + REVENTS_AT, true);
      if (events !== 0) this.#sockets[i]!.ready(events);
    }
    await new Promise<void>((resolve) => setImmediate(resolve));
  }

  /** Closes all sockets and lets go of the library. */
  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket[Symbol.dispose]();
    this.#libc.close();
  }
}

/** The sockets of this process. */
function socketFds(): Set<number> {
  const fds = new Set<number>();
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      if (Deno.readLinkSync(`/proc/self/fd/${name}`).startsWith("socket:")) fds.add(Number(name));
    } catch (error) {
      // The descriptor of this very listing is in it, and gone.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return fds;
}

interface PendingRead {
  readonly buffer: Uint8Array<ArrayBuffer>;
  settle(bytes: number | null): void;
}

interface PendingWrite {
  readonly bytes: Uint8Array<ArrayBuffer>;
  settle(written: boolean): void;
}

/** One connection. A read and any number of writes may be under way. */
export class Socket implements Disposable {
  /** The descriptor. */
  readonly fd: number;
  readonly #libc: Libc;
  readonly #conn: Deno.TcpConn;
  #read: PendingRead | null = null;
  readonly #writes: PendingWrite[] = [];
  #open = true;

  /**
   * Takes a connection over.
   *
   * @param libc the system's calls
   * @param conn what Deno dialled, owned from here on
   * @param fd its descriptor
   */
  constructor(libc: Libc, conn: Deno.TcpConn, fd: number) {
    this.#libc = libc;
    this.#conn = conn;
    this.fd = fd;
  }

  /** What to wait for, as poll(2) says it. */
  get wanted(): number {
    return (this.#read === null ? 0 : POLLIN) | (this.#writes.length === 0 ? 0 : POLLOUT);
  }

  /**
   * Reads once.
   *
   * @param buffer where to
   * @returns how many bytes came, or null when the connection has ended
   */
  read(buffer: Uint8Array<ArrayBuffer>): Promise<number | null> {
    if (!this.#open) return Promise.resolve(null);
    return new Promise((settle) => this.#read = { buffer, settle });
  }

  /**
   * Writes everything, at once as far as there is space; calls go out in their order.
   *
   * @param bytes must stay unchanged until the promise settles
   * @returns false when the connection has ended before
   */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
    if (!this.#open) return Promise.resolve(false);
    const left = this.#writes.length === 0 ? bytes.subarray(this.#send(bytes)) : bytes;
    if (left.length === 0) return Promise.resolve(true);
    return new Promise((settle) => this.#writes.push({ bytes: left, settle }));
  }

  /**
   * Does what can be done.
   *
   * @param events as poll(2) reported them
   */
  ready(events: number): void {
    if (this.#read !== null && (events & (POLLIN | POLL_BROKEN)) !== 0) {
      const { buffer, settle } = this.#read;
      this.#read = null;
      const count = this.#libc.symbols.recv(this.fd, buffer, BigInt(buffer.length), 0);
      settle(count > 0 ? count : null);
      if (count <= 0) this.#end();
    } else if ((events & POLL_BROKEN) !== 0) {
      this.#end();
    }
    if ((events & POLLOUT) !== 0) this.#writeOn();
  }

  #writeOn(): void {
    for (let first; (first = this.#writes[0]) !== undefined;) {
      const left = first.bytes.subarray(this.#send(first.bytes));
      if (left.length > 0) {
        this.#writes[0] = { bytes: left, settle: first.settle };
        return;
      }
      this.#writes.shift();
      first.settle(true);
    }
  }

  /** How many bytes the kernel took. A failure shows as a broken socket in the next poll. */
  #send(bytes: Uint8Array<ArrayBuffer>): number {
    return Math.max(0, this.#libc.symbols.send(this.fd, bytes, BigInt(bytes.length), MSG_NOSIGNAL));
  }

  #end(): void {
    this.#open = false;
    this.#read?.settle(null);
    this.#read = null;
    for (const write of this.#writes.splice(0)) write.settle(false);
  }

  /** Closes the connection; what is under way ends. */
  [Symbol.dispose](): void {
    this.#end();
    this.#conn[Symbol.dispose]();
  }
}
