/**
 * The five lists that push workers of the family read, in a fixed order, so that a list is a small number wherever jobs
 * are carried in bulk.
 *
 * @module
 */

/** Names of the lists, as they are called in Redis; a list's number is its index here. */
export const PUSH_LISTS = [
  "push_queue",
  "group_push_queue",
  "customer_push_queue",
  "system_push_queue",
  "customer_push_queue_v2",
] as const;

/** The name of a list. */
export type PushListName = typeof PUSH_LISTS[number];

/** Numbers of the lists. */
export const PUSH_LIST = { PEER: 0, GROUP: 1, CUSTOMER: 2, SYSTEM: 3, CUSTOMER_V2: 4 } as const;
