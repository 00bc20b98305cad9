/**
 * The router's push queue as the demo uses it, over HTTP: takes the demo's own job and acknowledges it, and keeps away from a queue
 * that somebody uses.
 *
 * @module
 */

import { setTimeout as pause } from "node:timers/promises";
import { formatListenAddress, type ListenAddress } from "../config/settings.ts";
import { type DemoDeadline, StepFailed } from "./demo_deadline.ts";

/** A job of somebody else that comes at the wrong moment returns to the queue after this time. */
const LEASE_SECONDS = 5;
const JOBS_MAX = 10;
const PAUSE_MS = 100;

interface Job {
  readonly id: number | string;
  readonly payload: string;
}

/** One list of the router's own queue. */
export class DemoQueue {
  readonly #base: string;
  readonly #list: string;
  readonly #deadline: DemoDeadline;

  /**
   * Remembers where the queue is; nothing is asked yet.
   *
   * @param address where the router serves HTTP
   * @param list the queue's list
   * @param deadline bounds every wait
   */
  constructor(address: ListenAddress, list: string, deadline: DemoDeadline) {
    this.#base = `http://${formatListenAddress(address)}`;
    this.#list = list;
    this.#deadline = deadline;
  }

  /**
   * Looks, without touching the queue, whether a job may be put into it and taken out.
   *
   * @returns why not, or null
   */
  async obstacle(): Promise<string | null> {
    let metrics: string;
    try {
      metrics = await this.#request("/metrics");
    } catch (error) {
      if (!(error instanceof StepFailed)) throw error;
      return `${this.#base}/metrics cannot be read`;
    }
    const jobs = samples(metrics, "imr_push_queue_jobs");
    if (jobs.length === 0) return "this router has no push queue of its own";
    const waiting = sum(jobs.filter((line) => line.includes(`list="${this.#list}"`)));
    if (waiting > 0) return `${this.#list} has jobs of others, which the demo leaves alone`;
    const workers = sum(samples(metrics, "imr_push_queue_waiting_takes"));
    return workers > 0 ? "a push worker waits at the queue, and the job would be its" : null;
  }

  /**
   * Takes jobs until the wanted one comes, and acknowledges that one alone.
   *
   * @param isOwn tells the job by its payload
   * @returns the payload
   * @throws {StepFailed} when it does not come in time
   */
  async takeOwn(isOwn: (payload: string) => boolean): Promise<string> {
    const take = async (signal: AbortSignal): Promise<Job> => {
      for (;;) {
        const order = { list: this.#list, max: JOBS_MAX, lease: LEASE_SECONDS };
        const own = jobsIn(await this.#request("/push/take", order)).find((job) =>
          isOwn(job.payload)
        );
        if (own !== undefined) return own;
        await pause(PAUSE_MS, undefined, { signal });
      }
    };
    const { id, payload } = await this.#deadline.within(
      take,
      `No push job came into ${this.#list}`,
    );
    await this.#request("/push/ack", { ids: [id] });
    return payload;
  }

  /** GET without a body, else POST; the answer's text. */
  async #request(path: string, body?: unknown): Promise<string> {
    const url = `${this.#base}${path}`;
    const init = body === undefined ? {} : {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    };
    const [status, text] = await this.#deadline.within(async (signal) => {
      try {
        const response = await fetch(url, { ...init, signal });
        return [response.status, await response.text()] as const;
      } catch (error) {
        throw new StepFailed(`Nothing answers on ${url} (${error}).`);
      }
    }, `${url} did not answer`);
    if (status === 200) return text;
    throw new StepFailed(`${url} answered with status ${status}: ${text.trim()}`);
  }
}

/** The samples of one metric, in Prometheus's text format. */
function samples(metrics: string, name: string): string[] {
  return metrics.split("\n").filter((line) =>
    line.startsWith(`${name}{`) || line.startsWith(`${name} `)
  );
}

function sum(lines: readonly string[]): number {
  return lines.reduce((total, line) => total + Number(line.slice(line.lastIndexOf(" "))), 0);
}

function jobsIn(text: string): Job[] {
  const answer: { jobs?: Job[] } = JSON.parse(text);
  return answer.jobs ?? [];
}
