// deno-lint-ignore-file no-console
import assert from "node:assert/strict";
import { describeSpool, runSpoolLoad, type SpoolFigures } from "./spool_load.ts";

// Loose, as a busy machine must not fail the gate.
const JOBS_PER_SECOND_MIN = 15_000;
const STALL_MS_MAX = 250;
const ATTEMPTS = 3;

const isGood = (figures: SpoolFigures): boolean =>
  Math.min(figures.appendsPerSecond, figures.drainsPerSecond) > JOBS_PER_SECOND_MIN &&
  Math.max(figures.appendStallMsMax, figures.drainStallMsMax) < STALL_MS_MAX;

Deno.test("Spool 100,000 jobs/s in, then all of them out: none is missing, and the event loop goes on", async () => {
  let good = false;
  for (let i = 0; i < ATTEMPTS && !good; i++) {
    const load = { jobsPerSecond: 100_000, seconds: 1, jobsPerAppend: 1_000 };
    const figures = await runSpoolLoad(load);
    console.log(describeSpool(figures));
    assert.equal(figures.drained, figures.jobs);
    good = isGood(figures);
  }
  assert.ok(good, `not once in ${ATTEMPTS} attempts`);
});
