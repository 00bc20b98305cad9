/**
 * The Lua script that appends push jobs exactly once. It keeps one watermark for each writer beside the list, in the list's own
 * slot of a cluster; both change together, so that whatever keeps or loses the one keeps or loses the other.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { PUSH_LISTS } from "../../router/push_list.ts";
import type { AppendOrder } from "./redis_lists.ts";

/** How long a watermark outlives its last use, in seconds: seven days. */
export const WATERMARK_SECONDS = 7 * 24 * 3_600;

/**
 * KEYS: the list, the watermark. ARGV: the watermark that there must be at least, the sequence of the first job, seconds to live, all
 * jobs' bytes one behind another, where each ends (u32, little-endian). Two arguments for all jobs, as an argument for each was
 * most of what an append cost the router. Answers {"written", skipped} or {"gap", watermark}; the latter may be missing.
 *
 * The watermark goes first: where writing it is refused nothing has been pushed, and where pushing is refused it goes back.
 */
export const APPEND_SCRIPT = `
local known = redis.call('GET', KEYS[2])
local mark = tonumber(known or '0')
if mark < tonumber(ARGV[1]) then
  return known and {'gap', known} or {'gap'}
end
local first, text, ends = tonumber(ARGV[2]), ARGV[4], ARGV[5]
local count = #ends / 4
local skip = math.min(count, math.max(0, mark - first + 1))
local jobs, from = {}, 0
for i = 1, count do
  local a, b, c, d = string.byte(ends, 4 * i - 3, 4 * i)
  local to = a + b * 256 + c * 65536 + d * 16777216
  if i > skip then
    jobs[#jobs + 1] = string.sub(text, from + 1, to)
  end
  from = to
end
redis.call('SET', KEYS[2], string.format('%.0f', math.max(mark, first + count - 1)), 'EX', ARGV[3])
for i = 1, #jobs, 5000 do
  local reply = redis.pcall('RPUSH', KEYS[1], unpack(jobs, i, math.min(i + 4999, #jobs)))
  if type(reply) == 'table' and reply.err then
    if known then
      redis.call('SET', KEYS[2], known, 'EX', ARGV[3])
    else
      redis.call('SET', KEYS[2], '0', 'PX', 1)
    end
    return reply
  end
end
return {'written', skip}
`;

/** What EVALSHA knows the script by. */
export const APPEND_SCRIPT_SHA: string = createHash("sha1").update(APPEND_SCRIPT).digest("hex");

/** The two keys of an append. */
export function keysOf({ list, writer }: AppendOrder): [list: string, watermark: string] {
  const name = PUSH_LISTS[list]!;
  return [name, `{${name}}:imr:${writer}`];
}

/** The arguments of an append behind the keys; bytes are views of the batch. */
export function argumentsOf({ after, first, batch }: AppendOrder): (string | Buffer)[] {
  const { bytes, ends, count, byteLength } = batch;
  return [
    String(after),
    String(first),
    String(WATERMARK_SECONDS),
    Buffer.from(bytes.buffer, bytes.byteOffset, byteLength),
    Buffer.from(ends.buffer, ends.byteOffset, count * ends.BYTES_PER_ELEMENT),
  ];
}
