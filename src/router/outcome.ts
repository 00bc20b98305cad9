/**
 * What the router answers to one frame: who gets a copy of it, and what is worth a log line. Push jobs stand in a batch of their own.
 *
 * @module
 */

/** Things worth saying about a frame; bits of {@linkcode Outcome.notes}. */
export const NOTE = {
  /** A command that no server sends to a router, with an empty body: skipped. */
  UNKNOWN_COMMAND: 1,
  /** An inner frame longer than servers can read back: not forwarded. */
  TOO_LARGE: 2,
  /** A frame on which servers of generation 2 end their process: not forwarded. */
  POISON: 4,
  /** For the first time on this connection, a clear sign of the generation that is not configured. */
  OTHER_GENERATION: 8,
} as const;

const TARGETS_FIRST = 16;

/** The answer to one frame; one object is used for all, so it counts until the next frame. */
export class Outcome {
  /** Connections that get a copy; only the first `targetCount` elements count. */
  targets: Int32Array<ArrayBuffer> = new Int32Array(TARGETS_FIRST);
  /** How many connections get a copy. */
  targetCount = 0;
  /** Where the copy's body ends in the frame's buffer: bytes behind the inner frame are dropped. */
  bodyEnd = 0;
  /** Bits of {@linkcode NOTE}. */
  notes = 0;

  /** Makes it the answer "nothing". */
  clear(): void {
    this.targetCount = 0;
    this.notes = 0;
  }

  /**
   * Names the connections that get a copy: all of a list but one.
   *
   * @param connections the list
   * @param count how many elements of it count
   * @param but the publisher's own connection, which never gets back what it published
   */
  deliver(connections: Int32Array, count: number, but: number): void {
    if (count > this.targets.length) this.targets = new Int32Array(count * 2);
    const targets = this.targets;
    let n = 0;
    for (let i = 0; i < count; i++) {
      const connection = connections[i]!;
      if (connection !== but) targets[n++] = connection;
    }
    this.targetCount = n;
  }
}
