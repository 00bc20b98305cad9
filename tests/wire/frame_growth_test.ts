// A peer that drips, or announces much and sends little, costs no more than what it sent.
import assert from "node:assert/strict";
import { encodeFrame, FrameDecoder, HEADER_BYTES } from "../../src/wire/frame.ts";

const MIB = 1 << 20;

/** A header for a body of 1 MiB. */
function header(): Uint8Array<ArrayBuffer> {
  const bytes = encodeFrame({ command: 132, seq: 1 });
  new DataView(bytes.buffer).setInt32(0, MIB);
  return bytes;
}

/** Feeds bytes one at a time; gives back milliseconds. */
function drip(decoder: FrameDecoder, bytes: Uint8Array, msMax: number): number {
  const started = performance.now();
  for (let i = 0; i < bytes.length; i++) {
    decoder.push(bytes.subarray(i, i + 1));
    assert.equal(decoder.next(), i === bytes.length - 1);
    if (i % 10_000 === 0 && performance.now() - started > msMax) break;
  }
  return performance.now() - started;
}

Deno.test("FrameDecoder takes a frame of 1 MiB byte by byte in linear time", () => {
  const frame = new Uint8Array(HEADER_BYTES + MIB).fill(0x5a);
  frame.set(header());
  const decoder = new FrameDecoder();
  const msMax = 4_000; // about 0.2 s; one copy of all that is held for each byte would be a minute
  const ms = drip(decoder, frame, msMax);
  assert.ok(ms < msMax, `${Math.round(ms)} ms for 1 MiB, byte by byte`);
  assert.equal(decoder.end - decoder.start, frame.length);
  assert.ok(
    decoder.bytes.subarray(decoder.start + HEADER_BYTES, decoder.end).every((b) => b === 0x5a),
  );
});

/** Bytes of all array buffers there are. */
const bufferBytes = (): number => Deno.memoryUsage().external;

Deno.test("FrameDecoder keeps space for what came, not for what was announced", () => {
  const part = new Uint8Array(HEADER_BYTES + 1_000);
  part.set(header());
  const before = bufferBytes();
  const decoders = Array.from({ length: 400 }, () => {
    const decoder = new FrameDecoder();
    decoder.push(part);
    assert.equal(decoder.next(), false);
    return decoder;
  });
  const each = (bufferBytes() - before) / decoders.length;
  assert.ok(decoders.every((decoder) => decoder.heldBytes === part.length));
  assert.ok(each < 2_600, `${Math.round(each)} bytes for each 1,012 that came`);
});

Deno.test("FrameDecoder keeps at most about twice what came while a frame grows", () => {
  const decoder = new FrameDecoder();
  const chunk = new Uint8Array(4_096);
  decoder.push(header());
  decoder.next();
  for (let came = 0; came + chunk.length < MIB; came += chunk.length) {
    const before = bufferBytes();
    decoder.push(chunk);
    assert.equal(decoder.next(), false);
    const grown = bufferBytes() - before;
    assert.ok(grown <= 2 * (came + chunk.length) + 4_096, `${grown} bytes more after ${came}`);
  }
});

Deno.test("FrameDecoder lets go of a large frame's space once the next frame is there", () => {
  const large = new Uint8Array(HEADER_BYTES + MIB);
  large.set(header());
  const decoder = new FrameDecoder();
  decoder.push(large.subarray(0, 100));
  assert.equal(decoder.next(), false);
  decoder.push(large.subarray(100));
  assert.ok(decoder.next());
  assert.equal(decoder.end - decoder.start, large.length);
  const small = encodeFrame({ command: 131, body: new Uint8Array(16) });
  decoder.push(small.subarray(0, 20));
  assert.equal(decoder.next(), false);
  decoder.push(small.subarray(20));
  assert.ok(decoder.next());
  assert.ok(decoder.bytes.buffer.byteLength <= 65_536, `${decoder.bytes.buffer.byteLength} bytes`);
});
