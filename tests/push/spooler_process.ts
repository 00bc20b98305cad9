/**
 * A process to be killed: it spools numbered jobs on two lists as fast as the disk takes them, deletes some of the first list's
 * meanwhile, and prints `appended LIST SEQ` and `deleted SEQ` for what is safe.
 *
 * @module
 */

import { Spool } from "../../src/push/spool.ts";
import { batchOf } from "./fixtures.ts";

const JOBS_OF_APPEND = 40;
const JOBS_OF_PEEK = 30;

const [folder, writer] = Deno.args as [string, string];
const spool = await Spool.open({ folder });
const encoder = new TextEncoder();
const say = (line: string) => Deno.stdout.writeSync(encoder.encode(`${line}\n`));

async function append(list: number): Promise<void> {
  for (let first = 1;; first += JOBS_OF_APPEND) {
    const texts = Array.from({ length: JOBS_OF_APPEND }, (_, i) => `${list}:${first + i}`);
    await spool.append(list, writer, first, batchOf(texts, list));
    say(`appended ${list} ${first + JOBS_OF_APPEND - 1}`);
  }
}

async function drain(list: number): Promise<void> {
  for (;;) {
    const chunk = await spool.peek(list, JOBS_OF_PEEK, 1 << 20);
    if (chunk === undefined) continue;
    await spool.delete(chunk.ids);
    say(`deleted ${chunk.firstSeq + chunk.ids.length - 1}`);
  }
}

await Promise.all([append(0), append(3), drain(0)]);
