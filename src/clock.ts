/**
 * Time as the parts see it that wait and retry, so that tests hold it in their hands.
 *
 * @module
 */

/** A clock with timers. */
export interface Clock {
  /** Whole milliseconds since 1970 that never go back while the process lives. */
  now(): number;

  /**
   * Makes one call later.
   *
   * @param ms how much later, in milliseconds
   * @param call what to call; it must not throw
   * @returns takes the call back; does nothing after it was made
   */
  after(ms: number, call: () => void): () => void;
}

/** The clock of the process: started at the wall clock's time, then steady whatever that is set to. */
export const systemClock: Clock = {
  now: () => Math.floor(performance.timeOrigin + performance.now()),
  after: (ms, call) => {
    const timer = setTimeout(call, ms);
    return () => clearTimeout(timer);
  },
};
