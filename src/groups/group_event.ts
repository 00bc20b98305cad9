/**
 * Changes of groups as API servers publish them in Redis: `PREV:ACTION:CONTENT` in one of five channels, where the ACTION of one
 * event is the PREV of the next, whatever its channel.
 *
 * @module
 */

import type { GroupTable } from "../router/group_table.ts";
import { parseInt64 } from "../wire/int64.ts";

/** The channels. */
export const GROUP_CHANNELS = [
  "group_create",
  "group_disband",
  "group_member_add",
  "group_member_remove",
  "group_upgrade",
] as const;

/** The name of a channel. */
export type GroupChannel = typeof GROUP_CHANNELS[number];

/** What an event says. */
export interface GroupEvent {
  /** The action before it. */
  readonly previous: bigint;
  /** Its own. */
  readonly action: bigint;
  /** The channel that it came in. */
  readonly channel: GroupChannel;
  /** What was published as its content: whole numbers; undefined when it cannot be read, and then nothing changes. */
  readonly content: readonly bigint[] | undefined;
}

/** How many numbers the content has: gid, and appid and super, or uid. */
const NUMBERS: Readonly<Record<GroupChannel, number>> = {
  group_create: 3,
  group_disband: 1,
  group_member_add: 2,
  group_member_remove: 2,
  group_upgrade: 3,
};
const DIGITS_MAX = 40;

/**
 * Reads an event.
 *
 * @param channel where it was published
 * @param payload what was
 * @returns undefined when the channel or the payload is none of these: it does not count as an event at all
 */
export function parseGroupEvent(channel: string, payload: string): GroupEvent | undefined {
  const second = payload.indexOf(":", payload.indexOf(":") + 1);
  if (!isGroupChannel(channel) || second < 0) return undefined;
  const [previous, action] = payload.slice(0, second).split(":").map(shortInt64);
  if (previous === undefined || action === undefined) return undefined;
  return { previous, action, channel, content: contentOf(channel, payload.slice(second + 1)) };
}

/**
 * Reads the value of `groups_actions`.
 *
 * @param value `PREV:ACTION`; null when there is none
 * @returns the latest action, 0 when there never was one; undefined when the value is none
 */
export function parseLatestAction(value: string | null): bigint | undefined {
  if (value === null) return 0n;
  if (value.length > 2 * DIGITS_MAX) return undefined;
  const [previous, action, ...more] = value.split(":").map(shortInt64);
  return previous === undefined || more.length > 0 ? undefined : action;
}

/** Changes the table as an event says. */
export function applyGroupEvent(table: GroupTable, { channel, content }: GroupEvent): void {
  if (content === undefined) return;
  const [group, member] = content as [bigint, bigint];
  switch (channel) {
    case "group_create":
      table.create(group);
      break;
    case "group_disband":
      table.disband(group);
      break;
    case "group_member_add":
      table.addMember(group, member);
      break;
    case "group_member_remove":
      table.removeMember(group, member);
      break;
    case "group_upgrade":
      break; // no rule of the router asks whether a group is a super group
  }
}

function isGroupChannel(channel: string): channel is GroupChannel {
  return (GROUP_CHANNELS as readonly string[]).includes(channel);
}

function contentOf(channel: GroupChannel, text: string): readonly bigint[] | undefined {
  const parts = text.split(",", NUMBERS[channel] + 1);
  const numbers = parts.map(shortInt64).filter((number) => number !== undefined);
  const isWhole = parts.length === NUMBERS[channel] && numbers.length === parts.length;
  if (!isWhole) return undefined;
  const isDowngrade = channel === "group_upgrade" && numbers[2] === 0n;
  return isDowngrade ? undefined : numbers;
}

/** Of a length that any sensible number has. */
function shortInt64(text: string): bigint | undefined {
  return text.length > DIGITS_MAX ? undefined : parseInt64(text);
}
