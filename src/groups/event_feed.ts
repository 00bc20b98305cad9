/**
 * Hears the changes of groups that are published in Redis, and can ask for the latest. Two connections, since one that subscribes
 * may ask nothing: the feed is there while both are, and when one ends both are dialled anew, with a pause that doubles.
 *
 * A subscription that has silently died is found by a PING.
 *
 * @module
 */

import { type Redis, ReplyError } from "ioredis";
import { type Clock, systemClock } from "../clock.ts";
import {
  makeClient,
  makeSubscriber,
  reasonOf,
  REDIS_TIMES,
  type RedisClient,
  type RedisTimes,
} from "../redis/redis_client.ts";
import type { RedisSettings } from "../redis/redis_settings.ts";
import { GROUP_CHANNELS, parseLatestAction } from "./group_event.ts";

/** What a feed tells. */
export interface EventListener {
  /** From now on events are heard. */
  readonly onSubscribed: () => void;
  /** Something was published. */
  readonly onEvent: (channel: string, payload: string) => void;
  /** Events are heard no more; called again for each dial that fails. */
  readonly onLost: (why: string) => void;
}

/** Settings of a feed. */
export interface EventFeedOptions {
  /** Bounds of dials and commands. */
  readonly times?: RedisTimes;
  /** Time between two PINGs, in milliseconds; 10,000 by default. */
  readonly pingMs?: number;
  /** Measures pauses. */
  readonly clock?: Clock;
}

/** The key whose value is the latest action. */
const LATEST_KEY = "groups_actions";
const PING_MS = 10_000;
/** Pause before a dial. */
const PAUSE_MS = { first: 250, max: 60_000 };
/** A subscription that stood for so long makes the next pause the first again, in milliseconds. */
const STEADY_MS = 10_000;

/** The events of groups in Redis. */
export class EventFeed {
  readonly #settings: RedisSettings;
  readonly #times: RedisTimes;
  readonly #pingMs: number;
  readonly #clock: Clock;
  readonly #listener: EventListener;
  /** The connections, from the first dial on. */
  #line: Line | undefined;
  #isClosed = false;
  #ended: Promise<void> | undefined;
  /** Ends the pause under way. */
  #wake = (): void => {};

  /**
   * Makes a feed.
   *
   * @param settings where Redis is
   * @param listener what is told
   * @param options bounds
   */
  constructor(settings: RedisSettings, listener: EventListener, options: EventFeedOptions = {}) {
    this.#settings = settings;
    this.#listener = listener;
    this.#times = options.times ?? REDIS_TIMES;
    this.#pingMs = options.pingMs ?? PING_MS;
    this.#clock = options.clock ?? systemClock;
  }

  /** Begins to dial. */
  start(): void {
    this.#ended ??= this.#run();
  }

  /**
   * Asks for the latest action.
   *
   * @returns 0 when there never was one
   * @throws {Error} when Redis is away, does not answer in time, or holds something else there
   */
  async latestAction(): Promise<bigint> {
    const line = this.#line;
    if (!line?.isReady) throw new Error("no connection to redis");
    const action = parseLatestAction(await line.latest());
    if (action === undefined) {
      throw new Error(`${LATEST_KEY} is not two whole numbers with a colon`);
    }
    return action;
  }

