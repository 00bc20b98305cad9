/**
 * Turns at something costly: a few at a time, the others in line, and a line that is not endless.
 *
 * @module
 */

import { RequestError } from "./answer.ts";

/** Bounds of {@linkcode Turns}. */
export interface TurnLimits {
  /** Turns at the same time. */
  readonly turnsMax: number;
  /** Those who may stand in line. */
  readonly lineMax: number;
  /** How long they stand there at most, in milliseconds. */
  readonly lineMs: number;
}

/** A bounded number of turns, given out in the order in which they were asked for. */
export class Turns {
  readonly #limits: TurnLimits;
  #taken = 0;
  /** Each gives the turn to who waits. */
  readonly #line = new Set<() => void>();

  /**
   * Makes a place where nobody has a turn.
   *
   * @param limits how many
   */
  constructor(limits: TurnLimits) {
    this.#limits = limits;
  }

  /** Turns that are taken. */
  get taken(): number {
    return this.#taken;
  }

  /** How many stand in line. */
  get waiting(): number {
    return this.#line.size;
  }

  /**
   * Waits for a turn.
   *
   * @param signal fires when the client has gone
   * @returns gives the turn back; may be called twice
   * @throws {RequestError} 503 when too many wait, or it took too long
   * @throws the signal's reason when it fires
   */
  async take(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#taken === this.#limits.turnsMax) await this.#wait(signal);
    else this.#taken++;
    if (signal.aborted) this.#next(); // it fired just after the turn had come
    signal.throwIfAborted();
    let given = true;
    return () => {
      if (given) this.#next();
      given = false;
    };
  }

  async #wait(signal: AbortSignal): Promise<void> {
    const { turnsMax, lineMax, lineMs } = this.#limits;
    if (this.#line.size >= lineMax) throw busy(`${turnsMax + lineMax} such requests are under way`);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = () => reject(signal.reason);
    const timer = setTimeout(() => reject(busy(`no turn in ${lineMs} ms`)), lineMs);
    signal.addEventListener("abort", onAbort);
    this.#line.add(resolve);
    try {
      await promise;
    } finally {
      this.#line.delete(resolve);
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    }
  }

  /** Hands a turn on, so that nobody who comes just now overtakes the line. */
  #next(): void {
    const [first] = this.#line;
    if (first === undefined) {
      this.#taken--;
      return;
    }
    this.#line.delete(first);
    first();
  }
}

function busy(why: string): RequestError {
  return new RequestError(503, `too busy: ${why}`, { "retry-after": "5" });
}
