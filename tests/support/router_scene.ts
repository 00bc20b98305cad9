// A router with named connections, and tables of rules: a state, one frame, and what the router answers to it.
import assert from "node:assert/strict";
import { ProtocolError, type ProtocolReason } from "../../src/wire/protocol_error.ts";
import type { Outcome } from "../../src/router/outcome.ts";
import { Router, type RouterOptions } from "../../src/router/router.ts";
import { subscribe, subscribeRoom, unsubscribe, unsubscribeRoom } from "./wire_frames.ts";
import { shifted, toHex } from "./wire_hex.ts";

/** What the router answered to one frame. */
export interface Answer {
  /** Names of the connections that get a copy, sorted, with blanks between. */
  readonly to: string;
  /** The body that they get, in hex. */
  readonly forwarded: string;
  /** New push jobs, each as "list json". */
  readonly jobs: readonly string[];
  /** Bits of NOTE. */
  readonly notes: number;
}

const STEP =
  /^(?<name>[a-z])(?:(?<un>!?)(?<kind>[:#])(?:(?<app>-?\d+)\/)?(?<id>-?\d+)(?<off>-?))?(?<end>\.?)$/;

/** A router, and connections of one letter each. */
export class Scene {
  readonly router: Router;
  readonly #numbers = new Map<string, number>();
  readonly #utf8 = new TextDecoder("utf-8", { fatal: true });

  /**
   * Plays steps with blanks between: `b` connects; `b:2` SUBSCRIBEs user 2, `b:2-` with online 0, `b:8/2` in app 8;
   * `b!:2` UNSUBSCRIBEs; `b#5` and `b!#5` are the same for rooms; `b.` disconnects.
   */
  constructor(options: RouterOptions, steps = "") {
    this.router = new Router(options);
    this.play(steps);
  }

  play(steps: string): void {
    for (const step of steps.split(" ").filter((step) => step !== "")) this.#step(step);
  }

  #step(step: string): void {
    const parts = STEP.exec(step)?.groups;
    if (parts === undefined) throw new Error(`not a step: ${step}`);
    const name = parts.name!;
    const connection = this.#connection(name);
    if (parts.id !== undefined) {
      const id = BigInt(parts.id);
      const app = BigInt(parts.app ?? 7);
      const room = parts.kind === "#";
      const frame = parts.un === "!"
        ? (room ? unsubscribeRoom : unsubscribe)(id, app)
        : room
        ? subscribeRoom(id, app)
        : subscribe(id, parts.off === "-" ? 0 : 1, app);
      const answer = this.send(name, frame);
      assert.deepEqual({ to: answer.to, jobs: answer.jobs, notes: answer.notes }, {
        to: "",
        jobs: [],
        notes: 0,
      }, `${step} is answered with nothing`);
    }
    if (parts.end === ".") {
      this.router.disconnect(connection);
      this.#numbers.delete(name);
    }
  }

  #connection(name: string): number {
    let number = this.#numbers.get(name);
    if (number === undefined) this.#numbers.set(name, number = this.router.connect());
    return number;
  }

  /** Hands the router a frame that lies in the midst of a larger buffer. */
  send(name: string, frame: Uint8Array): Answer {
    const connection = this.#connection(name);
    const part = shifted(frame, 5);
    const bytes = new Uint8Array(part.buffer);
    const view = new DataView(part.buffer);
    const start = part.byteOffset;
    const jobsBefore = this.router.jobs.count;
    const outcome = this.router.receive(connection, bytes, view, start, start + part.length);
    assert.equal(toHex(part), toHex(frame), "the frame is left as it came");
    const to = this.#names(outcome);
    assert.ok(!to.includes(name), "a connection never gets back what it published itself");
    return {
      to: to.join(" "),
      forwarded: to.length === 0 ? "" : toHex(bytes.subarray(start + 12, outcome.bodyEnd)),
      jobs: this.jobs().slice(jobsBefore),
      notes: outcome.notes,
    };
  }

  /** All jobs so far, each as "list json". */
  jobs(): string[] {
    const batch = this.router.jobs;
    return Array.from(
      { length: batch.count },
      (_, i) => `${batch.list(i)} ${this.#utf8.decode(batch.text(i))}`,
    );
  }

  /** Asserts that a frame closes its connection, and that nothing else comes of it. */
  sendBad(name: string, frame: Uint8Array, reason: ProtocolReason): void {
    this.#connection(name);
    const before = this.#state();
    assert.throws(
      () => this.send(name, frame),
      (error) => error instanceof ProtocolError && error.reason === reason,
      `${toHex(frame.subarray(0, 80))} is refused as ${reason}`,
    );
    assert.deepEqual(this.#state(), before, "nothing was done");
  }

  #names(outcome: Outcome): string[] {
    const names = new Map([...this.#numbers].map(([name, number]) => [number, name]));
    const targets = [...outcome.targets.subarray(0, outcome.targetCount)];
    return targets.map((target) => names.get(target) ?? `unknown ${target}`).sort();
  }

  #state(): number[] {
    const { table, jobs } = this.router;
    return [
      jobs.count,
      table.connectionCount,
      table.users.subscriptions,
      table.rooms.subscriptions,
    ];
  }
}

/** One rule: in this state, connection `a` sends this frame, and this comes of it. */
export interface Rule {
  /** The rule in plain words; the end of the test's title. */
  readonly rule: string;
  /** Steps of a {@linkcode Scene}; left out: only `a` is connected. */
  readonly state?: string;
  readonly frame: Uint8Array;
  /** Who gets a copy; left out: nobody. */
  readonly to?: string;
  /** The body that they get; left out: that of the frame. */
  readonly forwarded?: Uint8Array;
  /** Push jobs; left out: none. */
  readonly jobs?: readonly string[];
  /** Bits of NOTE; left out: 0. */
  readonly notes?: number;
  /** Why the frame closes its connection; nothing else may come of it then. */
  readonly closes?: ProtocolReason;
  /** Options other than the table's. */
  readonly options?: Partial<RouterOptions>;
}

/** Makes a test of each rule. */
export function testRules(symbol: string, options: RouterOptions, rules: readonly Rule[]): void {
  for (const rule of rules) {
    Deno.test(`${symbol}: ${rule.rule}`, () => {
      const scene = new Scene({ ...options, ...rule.options }, `a ${rule.state ?? ""}`);
      if (rule.closes !== undefined) {
        scene.sendBad("a", rule.frame, rule.closes);
        return;
      }
      const to = rule.to ?? "";
      const body = rule.forwarded ?? rule.frame.subarray(12);
      assert.deepEqual(scene.send("a", rule.frame), {
        to,
        forwarded: to === "" ? "" : toHex(body),
        jobs: rule.jobs ?? [],
        notes: rule.notes ?? 0,
      });
    });
  }
}
