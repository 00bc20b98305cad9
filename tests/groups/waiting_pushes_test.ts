// Group messages that wait until the groups are loaded: what is said of them, and how they are decided.
import assert from "node:assert/strict";
import { WaitingPushes } from "../../src/groups/waiting_pushes.ts";
import { GroupTable } from "../../src/router/group_table.ts";
import { Router } from "../../src/router/router.ts";
import { groupsOf } from "../support/group_tables.ts";
import { HeldClock } from "../support/held_clock.ts";
import { groupIm, publishGroup } from "../support/wire_frames.ts";

/** Members of the group: one message is more than one portion of work. */
const MEMBERS = Array.from({ length: 25_000 }, (_, i) => BigInt(i + 2));

const NEVER = new AbortController().signal;

class Scene {
  readonly clock = new HeldClock();
  readonly groups = GroupTable.unloaded();
  readonly router: Router;
  readonly pushes: WaitingPushes;
  readonly jobs: string[] = [];
  readonly log: string[] = [];
  /** What the push channel says of its room. */
  crowded: PromiseWithResolvers<void> | undefined;
  readonly #from: number;

  constructor(framesMax = 10) {
    this.router = new Router({
      generation: 1,
      groups: this.groups,
      groupWaiting: { framesMax, bytesMax: 1 << 20 },
    });
    this.#from = this.router.connect();
    this.pushes = new WaitingPushes({
      decisions: this.router.decisions,
      push: (jobs) => {
        for (let i = 0; i < jobs.count; i++) {
          const { content } = JSON.parse(new TextDecoder().decode(jobs.text(i)));
          this.jobs.push(content);
        }
        return this.crowded && { ready: () => this.crowded!.promise };
      },
      log: (level, event, fields) => this.log.push(`${level} ${event} ${JSON.stringify(fields)}`),
      clock: this.clock,
    });
  }

