/**
 * The two kinds of traffic whose deliveries are checked: as much as a window allows, and a steady rate.
 *
 * @module
 */

import { nowNs } from "./clock.ts";
import type { ImServer } from "./im_server.ts";
import { Latency } from "./latency.ts";
import type { LoadRun, Traffic } from "./load_run.ts";

/** A core that sleeps takes this long to wake up: the last part of a wait is spent looking. */
const SPIN_NS = 40_000;

/** Keeps a number of messages in flight on each connection. */
export class Flood implements Traffic {
  readonly #run: LoadRun;
  /** Wake-up of each connection that waits, else null. */
  readonly #waiting: ((() => void) | null)[];

  /**
   * Prepares the traffic.
   *
   * @param run the run whose connections send
   */
  constructor(run: LoadRun) {
    this.#run = run;
    this.#waiting = run.servers.map(() => null);
  }

  /** See {@linkcode Traffic.flow}. */
  async flow(): Promise<void> {
    await Promise.all(this.#run.servers.map((server, i) => this.#send(server, i)));
  }

  /** See {@linkcode Traffic.progress}. */
  progress(): void {
    for (let i = 0; i < this.#waiting.length; i++) {
      const wake = this.#waiting[i]!;
      if (wake === null) continue;
      if (!this.#run.stopped && this.#free(this.#run.servers[i]!) < this.#batch) continue;
      this.#waiting[i] = null;
      wake();
    }
  }

  /** See {@linkcode Traffic.turn}. */
  turn(): number {
    return Infinity;
  }

  get #batch(): number {
    return Math.min(this.#run.options.batch, this.#run.options.window);
  }

  /** How many messages the window has room for. */
  #free(server: ImServer): number {
    const inFlight = server.ring.number - Math.floor(server.arrived / this.#run.plan.fan);
    return Math.min(this.#run.options.window - inFlight, server.ring.space);
  }

  async #send(server: ImServer, index: number): Promise<void> {
    while (!this.#run.stopped) {
      const free = this.#free(server);
      if (free < this.#batch) {
        await new Promise<void>((resolve) => this.#waiting[index] = resolve);
        continue;
      }
      const ns = nowNs();
      for (let i = 0; i < this.#batch; i++) server.put(ns);
      await server.flush();
    }
  }
}

/**
 * Sends at a steady rate, from the connections in turn. The schedule stands before the first message; a message's latency
 * counts from the time at which it was due, so that a late generator, or a router that does not read, shows in the figures.
 */
export class SteadyRate implements Traffic {
  /** How late messages were handed to the socket. */
  readonly late: Latency = new Latency();
  readonly #run: LoadRun;
  readonly #stepNs: number;
  readonly #stopped = Promise.withResolvers<void>();
  #startNs = 0;
  #count = 0;

  /**
   * Prepares the traffic.
   *
   * @param run the run whose connections send
   */
  constructor(run: LoadRun) {
    this.#run = run;
    this.#stepNs = 1e9 / run.options.rate;
  }

  /** See {@linkcode Traffic.flow}. */
  async flow(): Promise<void> {
    this.#startNs = nowNs();
    await this.#stopped.promise;
    await Promise.all(this.#run.servers.map((server) => server.flush()));
  }

  /** See {@linkcode Traffic.progress}. */
  progress(): void {
    if (this.#run.stopped) this.#stopped.resolve();
  }

  /** See {@linkcode Traffic.turn}. */
  turn(): number {
    const { servers } = this.#run;
    const now = nowNs();
    while (!this.#run.stopped) {
      const due = this.#due(this.#count);
      const server = servers[this.#count % servers.length]!;
      if (due > now || server.ring.space === 0) return due - now - SPIN_NS;
      this.#count++;
      server.put(due);
      this.late.record(nowNs() - due);
      server.flush().catch((error) => this.#run.fail(String(error)));
    }
    return Infinity;
  }

  /** When a message is due; those of one burst are due together. */
  #due(count: number): number {
    const { burst } = this.#run.options;
    return this.#startNs + Math.round(Math.floor(count / burst) * burst * this.#stepNs);
  }
}
