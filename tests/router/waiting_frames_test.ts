// The queue of frames that wait by itself: order, copies and both bounds.
import assert from "node:assert/strict";
import { FRAME_OVERHEAD_BYTES, WaitingFrames } from "../../src/router/waiting_frames.ts";

/** Adds a frame whose every byte is `value`. */
function add(frames: WaitingFrames, value: number, length = 1): void {
  frames.add(new Uint8Array(length).fill(value), 0, length);
}

/** Takes everything; the first byte of each. */
function takeAll(frames: WaitingFrames): (number | undefined)[] {
  const values: (number | undefined)[] = [];
  for (let frame = frames.take(); frame !== undefined; frame = frames.take()) {
    values.push(frame[0]);
  }
  return values;
}

Deno.test("WaitingFrames.take gives what came first, however adding and taking alternate", () => {
  const frames = new WaitingFrames();
  let added = 0;
  let taken = 0;
  for (let round = 0; round < 200; round++) {
    for (let i = 0; i < 1 + round * 7 % 5; i++) add(frames, added++ & 255);
    for (let i = 0; i < round * 3 % 6 && frames.count > 0; i++) {
      assert.equal(frames.take()![0], taken++ & 255);
    }
    assert.equal(frames.count, added - taken);
    assert.equal(frames.byteLength, (added - taken) * (1 + FRAME_OVERHEAD_BYTES));
  }
  assert.ok(taken > 200 && added > taken, `${added} added, ${taken} taken`);
  assert.deepEqual(
    takeAll(frames),
    Array.from({ length: added - taken }, (_, i) => taken + i & 255),
  );
  assert.deepEqual([frames.count, frames.byteLength, frames.dropped], [0, 0, 0]);
});

Deno.test("WaitingFrames.add copies the part that it is told: the caller's buffer is used anew", () => {
  const frames = new WaitingFrames();
  const buffer = Uint8Array.of(9, 1, 2, 3, 9);
  frames.add(buffer, 1, 4);
  buffer.fill(8);
  frames.add(buffer, 0, 2);
  buffer.fill(7);
  const first = frames.take()!;
  assert.deepEqual([...first], [1, 2, 3]);
  assert.equal(first.buffer.byteLength, 3, "nothing else of the caller's buffer is kept");
  assert.deepEqual([...frames.take()!], [8, 8]);
});

Deno.test("WaitingFrames.take of nothing is undefined, before anything came and after all has gone", () => {
  const frames = new WaitingFrames();
  assert.equal(frames.take(), undefined);
  add(frames, 1);
  frames.take();
  assert.equal(frames.take(), undefined);
  assert.equal(frames.take(), undefined);
  assert.deepEqual([frames.count, frames.byteLength], [0, 0]);
  add(frames, 2);
  assert.deepEqual(takeAll(frames), [2]);
});

Deno.test("WaitingFrames.take gives a frame without bytes as one", () => {
  const frames = new WaitingFrames();
  frames.add(new Uint8Array(4), 2, 2);
  assert.deepEqual([frames.count, frames.byteLength], [1, FRAME_OVERHEAD_BYTES]);
  assert.equal(frames.take()?.length, 0);
  assert.equal(frames.count, 0);
});

Deno.test("WaitingFrames.add drops the oldest past the bound of frames, and counts them", () => {
  const frames = new WaitingFrames({ framesMax: 3, bytesMax: 1 << 20 });
  for (const value of [1, 2, 3]) add(frames, value);
  assert.deepEqual([frames.count, frames.dropped], [3, 0], "the bound itself is within");
  add(frames, 4);
  add(frames, 5);
  assert.deepEqual([frames.count, frames.dropped], [3, 2]);
  assert.deepEqual(takeAll(frames), [3, 4, 5]);
  assert.equal(frames.dropped, 2, "who is taken is not dropped");
});

Deno.test("WaitingFrames.add drops as many as the bound of bytes asks, and counts them", () => {
  const bytesMax = 3 * (100 + FRAME_OVERHEAD_BYTES);
  const frames = new WaitingFrames({ framesMax: 100, bytesMax });
  for (const value of [1, 2, 3]) add(frames, value, 100);
  assert.deepEqual([frames.count, frames.byteLength, frames.dropped], [3, bytesMax, 0]);
  add(frames, 4, 101);
  assert.deepEqual([frames.count, frames.dropped], [2, 2], "one byte too much costs the next too");
  add(frames, 5, bytesMax - FRAME_OVERHEAD_BYTES);
  assert.deepEqual([frames.count, frames.byteLength, frames.dropped], [1, bytesMax, 4]);
  assert.deepEqual(takeAll(frames), [5]);
});

Deno.test("WaitingFrames.add of a frame that is larger than the bound drops it with all others", () => {
  const frames = new WaitingFrames({ framesMax: 100, bytesMax: 1_000 });
  add(frames, 1);
  add(frames, 2, 1_001 - FRAME_OVERHEAD_BYTES);
  assert.deepEqual([frames.count, frames.byteLength, frames.dropped], [0, 0, 2]);
  add(frames, 3);
  assert.deepEqual(takeAll(frames), [3]);
});

Deno.test("WaitingFrames stays as fast when it drops all the time: a million frames past the bound", () => {
  const frames = new WaitingFrames({ framesMax: 10_000, bytesMax: 64 << 20 });
  const frame = new Uint8Array(4);
  const view = new DataView(frame.buffer);
  const started = performance.now();
  for (let i = 0; i < 1_000_000; i++) {
    view.setUint32(0, i);
    frames.add(frame, 0, 4);
  }
  const ms = performance.now() - started;
  assert.deepEqual([frames.count, frames.dropped], [10_000, 990_000]);
  const oldest = frames.take()!;
  assert.equal(new DataView(oldest.buffer).getUint32(0), 990_000);
  // A queue that moves all that is left at each drop takes minutes.
  assert.ok(ms < 5_000, `${ms} ms`);
});
