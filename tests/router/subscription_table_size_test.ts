// What a million users take, and that no single subscription is held up while a table grows to four million.
// deno-lint-ignore-file no-console -- the figures are worth seeing
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { SubscriptionTable } from "../../src/router/subscription_table.ts";
import { slowestMs } from "../support/slowest_operation.ts";

const MEMORY = fileURLToPath(new URL("../support/router_table_memory.ts", import.meta.url));

Deno.test("SubscriptionTable holds a million users in 80 bytes each, and gives most of it back when it is empty", async () => {
  const users = 1_000_000;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--v8-flags=--expose-gc", MEMORY, `${users}`],
  });
  const { success, stdout, stderr } = await child.output();
  assert.ok(success, new TextDecoder().decode(stderr));
  const { keys, each, left } = JSON.parse(new TextDecoder().decode(stdout));
  console.log(
    `${each.toFixed(1)} bytes of resident memory per user, ${(left / users).toFixed(1)} left after`,
  );
  assert.equal(keys, 0);
  assert.ok(each > 8 && each <= 80, `${each} bytes each`);
  assert.ok(left < 0.5 * each * users, `${left} bytes left`);
});

const PAUSE_MS_MAX = 2;

Deno.test("SubscriptionTable grows to four million users without a subscription that takes 2 ms", () => {
  const ms = slowestMs({ operations: 4_000_000, perWindow: 16, msMax: PAUSE_MS_MAX }, () => {
    const table = new SubscriptionTable(0x5eed);
    return (i) => table.subscribe(i & 7, 0, 7, 0, 14_420_000 + i, 1);
  });
  console.log(`${ms.toFixed(2)} ms for the slowest of 4,000,000 subscriptions`);
  assert.ok(ms < PAUSE_MS_MAX, `${ms} ms`);
});

Deno.test("slowestMs, by which growth is judged, sees a table that rehashes all at once", () => {
  const ms = slowestMs({ operations: 700_000, perWindow: 16, msMax: PAUSE_MS_MAX }, () => {
    let slots = new Int32Array(1 << 20);
    const place = (into: Int32Array, id: number) => {
      let at = Math.imul(id, 0x9e3779b1) >>> 8 & into.length - 1;
      while (into[at] !== 0) at = at + 1 & into.length - 1;
      into[at] = id;
    };
    return (i) => {
      if (i === slots.length / 2) {
        const grown = new Int32Array(2 * slots.length);
        for (const id of slots) if (id !== 0) place(grown, id);
        slots = grown;
      }
      place(slots, i + 1);
    };
  });
  assert.ok(ms >= PAUSE_MS_MAX, `${ms} ms`);
});
