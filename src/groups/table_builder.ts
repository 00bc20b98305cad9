/**
 * Makes the parts of a group table of the rows of a database, which come in any order: MySQL reads the members by whichever index is
 * the smallest, and that is the one of the users.
 *
 * It hears of all groups before it makes room for them, and of the size of each before it makes room for members. So every row goes
 * straight to its place, and a load needs hardly more memory than the table that comes out of it.
 *
 * @module
 */

import { GroupShard, indexWords, recordWords } from "../router/group_shard.ts";
import { GROUP_SHARDS, type GroupTableParts, hashOf, shardOf } from "../router/group_table.ts";

const IDS_FIRST = 64;

/** Takes all groups, then their sizes, then the members, and makes a table of them. */
export class TableBuilder {
  /** Members whose group is not known. */
  orphans = 0;
  /** Members for whom there was no room: the sizes were of another state of the database. */
  excess = 0;
  /** Ids of groups, two words each. */
  #ids: Int32Array<ArrayBuffer>;
  #idsEnd = 0;
  #shards: GroupShard[] = [];
  #records = new Int32Array(0);
  #index = new Int32Array(0);
  #pairs = new Int32Array(0);
  /** Where each shard's records, index and members begin in these, and before the first of the next. */
  readonly #starts = { records: [0], index: [0], pairs: [0] };
  /** The group that was looked up last; members of one group often follow each other. */
  #lo = 0;
  #hi = 0;
  #shard = new GroupShard();
  #record = -1;

  /**
   * Makes a builder.
   *
   * @param groups how many groups there are, about
   */
  constructor(groups: number) {
    this.#ids = new Int32Array(2 * Math.max(groups, IDS_FIRST));
  }

  /** Adds a group, given as the halves of its id; one that was added before is left as it is. */
  group(lo: number, hi: number): void {
    if (this.#idsEnd === this.#ids.length) {
      const ids = new Int32Array(this.#ids.length * 2);
      ids.set(this.#ids);
      this.#ids = ids;
    }
    this.#ids[this.#idsEnd++] = lo;
    this.#ids[this.#idsEnd++] = hi;
  }

  /** To be called between groups and sizes. */
  layOutGroups(): void {
    const ids = this.#ids;
    const counts = new Int32Array(GROUP_SHARDS);
    for (let at = 0; at < this.#idsEnd; at += 2) counts[shardOf(hashOf(ids[at]!, ids[at + 1]!))]!++;
    const { records, index } = this.#starts;
    for (const count of counts) {
      records.push(records.at(-1)! + recordWords(count));
      index.push(index.at(-1)! + indexWords(count));
    }
    this.#records = new Int32Array(records.at(-1)!);
    this.#index = new Int32Array(index.at(-1)!);
    const arrays = { records: this.#records, index: this.#index, pairs: this.#pairs };
    this.#shards = Array.from(counts, (_, number) => GroupShard.at(this.#place(number), arrays));
    for (let at = 0; at < this.#idsEnd; at += 2) {
      const lo = ids[at]!;
      const hi = ids[at + 1]!;
      this.#find(lo, hi);
      if (this.#record < 0) this.#shard.add(hashOf(lo, hi), lo, hi, hashOf);
    }
    ids.buffer.transfer(0); // now, and not when the garbage collector comes by
  }

  /** Says how many members a group has; of a group that was not added it is ignored. */
  size(lo: number, hi: number, members: number): void {
    this.#find(lo, hi);
    if (this.#record >= 0) this.#shard.expect(this.#record, members);
  }

  /** To be called between sizes and members. */
  layOutMembers(): void {
    const { pairs } = this.#starts;
    for (const shard of this.#shards) pairs.push(pairs.at(-1)! + 2 * shard.expected);
    this.#pairs = new Int32Array(pairs.at(-1)!);
    this.#shards.forEach((shard, number) => {
      shard.layOut(this.#pairs.subarray(pairs[number]!, pairs[number + 1]!));
    });
    this.#find(0, 0);
  }

  /** Adds a member, who may be there already. */
  member(groupLo: number, groupHi: number, lo: number, hi: number): void {
    if (groupLo !== this.#lo || groupHi !== this.#hi) this.#find(groupLo, groupHi);
    if (this.#record < 0) this.orphans++;
    else if (!this.#shard.append(this.#record, lo, hi)) this.excess++;
  }

  /** Makes the table; the builder must not be used after that. */
  build(): GroupTableParts {
    const shards = this.#shards.map((shard, number) => {
      shard.settle();
      return { ...this.#place(number), groups: shard.groups, members: shard.members };
    });
    const arrays = { records: this.#records, index: this.#index, pairs: this.#pairs };
    return { shards, arrays };
  }

  #place(shard: number): GroupTableParts["shards"][number] {
    const { records, index, pairs } = this.#starts;
    return {
      groups: 0,
      members: 0,
      records: [records[shard]!, records[shard + 1]!],
      index: [index[shard]!, index[shard + 1]!],
      pairs: [pairs[shard] ?? 0, pairs[shard + 1] ?? 0],
    };
  }

  #find(lo: number, hi: number): void {
    const hash = hashOf(lo, hi);
    this.#lo = lo;
    this.#hi = hi;
    this.#shard = this.#shards[shardOf(hash)]!;
    this.#record = this.#shard.find(hash, lo, hi);
  }
}
