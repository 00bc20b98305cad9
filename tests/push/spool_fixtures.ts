/**
 * What the tests of the spool have in common.
 *
 * @module
 */

import type { Spool, SpooledChunk } from "../../src/push/spool.ts";
import { PUSH_LISTS } from "../../src/router/push_list.ts";
import { textsOf } from "./fixtures.ts";

/** A writer. */
export const A = "aaaaaaaaaaaaaaaa";
/** Another one. */
export const B = "0123456789abcdef";

/** Whether an error is of a kind. */
export function failsAs(kind: string): (error: unknown) => boolean {
  return (error) => error instanceof Error && "kind" in error && error.kind === kind;
}

/** A chunk without its ids, which differ from run to run. */
export interface PlainChunk {
  readonly writer: string;
  readonly firstSeq: number;
  readonly texts: string[];
}

/** A chunk to be compared. */
export function plain(chunk: SpooledChunk | undefined): PlainChunk | undefined {
  if (chunk === undefined) return undefined;
  const { writer, firstSeq, batch } = chunk;
  return { writer, firstSeq, texts: textsOf(batch) };
}

/** Takes a whole list off the spool, a chunk at a time. */
export async function drain(spool: Spool, list: number): Promise<SpooledChunk[]> {
  const chunks: SpooledChunk[] = [];
  for (;;) {
    const chunk = await spool.peek(list, 1_000, 1 << 20);
    if (chunk === undefined) return chunks;
    chunks.push(chunk);
    await spool.delete(chunk.ids);
  }
}

/** Jobs of each list. */
export function jobsOf(spool: Spool): number[] {
  return PUSH_LISTS.map((_, list) => spool.jobs(list));
}
