// A stream of random bytes throws nothing but the protocol error.
import assert from "node:assert/strict";
import fc from "fast-check";
import { encodeFrame, FrameDecoder } from "../../src/wire/frame.ts";
import { ProtocolError } from "../../src/wire/protocol_error.ts";
import { concat } from "../support/wire_hex.ts";

const MAX = 32_767;

/** Decodes chunks until they end or the decoder refuses; anything else it throws fails the property. */
function decode(chunks: readonly Uint8Array[]): void {
  const decoder = new FrameDecoder(MAX);
  let given = 0;
  let pushed = 0;
  try {
    for (const chunk of chunks) {
      decoder.push(chunk);
      pushed += chunk.length;
      while (decoder.next()) {
        const { start, end, bytes, view } = decoder;
        assert.ok(start >= 0 && end - start >= 12 && end <= bytes.length);
        assert.equal(view.getInt32(start), end - start - 12);
        given += end - start;
      }
      assert.equal(decoder.heldBytes, pushed - given, "each byte is in a frame or held");
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    assert.equal(error.reason, "bad_length");
  }
}

Deno.test("FrameDecoder on random bytes throws nothing but ProtocolError", () => {
  const chunks = fc.array(fc.uint8Array({ maxLength: 200, size: "max" }), {
    maxLength: 20,
    size: "max",
  });
  fc.assert(fc.property(chunks, decode), { numRuns: 1_000 });
});

Deno.test("FrameDecoder on frames with a few damaged bytes throws nothing but ProtocolError", () => {
  const frame = fc.record({
    command: fc.nat(255),
    body: fc.uint8Array({ maxLength: 40, size: "max" }),
  });
  const damage = fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 4, size: "max" });
  const property = fc.property(
    fc.array(frame, { minLength: 1, maxLength: 10, size: "max" }),
    damage,
    fc.array(fc.nat(60), { maxLength: 10, size: "max" }),
    (frames, damages, steps) => {
      const stream = concat(...frames.map(encodeFrame));
      for (const [at, byte] of damages) if (at < stream.length) stream[at] = byte;
      const chunks: Uint8Array[] = [];
      let at = 0;
      for (const step of [...steps, stream.length]) chunks.push(stream.subarray(at, at += step));
      decode(chunks);
    },
  );
  fc.assert(property, { numRuns: 1_000 });
});

Deno.test("FrameDecoder on a stream of zeros gives out empty frames", () => {
  const decoder = new FrameDecoder(MAX);
  decoder.push(new Uint8Array(120));
  let frames = 0;
  while (decoder.next()) frames++;
  assert.equal(frames, 10);
});
