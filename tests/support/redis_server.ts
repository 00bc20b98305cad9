/**
 * Real redis-servers for tests: each on a free loopback port, in a temporary folder, ended by its process id.
 *
 * @module
 */

import { Redis } from "ioredis";

/** How a server differs from a plain one. */
export interface RedisServerOptions {
  /** Further lines of its configuration. */
  readonly config?: readonly string[];
  /** Further arguments, such as `--sentinel`. */
  readonly args?: readonly string[];
  /** Whether it writes an append-only file. */
  readonly appendOnly?: boolean;
  /** The password that its own commands use; `config` has to set it. */
  readonly password?: string;
}

/** A port of 127.0.0.1 on which nothing listens. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** A running server. */
export class RedisServer implements AsyncDisposable {
  readonly port: number;
  /** Its folder; a unix socket of the name `redis.sock` is in it. */
  readonly folder: string;
  readonly #options: RedisServerOptions;
  #process: Deno.ChildProcess | undefined;
  #client: Redis | undefined;

  private constructor(port: number, folder: string, options: RedisServerOptions) {
    this.port = port;
    this.folder = folder;
    this.#options = options;
  }

  /** Starts one and waits until it answers. */
  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    const folder = await Deno.makeTempDir({ prefix: "imr-redis-" });
    const server = new RedisServer(freePort(), folder, options);
    await server.start();
    return server;
  }

  /** `127.0.0.1:PORT`. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Starts it again, on the same port and folder. */
  async start(): Promise<void> {
    const { config = [], args = [], appendOnly = false } = this.#options;
    const lines = [
      "bind 127.0.0.1",
      `port ${this.port}`,
      `unixsocket ${this.folder}/redis.sock`,
      `dir ${this.folder}`,
      'save ""',
      `appendonly ${appendOnly ? "yes" : "no"}`,
      "repl-diskless-sync-delay 0",
      ...config,
    ];
    const file = `${this.folder}/redis.conf`;
    await Deno.writeTextFile(file, lines.join("\n") + "\n");
    this.#process = new Deno.Command("redis-server", {
      args: [file, ...args],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    await this.#answers();
  }

  /** SIGKILL, and waits until it is gone. */
  async kill(): Promise<void> {
    await this.#disconnect();
    await this.#end("SIGKILL");
  }

  /** SIGSTOP: it takes connections and answers nothing. */
  freeze(): void {
    this.#process!.kill("SIGSTOP");
  }

  /** SIGCONT. */
  thaw(): void {
    this.#process!.kill("SIGCONT");
  }

  /** Any command, over a connection of the test's own. */
  async command(name: string, ...args: (string | number)[]): Promise<unknown> {
    return await this.#connected().call(name, ...args);
  }

  /** All that a list holds. */
  async list(name: string): Promise<string[]> {
    return await this.#connected().lrange(name, 0, -1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#disconnect();
    await this.#end("SIGKILL");
    await Deno.remove(this.folder, { recursive: true });
  }

  #connected(): Redis {
    if (this.#client === undefined) {
      const { password } = this.#options;
      this.#client = new Redis({
        path: `${this.folder}/redis.sock`,
        ...password === undefined ? {} : { password },
        retryStrategy: () => 20,
        maxRetriesPerRequest: null,
      });
      this.#client.on("error", () => {}); // the command waits for the next connection
    }
    return this.#client;
  }

  async #disconnect(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    if (client === undefined || client.status === "end") return;
    const ended = new Promise((resolve) => client.once("end", resolve));
    client.disconnect();
    await ended;
  }

  async #end(signal: Deno.Signal): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    if (process === undefined) return;
    process.kill(signal);
    await process.status;
  }

  /** A dial that is answered; commands may still say LOADING. */
  async #answers(): Promise<void> {
    const end = performance.now() + 20_000;
    for (;;) {
      try {
        using conn = await Deno.connect({ hostname: "127.0.0.1", port: this.port });
        await conn.write(new TextEncoder().encode("*1\r\n$4\r\nPING\r\n"));
        const buffer = new Uint8Array(64);
        const count = await conn.read(buffer);
        const answer = new TextDecoder().decode(buffer.subarray(0, count ?? 0));
        if (answer.startsWith("+PONG") || answer.startsWith("-NOAUTH")) return;
      } catch (error) {
        if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
      }
      if (performance.now() > end) throw new Error("redis-server does not answer");
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}
