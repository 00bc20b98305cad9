/**
 * Bytes that several queues may hold together.
 *
 * @module
 */

/** A bound, and how much of it is used. */
export class ByteBudget {
  /** Bytes in use; whoever queues counts them up and down. */
  used = 0;

  /**
   * Makes a budget of which nothing is used.
   *
   * @param max the bound, in bytes
   */
  constructor(readonly max: number) {}

  /** Whether so many bytes more stay within the bound. */
  fits(bytes: number): boolean {
    return this.used + bytes <= this.max;
  }
}
