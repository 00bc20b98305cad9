/**
 * How long the event loop keeps others waiting, seen by a timer of its own that comes late. A stall of some milliseconds
 * is met by chance, one that is longer than the interval always, though it may seem shorter by up to that interval.
 *
 * A tick costs about 0.05 ms, and timers are whole milliseconds: what is under 2 ms means nothing.
 *
 * @module
 */

/** Time between two looks, in milliseconds. */
const INTERVAL_MS = 50;
/** The greatest delay is of the current and the last such window. */
const WINDOW_MS = 30_000;

/** Watches the event loop from its start to its stop. */
export class EventLoopWatch {
  readonly #onDelay: (seconds: number) => void;
  readonly #now: () => number;
  #timer: number | undefined;
  #dueAt = 0;
  #windowBegan = 0;
  #maxSeconds = 0;
  #lastMaxSeconds = 0;

  /**
   * Makes a watch that does not run.
   *
   * @param onDelay told each delay
   * @param now milliseconds on a clock that never goes back
   */
  constructor(onDelay: (seconds: number) => void, now: () => number = () => performance.now()) {
    this.#onDelay = onDelay;
    this.#now = now;
  }

  /** The greatest delay of the last 30 to 60 s, in seconds. */
  get maxSeconds(): number {
    return Math.max(this.#maxSeconds, this.#lastMaxSeconds);
  }

  /** Begins to watch. Does not keep the process alive. */
  start(): void {
    this.#windowBegan = this.#now();
    this.#plan();
  }

  /** Ends the watch. May be called twice. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  #plan(): void {
    this.#dueAt = this.#now() + INTERVAL_MS;
    this.#timer = setTimeout(this.#look, INTERVAL_MS);
    Deno.unrefTimer(this.#timer);
  }

  readonly #look = (): void => {
    const now = this.#now();
    const seconds = Math.max(0, now - this.#dueAt) / 1_000;
    if (now - this.#windowBegan >= WINDOW_MS) {
      this.#windowBegan = now;
      this.#lastMaxSeconds = this.#maxSeconds;
      this.#maxSeconds = 0;
    }
    this.#maxSeconds = Math.max(this.#maxSeconds, seconds);
    this.#onDelay(seconds);
    this.#plan();
  };
}
