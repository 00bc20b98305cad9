// PUBLISH_ROOM by the rules of generation 1, and inner frames that its servers cannot parse.
import { testRules } from "../support/router_scene.ts";
import {
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
import { concat, hex } from "../support/wire_hex.ts";

testRules("Router generation 1 PUBLISH_ROOM", { generation: 1, isPushSystem: true }, [
  {
    rule: "goes to the connections that hold the room, but the publisher's",
    state: "a#5 b#5 c#5 d#6 e",
    frame: publishRoom(5n, inner(20, new Uint8Array(20))),
    to: "b c",
  },
  {
    rule: "goes by appid and room together",
    state: "b#8/5 c#5/7 d#7/5",
    frame: publishRoom(5n, inner(20, new Uint8Array(20))),
    to: "d",
  },
  {
    rule: "does not go to who holds a user of the same id",
    state: "b:5",
    frame: publishRoom(5n, inner(20, new Uint8Array(20))),
  },
  {
    rule: "forwards a persistent IM too, and pushes nothing",
    state: "b#2",
    frame: publishRoom(2n, im()),
    to: "b",
  },
  {
    rule: "pushes nothing for a room that nobody holds",
    frame: publishRoom(2n, system("maintenance")),
  },
  {
    rule: "drops the bytes after inner_length",
    state: "b#5",
    frame: withExtra(publishRoom(5n, inner(20, new Uint8Array(16))), 9),
    to: "b",
    forwarded: publishRoom(5n, inner(20, new Uint8Array(16))).subarray(12),
  },
]);

const UNPARSEABLE = [
  { why: "there is none", frame: hex("") },
  { why: "its header is cut", frame: syncNotify().subarray(0, 11) },
  { why: "its length is past inner_length", frame: syncNotify().subarray(0, 19) },
  { why: "its length is negative", frame: concat(hex("ffffffff"), syncNotify().subarray(4)) },
  { why: "its body is too short for its command", frame: inner(29, new Uint8Array(7)) },
  { why: "its body is too short for an IM", frame: im().subarray(0, 12) },
  { why: "its command is unknown and has a body", frame: inner(200, new Uint8Array(1)) },
];

testRules("Router generation 1", { generation: 1 }, [
  ...UNPARSEABLE.flatMap(({ why, frame }) =>
    [publish, publishGroup, publishRoom].map((send) => ({
      rule: `${send.name} of an inner frame that servers cannot parse closes the publisher: ${why}`,
      state: "b:2 b#2 c:2 c#2",
      frame: send(2n, frame),
      closes: "unparseable_inner" as const,
    }))
  ),
  {
    rule: "an inner frame that servers cannot parse is not pushed either",
    frame: publish(2n, im({ content: "" }).subarray(0, 30)),
    closes: "unparseable_inner",
  },
  {
    rule: "an unknown inner command with an empty body parses, and is forwarded",
    state: "b:2",
    frame: publish(2n, inner(200, hex(""))),
    to: "b",
  },
  {
    rule: "a SYNC_GROUP_NOTIFY that parses is forwarded as generation 1 sends it",
    state: "b",
    frame: publishGroup(2n, syncGroupNotify()),
    to: "b",
  },
]);
