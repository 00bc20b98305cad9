/**
 * What the admin part looks at, as it needs it: small shapes that the parts of the router have by themselves, so that this
 * part depends on none of those that do I/O. `main.ts` puts the real ones in.
 *
 * @module
 */

import type { PushListName } from "../router/push_list.ts";
import type { Router } from "../router/router.ts";

/** Everything that an operator sees comes from here. Nothing in it is changed, but for jobs that are taken and acknowledged. */
export interface AdminSources {
  /** The decisions, and who holds what. */
  readonly router: Router;
  /** The router's port. */
  readonly server: ServerFigures;
  /** The way of the push jobs out of the router; undefined where there is none. */
  readonly push?: PushFigures | undefined;
  /** The queue from which workers take jobs over HTTP; undefined when jobs go to Redis. */
  readonly queue?: PushQueue | undefined;
  /** The push lists in Redis, and the spool before them; undefined when there is no Redis. */
  readonly redis?: RedisFigures | undefined;
  /** What keeps the groups of generation 1 true; undefined where nothing does. */
  readonly groups?: GroupFigures | undefined;
  /** The version of the program. */
  readonly version: string;
  /** Why no IM server should be sent here now, in an operator's words; empty when all is well. */
  readonly notReadyReasons: () => readonly string[];
}

/** The router's port in figures. */
export interface ServerFigures {
  /** Counts since the start. */
  readonly counters: ServerCounts;
  /** The connections there are. */
  connections(): readonly { readonly outbox: { readonly waitingBytes: number } }[];
}

/** What happened at the router's port since the start. Arrays are indexed by the command byte. */
export interface ServerCounts {
  /** Frames received. */
  readonly framesIn: ArrayLike<number>;
  /** Bytes of these, headers included. */
  readonly bytesIn: ArrayLike<number>;
  /** Copies that were put into outboxes. */
  readonly framesOut: ArrayLike<number>;
  /** Bytes of these, headers included. */
  readonly bytesOut: ArrayLike<number>;
  /** Connections accepted, refused ones included. */
  readonly accepted: number;
  /** Times that accepting failed. */
  readonly acceptErrors: number;
  /** Copies that were never sent. */
  readonly droppedFrames: number;
  /** Bytes of these. */
  readonly droppedBytes: number;
  /** Times that reading from a publisher was paused. */
  readonly pauses: number;
  /** Sockets that the system keeps although we closed them. */
  readonly zombies: number;
  /** Ends of connections by reason; reasons that never were may be missing. */
  readonly closed: ReadonlyMap<string, number>;
}

/** The push channel in figures. Arrays are indexed by the number of the list. */
export interface PushFigures {
  /** Jobs taken in. */
  readonly accepted: ArrayLike<number>;
  /** Jobs turned away because too much waited. */
  readonly refused: ArrayLike<number>;
  /** Jobs taken in that the sink, full to its own bound, refused. */
  readonly refusedBySink: ArrayLike<number>;
  /** Jobs taken in that could not be written before the end. */
  readonly lost: ArrayLike<number>;
  /** Jobs that wait. */
  readonly waiting: ArrayLike<number>;
  /** Bytes of the jobs that wait. */
  readonly waitingBytes: number;
  /** Writes that were repeats. */
  readonly retries: number;
  /** What the last failure said. */
  readonly lastError: string | undefined;
  /** Since when nothing can be written, in milliseconds since 1970; undefined while all is well. */
  readonly failingSince: number | undefined;
}

/** The push lists in Redis, and the spool before them, in figures. */
export interface RedisFigures {
  /** Since when Redis is away, in milliseconds since 1970; undefined while it is there. */
  readonly downSince: number | undefined;
  /** Why it was last away. */
  readonly downReason: string | undefined;
  /** Bytes of the spool's file in use. */
  readonly spoolBytes: number;
  /** Bytes of acknowledged jobs that are held for a fail-over. */
  readonly heldBytes: number;
  /** Every list, by its number. */
  lists(): readonly RedisListFigures[];
}

