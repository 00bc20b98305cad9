/**
 * What happened at the router's port, in plain numbers that are read when somebody asks.
 *
 * @module
 */

import type { CloseReason } from "./connection.ts";

/** Counts since the start; none ever falls. */
export class ServerCounters {
  /** Frames received, by command byte. */
  readonly framesIn: Float64Array<ArrayBuffer> = new Float64Array(256);
  /** Bytes of these, headers included. */
  readonly bytesIn: Float64Array<ArrayBuffer> = new Float64Array(256);
  /** Deliveries, by command byte: each copy counts. */
  readonly framesOut: Float64Array<ArrayBuffer> = new Float64Array(256);
  /** Bytes of these, headers included. */
  readonly bytesOut: Float64Array<ArrayBuffer> = new Float64Array(256);
  /** Connections accepted, refused ones included. */
  accepted = 0;
  /** Times that accepting failed, for want of file descriptors above all. */
  acceptErrors = 0;
  /** Deliveries that were dropped since their connection ended or was ending. */
  droppedFrames = 0;
  /** Bytes of these. */
  droppedBytes = 0;
  /** Times that reading from a publisher was paused for a slower receiver. */
  pauses = 0;
  /** Sockets that are closed for us but that the system keeps, as a write to them never ended. */
  zombies = 0;
  readonly #closed = new Map<CloseReason, number>();

  /** Counts the end of a connection. */
  close(reason: CloseReason): void {
    this.#closed.set(reason, (this.#closed.get(reason) ?? 0) + 1);
  }

  /** Ends of connections by reason; reasons that never were are missing. */
  get closed(): ReadonlyMap<CloseReason, number> {
    return this.#closed;
  }
}
