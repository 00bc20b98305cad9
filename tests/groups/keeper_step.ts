/**
 * What can happen to groups, and to those who follow their changes.
 *
 * @module
 */

/** One thing that happens. */
export type Step =
  /** MySQL is changed; the event is published later. */
  | { kind: "create" | "disband" | "upgrade"; group: bigint }
  | { kind: "add" | "remove"; group: bigint; uid: bigint }
  /** An event whose content cannot be read; it counts as an action. */
  | { kind: "unreadable" }
  /** Something is heard in a channel that is no event at all. */
  | { kind: "foreign" }
  /** Redis gets the oldest event that it has not; it is heard at once, or a moment after its action is in the key, or never. */
  | { kind: "publish"; fate: "heard" | "late" | "lost" }
  | { kind: "subscribe" | "lose" }
  /** Redis answers what it was asked. */
  | { kind: "answer" }
  /** The load under way reads MySQL, comes to its end, or fails. */
  | { kind: "read" | "finish" | "fail" }
  | { kind: "wait"; ms: number };
