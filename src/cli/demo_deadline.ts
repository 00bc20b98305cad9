/**
 * The patience of the demo: how long a step may take, and what is said when it takes longer.
 *
 * @module
 */

/** A step did not come out as it should; the message is for the reader of the demo. */
export class StepFailed extends Error {
  /** Tells it from errors that are not for the reader. */
  override readonly name = "StepFailed";
}

/** Bounds what the demo waits for. */
export class DemoDeadline {
  readonly #stepMs: number;
  readonly #signal: AbortSignal | undefined;

  /**
   * Sets the bounds.
   *
   * @param stepMs the longest wait, in milliseconds
   * @param signal ends every wait
   */
  constructor(stepMs: number, signal: AbortSignal | undefined) {
    this.#stepMs = stepMs;
    this.#signal = signal;
  }

  /**
   * Waits for something.
   *
   * @param start begins what is waited for, which has to end when its signal fires
   * @param complaint what did not happen, without the time and the full stop
   * @returns what came of it
   * @throws {StepFailed} when it takes too long, or the demo is ended
   */
  async within<T>(start: (signal: AbortSignal) => Promise<T>, complaint: string): Promise<T> {
    if (this.#signal?.aborted) throw new StepFailed("The demo was ended.");
    const stop = new AbortController();
    const late = Promise.withResolvers<never>();
    const fail = (message: string) => {
      late.reject(new StepFailed(message));
      stop.abort();
    };
    const timer = setTimeout(
      () => fail(`${complaint} within ${this.#stepMs / 1000} s.`),
      this.#stepMs,
    );
    const onAbort = () => fail("The demo was ended.");
    this.#signal?.addEventListener("abort", onAbort);
    try {
      return await Promise.race([start(stop.signal), late.promise]);
    } finally {
      clearTimeout(timer);
      this.#signal?.removeEventListener("abort", onAbort);
    }
  }
}
