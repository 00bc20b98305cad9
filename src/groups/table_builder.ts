/**
 * Makes a {@linkcode GroupTable} of the rows of a database, which come in any order: MySQL reads the members by whichever index is
 * the smallest, and that is the one of the users.
 *
 * Members are collected for each shard of the table as 12 bytes each, and then each shard is filled in one go, after which its rows
 * are let go of. So a load needs 15 bytes a member at its peak, and the table 11 (ten members a group).
 *
 * @module
 */

import type { MemberRows } from "../router/group_shard.ts";
import { emptyShards, GroupTable, hashOf, shardOf } from "../router/group_table.ts";

const ROWS_FIRST = 64;
/** Rows of a list; 96 KiB. */
const ROWS_MAX = 8_192;

/** Collects groups, then members, then makes the table of them. */
export class TableBuilder {
  readonly #shards = emptyShards();
  readonly #rows: { words: Int32Array; count: number }[][] = this.#shards.map(() => []);
  #orphans = 0;
  /** The group of the last member, since members of one group often follow each other. */
  #lastLo = 0;
  #lastHi = 0;
  #lastShard = -1;
  #lastRecord = -1;

  /** Members so far whose group is not known. */
  get orphans(): number {
    return this.#orphans;
  }

  /** Adds a group, given as the halves of its id; one that is known already is left as it is. */
  group(lo: number, hi: number): void {
    const hash = hashOf(lo, hi);
    const shard = this.#shards[shardOf(hash)]!;
    if (shard.find(hash, lo, hi) < 0) shard.add(hash, lo, hi, hashOf);
  }

  /** Adds a member of a group that was added before; of any other it is counted as an orphan and left out. */
  member(groupLo: number, groupHi: number, lo: number, hi: number): void {
    if (groupLo !== this.#lastLo || groupHi !== this.#lastHi || this.#lastShard < 0) {
      const hash = hashOf(groupLo, groupHi);
      this.#lastLo = groupLo;
      this.#lastHi = groupHi;
      this.#lastShard = shardOf(hash);
      this.#lastRecord = this.#shards[this.#lastShard]!.find(hash, groupLo, groupHi);
    }
    if (this.#lastRecord < 0) this.#orphans++;
    else this.#append(this.#lastShard, this.#lastRecord, lo, hi);
  }

  /** Makes the table; the builder must not be used after that. */
  build(): GroupTable {
    const parts = this.#shards.map((shard, number) => {
      const rows: MemberRows[] = this.#rows[number]!;
      shard.fill(rows);
      return shard.parts();
    });
    return GroupTable.of(parts);
  }

  #append(shard: number, record: number, lo: number, hi: number): void {
    const lists = this.#rows[shard]!;
    let list = lists.at(-1);
    if (list === undefined || list.count * 3 === list.words.length) {
      const rows = list === undefined ? ROWS_FIRST : Math.min(list.count * 2, ROWS_MAX);
      list = { words: new Int32Array(rows * 3), count: 0 };
      lists.push(list);
    }
    const at = list.count++ * 3;
    list.words[at] = record;
    list.words[at + 1] = lo;
    list.words[at + 2] = hi;
  }
}
