/**
 * Runs the same load against our router and its peers in turn and prints a table. `--help` shows the options; README.md beside
 * this file says what the figures mean.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import config from "../deno.json" with { type: "json" };
import { Arguments } from "./arguments.ts";
import { Comparison, type Figures } from "./comparison.ts";
import {
  type Contestant,
  floorRouter,
  goRouter,
  natsServer,
  ourRouter,
  OURS_DEFAULT,
  type Place,
} from "./contestant.ts";
import { type Mode, MODES } from "./load_options.ts";
import { type Conditions, report, writeReport } from "./report.ts";
import { freePort, RunningProgram, StartFailed } from "./running_program.ts";

const LOAD = fileURLToPath(new URL("load.ts", import.meta.url));
const LOAD_MS_MAX = 600_000;
const EXIT_INTERRUPTED = 130;

const USAGE = `usage: deno run -A bench/compare.ts [options]

  --ours CMD        our router, with {port}, {http}, {data} and perhaps {redis} where they belong;
                    this checkout's ./imr when not given, left out when "none"
  --go PATH         a router of the family that takes a TOML file (needs Redis)
  --nats PATH       a NATS server
  --floor PATH      a program that takes HOST:PORT and does the least that the work needs
  --redis PORT      a Redis server on 127.0.0.1; where one is needed and none named, redis-server is started
  --modes A,B       of ${MODES.join(",")} (all but offline)
  --rounds N        (3)
  --secs S          seconds measured each time (3)
  --conns N         IM servers to play (8)
  --rate N          messages per second in rate (5000)
  --burst N         messages that are due at the same moment in rate (1)
  --write FILE      puts the table into this file, between its two marks
`;

interface Options {
  readonly contestants: readonly Contestant[];
  readonly modes: readonly Mode[];
  readonly conditions: Conditions;
  readonly redisPort: number | null;
  readonly write: string | null;
}

async function parseOptions(args: string[]): Promise<Options | null> {
  const named = [
    "ours",
    "go",
    "nats",
    "floor",
    "redis",
    "modes",
    "rounds",
    "secs",
    "conns",
    "rate",
  ];
  const given = new Arguments(args, [...named, "burst", "write"], ["help"]);
  if (given.has("help")) return null;
  const contestants: Contestant[] = [];
  const template = given.text("ours", OURS_DEFAULT);
  if (template !== "none") contestants.push(ourRouter(template, config.version));
  if (given.has("go")) contestants.push(goRouter(given.text("go", "")));
  if (given.has("nats")) {
    const path = given.text("nats", "");
    contestants.push(natsServer(path, await versionOf(path)));
  }
  if (given.has("floor")) contestants.push(floorRouter(given.text("floor", "")));
  return {
    contestants,
    modes: given.someOf<Mode>("modes", ["flood", "big", "room", "rate", "subs"], MODES),
    conditions: {
      rounds: Math.floor(given.number("rounds", 3, 1, 1000)),
      secs: given.number("secs", 3, 0.1, 3600),
      conns: given.number("conns", 8, 2, 1000),
      rate: given.number("rate", 5000, 1, 10_000_000),
      burst: given.number("burst", 1, 1, 1000),
    },
    redisPort: given.has("redis") ? given.number("redis", 0, 1, 65_535) : null,
    write: given.has("write") ? given.text("write", "") : null,
  };
}

async function versionOf(program: string): Promise<string> {
  const { stdout } = await new Deno.Command(program, { args: ["--version"] }).output();
  return /\d+(?:\.\d+)+/.exec(new TextDecoder().decode(stdout))?.[0] ?? "";
}

async function compare(options: Options, redisPort: number, signal: AbortSignal) {
  const results = new Comparison();
  for (let round = 0; round < options.conditions.rounds; round++) {
    for (const mode of options.modes) {
      // Each goes first as often as last.
      const order = round % 2 === 0 ? options.contestants : options.contestants.toReversed();
      for (const contestant of order.filter((each) => each.plays(mode))) {
        const figures = await runOnce(contestant, mode, options.conditions, redisPort, signal);
        results.add(contestant.title, mode, round, figures);
        await say(`${round + 1} ${contestant.title}: ${JSON.stringify(figures)}\n`);
      }
    }
  }
  return results;
}

async function runOnce(
  contestant: Contestant,
  mode: Mode,
  conditions: Conditions,
  redisPort: number,
  signal: AbortSignal,
): Promise<Figures> {
  signal.throwIfAborted();
  const data = await Deno.makeTempDir({ prefix: "imr-bench-" });
  try {
    const place: Place = { port: freePort(), httpPort: freePort(), data, redisPort };
    await using program = await RunningProgram.start(await contestant.command(place), place.port);
    const args = ["--addr", `127.0.0.1:${place.port}`, "--pid", String(program.pid), "--json"];
    args.push("--conns", String(conditions.conns), ...contestant.loadArgs(mode, place));
    args.push("--mode", mode, "--secs", String(conditions.secs));
    args.push("--rate", String(conditions.rate), "--burst", String(conditions.burst));
    return await load(args, signal);
  } finally {
    await Deno.remove(data, { recursive: true });
  }
}

async function load(args: string[], signal: AbortSignal): Promise<Figures> {
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", LOAD, ...args],
    stdin: "null",
    signal: AbortSignal.any([signal, AbortSignal.timeout(LOAD_MS_MAX)]),
  }).output();
  signal.throwIfAborted();
  const line = new TextDecoder().decode(stdout).trim();
  if (line !== "") return JSON.parse(line);
  const why = new TextDecoder().decode(stderr).trim().slice(-300);
  return { bad: why === "" ? "the load generator was ended" : why, faults: 1 };
}

/** Gives the port of a Redis server, which may have to be started; 0 when nobody needs one. */
async function withRedis<T>(options: Options, use: (port: number) => Promise<T>): Promise<T> {
  if (options.redisPort !== null) return await use(options.redisPort);
  if (!options.contestants.some((each) => each.needsRedis)) return await use(0);
  const data = await Deno.makeTempDir({ prefix: "imr-bench-redis-" });
  try {
    const port = freePort();
    const where = ["--port", String(port), "--bind", "127.0.0.1", "--dir", data];
    await using _ = await RunningProgram.start(["redis-server", ...where, "--save", ""], port);
    return await use(port);
  } finally {
    await Deno.remove(data, { recursive: true });
  }
}

