// PUSH, the batch push of generation 2: who gets which job, and when its body is malformed.
import { testRules } from "../support/router_scene.ts";
import {
  customer,
  groupIm,
  im,
  inner,
  push,
  syncNotify,
  system,
  withBody,
  withBodyCut,
  withExtra,
} from "../support/wire_frames.ts";
import { concat, hex } from "../support/wire_hex.ts";

const GROUP = groupIm({ receiver: 500n });
const groupJob = (receivers: string) =>
  `group_push_queue {"appid":7,"content":"hi","group_id":500,"receivers":[${receivers}],"sender":1}`;
const CUSTOMER_JOB = (command: number, receiver: number) =>
  `customer_push_queue {"appid":7,"command":${command},"content":"help","customer":12,` +
  `"customer_appid":11,"receiver":${receiver},"seller":14,"store":13}`;
const SYSTEM_JOB = 'system_push_queue {"appid":7,"content":"news","receiver":3}';

testRules("Router generation 2 PUSH", { generation: 2 }, [
  {
    rule: "a GROUP_IM becomes one group job for the receivers who are not online",
    state: "b:3 c:5-",
    frame: push([2n, 3n, 4n, 5n], GROUP),
    jobs: [groupJob("2,4,5")],
  },
  {
    rule: "receivers keep their order and repetitions",
    state: "b:8",
    frame: push([9n, 4n, 8n, 9n, -1n, 4n, 8n], GROUP),
    jobs: [groupJob("9,4,9,-1,4")],
  },
  {
    rule: "the sender is not taken out",
    frame: push([1n, 2n], GROUP),
    jobs: [groupJob("1,2")],
  },
  {
    rule: "an IM becomes one peer job with the inner receiver, however many receivers there are",
    frame: push([22n, 23n], im()),
    jobs: ['push_queue {"appid":7,"content":"hi","receiver":2,"sender":1}'],
  },
  {
    rule: "an IM for whom one of two receivers is not online becomes the same peer job",
    state: "b:22",
    frame: push([22n, 23n], im()),
    jobs: ['push_queue {"appid":7,"content":"hi","receiver":2,"sender":1}'],
  },
  {
    rule: "an IM of version 0 has no timestamp before its msgid",
    frame: push([2n], im({ version: 0, content: "old" })),
    jobs: ['push_queue {"appid":7,"content":"old","receiver":2,"sender":1}'],
  },
  {
    rule: "a SYSTEM becomes one system job for the first who is not online",
    state: "b:2",
    frame: push([2n, 3n, 4n], system("news")),
    jobs: [SYSTEM_JOB],
  },
  {
    rule: "a SYSTEM becomes a job where is_push_system is set",
    frame: push([3n], system("news")),
    jobs: [SYSTEM_JOB],
    options: { isPushSystem: true },
  },
  {
    rule: "a SYSTEM becomes no job where system pushes are off",
    frame: push([3n], system("news")),
    options: { isPushSystem: false },
  },
  {
    rule: "is_push_system off leaves other jobs alone",
    frame: push([2n], GROUP),
    jobs: [groupJob("2")],
    options: { isPushSystem: false },
  },
  {
    rule: "a CUSTOMER_V2 becomes one customer v2 job with the inner ids",
    frame: push([2n, 3n], customer(64, [11n, 12n, 13n, 14n])),
    jobs: [
      'customer_push_queue_v2 {"appid":7,"content":"help","receiver":14,"receiver_appid":13,' +
      '"sender":12,"sender_appid":11}',
    ],
  },
  ...[24, 25].map((command) => ({
    rule: `inner command ${command} becomes one customer job for the first who is not online`,
    state: "b:2",
    frame: push([2n, 3n, 4n], customer(command, [11n, 12n, 13n, 14n])),
    jobs: [CUSTOMER_JOB(command, 3)],
  })),
  ...[0, 7, 17, 20, 29, 33, 36, 200].map((command) => ({
    rule: `inner command ${command} becomes no job`,
    frame: push([2n], inner(command, new Uint8Array(40))),
  })),
  ...[im(), GROUP, system("news"), customer(64, [1n, 2n, 3n, 4n])].map((frame) => ({
    rule: `inner command ${frame[8]} becomes no job where every receiver is online`,
    state: "a:2 b:3",
    frame: push([2n, 3n, 2n], frame),
  })),
  {
    rule: "no receivers, no job",
    frame: push([], GROUP),
  },
  {
    rule: "receivers are looked up under the batch push's appid, which stands in the job",
    state: "b:7/2 c:8/3",
    frame: push([2n, 3n], GROUP, 8n),
    jobs: [
      'group_push_queue {"appid":8,"content":"hi","group_id":500,"receivers":[2],"sender":1}',
    ],
  },
  {
    rule: "is never forwarded, whoever holds a receiver",
    state: "b:2- c:2- d",
    frame: push([2n], GROUP),
    jobs: [groupJob("2")],
  },
  {
    rule: "inner flags do not matter",
    frame: push([2n], groupIm({ receiver: 500n, flag: 0xff })),
    jobs: [groupJob("2")],
  },
  {
    rule: "extra bytes after the inner frame are ignored",
    frame: withExtra(push([2n], GROUP), 9),
    jobs: [groupJob("2")],
  },
  {
    rule: "content ends where the inner header says, not at inner_length",
    frame: push([2n], concat(GROUP, hex("eeee"))),
    jobs: [groupJob("2")],
  },
  ...[im(), GROUP, system("news"), customer(64, [1n, 2n, 3n, 4n])].map((frame) => ({
    rule: `push_disabled makes nothing of inner command ${frame[8]}`,
    frame: push([2n], frame),
    options: { pushDisabled: true, isPushSystem: true },
  })),
]);

