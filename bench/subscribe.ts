/**
 * The beginning of a run: subscribes all users and rooms, and proves that the router has handled every subscription.
 *
 * @module
 */

import type { LoadRun } from "./load_run.ts";

const CONFIRM_MS_MAX = 120_000;
const MARKER_PAUSE_MS = 2;

/**
 * Subscribes everything, and returns when the router has handled all of it, or the run has failed.
 *
 * @param run whose connections are open
 */
export async function subscribeAll(run: LoadRun): Promise<void> {
  await Promise.all(run.servers.map((server) => server.subscribe()));
  await Promise.all(run.servers.map((_, i) => confirm(run, i)));
}

/**
 * A frame of a connection is handled after those before it: when a message to the last user that a connection has subscribed
 * comes out there, all its subscriptions were handled. Markers that came too early are lost, or kept by the router until the
 * user is there: a last one, behind them, tells that no more will come.
 */
async function confirm(run: LoadRun, sender: number): Promise<void> {
  const to = (sender + 1) % run.plan.conns;
  const end = performance.now() + CONFIRM_MS_MAX;
  let last = 0;
  let final = false;
  while (!run.stopped) {
    const seen = run.servers[to]!.latestMarker(sender);
    if (final && seen === last) return;
    if (!final) {
      final = seen > 0;
      last = await run.servers[sender]!.mark(to);
    }
    if (performance.now() > end) run.fail("subscriptions were not honoured in 120 s");
    await new Promise((resolve) => setTimeout(resolve, MARKER_PAUSE_MS));
  }
}
