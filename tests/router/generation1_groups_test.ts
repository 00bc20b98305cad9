// PUBLISH_GROUP by the rules of generation 1, and the group table that it asks. The protocol asks for no order of a
// group job's receivers; here they stand in the table's.
import assert from "node:assert/strict";
import { GroupTable } from "../../src/router/group_table.ts";
import { groupsOf } from "../support/group_tables.ts";
import { Scene, testRules } from "../support/router_scene.ts";
import {
  groupIm,
  im,
  inner,
  publishGroup,
  syncGroupNotify,
  syncNotify,
  system,
  withExtra,
} from "../support/wire_frames.ts";
import { ID_EXTREMES } from "../support/wire_hex.ts";

const groups = groupsOf([500n, [1n, 2n, 3n]], [600n, []], [700n, [1n]]);
const job = (receivers: string, rest = '"sender":1}') =>
  `group_push_queue {"appid":7,"content":"hi","group_id":500,"receivers":[${receivers}],${rest}`;

testRules("Router generation 1 PUBLISH_GROUP, step 1", {
  generation: 1,
  isPushSystem: true,
  groups,
}, [
  {
    rule: "a GROUP_IM of a known group becomes one group job for the members but the sender",
    frame: publishGroup(500n, groupIm({ receiver: 500n })),
    jobs: [job("2,3")],
  },
  {
    rule: "the sender is the inner one, whoever published",
    state: "a:3-",
    frame: publishGroup(500n, groupIm({ receiver: 500n, sender: 2n })),
    jobs: [job("1,3", '"sender":2}')],
  },
  {
    rule: "a sender who is not a member is taken out of nothing",
    frame: publishGroup(500n, groupIm({ receiver: 500n, sender: 9n })),
    jobs: [job("1,2,3", '"sender":9}')],
  },
  {
    rule: "members who are online are left out",
    state: "b:2",
    frame: publishGroup(500n, groupIm({ receiver: 500n })),
    jobs: [job("3")],
  },
  {
    rule: "members who are online through the publisher's connection are left out",
    state: "a:3",
    frame: publishGroup(500n, groupIm({ receiver: 500n })),
    jobs: [job("2")],
  },
  {
    rule: "members with online 0 are pushed",
    state: "b:2- c:3",
    frame: publishGroup(500n, groupIm({ receiver: 500n })),
    jobs: [job("2")],
  },
  {
    rule: "members are online under the route message's appid",
    state: "b:8/2 c:7/3",
    frame: publishGroup(500n, groupIm({ receiver: 500n })),
    jobs: [job("2")],
  },
  {
    rule: "the group is looked up by its id alone: any appid finds it, and stands in the job",
    state: "b:8/2",
    frame: publishGroup(500n, groupIm({ receiver: 500n }), { appid: 8n }),
    jobs: [
      'group_push_queue {"appid":8,"content":"hi","group_id":500,"receivers":[3],"sender":1}',
    ],
  },
  {
    rule: "the group is looked up by the route message's receiver; group_id is the inner one",
    frame: publishGroup(500n, groupIm({ receiver: 501n })),
    jobs: [
      'group_push_queue {"appid":7,"content":"hi","group_id":501,"receivers":[2,3],"sender":1}',
    ],
  },
  {
    rule: "no job where every member but the sender is online",
    state: "b:2 b:3",
    frame: publishGroup(500n, groupIm({ receiver: 500n })),
  },
  {
    rule: "no job where the sender is the only member",
    frame: publishGroup(700n, groupIm({ receiver: 700n })),
  },
  {
    rule: "no job where the group has no members",
    frame: publishGroup(600n, groupIm({ receiver: 600n })),
  },
  {
    rule: "no job where the group is not known",
    frame: publishGroup(501n, groupIm({ receiver: 501n })),
  },
  ...[
    { name: "an IM", frame: im({ receiver: 500n }) },
    { name: "a SYSTEM", frame: system("maintenance") },
    { name: "a GROUP_NOTIFICATION", frame: inner(7, new Uint8Array(40)) },
    { name: "a SYNC_NOTIFY", frame: syncNotify() },
  ].map(({ name, frame }) => ({
    rule: `${name} becomes no job`,
    frame: publishGroup(500n, frame),
  })),
]);

testRules("Router generation 1 PUBLISH_GROUP, step 2", { generation: 1, groups }, [
  {
    rule: "a SYNC_GROUP_NOTIFY goes to every connection but the publisher's, subscriptions or not",
    state: "a:2 b:2 c d#5 e:8/1",
    frame: publishGroup(500n, syncGroupNotify()),
    to: "b c d e",
  },
  {
    rule: "a SYNC_GROUP_NOTIFY goes out for a group that is not known",
    state: "b",
    frame: publishGroup(501n, syncGroupNotify()),
    to: "b",
  },
  {
    rule: "a SYNC_GROUP_NOTIFY does not go to a connection that has ended",
    state: "b:2 c. d",
    frame: publishGroup(500n, syncGroupNotify()),
    to: "b d",
  },
  {
    rule: "a SYNC_GROUP_NOTIFY goes out without the bytes after inner_length",
    state: "b",
    frame: withExtra(publishGroup(500n, syncGroupNotify()), 3),
    to: "b",
    forwarded: publishGroup(500n, syncGroupNotify()).subarray(12),
  },
  {
    rule: "a GROUP_IM is not forwarded, unpersistent or not",
    state: "b:2 c:3",
    frame: publishGroup(500n, groupIm({ receiver: 500n, flag: 0x02 })),
  },
  ...[7, 17, 20, 29, 36].map((command) => ({
    rule: `inner command ${command} is not forwarded`,
    state: "b:2 c:500",
    frame: publishGroup(500n, inner(command, new Uint8Array(40), { flag: 0x02 })),
  })),
]);

Deno.test("Router generation 1 PUBLISH_GROUP, step 1: ids at both ends of int64 stay exact", () => {
  for (const id of ID_EXTREMES) {
    const scene = new Scene({ generation: 1, groups: groupsOf([id, ID_EXTREMES]) });
    const online = ID_EXTREMES.at(-1)!;
    scene.play(`b:${id}/${online}`);
    for (const sender of ID_EXTREMES) {
      const frame = publishGroup(id, groupIm({ receiver: id, sender }), { appid: id });
      const receivers = ID_EXTREMES.filter((member) => member !== sender && member !== online)
        .sort((a, b) => a < b ? -1 : 1);
      assert.deepEqual(scene.send("a", frame).jobs, [
        `group_push_queue {"appid":${id},"content":"hi","group_id":${id},` +
        `"receivers":[${receivers}],"sender":${sender}}`,
      ]);
    }
  }
});

Deno.test("GroupTable changes count from the next frame on", () => {
  const table = GroupTable.empty();
  const scene = new Scene({ generation: 1, groups: table });
  const frame = publishGroup(500n, groupIm({ receiver: 500n }));
  assert.deepEqual(scene.send("a", frame).jobs, []);
  table.create(500n);
  table.addMember(500n, 1n);
  table.addMember(500n, 2n);
  assert.deepEqual(scene.send("a", frame).jobs, [job("2")]);
  table.exchange(groupsOf([500n, [3n]]));
  assert.deepEqual(scene.send("a", frame).jobs, [job("3")]);
  table.disband(500n);
  assert.deepEqual(scene.send("a", frame).jobs, []);
  assert.equal(scene.router.decisions.unknownGroups, 2);
});
