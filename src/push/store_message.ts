/**
 * What the main thread and the store's worker say to each other. Requests go in groups, one group at a time: what came in
 * while a group was worked on is the next one. All that a group writes is one transaction, hence one flush of the disk.
 *
 * @module
 */

import type { StoreErrorKind } from "./store_error.ts";
import type { StoredJobsSettings } from "./stored_jobs.ts";

/** By what Redis knows the jobs of one batch. */
export interface JobIdentity {
  /** The process that decided them: 16 hexadecimal digits. */
  readonly writer: string;
  /** Sequence of the first one; the others follow without a gap. */
  readonly firstSeq: number;
}

/** The jobs of a batch in the spool: of one list. */
export interface SpoolPlace extends JobIdentity {
  /** Number of the list; what the batch says of lists is not looked at. */
  readonly list: number;
}

/** Appends a batch. Answered with how many jobs it had. */
export interface AppendRequest {
  /** Tells requests apart. */
  readonly kind: "append";
  /** The packed jobs, at least one; handed over, not copied. */
  readonly batch: ArrayBuffer;
  /** Where they belong in the spool; left out for the embedded queue. */
  readonly place?: SpoolPlace;
}

/** Deletes jobs. Answered with how many there were, by number of the list. */
export interface AckRequest {
  /** Tells requests apart. */
  readonly kind: "ack";
  /** Which jobs. */
  readonly ids: readonly number[];
}

/**
 * Deletes the first jobs of each list that were appended before a time, as many as take no more than a moment. Answered with
 * how many there were, by number of the list; with zeros when none is left.
 */
export interface ExpireRequest {
  /** Tells requests apart. */
  readonly kind: "expire";
  /** The time, in milliseconds since 1970. */
  readonly before: number;
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

/** Reads the first jobs of a list and leaves them there. Answered with a {@linkcode Peeked}, or undefined without any. */
export interface PeekRequest {
  /** Tells requests apart. */
  readonly kind: "peek";
  /** Number of the list. */
  readonly list: number;
  /** Jobs at most. */
  readonly jobsMax: number;
  /** Bytes of their texts at most; the first job comes whatever its size. */
  readonly bytesMax: number;
}

/** A request that writes. */
export type ChangeRequest = AppendRequest | AckRequest | ExpireRequest;

/** One request. */
export type StoreRequest = ChangeRequest | TakeRequest | ReleaseRequest | PeekRequest;

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

/** Jobs of the spool: of one list and one writer, consecutive. */
export interface Peeked extends JobIdentity {
  /** What to delete them by, ascending. */
  readonly ids: readonly number[];
  /** The packed jobs; handed over, not copied. */
  readonly batch: ArrayBuffer;
}

/** A store error on its way between threads, which keep only the plain fields of one. */
export interface Failure {
  /** The error's kind. */
  readonly failure: StoreErrorKind;
  /** Its message. */
  readonly message: string;
}

/** What each kind of request is answered with when it does not fail. */
export interface StoreAnswers {
  /** Jobs appended. */
  readonly append: number;
  /** Jobs deleted, by number of the list. */
  readonly ack: readonly number[];
  /** Jobs deleted, by number of the list. */
  readonly expire: readonly number[];
  /** Jobs leased. */
  readonly take: Taken;
  /** Nothing. */
  readonly release: 0;
  /** Jobs read. */
  readonly peek: Peeked | undefined;
}

/** The answer to one request. */
export type StoreAnswer = StoreAnswers[keyof StoreAnswers] | Failure;

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
  /** Bytes of the file that hold something. */
  readonly bytes: number;
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
