/**
 * Bytes that several queues may hold together, and a way to slow down whoever fills them.
 *
 * @module
 */

/** A bound, and how much of it is used. */
export class ByteBudget {
  /** When something was last given back, on the clock. */
  progressAt: number = -Infinity;
  readonly #now: () => number;
  #used = 0;
  #room: PromiseWithResolvers<void> | undefined;

  /**
   * Makes a budget of which nothing is used.
   *
   * @param max the bound, in bytes
   * @param now milliseconds on a clock that never goes back
   */
  constructor(readonly max: number, now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Bytes in use. */
  get used(): number {
    return this.#used;
  }

  /** Whether more than half of it is used. */
  get isCrowded(): boolean {
    return this.#used * 2 > this.max;
  }

  /** Whether so many bytes more stay within the bound. */
  fits(bytes: number): boolean {
    return this.#used + bytes <= this.max;
  }

  /** Uses bytes; who does has asked whether they fit. */
  take(bytes: number): void {
    this.#used += bytes;
  }

  /** Gives bytes back. */
  give(bytes: number): void {
    this.#used -= bytes;
    this.progressAt = this.#now();
    if (this.isCrowded) return;
    this.#room?.resolve();
    this.#room = undefined;
  }

  /** Settles when it is crowded no more. */
  async ready(): Promise<void> {
    if (!this.isCrowded) return;
    this.#room ??= Promise.withResolvers();
    await this.#room.promise;
  }
}
