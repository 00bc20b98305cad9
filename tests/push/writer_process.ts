/**
 * A process to be killed: it appends numbered jobs to the store of a folder as fast as that takes them, and after each answered
 * write prints the number up to which they are safe.
 *
 * @module
 */

import { EmbeddedStore } from "../../src/push/embedded_store.ts";
import { batchOf } from "./fixtures.ts";

const JOBS_OF_WRITE = 50;

const store = await EmbeddedStore.open({ folder: Deno.args[0]! });
const encoder = new TextEncoder();
for (let last = JOBS_OF_WRITE;; last += JOBS_OF_WRITE) {
  const first = last - JOBS_OF_WRITE + 1;
  const texts = Array.from({ length: JOBS_OF_WRITE }, (_, i) => `{"number":${first + i}}`);
  await store.write(batchOf(texts));
  Deno.stdout.writeSync(encoder.encode(`${last}\n`));
}
