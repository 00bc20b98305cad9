/**
 * The command numbers of the im_service family: those of the frames between an IM server and the router, and
 * those of the inner frames that the router has to look into. Names are the family's own.
 *
 * @module
 */

/** Commands of the frames that an IM server and the router exchange. */
export const COMMAND = {
  SUBSCRIBE: 130,
  UNSUBSCRIBE: 131,
  PUBLISH: 132,
  PUSH: 134,
  PUBLISH_GROUP: 135,
  SUBSCRIBE_ROOM: 136,
  UNSUBSCRIBE_ROOM: 137,
  PUBLISH_ROOM: 138,
} as const;

/** Commands of inner frames: what one chat client says to another. */
export const INNER_COMMAND = {
  IM: 4,
  GROUP_NOTIFICATION: 7,
  GROUP_IM: 8,
  RT: 17,
  ROOM_IM: 20,
  SYSTEM: 21,
  CUSTOMER: 24,
  CUSTOMER_SUPPORT: 25,
  SYNC_NOTIFY: 29,
  SYNC_GROUP_NOTIFY: 33,
  NOTIFICATION: 36,
  /** Generation 2 alone; in generation 1 the same number is VOIP_CONTROL, which is opaque to the router. */
  CUSTOMER_V2: 64,
} as const;

/** Bits of an inner frame's flag byte. */
export const INNER_FLAG = {
  TEXT: 0x01,
  UNPERSISTENT: 0x02,
  GROUP: 0x04,
  SELF: 0x08,
  PUSH: 0x10,
  SUPER_GROUP: 0x20,
} as const;

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(COMMAND).map(([name, command]) => [command, name]),
);

/**
 * The family's name of a router command.
 *
 * @param command a command byte, 0..255
 * @returns the name, or `"OTHER"` for a number that is not a router command
 */
export function commandName(command: number): string {
  return NAMES.get(command) ?? "OTHER";
}
