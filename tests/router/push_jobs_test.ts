// Push jobs end to end: hand-written JSON of every list, with ids at both ends of int64 and contents that need care.
import assert from "node:assert/strict";
import { Scene } from "../support/router_scene.ts";
import { customer, groupIm, im, inner, publish, push, system } from "../support/wire_frames.ts";
import { hex, ID_EXTREMES } from "../support/wire_hex.ts";

const MAX = 2n ** 63n - 1n;
const MIN = -(2n ** 63n);

const EXTREMES: readonly [list: string, generation: 1 | 2, frame: Uint8Array, job: string][] = [
  [
    "push_queue",
    1,
    publish(MAX, im({ sender: MIN, receiver: MAX }), { appid: MIN }),
    'push_queue {"appid":-9223372036854775808,"content":"hi","receiver":9223372036854775807,"sender":-9223372036854775808}',
  ],
  [
    "group_push_queue",
    2,
    push([MIN, MAX, -1n, 0n], groupIm({ sender: MAX, receiver: MIN }), MAX),
    'group_push_queue {"appid":9223372036854775807,"content":"hi","group_id":-9223372036854775808,' +
    '"receivers":[-9223372036854775808,9223372036854775807,-1,0],"sender":9223372036854775807}',
  ],
  [
    "customer_push_queue",
    1,
    publish(MIN, customer(25, [MAX, MIN, 2n ** 53n + 1n, -(2n ** 53n) - 1n])),
    'customer_push_queue {"appid":7,"command":25,"content":"help","customer":-9223372036854775808,' +
    '"customer_appid":9223372036854775807,"receiver":-9223372036854775808,"seller":-9007199254740993,' +
    '"store":9007199254740993}',
  ],
  [
    "system_push_queue",
    2,
    push([MIN], system("news"), -1n),
    'system_push_queue {"appid":-1,"content":"news","receiver":-9223372036854775808}',
  ],
  [
    "customer_push_queue_v2",
    2,
    push([1n], customer(64, [MIN, MAX, -1n, 2n ** 53n + 1n])),
    'customer_push_queue_v2 {"appid":7,"content":"help","receiver":9007199254740993,' +
    '"receiver_appid":-1,"sender":9223372036854775807,"sender_appid":-9223372036854775808}',
  ],
];

for (const [list, generation, frame, job] of EXTREMES) {
  Deno.test(`PushJobs on ${list} writes keys in order and every id exactly`, () => {
    const scene = new Scene({ generation }, "a");
    assert.deepEqual(scene.send("a", frame).jobs, [job]);
  });
}

Deno.test("PushJobs writes each id where it belongs, whatever it is", () => {
  const scene = new Scene({ generation: 1 }, "a");
  for (const id of ID_EXTREMES) {
    assert.deepEqual(
      scene.send("a", publish(id, im({ sender: id, receiver: id }), { appid: id })).jobs,
      [
        `push_queue {"appid":${id},"content":"hi","receiver":${id},"sender":${id}}`,
      ],
    );
  }
});

const CONTENTS: readonly [what: string, content: string | Uint8Array, json: string][] = [
  ["nothing", "", ""],
  [
    "JSON with quotes and markup",
    '{"text":"a<b>&\\"c\\""}',
    '{\\"text\\":\\"a\\u003cb\\u003e\\u0026\\\\\\"c\\\\\\"\\"}',
  ],
  ["line ends and tabs", "a\r\n\tb", "a\\r\\n\\tb"],
  ["other scripts, raw", "你好 é 😀", "你好 é 😀"],
  ["line separators", "\u2028\u2029", "\\u2028\\u2029"],
  ["a real U+FFFD and a broken byte", hex("efbfbd ff"), "\ufffd\\ufffd"],
  ["zeros", hex("00 00"), "\\u0000\\u0000"],
  ["DEL", hex("7f"), "\x7f"],
];

for (const [what, content, json] of CONTENTS) {
  Deno.test(`PushJobs content of ${what} is escaped in every list`, () => {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    const customerBody = new Uint8Array(36 + bytes.length);
    customerBody.set(bytes, 36);
    const scene = new Scene({ generation: "auto" }, "a");
    for (
      const frame of [
        push([2n], im({ content })),
        push([2n], groupIm({ content })),
        push([2n], inner(21, bytes)),
        push([2n], inner(24, customerBody)),
        push([2n], inner(64, customerBody)),
      ]
    ) {
      const { jobs } = scene.send("a", frame);
      assert.equal(jobs.length, 1);
      assert.ok(jobs[0]!.includes(`,"content":"${json}",`), jobs[0]!);
    }
  });
}

Deno.test("Router.jobs keeps jobs of many frames in the order in which they were handled", () => {
  const scene = new Scene({ generation: "auto" }, "a b");
  const expected: string[] = [];
  for (let i = 0; i < 300; i++) {
    const content = `${i}`;
    if (i % 2 === 0) {
      scene.send("a", publish(2n, im({ content })));
      expected.push(`push_queue {"appid":7,"content":"${i}","receiver":2,"sender":1}`);
    } else {
      scene.send("b", push([2n], system(content)));
      expected.push(`system_push_queue {"appid":7,"content":"${i}","receiver":2}`);
    }
  }
  assert.deepEqual(scene.jobs(), expected);
  scene.router.jobs.clear();
  assert.deepEqual(scene.send("a", publish(2n, im())).jobs.length, 1);
});
