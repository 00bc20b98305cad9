// PUBLISH, PUBLISH_GROUP and PUBLISH_ROOM by the rules of generation 2, and the frames that kill its servers.
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
  syncGroupNotify,
  syncNotify,
  system,
  withExtra,
} from "../support/wire_frames.ts";
import { groupsOf } from "../support/group_tables.ts";
import { concat, hex } from "../support/wire_hex.ts";

const PUSH_FLAG = { flag: 0x10 };
const GROUP_FLAGS = { flag: 0x30 };

testRules("Router generation 2 PUBLISH", { generation: 2 }, [
  {
    rule: "goes to every connection that holds the receiver but the publisher's",
    state: "a:2 b:2 c:2- d:3 e:8/2 f#2",
    frame: publish(2n, im(PUSH_FLAG), { msgid: 1n }),
    to: "b c",
  },
  {
    rule: "pushes nothing for a user who is not online",
    frame: publish(2n, im(PUSH_FLAG), { msgid: 1n }),
  },
  {
    rule: "drops the bytes after inner_length",
    state: "b:2",
    frame: withExtra(publish(2n, syncNotify()), 1),
    to: "b",
    forwarded: publish(2n, syncNotify()).subarray(12),
  },
  ...[
    { what: "there is none", bytes: hex("") },
    { what: "its header is cut", bytes: hex("000000") },
    { what: "its length is past inner_length", bytes: syncNotify().subarray(0, 19) },
    { what: "its length is negative", bytes: hex("ffffffff 00000000 1d010000") },
    { what: "its command is unknown", bytes: inner(200, hex("ff")) },
    { what: "bytes follow it inside inner_length", bytes: concat(syncNotify(), hex("ee")) },
  ].map(({ what, bytes }) => ({
    rule: `an inner frame is opaque and forwarded: ${what}`,
    state: "b:2",
    frame: publish(2n, bytes),
    to: "b",
  })),
]);

Deno.test("Router generation 2 PUBLISH: forwards every inner command with every flag, and pushes none", () => {
  const scene = new Scene({ generation: 2 }, "a b:2-");
  for (let command = 0; command < 256; command++) {
    for (const flag of [0, 0x01, 0x02, 0x10, 0x12, 0x30, 0xff]) {
      const frame = publish(2n, inner(command, new Uint8Array(40), { flag }));
      const { to, jobs } = scene.send("a", frame);
      assert.deepEqual([to, jobs], ["b", []], `command ${command}, flag ${flag}`);
    }
  }
});

const groups = groupsOf([500n, [1n, 2n, 3n]]);

testRules("Router generation 2 PUBLISH_GROUP", { generation: 2, groups }, [
  {
    rule: "goes to every connection but the publisher's, subscriptions or not",
    state: "a:2 b:2 c d#5",
    frame: publishGroup(500n, groupIm(GROUP_FLAGS), { msgid: 1n }),
    to: "b c d",
  },
  {
    rule: "goes out always: any inner command",
    state: "b",
    frame: publishGroup(500n, im()),
    to: "b",
  },
  {
    rule: "goes out always: an inner frame that cannot be parsed",
    state: "b",
    frame: publishGroup(500n, hex("0102")),
    to: "b",
  },
  {
    rule: "pushes nothing: this generation knows no groups",
    frame: publishGroup(500n, groupIm({ receiver: 500n })),
  },
  {
    rule: "drops the bytes after inner_length",
    state: "b",
    frame: withExtra(publishGroup(500n, syncGroupNotify()), 2),
    to: "b",
    forwarded: publishGroup(500n, syncGroupNotify()).subarray(12),
  },
]);

testRules("Router generation 2 PUBLISH_ROOM", { generation: 2 }, [
  {
    rule: "goes to the connections that hold the room, but the publisher's",
    state: "a#5 b#5 c#5 d#8/5 e:5 f",
    frame: publishRoom(5n, inner(20, new Uint8Array(20))),
    to: "b c",
  },
  {
    rule: "forwards an inner frame that cannot be parsed, and pushes nothing",
    state: "b#5",
    frame: publishRoom(5n, hex("ff")),
    to: "b",
  },
]);

const HELD_BACK = { notes: NOTE.POISON };
const MSGIDS = [1n, 0x8000_0000n, 0x1_0000_0000n, 2n ** 63n - 1n];

testRules("Router generation 2 frames that kill servers", { generation: 2 }, [
  ...MSGIDS.map((msgid) => ({
    rule: `a PUBLISH with msgid ${msgid} whose inner flag lacks 0x10 is not forwarded`,
    state: "b:2",
    frame: publish(2n, im({ flag: 0xef }), { msgid }),
    ...HELD_BACK,
  })),
  ...[0n, -1n, -(2n ** 63n)].map((msgid) => ({
    rule: `a PUBLISH with msgid ${msgid} is forwarded whatever its inner flag`,
    state: "b:2",
    frame: publish(2n, syncNotify(), { msgid }),
    to: "b",
  })),
  ...[0x00, 0x10, 0x20, 0xcf].map((flag) => ({
    rule: `a PUBLISH_GROUP with msgid > 0 and inner flag 0x${flag.toString(16)} is not forwarded`,
    state: "b:2",
    frame: publishGroup(2n, groupIm({ flag }), { msgid: 1n }),
    ...HELD_BACK,
  })),
  {
    rule: "a PUBLISH_GROUP with msgid > 0 and both flags is forwarded",
    state: "b",
    frame: publishGroup(2n, groupIm({ flag: 0x30 }), { msgid: 1n }),
    to: "b",
  },
  {
    rule: "a PUBLISH_GROUP with msgid 0 is forwarded whatever its inner flag",
    state: "b",
    frame: publishGroup(2n, groupIm({ flag: 0 })),
    to: "b",
  },
  {
    rule: "an inner frame under 12 bytes counts as lacking the flag",
    state: "b:2",
    frame: publish(2n, hex("0000000000000000040110"), { msgid: 1n }),
    ...HELD_BACK,
  },
  {
    rule: "an inner frame whose length is damaged still shows its flag",
    state: "b:2",
    frame: publish(2n, hex("ffffffff00000000 04011000"), { msgid: 1n }),
    to: "b",
  },
  {
    rule: "a PUBLISH_ROOM is not held back",
    state: "b#2",
    frame: publishRoom(2n, system("hi"), { msgid: 1n }),
    to: "b",
  },
  {
    rule: "poisonGuard off forwards them",
    state: "b:2",
    frame: publish(2n, im(), { msgid: 1n }),
    to: "b",
    notes: NOTE.OTHER_GENERATION, // a persistent IM without 0x10
    options: { poisonGuard: false },
  },
  {
    rule: "generation auto holds them back too",
    state: "b:2",
    frame: publish(2n, syncNotify(), { msgid: 1n }),
    ...HELD_BACK,
    options: { generation: "auto" },
  },
  {
    rule: "generation 1 forwards them: its servers do not end",
    state: "b:2",
    frame: publish(2n, syncNotify(), { msgid: 1n }),
    to: "b",
    options: { generation: 1 },
  },
]);

Deno.test("Router.poison counts the frames that were held back", () => {
  const scene = new Scene({ generation: 2 }, "a b:2");
  scene.send("a", publish(2n, syncNotify(), { msgid: 1n }));
  scene.send("a", publish(2n, syncNotify()));
  scene.send("a", publishGroup(2n, groupIm(PUSH_FLAG), { msgid: 1n }));
  assert.equal(scene.router.poison, 2);
});
