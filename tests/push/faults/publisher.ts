/**
 * An IM server of generation 2 that asks for push jobs at a steady rate: each frame one job with a number of its own, each fifth for
 * the list of groups. Jobs are numbered in each list, 1, 2, 3 …, across all connections.
 *
 * @module
 */

import { groupIm, im, push } from "../../support/wire_frames.ts";
import { concat } from "../../support/wire_hex.ts";

/** Frames of one burst, and the time from one burst to the next: 5,000 jobs a second. */
const BURST = { frames: 25, ms: 5 };
/** One frame in so many is for a group. */
const GROUP_EVERY = 5;
const RECEIVERS = 1_000;

/** The two lists that get jobs. */
export const LISTS = ["push_queue", "group_push_queue"] as const;
/** One of them. */
export type List = typeof LISTS[number];

/** A number of jobs for each list. */
export type Counts = Readonly<Record<List, number>>;

/** How many jobs of each list the first `frames` frames are. */
export function countsOf(frames: number): Counts {
  const group = Math.floor(frames / GROUP_EVERY);
  return { push_queue: frames - group, group_push_queue: group };
}

function listOf(frame: number): List {
  return frame % GROUP_EVERY === 0 ? "group_push_queue" : "push_queue";
}

/** What a list holds for its job of a number. */
export function jobOf(list: List, number: number): Record<string, unknown> {
  const receiver = RECEIVERS + number % RECEIVERS;
  const job = { appid: 7, content: `${list} ${number}`, sender: 1 };
  return list === "push_queue"
    ? { ...job, receiver }
    : { ...job, group_id: receiver, receivers: [receiver] };
}

/** The IM server. */
export class Publisher implements Disposable {
  /** Frames sent so far. */
  frames = 0;
  /** After each burst: when, and how many frames there were then. */
  readonly #moments: { readonly at: number; readonly frames: number }[] = [];
  readonly #waiters = new Set<{ readonly frames: number; readonly resolve: () => void }>();
  #conn: Deno.TcpConn | undefined;
  #seq = 0;

  /** Jobs sent so far. */
  get counts(): Counts {
    return countsOf(this.frames);
  }

  /** Connects to a router, which counts from 1 again. */
  async connect(port: number): Promise<void> {
    this.disconnect();
    this.#conn = await Deno.connect({ hostname: "127.0.0.1", port });
    this.#conn.setNoDelay(true);
    this.#seq = 0;
  }

  /**
   * Sends so many frames at the steady rate.
   *
   * @returns false when the connection ended meanwhile
   */
  async send(frames: number): Promise<boolean> {
    const start = performance.now();
    for (let sent = 0; sent < frames; sent += BURST.frames) {
      const dueMs = start + sent / BURST.frames * BURST.ms - performance.now();
      if (dueMs > 0) await new Promise((resolve) => setTimeout(resolve, dueMs));
      if (!await this.#sendNow(Math.min(BURST.frames, frames - sent))) return false;
    }
    return true;
  }

  /** Sends one frame, at once. Returns the list of its job. */
  async sendOne(): Promise<List> {
    await this.#sendNow(1);
    return listOf(this.frames);
  }

  /** Settles when so many frames have been sent in all. */
  async reached(frames: number): Promise<void> {
    if (this.frames >= frames) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiters.add({ frames, resolve });
    await promise;
  }

  /** Frames that had been sent at a time of `performance.now()`. */
  framesAt(time: number): number {
    return this.#moments.findLast(({ at }) => at <= time)?.frames ?? 0;
  }

  [Symbol.dispose](): void {
    this.disconnect();
  }

  /** When a job was sent, on the clock of `performance.now()`. */
  sentAt(list: List, number: number): number {
    return this.#moments.find(({ frames }) => countsOf(frames)[list] >= number)?.at ?? Infinity;
  }

  /** Closes the connection, if there is one. */
  disconnect(): void {
    this.#conn?.[Symbol.dispose]();
    this.#conn = undefined;
  }

  async #sendNow(count: number): Promise<boolean> {
    const bytes = concat(
      ...Array.from({ length: count }, (_, i) => this.#frame(this.frames + 1 + i)),
    );
    // Counted before it is written: the router may have it before this process hears of that.
    this.frames += count;
    try {
      for (let at = 0; at < bytes.length;) at += await this.#conn!.write(bytes.subarray(at));
    } catch (error) {
      if (isBroken(error)) return false;
      throw error;
    }
    this.#moments.push({ at: performance.now(), frames: this.frames });
    for (const waiter of this.#waiters) {
      if (this.frames < waiter.frames) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
    return true;
  }

  /** The frame of a number, from 1. */
  #frame(frame: number): Uint8Array {
    const list = listOf(frame);
    const number = countsOf(frame)[list];
    const receiver = BigInt(RECEIVERS + number % RECEIVERS);
    const parts = { receiver, content: `${list} ${number}` };
    const bytes = push([receiver], list === "push_queue" ? im(parts) : groupIm(parts));
    new DataView(bytes.buffer).setInt32(4, ++this.#seq);
    return bytes;
  }
}

/** The router has gone, or this side has closed. */
function isBroken(error: unknown): boolean {
  return error instanceof Deno.errors.BadResource || error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.ConnectionAborted;
}
