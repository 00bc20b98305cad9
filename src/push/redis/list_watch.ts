/**
 * How long the Redis lists are, and how long nobody has taken anything from them: a push worker that is dead is the commonest
 * outage, and the router is the first that can see it.
 *
 * A list from which workers take as much as we add does not get shorter, so what we added meanwhile is reckoned with. What other
 * routers add is not known; with several, a busy list may look as if nobody took from it.
 *
 * @module
 */

import { PUSH_LISTS } from "../../router/push_list.ts";

/** What was written to a list so far. */
export interface Written {
  /** Jobs that Redis has acknowledged. */
  readonly written: number;
  /** Jobs that are under way to it. */
  readonly flying: number;
}

/** The lists as they were last seen. */
export class ListWatch {
  /** Jobs in each list; undefined where that is not known. */
  readonly lengths: (number | undefined)[] = PUSH_LISTS.map(() => undefined);
  /** When each list was last seen to lose a job, or to hold none. */
  readonly #takenAt: number[];
  /** The most that can have been written to each when its length was read. */
  readonly #writtenMost: number[] = PUSH_LISTS.map(() => 0);

  /**
   * Begins to watch.
   *
   * @param now milliseconds on a clock that never goes back
   */
  constructor(now: number) {
    this.#takenAt = PUSH_LISTS.map(() => now);
  }

  /**
   * Takes in new lengths.
   *
   * @param lengths of each list, undefined for one that is none
   * @param asked what was written when they were asked for
   * @param answered what was written when they came
   * @param now the same clock
   */
  see(
    lengths: readonly (number | undefined)[],
    asked: readonly Written[],
    answered: readonly Written[],
    now: number,
  ): void {
    lengths.forEach((length, list) => {
      const before = this.lengths[list];
      const added = Math.max(0, asked[list]!.written - this.#writtenMost[list]!);
      const isTaken = before === undefined || length === undefined || length < before + added;
      if (isTaken || length === 0) this.#takenAt[list] = now;
      this.lengths[list] = length;
      const { written, flying } = answered[list]!;
      this.#writtenMost[list] = written + flying;
    });
  }

  /** Milliseconds in which nobody was seen to take from a list that holds jobs; 0 for one that is empty or not known. */
  untakenMs(list: number, now: number): number {
    return this.lengths[list] ? Math.max(0, now - this.#takenAt[list]!) : 0;
  }
}
