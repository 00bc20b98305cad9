/**
 * Makes the parts of a group table of the rows of a database, which come in any order: MySQL reads the members by whichever index is
 * the smallest, and that is the one of the users.
 *
 * It is told beforehand how many members each group has, so that every row goes straight to its place, and a load needs no more memory
 * than the table that comes out of it.
 *
 * @module
 */

import { emptyShards, type GroupTableParts, hashOf, shardOf } from "../router/group_table.ts";

/** Takes all groups, then their sizes, then the members, and makes a table of them. */
export class TableBuilder {
  /** Members whose group is not known. */
  orphans = 0;
  /** Members for whom there was no room: the sizes were of another state of the database. */
  excess = 0;
  readonly #shards: ReturnType<typeof emptyShards>;
  #pairs = new Int32Array(0);
  /** The group that was looked up last; members of one group often follow each other. */
  #lo = 0;
  #hi = 0;
  #shard;
  #record = -1;

  /**
   * Makes a builder.
   *
   * @param groups how many groups there are, about
   */
  constructor(groups: number) {
    this.#shards = emptyShards(groups);
    this.#shard = this.#shards[0]!;
  }

  /** Adds a group, given as the halves of its id; one that is known already is left as it is. */
  group(lo: number, hi: number): void {
    this.#find(lo, hi);
    if (this.#record < 0) this.#record = this.#shard.add(hashOf(lo, hi), lo, hi, hashOf);
  }

  /** Says how many members a group has; of a group that was not added it is ignored. */
  size(lo: number, hi: number, members: number): void {
    this.#find(lo, hi);
    if (this.#record >= 0) this.#shard.expect(this.#record, members);
  }

  /** To be called between sizes and members. */
  layOut(): void {
    const sizes = this.#shards.map((shard) => shard.expected);
    this.#pairs = new Int32Array(2 * sizes.reduce((sum, size) => sum + size, 0));
    let at = 0;
    this.#shards.forEach((shard, number) => {
      const end = at + 2 * sizes[number]!;
      shard.layOut(this.#pairs.subarray(at, end));
      at = end;
    });
  }

  /** Adds a member, who may be there already. */
  member(groupLo: number, groupHi: number, lo: number, hi: number): void {
    if (groupLo !== this.#lo || groupHi !== this.#hi) this.#find(groupLo, groupHi);
    if (this.#record < 0) this.orphans++;
    else if (!this.#shard.append(this.#record, lo, hi)) this.excess++;
  }

  /** Makes the table; the builder must not be used after that. */
  build(): GroupTableParts {
    const shards = this.#shards.map((shard) => {
      shard.settle();
      return shard.parts();
    });
    return { shards, pairs: this.#pairs };
  }

  #find(lo: number, hi: number): void {
    const hash = hashOf(lo, hi);
    this.#lo = lo;
    this.#hi = hi;
    this.#shard = this.#shards[shardOf(hash)]!;
    this.#record = this.#shard.find(hash, lo, hi);
  }
}
