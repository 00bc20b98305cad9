/**
 * What a connection needs of the world: chunks that come in, and a sink that takes bytes. TCP sockets are adapted to it in
 * `tcp_transport.ts`, and tests use a pair in memory.
 *
 * @module
 */

/** How a stream broke, as the reason of the close. */
export type TransportReason = "reset" | "timed_out" | "broken";

/** A stream broke off: the world failed, not the peer's manners. Whatever the system says of a socket ends that socket and nothing else. */
export class TransportError extends Error {
  /** Tells it from other errors in a log. */
  override readonly name: string = "TransportError";

  /**
   * Says how a stream broke.
   *
   * @param reason the kind
   * @param detail what the system said
   */
  constructor(readonly reason: TransportReason, detail: string) {
    super(detail);
  }
}

/** One byte stream in each direction. */
export interface Transport {
  /** The peer, as `host:port`. */
  readonly address: string;

  /**
   * The bytes that come in, until the peer has ended its side or the transport is closed. A chunk is valid until the next
   * one is asked for. Asked for once.
   *
   * @throws {TransportError} when the stream broke off
   */
  chunks(): AsyncIterable<Uint8Array>;

  /**
   * Sends what can be sent without waiting, while no `write` is under way. A broken stream takes nothing; the `write` that
   * follows says why.
   *
   * @returns how many bytes were taken; the caller's again
   */
  writeNow(bytes: Uint8Array<ArrayBuffer>): number;

  /**
   * Sends bytes; they must not change before it settles.
   *
   * @returns how many were taken, at least one; rejects when the stream is broken, with what
   * {@linkcode Transport.failure} understands: one promise less on the path of every message
   */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<number>;

  /** Says what the error of a failed `write` means. */
  failure(error: unknown): TransportError;

  /** Ends our side and leaves the peer's open; does nothing on a closed transport. */
  closeWrite(): Promise<void>;

  /** Ends both sides at once and drops what is not sent. May be called twice. */
  close(): void;

  /** Whether `close` also ends a write that is under way; where it does not, that write may never settle. */
  readonly closeEndsWrites: boolean;

  /** Bytes written that the peer's host has not acknowledged; undefined where that cannot be known. */
  unacknowledgedBytes(): number | undefined;

  /**
   * Lets the kernel give up on a peer that acknowledges nothing.
   *
   * @param ms after that long; does nothing where it cannot be set
   */
  giveUpAfter(ms: number): void;
}
