/**
 * The bodies of SUBSCRIBE, UNSUBSCRIBE, SUBSCRIBE_ROOM and UNSUBSCRIBE_ROOM:
 *
 *     0 appid i64   8 uid or room_id i64   16 online i8 (SUBSCRIBE alone)
 *
 * @module
 */

/** Offsets in the body, in bytes. */
export const SUBSCRIPTION = { APPID: 0, ID: 8, ONLINE: 16 } as const;

/** Shortest body of a SUBSCRIBE. */
export const SUBSCRIBE_BYTES_MIN = 17;

/** Shortest body of the other three. */
export const SUBSCRIPTION_BYTES_MIN = 16;

/**
 * Writes the body of a subscription command into bytes of its own, for tests and tools.
 *
 * @param appid the app
 * @param id a user or a room
 * @param online for SUBSCRIBE: 0 says that the user wants phone pushes all the same
 * @returns 17 bytes with an online flag, 16 without
 */
export function encodeSubscription(
  appid: bigint,
  id: bigint,
  online?: number,
): Uint8Array<ArrayBuffer> {
  const body = new Uint8Array(online === undefined ? SUBSCRIPTION_BYTES_MIN : SUBSCRIBE_BYTES_MIN);
  const view = new DataView(body.buffer);
  view.setBigInt64(SUBSCRIPTION.APPID, appid);
  view.setBigInt64(SUBSCRIPTION.ID, id);
  if (online !== undefined) view.setInt8(SUBSCRIPTION.ONLINE, online);
  return body;
}
