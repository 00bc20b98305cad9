/**
 * What the writers of push lists need of Redis, and nothing of any client library.
 *
 * @module
 */

import type { JobBatch } from "../../router/job_batch.ts";

/** Jobs to append to a list, under their sequence. */
export interface AppendOrder {
  /** Number of the list. */
  readonly list: number;
  /** Whose sequence it is: 16 hexadecimal digits. */
  readonly writer: string;
  /** The watermark must have reached this, else it is a gap. */
  readonly after: number;
  /** Sequence of the first job. */
  readonly first: number;
  /** The jobs, up to 1,000; none only asks for the watermark. Not to be changed until the answer is there. */
  readonly batch: JobBatch;
}

/** What became of an append. */
export type AppendReply =
  | {
    readonly kind: "written";
    /** Jobs skipped because they were there. */
    readonly skipped: number;
  }
  | {
    /** Nothing was written. */
    readonly kind: "gap";
    /** The last sequence that Redis knows; undefined when it knows none. */
    readonly watermark: number | undefined;
  };

/** The push lists in Redis. */
export interface RedisLists {
  /** Whether commands can be sent now. */
  readonly isReady: boolean;
  /** Changes when a server restarted or another took its place. */
  readonly incarnation: string;
  /** Called whenever it becomes ready. */
  onReady: (() => void) | undefined;
  /** Called when it is ready no more, or a dial failed. */
  onLost: ((why: string) => void) | undefined;

  /**
   * Appends jobs behind those of the same writer.
   *
   * @throws {RedisError} when it was refused, or when nobody knows what became of it
   */
  append(order: AppendOrder): Promise<AppendReply>;

  /**
   * Jobs in each list.
   *
   * @returns by number of the list; undefined for a key that is no list
   * @throws {RedisError} when Redis does not answer
   */
  lengths(): Promise<(number | undefined)[]>;

  /** Ends the line. */
  close(): void;
}

/** Redis did not do what was asked. Its message holds no secret. */
export class RedisError extends Error {
  /** The class, for logs. */
  override readonly name = "RedisError";

  /**
   * Says what failed.
   *
   * @param kind whether it arrived: "refused" means it did, and nothing was done
   * @param code the first word of an error reply (WRONGTYPE, OOM, READONLY …), else empty
   * @param message for people
   */
  constructor(
    readonly kind: "unreachable" | "timed_out" | "refused",
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}