/** How the groups of generation 1 are kept true, in figures. */
export interface GroupFigures {
  /** Loads begun, by cause. */
  readonly loads: ReadonlyMap<string, number>;
  /** Loads that failed. */
  readonly failures: number;
  /** Why the last load failed; undefined when it did not. */
  readonly lastFailure: string | undefined;
  /** When the groups were last loaded, in milliseconds since 1970; undefined while they never were. */
  readonly loadedAt: number | undefined;
  /** How long that took, in milliseconds. */
  readonly loadMs: number;
  /** Whether they are known to be wrong, or not loaded. */
  readonly isStale: boolean;
  /** Whether changes are heard. */
  readonly isFollowing: boolean;
  /** The last action that is in the table; undefined while that is not known. */
  readonly held: bigint | undefined;
  /** The latest action that Redis was heard to know; undefined while that is not known. */
  readonly latest: bigint | undefined;
  /** What happened with changes that were published. */
  readonly events: {
    /** Changes that were made, or were made already. */
    readonly applied: number;
    /** Changes whose content could not be read. */
    readonly unreadable: number;
    /** What was published and is no change. */
    readonly foreign: number;
    /** Changes that did not follow the one before. */
    readonly gaps: number;
  };
}

/** One push list in figures; counts are since the start. */
export interface RedisListFigures {
  /** Jobs that Redis has acknowledged. */
  readonly written: number;
  /** Jobs that went over the spool. */
  readonly spooled: number;
  /** Jobs in the spool. */
  readonly spoolJobs: number;
  /** Age of the oldest of them, in milliseconds. */
  readonly spoolOldestMs: number;
  /** Jobs dropped from the spool for their age. */
  readonly expired: number;
  /** Jobs sent again because Redis had lost them. */
  readonly resent: number;
  /** Jobs that Redis lost and that were held no longer. */
  readonly lost: number;
  /** Times that the watermark was gone although Redis was the same. */
  readonly wiped: number;
  /** Appends that failed. */
  readonly failures: number;
  /** Since when the list takes nothing, in milliseconds since 1970; undefined while it does. */
  readonly stalledSince: number | undefined;
  /** What the last failure said. */
  readonly lastError: string | undefined;
  /** Jobs in the list of Redis; undefined while that is not known. */
  readonly length: number | undefined;
  /** Milliseconds in which nobody was seen to take from it. */
  readonly untakenMs: number;
}

/** What a worker asks the queue for. */
export interface QueueOrder {
  /** The list to take from. */
  readonly list: PushListName;
  /** Jobs at most. */
  readonly max: number;
  /** Seconds until the jobs come back unless they are acknowledged. */
  readonly leaseSeconds: number;
  /** Seconds to wait when there is no job. */
  readonly waitSeconds: number;
  /** Fires when the worker has gone. */
  readonly signal: AbortSignal;
}

/** A job that a worker has taken. */
export interface QueuedJob {
  /** What to acknowledge. */
  readonly id: number;
  /** The job's text. */
  readonly payload: string;
}

/** One list of the queue in figures. */
export interface QueueCount {
  /** The list. */
  readonly list: PushListName;
  /** Jobs that a worker could take now. */
  readonly waiting: number;
  /** Jobs that workers have taken and not acknowledged. */
  readonly leased: number;
  /** Age of the oldest job, in milliseconds; 0 when there is none. */
  readonly oldestMs: number;
}

/** The queue of a router that works without Redis. */
export interface PushQueue {
  /** Takes that wait for jobs. */
  readonly waiterCount: number;

  /**
   * Leases the first jobs of a list.
   *
   * @returns the jobs; none when there are none after the wait
   * @throws the signal's reason when it fires; no job is leased then
   * @throws an error with a `kind` in words when the world failed
   */
  take(order: QueueOrder): Promise<readonly QueuedJob[]>;

  /**
   * Deletes jobs that were worked off.
   *
   * @returns how many there were
   * @throws an error with a `kind` in words when the world failed
   */
  ack(ids: readonly number[]): Promise<number>;

  /** Every list in figures. */
  counts(): readonly QueueCount[];
}