  say(...contents: readonly string[]): void {
    for (const content of contents) {
      const frame = publishGroup(500n, groupIm({ receiver: 500n, content }));
      this.router.receive(this.#from, frame, new DataView(frame.buffer), 0, frame.length);
    }
  }

  load(members = MEMBERS): void {
    this.groups.exchange(groupsOf([500n, members]));
  }

  /** Lets everything happen, and one pause end. */
  async turn(): Promise<void> {
    for (let i = 0; i < 10; i++) await Promise.resolve();
    this.clock.advance(1);
    for (let i = 0; i < 10; i++) await Promise.resolve();
  }
}

Deno.test("WaitingPushes says once that messages wait, and each time how many were dropped", async () => {
  const scene = new Scene(3);
  scene.clock.advance(5_000);
  assert.deepEqual(scene.log, []);
  scene.say("a", "b");
  scene.clock.advance(5_000);
  assert.equal(scene.log.length, 1);
  assert.match(scene.log[0]!, /^warning group messages wait.*"messages":2/);
  scene.say("c", "d", "e");
  scene.clock.advance(5_000);
  scene.say("f");
  scene.clock.advance(5_000);
  assert.equal(scene.log.length, 3);
  assert.match(scene.log[1]!, /^error .*dropped.*"messages":2,"since_start":2/);
  assert.match(scene.log[2]!, /^error .*dropped.*"messages":1,"since_start":3/);
  await scene.pushes.close(NEVER);
});

Deno.test("WaitingPushes looks every second", async () => {
  const scene = new Scene();
  scene.say("a");
  scene.clock.advance(999);
  assert.equal(scene.log.length, 0);
  scene.clock.advance(1);
  assert.equal(scene.log.length, 1);
  await scene.pushes.close(NEVER);
});

Deno.test("WaitingPushes.decide with nothing to decide says nothing, and decides what comes later", async () => {
  const scene = new Scene();
  await scene.pushes.decide();
  assert.deepEqual(scene.log, []);
  scene.say("a");
  scene.load([2n]);
  const decided = scene.pushes.decide();
  await scene.turn();
  await decided;
  assert.deepEqual(scene.jobs, ["a"]);
  assert.match(scene.log[0]!, /^info .*are decided.*"messages":1/);
  await scene.pushes.close(NEVER);
});

Deno.test("WaitingPushes.decide while that is under way decides no faster", async () => {
  const scene = new Scene();
  scene.say("a", "b", "c");
  scene.load();
  const decided = scene.pushes.decide();
  await scene.pushes.decide();
  assert.deepEqual(scene.jobs, ["a"]);
  for (let turn = 0; turn < 4; turn++) await scene.turn();
  await decided;
  assert.deepEqual(scene.jobs, ["a", "b", "c"]);
  assert.equal(scene.log.length, 1);
  await scene.pushes.close(NEVER);
});

Deno.test("WaitingPushes decides in portions and in order, and what comes meanwhile goes behind", async () => {
  const scene = new Scene();
  scene.say("a", "b", "c");
  scene.load();
  const decided = scene.pushes.decide();
  assert.deepEqual(scene.jobs, ["a"], "one is more than a portion");
  scene.say("d");
  await scene.turn();
  assert.deepEqual(scene.jobs, ["a", "b"]);
  await scene.turn();
  await scene.turn();
  await scene.turn();
  await decided;
  assert.deepEqual(scene.jobs, ["a", "b", "c", "d"]);
  scene.say("e");
  assert.equal(scene.router.jobs.count, 1, "nothing waits: it is decided at once");
  assert.equal(scene.log.length, 1);
  await scene.pushes.close(NEVER);
  assert.equal(scene.clock.timers, 0);
});

Deno.test("WaitingPushes waits for room where the jobs go", async () => {
  const scene = new Scene();
  scene.say("a", "b");
  scene.load();
  scene.crowded = Promise.withResolvers();
  const decided = scene.pushes.decide();
  await scene.turn();
  await scene.turn();
  assert.deepEqual(scene.jobs, ["a"]);
  scene.crowded.resolve();
  scene.crowded = undefined;
  await scene.turn();
  await scene.turn();
  await decided;
  assert.deepEqual(scene.jobs, ["a", "b"]);
  await scene.pushes.close(NEVER);
});

Deno.test("WaitingPushes.close decides the rest at once when the groups are loaded, and else says how many are lost", async () => {
  const loaded = new Scene();
  loaded.say("a", "b", "c");
  loaded.load();
  assert.equal(await loaded.pushes.close(NEVER), 0);
  assert.deepEqual(loaded.jobs, ["a", "b", "c"]);
  const unloaded = new Scene();
  unloaded.say("a", "b");
  assert.equal(await unloaded.pushes.close(NEVER), 2);
  assert.deepEqual(unloaded.jobs, []);
  assert.equal(unloaded.clock.timers + loaded.clock.timers, 0);
});

Deno.test("WaitingPushes.close while they are decided decides the rest, in order and once, as there comes to be room", async () => {
  const scene = new Scene();
  scene.say("a", "b", "c");
  scene.load();
  const room = scene.crowded = Promise.withResolvers();
  const decided = scene.pushes.decide();
  await scene.turn();
  const closed = scene.pushes.close(NEVER);
  await scene.turn();
  assert.deepEqual(scene.jobs, ["a", "b"]);
  scene.crowded = undefined;
  room.resolve();
  assert.equal(await closed, 0);
  await decided;
  assert.deepEqual(scene.jobs, ["a", "b", "c"]);
  assert.equal(scene.clock.timers, 0);
});

Deno.test("WaitingPushes.close waits for room until its signal, and says how many are left", async () => {
  const scene = new Scene();
  scene.say("a", "b", "c");
  scene.load();
  scene.crowded = Promise.withResolvers();
  const ending = new AbortController();
  const closed = scene.pushes.close(ending.signal);
  await scene.turn();
  ending.abort();
  assert.equal(await closed, 2);
  assert.deepEqual(scene.jobs, ["a"]);
});
