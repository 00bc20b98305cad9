/**
 * What the main thread and the store's worker say to each other. Requests go in groups, one group at a time: what came in
 * while a group was worked on is the next one. All that a group writes is one transaction, hence one flush of the disk.
 *
 * @module
 */

import type { StoreErrorKind } from "./store_error.ts";
import type { StoredJobsSettings } from "./stored_jobs.ts";

/** Appends a batch. Answered with how many jobs it had. */
export interface AppendRequest {
  /** Tells requests apart. */
  readonly kind: "append";
  /** The packed jobs, at least one; handed over, not copied. */
  readonly batch: ArrayBuffer;
}

/** Deletes jobs. Answered with how many there were. */
export interface AckRequest {
  /** Tells requests apart. */
  readonly kind: "ack";
  /** Which jobs. */
  readonly ids: readonly number[];
}

/** Leases jobs. Answered with a {@linkcode Taken}. */
export interface TakeRequest {
  /** Tells requests apart. */
  readonly kind: "take";
  /** Number of the list. */
  readonly list: number;
  /** Jobs at most. */
  readonly max: number;
  /** How long they are leased, in milliseconds. */
  readonly leaseMs: number;
}

/** Ends a lease early, because its taker has gone. Answered with 0. */
export interface ReleaseRequest {
  /** Tells requests apart. */
  readonly kind: "release";
  /** Number of the list. */
  readonly list: number;
  /** Which lease, as its {@linkcode Taken} said. */
  readonly lease: number;
}

/** One request. */
export type StoreRequest = AppendRequest | AckRequest | TakeRequest | ReleaseRequest;

/** What the worker is sent. The first message is `open`, the last `close`. */
export type ToWorker =
  | { readonly kind: "open"; readonly settings: StoredJobsSettings; readonly now: number }
  | { readonly kind: "group"; readonly requests: readonly StoreRequest[]; readonly now: number }
  | { readonly kind: "close" };

/** Leased jobs, ids ascending. */
export interface Taken {
  /** The number of the lease; 0 when there are no jobs. */
  readonly lease: number;
  /** Their ids. */
  readonly ids: readonly number[];
  /** Their texts, in the same order. */
  readonly payloads: readonly string[];
}

/** A store error on its way between threads, which keep only the plain fields of one. */
export interface Failure {
  /** The error's kind. */
  readonly failure: StoreErrorKind;
  /** Its message. */
  readonly message: string;
}

/** The answer to one request. */
export type StoreAnswer = number | Taken | Failure;

/** One list as the store has it. */
export interface ListState {
  /** Jobs that a worker could take. */
  readonly waiting: number;
  /** Jobs that a worker has. */
  readonly leased: number;
  /** When the oldest of all of them was appended, in milliseconds since 1970. */
  readonly oldestAt: number | undefined;
}

/** The store after a group. */
export interface StoreState {
  /** By number of the list. */
  readonly lists: readonly ListState[];
  /** When the next lease ends, in milliseconds since 1970. */
  readonly leaseEndsAt: number | undefined;
}

/** What the worker says: one message for each that it was sent. */
export type FromWorker =
  | { readonly kind: "opened"; readonly state: StoreState }
  | { readonly kind: "refused"; readonly reason: Failure }
  | {
    readonly kind: "answers";
    readonly answers: readonly StoreAnswer[];
    readonly state: StoreState;
  }
  | { readonly kind: "closed" };
