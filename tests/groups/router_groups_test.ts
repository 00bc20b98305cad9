// Groups of generation 1, end to end: real MariaDB, real Redis, the router as a process.
import assert from "node:assert/strict";
import { tempFolder } from "../push/fixtures.ts";
import { RouterProcess } from "../support/router_process.ts";
import { subscribe } from "../support/wire_frames.ts";
import { newGroup } from "./api_server.ts";
import { GroupScene } from "./group_scene.ts";

const BIG = 2n ** 62n + 1n;

Deno.test("Router with groups: every action, good and bad, counts from the next message on", async () => {
  await using scene = await GroupScene.start({
    before: [...newGroup(500n, [2n, 3n]), ...newGroup(BIG, [2n])],
  });
  await scene.loaded();
  const { api } = scene;
  await scene.reaches(500n, [2n, 3n]);
  await scene.isTrue();

  await api.change(newGroup(600n, [4n, 1n]));
  await scene.isTrue();
  await scene.reaches(600n, [4n]);

  await api.change([{ kind: "add", group: 500n, uid: 9n }, {
    kind: "remove",
    group: 500n,
    uid: 2n,
  }]);
  await scene.isTrue();
  await scene.reaches(500n, [3n, 9n]);

  await api.publish("group_member_add", "500,ten");
  await api.publish("group_create", "700");
  await api.publish("group_member_add", "999,5"); // a group that is not there
  await api.publish("group_upgrade", "500,7,0");
  await api.change([{ kind: "upgrade", group: 500n }, { kind: "create", group: 500n }]);
  await api.change([{ kind: "disband", group: 600n }]);
  await scene.isTrue();
  await scene.reaches(500n, [3n, 9n]);
  await scene.reachesNobody(600n, 500n);
  await scene.reachesNobody(999n, 500n);

  assert.equal(await scene.membersOf(BIG).then((members) => members?.join()), "2");
  assert.equal(scene.router.logged("groups loaded").length, 1, "nothing was missed");
  const metrics = await scene.router.metrics();
  assert.equal(metrics.get("imr_groups_stale"), 0);
  assert.equal(metrics.get('imr_groups_events_total{result="unreadable"}'), 3);
  assert.equal(metrics.get("imr_groups_action_lag"), 0);
});

Deno.test("Router with groups: members who are online, and the sender, are not pushed", async () => {
  await using scene = await GroupScene.start({ before: newGroup(500n, [1n, 2n, 3n, 4n]) });
  await scene.loaded();
  await scene.server.send(subscribe(2n), subscribe(3n, 0));
  await scene.reaches(500n, [3n, 4n]);
});

Deno.test("Router without MySQL says once that groups come from nowhere, and pushes to none", async () => {
  await using data = await tempFolder();
  await using router = await RouterProcess.start({ data: data.path, args: ["--generation", "1"] });
  assert.equal(router.banner.match(/Groups come from +nowhere/g)?.length, 1, router.banner);
  const { status, text } = await router.get("/group?id=500");
  assert.equal(status, 404, text);
  assert.deepEqual(JSON.parse((await router.get("/readyz")).text).warnings, []);
});

Deno.test("Router of generation 2 says nothing of groups", async () => {
  await using data = await tempFolder();
  await using router = await RouterProcess.start({ data: data.path, args: ["--generation", "2"] });
  assert.doesNotMatch(router.banner, /groups/i);
});

Deno.test("Router with a file of groups has them at once, exact to the last digit", async () => {
  await using data = await tempFolder();
  const file = `${data.path}/groups.jsonl`;
  const max = 2n ** 63n - 1n;
  await Deno.writeTextFile(
    file,
    `{"group":500,"members":[1,2]}\n\n{"members":[-1,${max}],"group":${-max - 1n}}\n`,
  );
  const args = ["--generation", "1", "--groups-file", file];
  await using router = await RouterProcess.start({ data: `${data.path}/data`, args });
  assert.match(router.banner, /Groups come from .*groups\.jsonl/);
  assert.match((await router.get("/group?id=500")).text, /"members":\[1,2\]/);
  const { text } = await router.get(`/group?id=${-max - 1n}`);
  assert.match(text, new RegExp(`"members":\\[-1,${max}\\]`));
});

for (
  const { name, line, why } of [
    { name: "no JSON", line: '{"group":500', why: /line 2: / },
    { name: "a fraction", line: '{"group":1.5,"members":[]}', why: /"group" is no whole number/ },
    { name: "an id over 64 bits", line: `{"group":${2n ** 63n},"members":[]}`, why: /64 bits/ },
    { name: "members that are names", line: '{"group":1,"members":["a"]}', why: /"members"/ },
    { name: "a key that is not known", line: '{"group":1,"members":[],"x":1}', why: /expected/ },
    { name: "a group twice", line: '{"group":500,"members":[]}', why: /twice/ },
  ]
) {
  Deno.test(`Router with a file of groups that holds ${name} ends with status 2, and says where`, async () => {
    await using data = await tempFolder();
    const file = `${data.path}/groups.jsonl`;
    await Deno.writeTextFile(file, `{"group":500,"members":[1]}\n${line}\n`);
    const start = RouterProcess.start({ data: data.path, args: ["--groups-file", file] });
    await assert.rejects(start, (error: Error) => {
      assert.match(error.message, /status 2/);
      assert.match(error.message.replaceAll("\\", ""), why);
      return true;
    });
  });
}
