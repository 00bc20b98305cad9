/**
 * The load generator: plays several IM servers against a router of the family and checks every delivery. `--help` shows its
 * options; README.md beside this file says what the figures mean.
 *
 * @module
 */

import { LOAD_USAGE, type LoadOptions, parseLoadOptions } from "./load_options.ts";
import { LoadRun, type Snapshot } from "./load_run.ts";
import { countJobs, OfflineFlood } from "./offline.ts";
import { subscribeAll } from "./subscribe.ts";
import { Flood, SteadyRate } from "./traffic.ts";

const JOBS_QUIET_MS_MAX = 3_000;
const JOBS_PAUSE_MS = 20;

/** What one run found; README.md explains each figure. */
type Figures = Record<string, number | string>;

async function load(options: LoadOptions): Promise<Figures> {
  await using run = new LoadRun(options);
  const { mode, proto, conns, secs } = options;
  const figures: Figures = { mode, proto, conns, users: run.plan.usersEach * conns, secs };
  await run.connect();
  const before = run.snapshot();
  await subscribeAll(run);
  const after = run.snapshot();
  if (mode === "subs" || mode === "big") {
    Object.assign(figures, subscriptionFigures(options, before, after));
  }
  if (mode === "offline") Object.assign(figures, await offline(run));
  else if (mode !== "subs") Object.assign(figures, await deliveries(run));
  if (run.faults > 0) Object.assign(figures, { faults: run.faults, bad: run.firstFault });
  return figures;
}

function subscriptionFigures(options: LoadOptions, from: Snapshot, to: Snapshot): Figures {
  const { users } = options;
  const figures: Figures = { subs_per_s: Math.round(users / ((to.ns - from.ns) / 1e9)) };
  if (options.pid === null) return figures;
  return {
    ...figures,
    sub_cpu_us: round((to.routerCpuUs - from.routerCpuUs) / users),
    rss_bytes_per_user: Math.round((to.rssBytes - from.rssBytes) / users),
    rss_mb: round(to.rssBytes / 1e6),
  };
}

async function deliveries(run: LoadRun): Promise<Figures> {
  const steady = run.options.mode === "rate" ? new SteadyRate(run) : null;
  // At a low rate a compiler that works at run time would not settle by itself, here or in the router.
  if (steady !== null) await run.warmUp(new Flood(run));
  const [from, to] = await run.measure(steady ?? new Flood(run));
  const lateness = steady === null ? {} : {
    late_p50_us: round(steady.late.percentileUs(0.5)),
    late_p99_us: round(steady.late.percentileUs(0.99)),
  };
  const { latency } = run;
  const percentiles = {
    p50_us: round(latency.percentileUs(0.5)),
    p99_us: round(latency.percentileUs(0.99)),
    p999_us: round(latency.percentileUs(0.999)),
    max_us: round(latency.maxUs),
  };
  await run.drain();
  return {
    sent: run.sent,
    delivered: run.delivered,
    lost: run.sent * run.plan.fan - run.delivered,
    ...perDelivery(run.options, from, to, to.delivered - from.delivered),
    ...percentiles,
    ...lateness,
  };
}

function perDelivery(options: LoadOptions, from: Snapshot, to: Snapshot, count: number): Figures {
  const us = (to.ns - from.ns) / 1000;
  const own = { own_cpu_us: round((to.ownCpuUs - from.ownCpuUs) / count) };
  const perSecond = { per_s: Math.round((count * 1e6) / us) };
  if (options.pid === null || count === 0) return { ...perSecond, ...own };
  const cpuUs = to.routerCpuUs - from.routerCpuUs;
  return { ...perSecond, cpu_us: round(cpuUs / count), cores: round(cpuUs / us), ...own };
}

/** Here a push job counts as a delivery, and the end is when no more of them come. */
async function offline(run: LoadRun): Promise<Figures> {
  const { options } = run;
  const jobsBefore = await countJobs(options);
  const flood = new OfflineFlood(run);
  const from = run.snapshot();
  await run.measure(flood);
  let to = run.snapshot();
  if (jobsBefore === null) {
    return { sent: flood.sent, ...perDelivery(options, from, to, flood.sent) };
  }
  let jobs = 0;
  for (
    let quietMs = 0;
    jobs < flood.sent && quietMs < JOBS_QUIET_MS_MAX;
    quietMs += JOBS_PAUSE_MS
  ) {
    const now = (await countJobs(options) ?? 0) - jobsBefore;
    if (now !== jobs) {
      jobs = now;
      to = run.snapshot();
      quietMs = 0;
    }
    await new Promise((resolve) => setTimeout(resolve, JOBS_PAUSE_MS));
  }
  const counts = { sent: flood.sent, delivered: jobs, lost: flood.sent - jobs };
  return { ...counts, ...perDelivery(options, from, to, jobs) };
}

/** Four significant digits are more than any of these figures is worth. */
function round(value: number): number {
  return Number.isFinite(value) ? Number(value.toPrecision(4)) : 0;
}

function show(figures: Figures): string {
  const width = Math.max(...Object.keys(figures).map((name) => name.length));
  const lines = Object.entries(figures).map(([name, value]) => `${name.padEnd(width)}  ${value}\n`);
  return lines.join("");
}

async function print(text: string, to: { write(bytes: Uint8Array): Promise<number> }) {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += await to.write(bytes.subarray(at));
}

async function main(args: string[]): Promise<number> {
  let options: LoadOptions | null;
  try {
    options = parseLoadOptions(args);
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
    await print(`${error.message}\n\n${LOAD_USAGE}`, Deno.stderr);
    return 2;
  }
  if (options === null) {
    await print(LOAD_USAGE, Deno.stdout);
    return 0;
  }
  const figures = await load(options);
  if (!options.jsonOnly) await print(show(figures), Deno.stdout);
  await print(`${JSON.stringify(figures)}\n`, Deno.stdout);
  return figures["bad"] !== undefined || Number(figures["lost"] ?? 0) !== 0 ? 1 : 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
