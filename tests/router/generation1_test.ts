// PUBLISH by the rules of generation 1, one row for each sentence of the protocol.
import { testRules } from "../support/router_scene.ts";
import {
  customer,
  groupIm,
  im,
  inner,
  publish,
  syncNotify,
  system,
  withExtra,
} from "../support/wire_frames.ts";
import { concat, hex } from "../support/wire_hex.ts";

const UNPERSISTENT = { flag: 0x02 };
const PEER_JOB = 'push_queue {"appid":7,"content":"hi","receiver":2,"sender":1}';

testRules("Router generation 1 PUBLISH, step 1", { generation: 1 }, [
  {
    rule: "an IM for a user whom nobody holds becomes a peer job",
    frame: publish(2n, im()),
    jobs: [PEER_JOB],
  },
  {
    rule:
      "receiver and sender of a peer job are the inner message's, its appid the route message's",
    frame: publish(22n, im({ receiver: 33n, sender: 44n }), { appid: 9n }),
    jobs: ['push_queue {"appid":9,"content":"hi","receiver":33,"sender":44}'],
  },
  {
    rule: "an IM of version 0 has no timestamp before its msgid",
    frame: publish(2n, im({ version: 0, content: "old" })),
    jobs: ['push_queue {"appid":7,"content":"old","receiver":2,"sender":1}'],
  },
  {
    rule: "a GROUP_IM becomes a group job with the receiver alone; group_id is the inner receiver",
    frame: publish(22n, groupIm({ receiver: 500n })),
    jobs: [
      'group_push_queue {"appid":7,"content":"hi","group_id":500,"receivers":[22],"sender":1}',
    ],
  },
  {
    rule: "a GROUP_IM of a super group, sent to the group id, has the group as its receiver",
    frame: publish(500n, groupIm({ receiver: 500n })),
    jobs: [
      'group_push_queue {"appid":7,"content":"hi","group_id":500,"receivers":[500],"sender":1}',
    ],
  },
  {
    rule: "a CUSTOMER becomes a customer job; its receiver is the route message's",
    frame: publish(22n, customer(24, [11n, 12n, 13n, 14n])),
    jobs: [
      'customer_push_queue {"appid":7,"command":24,"content":"help","customer":12,' +
      '"customer_appid":11,"receiver":22,"seller":14,"store":13}',
    ],
  },
  {
    rule: "a CUSTOMER_SUPPORT becomes a customer job with its own command",
    frame: publish(22n, customer(25, [11n, 12n, 13n, 14n])),
    jobs: [
      'customer_push_queue {"appid":7,"command":25,"content":"help","customer":12,' +
      '"customer_appid":11,"receiver":22,"seller":14,"store":13}',
    ],
  },
  {
    rule: "a SYSTEM becomes no job where is_push_system is not set",
    frame: publish(2n, system("maintenance")),
  },
  {
    rule: "a SYSTEM becomes no job where is_push_system is set to off",
    frame: publish(2n, system("maintenance")),
    options: { isPushSystem: false },
  },
  {
    rule: "a SYSTEM becomes a system job where is_push_system is set",
    frame: publish(2n, system("maintenance")),
    jobs: ['system_push_queue {"appid":7,"content":"maintenance","receiver":2}'],
    options: { isPushSystem: true },
  },
  ...[7, 17, 29, 33, 36, 64, 2, 20].map((command) => ({
    rule: `inner command ${command} becomes no job`,
    frame: publish(2n, inner(command, new Uint8Array(40))),
  })),
  {
    rule: "a VOIP_CONTROL that looks like a CUSTOMER_V2 becomes no job: 64 is opaque",
    frame: publish(2n, customer(64, [11n, 12n, 13n, 14n])),
  },
  {
    rule: "an IM for a user who is held as online becomes no job",
    state: "b:2",
    frame: publish(2n, im()),
  },
  {
    rule: "a user with online 0 is not online",
    state: "b:2-",
    frame: publish(2n, im()),
    jobs: [PEER_JOB],
  },
  {
    rule: "a user is online if any of two connections holds him with a non-zero flag",
    state: "b:2- c:2",
    frame: publish(2n, im()),
  },
  {
    rule: "a user is online if the publisher's own connection holds him so",
    state: "a:2",
    frame: publish(2n, im()),
  },
  {
    rule: "a user is not online if the publisher's own connection holds him with online 0",
    state: "a:2-",
    frame: publish(2n, im()),
    jobs: [PEER_JOB],
  },
  {
    rule: "a user of the same id in another app is another user",
    state: "b:8/2",
    frame: publish(2n, im()),
    jobs: [PEER_JOB],
  },
  {
    rule: "being online goes by the route message's receiver, not by the inner one",
    state: "b:33",
    frame: publish(2n, im({ receiver: 33n })),
    jobs: ['push_queue {"appid":7,"content":"hi","receiver":33,"sender":1}'],
  },
  {
    rule: "an unpersistent IM for a user who is not online is pushed all the same, and forwarded",
    state: "b:2-",
    frame: publish(2n, im(UNPERSISTENT)),
    to: "b",
    jobs: [PEER_JOB],
  },
  {
    rule: "content ends where the inner header says, not at inner_length",
    frame: publish(2n, concat(im(), hex("eeee"))),
    jobs: [PEER_JOB],
  },
]);

