/**
 * Starts a program that listens on a port, knows which process that is, and ends it.
 *
 * @module
 */

const START_MS_MAX = 30_000;
const END_MS_MAX = 15_000;
const LOOK_PAUSE_MS = 20;
const TAIL_CHARACTERS = 2_000;

/**
 * A port that was free a moment ago.
 *
 * @returns a port on 127.0.0.1
 */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** A program did not come up. */
export class StartFailed extends Error {
  /** Tells it from errors of this code. */
  override readonly name = "StartFailed";
}

/** A program that listens. */
export class RunningProgram implements AsyncDisposable {
  /** The process that owns the port; where a launcher started it, not the one that was spawned. */
  readonly pid: number;
  readonly #child: Deno.ChildProcess;
  readonly #output: Promise<void>;

  private constructor(child: Deno.ChildProcess, pid: number, output: Promise<void>) {
    this.#child = child;
    this.pid = pid;
    this.#output = output;
  }

  /**
   * Starts a program and waits until it listens.
   *
   * @param command the command line
   * @param port where it will listen
   * @throws {StartFailed} when it ends, or does not listen in time, with the end of what it said
   */
  static async start(command: readonly string[], port: number): Promise<RunningProgram> {
    const [program, ...args] = command;
    if (program === undefined) throw new StartFailed("the command is empty");
    const child = new Deno.Command(program, {
      args,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const said = { tail: "" };
    const output = Promise.all([keepTail(child.stdout, said), keepTail(child.stderr, said)]);
    let ended = false;
    child.status.then(() => ended = true, () => ended = true);
    const end = performance.now() + START_MS_MAX;
    while (!ended && performance.now() < end) {
      const pid = await listenerPid(port);
      if (pid !== null) return new RunningProgram(child, pid, output.then(() => {}));
      await new Promise((resolve) => setTimeout(resolve, LOOK_PAUSE_MS));
    }
    if (!ended) child.kill("SIGKILL");
    await output;
    throw new StartFailed(`${program} does not listen on port ${port}:\n${said.tail}`);
  }

  /** Ends the process that owns the port with SIGTERM, and kills it when it does not end. */
  async [Symbol.asyncDispose](): Promise<void> {
    const timer = setTimeout(() => {
      signalProcess(this.pid, "SIGKILL");
      signalProcess(this.#child.pid, "SIGKILL");
    }, END_MS_MAX);
    signalProcess(this.pid, "SIGTERM");
    await this.#child.status;
    await this.#output;
    clearTimeout(timer);
  }
}

/** A process that has ended already needs no signal. */
function signalProcess(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function keepTail(stream: ReadableStream<Uint8Array>, said: { tail: string }) {
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    said.tail = (said.tail + decoder.decode(chunk, { stream: true })).slice(-TAIL_CHARACTERS);
  }
}

async function listenerPid(port: number): Promise<number | null> {
  const args = ["-ltnpH", `sport = :${port}`];
  const { stdout } = await new Deno.Command("ss", { args }).output();
  const pid = /pid=(\d+)/.exec(new TextDecoder().decode(stdout))?.[1];
  return pid === undefined ? null : Number(pid);
}
