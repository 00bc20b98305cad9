/**
 * Which users a group has (generation 1). Known by group id alone, as the family has it.
 *
 * Groups lie in 256 shards, each of which grows alone, so that no change takes long however large the table is.
 *
 * @module
 */

import { type GroupArrays, GroupShard, type GroupShardPlace } from "./group_shard.ts";

const SHARD_BITS = 8;
/** Shards of a table. */
export const GROUP_SHARDS: number = 1 << SHARD_BITS;

/** A table as plain data, which can be handed to another thread. */
export interface GroupTableParts {
  /** Every shard, in order. */
  readonly shards: readonly GroupShardPlace[];
  /** What they consist of. */
  readonly arrays: GroupArrays;
}

/** Groups and their members. */
export class GroupTable {
  #shards: GroupShard[];
  /** What the shards consisted of when the table was made; none of its own for a table that was not made of parts. */
  #arrays: GroupArrays | undefined;
  #isLoaded: boolean;

  private constructor(shards: GroupShard[], isLoaded: boolean, arrays?: GroupArrays) {
    this.#shards = shards;
    this.#isLoaded = isLoaded;
    this.#arrays = arrays;
  }

  /** A table that is complete, and without groups so far. */
  static empty(): GroupTable {
    return new GroupTable(emptyShards(), true);
  }

  /** A table of which nothing is known until {@linkcode GroupTable.exchange} is called. */
  static unloaded(): GroupTable {
    return new GroupTable(emptyShards(), false);
  }

  /** Makes a table of its parts. */
  static of({ shards, arrays }: GroupTableParts): GroupTable {
    return new GroupTable(shards.map((place) => GroupShard.at(place, arrays)), true, arrays);
  }

  /** Whether the table says which groups there are; before that, decisions that need it have to wait. */
  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  /** Groups that are known. */
  get size(): number {
    return this.#shards.reduce((sum, { groups }) => sum + groups, 0);
  }

  /** Members of all groups. */
  get memberCount(): number {
    return this.#shards.reduce((sum, { members }) => sum + members, 0);
  }

  /** Exchanges its content with that of another table at once; both count as loaded after that. */
  exchange(other: GroupTable): void {
    [this.#shards, other.#shards] = [other.#shards, this.#shards];
    [this.#arrays, other.#arrays] = [other.#arrays, this.#arrays];
    this.#isLoaded = other.#isLoaded = true;
  }

  /**
   * Empties the table.
   *
   * @returns the memory that it was made of, to be given back: that takes long, and is best done by another thread
   */
  release(): ArrayBuffer[] {
    const arrays = this.#arrays;
    this.#shards = emptyShards();
    this.#arrays = undefined;
    if (arrays === undefined) return [];
    return [arrays.records, arrays.index, arrays.pairs].map(({ buffer }) => buffer);
  }

  /** Makes a group known; a group that is known keeps its members. */
  create(group: bigint): void {
    const { lo, hi, hash, shard } = this.#place(group);
    if (shard.find(hash, lo, hi) < 0) shard.add(hash, lo, hi, hashOf);
  }

  /** Forgets a group. */
  disband(group: bigint): void {
    const { lo, hi, hash, shard } = this.#place(group);
    const record = shard.find(hash, lo, hi);
    if (record >= 0) shard.remove(record, hashOf);
  }

  /** Adds a member; a group that is not known stays so. */
  addMember(group: bigint, uid: bigint): void {
    const { lo, hi, hash, shard } = this.#place(group);
    const record = shard.find(hash, lo, hi);
    if (record >= 0) shard.addMember(record, low(uid), high(uid));
  }

  /** Removes a member, if the group has it. */
  removeMember(group: bigint, uid: bigint): void {
    const { lo, hi, hash, shard } = this.#place(group);
    const record = shard.find(hash, lo, hi);
    if (record >= 0) shard.removeMember(record, low(uid), high(uid));
  }

  /**
   * The members of a group.
   *
   * @param group its id
   * @returns the low and the high 32 bits of each, in ascending order of the ids: a view that counts until the next change;
   * undefined when the group is not known
   */
  members(group: bigint): Int32Array | undefined {
    const { lo, hi, hash, shard } = this.#place(group);
    const record = shard.find(hash, lo, hi);
    return record < 0 ? undefined : shard.membersOf(record);
  }

  #place(group: bigint): { lo: number; hi: number; hash: number; shard: GroupShard } {
    const lo = low(group);
    const hi = high(group);
    const hash = hashOf(lo, hi);
    return { lo, hi, hash, shard: this.#shards[shardOf(hash)]! };
  }
}

/** The number of the shard to which a hash belongs; shards use its low bits. */
export function shardOf(hash: number): number {
  return hash >>> 32 - SHARD_BITS;
}

/** The hash of a group's id, given as its 32-bit halves. */
export function hashOf(lo: number, hi: number): number {
  let hash = Math.imul(lo ^ Math.imul(hi, 0x85ebca6b), 0x9e3779b1);
  hash = Math.imul(hash ^ hash >>> 15, 0x2c1b3c6d);
  hash = Math.imul(hash ^ hash >>> 12, 0x297a2d39);
  return hash ^ hash >>> 15;
}

function emptyShards(): GroupShard[] {
  return Array.from({ length: GROUP_SHARDS }, () => new GroupShard());
}

function low(id: bigint): number {
  return Number(BigInt.asIntN(32, id));
}

function high(id: bigint): number {
  return Number(BigInt.asIntN(32, id >> 32n));
}