const FETCHED_BY_CLIENTS = [
  { name: "an IM", frame: im },
  { name: "a GROUP_IM", frame: groupIm },
  { name: "a CUSTOMER", frame: (h = {}) => customer(24, [11n, 12n, 13n, 14n], h) },
  { name: "a CUSTOMER_SUPPORT", frame: (h = {}) => customer(25, [11n, 12n, 13n, 14n], h) },
  { name: "a SYSTEM", frame: (h = {}) => system("maintenance", h) },
];

testRules("Router generation 1 PUBLISH, step 2", { generation: 1, isPushSystem: true }, [
  ...FETCHED_BY_CLIENTS.map(({ name, frame }) => ({
    rule: `${name} that is persistent is not forwarded: clients fetch it themselves`,
    state: "b:2 c:2",
    frame: publish(2n, frame()),
  })),
  ...FETCHED_BY_CLIENTS.map(({ name, frame }) => ({
    rule: `${name} with inner flag 0x02 is forwarded`,
    state: "b:2 c:2",
    frame: publish(2n, frame(UNPERSISTENT)),
    to: "b c",
  })),
  {
    rule: "other inner flags do not matter: 0x2d alone is persistent",
    state: "b:2",
    frame: publish(2n, im({ flag: 0x2d })),
  },
  {
    rule: "other inner flags do not matter: 0x2f is unpersistent",
    state: "b:2",
    frame: publish(2n, im({ flag: 0x2f })),
    to: "b",
  },
]);

testRules("Router generation 1 PUBLISH, step 3", { generation: 1 }, [
  {
    rule: "goes to every connection that holds the receiver, online flag or not",
    state: "b:2 c:2- d:3 e",
    frame: publish(2n, syncNotify()),
    to: "b c",
  },
  {
    rule: "goes to every holder but the publisher's connection",
    state: "a:2 b:2",
    frame: publish(2n, syncNotify()),
    to: "b",
  },
  {
    rule: "goes to nobody where the publisher alone holds the receiver",
    state: "a:2",
    frame: publish(2n, syncNotify()),
  },
  {
    rule: "goes by appid and receiver together",
    state: "b:8/2 c:2/7 d:7/2",
    frame: publish(2n, syncNotify()),
    to: "d",
  },
  {
    rule: "does not go to who holds a room of the same id",
    state: "b#2",
    frame: publish(2n, syncNotify()),
  },
  {
    rule: "forwards body and inner frame byte for byte: inner seq, version and flag, msgid, times",
    state: "b:2",
    frame: publish(
      2n,
      inner(17, new Uint8Array(20).fill(0x81), { seq: -9, version: 7, flag: 0x2f }),
      {
        msgid: -(2n ** 63n),
      },
    ),
    to: "b",
  },
  {
    rule: "drops the bytes after inner_length",
    state: "b:2",
    frame: withExtra(publish(2n, syncNotify()), 5),
    to: "b",
    forwarded: publish(2n, syncNotify()).subarray(12),
  },
  {
    rule: "keeps the bytes between the inner header's length and inner_length",
    state: "b:2",
    frame: publish(2n, concat(syncNotify(), hex("eeee"))),
    to: "b",
  },
  ...[2, 3, 7, 10, 17, 20, 29, 33, 36, 64].map((command) => ({
    rule: `inner command ${command} is forwarded whatever its flags`,
    state: "b:2",
    frame: publish(2n, inner(command, new Uint8Array(40), { flag: 0x2d })),
    to: "b",
  })),
]);
