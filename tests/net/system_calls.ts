/**
 * What Deno does not let a test do to a socket: break it with a real reset, cut it off from the network, and read its options. Linux.
 *
 * @module
 */

import assert from "node:assert/strict";

const SYMBOLS = {
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
} as const;

const SOL_SOCKET = 1;
const SO_ATTACH_FILTER = 26;
const SO_DETACH_FILTER = 27;
/** One instruction of a socket filter: "return 0", which drops every packet. */
const DROP_ALL = new Uint8Array([0x06, 0, 0, 0, 0, 0, 0, 0]);

/** libc; a test opens and closes its own. */
export class SystemCalls implements Disposable {
  readonly #libc: Deno.DynamicLibrary<typeof SYMBOLS> = Deno.dlopen("libc.so.6", SYMBOLS);

  /** Sends RST at once, without a FIN before it. */
  reset(fd: number): void {
    // connect(2) to "nobody" (AF_UNSPEC) drops the connection.
    assert.equal(this.#libc.symbols.connect(fd, new Uint8Array(16), 16), 0, "connect");
  }

  /** Lets every packet to this socket vanish, as if its host had gone. */
  vanish(fd: number): void {
    const program = new DataView(new ArrayBuffer(16)); // struct sock_fprog
    program.setUint16(0, 1, true);
    const filter = Deno.UnsafePointer.of(DROP_ALL);
    program.setBigUint64(8, Deno.UnsafePointer.value(filter), true);
    this.#set(fd, SO_ATTACH_FILTER, new Uint8Array(program.buffer));
  }

  /** Takes back {@linkcode SystemCalls.vanish}. */
  comeBack(fd: number): void {
    this.#set(fd, SO_DETACH_FILTER, new Uint8Array(4));
  }

  /** An option whose value is an int. */
  option(fd: number, level: number, option: number): number {
    const value = new Int32Array(1);
    const failed = this.#libc.symbols.getsockopt(fd, level, option, value, Int32Array.of(4));
    assert.equal(failed, 0, "getsockopt");
    return value[0]!;
  }

  #set(fd: number, option: number, value: Uint8Array<ArrayBuffer>): void {
    const failed = this.#libc.symbols.setsockopt(fd, SOL_SOCKET, option, value, value.length);
    assert.equal(failed, 0, "setsockopt");
  }

  [Symbol.dispose](): void {
    this.#libc.close();
  }
}

/** How many file descriptors this process has. */
export function openFds(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

/**
 * The file descriptor of a TCP socket of this process on 127.0.0.1.
 *
 * @returns undefined when the process has none with these ports
 */
export function fdOf(localPort: number, remotePort: number): number | undefined {
  const hex = (port: number) => port.toString(16).toUpperCase().padStart(4, "0");
  const ends = ` 0100007F:${hex(localPort)} 0100007F:${hex(remotePort)} `;
  const line = Deno.readTextFileSync("/proc/self/net/tcp").split("\n").find((line) =>
    line.includes(ends)
  );
  const inode = line?.trim().split(/\s+/)[9];
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      if (Deno.readLinkSync(`/proc/self/fd/${name}`) === `socket:[${inode}]`) return Number(name);
    } catch (error) {
      // The descriptor of this very listing is in it, and gone.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return undefined;
}
