/**
 * An API server of the family, as far as groups go: changes them in MySQL, then says so in Redis; and knows which groups there are.
 *
 * @module
 */

import type { MariadbServer } from "../support/mariadb_server.ts";
import type { RedisServer } from "../support/redis_server.ts";

/** What an action changes. */
export type Change =
  | { readonly kind: "create"; readonly group: bigint }
  | { readonly kind: "disband"; readonly group: bigint }
  | { readonly kind: "upgrade"; readonly group: bigint }
  | { readonly kind: "add"; readonly group: bigint; readonly uid: bigint }
  | { readonly kind: "remove"; readonly group: bigint; readonly uid: bigint };

/** What may go wrong on the way. */
export interface Mishap {
  /** It dies between MySQL and Redis' channel: the key is set, the event is never published. */
  readonly isUnheard?: boolean;
}

/** The API server. */
export class ApiServer {
  /** The groups as MySQL has them. */
  readonly groups = new Map<bigint, Set<bigint>>();
  readonly #mysql: MariadbServer;
  readonly #redis: RedisServer;
  #action = 0n;

  constructor(mysql: MariadbServer, redis: RedisServer) {
    this.#mysql = mysql;
    this.#redis = redis;
  }

  /** The members of a group, in ascending order. */
  membersOf(group: bigint): bigint[] {
    return [...this.groups.get(group) ?? []].sort((a, b) => a < b ? -1 : 1);
  }

  /** Changes groups, all in one transaction, and then tells of each. */
  async change(changes: readonly Change[], mishap: Mishap = {}): Promise<void> {
    await this.commit(changes);
    for (const change of changes) await this.tell(change, mishap);
  }

  /** Changes groups in MySQL alone. */
  async commit(changes: readonly Change[]): Promise<void> {
    for (const change of changes) this.#apply(change);
    await this.#mysql.sql(`USE im; BEGIN; ${changes.map(sqlOf).join(" ")} COMMIT;`);
  }

  /** Tells of a change in Redis alone: the latest action, then the event. */
  async tell(change: Change, { isUnheard = false }: Mishap = {}): Promise<void> {
    const [channel, content] = eventOf(change);
    await this.publish(channel, content, isUnheard);
  }

  /** Publishes any content as the next action. */
  async publish(channel: string, content: string, isUnheard = false): Promise<void> {
    const previous = this.#action++;
    const id = `${previous}:${this.#action}`;
    await this.#redis.command("SET", "groups_actions", id);
    if (!isUnheard) await this.#redis.command("PUBLISH", channel, `${id}:${content}`);
  }

  #apply(change: Change): void {
    const members = this.groups.get(change.group);
    switch (change.kind) {
      case "create":
        this.groups.set(change.group, members ?? new Set());
        break;
      case "disband":
        this.groups.delete(change.group);
        break;
      case "add":
        members?.add(change.uid);
        break;
      case "remove":
        members?.delete(change.uid);
    }
  }
}

function sqlOf(change: Change): string {
  const { kind, group } = change;
  switch (kind) {
    case "create":
      return `INSERT IGNORE INTO \`group\` (id, appid) VALUES (${group}, 7);`;
    case "disband":
      return `DELETE FROM group_member WHERE group_id = ${group}; DELETE FROM \`group\` WHERE id = ${group};`;
    case "upgrade":
      return `UPDATE \`group\` SET super = 1 WHERE id = ${group};`;
    case "add":
      return `INSERT IGNORE INTO group_member (group_id, uid) VALUES (${group}, ${change.uid});`;
    case "remove":
      return `DELETE FROM group_member WHERE group_id = ${group} AND uid = ${change.uid};`;
  }
}

function eventOf(change: Change): [channel: string, content: string] {
  const { kind, group } = change;
  switch (kind) {
    case "create":
      return ["group_create", `${group},7,0`];
    case "disband":
      return ["group_disband", `${group}`];
    case "upgrade":
      return ["group_upgrade", `${group},7,1`];
    case "add":
      return ["group_member_add", `${group},${change.uid}`];
    case "remove":
      return ["group_member_remove", `${group},${change.uid}`];
  }
}

/** The changes that make a group with members. */
export function newGroup(group: bigint, members: readonly bigint[]): Change[] {
  return [
    { kind: "create", group },
    ...members.map((uid): Change => ({ kind: "add", group, uid })),
  ];
}
