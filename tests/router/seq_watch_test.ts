// Torn streams: a connection that has counted for 16 frames is held to it; one that never counts is exempt.
import assert from "node:assert/strict";
import { COUNTING_FRAMES, SeqWatch } from "../../src/router/seq_watch.ts";
import { ProtocolError } from "../../src/wire/protocol_error.ts";
import { Scene } from "../support/router_scene.ts";
import { subscribe, withBodyCut, withSeq } from "../support/wire_frames.ts";

/** Which of these numbers, by its place, is refused; undefined when none is. */
function refusedAt(seqs: readonly number[]): number | undefined {
  const watch = new SeqWatch();
  watch.reset(3);
  for (const [i, seq] of seqs.entries()) {
    try {
      watch.check(3, seq | 0);
    } catch (error) {
      assert.ok(error instanceof ProtocolError && error.reason === "seq_gap", String(error));
      return i;
    }
  }
  return undefined;
}

const count = (from: number, frames: number) => Array.from({ length: frames }, (_, i) => from + i);

const ROWS: readonly [why: string, seqs: readonly number[], refused: number | undefined][] = [
  ["takes 1, 2, 3 … for ever", count(1, 1_000), undefined],
  ["refuses a jump after 16 frames in sequence", [...count(1, 16), 18], 16],
  ["refuses a repetition after 16 frames", [...count(1, 16), 16], 16],
  ["refuses a step back to 1 after 16 frames", [...count(1, 16), 1], 16],
  ["refuses 0 after 16 frames: what a misaligned stream often reads", [...count(1, 16), 0], 16],
  ["takes a jump after 15 frames: not counting yet", [...count(1, 15), 17, 18], undefined],
  ["takes the 17th in sequence and refuses a jump after it", [...count(1, 17), 19], 17],
  [
    "begins anew after a jump: 16 more make it counting",
    [...count(1, 15), ...count(50, 16), 99],
    31,
  ],
  ["begins anew after a jump: 15 more do not", [...count(1, 15), ...count(50, 15), 99], undefined],
  ["exempts a connection that sends 0 always", new Array(100).fill(0), undefined],
  ["exempts a connection that sends 1 always", new Array(100).fill(1), undefined],
  ["exempts a connection that counts down", count(1, 100).map((i) => -i), undefined],
  [
    "exempts a connection that skips every second number",
    count(1, 100).map((i) => 2 * i),
    undefined,
  ],
  ["wraps at 32 bits: 7fffffff, then 80000000", [...count(0x7fff_fff0, 40)], undefined],
  ["wraps at 32 bits: ffffffff, then 0", count(0xffff_fff0, 40), undefined],
  ["refuses a wrong number right after the wrap", [...count(0x7fff_fff0, 16), 0x7fff_ffff], 16],
  ["refuses a wrong number right after ffffffff", [...count(0xffff_fff0, 16), 1], 16],
];

for (const [why, seqs, refused] of ROWS) {
  Deno.test(`SeqWatch.check ${why}`, () => assert.equal(refusedAt(seqs), refused));
}

Deno.test("SeqWatch counts after 16 frames", () => assert.equal(COUNTING_FRAMES, 16));

Deno.test("SeqWatch.reset begins anew for a connection and leaves the others", () => {
  const watch = new SeqWatch();
  for (const connection of [0, 40]) {
    watch.reset(connection);
    for (const seq of count(1, 16)) watch.check(connection, seq);
  }
  watch.reset(40);
  watch.check(40, 5);
  assert.throws(() => watch.check(0, 5), ProtocolError);
});

/** Sends frames with these numbers. */
function sendAll(scene: Scene, name: string, seqs: readonly number[]): void {
  for (const seq of seqs) scene.send(name, withSeq(subscribe(BigInt(seq)), seq));
}

Deno.test("Router.receive closes a counting connection on a seq gap, and does nothing of the frame", () => {
  const scene = new Scene({ generation: 1 }, "a b");
  sendAll(scene, "a", count(1, 16));
  scene.sendBad("a", withSeq(subscribe(99n), 18), "seq_gap");
  assert.equal(scene.router.table.users.subscriptions, 16);
});

Deno.test("Router.receive counts frames of every command, skipped ones too", () => {
  const scene = new Scene({ generation: 1 }, "a");
  sendAll(scene, "a", count(1, 8));
  const skipped = withBodyCut(subscribe(1n), 0);
  skipped[8] = 13;
  for (const seq of count(9, 8)) scene.send("a", withSeq(skipped, seq));
  scene.sendBad("a", withSeq(skipped, 18), "seq_gap");
});

Deno.test("Router.receive watches each connection by itself", () => {
  const scene = new Scene({ generation: 1 }, "a b");
  for (const seq of count(1, 20)) {
    sendAll(scene, "a", [seq]);
    sendAll(scene, "b", [0]);
  }
  scene.sendBad("a", withSeq(subscribe(1n), 0), "seq_gap");
  sendAll(scene, "b", [7]);
});

Deno.test("Router.connect begins anew where a number is given out again", () => {
  const scene = new Scene({ generation: 1 }, "a");
  sendAll(scene, "a", count(1, 20));
  scene.play("a.");
  scene.router.table.sweep(1_000);
  const before = scene.router.table.connectionCount;
  sendAll(scene, "a", [1, 2, 9, 4]);
  assert.equal(scene.router.table.connectionCount, before + 1);
});
