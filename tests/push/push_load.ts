/**
 * A load on the push channel and the embedded store, and its figures: how fast, how much CPU, and how long the event loop stood still.
 * By hand: `deno run --allow-all tests/push/push_load.ts [jobs a second] [seconds] [jobs of one append]`.
 *
 * @module
 */

// deno-lint-ignore-file no-console
import process from "node:process";
import { EmbeddedStore } from "../../src/push/embedded_store.ts";
import { PushChannel } from "../../src/push/push_channel.ts";
import { batchOf, tempFolder } from "./fixtures.ts";

const TICK_MS = 5;
const JOB = JSON.stringify({
  appid: 7,
  content: "a message as people write them, with a few words more to bring the job to 150 bytes",
  receiver: 123_456_789_012,
  sender: 987_654_321_098,
});

/** What to run. */
export interface Load {
  readonly jobsPerSecond: number;
  readonly seconds: number;
  /** Jobs that come in together, as from one socket read. */
  readonly jobsPerAppend: number;
}

/** What came of it. */
export interface LoadFigures {
  readonly jobs: number;
  readonly refused: number;
  /** Jobs in the store at the end. */
  readonly stored: number;
  /** Until the last job was committed. */
  readonly jobsPerSecond: number;
  /** CPU of the whole process, load generator included. */
  readonly cpuMicrosPerJob: number;
  /** By how much an interval of 5 ms came late at worst. */
  readonly stallMsMax: number;
  readonly writes: number;
}

/** Runs a load on a new store in a temporary folder. */
export async function runLoad(load: Load): Promise<LoadFigures> {
  await using folder = await tempFolder();
  const store = await EmbeddedStore.open({ folder: folder.path });
  let writes = 0;
  const channel = new PushChannel({ write: (batch) => (writes++, store.write(batch)) });
  const stalls = watchStalls();
  const cpu = process.cpuUsage();
  const start = performance.now();
  const jobs = await feed(channel, load);
  await channel.close(AbortSignal.timeout(60_000));
  const seconds = (performance.now() - start) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  const stallMsMax = stalls.stop();
  const stored = store.counts()[0]!.waiting;
  const refused = channel.refused[0]!;
  await store.close();
  const cpuMicrosPerJob = (user + system) / jobs;
  return {
    jobs,
    refused,
    stored,
    jobsPerSecond: jobs / seconds,
    cpuMicrosPerJob,
    stallMsMax,
    writes,
  };
}

/** The figures in one line. */
export function describe(figures: LoadFigures): string {
  const { jobs, jobsPerSecond, cpuMicrosPerJob, stallMsMax, writes } = figures;
  return `${jobs} jobs of ${JOB.length} bytes, ${Math.round(jobsPerSecond)} jobs/s, ` +
    `${cpuMicrosPerJob.toFixed(1)} us CPU each, ${Math.round(jobs / writes)} jobs a write, ` +
    `worst stall of the event loop ${stallMsMax.toFixed(1)} ms`;
}

/** Appends what is due, a turn of the event loop at a time. Returns how many jobs. */
async function feed(channel: PushChannel, load: Load): Promise<number> {
  const batch = batchOf(new Array(load.jobsPerAppend).fill(JOB));
  const start = performance.now();
  let jobs = 0;
  for (;;) {
    const elapsedMs = performance.now() - start;
    if (elapsedMs >= load.seconds * 1_000) return jobs;
    const due = elapsedMs * load.jobsPerSecond / 1_000;
    for (; jobs + batch.count <= due; jobs += batch.count) channel.append(batch);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Watches by how much an interval of 5 ms comes late. */
export function watchStalls(): { stop(): number } {
  let last = performance.now();
  let stallMsMax = 0;
  const timer = setInterval(() => {
    const now = performance.now();
    stallMsMax = Math.max(stallMsMax, now - last - TICK_MS);
    last = now;
  }, TICK_MS);
  return {
    stop() {
      clearInterval(timer);
      return stallMsMax;
    },
  };
}

if (import.meta.main) {
  const [jobsPerSecond = 50_000, seconds = 3, jobsPerAppend = 100] = Deno.args.map(Number);
  console.log(describe(await runLoad({ jobsPerSecond, seconds, jobsPerAppend })));
}
