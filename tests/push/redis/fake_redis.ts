/**
 * Redis as one push list sees it, in memory and in a test's hand: it takes appends by the rule of the script, and fails in every way
 * in which a server, a network and a fail-over can.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  type AppendOrder,
  type AppendReply,
  RedisError,
  type RedisLists,
} from "../../../src/push/redis/redis_lists.ts";
import { textsOf } from "../fixtures.ts";

/** What becomes of an append. */
export type Fault =
  /** It is done and answered. */
  | "none"
  /** It never arrives, and times out. */
  | "unapplied"
  /** It is done; the answer is lost. */
  | "applied"
  /** It times out and is done later, when the test says so. */
  | "late"
  /** The server refuses it. */
  | "refused"
  /** It is done and answered when the test says so. */
  | "slow";

interface State {
  readonly items: readonly string[];
  readonly marks: ReadonlyMap<string, number>;
}

/** A fake server with one list. */
export class FakeRedis {
  /** Faults of the appends to come; none when it is empty. */
  readonly faults: Fault[] = [];
  /** Which life this is. */
  life = 1;
  isUp = true;
  #state: State = { items: [], marks: new Map() };
  readonly #history: State[] = [];
  /** As references: a sender that changes its memory too early sends something else. */
  #late: AppendOrder[] = [];
  #slow: (() => void)[] = [];
  readonly #lines = new Set<FakeLine>();

  /** What the list holds. */
  get items(): readonly string[] {
    return this.#state.items;
  }

  /** A new process's line to it. */
  connect(): FakeLine {
    const line = new FakeLine(this);
    this.#lines.add(line);
    return line;
  }

  /** The process is gone: whatever it still does has no effect. */
  forget(line: FakeLine): void {
    line.isDead = true;
    this.#lines.delete(line);
  }

  down(): void {
    if (!this.isUp) return;
    this.isUp = false;
    for (const line of this.#lines) line.onLost?.("down");
  }

  up(): void {
    if (this.isUp) return;
    this.isUp = true;
    for (const line of this.#lines) line.onReady?.();
  }

  /** A replica takes over that lacks the last appends. Returns the jobs that went with them. */
  failOver(lost: number): string[] {
    const before = this.#state.items;
    for (let i = 0; i < lost && this.#history.length > 0; i++) this.#state = this.#history.pop()!;
    this.life++;
    this.#late = []; // their connections were to the other server
    this.down();
    this.up();
    return before.slice(this.#state.items.length);
  }

  /** Somebody empties the server. Returns what the list held. */
  flush(): readonly string[] {
    const { items } = this.#state;
    this.#state = { items: [], marks: new Map() };
    this.#history.length = 0;
    return items;
  }

  /** One append arrives after its sender has given up. */
  applyLate(): void {
    const order = this.#late.shift();
    if (order !== undefined) this.apply(order);
  }

  /** Answers the appends that are slow. */
  answer(): void {
    for (const resolve of this.#slow.splice(0)) resolve();
  }

  append(order: AppendOrder): Promise<AppendReply> {
    if (!this.isUp) return Promise.reject(new RedisError("unreachable", "", "down"));
    switch (this.faults.shift() ?? "none") {
      case "none":
        return Promise.resolve(this.apply(order));
      case "unapplied":
        return Promise.reject(new RedisError("timed_out", "", "no answer"));
      case "applied":
        this.apply(order);
        return Promise.reject(new RedisError("timed_out", "", "no answer"));
      case "late":
        this.#late.push(order);
        return Promise.reject(new RedisError("timed_out", "", "no answer"));
      case "refused":
        return Promise.reject(new RedisError("refused", "OOM", "OOM out of memory"));
      case "slow": {
        return new Promise((resolve) => this.#slow.push(() => resolve(this.apply(order))));
      }
    }
  }

  /** The rule of the script. */
  apply({ writer, after, first, batch }: AppendOrder): AppendReply {
    const texts = textsOf(batch);
    const { items, marks } = this.#state;
    const watermark = marks.get(writer);
    if ((watermark ?? 0) < after) return { kind: "gap", watermark };
    const last = first + texts.length - 1;
    const skipped = Math.min(texts.length, Math.max(0, (watermark ?? 0) - first + 1));
    this.#history.push(this.#state);
    this.#state = {
      items: [...items, ...texts.slice(skipped)],
      marks: new Map(marks).set(writer, Math.max(watermark ?? 0, last)),
    };
    return { kind: "written", skipped };
  }
}

/** One process's line to a fake server. */
export class FakeLine implements RedisLists {
  onReady: (() => void) | undefined;
  onLost: ((why: string) => void) | undefined;
  isDead = false;
  readonly #redis: FakeRedis;
  #flying = 0;

  constructor(redis: FakeRedis) {
    this.#redis = redis;
  }

  get isReady(): boolean {
    return this.#redis.isUp && !this.isDead;
  }

  get incarnation(): string {
    return String(this.#redis.life);
  }

  async append(order: AppendOrder): Promise<AppendReply> {
    if (this.isDead) return await new Promise(() => {});
    assert.equal(this.#flying++, 0, "one append at a time");
    try {
      return await this.#redis.append(order);
    } finally {
      this.#flying--;
    }
  }

  lengths(): Promise<(number | undefined)[]> {
    return Promise.resolve([this.#redis.items.length, 0, 0, 0, 0]);
  }

  close(): void {}
}