async function say(text: string, to: { write(bytes: Uint8Array): Promise<number> } = Deno.stderr) {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += await to.write(bytes.subarray(at));
}

async function main(args: string[]): Promise<number> {
  let options: Options | null;
  try {
    options = await parseOptions(args);
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
    await say(`${error.message}\n\n${USAGE}`);
    return 2;
  }
  if (options === null) {
    await say(USAGE, Deno.stdout);
    return 0;
  }
  const interrupted = new AbortController();
  Deno.addSignalListener("SIGINT", () => interrupted.abort());
  try {
    return await measure(options, interrupted.signal);
  } catch (error) {
    if (interrupted.signal.aborted) return EXIT_INTERRUPTED;
    if (!(error instanceof StartFailed)) throw error;
    await say(`${error.message}\n`);
    return 1;
  }
}

async function measure(options: Options, signal: AbortSignal): Promise<number> {
  const { contestants, modes, conditions } = options;
  const results = await withRedis(options, (port) => compare(options, port, signal));
  const text = report(results, contestants, modes, conditions);
  await say(text, Deno.stdout);
  if (options.write !== null) await writeReport(options.write, text);
  const ours = contestants.find((each) => each.ours)?.title;
  const faulty = ours !== undefined && modes.some((mode) => results.faults(ours, mode).length > 0);
  return faulty ? 1 : 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
