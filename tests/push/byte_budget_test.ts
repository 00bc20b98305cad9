import assert from "node:assert/strict";
import { ByteBudget } from "../../src/push/byte_budget.ts";

Deno.test("ByteBudget.fits holds the bound exactly", () => {
  const budget = new ByteBudget(10);
  budget.take(4);
  assert.ok(budget.fits(6));
  assert.ok(!budget.fits(7));
  budget.give(4);
  assert.ok(budget.fits(10));
});

Deno.test("ByteBudget.ready settles for all when it is half empty again, and notes when it drained", async () => {
  let now = 5;
  const budget = new ByteBudget(10, () => now);
  await budget.ready();
  budget.take(8);
  assert.ok(budget.isCrowded);
  const settled: number[] = [];
  const waiting = [1, 2].map((number) => budget.ready().then(() => settled.push(number)));
  now = 7;
  budget.give(2);
  await null;
  assert.deepEqual(settled, []);
  assert.equal(budget.progressAt, 7);
  budget.give(1);
  await Promise.all(waiting);
  assert.deepEqual(settled, [1, 2]);
  assert.ok(!budget.isCrowded);
});
