/**
 * A process that runs a script of this folder, to be killed by a test.
 *
 * @module
 */

/** The process, and what it has said so far. */
export interface SpawnedScript extends AsyncDisposable {
  readonly process: Deno.ChildProcess;
  /** Whole lines of its standard output. */
  readonly lines: string[];
  /** Settles when the output has ended. */
  readonly read: Promise<void>;
}

/** Starts a script; at the end of the block it is killed if it still runs. */
export async function spawnScript(name: string, args: readonly string[]): Promise<SpawnedScript> {
  const script = new URL(name, import.meta.url).href;
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--no-check", script, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines: string[] = [];
  const read = readLines(process.stdout, lines);
  return await Promise.resolve({
    process,
    lines,
    read,
    async [Symbol.asyncDispose]() {
      try {
        process.kill("SIGKILL");
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // it has ended
      }
      await process.status;
      await read;
    },
  });
}

async function readLines(stream: ReadableStream<Uint8Array>, lines: string[]): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop()!;
    lines.push(...parts);
  }
}
