// Any cut of a byte stream gives the same frames.
import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeFrame, FrameDecoder } from "../../src/wire/frame.ts";
import { concat, shifted, toHex } from "../support/wire_hex.ts";
import { recordedStreams } from "../support/wire_vectors.ts";

/** All frames of a stream that comes in these chunks. */
function framesOf(chunks: Iterable<Uint8Array>): string[] {
  const decoder = new FrameDecoder();
  const frames: string[] = [];
  for (const chunk of chunks) {
    decoder.push(chunk);
    while (decoder.next()) {
      assert.equal(decoder.view.getUint8(decoder.start + 8), decoder.bytes[decoder.start + 8]);
      frames.push(toHex(decoder.bytes.subarray(decoder.start, decoder.end)));
    }
  }
  assert.equal(decoder.heldBytes, 0, "no byte is left over");
  return frames;
}

/** The stream in chunks that begin at these places; each lies in a buffer of its own or all in one. */
function* cut(stream: Uint8Array, places: readonly number[]): Generator<Uint8Array> {
  let at = 0;
  for (const place of [...places, stream.length]) {
    const chunk = stream.subarray(at, place);
    yield place % 2 === 0 ? chunk : shifted(chunk, 1);
    at = place;
  }
}

/** Frames by their announced lengths alone: the naive way. */
function naiveFrames(stream: Uint8Array): string[] {
  const view = new DataView(stream.buffer, stream.byteOffset);
  const frames: string[] = [];
  for (let at = 0; at < stream.length;) {
    const end = at + 12 + view.getInt32(at);
    frames.push(toHex(stream.subarray(at, end)));
    at = end;
  }
  return frames;
}

const SHORT = concat(
  ...[0, 1, 16, 17, 0, 62, 0, 0, 600, 5].map((bodyBytes, i) =>
    encodeFrame({ command: 130 + i, seq: i + 1, body: new Uint8Array(bodyBytes).fill(i) })
  ),
);

Deno.test("FrameDecoder gives the same frames for every single cut", () => {
  const whole = naiveFrames(SHORT);
  for (let place = 0; place <= SHORT.length; place++) {
    assert.deepEqual(framesOf(cut(SHORT, [place])), whole, `cut at ${place}`);
  }
});

Deno.test("FrameDecoder gives the same frames for every pair of cuts near each other", () => {
  const whole = naiveFrames(SHORT);
  for (let place = 0; place < 180; place++) {
    for (let more = 0; more <= 40; more++) {
      assert.deepEqual(framesOf(cut(SHORT, [place, place + more])), whole, `${place} + ${more}`);
    }
  }
});

Deno.test("FrameDecoder gives the same frames when the recorded streams drip byte by byte", () => {
  for (const stream of recordedStreams()) {
    assert.deepEqual(
      framesOf(Array.from(stream, (byte) => Uint8Array.of(byte))),
      naiveFrames(stream),
    );
  }
});

Deno.test("FrameDecoder gives the same frames for every single cut of a recorded stream", () => {
  const stream = recordedStreams().reduce((a, b) => a.length < b.length ? a : b).subarray(0, 2_000);
  const end = naiveEnd(stream);
  const whole = naiveFrames(stream.subarray(0, end));
  for (let place = 0; place <= end; place++) {
    assert.deepEqual(framesOf(cut(stream.subarray(0, end), [place])), whole, `cut at ${place}`);
  }
});

/** Where the last whole frame of a stream ends. */
function naiveEnd(stream: Uint8Array): number {
  const view = new DataView(stream.buffer, stream.byteOffset);
  let at = 0;
  for (let end = 0; end <= stream.length;) {
    at = end;
    if (at + 12 > stream.length) break;
    end = at + 12 + view.getInt32(at);
  }
  return at;
}

Deno.test("FrameDecoder gives the same frames for random cuts of the recorded streams", () => {
  const streams = recordedStreams().map((stream) => ({ stream, whole: naiveFrames(stream) }));
  const property = fc.property(
    fc.constantFrom(...streams),
    fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 60, size: "max" }),
    ({ stream, whole }, parts) => {
      const places = parts.map((part) => Math.floor(part * stream.length)).sort((a, b) => a - b);
      assert.deepEqual(framesOf(cut(stream, places)), whole);
    },
  );
  fc.assert(property, { numRuns: 60 });
});

Deno.test("FrameDecoder gives the same frames for random frames in random chunks", () => {
  const frame = fc.record({
    command: fc.nat(255),
    seq: fc.integer(),
    version: fc.nat(255),
    flag: fc.nat(255),
    body: fc.uint8Array({ maxLength: 80, size: "max" }),
  });
  const property = fc.property(
    fc.array(frame, { maxLength: 12, size: "max" }),
    fc.array(fc.nat(50), { maxLength: 40, size: "max" }),
    (parts, steps) => {
      const frames = parts.map(encodeFrame);
      const stream = concat(...frames);
      let at = 0;
      const places = steps.map((step) => at = Math.min(at + step, stream.length));
      assert.deepEqual(framesOf(cut(stream, places)), frames.map(toHex));
    },
  );
  fc.assert(property, { numRuns: 300 });
});