  /** Ends it; nothing is told any more. May be called twice. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#line?.close();
    this.#wake();
    await this.#ended;
  }

  async #run(): Promise<void> {
    for (let attempt = 0, turn = 0; !this.#isClosed; attempt++, turn++) {
      const { why, stoodMs } = await this.#serve(turn);
      if (this.#isClosed) return;
      this.#listener.onLost(why);
      if (stoodMs >= STEADY_MS) attempt = 0;
      await this.#pause(Math.min(PAUSE_MS.first * 2 ** Math.min(attempt, 16), PAUSE_MS.max));
    }
  }

  /** Dials, and hears what is published until a connection ends. */
  async #serve(turn: number): Promise<{ why: string; stoodMs: number }> {
    let subscribedAt: number | undefined;
    let line: Line | undefined;
    let why = "";
    try {
      line = new Line(this.#settings, this.#times, turn, () => {
        if (this.#line === line) this.#wake(); // else it is the pause before the next dial
      });
      this.#line = line;
      await line.subscribe(this.#listener.onEvent);
      if (!this.#isClosed) {
        subscribedAt = this.#clock.now();
        this.#listener.onSubscribed();
        await this.#watch(line);
      }
    } catch (error) {
      why = reasonOf(error, this.#settings);
    }
    this.#line = undefined;
    line?.close();
    const stoodMs = subscribedAt === undefined ? 0 : this.#clock.now() - subscribedAt;
    return { why: line?.lastError || why || "the connection was closed", stoodMs };
  }

  /** PINGs until there is no answer. */
  async #watch(line: Line): Promise<void> {
    while (!line.hasEnded && !this.#isClosed) {
      await this.#pause(this.#pingMs);
      if (!line.hasEnded && !this.#isClosed) await line.ping();
    }
  }

  /** Waits, until it is woken at most. */
  async #pause(ms: number): Promise<void> {
    if (this.#isClosed) return; // by the listener, just now: nobody would wake it
    const { promise, resolve } = Promise.withResolvers<void>();
    const takeBack = this.#clock.after(ms, resolve);
    this.#wake = resolve;
    await promise;
    takeBack();
  }
}

/** A dial may take so many times as long as one of its steps. */
const DIAL_STEPS = 4;

/** Two connections that live and end together. */
class Line {
  /** Whether events are heard. */
  isReady = false;
  /** Whether one of them has ended. */
  hasEnded = false;
  /** Why, as far as the client knows. */
  lastError = "";
  readonly #subscriber: Redis;
  readonly #commands: RedisClient;
  readonly #database: number;
  readonly #dialMs: number;
  /** Rejects when the line ends while it is dialled: a client of a cluster that is down never says so itself. */
  readonly #ended = Promise.withResolvers<never>();

  constructor(settings: RedisSettings, times: RedisTimes, turn: number, onEnd: () => void) {
    this.#dialMs = times.dialMs * DIAL_STEPS;
    this.#ended.promise.catch(() => {}); // after the dial nobody waits for it
    this.#database = settings.target.kind === "cluster" ? 0 : settings.database;
    this.#subscriber = makeSubscriber(settings, times, turn);
    this.#commands = makeClient(settings, times, "once");
    for (const client of [this.#subscriber, this.#commands]) {
      client.on("error", (error: Error) => this.lastError ||= reasonOf(error, settings));
      for (const event of ["close", "end"]) {
        client.on(event, () => {
          this.hasEnded = true;
          this.#ended.reject(new Error("the connection was closed"));
          onEnd();
        });
      }
    }
  }

  async subscribe(onEvent: (channel: string, payload: string) => void): Promise<void> {
    const timer = setTimeout(
      () => this.#ended.reject(new Error(`redis was not ready in ${this.#dialMs} ms`)),
      this.#dialMs,
    );
    try {
      // One by one: when TLS fails both would fail, and a socket that is closed during its handshake stays open for ever.
      for (const client of [this.#subscriber, this.#commands]) {
        if (this.hasEnded) await this.#ended.promise;
        const connected = client.connect();
        connected.catch(() => {}); // it may end after the race
        await Promise.race([connected, this.#ended.promise]);
      }
    } finally {
      clearTimeout(timer);
    }
    if (this.#database !== 0) await (this.#commands as Redis).select(this.#database);
    this.#subscriber.on("message", onEvent);
    await this.#subscriber.subscribe(...GROUP_CHANNELS);
    this.isReady = true;
  }

  async latest(): Promise<string | null> {
    try {
      return await this.#commands.get(LATEST_KEY);
    } catch (error) {
      if (!(error instanceof ReplyError)) this.close(); // no answer: the connection is of no use
      throw error;
    }
  }

  async ping(): Promise<void> {
    await this.#subscriber.ping();
  }

  close(): void {
    this.hasEnded = true;
    this.#ended.reject(new Error("closed"));
    this.#subscriber.removeAllListeners("message"); // more of them may have arrived already
    this.#subscriber.disconnect();
    this.#commands.disconnect();
  }
}
