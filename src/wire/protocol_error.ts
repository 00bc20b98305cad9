/**
 * The one error that a peer's bytes can cause. Whoever reads from a connection catches it in one place and closes
 * that connection, and no other, with the error's reason.
 *
 * @module
 */

/** Why a connection was closed for what its peer sent; also the `reason` label of the metrics. */
export type ProtocolReason =
  | "bad_length"
  | "malformed_body"
  | "unknown_command"
  | "unparseable_inner"
  | "seq_gap"
  | "too_many_subscriptions";

/** A peer broke the protocol: its connection cannot go on, others are not concerned. */
export class ProtocolError extends Error {
  /** Tells it from other errors in a log. */
  override readonly name: string = "ProtocolError";

  /**
   * Says what is wrong with a peer's bytes.
   *
   * @param reason the kind of the breach
   * @param detail what was met and what is legal, for the log; never content of a message
   */
  constructor(readonly reason: ProtocolReason, detail: string) {
    super(detail);
  }
}
