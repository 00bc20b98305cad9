// Commands that are not the router's, bodies that are too short, and bodies that are longer than they need be.
import assert from "node:assert/strict";
import { NOTE } from "../../src/router/outcome.ts";
import { encodeFrame } from "../../src/wire/frame.ts";
import { Scene, testRules } from "../support/router_scene.ts";
import {
  groupIm,
  im,
  publish,
  publishGroup,
  publishRoom,
  push,
  subscribe,
  subscribeRoom,
  syncNotify,
  unsubscribe,
  unsubscribeRoom,
  withBodyCut,
  withExtra,
} from "../support/wire_frames.ts";
import { hex } from "../support/wire_hex.ts";

const ROUTER_COMMANDS = [130, 131, 132, 134, 135, 136, 137, 138];

for (const generation of [1, 2, "auto"] as const) {
  const unknown = Array.from({ length: 256 }, (_, command) => command)
    .filter((command) => !ROUTER_COMMANDS.includes(command) || generation === 1 && command === 134);

  Deno.test(`Router generation ${generation}: a command that is not the router's is skipped when its body is empty`, () => {
    const scene = new Scene({ generation }, "a:2 b:2");
    for (const command of unknown) {
      const { to, jobs, notes } = scene.send("a", encodeFrame({ command }));
      assert.deepEqual([to, jobs], ["", []], `${command}`);
      assert.ok((notes & NOTE.UNKNOWN_COMMAND) !== 0, `${command} is worth a log line`);
    }
    assert.equal(scene.router.unknown, unknown.length, "each is counted");
    assert.equal(scene.router.table.users.subscriptions, 2, "what the connection holds is kept");
  });

  Deno.test(`Router generation ${generation}: a command that is not the router's closes when it has a body`, () => {
    const scene = new Scene({ generation }, "a b:2");
    for (const command of unknown) {
      scene.sendBad("a", encodeFrame({ command, body: hex("00") }), "unknown_command");
    }
    assert.equal(scene.router.unknown, 0);
  });
}

const SHORTEST: readonly [name: string, frame: Uint8Array, bodyBytes: number][] = [
  ["SUBSCRIBE", subscribe(2n), 17],
  ["UNSUBSCRIBE", unsubscribe(2n), 16],
  ["SUBSCRIBE_ROOM", subscribeRoom(2n), 16],
  ["UNSUBSCRIBE_ROOM", unsubscribeRoom(2n), 16],
  ["PUBLISH", publish(2n, syncNotify()), 62],
  ["PUBLISH_GROUP", publishGroup(2n, syncNotify()), 62],
  ["PUBLISH_ROOM", publishRoom(2n, syncNotify()), 62],
  ["PUSH", push([2n], im()), 58],
];

for (const [name, frame, bodyBytes] of SHORTEST) {
  Deno.test(`Router.receive of a ${name} with a body too short closes the connection, at every length`, () => {
    assert.equal(frame.length, 12 + bodyBytes);
    for (const generation of [1, 2, "auto"] as const) {
      if (generation === 1 && name === "PUSH") continue;
      const scene = new Scene({ generation }, "a:2 a#2 b:2 b#2");
      for (let bytes = 0; bytes < bodyBytes; bytes++) {
        scene.sendBad("a", withBodyCut(frame, bytes), "malformed_body");
      }
      scene.send("a", frame);
    }
  });
}

testRules("Router accepts a longer body and ignores the rest:", { generation: 1 }, [
  ...[1, 100, 40_000].map((extra) => ({
    rule: `PUBLISH with ${extra} bytes more`,
    state: "b:2",
    frame: withExtra(publish(2n, syncNotify()), extra),
    to: "b",
    forwarded: publish(2n, syncNotify()).subarray(12),
  })),
  {
    rule: "PUBLISH that is pushed",
    frame: withExtra(publish(2n, im()), 7),
    jobs: ['push_queue {"appid":7,"content":"hi","receiver":2,"sender":1}'],
  },
  {
    rule: "PUSH",
    frame: withExtra(push([2n, 3n], groupIm({ receiver: 500n })), 7),
    jobs: [
      'group_push_queue {"appid":7,"content":"hi","group_id":500,"receivers":[2,3],"sender":1}',
    ],
    options: { generation: 2 },
  },
]);

Deno.test("Router accepts a longer body and ignores the rest: SUBSCRIBE and its three likes", () => {
  const scene = new Scene({ generation: 1 }, "a b");
  const user = publish(2n, syncNotify());
  const room = publishRoom(2n, syncNotify());
  scene.send("b", withExtra(subscribe(2n, 0), 30));
  assert.equal(scene.send("a", user).to, "b");
  assert.equal(scene.send("a", publish(2n, im())).jobs.length, 1, "online was 0, not the rest");
  scene.send("b", withExtra(subscribeRoom(2n), 1));
  assert.equal(scene.send("a", room).to, "b");
  scene.send("b", withExtra(unsubscribe(2n), 1));
  assert.equal(scene.send("a", user).to, "");
  scene.send("b", withExtra(unsubscribeRoom(2n), 30));
  assert.equal(scene.send("a", room).to, "");
});

Deno.test("Router.receive looks at the header's command alone: version, flag and reserved do not matter", () => {
  const scene = new Scene({ generation: 1 }, "a b");
  const frames = [subscribe(2n), publish(2n, syncNotify())].map((frame) => {
    const changed = frame.slice();
    changed.set([9, 0xff, 0xff], 9);
    return changed;
  });
  scene.send("b", frames[0]!);
  assert.equal(scene.send("a", frames[1]!).to, "b");
});
