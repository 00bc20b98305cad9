// Expectations were read off Go's net/url and strconv, which the family's server uses.
import { strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { firstParameter, queryOf } from "../../src/admin/query.ts";
import { parseInt64 } from "../../src/wire/int64.ts";

const cases: [query: string, appid: bigint | undefined, uid: bigint | undefined][] = [
  ["appid=1&uid=2", 1n, 2n],
  ["appid=+1&uid=2", undefined, 2n],
  ["appid=%2B1&uid=%2b2", 1n, 2n],
  ["appid=007&uid=-007", 7n, -7n],
  ["appid=1&appid=2&uid=3", 1n, 3n],
  ["appid=&appid=2&uid=3", undefined, 3n],
  ["appid=%zz&appid=2&uid=3", 2n, 3n],
  ["appid=1;uid=2", undefined, undefined],
  ["appid=1;x&appid=3&uid=2", 3n, 2n],
  ["app%69d=1&uid=2", 1n, 2n],
  ["appid=1&uid=9223372036854775807", 1n, 9223372036854775807n],
  ["appid=1&uid=9223372036854775808", 1n, undefined],
  ["appid=1&uid=-9223372036854775808", 1n, -9223372036854775808n],
  ["appid=1&uid=-9223372036854775809", 1n, undefined],
  ["appid=1&uid=000000000000000000000000009223372036854775807", 1n, 9223372036854775807n],
  ["appid=0&uid=00", 0n, 0n],
  ["appid=1&uid=1_000", 1n, undefined],
  ["appid=1&uid=0x10", 1n, undefined],
  ["appid=1&uid=1e3", 1n, undefined],
  ["appid=1&uid=-0", 1n, 0n],
  ["appid=1&uid=-", 1n, undefined],
  ["appid=1&uid=%2B", 1n, undefined],
  ["appid=1&uid=2%20", 1n, undefined],
  ["appid=1&uid=2%00", 1n, undefined],
  ["appid=1&uid=2%0A", 1n, undefined],
  ["appid=1&uid=%EF%BC%91", 1n, undefined],
  ["appid=1&uid=2=3", 1n, undefined],
  ["appid=1&uid", 1n, undefined],
  ["&&appid=1&&uid=2&", 1n, 2n],
  ["appid=1&uid=2%", 1n, undefined],
  ["appid=1&uid=2?x=3", 1n, undefined],
  ["?appid=1&uid=2", undefined, 2n],
  ["Appid=1&uid=2", undefined, 2n],
  ["appid=1&uid=%32", 1n, 2n],
  ["appid+=1&uid=2", undefined, 2n],
  ["appid=1&uid=%+2", 1n, undefined],
  ["%61ppid=1&uid=2&%zz=3", 1n, 2n],
  ["", undefined, undefined],
];

for (const [query, appid, uid] of cases) {
  Deno.test(`firstParameter and parseInt64 read ${JSON.stringify(query)} as Go does`, () => {
    strictEqual(parseInt64(firstParameter(query, "appid")), appid);
    strictEqual(parseInt64(firstParameter(query, "uid")), uid);
  });
}

Deno.test("queryOf begins behind the first question mark", () => {
  strictEqual(queryOf("http://h/online"), "");
  strictEqual(queryOf("http://h/online?"), "");
  strictEqual(queryOf("http://h/online?a=1?b=2"), "a=1?b=2");
});

Deno.test("parseInt64 reads every int64 and no larger integer", () => {
  fc.assert(fc.property(fc.bigInt({ min: -(2n ** 65n), max: 2n ** 65n }), (value) => {
    const expected = BigInt.asIntN(64, value) === value ? value : undefined;
    strictEqual(parseInt64(String(value)), expected);
  }));
});

Deno.test("parseInt64 of 64 KiB of digits costs nothing", () => {
  const began = performance.now();
  strictEqual(parseInt64("9".repeat(64 << 10)), undefined);
  strictEqual(parseInt64("0".repeat(64 << 10) + "9"), 9n);
  const ms = performance.now() - began;
  if (ms > 50) throw new Error(`${ms} ms`);
});

Deno.test("firstParameter never throws", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."apid=&;%+2\u0000\n\ud800é") }), (query) => {
      firstParameter(query, "appid");
    }),
  );
});
