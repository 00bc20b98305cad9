// Frames that are read although servers could not read them back: not forwarded, counted, their push still decided.
import assert from "node:assert/strict";
import { NOTE } from "../../src/router/outcome.ts";
import type { Router } from "../../src/router/router.ts";
import { Scene, testRules } from "../support/router_scene.ts";
import {
  groupIm,
  im,
  inner,
  publish,
  publishGroup,
  publishRoom,
  push,
  syncNotify,
  withBodyCut,
  withExtra,
} from "../support/wire_frames.ts";
import { groupsOf } from "../support/group_tables.ts";

/** Bytes of an inner IM around its content. */
const IM_BYTES = 12 + 24;
/** An inner IM of so many bytes. */
const imOf = (bytes: number, flag = 0) => im({ content: "x".repeat(bytes - IM_BYTES), flag });
const peerJob = (bytes: number) =>
  `push_queue {"appid":7,"content":"${"x".repeat(bytes - IM_BYTES)}","receiver":2,"sender":1}`;

const TOO_LARGE = { notes: NOTE.TOO_LARGE };
const groups = groupsOf([500n, [1n, 2n]]);

testRules("Router generation 1 large frames", { generation: 1, groups }, [
  {
    rule: "an inner frame of 32,725 bytes is forwarded: the body is 32,767",
    state: "b:2",
    frame: publish(2n, imOf(32_725, 0x02)),
    to: "b",
  },
  ...[32_726, 32_767, 32_768, 32_779].map((bytes) => ({
    rule: `an inner frame of ${bytes} bytes is not forwarded`,
    state: "b:2",
    frame: publish(2n, imOf(bytes, 0x02)),
    ...TOO_LARGE,
  })),
  ...[32_726, 32_767, 32_768, 32_779].map((bytes) => ({
    rule: `an inner frame of ${bytes} bytes is pushed all the same`,
    state: "b:2-",
    frame: publish(2n, imOf(bytes)),
    jobs: [peerJob(bytes)],
    ...TOO_LARGE,
  })),
  {
    rule: "the group job of a large GROUP_IM is decided",
    frame: publishGroup(500n, groupIm({ receiver: 500n, content: "x".repeat(32_000 + 743) })),
    jobs: [
      `group_push_queue {"appid":7,"content":"${
        "x".repeat(32_743)
      }","group_id":500,"receivers":[2],"sender":1}`,
    ],
    ...TOO_LARGE,
  },
  {
    rule: "a large inner frame to a room is not forwarded",
    state: "b#5",
    frame: publishRoom(5n, inner(20, new Uint8Array(32_714))),
    ...TOO_LARGE,
  },
  {
    rule: "an inner body of 32,768 bytes does not parse in generation 1",
    state: "b:2",
    frame: publish(2n, imOf(12 + 32_768)),
    closes: "unparseable_inner",
  },
  {
    rule: "inner_length that is negative, with a byte more behind the inner frame, is malformed",
    state: "b:2",
    frame: withExtra(publish(2n, imOf(32_768)), 1),
    closes: "malformed_body",
  },
  {
    rule: "inner_length that is negative, with a byte of the inner frame missing, is malformed",
    state: "b:2",
    frame: withBodyCut(publish(2n, imOf(32_768)), 42 + 32_767),
    closes: "malformed_body",
  },
  {
    rule: "a long body around a short inner frame is forwarded without the rest",
    state: "b:2",
    frame: withExtra(publish(2n, syncNotify()), 900_000),
    to: "b",
    forwarded: publish(2n, syncNotify()).subarray(12),
  },
]);

testRules("Router generation 2 large frames", { generation: 2 }, [
  {
    rule: "an inner frame of 32,725 bytes is forwarded",
    state: "b:2",
    frame: publish(2n, imOf(32_725, 0x10), { msgid: 1n }),
    to: "b",
  },
  ...[publish, publishGroup, publishRoom].flatMap((send) =>
    [32_726, 32_768, 65_535].map((bytes) => ({
      rule: `${send.name} of an inner frame of ${bytes} bytes is not forwarded`,
      state: "b:2 b#2",
      frame: send(2n, inner(4, new Uint8Array(bytes - 12), { flag: 0x30 })),
      ...TOO_LARGE,
    }))
  ),
  {
    rule: "a batch push to 3,000 members with 8,744 bytes becomes its group job",
    frame: push(
      Array.from({ length: 3_000 }, (_, i) => BigInt(i)),
      groupIm({ receiver: 500n, content: "x".repeat(8_744 - IM_BYTES) }),
    ),
    jobs: [
      `group_push_queue {"appid":7,"content":"${"x".repeat(8_708)}","group_id":500,"receivers":[${
        Array.from({ length: 3_000 }, (_, i) => i)
      }],"sender":1}`,
    ],
  },
  {
    rule: "a batch push whose count is over 32,767 becomes its group job: count is unsigned",
    frame: push(new Array(40_000).fill(5n), groupIm({ receiver: 500n })),
    jobs: [
      `group_push_queue {"appid":7,"content":"hi","group_id":500,"receivers":[${
        new Array(40_000).fill(5)
      }],"sender":1}`,
    ],
  },
  {
    rule: "a batch push whose inner_length has turned negative becomes its job",
    frame: push([2n], imOf(32_768)),
    jobs: [peerJob(32_768)],
  },
  {
    rule: "a batch push whose inner_length is negative and not what is left is malformed",
    frame: withExtra(push([2n], imOf(32_768)), 1),
    closes: "malformed_body",
  },
]);

testRules("Router generation auto large frames", { generation: "auto" }, [
  {
    rule: "a large persistent IM without a sign is pushed by generation 1",
    frame: publish(2n, imOf(32_768)),
    jobs: [peerJob(32_768)],
    ...TOO_LARGE,
  },
  {
    rule: "a large IM with 0x10 goes by generation 2 and is neither forwarded nor pushed",
    state: "b:2-",
    frame: publish(2n, imOf(32_768, 0x10)),
    ...TOO_LARGE,
  },
]);

Deno.test("Router.tooLarge counts each frame that was not forwarded for its size, and no other", () => {
  const scene = new Scene({ generation: "auto" }, "b:2");
  const count = (router: Router) => router.tooLarge;
  scene.send("a", publish(2n, imOf(32_725, 0x02)));
  assert.equal(count(scene.router), 0);
  scene.send("a", publish(2n, imOf(32_726, 0x02)));
  scene.send("a", publish(2n, imOf(32_726, 0x12)));
  assert.equal(count(scene.router), 2);
});
