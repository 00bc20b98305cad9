// What a connection holds: subscriptions of users with their flag, rooms, and that all of it goes with the connection.
import assert from "node:assert/strict";
import { Scene, testRules } from "../support/router_scene.ts";
import {
  im,
  publish,
  publishGroup,
  publishRoom,
  push,
  subscribe,
  subscribeRoom,
  syncGroupNotify,
  syncNotify,
  unsubscribe,
} from "../support/wire_frames.ts";
import { ID_EXTREMES } from "../support/wire_hex.ts";

const toUser = publish(2n, im({ flag: 0x02 }));
const toRoom = publishRoom(5n, syncNotify());
const PUSHED = { jobs: ['push_queue {"appid":7,"content":"hi","receiver":2,"sender":1}'] };

testRules("Router state of a connection", { generation: 1 }, [
  {
    rule: "SUBSCRIBE again replaces the earlier flag: online, then 0",
    state: "b:2 b:2-",
    frame: toUser,
    to: "b",
    ...PUSHED,
  },
  {
    rule: "SUBSCRIBE again replaces the earlier flag: 0, then online",
    state: "b:2- b:2",
    frame: toUser,
    to: "b",
  },
  {
    rule: "SUBSCRIBE twice is held once: one UNSUBSCRIBE removes it, one copy is sent",
    state: "b:2 b:2 c:2 c:2 c!:2",
    frame: toUser,
    to: "b",
  },
  {
    rule: "UNSUBSCRIBE removes the user",
    state: "b:2 b!:2",
    frame: toUser,
    ...PUSHED,
  },
  {
    rule: "UNSUBSCRIBE of a user who was never subscribed does nothing",
    state: "b!:2 b:3 b!:2",
    frame: publish(3n, syncNotify()),
    to: "b",
  },
  {
    rule: "UNSUBSCRIBE removes the user from the connection that sends it alone",
    state: "b:2 c:2 c!:2 d!:2",
    frame: toUser,
    to: "b",
  },
  {
    rule: "UNSUBSCRIBE removes the user of its own app alone",
    state: "b:7/2 b:8/2 b!:8/2",
    frame: toUser,
    to: "b",
  },
  {
    rule: "UNSUBSCRIBE of one holder who was online leaves the other's flag",
    state: "b:2 c:2- b!:2",
    frame: toUser,
    to: "c",
    ...PUSHED,
  },
  {
    rule: "two connections may hold the same user; each gets its copy",
    state: "b:2 c:2 d:2-",
    frame: toUser,
    to: "b c d",
  },
  {
    rule: "a user can be subscribed again after UNSUBSCRIBE",
    state: "b:2 b!:2 b:2-",
    frame: toUser,
    to: "b",
    ...PUSHED,
  },
  {
    rule: "SUBSCRIBE_ROOM twice is held once",
    state: "b#5 b#5 c#5 c#5 c!#5",
    frame: toRoom,
    to: "b",
  },
  {
    rule: "UNSUBSCRIBE_ROOM removes the room from the connection that sends it alone",
    state: "b#5 c#5 c!#5 d!#5",
    frame: toRoom,
    to: "b",
  },
  {
    rule: "UNSUBSCRIBE_ROOM leaves a user of the same id",
    state: "b:2 b#2 b!#2",
    frame: toUser,
    to: "b",
  },
  {
    rule: "UNSUBSCRIBE leaves a room of the same id",
    state: "b:5 b#5 b!:5",
    frame: toRoom,
    to: "b",
  },
  {
    rule: "a connection that ends is no holder any more, nor are its users online",
    state: "b:2 b#5 b. c:2-",
    frame: toUser,
    to: "c",
    ...PUSHED,
  },
  {
    rule: "the rooms of a connection that ends go with it",
    state: "b#5 c#5 b.",
    frame: toRoom,
    to: "c",
  },
  {
    rule: "a new connection holds nothing of an ended one",
    state: "b:2 b. b",
    frame: toUser,
    ...PUSHED,
  },
]);

