// Random and damaged frames: Router.receive throws nothing but the protocol error, in each generation setting.
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Generation, Router, type RouterOptions } from "../../src/router/router.ts";
import { encodeFrame } from "../../src/wire/frame.ts";
import { ProtocolError } from "../../src/wire/protocol_error.ts";
import {
  inner,
  publish,
  publishGroup,
  publishRoom,
  push,
  subscribe,
  subscribeRoom,
  unsubscribe,
  unsubscribeRoom,
  withBody,
} from "../support/wire_frames.ts";
import { groupsOf } from "../support/group_tables.ts";
import { concat } from "../support/wire_hex.ts";

const GENERATIONS: readonly Generation[] = [1, 2, "auto"];

function optionsFor(generation: Generation): RouterOptions {
  const groups = groupsOf([2n, [1n, 2n, 3n, -1n]]);
  return { generation, groups, isPushSystem: true, subscriptionsPerConnectionMax: 8 };
}

/** Routes frames from one of three connections, each frame at the very end of its buffer: a read past it throws. */
function route(
  router: Router,
  connections: readonly number[],
  frames: readonly Uint8Array[],
): void {
  for (const [i, frame] of frames.entries()) {
    const from = connections[i % connections.length]!;
    const bytes = concat(new Uint8Array(3), frame);
    const jobsBefore = router.jobs.count;
    try {
      const outcome = router.receive(from, bytes, new DataView(bytes.buffer), 3, bytes.length);
      if (outcome.targetCount > 0) {
        assert.ok(outcome.bodyEnd <= bytes.length && outcome.bodyEnd >= 3 + 12 + 42);
        assert.ok(outcome.bodyEnd - 3 - 12 <= 32_767, "servers can read it back");
        assert.ok(!outcome.targets.subarray(0, outcome.targetCount).includes(from));
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      assert.equal(router.jobs.count, jobsBefore, "nothing was done");
    }
  }
  const utf8 = new TextDecoder("utf-8", { fatal: true });
  for (let i = 0; i < router.jobs.count; i++) JSON.parse(utf8.decode(router.jobs.text(i)));
}

const command = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(130, 131, 132, 134, 135, 136, 137, 138) },
  { weight: 1, arbitrary: fc.nat(255) },
);
const randomFrame = fc.record({
  command,
  seq: fc.integer(),
  body: fc.uint8Array({ maxLength: 120, size: "max" }),
})
  .map(encodeFrame);

const id = fc.oneof(
  fc.constantFrom(1n, 2n, 3n, -1n),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
);
const innerFrame = fc.record({
  command: fc.oneof(fc.constantFrom(2, 3, 4, 8, 15, 20, 21, 24, 25, 29, 33, 64), fc.nat(255)),
  version: fc.nat(2),
  flag: fc.constantFrom(0, 0x02, 0x10, 0x12, 0x30, 0xff),
  body: fc.uint8Array({ maxLength: 50, size: "max" }),
}).map(({ command, body, ...header }) => inner(command, body, header));
const fields = fc.record({ appid: fc.constantFrom(7n, 8n), msgid: fc.oneof(fc.constant(0n), id) });
const validFrame = fc.oneof(
  fc.tuple(id, innerFrame, fields).map((parts) => publish(...parts)),
  fc.tuple(id, innerFrame, fields).map((parts) => publishGroup(...parts)),
  fc.tuple(id, innerFrame, fields).map((parts) => publishRoom(...parts)),
  fc.tuple(fc.array(id, { maxLength: 5, size: "max" }), innerFrame).map((parts) => push(...parts)),
  fc.tuple(id, fc.integer({ min: -128, max: 127 })).map((parts) => subscribe(...parts)),
  id.map((uid) => unsubscribe(uid)),
  id.map((room) => subscribeRoom(room)),
  id.map((room) => unsubscribeRoom(room)),
);

/** A valid frame whose body has a few bytes changed, is cut, or has bytes added. */
const damagedFrame = fc.tuple(
  validFrame,
  fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 3, size: "max" }),
  fc.option(fc.nat(120)),
  fc.uint8Array({ maxLength: 4, size: "max" }),
).map(([frame, damages, cut, extra]) => {
  const body = frame.slice(12);
  for (const [at, byte] of damages) if (at < body.length) body[at] = byte;
  return withBody(frame, concat(cut === null ? body : body.subarray(0, cut), extra));
});

/** One router for all runs, emptied after each: making one takes longer than to route a hundred frames. */
function routeAndLeave(router: Router, frames: readonly Uint8Array[]): void {
  const connections = [router.connect(), router.connect(), router.connect()];
  try {
    route(router, connections, frames);
  } finally {
    router.jobs.clear();
    for (const connection of connections) router.disconnect(connection);
    assert.equal(router.table.sweep(1_000), false);
  }
}

for (const generation of GENERATIONS) {
  for (
    const [kind, frame, numRuns] of [
      ["random", randomFrame, 1_500],
      ["damaged", damagedFrame, 2_500],
      ["valid", validFrame, 1_000],
    ] as const
  ) {
    Deno.test(`Router.receive of ${kind} frames, generation ${generation}, throws nothing but ProtocolError`, () => {
      const router = new Router(optionsFor(generation));
      const property = fc.property(
        fc.array(frame, { maxLength: 20, size: "max" }),
        (frames) => routeAndLeave(router, frames),
      );
      fc.assert(property, { numRuns });
    });
  }
}
