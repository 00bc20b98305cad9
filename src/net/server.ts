/**
 * The router's port: holds the connections, hands each frame to the router, and carries out what it answers.
 *
 * Work is done per chunk that was read, not per frame: copies are collected in the receivers' outboxes, and one microtask after the
 * chunk, so that several readers merge, each outbox that got something sends one batch.
 *
 * @module
 */

import type { Log } from "../log.ts";
import type { JobBatch } from "../router/job_batch.ts";
import { NOTE } from "../router/outcome.ts";
import type { Router } from "../router/router.ts";
import { COMMAND, commandName } from "../wire/command.ts";
import { FRAME_BODY_BYTES_DEFAULT } from "../wire/frame.ts";
import type { AllowList } from "./allow_list.ts";
import { type CloseReason, Connection, type ConnectionHost } from "./connection.ts";
import type { Outbox } from "./outbox.ts";
import {
  PACE_BYTES,
  Pacer,
  type Pressure,
  PUSH_MS_PER_SECOND,
  RECEIVER_MS_PER_SECOND,
} from "./pacer.ts";
import { ReadingTurns } from "./reading_turns.ts";
import { ServerCounters } from "./server_counters.ts";
import type { Transport } from "./transport.ts";

/** Bounds of the port; every field has a default. */
export interface ServerLimits {
  /** The longest frame body that is read, in bytes. */
  readonly frameBytesMax: number;
  /** Bytes that may wait for one connection before it is closed. */
  readonly outboxBytesMax: number;
  /** How long a peer may acknowledge nothing of what waits for it, in milliseconds. */
  readonly stallMs: number;
  /** How long a frame may stay unfinished, in milliseconds. */
  readonly unfinishedFrameMs: number;
  /** Connections at the same time. */
  readonly connectionsMax: number;
}

/** The bounds unless told otherwise. */
export const SERVER_LIMITS: ServerLimits = {
  frameBytesMax: FRAME_BODY_BYTES_DEFAULT,
  outboxBytesMax: 64 << 20,
  stallMs: 10_000,
  unfinishedFrameMs: 30_000,
  connectionsMax: 10_000,
};

/** What a server is made of. */
export interface ServerOptions {
  /** Decides about frames. */
  readonly router: Router;
  /** Takes the push jobs of a chunk; copies what it keeps. Returns what to slow the publisher down for, if anything. */
  readonly push: (jobs: JobBatch) => Pressure | undefined;
  /** Where events go. */
  readonly log: Log;
  /** Bounds that differ from {@linkcode SERVER_LIMITS}. */
  readonly limits?: Partial<ServerLimits>;
  /** Who may connect; left out: everybody. */
  readonly allowed?: AllowList | undefined;
  /** Milliseconds on a clock that never goes back; tests hold it. */
  readonly now?: () => number;
}

const TICK_MS = 1_000;
/** Records freed in one go when a connection has ended: about a millisecond's work. */
const SWEEP_RECORDS = 2_000;
/** Not 0: timers of 0 ms run several in a row before sockets are looked at. */
const SWEEP_PAUSE_MS = 1;
/** A byte copied to a receiver, in bytes read. */
const COPY_WORK = 0.25;
/** A byte of a push job, in bytes read: writing the job is most of what such a message costs. */
const JOB_WORK = 2;
/** Work at which routing stops in the middle of a chunk: a few frames for a thousand receivers are as much as thousands for one. */
const WORK_MAX = 512 << 10;

/** All connections, and the way of a frame from one to others. */
export class Server {
  /** What happened so far. */
  readonly counters: ServerCounters = new ServerCounters();
  readonly #router: Router;
  readonly #push: ServerOptions["push"];
  readonly #log: Log;
  readonly #limits: ServerLimits;
  readonly #allowed: AllowList | undefined;
  /** Bytes waiting in an outbox from which it is looked at more closely. */
  readonly #crowdedBytes: number;
  readonly #now: () => number;
  readonly #host: ConnectionHost;
  /** By their numbers in the route table. */
  readonly #connections: (Connection | undefined)[] = [];
  readonly #turns = new ReadingTurns();
  readonly #pacers = new WeakMap<Connection, Pacer>();
  readonly #pushPacers = new WeakMap<Connection, Pacer>();
  readonly #running = new Map<Connection, Promise<void>>();
  /** Outboxes that got something since the last flush. */
  #dirty: Outbox[] = [];
  /** The list that takes turns with it. */
  #flushed: Outbox[] = [];
  #flushScheduled = false;
  /** Work done since the readers' budget was charged, in bytes read. */
  #work = 0;
  /** An outbox that got something although much waits in it. */
  #congested: Outbox | undefined;
  #ticking: number | undefined;
  #sweeping: number | undefined;

