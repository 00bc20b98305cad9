/**
 * Everything that a router of generation 1 with groups needs, all of it real: MariaDB, Redis, an API server that changes groups, the
 * router, and an IM server that sends messages to groups; and what comes of them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { eventually } from "../support/eventually.ts";
import { ImServer } from "../support/im_server.ts";
import { MariadbServer } from "../support/mariadb_server.ts";
import { RedisServer } from "../support/redis_server.ts";
import { RouterProcess } from "../support/router_process.ts";
import { groupIm, publishGroup } from "../support/wire_frames.ts";
import { tempFolder } from "../push/fixtures.ts";
import { ApiServer, type Change } from "./api_server.ts";

/** How a scene differs from a plain one. */
export interface GroupSceneOptions {
  /** Changes that are made before the router starts. */
  readonly before?: readonly Change[];
  /** Whether MariaDB is stopped before the router starts. */
  readonly startsWithoutMysql?: boolean;
  /** The DSN that the router gets; that of the server unless told otherwise. */
  readonly dsn?: (mysql: MariadbServer) => string;
  /** What stands in the place of Redis' port for the router. */
  readonly redis?: (redis: RedisServer) => string;
}

/** A push job of a group. */
export interface GroupJob {
  readonly content: string;
  readonly group_id: number;
  readonly receivers: readonly number[];
}

/** All of it, started; it ends at the end of the block. */
export class GroupScene implements AsyncDisposable {
  readonly mysql: MariadbServer;
  readonly redis: RedisServer;
  readonly api: ApiServer;
  router!: RouterProcess;
  /** The IM server that sends. */
  server!: ImServer;
  readonly #stack: AsyncDisposableStack;

  private constructor(mysql: MariadbServer, redis: RedisServer, stack: AsyncDisposableStack) {
    this.mysql = mysql;
    this.redis = redis;
    this.api = new ApiServer(mysql, redis);
    this.#stack = stack;
  }

  static async start(options: GroupSceneOptions = {}): Promise<GroupScene> {
    await using stack = new AsyncDisposableStack();
    const mysql = stack.use(await MariadbServer.start());
    const redis = stack.use(await RedisServer.start());
    const data = stack.use(await tempFolder()).path;
    await mysql.loadFamilySchema();
    const dsn = (options.dsn ?? ((server) => server.dsn()))(mysql);
    const scene = new GroupScene(mysql, redis, stack);
    if (options.before !== undefined) await scene.api.change(options.before);
    if (options.startsWithoutMysql) await mysql.stop();
    const url = (options.redis ?? (({ address }) => address))(redis);
    const args = ["--generation", "1", "--redis", url, "--mysql", dsn];
    scene.router = stack.use(await RouterProcess.start({ data, args }));
    scene.server = stack.use(await ImServer.connect(scene.router.port));
    return new GroupScene(mysql, redis, stack.move()).#with(scene);
  }

  #with({ router, server, api }: GroupScene): GroupScene {
    return Object.assign(this, { router, server, api });
  }

  /** Waits until the groups have been loaded so many times. */
  async loaded(times = 1): Promise<void> {
    const { router } = this;
    await eventually(
      () => router.logged("groups loaded").length >= times,
      () => `groups are loaded ${times} times; ${router.logTail()}`,
    );
  }

  /** Waits until the router's groups are those of the API server, as its admin port shows them. */
  async isTrue(): Promise<void> {
    const { router, api } = this;
    const wrong: string[] = [];
    await eventually(async () => {
      wrong.length = 0;
      for (const group of api.groups.keys()) {
        const members = await this.membersOf(group);
        const expected = api.membersOf(group).join();
        if (members?.join() !== expected) wrong.push(`${group}: ${members} is not ${expected}`);
      }
      const count = await router.metric("imr_groups");
      if (count !== api.groups.size) wrong.push(`${count} groups are not ${api.groups.size}`);
      return wrong.length === 0;
    }, () => `groups are true; ${wrong.join("; ")}; ${router.logTail()}`);
  }

  /** The members of a group, as the admin port shows them; undefined when it does not know it. */
  async membersOf(group: bigint): Promise<string[] | undefined> {
    const { status, text } = await this.router.get(`/group?id=${group}`);
    if (status !== 200) return undefined;
    const list = /"members":\[(?<list>[-\d,]*)\]/.exec(text)!.groups!.list!;
    return list === "" ? [] : list.split(",");
  }

  /** Sends a message to a group. */
  async say(group: bigint, content: string): Promise<void> {
    await this.server.send(publishGroup(group, groupIm({ receiver: group, sender: 1n, content })));
  }

  /** Waits for so many group jobs in Redis, and takes them all. */
  async jobs(count: number): Promise<GroupJob[]> {
    const { router, redis } = this;
    let texts: string[] = [];
    await eventually(async () => {
      texts = await redis.list("group_push_queue");
      return texts.length >= count;
    }, () => `${count} jobs, ${texts.length} so far; ${router.logTail()}`);
    await redis.command("DEL", "group_push_queue");
    return texts.map((text) => JSON.parse(text));
  }

  /** Sends a message to a group and checks who gets a push: everybody in the list but the sender, user 1. */
  async reaches(group: bigint, members: readonly bigint[]): Promise<void> {
    const content = `to ${group}`;
    await this.say(group, content);
    const [job, ...more] = await this.jobs(1);
    assert.deepEqual(more, []);
    assert.equal(job!.content, content);
    assert.deepEqual([...job!.receivers].sort((a, b) => a - b), members.map(Number));
  }

  /** Sends a message to a group that nobody gets, and one to a group that is known, after which there is but one job. */
  async reachesNobody(group: bigint, known: bigint): Promise<void> {
    await this.say(group, "to nobody");
    await this.reaches(known, this.api.membersOf(known));
  }

  /** The warnings of /readyz. */
  async warnings(): Promise<string[]> {
    const { text } = await this.router.get("/readyz");
    return JSON.parse(text).warnings;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
