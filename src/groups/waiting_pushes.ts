/**
 * Sees to the group messages that wait until the groups are loaded: says that they do, and then has them decided, a little at a time
 * and no faster than the push jobs get away.
 *
 * @module
 */

import { type Clock, systemClock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { JobBatch } from "../router/job_batch.ts";
import type { PushDecisions } from "../router/push_decisions.ts";

/** What it is made of. */
export interface WaitingPushesParts {
  /** Where they wait. */
  readonly decisions: PushDecisions;
  /** Takes push jobs, and copies what it keeps; returns what to wait for when too many wait. */
  readonly push: (jobs: JobBatch) => { ready(): Promise<void> } | undefined;
  /** Where events go. */
  readonly log: Log;
  /** Measures pauses. */
  readonly clock?: Clock;
}

/** Members looked up in one go: about two milliseconds. */
const WORK = 20_000;
const PAUSE_MS = 1;
/** Between two looks at what waits. */
const LOOK_MS = 1_000;

/** The group messages that wait. */
export class WaitingPushes {
  readonly #parts: WaitingPushesParts;
  readonly #clock: Clock;
  #isDeciding = false;
  #isClosed = false;
  #saidWaiting = false;
  #saidDropped = 0;
  #takeBackLook: () => void;

  /** Begins to look. */
  constructor(parts: WaitingPushesParts) {
    this.#parts = parts;
    this.#clock = parts.clock ?? systemClock;
    this.#takeBackLook = this.#clock.after(LOOK_MS, () => this.#look());
  }

  /** Has all of them decided, once the groups are loaded; does nothing while that is under way. */
  async decide(): Promise<void> {
    if (this.#isDeciding) return;
    this.#isDeciding = true;
    const { decisions, log } = this.#parts;
    const messages = decisions.waiting.count;
    for (let more = messages > 0; more && !this.#isClosed;) {
      more = decisions.decideWaiting(WORK);
      const crowded = this.#pass();
      if (crowded !== undefined) await crowded.ready();
      else await new Promise<void>((resolve) => this.#clock.after(PAUSE_MS, resolve));
    }
    this.#isDeciding = false;
    if (messages === 0) return;
    log("info", "group messages that waited for the groups are decided", { messages });
  }

  /**
   * Has the rest decided, if the groups are loaded.
   *
   * @param signal ends that
   * @returns how many could not be decided and are lost
   */
  async close(signal: AbortSignal): Promise<number> {
    this.#isClosed = true;
    this.#takeBackLook();
    const { decisions } = this.#parts;
    const aborted = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => aborted.resolve(), { once: true });
    for (let more = true; more && !signal.aborted;) {
      more = decisions.decideWaiting(WORK);
      const crowded = this.#pass();
      if (crowded !== undefined) await Promise.race([crowded.ready(), aborted.promise]);
    }
    aborted.resolve();
    return decisions.waiting.count;
  }

  #pass(): { ready(): Promise<void> } | undefined {
    const { jobs } = this.#parts.decisions;
    if (jobs.count === 0) return undefined;
    const crowded = this.#parts.push(jobs);
    jobs.clear();
    return crowded;
  }

  #look(): void {
    const { decisions: { waiting }, log } = this.#parts;
    if (waiting.count > 0 && !this.#saidWaiting) {
      this.#saidWaiting = true;
      log("warning", "group messages wait for the groups", { messages: waiting.count });
    }
    if (waiting.dropped > this.#saidDropped) {
      const messages = waiting.dropped - this.#saidDropped;
      this.#saidDropped = waiting.dropped;
      log("error", "group messages were dropped without a push, as too many wait for the groups", {
        messages,
        since_start: waiting.dropped,
      });
    }
    this.#takeBackLook = this.#clock.after(LOOK_MS, () => this.#look());
  }
}
