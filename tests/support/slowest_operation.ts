/**
 * How long the slowest of many operations takes, on a machine that stops for some milliseconds now and then.
 *
 * @module
 */

/** What is measured, and how. */
export interface SlowestOptions {
  /** Operations. */
  readonly operations: number;
  /** Operations of a window, which a pause of its own has to hit each time. */
  readonly perWindow: number;
  /** Nothing more is measured when nothing has taken half as long. */
  readonly msMax: number;
}

/**
 * Runs operations up to three times, each time from a fresh beginning, and keeps the best time of each window of them: a pause that
 * belongs to what is tested comes at the same place each time, one of the machine does not.
 *
 * @param begin makes what is tested; returns what does operation `i` of it
 * @returns the slowest single operation, in milliseconds, in the best run of its window
 */
export function slowestMs(
  { operations, perWindow, msMax }: SlowestOptions,
  begin: () => (i: number) => void,
): number {
  const best = new Float64Array(Math.ceil(operations / perWindow)).fill(Infinity);
  for (let run = 0; run < 3 && largest(best) >= msMax / 2; run++) {
    const slowest = new Float64Array(best.length);
    const operate = begin();
    let before = performance.now();
    for (let i = 0; i < operations; i++) {
      operate(i);
      const now = performance.now();
      const window = Math.floor(i / perWindow);
      if (now - before > slowest[window]!) slowest[window] = now - before;
      before = now;
    }
    slowest.forEach((ms, window) => best[window] = Math.min(best[window]!, ms));
  }
  return largest(best);
}

function largest(values: Float64Array): number {
  return values.reduce((a, b) => Math.max(a, b), 0);
}
