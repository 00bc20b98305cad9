/**
 * The changes of groups that were heard since a load began: they have to be played to the table that it brings, which may have been read
 * before or after each of them.
 *
 * Playing one that the table has already is harmless, as all that followed it are played too: what counts for a group or a member
 * is the last event about it.
 *
 * @module
 */

import type { GroupTable } from "../router/group_table.ts";
import { applyGroupEvent, type GroupEvent } from "./group_event.ts";

/** Events that are kept; about 200 bytes each. */
export const KEPT_EVENTS_MAX = 200_000;

/** Events in the order in which they were heard, up to a bound. */
export class KeptEvents {
  readonly #max: number;
  #events: GroupEvent[] = [];
  #isOverflown = false;
  #played = 0;

  /** Makes it empty. */
  constructor(max: number = KEPT_EVENTS_MAX) {
    this.#max = max;
  }

  /** Whether there were too many; none is left then. */
  get isOverflown(): boolean {
    return this.#isOverflown;
  }

  /** The last action; undefined when there is none. */
  get lastAction(): bigint | undefined {
    return this.#events.at(-1)?.action;
  }

  /** Keeps an event. */
  add(event: GroupEvent): void {
    if (this.#isOverflown) return;
    this.#events.push(event);
    if (this.#events.length <= this.#max) return;
    this.#isOverflown = true;
    this.#events = [];
  }

  /**
   * Plays events to a table, each once.
   *
   * @param table the new table
   * @param max how many at most
   * @returns whether there are more
   */
  play(table: GroupTable, max: number): boolean {
    if (this.#isOverflown) return false;
    const end = Math.min(this.#events.length, this.#played + max);
    while (this.#played < end) applyGroupEvent(table, this.#events[this.#played++]!);
    return end < this.#events.length;
  }

  /**
   * Whether these are all events after an action; some of before it may be among them, but then without a gap: one of those that was
   * played undoes what came behind it and was missed, although the new table had that.
   *
   * @param before the action; undefined when it is not known
   */
  follow(before: bigint | undefined): boolean {
    if (before === undefined || this.#isOverflown) return false;
    let isAmong = this.#events.length === 0 || this.#events[0]!.previous === before;
    let last = this.#events[0]?.previous;
    for (const { previous, action } of this.#events) {
      if (previous !== last) return false;
      last = action;
      isAmong ||= action === before;
    }
    return isAmong;
  }
}
