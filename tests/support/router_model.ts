// A router beside a naive model of it, of plain maps and sets; both are taken through the same history.
import assert from "node:assert/strict";
import { Router } from "../../src/router/router.ts";
import { SubscriptionTable } from "../../src/router/subscription_table.ts";
import {
  publish,
  publishGroup,
  publishRoom,
  subscribe,
  subscribeRoom,
  syncNotify,
  unsubscribe,
  unsubscribeRoom,
} from "./wire_frames.ts";

/** Ids that collide in their halves or signs; apps from the same, so that app and id may be mistaken for one another. */
export const MODEL_IDS = [0n, 1n, -1n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)] as const;
export const MODEL_APPS = [0n, 1n, -(2n ** 63n)] as const;

/** One step of a history; `by` chooses one of the connections there are. */
export type Action =
  | { readonly do: "connect" }
  | { readonly do: "disconnect"; readonly by: number }
  | { readonly do: "everybody"; readonly by: number }
  | { readonly do: "sweep"; readonly records: number }
  | {
    readonly do: "subscribe";
    readonly by: number;
    readonly app: bigint;
    readonly id: bigint;
    readonly online: number;
  }
  | {
    readonly do: "unsubscribe" | "join" | "leave" | "publish" | "room";
    readonly by: number;
    readonly app: bigint;
    readonly id: bigint;
  };

/** The naive model: what each connection holds, by name of the id. */
class Holdings {
  readonly users = new Map<string, boolean>();
  readonly rooms = new Set<string>();

  get size(): number {
    return this.users.size + this.rooms.size;
  }
}

const keyOf = (app: bigint, id: bigint): string => `${app}/${id}`;

/** A router, and beside it what it should answer. */
export class ModelPair {
  readonly router = new Router({ generation: 2 });
  readonly model = new Map<number, Holdings>();
  /** Records of ended connections that are not swept yet. */
  #unswept = 0;

  /** Takes both through a history and to its end, where nothing may be left. */
  run(actions: readonly Action[]): void {
    for (const action of actions) {
      this.#act(action);
      this.#compareCounts();
    }
    this.#compareAll();
    for (const connection of [...this.model.keys()]) this.#disconnect(connection);
    while (this.router.table.sweep(5));
    this.#unswept = 0;
    this.#compareCounts();
    this.#compareAll();
    const { users, rooms } = this.router.table;
    assert.deepEqual([users.keys, rooms.keys, users.subscriptions, rooms.subscriptions], [
      0,
      0,
      0,
      0,
    ]);
  }

  #act(action: Action): void {
    if (action.do === "connect") {
      const connection = this.router.connect();
      assert.ok(!this.model.has(connection), "a number belongs to one connection");
      this.model.set(connection, new Holdings());
      return;
    }
    if (action.do === "sweep") {
      const more = this.router.table.sweep(action.records);
      this.#unswept = Math.max(0, this.#unswept - action.records);
      assert.ok(more || this.#unswept === 0);
      return;
    }
    const connections = [...this.model.keys()];
    if (connections.length === 0) return;
    const from = connections[action.by % connections.length]!;
    if (action.do === "disconnect") this.#disconnect(from);
    else if (action.do === "everybody") {
      this.#publish(from, publishGroup(1n, syncNotify()), () => true);
    } else this.#use(from, this.model.get(from)!, action);
  }

  #use(from: number, holdings: Holdings, action: Extract<Action, { app: bigint }>): void {
    const { app, id } = action;
    const key = keyOf(app, id);
    switch (action.do) {
      case "subscribe":
        this.#publish(from, subscribe(id, action.online, app), () => false);
        holdings.users.set(key, action.online === 1);
        break;
      case "unsubscribe":
        this.#publish(from, unsubscribe(id, app), () => false);
        holdings.users.delete(key);
        break;
      case "join":
        this.#publish(from, subscribeRoom(id, app), () => false);
        holdings.rooms.add(key);
        break;
      case "leave":
        this.#publish(from, unsubscribeRoom(id, app), () => false);
        holdings.rooms.delete(key);
        break;
      case "publish":
        this.#publish(
          from,
          publish(id, syncNotify(), { appid: app }),
          ({ users }) => users.has(key),
        );
        break;
      case "room":
        this.#publish(
          from,
          publishRoom(id, syncNotify(), { appid: app }),
          ({ rooms }) => rooms.has(key),
        );
    }
  }

  /** Sends a frame and compares who gets a copy. */
  #publish(
    from: number,
    frame: Uint8Array<ArrayBuffer>,
    gets: (holdings: Holdings) => boolean,
  ): void {
    const view = new DataView(frame.buffer);
    const { targets, targetCount } = this.router.receive(from, frame, view, 0, frame.length);
    const expected = [...this.model].filter(([to, holdings]) => to !== from && gets(holdings));
    const sorted = (numbers: Iterable<number>) => [...numbers].sort((a, b) => a - b);
    assert.deepEqual(
      sorted(targets.subarray(0, targetCount)),
      sorted(expected.map(([connection]) => connection)),
    );
  }

  #disconnect(connection: number): void {
    this.router.disconnect(connection);
    this.#unswept += this.model.get(connection)!.size;
    this.model.delete(connection);
  }

  #compareCounts(): void {
    const { table } = this.router;
    let records = this.#unswept;
    for (const [connection, holdings] of this.model) {
      assert.equal(table.users.subscriptionsOf(connection), holdings.users.size);
      assert.equal(table.rooms.subscriptionsOf(connection), holdings.rooms.size);
      records += holdings.size;
    }
    assert.equal(table.connectionCount, this.model.size);
    assert.equal(table.users.subscriptions + table.rooms.subscriptions, records);
  }

  /** Who is online, who holds what, and the walk over all ids. */
  #compareAll(): void {
    const { users, rooms } = this.router.table;
    const all = [...this.model.values()];
    for (const app of MODEL_APPS) {
      for (const id of MODEL_IDS) {
        const key = keyOf(app, id);
        const halves = [...halvesOf(app), ...halvesOf(id)] as const;
        const online = this.router.table.isOnline(...halves);
        assert.equal(online, all.some((holdings) => holdings.users.get(key) === true), key);
        assert.equal(
          users.lookup(...halves),
          all.filter((holdings) => holdings.users.has(key)).length,
        );
        assert.equal(
          rooms.lookup(...halves),
          all.filter((holdings) => holdings.rooms.has(key)).length,
        );
        for (const [connection, holdings] of this.model) {
          assert.equal(users.holds(connection, ...halves), holdings.users.has(key));
          assert.equal(rooms.holds(connection, ...halves), holdings.rooms.has(key));
        }
      }
    }
    assert.deepEqual(
      walk(users),
      [...new Set(all.flatMap(({ users }) => [...users.keys()]))].sort(),
    );
    assert.deepEqual(walk(rooms), [...new Set(all.flatMap(({ rooms }) => [...rooms]))].sort());
  }
}

function halvesOf(id: bigint): [number, number] {
  return [Number(BigInt.asIntN(32, id >> 32n)), Number(BigInt.asIntN(32, id))];
}

/** Every id that visitShard shows, each as often as it does. */
function walk(table: SubscriptionTable): string[] {
  const keys: string[] = [];
  const int64 = (hi: number, lo: number) => (BigInt(hi) << 32n) | BigInt(lo >>> 0);
  for (let shard = 0; shard < SubscriptionTable.SHARDS; shard++) {
    table.visitShard(shard, (appHi, appLo, idHi, idLo) => {
      keys.push(keyOf(int64(appHi, appLo), int64(idHi, idLo)));
    });
  }
  return keys.sort();
}
