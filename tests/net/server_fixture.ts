/**
 * A server over memory pairs, with a clock that a test moves; everything that it said and every push job are kept.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Log, LogFields, LogLevel } from "../../src/log.ts";
import type { CloseReason, Connection } from "../../src/net/connection.ts";
import type { Pressure } from "../../src/net/pacer.ts";
import { Server, type ServerLimits } from "../../src/net/server.ts";
import type { JobBatch } from "../../src/router/job_batch.ts";
import { Router, type RouterOptions } from "../../src/router/router.ts";
import { im, publish, withSeq } from "../support/wire_frames.ts";
import { MemoryPair, type PairOptions } from "./memory_pair.ts";
import { settle } from "./waiting.ts";

/** One line of the log. */
export interface LogLine {
  readonly level: LogLevel;
  readonly event: string;
  readonly fields: LogFields;
}

/** How a scene differs from a server with the limits that it has by default. */
export interface SceneOptions {
  readonly limits?: Partial<ServerLimits>;
  readonly router?: Partial<RouterOptions>;
  /** For what cannot be seen on a held clock. */
  readonly now?: () => number;
}

/** A server, and what came of it. */
export class ServerScene implements AsyncDisposable {
  readonly router: Router;
  readonly server: Server;
  /** The server's clock, in milliseconds. */
  now = 1_000_000;
  readonly lines: LogLine[] = [];
  /** Push jobs, each as "list json". */
  readonly jobs: string[] = [];
  /** What the push jobs ask the server to slow publishers down for. */
  pressure: Pressure | undefined;
  /** Settles for each connection when its `attach` does. */
  readonly runs: Promise<void>[] = [];
  readonly #pairs: MemoryPair[] = [];
  /** Keeps what is said. */
  readonly log: Log = (level, event, fields = {}) => this.lines.push({ level, event, fields });

  constructor(options: SceneOptions = {}) {
    this.router = new Router({ generation: 2, ...options.router });
    this.server = new Server({
      router: this.router,
      push: (jobs) => {
        this.jobs.push(...jobTexts(jobs));
        return this.pressure;
      },
      log: this.log,
      limits: options.limits ?? {},
      now: options.now ?? (() => this.now),
    });
  }

  /** A new connection; it subscribes the users named. */
  connect(options: PairOptions = {}, ...frames: readonly Uint8Array[]): MemoryPair {
    const pair = new MemoryPair(options);
    this.#pairs.push(pair);
    this.runs.push(this.server.attach(pair.transport));
    if (frames.length > 0) pair.send(...frames);
    return pair;
  }

  /** The server's side of a pair. */
  connection(pair: MemoryPair): Connection {
    const found = this.server.connections().find(({ transport }) => transport === pair.transport);
    assert.ok(found !== undefined, `${pair.transport.address} is connected`);
    return found;
  }

  /** Lets time pass, with a tick for each second as the server's own timer gives it. */
  pass(seconds: number): void {
    for (let i = 0; i < seconds; i++) {
      this.now += 1_000;
      this.server.tick();
    }
  }

  /** The fields of each line of an event. */
  said(event: string): LogFields[] {
    return this.lines.filter((line) => line.event === event).map(({ fields }) => fields);
  }

  /** Asserts that a connection ended once, for this reason, and that a log line and the counter say so. */
  checkClosed(pair: MemoryPair, reason: CloseReason, ofThisReason = 1): LogFields {
    assert.ok(pair.closed, "the transport is closed");
    const { address } = pair.transport;
    const said = this.said("connection closed").filter((fields) => fields.address === address);
    assert.equal(said.length, 1, "one line");
    assert.equal(said[0]!.reason, reason);
    assert.equal(this.server.counters.closed.get(reason), ofThisReason, "one count");
    const open = this.server.connections().map(({ transport }) => transport);
    assert.ok(!open.includes(pair.transport));
    return said[0]!;
  }

  /** Breaks what is still connected, and looks whether all of it ends without an error. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const pair of this.#pairs) {
      pair.release();
      pair.resume();
      pair.break();
    }
    await Promise.all(this.runs);
    await settle();
    await this.server.stop(0, 0);
  }
}

/** The jobs of a batch, each as "list json". */
export function jobTexts(jobs: JobBatch): string[] {
  const utf8 = new TextDecoder("utf-8", { fatal: true });
  return Array.from(
    { length: jobs.count },
    (_, i) => `${jobs.list(i)} ${utf8.decode(jobs.text(i))}`,
  );
}

/** A message that servers of generation 2 forward: PUBLISH to a user, with a text. */
export function message(receiver: bigint, text: string | Uint8Array): Uint8Array {
  return publish(receiver, im({ receiver, flag: 0x10, content: text }));
}

/** The same frames under seq 1, 2, 3 … as a real server counts them. */
export function counted(frames: readonly Uint8Array[], first = 1): Uint8Array[] {
  return frames.map((frame, i) => withSeq(frame, first + i));
}

/** The texts of the messages that a peer got. */
export function textsOf(pair: MemoryPair): string[] {
  return pair.frames().map(({ body }) => textOf(body));
}

/** The text of a route message's body that {@linkcode message} made. */
export function textOf(body: Uint8Array): string {
  return new TextDecoder().decode(body.subarray(42 + 12 + 24));
}
