// Group messages that come before the groups are loaded: what waits, what is decided afterwards, in which portions.
import assert from "node:assert/strict";
import { GroupTable } from "../../src/router/group_table.ts";
import type { RouterOptions } from "../../src/router/router.ts";
import { FRAME_OVERHEAD_BYTES } from "../../src/router/waiting_frames.ts";
import { groupsOf } from "../support/group_tables.ts";
import { Scene } from "../support/router_scene.ts";
import {
  groupIm,
  im,
  inner,
  publish,
  publishGroup,
  push,
  syncGroupNotify,
} from "../support/wire_frames.ts";

/** More than any test here has to look up. */
const PLENTY = 1_000_000;

/** A router whose groups are not loaded yet, and the table that it asks. */
function unloadedScene(options: Partial<RouterOptions> = {}): { scene: Scene; groups: GroupTable } {
  const groups = GroupTable.unloaded();
  return { scene: new Scene({ generation: 1, groups, ...options }, "a"), groups };
}

/** A GROUP_IM to a group, which says `content`. */
function groupMessage(group: bigint, content: string): Uint8Array {
  return publishGroup(group, groupIm({ receiver: group, content }));
}

/** The job of such a message. */
function jobOf(group: number, content: string, receivers: string): string {
  return `group_push_queue {"appid":7,"content":"${content}","group_id":${group},` +
    `"receivers":[${receivers}],"sender":1}`;
}

function contentsOf(jobs: readonly string[]): string[] {
  return jobs.map((job) => /"content":"(?<content>[^"]*)"/.exec(job)!.groups!.content!);
}

Deno.test("PushDecisions.decideWaiting decides in order what waited for the groups", () => {
  const { scene, groups } = unloadedScene();
  const { decisions } = scene.router;
  for (const [group, content] of [[500n, "1st"], [600n, "2nd"], [500n, "3rd"]] as const) {
    const answer = scene.send("a", groupMessage(group, content));
    assert.deepEqual(answer, { to: "", forwarded: "", jobs: [], notes: 0 });
  }
  assert.equal(decisions.waiting.count, 3);
  assert.equal(decisions.decideWaiting(PLENTY), false, "not before they are loaded");
  assert.deepEqual([decisions.waiting.count, scene.jobs()], [3, []]);

  groups.exchange(groupsOf([500n, [1n, 2n, 3n]], [600n, [4n]]));
  assert.equal(decisions.decideWaiting(PLENTY), false);
  assert.deepEqual(scene.jobs(), [
    jobOf(500, "1st", "2,3"),
    jobOf(600, "2nd", "4"),
    jobOf(500, "3rd", "2,3"),
  ]);
  const { count, byteLength, dropped } = decisions.waiting;
  assert.deepEqual([count, byteLength, dropped, decisions.unknownGroups], [0, 0, 0, 0]);
});

Deno.test("PushDecisions.decideWaiting decides as much as it is told, and says whether more waits", () => {
  const { scene, groups } = unloadedScene();
  const { decisions } = scene.router;
  const members = Array.from({ length: 100 }, (_, i) => BigInt(i + 2));
  for (let i = 0; i < 10; i++) scene.send("a", groupMessage(500n, `${i}`));
  groups.exchange(groupsOf([500n, members]));
  const portions: number[] = [];
  for (let isMore = true; isMore; portions.push(scene.jobs().length)) {
    isMore = decisions.decideWaiting(300);
  }
  assert.deepEqual(portions, [3, 6, 9, 10], "300 members and some work beside them at a time");
  assert.deepEqual(contentsOf(scene.jobs()), [..."0123456789"]);
  assert.equal(decisions.decideWaiting(300), false);
});

Deno.test("PushDecisions.decideWaiting decides one message of a group that exceeds the work, and no more", () => {
  const { scene, groups } = unloadedScene();
  for (const content of ["0", "1"]) scene.send("a", groupMessage(500n, content));
  groups.exchange(groupsOf([500n, Array.from({ length: 1_000 }, (_, i) => BigInt(i))]));
  assert.equal(scene.router.decisions.decideWaiting(1), true);
  assert.deepEqual(contentsOf(scene.jobs()), ["0"]);
  assert.equal(scene.router.decisions.decideWaiting(0), true, "no work, nothing done");
  assert.deepEqual(contentsOf(scene.jobs()), ["0"]);
  assert.equal(scene.router.decisions.decideWaiting(1), false);
  assert.deepEqual(contentsOf(scene.jobs()), ["0", "1"]);
});

Deno.test("PushDecisions.decideWaiting counts messages without members as work too", () => {
  const { scene, groups } = unloadedScene();
  for (let i = 0; i < 1_000; i++) scene.send("a", groupMessage(500n, "hi"));
  groups.exchange(GroupTable.empty());
  assert.equal(scene.router.decisions.decideWaiting(1_000), true);
  const { waiting, unknownGroups } = scene.router.decisions;
  assert.ok(unknownGroups > 0 && unknownGroups < 200, `${unknownGroups} decided`);
  assert.equal(waiting.count + unknownGroups, 1_000);
});

