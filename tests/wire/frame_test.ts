// Lengths at and around every bound, and what a decoder gives out before a bad one.
import assert from "node:assert/strict";
import {
  BODY_BYTES_MAX,
  encodeFrame,
  FRAME_BODY_BYTES_DEFAULT,
  FrameDecoder,
  HEADER_BYTES,
} from "../../src/wire/frame.ts";
import { ProtocolError } from "../../src/wire/protocol_error.ts";
import { concat, hex, toHex } from "../support/wire_hex.ts";

/** A header that announces a length, for PUBLISH. */
function announcing(length: number): Uint8Array<ArrayBuffer> {
  const header = encodeFrame({ command: 132, seq: 1 });
  new DataView(header.buffer).setInt32(0, length);
  return header;
}

function isBadLength(error: unknown): boolean {
  return error instanceof ProtocolError && error.reason === "bad_length";
}

const FIRST = encodeFrame({ command: 131, seq: 1, body: hex("01") });
const SECOND = encodeFrame({ command: 131, seq: 2, body: hex("02") });

const LEGAL = [
  { max: undefined, name: "the default limit", lengths: [0, 1, 32_767, 32_768, 1 << 20] },
  { max: 32_767, name: "the family's limit", lengths: [0, 1, 32_766, 32_767] },
  { max: 0, name: "a limit of 0", lengths: [0] },
];

for (const { max, name, lengths } of LEGAL) {
  for (const length of lengths) {
    Deno.test(`FrameDecoder.next with ${name} gives out a body of ${length} bytes`, () => {
      const body = new Uint8Array(length).fill(0x5a);
      const decoder = new FrameDecoder(max);
      decoder.push(
        concat(FIRST.subarray(0, max === 0 ? 0 : FIRST.length), announcing(length), body),
      );
      if (max !== 0) assert.ok(decoder.next());
      assert.ok(decoder.next());
      assert.equal(decoder.end - decoder.start, HEADER_BYTES + length);
      assert.ok(
        decoder.bytes.subarray(decoder.start + HEADER_BYTES, decoder.end).every((b) => b === 0x5a),
      );
      assert.equal(decoder.next(), false);
      assert.equal(decoder.heldBytes, 0);
    });
  }
}

const ILLEGAL = [
  { max: undefined, lengths: [-1, -32_768, -(2 ** 31), (1 << 20) + 1, 2 ** 31 - 1] },
  { max: 32_767, lengths: [-1, -(2 ** 31), 32_768, 65_536, 2 ** 31 - 1] },
];

for (const { max, lengths } of ILLEGAL) {
  for (const length of lengths) {
    const title = `FrameDecoder.next refuses length ${length} where the limit is ${
      max ?? "the default"
    }`;

    Deno.test(`${title}, after giving out the frames before it`, () => {
      const decoder = new FrameDecoder(max);
      decoder.push(concat(FIRST, SECOND, announcing(length), FIRST));
      const seen: string[] = [];
      assert.throws(() => {
        while (decoder.next()) seen.push(toHex(decoder.bytes.subarray(decoder.start, decoder.end)));
      }, isBadLength);
      assert.deepEqual(seen, [toHex(FIRST), toHex(SECOND)]);
    });

    Deno.test(`${title}, on the last byte of the header and before any of the body`, () => {
      const decoder = new FrameDecoder(max);
      for (const byte of announcing(length).subarray(0, 11)) {
        decoder.push(Uint8Array.of(byte));
        assert.equal(decoder.next(), false);
      }
      decoder.push(Uint8Array.of(0));
      assert.throws(() => decoder.next(), isBadLength);
    });
  }
}

Deno.test("FrameDecoder limits are the ones of the family and of the design", () => {
  assert.equal(HEADER_BYTES, 12);
  assert.equal(BODY_BYTES_MAX, 32_767);
  assert.equal(FRAME_BODY_BYTES_DEFAULT, 1_048_576);
});

Deno.test("FrameDecoder.next without bytes, or with an empty chunk, has no frame", () => {
  const decoder = new FrameDecoder();
  assert.equal(decoder.next(), false);
  decoder.push(new Uint8Array(0));
  assert.equal(decoder.next(), false);
  assert.equal(decoder.heldBytes, 0);
});

Deno.test("FrameDecoder.heldBytes counts what came of an unfinished frame, header or body", () => {
  const decoder = new FrameDecoder();
  const frame = encodeFrame({ command: 132, body: new Uint8Array(20) });
  for (let count = 1; count < frame.length; count++) {
    decoder.push(frame.subarray(count - 1, count));
    assert.equal(decoder.next(), false);
    assert.equal(decoder.heldBytes, count);
  }
  decoder.push(concat(frame.subarray(-1), FIRST, SECOND.subarray(0, 5)));
  assert.ok(decoder.next());
  assert.equal(toHex(decoder.bytes.subarray(decoder.start, decoder.end)), toHex(frame));
  assert.ok(decoder.next());
  assert.equal(toHex(decoder.bytes.subarray(decoder.start, decoder.end)), toHex(FIRST));
  assert.equal(decoder.next(), false);
  assert.equal(decoder.heldBytes, 5);
});

Deno.test("FrameDecoder.push takes a chunk that is overwritten after next has answered false", () => {
  const decoder = new FrameDecoder();
  const buffer = new Uint8Array(16);
  const seen: string[] = [];
  const stream = concat(FIRST, SECOND, FIRST);
  for (let at = 0; at < stream.length; at += buffer.length) {
    const part = stream.subarray(at, at + buffer.length);
    buffer.set(part);
    decoder.push(buffer.subarray(0, part.length));
    while (decoder.next()) seen.push(toHex(decoder.bytes.subarray(decoder.start, decoder.end)));
    buffer.fill(0xff);
  }
  assert.deepEqual(seen, [toHex(FIRST), toHex(SECOND), toHex(FIRST)]);
});

Deno.test("FrameDecoder.next copies nothing of a frame that lies whole in one chunk", () => {
  const decoder = new FrameDecoder();
  const chunk = concat(FIRST, SECOND);
  decoder.push(chunk);
  while (decoder.next()) {
    assert.equal(decoder.bytes.buffer, chunk.buffer);
    assert.equal(decoder.view.buffer, chunk.buffer);
  }
});
