/**
 * Keeps a table of groups true: loads it, changes it as events say, notices when it missed one, and loads it again.
 *
 * Every event names the one before it. So the keeper holds the id of the last action that is in the table; an event that follows
 * another one, or a latest action in Redis that never came, says that something was missed. The table is stale then: still used, since
 * most of it is right, and loaded anew as soon as that may be.
 *
 * A load takes seconds, and events go on meanwhile. They change the table in use at once, and are kept, to be played to the new
 * table before it takes the old one's place in one step.
 *
 * @module
 */

import { type Clock, systemClock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { GroupTable } from "../router/group_table.ts";
import { applyGroupEvent, parseGroupEvent } from "./group_event.ts";
import type { LoadedGroups } from "./group_loader.ts";
import { KeptEvents } from "./kept_events.ts";
import { LoadError } from "./load_error.ts";

/** Where whole tables come from. */
export interface GroupSource {
  /** Loads all groups, one load at a time; throws why it cannot, or the signal's reason. */
  load(signal: AbortSignal): Promise<LoadedGroups>;
  /** Gives back the memory of a table that is in use no more. */
  free(table: GroupTable): void;
}

/**
 * Why groups are loaded:
 * - `start`: for the first time
 * - `gap`: an event did not follow the one before it
 * - `missed`: Redis knows a later action than the last one heard
 * - `overflow`: too many events came during a load
 * - `interval`: changes are not heard, so it is done every now and then
 * - `retry`: again, after a load that failed
 */
export const LOAD_CAUSES = ["start", "gap", "missed", "overflow", "interval", "retry"] as const;

/** One of {@linkcode LOAD_CAUSES}. */
export type LoadCause = typeof LOAD_CAUSES[number];

/** What a keeper is made of. */
export interface GroupKeeperParts {
  /** The table to keep true. */
  readonly table: GroupTable;
  /** Where whole tables come from. */
  readonly source: GroupSource;
  /** Asks Redis for the latest action; undefined: there are no events, and the table is loaded anew now and then. */
  readonly latestAction: (() => Promise<bigint>) | undefined;
  /** Called when a table has been loaded. */
  readonly onLoaded: () => void;
  /** Where events go. */
  readonly log: Log;
  /** Measures pauses. */
  readonly clock?: Clock;
}

/** Counts of events since the start. */
export interface GroupEventCounts {
  /** Events that changed the table, or would have. */
  applied: number;
  /** Events whose content could not be read; their action counts. */
  unreadable: number;
  /** Payloads that were no events. */
  foreign: number;
  /** Events that did not follow the one before. */
  gaps: number;
}

/** The first load waits so long for Redis, since without its latest action another load has to follow. */
const START_MS = 1_000;
/** Between the beginnings of two loads, in milliseconds. */
const LOAD_SPACING_MS = 1_000;
/** Before a load after one that failed. */
const RETRY_MS = { first: 1_000, max: 10_000 };
/** Between two comparisons with the latest action in Redis. */
const COMPARE_MS = 60_000;
/** Between a comparison that failed and the next. */
const COMPARE_AGAIN_MS = 1_000;
/** An action that Redis knows already may reach us so much later: its writer first sets the key, then publishes. */
const ON_ITS_WAY_MS = 1_000;
/** Between two loads where changes are not heard. */
const INTERVAL_MS = 290_000;
/** Events played to a new table in one go. */
const PLAY_EVENTS = 1_000;
/** A load that fails the same way again is said every so many times. */
const SAY_EVERY = 30;

/** Keeps one table true. */
export class GroupKeeper {
  /** What happened with events. */
  readonly events: GroupEventCounts = { applied: 0, unreadable: 0, foreign: 0, gaps: 0 };
  /** Loads begun, by cause. */
  readonly loads: Map<LoadCause, number> = new Map(LOAD_CAUSES.map((cause) => [cause, 0]));
  /** Loads that failed. */
  failures = 0;
  /** Why the last load failed; undefined when it did not. */
  lastFailure: string | undefined;
  /** When the table in use was loaded, in milliseconds since 1970; undefined while there is none. */
  loadedAt: number | undefined;
  /** How long that took, in milliseconds. */
  loadMs = 0;
  /** The latest action that Redis was heard to know; undefined while that is not known. */
  latest: bigint | undefined;

  readonly #parts: GroupKeeperParts;
  readonly #clock: Clock;
  readonly #stopping = new AbortController();
  /** The last action that is in the table; undefined while that is not known. */
  #held: bigint | undefined;
  #isStale = true;
  #isSubscribed = false;
  /** Changes whenever events begin or cease to be heard. */
  #subscription = 0;
  /** What was heard since the load under way began; undefined when there is none. */
  #kept: KeptEvents | undefined;
  #loading: Promise<void> | undefined;
  #loadBeganAt = -Infinity;
  #failuresInARow = 0;
  #isComparing = false;
  /** Why the latest action could not be read, as was said last. */
  #unanswered: string | undefined;
  /** Actions heard since the comparison under way began. */
  readonly #heard = new Set<bigint>();
  #onHeard = (): void => {};
  #takeBackLoad: (() => void) | undefined;
  #takeBackCompare = (): void => {};
  #takeBackInterval = (): void => {};

  /**
   * Makes a keeper that has not begun.
   *
   * @param parts what it is made of
   */
  constructor(parts: GroupKeeperParts) {
    this.#parts = parts;
    this.#clock = parts.clock ?? systemClock;
  }

  /** Whether the table is known to be wrong, or there is none yet. */
  get isStale(): boolean {
    return this.#isStale;
  }

  /** Whether changes are heard. */
  get isFollowing(): boolean {
    return this.#isSubscribed;
  }

  /** The last action that is in the table; undefined while that is not known. */
  get held(): bigint | undefined {
    return this.#held;
  }

  /** Begins to load, as soon as changes are heard, or a moment later. */
  start(): void {
    const isAlone = this.#parts.latestAction === undefined || this.#isSubscribed;
    this.#loadAfter(isAlone ? 0 : START_MS, "start");
  }

  /** Ends it, and gives up a load under way. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#takeBackLoad?.();
    this.#takeBackCompare();
    this.#takeBackInterval();
    this.#onHeard();
    await this.#loading;
  }

  /** To be called when changes begin to be heard. */
  onSubscribed(): void {
    this.#isSubscribed = true;
    this.#subscription++;
    if (this.#loadBeganAt < 0 && this.#takeBackLoad !== undefined) {
      this.#takeBackLoad();
      this.#loadAfter(0, "start");
    }
    this.#compare();
  }

  /** To be called when they are heard no more. */
  onLost(): void {
    this.#isSubscribed = false;
    this.#subscription++;
    this.#takeBackCompare();
  }

  /** To be called for everything that is published in one of the channels. */
  onEvent(channel: string, payload: string): void {
    const event = parseGroupEvent(channel, payload);
    if (event === undefined) {
      this.events.foreign++;
      return;
    }
    if (event.content === undefined) this.events.unreadable++;
    else this.events.applied++;
    const { table, log } = this.#parts;
    if (table.isLoaded) applyGroupEvent(table, event);
    const held = this.#held;
    this.#hold(event.action);
    this.#kept?.add(event);
    if (held === undefined || event.previous === held) return;
    this.events.gaps++;
    const { previous, action } = event;
    log("warning", "a change of groups was missed", {
      held: String(held),
      previous: String(previous),
      action: String(action),
    });
    this.#isStale = true;
    this.#requestLoad("gap");
  }

  #hold(action: bigint | undefined): void {
    this.#held = action;
    if (!this.#isComparing || action === undefined) return;
    this.#heard.add(action);
    this.#onHeard();
  }

  /** Loads as soon as that may be. While a load is under way or due, that one is meant; one that leaves the table stale is followed by another. */
  #requestLoad(cause: LoadCause): void {
    if (this.#loading !== undefined || this.#takeBackLoad !== undefined) return;
    const spacing = this.#loadBeganAt + LOAD_SPACING_MS - this.#clock.now();
    const pause = this.#failuresInARow === 0
      ? 0
      : Math.min(RETRY_MS.first * 2 ** Math.min(this.#failuresInARow - 1, 16), RETRY_MS.max);
    this.#loadAfter(Math.max(0, spacing, pause), cause);
  }

  #loadAfter(ms: number, cause: LoadCause): void {
    if (this.#stopping.signal.aborted) return;
    this.#takeBackLoad = this.#clock.after(ms, () => {
      this.#takeBackLoad = undefined;
      this.#loading = this.#load(cause);
    });
  }

  async #load(cause: LoadCause): Promise<void> {
    const began = this.#loadBeganAt = this.#clock.now();
    this.loads.set(cause, this.loads.get(cause)! + 1);
    this.#kept = new KeptEvents();
    let next: LoadCause | undefined;
    try {
      const before = await this.#latestAction();
      const loaded = await this.#parts.source.load(this.#stopping.signal);
      next = await this.#adopt(loaded, before, { cause, began });
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      if (!(error instanceof LoadError)) throw error;
      this.#onFailure(error);
      next = "retry";
    } finally {
      this.#kept = undefined;
      this.#loading = undefined;
    }
    if (next !== undefined) this.#requestLoad(next);
    else if (this.#isSubscribed) this.#compare();
    this.#awaitInterval();
  }

  /** The action before the load; undefined when Redis cannot say. */
  async #latestAction(): Promise<bigint | undefined> {
    try {
      return this.latest = await this.#parts.latestAction?.();
    } catch (error) {
      this.#sayUnanswered(error);
      return undefined;
    }
  }

  /** Puts a new table in the place of the old one. Returns why it has to be loaded again, if so. */
  async #adopt(
    { table: fresh, leftOut }: LoadedGroups,
    before: bigint | undefined,
    load: { cause: LoadCause; began: number },
  ): Promise<LoadCause | undefined> {
    const { table, source, log, onLoaded } = this.#parts;
    const kept = this.#kept!;
    while (kept.play(fresh, PLAY_EVENTS)) {
      await new Promise<void>((resolve) => this.#clock.after(1, resolve));
      this.#stopping.signal.throwIfAborted();
    }
    this.#failuresInARow = 0;
    this.lastFailure = undefined;
    if (kept.isOverflown && table.isLoaded) { // the old table has all changes, the new one has not
      source.free(fresh);
      return "overflow";
    }
    table.exchange(fresh);
    this.#kept = undefined;
    const hasRedis = this.#parts.latestAction !== undefined;
    const isWhole = !hasRedis || kept.follow(before);
    this.#isStale = !isWhole;
    if (!kept.isOverflown) this.#hold(kept.lastAction ?? before);
    this.loadedAt = this.#clock.now();
    this.loadMs = this.loadedAt - load.began;
    const { size: groups, memberCount: members } = table;
    const ms = this.loadMs;
    log("info", "groups loaded", { groups, members, ms, cause: load.cause, ...leftOut });
    onLoaded();
    source.free(fresh);
    // Where Redis is away nothing is gained by loading again before it is back.
    return isWhole || before === undefined ? undefined : kept.isOverflown ? "overflow" : "gap";
  }

  #onFailure({ kind, message }: LoadError): void {
    this.failures++;
    const isNew = message !== this.lastFailure;
    this.lastFailure = message;
    if (isNew || this.#failuresInARow % SAY_EVERY === 0) {
      const instead = this.#parts.table.isLoaded ? "the groups of before are used" : "pushes wait";
      this.#parts.log("error", "groups cannot be loaded", { why: kind, error: message, instead });
    }
    this.#failuresInARow++;
  }

  /** Asks Redis whether anything was missed; now, and again after a while. */
  async #compare(): Promise<void> {
    // Before a load and during one nothing can be missed; it is done after the load.
    if (this.#isComparing || this.#loading !== undefined || this.#loadBeganAt < 0) return;
    if (this.#stopping.signal.aborted) return;
    this.#takeBackCompare();
    this.#isComparing = true;
    // A load since then knows better, and so does another subscription.
    const subscription = this.#subscription, loadBeganAt = this.#loadBeganAt;
    const isOutdated = () =>
      subscription !== this.#subscription || loadBeganAt !== this.#loadBeganAt;
    let pause = COMPARE_MS;
    try {
      await this.#lookForMissed(isOutdated);
      this.#unanswered = undefined;
    } catch (error) {
      this.#sayUnanswered(error);
      pause = COMPARE_AGAIN_MS;
    } finally {
      this.#isComparing = false;
      this.#heard.clear();
    }
    if (!this.#isSubscribed || this.#stopping.signal.aborted) return;
    if (isOutdated()) this.#compare(); // not during a load, which ends with one
    else this.#takeBackCompare = this.#clock.after(pause, () => this.#compare());
  }

  async #lookForMissed(isOutdated: () => boolean): Promise<void> {
    if (this.#held !== undefined) this.#heard.add(this.#held);
    const latest = await this.#parts.latestAction!();
    this.latest = latest;
    if (this.#stopping.signal.aborted) return;
    if (!this.#heard.has(latest)) await this.#hears(latest);
    if (isOutdated()) return;
    const isMissed = !this.#heard.has(latest);
    if (isMissed && !this.#isStale) {
      this.#isStale = true;
      const held = String(this.#held);
      this.#parts.log("warning", "changes of groups were missed", { held, latest: String(latest) });
    }
    if (this.#isStale) this.#requestLoad("missed");
  }

  /** Waits for an action to be heard, but not long. */
  async #hears(action: bigint): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const takeBack = this.#clock.after(ON_ITS_WAY_MS, resolve);
    this.#onHeard = () => {
      if (this.#heard.has(action) || this.#stopping.signal.aborted) resolve();
    };
    await promise;
    takeBack();
    this.#onHeard = () => {};
  }

  /** Why the latest action is not known, once; while there is no line, whoever holds that says so. */
  #sayUnanswered(error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    if (!this.#isSubscribed || why === this.#unanswered) return;
    this.#unanswered = why;
    this.#parts.log("warning", "the latest change of groups cannot be read in redis", { why });
  }

  /** Where changes are not heard, or not known to be complete, the groups are loaded now and then. */
  #awaitInterval(): void {
    this.#takeBackInterval();
    if (this.#stopping.signal.aborted) return;
    this.#takeBackInterval = this.#clock.after(INTERVAL_MS, () => {
      if (this.#isSubscribed && !this.#isStale) this.#awaitInterval();
      else this.#requestLoad("interval");
    });
  }
}
