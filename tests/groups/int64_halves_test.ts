// int64 in halves, of every form in which MySQL's client gives one, and what is none.
import assert from "node:assert/strict";
import fc from "fast-check";
import { halvesOf } from "../../src/groups/int64_halves.ts";
import { ID_EXTREMES } from "../support/wire_hex.ts";

/** The int64 that a value is; undefined when it is none. */
function idOf(value: unknown): bigint | undefined {
  const halves = { lo: 0, hi: 0 };
  if (!halvesOf(value, halves)) {
    assert.deepEqual(halves, { lo: 0, hi: 0 }, "what is none leaves no trace");
    return undefined;
  }
  const { lo, hi } = halves;
  assert.ok(lo === (lo | 0) && hi === (hi | 0), `${lo} and ${hi} are signed 32 bits`);
  return BigInt(hi) << 32n | BigInt(lo >>> 0);
}

/** Asserts that an id comes out of each form that holds it exactly. */
function assertExact(id: bigint): void {
  assert.equal(idOf(id), id);
  assert.equal(idOf(`${id}`), id);
  if (Number.isSafeInteger(Number(id))) assert.equal(idOf(Number(id)), id);
}

Deno.test("halvesOf splits ids at both ends of int64, of 2^53 and of 32 bits exactly", () => {
  for (const id of ID_EXTREMES) {
    for (const near of [id - 1n, id, id + 1n]) {
      if (near === BigInt.asIntN(64, near)) assertExact(near);
    }
  }
});

Deno.test("halvesOf splits any int64 exactly", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), fc.maxSafeInteger().map(BigInt)),
      assertExact,
    ),
    { numRuns: 5_000 },
  );
});

Deno.test("halvesOf takes digits with zeros before them, and a negative zero", () => {
  assert.equal(idOf("007"), 7n);
  assert.equal(idOf("-00"), 0n);
  assert.equal(idOf(-0), 0n);
  assert.equal(idOf("-09223372036854775808"), -(2n ** 63n));
});

Deno.test("halvesOf refuses numbers that are not whole, not exact, or past int64", () => {
  for (
    const value of [
      0.5,
      NaN,
      Infinity,
      -Infinity,
      2 ** 53,
      -(2 ** 53),
      2 ** 63,
      2n ** 63n,
      -(2n ** 63n) - 1n,
      `${2n ** 63n}`,
      `${-(2n ** 63n) - 1n}`,
      `${2n ** 64n - 1n}`, // the end of an unsigned column
    ]
  ) assert.equal(idOf(value), undefined, String(value));
});

Deno.test("halvesOf refuses whatever is no number", () => {
  for (
    const value of [
      null,
      undefined,
      true,
      new Date(0),
      new Uint8Array([49]),
      {},
      [7],
      "",
      "-",
      " 7",
      "7\n",
      "+7",
      "7.0",
      "1e3",
      "0x10",
      "seven",
      "٧",
      "1".repeat(21),
      "1".repeat(1_000_000), // whose conversion alone would take long
    ]
  ) assert.equal(idOf(value), undefined, String(value).slice(0, 40));
});
