/**
 * One run of the load: connects, lets a kind of traffic flow, measures a window of it, and waits until everything that was sent
 * has arrived.
 *
 * @module
 */

import process from "node:process";
import { AddressPlan } from "./address_plan.ts";
import { nowNs } from "./clock.ts";
import { ImServer, type ImServerRun } from "./im_server.ts";
import { ImrWire } from "./imr_wire.ts";
import { Latency } from "./latency.ts";
import type { LoadOptions } from "./load_options.ts";
import { type MessageKind, ROOM_MESSAGE, USER_MESSAGE } from "./message.ts";
import { NatsWire } from "./nats_wire.ts";
import { readProcess } from "./process_meter.ts";
import { Sockets } from "./sockets.ts";
import type { Wire } from "./wire.ts";

const DRAIN_PAUSE_MS = 5;
/** Timers are looked at once in a turn. */
const TURN_NS_MAX = 1e6;
/** In `rate` nothing waits for deliveries: a ring must hold what a router that is slow to read leaves unsent. */
const RATE_SLOTS = 8192;

/** What was read at one moment. */
export interface Snapshot {
  /** When, as the clock gives it. */
  readonly ns: number;
  /** Deliveries so far. */
  readonly delivered: number;
  /** The router's CPU time so far, in microseconds; 0 when its process is not known. */
  readonly routerCpuUs: number;
  /** The router's resident memory. */
  readonly rssBytes: number;
  /** This process's CPU time so far, in microseconds. */
  readonly ownCpuUs: number;
}

/** Traffic that flows until the run is stopped. */
export interface Traffic {
  /** Ends when the run is stopped and the last message is written. */
  flow(): Promise<void>;
  /** Deliveries were counted, or the run was stopped. */
  progress(): void;
  /**
   * Called again and again: sends what is due by now.
   *
   * @returns nanoseconds until it wants to be called again, at the latest
   */
  turn(): number;
}

/** One run. */
export class LoadRun implements ImServerRun, AsyncDisposable {
  /** What to do. */
  readonly options: LoadOptions;
  /** See {@linkcode ImServerRun.wire}. */
  readonly wire: Wire;
  /** See {@linkcode ImServerRun.plan}. */
  readonly plan: AddressPlan;
  /** See {@linkcode ImServerRun.kind}. */
  readonly kind: MessageKind;
  /** See {@linkcode ImServerRun.slots}. */
  readonly slots: number;
  /** Of all deliveries since the measuring began. */
  readonly latency: Latency = new Latency();
  /** See {@linkcode ImServerRun.servers}. */
  readonly servers: ImServer[] = [];
  readonly #sockets = new Sockets();
  #fault = "";
  #faults = 0;
  #failed = false;
  #stopped = false;
  #closed = false;
  #traffic: Traffic | null = null;
  #turning: Promise<void> = Promise.resolve();
  readonly #reading: Promise<void>[] = [];

  /**
   * Prepares a run; nothing is opened yet.
   *
   * @param options what to do
   */
  constructor(options: LoadOptions) {
    this.options = options;
    this.wire = options.proto === "nats" ? new NatsWire() : new ImrWire();
    this.plan = new AddressPlan(options.conns, options.users, options.rooms);
    this.kind = options.rooms > 0 ? ROOM_MESSAGE : USER_MESSAGE;
    this.slots = options.mode === "rate"
      ? RATE_SLOTS
      : Math.max(16, 2 ** Math.ceil(Math.log2(options.window)));
  }

  /** The first thing that went wrong, or "". */
  get firstFault(): string {
    return this.#fault;
  }

  /** How many things went wrong. */
  get faults(): number {
    return this.#faults;
  }

  /** Whether the traffic is to end. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Messages of the load that were put under way. */
  get sent(): number {
    return this.servers.reduce((sum, server) => sum + server.ring.number, 0);
  }