for (const online of [1, -1, 127, -128, 2]) {
  Deno.test(`Router.receive of SUBSCRIBE with online ${online} makes the user online: only 0 does not`, () => {
    const scene = new Scene({ generation: 1 }, "a b");
    scene.send("b", subscribe(2n, online));
    assert.deepEqual(scene.send("a", publish(2n, im())).jobs, []);
  });
}

Deno.test("Router.receive keeps every int64 exact, as user, room and app", () => {
  for (const id of ID_EXTREMES) {
    const scene = new Scene({ generation: 2 }, `b:${id}/${id} c#${id}/${id}`);
    for (const other of ID_EXTREMES) {
      const self = other === id;
      const to = (name: string) => self ? name : "";
      const sends = (frame: Uint8Array) => scene.send("a", frame).to;
      assert.equal(sends(publish(other, syncNotify(), { appid: id })), to("b"));
      assert.equal(sends(publish(id, syncNotify(), { appid: other })), to("b"));
      assert.equal(sends(publishRoom(other, syncNotify(), { appid: id })), to("c"));
      assert.equal(sends(publishRoom(id, syncNotify(), { appid: other })), to("c"));
      const { jobs } = scene.send("a", push([other], im({ sender: other, receiver: other }), id));
      assert.deepEqual(
        jobs,
        self
          ? []
          : [`push_queue {"appid":${id},"content":"hi","receiver":${other},"sender":${other}}`],
      );
    }
  }
});

Deno.test("Router gives the publisher nothing back, whatever it holds and sends", () => {
  const scene = new Scene({ generation: 1 }, "a:2 a#2 a:3");
  for (
    const frame of [
      publish(2n, syncNotify()),
      publishRoom(2n, syncNotify()),
      publishGroup(2n, syncGroupNotify()),
    ]
  ) assert.equal(scene.send("a", frame).to, "");
});

Deno.test("Router.disconnect is in force before anything is swept, and its number is not given out until then", () => {
  const scene = new Scene({ generation: 1 }, "a");
  for (let id = 0; id < 100; id++) scene.play(`b:${id} b#${id}`);
  scene.play("b. c:1 d#1");
  const { table } = scene.router;
  assert.equal(scene.send("a", publish(1n, syncNotify())).to, "c");
  assert.equal(scene.send("a", publish(99n, syncNotify())).to, "");
  assert.equal(scene.send("a", publishRoom(1n, syncNotify())).to, "d");
  let sweeps = 0;
  while (table.sweep(7)) {
    sweeps++;
    assert.equal(scene.send("a", publish(99n, syncNotify())).to, "");
    assert.equal(scene.send("a", publish(1n, syncNotify())).to, "c");
  }
  assert.equal(sweeps, Math.floor(200 / 7));
  assert.equal(table.users.subscriptions + table.rooms.subscriptions, 2);
  assert.equal(scene.router.connect(), 1, "b's number is free again");
});

Deno.test("Router subscriptionsPerConnectionMax bounds users and rooms of one connection together", () => {
  const scene = new Scene({ generation: 1, subscriptionsPerConnectionMax: 3 }, "a:1 a#1 a:2 b");
  scene.sendBad("a", subscribe(3n), "too_many_subscriptions");
  scene.sendBad("a", subscribeRoom(3n), "too_many_subscriptions");
  scene.play("b:3 b:4 b:5");
  scene.sendBad("b", subscribe(6n), "too_many_subscriptions");
  scene.send("a", unsubscribe(2n));
  scene.play("a#7");
  scene.sendBad("a", subscribe(3n), "too_many_subscriptions");
});

Deno.test("Router subscriptionsPerConnectionMax does not refuse what the connection holds already", () => {
  const scene = new Scene({ generation: 1, subscriptionsPerConnectionMax: 2 }, "b:2 b#2 b:2- b#2");
  assert.equal(scene.send("a", publish(2n, im())).jobs.length, 1, "the flag was replaced");
});
