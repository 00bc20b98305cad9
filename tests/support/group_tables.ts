// Group tables for tests, made and read by ids.
import { GroupTable } from "../../src/router/group_table.ts";

/** A loaded table of these groups and members. */
export function groupsOf(
  ...groups: readonly (readonly [group: bigint, members: readonly bigint[]])[]
): GroupTable {
  const table = GroupTable.empty();
  for (const [group, members] of groups) {
    table.create(group);
    for (const uid of members) table.addMember(group, uid);
  }
  return table;
}

/** The members of a group in ascending order; undefined when it is not known. */
export function membersOf(table: GroupTable, group: bigint): bigint[] | undefined {
  const words = table.members(group);
  if (words === undefined) return undefined;
  const ids: bigint[] = [];
  for (let i = 0; i < words.length; i += 2) {
    ids.push(BigInt(words[i + 1]!) << 32n | BigInt(words[i]! >>> 0));
  }
  return ids;
}
