/**
 * The main thread's end of the line to the thread that loads groups from MySQL. The thread is started once, as starting one stops
 * the event loop for some 15 ms; it is ended and replaced when a load hangs or is given up, since nothing else ends a query.
 *
 * @module
 */

import type { GroupArrays } from "../router/group_shard.ts";
import { GroupTable } from "../router/group_table.ts";
import { LoadError } from "./load_error.ts";
import type { LoadOrder, LoadReport, RowsLeftOut } from "./load_message.ts";
import { CONNECT_MS } from "./mysql_client.ts";
import type { MysqlSettings } from "./mysql_settings.ts";

/** The groups as MySQL had them at one moment. */
export interface LoadedGroups {
  /** The groups. */
  readonly table: GroupTable;
  /** What was not put into it. */
  readonly leftOut: RowsLeftOut;
}

/** Settings of a loader. */
export interface GroupLoaderOptions {
  /** How long nothing may come once MySQL is reached, in milliseconds; 120,000 by default. */
  readonly silenceMs?: number;
  /** Where the thread's module is, when the program was bundled. */
  readonly workerScript?: URL;
}

const SILENCE_MS = 120_000;
/** A load that takes longer has no end. */
const LOAD_MS = 900_000;
/** Before the next piece of a table is asked for: with each the garbage collector takes up to 10 ms for a look at so much memory. */
const PIECE_PAUSE_MS = 20;

/** Loads groups, one load at a time. */
export class GroupLoader {
  readonly #settings: MysqlSettings;
  readonly #silenceMs: number;
  readonly #script: URL;
  #worker: Worker;
  /** Whether the thread has died. */
  #isBroken = false;
  #load: Load | undefined;
  #isClosed = false;

  /**
   * Starts the thread.
   *
   * @param settings where MySQL is
   * @param options bounds
   */
  constructor(settings: MysqlSettings, options: GroupLoaderOptions = {}) {
    this.#settings = settings;
    this.#silenceMs = options.silenceMs ?? SILENCE_MS;
    this.#script = options.workerScript ?? new URL("./load_worker.ts", import.meta.url);
    this.#worker = this.#startWorker();
  }

  /**
   * Loads the groups. Not to be called while a load is under way.
   *
   * @param signal ends the load
   * @throws {LoadError} when that fails
   * @throws the signal's reason when it fires
   */
  async load(signal: AbortSignal): Promise<LoadedGroups> {
    signal.throwIfAborted();
    if (this.#isBroken) this.#replaceWorker();
    const load = this.#load = new Load(this.#worker, this.#silenceMs);
    const onAbort = () => load.giveUp(signal.reason);
    signal.addEventListener("abort", onAbort);
    try {
      return await load.run(this.#settings);
    } finally {
      signal.removeEventListener("abort", onAbort);
      this.#load = undefined;
      if (load.isUnderWay) this.#replaceWorker();
    }
  }

  /** Gives the memory of a table back without holding anybody up. The table must not be used after that. */
  free(table: GroupTable): void {
    const buffers = table.release();
    if (!this.#isClosed) post(this.#worker, { kind: "free", buffers }, buffers);
  }

  /** Ends the thread; no load may be under way. May be called twice. */
  close(): void {
    this.#isClosed = true;
    this.#worker.terminate();
  }

  #replaceWorker(): void {
    this.#worker.terminate();
    this.#isBroken = false;
    if (!this.#isClosed) this.#worker = this.#startWorker();
  }

  #startWorker(): Worker {
    const worker = new Worker(this.#script, { type: "module", name: "groups" });
    worker.onerror = (event) => {
      event.preventDefault(); // a server that speaks nonsense may break the client; it must not end the router
      this.#isBroken = true;
      this.#load?.giveUp(new LoadError("failed", `MySQL's client failed: ${event.message}`));
    };
    return worker;
  }
}

/** A load under way. */
class Load {
  /** Whether the thread still works on it. */
  isUnderWay = true;
  readonly #worker: Worker;
  readonly #silenceMs: number;
  readonly #end = Promise.withResolvers<LoadedGroups>();
  readonly #arrays: { -readonly [name in keyof GroupArrays]?: GroupArrays[name] } = {};
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(worker: Worker, silenceMs: number) {
    this.#worker = worker;
    this.#silenceMs = silenceMs;
    worker.onmessage = ({ data }) => this.#receive(data);
  }

  async run(settings: MysqlSettings): Promise<LoadedGroups> {
    this.#listen((settings.connectTimeoutMs ?? CONNECT_MS) + this.#silenceMs);
    post(this.#worker, { kind: "load", settings });
    const whole = setTimeout(() => {
      this.giveUp(new LoadError("too_slow", `the load has no end in ${LOAD_MS / 1_000} s`));
    }, LOAD_MS);
    try {
      return await this.#end.promise;
    } finally {
      clearTimeout(whole);
      clearTimeout(this.#timer);
    }
  }

  giveUp(why: unknown): void {
    this.#end.reject(why);
  }

  #listen(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.giveUp(new LoadError("too_slow", `MySQL has sent nothing for ${ms / 1_000} s`));
    }, ms);
  }

  #receive(report: LoadReport): void {
    this.#listen(this.#silenceMs);
    switch (report.kind) {
      case "progress":
        break;
      case "piece":
        this.#arrays[report.name] = report.array;
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => {
          this.#listen(this.#silenceMs);
          post(this.#worker, { kind: "next" });
        }, PIECE_PAUSE_MS);
        break;
      case "loaded": {
        this.isUnderWay = false;
        const table = GroupTable.of({ shards: report.shards, arrays: this.#arrays as GroupArrays });
        this.#end.resolve({ table, leftOut: report.leftOut });
        break;
      }
      case "failed":
        this.isUnderWay = false;
        this.giveUp(new LoadError(report.why, report.message));
    }
  }
}

function post(worker: Worker, order: LoadOrder, handedOver: ArrayBuffer[] = []): void {
  worker.postMessage(order, handedOver);
}
