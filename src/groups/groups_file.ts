/**
 * Groups from a small file, for trying things out: one JSON object a line, such as `{"group":500,"members":[1,2,3]}`. Ids are whole
 * numbers with all 64 bits.
 *
 * @module
 */

import { GroupTable } from "../router/group_table.ts";
import { isInt64 } from "../wire/int64.ts";

/** The file is not what it should be; the message says where and why. */
export class GroupsFileError extends Error {
  /** Tells it from a bug, and from what an operator has no hand in. */
  readonly kind = "wrong_use";
}

/** Larger files belong into a database. */
const FILE_BYTES_MAX = 64 << 20;
const INTEGER = /^-?\d+$/;

/**
 * Reads such a file.
 *
 * @param path where it is
 * @throws {GroupsFileError} when a line is no group, or there are too many
 * @throws {Deno.errors.NotFound} and the like, when it cannot be read
 */
export function readGroupsFile(path: string): GroupTable {
  const { size } = Deno.statSync(path);
  if (size > FILE_BYTES_MAX) {
    throw new GroupsFileError(`${path}: ${size} bytes are over 64 MiB`);
  }
  const table = GroupTable.empty();
  Deno.readTextFileSync(path).split("\n").forEach((line, number) => {
    if (line.trim() === "") return;
    try {
      addGroup(table, line);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new GroupsFileError(`${path}, line ${number + 1}: ${why}`);
    }
  });
  return table;
}

function addGroup(table: GroupTable, line: string): void {
  const value = JSON.parse(line, exact as (key: string, value: unknown) => unknown);
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  const unknown = isObject
    ? Object.keys(value).find((key) => key !== "group" && key !== "members")
    : undefined;
  if (!isObject || unknown !== undefined) {
    throw new RangeError('{"group":ID,"members":[ID,…]} expected');
  }
  const { group, members } = value as { group: unknown; members: unknown };
  if (!isId(group)) throw new RangeError('"group" is no whole number of 64 bits');
  if (!Array.isArray(members) || !members.every(isId)) {
    throw new RangeError('"members" is no list of whole numbers of 64 bits');
  }
  if (table.members(group) !== undefined) throw new RangeError(`group ${group} stands here twice`);
  table.create(group);
  for (const uid of members) table.addMember(group, uid);
}

/** Numbers as bigints, of their digits in the text. */
function exact(_key: string, value: unknown, { source }: { source: string }): unknown {
  return typeof value === "number" && INTEGER.test(source) ? BigInt(source) : value;
}

function isId(value: unknown): value is bigint {
  return typeof value === "bigint" && isInt64(value);
}
