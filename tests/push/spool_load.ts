/**
 * A load on the spool, and its figures: how fast it takes jobs in and gives them out, and how long the event loop stood still.
 * By hand: `deno run --allow-all tests/push/spool_load.ts [jobs a second] [seconds] [jobs of one append]`.
 *
 * @module
 */

// deno-lint-ignore-file no-console
import { Spool } from "../../src/push/spool.ts";
import { batchOf, tempFolder } from "./fixtures.ts";
import { watchStalls } from "./push_load.ts";

const JOB = JSON.stringify({
  appid: 7,
  content: "a message as people write them, with a few words more to bring the job to 150 bytes",
  receiver: 123_456_789_012,
  sender: 987_654_321_098,
});
const WRITER = "0123456789abcdef";
const CHUNK = { jobs: 1_000, bytes: 256 << 10 };

/** What to run. */
export interface SpoolLoad {
  readonly jobsPerSecond: number;
  readonly seconds: number;
  readonly jobsPerAppend: number;
}

/** What came of it. */
export interface SpoolFigures {
  readonly jobs: number;
  /** Until the last one was committed. */
  readonly appendsPerSecond: number;
  /** Jobs that came out again, in order. */
  readonly drained: number;
  /** Peeked, and deleted after. */
  readonly drainsPerSecond: number;
  /** By how much an interval of 5 ms came late at worst, while jobs went in and while they came out. */
  readonly appendStallMsMax: number;
  readonly drainStallMsMax: number;
}

/** Fills a new spool in a temporary folder and empties it again. */
export async function runSpoolLoad(load: SpoolLoad): Promise<SpoolFigures> {
  await using folder = await tempFolder();
  const spool = await Spool.open({ folder: folder.path });
  const batch = batchOf(new Array(load.jobsPerAppend).fill(JOB));
  let stalls = watchStalls();
  let start = performance.now();
  const jobs = await fill(spool, batch, load);
  const appendsPerSecond = jobs / (performance.now() - start) * 1_000;
  const appendStallMsMax = stalls.stop();
  stalls = watchStalls();
  start = performance.now();
  const drained = await empty(spool);
  const drainsPerSecond = drained / (performance.now() - start) * 1_000;
  const drainStallMsMax = stalls.stop();
  await spool.close();
  return { jobs, appendsPerSecond, drained, drainsPerSecond, appendStallMsMax, drainStallMsMax };
}

/** The figures in one line. */
export function describeSpool(figures: SpoolFigures): string {
  const { jobs, appendsPerSecond, drainsPerSecond, appendStallMsMax, drainStallMsMax } = figures;
  return `${jobs} jobs of ${JOB.length} bytes: appended at ${Math.round(appendsPerSecond)}/s, ` +
    `worst stall of the event loop ${appendStallMsMax.toFixed(1)} ms; peeked and deleted at ` +
    `${Math.round(drainsPerSecond)}/s, worst stall ${drainStallMsMax.toFixed(1)} ms`;
}

/** Appends what is due, a turn of the event loop at a time. Returns how many jobs. */
async function fill(
  spool: Spool,
  batch: ReturnType<typeof batchOf>,
  load: SpoolLoad,
): Promise<number> {
  const start = performance.now();
  const appends: Promise<void>[] = [];
  let jobs = 0;
  for (;;) {
    const elapsedMs = performance.now() - start;
    if (elapsedMs >= load.seconds * 1_000) break;
    const due = elapsedMs * load.jobsPerSecond / 1_000;
    for (; jobs + batch.count <= due; jobs += batch.count) {
      appends.push(spool.append(0, WRITER, jobs + 1, batch));
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(appends);
  return jobs;
}

/** Takes chunks until there is none, as whoever writes to Redis does. Returns how many jobs came in order. */
async function empty(spool: Spool): Promise<number> {
  for (let next = 1;;) {
    const chunk = await spool.peek(0, CHUNK.jobs, CHUNK.bytes);
    if (chunk === undefined) return next - 1;
    if (chunk.firstSeq !== next) throw new Error(`job ${next} is missing`);
    await spool.delete(chunk.ids);
    next += chunk.batch.count;
  }
}

if (import.meta.main) {
  const [jobsPerSecond = 100_000, seconds = 5, jobsPerAppend = 1_000] = Deno.args.map(Number);
  console.log(describeSpool(await runSpoolLoad({ jobsPerSecond, seconds, jobsPerAppend })));
}
