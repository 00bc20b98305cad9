/**
 * The real router as a process of its own, on free ports of 127.0.0.1: its banner, its log, its metrics, and its end.
 *
 * @module
 */

import { freePort } from "./redis_server.ts";
import { eventually } from "./eventually.ts";

const MAIN = new URL("../../main.ts", import.meta.url);

/** What a router is started with. */
export interface RouterProcessOptions {
  /** The data folder. */
  readonly data: string;
  /** Further arguments. */
  readonly args: readonly string[];
  /** Arguments before all others. */
  readonly before?: readonly string[];
}

/** A router that runs, or has run. */
export class RouterProcess implements AsyncDisposable {
  /** Where IM servers connect. */
  readonly port: number = freePort();
  /** Where HTTP is served. */
  readonly httpPort: number = freePort();
  /** The whole lines of its log so far. */
  readonly log: string[] = [];
  /** What it printed at the start. */
  banner = "";
  readonly #process: Deno.ChildProcess;
  readonly #reading: Promise<unknown>;
  #status: Deno.CommandStatus | undefined;

  private constructor({ data, args, before = [] }: RouterProcessOptions) {
    this.#process = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--allow-all", MAIN.href, ...before, "--data", data, ...args],
        ...["--listen", `127.0.0.1:${this.port}`, "--http", `127.0.0.1:${this.httpPort}`],
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#process.status.then((status) => this.#status = status);
    this.#reading = Promise.all([this.#readLog(), this.#readBanner()]);
  }

  /**
   * Starts one and waits until it has printed its banner and both of its ports answer.
   *
   * @throws {Error} when it ends before that
   */
  static async start(options: RouterProcessOptions): Promise<RouterProcess> {
    const router = new RouterProcess(options);
    try {
      await eventually(() => router.#answers(), () => `a router answers; ${router.logTail()}`);
    } catch (error) {
      await router[Symbol.asyncDispose]();
      throw error;
    }
    return router;
  }

  /** A metric of one series, such as `imr_push_retries_total` or `imr_push_jobs_total{list="push_queue"}`. */
  async metric(series: string): Promise<number | undefined> {
    return (await this.metrics()).get(series);
  }

  /** All metrics by series. */
  async metrics(): Promise<Map<string, number>> {
    const response = await fetch(`http://127.0.0.1:${this.httpPort}/metrics`);
    const text = await response.text();
    return new Map(
      text.split("\n").filter((line) => line !== "" && !line.startsWith("#")).map((line) => {
        const at = line.lastIndexOf(" ");
        return [line.slice(0, at), Number(line.slice(at + 1))];
      }),
    );
  }

  /** Lines of the log that hold a text. */
  logged(text: string): string[] {
    return this.log.filter((line) => line.includes(text));
  }

  /** The end of the log, for messages. */
  logTail(): string {
    return `the log ends:\n${this.log.slice(-15).join("\n")}`;
  }

  /** The answer of the admin port to a path. */
  async get(path: string): Promise<{ readonly status: number; readonly text: string }> {
    const response = await fetch(`http://127.0.0.1:${this.httpPort}${path}`);
    return { status: response.status, text: await response.text() };
  }

  /** SIGTERM. Returns the exit status and how long it took, in milliseconds. */
  async stop(): Promise<{ readonly code: number; readonly ms: number }> {
    const start = performance.now();
    this.#process.kill("SIGTERM");
    await eventually(() => this.#status !== undefined, () => `it ends; ${this.logTail()}`);
    await this.#reading;
    return { code: this.#status!.code, ms: performance.now() - start };
  }

  /** SIGKILL. Returns when that was, on the clock of `performance.now()`. */
  async kill(): Promise<number> {
    const at = performance.now();
    this.#process.kill("SIGKILL");
    await this.#process.status;
    await this.#reading;
    return at;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#status === undefined) await this.kill();
  }

  async #answers(): Promise<boolean> {
    if (this.#status !== undefined) {
      await this.#reading;
      throw new Error(`the router ended with status ${this.#status.code}; ${this.logTail()}`);
    }
    if (!this.banner.endsWith("\n")) return false; // it is printed when both ports listen
    for (const port of [this.port, this.httpPort]) {
      try {
        using _conn = await Deno.connect({ hostname: "127.0.0.1", port });
      } catch (error) {
        if (error instanceof Deno.errors.ConnectionRefused) return false;
        throw error;
      }
    }
    return true;
  }

  async #readBanner(): Promise<void> {
    for await (const text of this.#process.stdout.pipeThrough(new TextDecoderStream())) {
      this.banner += text;
    }
  }

  async #readLog(): Promise<void> {
    let rest = "";
    for await (const text of this.#process.stderr.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      this.log.push(...lines);
    }
    if (rest !== "") this.log.push(rest);
  }
}
