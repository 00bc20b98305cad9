/**
 * The members of a group in JSON, for whoever wonders why somebody gets a push, or none. A group may have a million of them, which are
 * 20 MB: they go in slices.
 *
 * @module
 */

import type { GroupTable } from "../router/group_table.ts";
import { AsciiChunks } from "./ascii_chunks.ts";
import { RequestError } from "./answer.ts";
import type { Slices } from "./sliced_stream.ts";

/** The longest that is written between two looks at the room left: the begin of the text, or an id and the end. */
const PIECE_BYTES_MAX = 96;

/**
 * Looks a group up.
 *
 * @param table the groups
 * @param id of the group
 * @returns as {@linkcode GroupTable.members}: a view that counts until the next change
 * @throws {RequestError} 503 while the groups are not loaded, 404 when they are and this is none of them
 */
export function existingMembers(table: GroupTable, id: bigint): Int32Array {
  if (!table.isLoaded) {
    throw new RequestError(503, "groups are not loaded yet", { "retry-after": "5" });
  }
  const members = table.members(id);
  if (members === undefined) throw new RequestError(404, "group not known");
  return members;
}

/**
 * Writes `{"id":500,"count":2,"members":[1,2]}`.
 *
 * @param id of the group
 * @param members the low and the high 32 bits of each; must not change meanwhile
 * @param slices of the stream that this is for
 */
export async function* writeGroupMembers(
  id: bigint,
  members: Int32Array,
  slices: Slices,
): AsyncGenerator<Uint8Array> {
  const writer = new AsciiChunks();
  writer.text(`{"id":${id},"count":${members.length / 2},"members":[`);
  for (let i = 0; i < members.length; i += 2) {
    if (i > 0) writer.text(",");
    writer.int64(members[i + 1]!, members[i]!);
    if (writer.room >= PIECE_BYTES_MAX) continue;
    yield writer.take();
    await slices.pause();
    if (slices.isOver) return;
  }
  writer.text("]}");
  yield writer.take();
}
