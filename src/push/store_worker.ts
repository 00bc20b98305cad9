/**
 * The thread that owns the embedded store's database: it takes a group of requests, works it off and answers it whole. What may
 * go wrong with a disk is an answer; anything else is a bug, stays uncaught, and ends the process.
 *
 * @module
 */

import { StoreError, storeErrorOf } from "./store_error.ts";
import type {
  AckRequest,
  AppendRequest,
  Failure,
  FromWorker,
  ReleaseRequest,
  StoreAnswer,
  StoreRequest,
  StoreState,
  TakeRequest,
  ToWorker,
} from "./store_message.ts";
import { StoredJobs } from "./stored_jobs.ts";

/** What this file needs of its global scope; Deno's own types for it would apply to the whole program. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker): void;
}

/** Answers requests on one data folder. */
class StoreThread {
  #jobs: StoredJobs | undefined;

  /** Works off one message. Returns the answer. */
  receive(message: ToWorker): FromWorker {
    switch (message.kind) {
      case "open":
        return this.#open(message);
      case "group":
        return this.#work(message.requests, message.now);
      case "close":
        this.#jobs?.close();
        return { kind: "closed" };
    }
  }

  #open({ settings, now }: ToWorker & { kind: "open" }): FromWorker {
    try {
      this.#jobs = new StoredJobs(settings, now);
      return { kind: "opened", state: stateOf(this.#jobs) };
    } catch (error) {
      return { kind: "refused", reason: failureOf(storeErrorOf(error, settings.folder)) };
    }
  }

  /** Changes first, in one transaction; then takes, so that they see what was appended. */
  #work(requests: readonly StoreRequest[], now: number): FromWorker {
    const jobs = this.#jobs!;
    const outcomes = jobs.change(requests.filter(isChange), now);
    let changes = 0;
    const answers = requests.map((request) =>
      isChange(request) ? changed(outcomes[changes++]!) : served(jobs, request, now)
    );
    jobs.expire(now);
    return { kind: "answers", answers, state: stateOf(jobs) };
  }
}

function isChange(request: StoreRequest): request is AppendRequest | AckRequest {
  return request.kind === "append" || request.kind === "ack";
}

function changed(outcome: number | StoreError): StoreAnswer {
  return outcome instanceof StoreError ? failureOf(outcome) : outcome;
}

function served(jobs: StoredJobs, request: TakeRequest | ReleaseRequest, now: number): StoreAnswer {
  if (request.kind === "release") {
    jobs.release(request.list, request.lease);
    return 0;
  }
  try {
    return jobs.take(request.list, request.max, request.leaseMs, now);
  } catch (error) {
    if (error instanceof StoreError) return failureOf(error);
    throw error;
  }
}

function failureOf({ kind, message }: StoreError): Failure {
  return { failure: kind, message };
}

function stateOf(jobs: StoredJobs): StoreState {
  return { lists: jobs.states(), leaseEndsAt: jobs.leaseEndsAt() };
}

const scope = self as unknown as WorkerScope;
const thread = new StoreThread();
scope.onmessage = ({ data }) => scope.postMessage(thread.receive(data));
