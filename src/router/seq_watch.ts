/**
 * Notices torn streams by their sequence numbers.
 *
 * An IM server whose write fails half-way goes on with the same connection, and what follows is misaligned. Real servers number their
 * frames 1, 2, 3 … without a gap, so a connection that has done that for 16 frames is held to it; one that never does,
 * as many test tools, is exempt.
 *
 * @module
 */

import { ProtocolError } from "../wire/protocol_error.ts";

/** Frames in exact sequence after which a connection is counting. */
export const COUNTING_FRAMES = 16;

const CONNECTIONS_FIRST = 16;

/** The last sequence number of each connection. */
export class SeqWatch {
  #last = new Int32Array(CONNECTIONS_FIRST);
  #run = new Uint8Array(CONNECTIONS_FIRST);

  /** Begins anew for a connection. */
  reset(connection: number): void {
    while (connection >= this.#last.length) {
      const last = new Int32Array(this.#last.length * 2);
      last.set(this.#last);
      this.#last = last;
      const run = new Uint8Array(last.length);
      run.set(this.#run);
      this.#run = run;
    }
    this.#run[connection] = 0;
  }

  /**
   * Looks at the number of the next frame.
   *
   * @throws {ProtocolError} `seq_gap` when the connection is counting and this is not the number that follows
   */
  check(connection: number, seq: number): void {
    const run = this.#run[connection]!;
    const expected = this.#last[connection]! + 1 | 0;
    this.#last[connection] = seq;
    if (seq === expected && run > 0) {
      if (run < COUNTING_FRAMES) this.#run[connection] = run + 1;
    } else if (run === COUNTING_FRAMES) {
      throw new ProtocolError("seq_gap", `seq ${seq} where ${expected} follows`);
    } else {
      this.#run[connection] = 1;
    }
  }
}
