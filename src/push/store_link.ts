/**
 * The main thread's end of the line to the store's worker. One group of requests is under way at a time; what comes meanwhile
 * forms the next one, so that a busy store flushes its disk once for many.
 *
 * @module
 */

import { type Clock, systemClock } from "../clock.ts";
import { SinkFullError } from "./push_sink.ts";
import { StoreError } from "./store_error.ts";
import type {
  Failure,
  FromWorker,
  StoreAnswer,
  StoreAnswers,
  StoreRequest,
  StoreState,
  ToWorker,
} from "./store_message.ts";

/** Default bound of the file, in bytes. */
export const STORE_BYTES_MAX = 1 << 30;
/** Requests that may wait; appends, which the push channel bounds, are let in past it. */
const REQUESTS_MAX = 2_000;
/** Bounds of a group, so that no answer keeps the event loop for long. */
const GROUP_REQUESTS_MAX = 256;
const GROUP_TAKES_MAX = 8;

/** Where the file is and how it is kept. */
export interface StoreSettings {
  /** The data folder; made with mode 0700 when it is missing. */
  readonly folder: string;
  /** Bytes of the file in use from which on the newest jobs are refused; 1 GiB by default. */
  readonly bytesMax?: number;
  /** "full" (the default) outlives a power failure; "normal" saves a disk flush for each write. */
  readonly synchronous?: "full" | "normal";
  /** SQLite's own bound in pages of 4 KiB, which acts as a full disk does; none by default. */
  readonly pagesMax?: number;
  /** Measures leases, waits and ages. */
  readonly clock?: Clock;
  /** Where the worker's module is, when the program was bundled. */
  readonly workerScript?: URL;
}

/** A request and who waits for its answer. */
interface Waiting {
  readonly request: StoreRequest;
  readonly answer: PromiseWithResolvers<StoreAnswer>;
}

/** A line to a worker that has the store open. */
export class StoreLink {
  /** Called when {@linkcode state} is new, before the answers that came with it reach those who asked. */
  onState: (() => void) | undefined;
  readonly #worker: Worker;
  readonly #now: () => number;
  #state: StoreState;
  #waiting: Waiting[] = [];
  /** The group under way; undefined when the worker is idle. */
  #group: readonly Waiting[] | undefined;
  #scheduled = false;
  #lookWanted = false;
  #closed: Promise<void> | undefined;
  #idle: PromiseWithResolvers<void> | undefined;

  private constructor(worker: Worker, now: () => number, state: StoreState) {
    this.#worker = worker;
    this.#now = now;
    this.#state = state;
    worker.onmessage = ({ data }) => this.#receive(data);
  }

  /**
   * Starts a worker and lets it open the store.
   *
   * @param settings of the store
   * @param adopter opens it as the spool: the writer that jobs without one are given
   * @throws {StoreError} when the store cannot be opened
   */
  static async open(settings: StoreSettings, adopter?: string): Promise<StoreLink> {
    const { folder, synchronous = "full", bytesMax = STORE_BYTES_MAX, pagesMax } = settings;
    const { clock = systemClock } = settings;
    const script = settings.workerScript ?? new URL("./store_worker.ts", import.meta.url);
    const limits = { bytesMax, ...pagesMax === undefined ? {} : { pagesMax } };
    const jobs = { folder, synchronous, ...limits, ...adopter === undefined ? {} : { adopter } };
    const worker = new Worker(script, { type: "module", name: "push store" });
    const answer = await ask(worker, { kind: "open", settings: jobs, now: clock.now() });
    if (answer.kind === "opened") return new StoreLink(worker, () => clock.now(), answer.state);
    worker.terminate();
    if (answer.kind !== "refused") throw new TypeError(`unexpected answer ${answer.kind}`);
    throw new StoreError(answer.reason.failure, answer.reason.message);
  }

  /** The store after the last group. */
  get state(): StoreState {
    return this.#state;
  }

