/**
 * Answers of many megabytes: a few at a time, in slices, and not for longer than a client may take to read them.
 *
 * @module
 */

import type { HonoRequest } from "hono";
import { failure, json } from "./answer.ts";
import { logBug } from "./bug_log.ts";
import type { HttpParts } from "./http.ts";
import { type ChunkWriter, SlicedStream } from "./sliced_stream.ts";

/**
 * Waits for a turn, and answers with a JSON text that is written while it is read. A HEAD is answered at once, without a turn.
 *
 * @param parts what the requests need
 * @param request to be answered
 * @param begin called when the turn has come; gives who writes. What it throws is passed on
 * @returns the answer; 503 when the port closes before the turn has come
 * @throws {RequestError} 503 when too many wait, or it took too long
 */
export async function longAnswer(
  parts: HttpParts,
  request: HonoRequest,
  begin: () => ChunkWriter,
): Promise<Response> {
  if (request.method === "HEAD") return json(null); // a body would wait for ever to be read
  const { log, turns, limits: { listMs } } = parts;
  const open = parts.open.open(request.raw.signal);
  let giveBack: (() => void) | undefined;
  let write: ChunkWriter;
  try {
    giveBack = await turns.take(open.signal);
    write = begin();
  } catch (error) {
    open[Symbol.dispose]();
    giveBack?.();
    if (open.signal.aborted) return failure(503, "closing");
    throw error;
  }
  const sliced = new SlicedStream(write, (bug) => {
    clearTimeout(timer);
    open[Symbol.dispose]();
    giveBack();
    if (bug !== undefined) logBug(log, request.path, bug);
  });
  const timer = setTimeout(() => sliced.stop(`not read in ${listMs} ms`), listMs);
  open.signal.addEventListener("abort", () => sliced.stop("nobody reads"));
  return json(sliced.stream());
}
