import { ok, strictEqual } from "node:assert/strict";
import { EventLoopWatch } from "../../src/admin/event_loop.ts";
import { until } from "./admin_fixture.ts";

function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

Deno.test("EventLoopWatch sees a stall that is longer than its interval", async () => {
  const delays: number[] = [];
  const watch = new EventLoopWatch((seconds) => delays.push(seconds));
  watch.start();
  await until("a first look", () => delays.length > 0);
  const seen = delays.length;
  block(150);
  await until("a look after the stall", () => delays.length > seen);
  watch.stop();
  const delay = Math.max(...delays.slice(seen));
  ok(delay > 0.09 && delay < 1, `${delay} s`);
  strictEqual(watch.maxSeconds, Math.max(...delays));
});

Deno.test("EventLoopWatch forgets the greatest delay after two windows", async () => {
  let now = 0;
  let looks = 0;
  const watch = new EventLoopWatch(() => looks++, () => now);
  watch.start();
  const lookAt = async (ms: number) => {
    now = ms;
    const seen = looks;
    await until("the next look", () => looks > seen);
  };
  await lookAt(1_050);
  strictEqual(watch.maxSeconds, 1);
  await lookAt(1_100);
  await lookAt(30_000); // begins the next window
  strictEqual(watch.maxSeconds, 28.85);
  await lookAt(60_001);
  strictEqual(watch.maxSeconds, 29.951);
  await lookAt(60_051);
  watch.stop();
  watch.stop();
});
