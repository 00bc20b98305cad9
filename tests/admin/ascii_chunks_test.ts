import { strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { AsciiChunks } from "../../src/admin/ascii_chunks.ts";
import { hi, lo } from "./admin_fixture.ts";

function digitsOf(value: bigint): string {
  const chunks = new AsciiChunks();
  chunks.int64(hi(value), lo(value));
  return new TextDecoder().decode(chunks.take());
}

Deno.test("AsciiChunks writes the digits of every int64 at a power of 2 or 10", () => {
  const powers = Array.from({ length: 64 }, (_, i) => 2n ** BigInt(i));
  powers.push(...Array.from({ length: 19 }, (_, i) => 10n ** BigInt(i)));
  for (const power of powers) {
    for (let offset = -2n; offset <= 2n; offset++) {
      for (const sign of [1n, -1n]) {
        const value = BigInt.asIntN(64, sign * (power + offset));
        strictEqual(digitsOf(value), String(value));
      }
    }
  }
});

Deno.test("AsciiChunks writes the digits of any int64", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
      strictEqual(digitsOf(value), String(value));
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("AsciiChunks keeps what was written in order and tells the room left", () => {
  const chunks = new AsciiChunks();
  const { room } = chunks;
  chunks.text('{"a":');
  chunks.int64(-1, -1);
  chunks.text("}");
  strictEqual(chunks.room, room - 8);
  strictEqual(new TextDecoder().decode(chunks.take()), '{"a":-1}');
  strictEqual(chunks.room, room);
  strictEqual(chunks.take().length, 0);
});
