// Telling the generations apart: frame by frame in auto, and signs of the other one where one is set.
import assert from "node:assert/strict";
import { NOTE } from "../../src/router/outcome.ts";
import { Scene, testRules } from "../support/router_scene.ts";
import {
  groupIm,
  im,
  inner,
  publish,
  publishGroup,
  publishRoom,
  push,
  syncGroupNotify,
  syncNotify,
  system,
  withExtra,
} from "../support/wire_frames.ts";
import { groupsOf } from "../support/group_tables.ts";
import { hex } from "../support/wire_hex.ts";

const groups = groupsOf([500n, [1n, 2n]]);
const PEER_JOB = 'push_queue {"appid":7,"content":"hi","receiver":2,"sender":1}';

testRules("Router generation auto", { generation: "auto", groups }, [
  {
    rule: "a persistent IM without a sign goes by generation 1: pushed, not forwarded",
    state: "b:2-",
    frame: publish(2n, im()),
    jobs: [PEER_JOB],
  },
  {
    rule: "an inner flag with 0x10 is generation 2: forwarded, not pushed",
    state: "b:2-",
    frame: publish(2n, im({ flag: 0x10 })),
    to: "b",
  },
  {
    rule: "any flag with 0x10 in it is generation 2",
    state: "b:2-",
    frame: publish(2n, im({ flag: 0x31 })),
    to: "b",
  },
  ...[1n, -1n, 0x1_0000_0000n, 0x8000_0000n, -(2n ** 63n)].map((msgid) => ({
    rule: `msgid ${msgid} is generation 2`,
    state: "b:2-",
    frame: publish(2n, im({ flag: 0x10 }), { msgid }),
    to: "b",
  })),
  {
    rule: "msgid alone is generation 2",
    state: "b:2-",
    frame: publish(2n, im(), { msgid: -5n }),
    to: "b",
  },
  {
    rule: "an inner frame that generation 1 could not parse, with a sound header, is generation 2",
    state: "b:2",
    frame: publish(2n, inner(200, hex("01"))),
    to: "b",
  },
  {
    rule: "the same in PUBLISH_ROOM is generation 2",
    state: "b#2",
    frame: publishRoom(2n, inner(29, new Uint8Array(7))),
    to: "b",
  },
  {
    rule: "the same in PUBLISH_GROUP is generation 2: to every connection",
    state: "b",
    frame: publishGroup(500n, inner(33, new Uint8Array(15))),
    to: "b",
  },
  ...["", "00000000", "00000009 00000000 1d010000 00", "ffffffff 00000000 1d010000"].map((
    bytes,
  ) => ({
    rule: `an inner frame whose header is not sound (${bytes}) is generation 1, and closes`,
    state: "b:2",
    frame: publish(2n, hex(bytes)),
    closes: "unparseable_inner" as const,
  })),
  {
    rule: "an inner frame whose header is not sound but whose flag has 0x10 is generation 2",
    state: "b:2",
    frame: publish(2n, hex("ffffffff 00000000 1d011000")),
    to: "b",
  },
  {
    rule: "PUSH goes by generation 2",
    frame: push([3n, 2n], groupIm({ receiver: 500n })),
    jobs: [
      'group_push_queue {"appid":7,"content":"hi","group_id":500,"receivers":[3,2],"sender":1}',
    ],
  },
  {
    rule: "PUSH of a SYSTEM is pushed: system pushes are on by default in generation 2",
    frame: push([2n], system("news")),
    jobs: ['system_push_queue {"appid":7,"content":"news","receiver":2}'],
  },
  {
    rule: "PUBLISH of a SYSTEM is not pushed: system pushes are off by default in generation 1",
    frame: publish(2n, system("news")),
  },
  {
    rule: "is_push_system on is on for PUBLISH of a SYSTEM too",
    frame: publish(2n, system("news")),
    jobs: ['system_push_queue {"appid":7,"content":"news","receiver":2}'],
    options: { isPushSystem: true },
  },
  {
    rule: "is_push_system off is off for PUSH of a SYSTEM too",
    frame: push([2n], system("news")),
    options: { isPushSystem: false },
  },
  {
    rule: "push_disabled is about PUSH alone: generation 1 pushes go on",
    frame: publish(2n, im()),
    jobs: [PEER_JOB],
    options: { pushDisabled: true },
  },
  {
    rule: "an empty PUSH is a malformed one, not an unknown command",
    frame: push([], hex("")).subarray(0, 12).fill(0, 0, 4),
    closes: "malformed_body",
  },
  {
    rule: "a GROUP_IM without a sign in PUBLISH_GROUP goes by generation 1: pushed, not forwarded",
    state: "b",
    frame: publishGroup(500n, groupIm({ receiver: 500n })),
    jobs: [
      'group_push_queue {"appid":7,"content":"hi","group_id":500,"receivers":[2],"sender":1}',
    ],
  },
  {
    rule: "a GROUP_IM with 0x10 in PUBLISH_GROUP goes by generation 2: forwarded, not pushed",
    state: "b",
    frame: publishGroup(500n, groupIm({ receiver: 500n, flag: 0x30 }), { msgid: 9n }),
    to: "b",
  },
  {
    rule: "a SYNC_GROUP_NOTIFY goes to every connection by the rules of both",
    state: "b c:2",
    frame: publishGroup(500n, syncGroupNotify()),
    to: "b c",
  },
  {
    rule: "goes frame by frame: one connection may show both generations",
    state: "b:2",
    frame: withExtra(publish(2n, syncNotify({ flag: 0x10 })), 4),
    to: "b",
    forwarded: publish(2n, syncNotify({ flag: 0x10 })).subarray(12),
  },
]);