  /** Deliveries of the load. */
  get delivered(): number {
    return this.servers.reduce((sum, server) => sum + server.received, 0);
  }

  /** See {@linkcode ImServerRun.fault}. */
  fault(what: string): void {
    if (this.#fault === "") this.#fault = what;
    this.#faults++;
  }

  /** See {@linkcode ImServerRun.fail}; it ends the traffic. */
  fail(what: string): void {
    this.#failed = true;
    this.fault(what);
    this.stop();
  }

  /** See {@linkcode ImServerRun.progress}. */
  progress(): void {
    this.#traffic?.progress();
  }

  /** Ends the traffic. */
  stop(): void {
    this.#stopped = true;
    this.#traffic?.progress();
  }

  /** Opens all connections. */
  async connect(): Promise<void> {
    for (let i = 0; i < this.options.conns; i++) {
      const server = new ImServer(this, i, await this.#sockets.connect(this.options.address));
      this.servers.push(server);
      this.#reading.push(server.read());
    }
    this.#turning = this.#turn();
    await Promise.all(this.servers.map((server) => server.write(this.wire.hello)));
  }

  async #turn(): Promise<void> {
    while (!this.#closed) {
      const ns = this.#traffic?.turn() ?? TURN_NS_MAX;
      await this.#sockets.turn(Math.min(ns, TURN_NS_MAX));
    }
  }

  /**
   * Lets traffic flow for the warm-up time alone, and waits until all of it has come out.
   *
   * @param traffic what flows
   */
  async warmUp(traffic: Traffic): Promise<void> {
    await this.#flow(traffic, () => this.#sleepUnlessStopped(this.options.warmSecs));
    await this.drain();
    this.#stopped = this.#failed;
  }

  /**
   * Lets traffic flow and measures it once it has settled.
   *
   * @param traffic what flows
   * @returns the beginning and the end of the measured time
   */
  async measure(traffic: Traffic): Promise<[Snapshot, Snapshot]> {
    return await this.#flow(traffic, async () => {
      await this.#sleepUnlessStopped(this.options.warmSecs);
      this.latency.clear();
      const from = this.snapshot();
      await this.#sleepUnlessStopped(this.options.secs);
      return [from, this.snapshot()];
    });
  }

  async #flow<T>(traffic: Traffic, during: () => Promise<T>): Promise<T> {
    this.#traffic = traffic;
    const flow = traffic.flow().catch((error) => this.fail(String(error)));
    const result = await during();
    this.stop();
    await flow;
    return result;
  }

  /** Waits until everything that was sent has come out, or nothing has for a while. */
  async drain(): Promise<void> {
    let before = -1;
    let end = 0;
    while (this.delivered < this.sent * this.plan.fan) {
      if (this.delivered !== before) {
        before = this.delivered;
        end = performance.now() + this.options.drainSecs * 1000;
      }
      if (performance.now() > end) return;
      await sleep(DRAIN_PAUSE_MS);
    }
  }

  /** Reads everything that is measured. */
  snapshot(): Snapshot {
    const { pid } = this.options;
    const router = pid === null ? { cpuUs: 0, rssBytes: 0 } : readProcess(pid);
    const own = process.cpuUsage();
    return {
      ns: nowNs(),
      delivered: this.delivered,
      routerCpuUs: router.cpuUs,
      rssBytes: router.rssBytes,
      ownCpuUs: own.user + own.system,
    };
  }

  /** Closes all connections and waits for the end of their reading. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    this.#closed = true;
    await this.#turning;
    for (const server of this.servers) server[Symbol.dispose]();
    this.#sockets[Symbol.dispose]();
    await Promise.all(this.#reading);
  }

  async #sleepUnlessStopped(secs: number): Promise<void> {
    const end = performance.now() + secs * 1000;
    for (let left; !this.#stopped && (left = end - performance.now()) > 0;) {
      await sleep(Math.min(50, left));
    }
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
