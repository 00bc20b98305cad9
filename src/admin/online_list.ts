/**
 * The list of all subscribed users in JSON. A million users are a walk of 0.1 s and 20 MB: both go in slices.
 *
 * A user who is subscribed from the start to the end of the walk is in the list, and nobody is in it twice; users who come or go
 * meanwhile may be in it or not.
 *
 * @module
 */

import { SubscriptionTable } from "../router/subscription_table.ts";
import { AsciiChunks } from "./ascii_chunks.ts";
import type { Slices } from "./sliced_stream.ts";
import { UserGroups } from "./user_groups.ts";

/** The longest that is written between two looks at the room left: the end of an app, its successor's begin, and two ids. */
const PIECE_BYTES_MAX = 96;

/**
 * Writes `[{"appid":1,"users":[2,3]},…]`.
 *
 * @param users the users of a route table
 * @param slices of the stream that this is for
 */
export async function* writeOnlineList(
  users: SubscriptionTable,
  slices: Slices,
): AsyncGenerator<Uint8Array> {
  const groups = await gather(users, slices);
  if (slices.isOver) return;
  const writer = new AsciiChunks();
  writer.text("[");
  let separator = '{"appid":';
  for (const app of groups.apps()) {
    writer.text(separator);
    separator = ']},{"appid":';
    writer.int64(app.hi, app.lo);
    writer.text(',"users":[');
    for (let user = app.last; user !== 0;) {
      writer.int64(groups.idHi(user), groups.idLo(user));
      user = groups.next(user);
      if (user !== 0) writer.text(",");
      if (writer.room >= PIECE_BYTES_MAX) continue;
      yield writer.take();
      await slices.pause();
      if (slices.isOver) return;
    }
  }
  writer.text(groups.count === 0 ? "]" : "]}]");
  yield writer.take();
}

/** Each shard is walked in one go: an id stays in its shard, so nobody is met twice. */
async function gather(users: SubscriptionTable, slices: Slices): Promise<UserGroups> {
  const groups = new UserGroups();
  const add = groups.add.bind(groups);
  for (let shard = 0; shard < SubscriptionTable.SHARDS && !slices.isOver; shard++) {
    users.visitShard(shard, add);
    await slices.pause();
  }
  return groups;
}
