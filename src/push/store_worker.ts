/**
 * The thread that owns the database of the embedded store, or of the spool: it takes a group of requests, works it off and answers it whole. What may
 * go wrong with a disk is an answer; anything else is a bug, stays uncaught, and ends the process.
 *
 * @module
 */

import { StoreError, storeErrorOf } from "./store_error.ts";
import type {
  ChangeRequest,
  Failure,
  FromWorker,
  StoreAnswer,
  StoreRequest,
  StoreState,
  ToWorker,
} from "./store_message.ts";
import { type Outcome, StoredJobs } from "./stored_jobs.ts";

/** What this file needs of its global scope; Deno's own types for it would apply to the whole program. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker, handedOver: ArrayBuffer[]): void;
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

function isChange(request: StoreRequest): request is ChangeRequest {
  return request.kind === "append" || request.kind === "ack" || request.kind === "expire";
}

function changed(outcome: Outcome): StoreAnswer {
  return outcome instanceof StoreError ? failureOf(outcome) : outcome;
}

function served(
  jobs: StoredJobs,
  request: Exclude<StoreRequest, ChangeRequest>,
  now: number,
): StoreAnswer {
  try {
    switch (request.kind) {
      case "take":
        return jobs.take(request.list, request.max, request.leaseMs, now);
      case "peek":
        return jobs.peek(request.list, request.jobsMax, request.bytesMax);
      case "release":
        jobs.release(request.list, request.lease);
        return 0;
    }
  } catch (error) {
    if (error instanceof StoreError) return failureOf(error);
    throw error;
  }
}

function failureOf({ kind, message }: StoreError): Failure {
  return { failure: kind, message };
}

function stateOf(jobs: StoredJobs): StoreState {
  return { lists: jobs.states(), leaseEndsAt: jobs.leaseEndsAt(), bytes: jobs.bytes() };
}

/** What is handed over with a message instead of being copied. */
function buffersOf(message: FromWorker): ArrayBuffer[] {
  if (message.kind !== "answers") return [];
  return message.answers.flatMap((answer) =>
    typeof answer === "object" && "batch" in answer ? [answer.batch] : []
  );
}

const scope = self as unknown as WorkerScope;
const thread = new StoreThread();
scope.onmessage = ({ data }) => {
  const answer = thread.receive(data);
  scope.postMessage(answer, buffersOf(answer));
};
