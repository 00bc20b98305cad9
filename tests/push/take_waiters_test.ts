import assert from "node:assert/strict";
import { TakeWaiters } from "../../src/push/take_waiters.ts";
import { settle } from "./fixtures.ts";
import { HeldClock } from "../support/held_clock.ts";

Deno.test("TakeWaiters.wake wakes one of the list for each call, the one who came first", async () => {
  const waiters = new TakeWaiters(new HeldClock());
  const woken: string[] = [];
  const waits = [["a", 0], ["b", 0], ["other", 1], ["c", 0]].map(([name, list]) =>
    waiters.wait(list as number, 1_000).then(() => woken.push(name as string))
  );
  waiters.wake(0);
  waiters.wake(0);
  await settle();
  assert.deepEqual(woken, ["a", "b"]);
  waiters.wake(2);
  waiters.wakeAll();
  await Promise.all(waits);
  assert.deepEqual(woken.toSorted(), ["a", "b", "c", "other"]);
  assert.equal(waiters.count, 0);
});

Deno.test("TakeWaiters.wait ends at its time, or with its signal, and leaves no timer behind", async () => {
  const clock = new HeldClock();
  const waiters = new TakeWaiters(clock);
  const client = new AbortController();
  const timed = waiters.wait(0, 10);
  const aborted = waiters.wait(0, 20, client.signal);
  clock.advance(10);
  await timed;
  client.abort(new Error("gone"));
  await assert.rejects(aborted, /gone/);
  await assert.rejects(waiters.wait(0, 20, client.signal), /gone/);
  assert.deepEqual([waiters.count, clock.timers], [0, 0]);
});