Deno.test("Router generation auto says nothing of the other generation", () => {
  const scene = new Scene({ generation: "auto" }, "a b:2");
  for (const flag of [0, 0x02, 0x10]) {
    assert.equal(scene.send("a", publish(2n, im({ flag }))).notes, 0);
  }
  assert.equal(scene.send("a", push([2n], im())).notes, 0);
  assert.equal(scene.router.otherGeneration, 0);
  assert.deepEqual([...scene.router.byGeneration], [0, 2, 1]);
});

const OTHER = { notes: NOTE.OTHER_GENERATION };

testRules("Router generation 1 and a sign of the other", { generation: 1 }, [
  {
    rule: "an inner flag with 0x10 is said, and goes by the rules of generation 1",
    state: "b:2",
    frame: publish(2n, im({ flag: 0x10 })),
    ...OTHER,
  },
  {
    rule: "an inner flag with 0x10 in PUBLISH_ROOM is said",
    state: "b#2",
    frame: publishRoom(2n, im({ flag: 0x30 })),
    to: "b",
    ...OTHER,
  },
  {
    rule: "an empty PUSH is said, and skipped as an unknown command",
    frame: push([], hex("")).subarray(0, 12).fill(0, 0, 4),
    notes: NOTE.OTHER_GENERATION | NOTE.UNKNOWN_COMMAND,
  },
  {
    rule: "a PUSH with a body closes its connection: its pushes would vanish silently",
    frame: push([2n], im()),
    closes: "unknown_command",
  },
  {
    rule: "msgid alone is no clear sign",
    state: "b:2",
    frame: publish(2n, syncNotify(), { msgid: 3n }),
    to: "b",
  },
]);

testRules("Router generation 2 and a sign of the other", { generation: 2 }, [
  {
    rule: "a persistent IM without 0x10 is said, and goes by the rules of generation 2",
    state: "b:2",
    frame: publish(2n, im()),
    to: "b",
    ...OTHER,
  },
  {
    rule: "a persistent IM with 0x10 is no sign",
    state: "b:2",
    frame: publish(2n, im({ flag: 0x10 })),
    to: "b",
  },
  {
    rule: "an unpersistent IM without 0x10 is no sign",
    state: "b:2",
    frame: publish(2n, im({ flag: 0x02 })),
    to: "b",
  },
  {
    rule: "a SYNC_NOTIFY without 0x10 is no sign",
    state: "b:2",
    frame: publish(2n, syncNotify()),
    to: "b",
  },
]);

Deno.test("Router says a sign of the other generation once per connection, and counts each", () => {
  for (
    const { generation, flag } of [{ generation: 1, flag: 0x12 }, {
      generation: 2,
      flag: 0,
    }] as const
  ) {
    const scene = new Scene({ generation }, "a b");
    const notes = () => ["a", "b"].map((name) => scene.send(name, publish(2n, im({ flag }))).notes);
    assert.deepEqual(notes(), [NOTE.OTHER_GENERATION, NOTE.OTHER_GENERATION]);
    assert.deepEqual(notes(), [0, 0]);
    assert.equal(scene.router.otherGeneration, 4);
    scene.play("a.");
    assert.equal(scene.router.table.sweep(10), false);
    assert.deepEqual(
      notes(),
      [NOTE.OTHER_GENERATION, 0],
      "a new connection is told anew, of the same number too",
    );
  }
});

Deno.test("Router.otherGeneration counts a PUSH that closes its connection under generation 1", () => {
  const scene = new Scene({ generation: 1 }, "a");
  scene.sendBad("a", push([2n], im()), "unknown_command");
  assert.equal(scene.router.otherGeneration, 1);
});