  /**
   * Sends a request with the next group.
   *
   * @returns the answer
   * @throws {SinkFullError} when the store is at its bound
   * @throws {StoreError} "busy" when too many wait, "closed" after the end, or what went wrong with the disk
   */
  send<K extends StoreRequest["kind"]>(
    request: StoreRequest & { readonly kind: K },
  ): Promise<StoreAnswers[K]> {
    if (this.#closed !== undefined) return Promise.reject(closedError());
    if (this.#waiting.length >= REQUESTS_MAX && request.kind !== "append") {
      return Promise.reject(
        new StoreError("busy", `${REQUESTS_MAX} requests wait for the push store`),
      );
    }
    const answer = Promise.withResolvers<StoreAnswer>();
    this.#waiting.push({ request, answer });
    this.#schedule();
    return answer.promise as Promise<StoreAnswers[K]>;
  }

  /** Lets the worker look at its clock: leases may have ended. The state that results is told as always. */
  look(): void {
    if (this.#closed !== undefined) return;
    this.#lookWanted = true;
    this.#schedule();
  }

  /**
   * Works off what waits, closes the file and ends the worker. May be called twice.
   *
   * @param signal when the disk does not answer: ends the worker all the same. What was committed is safe then too
   */
  close(signal?: AbortSignal): Promise<void> {
    return this.#closed ??= this.#close(signal);
  }

  async #close(signal: AbortSignal | undefined): Promise<void> {
    const aborted = Promise.withResolvers<void>();
    const onAbort = () => aborted.resolve();
    signal?.addEventListener("abort", onAbort);
    if (signal?.aborted) onAbort();
    try {
      await Promise.race([this.#finish(), aborted.promise]);
    } finally {
      signal?.removeEventListener("abort", onAbort);
      this.#worker.terminate();
      for (const { answer } of [...this.#group ?? [], ...this.#waiting]) {
        answer.reject(closedError());
      }
      this.#group = undefined;
      this.#waiting = [];
    }
  }

  async #finish(): Promise<void> {
    if (this.#group !== undefined || this.#waiting.length > 0) {
      this.#idle = Promise.withResolvers();
      await this.#idle.promise;
    }
    await ask(this.#worker, { kind: "close" });
  }

  /** One microtask later, so that requests of the same moment share a group. */
  #schedule(): void {
    if (this.#scheduled || this.#group !== undefined) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#sendGroup();
    });
  }

  #sendGroup(): void {
    // A look that was wanted just before the end would reach a closed database.
    const look = this.#lookWanted && this.#closed === undefined;
    this.#lookWanted = false;
    if (this.#waiting.length === 0 && !look) return;
    const group = this.#waiting.splice(0, groupSize(this.#waiting));
    this.#group = group;
    const requests = group.map(({ request }) => request);
    const batches = requests.flatMap((request) => request.kind === "append" ? [request.batch] : []);
    const message: ToWorker = { kind: "group", requests, now: this.#now() };
    this.#worker.postMessage(message, batches);
  }

  #receive(message: FromWorker): void {
    const group = this.#group;
    if (message.kind !== "answers" || group === undefined) {
      throw new TypeError(`unexpected answer ${message.kind}`);
    }
    this.#group = undefined;
    this.#sendGroup();
    this.#state = message.state;
    this.onState?.();
    group.forEach(({ answer: { resolve, reject } }, i) => {
      const answer = message.answers[i];
      if (isFailure(answer)) reject(errorOf(answer));
      else resolve(answer);
    });
    if (this.#group === undefined && this.#waiting.length === 0) this.#idle?.resolve();
  }
}

function groupSize(waiting: readonly Waiting[]): number {
  let takes = 0;
  let size = 0;
  for (const { request } of waiting) {
    const reads = request.kind === "take" || request.kind === "peek";
    if (size === GROUP_REQUESTS_MAX || (reads && ++takes > GROUP_TAKES_MAX)) break;
    size++;
  }
  return size;
}

function isFailure(answer: StoreAnswer): answer is Failure {
  return typeof answer === "object" && "failure" in answer;
}

function errorOf({ failure, message }: Failure): Error {
  return failure === "full" ? new SinkFullError(message) : new StoreError(failure, message);
}

function closedError(): StoreError {
  return new StoreError("closed", "the push store is closed");
}

/** One message outside of groups, and the answer to it. */
function ask(worker: Worker, message: ToWorker): Promise<FromWorker> {
  return new Promise((resolve) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.postMessage(message);
  });
}
