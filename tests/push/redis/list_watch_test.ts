import assert from "node:assert/strict";
import { ListWatch, type Written } from "../../../src/push/redis/list_watch.ts";

const NONE = 0;
const written = (jobs: number, flying = 0): Written[] =>
  [0, 1, 2, 3, 4].map(() => ({ written: jobs, flying }));
const lengths = (length: number | undefined) => [length, NONE, NONE, NONE, NONE];

Deno.test("ListWatch.untakenMs grows while a list only gets longer by what was added", () => {
  const watch = new ListWatch(0);
  watch.see(lengths(5), written(5), written(5), 1_000);
  watch.see(lengths(8), written(8), written(8), 11_000);
  watch.see(lengths(8), written(8), written(8), 21_000);
  assert.equal(watch.untakenMs(0, 22_000), 21_000);
  assert.equal(watch.lengths[0], 8);
});

Deno.test("ListWatch.untakenMs starts anew when a worker takes less than is added", () => {
  const watch = new ListWatch(0);
  watch.see(lengths(5), written(5), written(5), 1_000);
  watch.see(lengths(104), written(105), written(105), 11_000);
  assert.equal(watch.untakenMs(0, 12_000), 1_000);
});

Deno.test("ListWatch.untakenMs does not take jobs under way for jobs taken", () => {
  const watch = new ListWatch(0);
  // Ten jobs are in the list already, and acknowledged only after its length was read.
  watch.see(lengths(20), written(10), written(10, 10), 1_000);
  watch.see(lengths(20), written(20), written(20), 11_000);
  assert.equal(watch.untakenMs(0, 11_000), 10_000);
});

Deno.test("ListWatch.untakenMs is 0 for a list that is empty, or no list", () => {
  const watch = new ListWatch(0);
  watch.see(lengths(5), written(5), written(5), 1_000);
  watch.see(lengths(0), written(5), written(5), 11_000);
  assert.equal(watch.untakenMs(0, 99_000), 0);
  watch.see(lengths(undefined), written(5), written(5), 21_000);
  assert.equal(watch.untakenMs(0, 99_000), 0);
});
