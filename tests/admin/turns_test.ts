import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { RequestError } from "../../src/admin/answer.ts";
import { Turns } from "../../src/admin/turns.ts";
import { until } from "./admin_fixture.ts";

const stays = new AbortController().signal;

Deno.test("Turns gives turns in order, a few at a time", async () => {
  const turns = new Turns({ turnsMax: 2, lineMax: 3, lineMs: 5_000 });
  const giveBack = [await turns.take(stays), await turns.take(stays)];
  const order: number[] = [];
  const waiting = [1, 2, 3].map(async (number) => {
    const back = await turns.take(stays);
    order.push(number);
    back();
  });
  strictEqual(turns.waiting, 3);
  await rejects(
    turns.take(stays),
    (error) => error instanceof RequestError && error.status === 503,
  );
  giveBack[0]!();
  giveBack[0]!(); // a second time gives nothing back
  await Promise.all(waiting);
  deepStrictEqual(order, [1, 2, 3]);
  strictEqual(turns.taken, 1);
  giveBack[1]!();
  strictEqual(turns.taken, 0);
});

Deno.test("Turns lets go who has gone or waits too long", async () => {
  const turns = new Turns({ turnsMax: 1, lineMax: 2, lineMs: 20 });
  const giveBack = await turns.take(stays);
  const gone = new AbortController();
  const leaving = rejects(turns.take(gone.signal), { name: "AbortError" });
  await until("somebody waits", () => turns.waiting === 1);
  gone.abort();
  await leaving;
  await rejects(turns.take(gone.signal), { name: "AbortError" });
  await rejects(turns.take(stays), { status: 503, message: /no turn in 20 ms/ });
  strictEqual(turns.waiting, 0);
  giveBack();
  strictEqual(turns.taken, 0);
});

Deno.test("Turns hands on a turn that comes to somebody who has just gone", async () => {
  const turns = new Turns({ turnsMax: 1, lineMax: 2, lineMs: 5_000 });
  const giveBack = await turns.take(stays);
  const gone = new AbortController();
  const leaving = rejects(turns.take(gone.signal), { name: "AbortError" });
  const staying = turns.take(stays);
  giveBack();
  gone.abort();
  await leaving;
  (await staying)();
  strictEqual(turns.taken, 0);
});
