/**
 * The log over a writer in memory: what a line looks like, and that neither a peer nor a reader can make it a burden.
 */

import assert from "node:assert/strict";
import { startLog } from "../src/log.ts";

/** A writer that can be held up. */
class Lines {
  text = "";
  #held: PromiseWithResolvers<void> | undefined;

  readonly write = async (bytes: Uint8Array): Promise<number> => {
    await this.#held?.promise;
    this.text += new TextDecoder().decode(bytes);
    return bytes.length;
  };

  hold(): void {
    this.#held = Promise.withResolvers();
  }

  release(): void {
    this.#held?.resolve();
    this.#held = undefined;
  }
}

Deno.test("startLog in JSON writes one object a line with its fields", async () => {
  const lines = new Lines();
  const { log, close } = await startLog({ format: "json", write: lines.write });
  log("warning", "connection closed", { reason: "reset", bytes_in: 12 });
  await close();
  const line = JSON.parse(lines.text);
  assert.equal(line.level, "WARN");
  assert.equal(line.message, "connection closed");
  assert.equal(line.reason, "reset");
  assert.equal(line.bytes_in, 12);
});

Deno.test("startLog in text quotes values that hold blanks and leaves out undefined ones", async () => {
  const lines = new Lines();
  const { log, close } = await startLog({ format: "text", write: lines.write });
  log("info", "cannot start", { error: 'a "b"\nc', hint: undefined, n: 3 });
  await close();
  assert.match(lines.text, /^\S+ info +cannot start {2}error="a \\"b\\"\\nc" n=3\n$/);
});

Deno.test("startLog writes at most 1,000 lines of an event in a second and says how many it left out", async () => {
  const lines = new Lines();
  let now = 0;
  const { log, close } = await startLog({ format: "json", write: lines.write, now: () => now });
  for (let i = 0; i < 1_234; i++) log("info", "connection opened");
  log("info", "another event");
  now = 1_000;
  log("info", "connection opened");
  await close();
  const written = lines.text.trim().split("\n").map((line) => JSON.parse(line));
  assert.equal(written.filter(({ message }) => message === "connection opened").length, 1_001);
  assert.equal(written.at(-1).suppressed, 234);
  assert.equal(written.at(-2).message, "another event");
});

Deno.test("startLog drops lines beyond 1 MiB behind a reader that stands still, and says how many", async () => {
  const lines = new Lines();
  const { log, close } = await startLog({ format: "json", write: lines.write });
  lines.hold();
  log("info", "first");
  await Promise.resolve(); // it is being written now
  await Promise.resolve();
  const long = "x".repeat(2_000);
  for (let i = 0; i < 900; i++) log("info", "long", { long });
  lines.release();
  await close();
  const written = lines.text.trim().split("\n");
  const kept = written.filter((line) => line.includes("xxx")).length;
  assert.ok(kept > 450 && kept < 530, `${kept} lines of 2 KB in 1 MiB`);
  assert.ok(written.includes(`${900 - kept} lines dropped`));
});
