// Order, wholeness and counters of an outbox under random sizes, partial writes and stalls.
import assert from "node:assert/strict";
import { OutboxScene } from "./outbox_fixture.ts";
import { Random, seeds } from "./random.ts";
import { settle, until, within } from "./waiting.ts";

const BODY_BYTES_MAX = 32_767;

/** Does something to the scene that may happen to an outbox at any time. */
async function step(scene: OutboxScene, random: Random): Promise<void> {
  const { outbox, pair } = scene;
  switch (random.below(12)) {
    case 0:
      pair.pause();
      break;
    case 1:
      pair.resume();
      break;
    case 2:
      pair.stall();
      break;
    case 3:
    case 4:
      pair.release();
      break;
    case 5:
      await settle();
      break;
    case 6:
      for (let turns = random.below(6); turns > 0; turns--) await null;
      break;
    default: {
      const high = random.oneIn(3) ? BODY_BYTES_MAX : 2_000;
      for (let frames = random.skewed(1, 40); frames > 0; frames--) {
        scene.append(random.oneIn(20) ? 0 : random.skewed(1, high));
      }
      if (!random.oneIn(4)) outbox.flush();
    }
  }
}

for (const seed of seeds(120)) {
  Deno.test(`Outbox keeps order and counts exactly under random sizes, partial writes and stalls: seed ${seed}`, async () => {
    const random = new Random(seed);
    const partial = random.oneIn(2);
    const scene = new OutboxScene({
      takesAtOnce: random.oneIn(2),
      capacityBytes: random.skewed(1_000, 300_000),
      writeBytesMax: () => partial && random.oneIn(2) ? random.skewed(1, 70_000) : Infinity,
    });
    const { outbox, pair } = scene;
    for (let i = random.skewed(5, 100); i > 0; i--) {
      await step(scene, random);
      scene.checkCounters();
    }
    pair.release();
    pair.resume();
    if (random.oneIn(2)) outbox.flush();
    else await settle();
    await within(outbox.end(), `seed ${seed}: end`);
    scene.checkReceived();
    scene.checkCounters();
    assert.equal(outbox.waitingBytes, 0);
    assert.equal(outbox.sentBytes, pair.receivedBytes);
    assert.equal(outbox.sentFrames, scene.appended.length);
    assert.equal(outbox.droppedFrames, 0);
    assert.equal(outbox.busy, false);
    assert.deepEqual(scene.failures, []);
  });
}

for (const seed of seeds(60)) {
  Deno.test(`Outbox that is closed at a random moment has sent a prefix and dropped the rest: seed ${seed}`, async () => {
    const random = new Random(seed ^ 0x5ca1ab1e);
    const scene = new OutboxScene({
      takesAtOnce: random.oneIn(2),
      capacityBytes: random.skewed(1_000, 300_000),
      writeBytesMax: () => random.oneIn(2) ? random.skewed(1, 70_000) : Infinity,
      closeEndsWrites: random.oneIn(2),
    });
    const { outbox, pair } = scene;
    for (let i = random.skewed(5, 60); i > 0; i--) await step(scene, random);
    outbox.close();
    pair.transport.close();
    const { sentBytes, sentFrames, droppedBytes, droppedFrames } = outbox;
    assert.equal(sentBytes + droppedBytes, scene.appendedBytes, "bytes add up");
    assert.equal(sentFrames + droppedFrames, scene.appended.length, "frames add up");
    scene.append(10);
    assert.equal(outbox.droppedFrames, droppedFrames + 1, "a closed outbox drops");
    pair.release();
    pair.resume();
    await until(() => !pair.writePending, "the write that was under way ends");
    await settle();
    scene.appended.pop();
    scene.checkReceived(pair.frames().length);
    assert.ok(pair.frames().length >= sentFrames);
    assert.deepEqual(scene.failures, [], "what a closed outbox could not write is no failure");
  });
}