  /**
   * Makes a server without connections.
   *
   * @param options what it is made of
   */
  constructor(options: ServerOptions) {
    this.#router = options.router;
    this.#push = options.push;
    this.#log = options.log;
    this.#limits = { ...SERVER_LIMITS, ...options.limits };
    this.#allowed = options.allowed;
    this.#crowdedBytes = Math.min(PACE_BYTES, this.#limits.outboxBytesMax);
    this.#now = options.now ?? (() => performance.now());
    this.#host = {
      onFrame: this.#onFrame,
      afterFrames: this.#afterFrames,
      onLeave: this.#onLeave,
      onEnd: this.#onEnd,
      now: this.#now,
    };
  }

  /** The connections there are. */
  connections(): Connection[] {
    return this.#connections.filter((connection) => connection !== undefined);
  }

  /**
   * Takes in an accepted connection and reads from it until it ends.
   *
   * @returns settles when it has ended; rejects on a bug alone
   */
  async attach(transport: Transport): Promise<void> {
    this.counters.accepted++;
    if (this.#allowed?.allows(transport.address) === false) {
      this.#refuse(transport, { reason: "not_allowed" });
      return;
    }
    if (this.#router.table.connectionCount >= this.#limits.connectionsMax) {
      const { connectionsMax } = this.#limits;
      this.#refuse(transport, { reason: "too_many_connections", connections_max: connectionsMax });
      return;
    }
    const number = this.#router.connect();
    const connection = new Connection(number, transport, this.#host, this.#limits);
    this.#connections[number] = connection;
    this.#ticking ??= setInterval(() => this.tick(), TICK_MS);
    this.#log("info", "connection opened", { address: transport.address });
    const run = connection.run();
    this.#running.set(connection, run);
    try {
      await run;
    } finally {
      this.#running.delete(connection);
    }
  }

  #refuse(
    transport: Transport,
    why: { readonly reason: CloseReason; readonly connections_max?: number },
  ): void {
    this.counters.close(why.reason);
    this.#log("warning", "connection refused", { ...why, address: transport.address });
    transport.close();
  }

  /** Looks after each connection; called once a second while there are any. */
  tick(): void {
    const now = this.#now();
    for (const connection of this.#connections) connection?.check(now);
  }

  /**
   * Ends every connection: sends what waits and half-closes, goes on routing what servers still send until they have ended,
   * then closes those that have not. Frozen peers are not waited for. The listener has to be closed before.
   *
   * @param flushMs the longest to wait for outboxes, in milliseconds
   * @param readMs the longest to wait for peers to end their side after that
   */
  async stop(flushMs: number, readMs: number): Promise<void> {
    const now = this.#now();
    const frozen = new Set(this.connections().filter((connection) => connection.isFrozen(now)));
    const flushed = new Map(this.connections().map((each) => [each, each.halfClose()]));
    await within(flushMs, allBut(frozen, flushed));
    await within(readMs, allBut(frozen, this.#running));
    for (const connection of this.connections()) connection.close("shutdown");
    await within(readMs, allBut(new Set(), this.#running));
    clearInterval(this.#ticking);
    clearTimeout(this.#sweeping);
    this.#ticking = this.#sweeping = undefined;
  }

  readonly #onFrame = (connection: Connection): boolean => {
    const { bytes, view, start, end } = connection.decoder;
    const command = view.getUint8(start + 8);
    this.counters.framesIn[command]!++;
    this.counters.bytesIn[command]! += end - start;
    if (command !== COMMAND.SUBSCRIBE && command !== COMMAND.SUBSCRIBE_ROOM) {
      connection.messagesIn++;
    }
    const outcome = this.#router.receive(connection.number, bytes, view, start, end);
    if (outcome.notes !== 0) this.#say(connection, command, outcome.notes);
    const count = outcome.targetCount;
    this.#work += end - start;
    if (count === 0) return this.#work > WORK_MAX;
    const bodyEnd = outcome.bodyEnd;
    this.#work += count * (bodyEnd - start) * COPY_WORK;
    this.counters.framesOut[command]! += count;
    this.counters.bytesOut[command]! += count * (bodyEnd - start);
    const targets = outcome.targets;
    for (let i = 0; i < count; i++) {
      const outbox = this.#connections[targets[i]!]!.outbox;
      outbox.append(bytes, start, bodyEnd, command);
      if (!outbox.dirty) {
        outbox.dirty = true;
        this.#dirty.push(outbox);
      }
      if (outbox.waitingBytes > this.#crowdedBytes) this.#crowded(this.#connections[targets[i]!]!);
    }
    return this.#work > WORK_MAX;
  };

  #crowded(connection: Connection): void {
    if (connection.outbox.waitingBytes > this.#limits.outboxBytesMax) {
      connection.close("outbox_full", `${this.#limits.outboxBytesMax} bytes wait`);
    } else {
      this.#congested = connection.outbox;
    }
  }

  readonly #afterFrames = (connection: Connection): Promise<void> | undefined => {
    const jobs = this.#router.jobs;
    let pushes: Pressure | undefined;
    if (jobs.count > 0) {
      this.#work += jobs.byteLength * JOB_WORK;
      pushes = this.#push(jobs);
      jobs.clear();
    }
    if (this.#dirty.length > 0 && !this.#flushScheduled) this.#scheduleFlush();
    const turn = this.#turns.charge(this.#work);
    this.#work = 0;
    const congested = this.#congested;
    if (congested === undefined && pushes === undefined) return turn;
    this.#congested = undefined;
    const pause = pushes !== undefined
      ? this.#pause(this.#pushPacers, PUSH_MS_PER_SECOND, connection, pushes)
      : this.#pause(this.#pacers, RECEIVER_MS_PER_SECOND, connection, congested!);
    return turn !== undefined && pause !== undefined ? both(turn, pause) : turn ?? pause;
  };

  #pause(
    pacers: WeakMap<Connection, Pacer>,
    msPerSecond: number,
    connection: Connection,
    queue: Pressure,
  ): Promise<void> | undefined {
    let pacer = pacers.get(connection);
    if (pacer === undefined) pacers.set(connection, pacer = new Pacer(msPerSecond));
    const pause = pacer.pause(queue, this.#now());
    if (pause !== undefined) this.counters.pauses++;
    return pause;
  }

  #scheduleFlush(): void {
    this.#flushScheduled = true;
    Promise.resolve().then(this.#flush);
  }

  readonly #flush = (): void => {
    this.#flushScheduled = false;
    const outboxes = this.#dirty;
    this.#dirty = this.#flushed;
    this.#flushed = outboxes;
    for (const outbox of outboxes) {
      outbox.dirty = false;
      outbox.flush();
    }
    outboxes.length = 0;
  };

  readonly #onLeave = (connection: Connection): void => {
    this.#connections[connection.number] = undefined;
    this.#router.disconnect(connection.number);
    this.#sweeping ??= setTimeout(this.#sweep, SWEEP_PAUSE_MS);
  };

  /** Frees what ended connections held, a little at a time, so that nobody's messages wait for it. */
  readonly #sweep = (): void => {
    const more = this.#router.table.sweep(SWEEP_RECORDS);
    this.#sweeping = more ? setTimeout(this.#sweep, SWEEP_PAUSE_MS) : undefined;
    if (!more && this.#router.table.connectionCount === 0) {
      clearInterval(this.#ticking);
      this.#ticking = undefined;
    }
  };

  readonly #onEnd = (connection: Connection, reason: CloseReason, detail: string): void => {
    const { outbox } = connection;
    this.counters.close(reason);
    this.counters.droppedFrames += outbox.droppedFrames;
    this.counters.droppedBytes += outbox.droppedBytes;
    // A stream that broke ends its writes by itself.
    const broke = reason === "reset" || reason === "timed_out" || reason === "broken";
    if (!broke && outbox.busy && !connection.transport.closeEndsWrites) this.counters.zombies++;
    const asked = reason === "peer_closed" || reason === "shutdown";
    this.#log(asked ? "info" : "warning", "connection closed", {
      reason,
      ...(detail === "" ? {} : { detail }),
      address: connection.transport.address,
      seconds: Math.round((this.#now() - connection.openedAt) / 100) / 10,
      frames_in: connection.framesIn,
      bytes_in: connection.bytesIn,
      frames_out: outbox.sentFrames,
      bytes_out: outbox.sentBytes,
      dropped_frames: outbox.droppedFrames,
    });
  };

  #say(connection: Connection, command: number, notes: number): void {
    const fields = { address: connection.transport.address, command: commandName(command) };
    if ((notes & NOTE.UNKNOWN_COMMAND) !== 0 && !connection.saidUnknown) {
      connection.saidUnknown = true;
      const number = connection.decoder.view.getUint8(connection.decoder.start + 8);
      this.#log("warning", "unknown command skipped", { ...fields, number });
    }
    if ((notes & NOTE.TOO_LARGE) !== 0) {
      this.#log("warning", "message too large for servers to read back, not forwarded", fields);
    }
    if ((notes & NOTE.POISON) !== 0) {
      this.#log("warning", "message on which servers end their process, not forwarded", fields);
    }
    if ((notes & NOTE.OTHER_GENERATION) !== 0) {
      this.#log("warning", "server speaks the other generation", {
        ...fields,
        setting: "generation",
      });
    }
  }
}

async function both(turn: Promise<void>, pause: Promise<void>): Promise<void> {
  await turn;
  await pause;
}

/** Waits for what the connections do, but for those that are left out. */
async function allBut(
  leftOut: ReadonlySet<Connection>,
  doing: ReadonlyMap<Connection, Promise<void>>,
): Promise<void> {
  await Promise.all(
    [...doing].filter(([each]) => !leftOut.has(each)).map(([, promise]) => promise),
  );
}

/** Waits for something, but not longer than that. */
async function within(ms: number, something: Promise<unknown>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([something, promise]);
  clearTimeout(timer);
}