Deno.test("PushDecisions.decideWaiting leaves out who came online meanwhile, and takes who left", () => {
  const { scene, groups } = unloadedScene();
  scene.play("b:4");
  scene.send("a", groupMessage(500n, "hi"));
  scene.play("b:2 c:3 b!:4");
  groups.exchange(groupsOf([500n, [1n, 2n, 3n, 4n, 5n]]));
  scene.play("c.");
  scene.router.decisions.decideWaiting(PLENTY);
  assert.deepEqual(scene.jobs(), [jobOf(500, "hi", "3,4,5")]);
});

Deno.test("PushDecisions.group puts a message behind those that still wait, also once the groups are loaded", () => {
  const { scene, groups } = unloadedScene();
  const { decisions } = scene.router;
  for (const content of ["0", "1"]) scene.send("a", groupMessage(500n, content));
  groups.exchange(groupsOf([500n, [2n]]));
  assert.deepEqual(scene.send("a", groupMessage(500n, "2")).jobs, []);
  assert.equal(decisions.decideWaiting(1), true);
  assert.deepEqual(scene.send("a", groupMessage(500n, "3")).jobs, []);
  assert.equal(decisions.decideWaiting(PLENTY), false);
  assert.deepEqual(contentsOf(scene.jobs()), ["0", "1", "2", "3"]);
  const { jobs } = scene.send("a", groupMessage(500n, "4"));
  assert.deepEqual(contentsOf(jobs), ["4"], "nothing waits any more: decided at once");
});

Deno.test("PushDecisions.decideWaiting counts messages whose group is not known once they are loaded", () => {
  const { scene, groups } = unloadedScene();
  for (const group of [501n, 500n, 502n]) scene.send("a", groupMessage(group, "hi"));
  const { decisions } = scene.router;
  assert.equal(decisions.unknownGroups, 0, "nothing is unknown before");
  groups.exchange(groupsOf([500n, [2n]]));
  decisions.decideWaiting(PLENTY);
  assert.deepEqual(scene.jobs(), [jobOf(500, "hi", "2")]);
  assert.equal(decisions.unknownGroups, 2);
});

Deno.test("Router forwards and decides what needs no group while group messages wait", () => {
  const { scene } = unloadedScene();
  scene.play("b:9");
  scene.send("a", groupMessage(500n, "waits"));
  assert.equal(scene.send("a", publishGroup(500n, syncGroupNotify())).to, "b");
  assert.deepEqual(scene.send("a", publishGroup(500n, im())).jobs, []);
  assert.deepEqual(scene.send("a", publishGroup(500n, inner(7, new Uint8Array(40)))).jobs, []);
  const { jobs } = scene.send("a", publish(2n, groupIm({ receiver: 500n, content: "to one" })));
  assert.deepEqual(jobs, [jobOf(500, "to one", "2")]);
  assert.equal(scene.send("a", publish(2n, im())).jobs.length, 1);
  assert.equal(scene.router.decisions.waiting.count, 1);
});

Deno.test("Router of generation 2 makes no message wait for groups that are not loaded", () => {
  const { scene } = unloadedScene({ generation: 2 });
  const message = groupIm({ receiver: 500n, flag: 0x18 });
  scene.send("a", publishGroup(500n, message));
  assert.equal(scene.send("a", push([2n, 3n], message)).jobs.length, 1);
  assert.equal(scene.router.decisions.waiting.count, 0);
});

Deno.test("RouterOptions.groupWaiting bounds the messages that wait: past it the oldest go", () => {
  const { scene, groups } = unloadedScene({ groupWaiting: { framesMax: 3, bytesMax: 1 << 20 } });
  for (const content of ["0", "1", "2", "3", "4"]) scene.send("a", groupMessage(500n, content));
  const { decisions } = scene.router;
  assert.deepEqual([decisions.waiting.count, decisions.waiting.dropped], [3, 2]);
  groups.exchange(groupsOf([500n, [2n]]));
  scene.send("a", groupMessage(500n, "5")); // some wait still, so the bound holds
  assert.equal(decisions.waiting.dropped, 3);
  decisions.decideWaiting(PLENTY);
  assert.deepEqual(contentsOf(scene.jobs()), ["3", "4", "5"]);
});

Deno.test("RouterOptions.groupWaiting bounds their bytes: frame bodies and what a small array costs", () => {
  const each = groupMessage(500n, "0").length - 12 + FRAME_OVERHEAD_BYTES;
  const { scene, groups } = unloadedScene({ groupWaiting: { framesMax: 99, bytesMax: 2 * each } });
  for (const content of ["0", "1", "2"]) scene.send("a", groupMessage(500n, content));
  const { waiting } = scene.router.decisions;
  assert.deepEqual([waiting.count, waiting.byteLength, waiting.dropped], [2, 2 * each, 1]);
  groups.exchange(groupsOf([500n, [2n]]));
  scene.router.decisions.decideWaiting(PLENTY);
  assert.deepEqual(contentsOf(scene.jobs()), ["1", "2"]);
});