/** A PUSH with another inner_length; `at` is where that stands behind so many receivers. */
function withInnerLength(frame: Uint8Array, receivers: number, length: number): Uint8Array {
  const bytes = frame.slice();
  new DataView(bytes.buffer).setInt16(12 + 10 + 8 * receivers, length);
  return bytes;
}

const WHOLE = push([2n, 3n], GROUP);
const MALFORMED: readonly [why: string, frame: Uint8Array][] = [
  ["the body is empty", withBodyCut(WHOLE, 0)],
  ["the body is under 12 bytes", withBodyCut(WHOLE, 11)],
  ["the body ends among the receivers", withBodyCut(WHOLE, 10 + 15)],
  ["the body ends inside inner_length", withBodyCut(WHOLE, 10 + 17)],
  ["the body ends before inner_length", withBodyCut(WHOLE, 10 + 16)],
  ["count is more than there are", withBody(WHOLE, hex("0000000000000007 ffff 0000 0000"))],
  ["inner_length is past the end", withInnerLength(WHOLE, 2, GROUP.length + 1)],
  ["inner_length is negative", withInnerLength(WHOLE, 2, -1)],
  ["the inner frame is missing", push([2n], hex(""))],
  ["the inner header is not whole", push([2n], syncNotify().subarray(0, 11))],
  ["inner_length cuts the inner header", withInnerLength(WHOLE, 2, 11)],
  ["the inner length is not inside inner_length", withInnerLength(WHOLE, 2, GROUP.length - 1)],
  ["the inner length is negative", push([2n], hex("ffffffff 00000000 15010000 61"))],
  ["an inner IM is under 24 bytes", push([2n], inner(4, new Uint8Array(23)))],
  [
    "an inner IM of version 0 is under 20 bytes",
    push([2n], inner(4, new Uint8Array(19), { version: 0 })),
  ],
  ["an inner GROUP_IM is under 24 bytes", push([2n], inner(8, new Uint8Array(23)))],
  [
    "an inner GROUP_IM of version 0 is under 20 bytes",
    push([2n], inner(8, new Uint8Array(19), { version: 0 })),
  ],
  ["an inner CUSTOMER_V2 is under 36 bytes", push([2n], inner(64, new Uint8Array(35)))],
  ["an inner CUSTOMER is under 36 bytes", push([2n], inner(24, new Uint8Array(35)))],
  ["an inner CUSTOMER_SUPPORT is under 36 bytes", push([2n], inner(25, new Uint8Array(35)))],
];

testRules("Router generation 2 PUSH is malformed", { generation: 2 }, [
  ...MALFORMED.map(([why, frame]) => ({ rule: why, frame, closes: "malformed_body" as const })),
  ...MALFORMED.slice(-6).map(([why, frame]) => ({
    rule: `${why}, though every receiver is online`,
    state: "b:2",
    frame,
    closes: "malformed_body" as const,
  })),
  {
    rule: "an inner IM is under 24 bytes, though push_disabled is set",
    frame: push([2n], inner(4, new Uint8Array(23))),
    closes: "malformed_body",
    options: { pushDisabled: true },
  },
]);

const EMPTY: readonly [command: number, version: number, bytes: number, job: string][] = [
  [4, 1, 24, 'push_queue {"appid":7,"content":"","receiver":0,"sender":0}'],
  [4, 0, 20, 'push_queue {"appid":7,"content":"","receiver":0,"sender":0}'],
  [8, 1, 24, 'group_push_queue {"appid":7,"content":"","group_id":0,"receivers":[2],"sender":0}'],
  [8, 0, 20, 'group_push_queue {"appid":7,"content":"","group_id":0,"receivers":[2],"sender":0}'],
  [21, 1, 0, 'system_push_queue {"appid":7,"content":"","receiver":2}'],
  [
    24,
    1,
    36,
    'customer_push_queue {"appid":7,"command":24,"content":"","customer":0,"customer_appid":0,' +
    '"receiver":2,"seller":0,"store":0}',
  ],
  [
    64,
    1,
    36,
    'customer_push_queue_v2 {"appid":7,"content":"","receiver":0,"receiver_appid":0,"sender":0,' +
    '"sender_appid":0}',
  ],
];

testRules("Router generation 2 PUSH at its shortest", { generation: 2 }, [
  ...EMPTY.map(([command, version, bytes, job]) => ({
    rule: `inner command ${command}, version ${version}, of ${bytes} bytes has empty content`,
    frame: push([2n], inner(command, new Uint8Array(bytes), { version })),
    jobs: [job],
  })),
]);
