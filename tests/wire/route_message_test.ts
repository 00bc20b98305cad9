// When inner_length is believed, for route messages and, at another place, for batch pushes.
import assert from "node:assert/strict";
import { batchPushInnerLengthAt, encodeBatchPush } from "../../src/wire/batch_push.ts";
import { BODY_BYTES_MAX } from "../../src/wire/frame.ts";
import { ProtocolError } from "../../src/wire/protocol_error.ts";
import { encodeRouteMessage, INNER_BYTES_MAX, innerBytes } from "../../src/wire/route_message.ts";
import { hex, shifted } from "../support/wire_hex.ts";

function isMalformed(error: unknown): boolean {
  return error instanceof ProtocolError && error.reason === "malformed_body";
}

/** A body with this inner_length and so many bytes behind it, in the midst of a larger buffer. */
function route(innerLength: number, left: number): [DataView, number, number] {
  const body = new Uint8Array(42 + left);
  new DataView(body.buffer).setInt16(40, innerLength);
  return placed(body);
}

function placed(body: Uint8Array): [DataView, number, number] {
  const part = shifted(body, 7);
  return [new DataView(part.buffer), part.byteOffset, part.byteOffset + part.length];
}

Deno.test("innerBytes refuses a body that is too short for its fixed part, at every length", () => {
  for (let bytes = 0; bytes < 42; bytes++) {
    assert.throws(() => innerBytes(...placed(new Uint8Array(bytes))), isMalformed, `${bytes}`);
  }
  assert.equal(innerBytes(...placed(new Uint8Array(42))), 0);
});

const BELIEVED: readonly [innerLength: number, left: number, bytes: number, why: string][] = [
  [0, 0, 0, "there is nothing"],
  [0, 9, 0, "all that follows is extra"],
  [9, 9, 9, "it is what is left"],
  [9, 30, 9, "extra bytes follow"],
  [32_725, 32_725, 32_725, "the body is as long as servers read"],
  [32_726, 32_726, 32_726, "servers cannot read it back, but it is there"],
  [32_767, 32_767, 32_767, "it is the longest i16"],
  [32_767, 40_000, 32_767, "it is the longest i16 and extra bytes follow"],
  [-32_768, 32_768, 32_768, "it has just turned negative and its low 16 bits are what is left"],
  [-32_757, 32_779, 32_779, "an inner body of 32,767 bytes has turned it negative"],
  [-1, 65_535, 65_535, "it is -1 and 65,535 bytes are left"],
];

for (const [innerLength, left, bytes, why] of BELIEVED) {
  Deno.test(`innerBytes believes ${innerLength} with ${left} bytes left: ${why}`, () => {
    assert.equal(innerBytes(...route(innerLength, left)), bytes);
  });
}

const REFUSED: readonly [innerLength: number, left: number, why: string][] = [
  [1, 0, "nothing is left"],
  [10, 9, "it is past the end by one"],
  [32_767, 32_766, "it is past the end by one"],
  [-1, 0, "it is negative"],
  [-1, 1, "it is negative"],
  [-1, 65_534, "it is negative and one too many for what is left"],
  [-1, 65_536, "it is negative and one too few for what is left"],
  [-32_768, 0, "it is negative"],
  [-32_768, 32_767, "it is negative and one too many for what is left"],
  [-32_768, 32_769, "it is negative and extra bytes follow"],
  [-32_768, 32_768 + 65_536, "it is negative and what is left equals it only by 16 bits"],
];

for (const [innerLength, left, why] of REFUSED) {
  Deno.test(`innerBytes refuses ${innerLength} with ${left} bytes left: ${why}`, () => {
    assert.throws(() => innerBytes(...route(innerLength, left)), isMalformed);
  });
}

Deno.test("INNER_BYTES_MAX is what fits into the longest body that servers read", () => {
  assert.equal(INNER_BYTES_MAX, 32_725);
  const body = encodeRouteMessage({ appid: 1n, receiver: 2n, inner: new Uint8Array(32_725) });
  assert.equal(body.length, BODY_BYTES_MAX);
});

Deno.test("encodeRouteMessage of an inner frame over 32,767 bytes turns inner_length negative", () => {
  const body = encodeRouteMessage({ appid: 1n, receiver: 2n, inner: new Uint8Array(32_768) });
  assert.equal(new DataView(body.buffer).getInt16(40), -32_768);
  assert.equal(innerBytes(...placed(body)), 32_768);
});

Deno.test("batchPushInnerLengthAt refuses a body under 12 bytes, at every length", () => {
  for (let bytes = 0; bytes < 12; bytes++) {
    const body = placed(new Uint8Array(bytes));
    assert.throws(() => batchPushInnerLengthAt(...body), isMalformed, `${bytes}`);
  }
  assert.equal(batchPushInnerLengthAt(...placed(new Uint8Array(12))), 10);
});

Deno.test("batchPushInnerLengthAt refuses a body under 12 + 8 × count bytes", () => {
  for (const count of [1, 2, 300]) {
    const body = encodeBatchPush(7n, new Array(count).fill(-1n), hex(""));
    assert.equal(batchPushInnerLengthAt(...placed(body)), 10 + 8 * count);
    const short = placed(body.subarray(0, -1));
    assert.throws(() => batchPushInnerLengthAt(...short), isMalformed, `${count}`);
  }
});

Deno.test("batchPushInnerLengthAt reads count as unsigned", () => {
  const body = encodeBatchPush(7n, new Array(65_535).fill(1n), hex(""));
  assert.equal(batchPushInnerLengthAt(...placed(body)), 10 + 8 * 65_535);
  const claims = placed(hex("0000000000000007 8000 0000"));
  assert.throws(() => batchPushInnerLengthAt(...claims), isMalformed);
});

Deno.test("innerBytes of a batch push goes by the place of its inner_length", () => {
  for (const [left, innerLength, bytes] of [[3, 3, 3], [5, 3, 3], [32_768, -32_768, 32_768]]) {
    const body = new Uint8Array(28 + left!);
    const fields = new DataView(body.buffer);
    fields.setUint16(8, 2);
    fields.setInt16(26, innerLength!);
    assert.equal(innerBytes(...placed(body), 26), bytes);
  }
  const past = placed(hex("0000000000000007 0000 0001"));
  assert.throws(() => innerBytes(...past, 10), isMalformed);
});
