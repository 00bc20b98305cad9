/**
 * One part of a {@linkcode GroupTable}: some of the groups, and the members of each as one sorted block.
 *
 * A group is one record of five 32-bit words; records are dense, and an open-addressing index leads from an id to its record. Blocks
 * lie in one array, and a block that has outgrown its room moves behind the others. When that array is full, a new one takes what
 * is alive, so nothing is ever freed bit by bit. 8 bytes a member and about 28 a group; a table of many shards keeps each of them
 * small enough for that to be a fraction of a millisecond.
 *
 * An id is stored as its low 32 bits and then its high ones: a little-endian int64, so that blocks sort as such.
 *
 * @module
 */

const RECORDS_FIRST = 8;
const PAIRS_FIRST = 32;
/** Words of a record. */
const LO = 0, HI = 1;
/** Where the block begins in the members' array, in pairs; members in it; members for which it has room. */
const START = 2, COUNT = 3, ROOM = 4;
const WORDS = 5;
/** A new array of members has so much more than it needs, and so has a block that moves. */
const ARRAY_SPARE = 1.25, BLOCK_SPARE = 1.5;

/** A shard as plain data, which can be handed to another thread. */
export interface GroupShardParts {
  /** Groups. */
  readonly groups: number;
  /** Members of all groups. */
  readonly members: number;
  /** The records. */
  readonly records: Int32Array<ArrayBuffer>;
  /** The index: record number + 1, or 0. */
  readonly index: Int32Array<ArrayBuffer>;
  /** The blocks, two words a member. */
  readonly pairs: Int32Array<ArrayBuffer>;
  /** Pairs in use, or once in use. */
  readonly pairsEnd: number;
}

/** Members to be put in: three words each, the record's number, low and high half of the member's id. */
export interface MemberRows {
  /** The words; only the first `count` rows count. */
  readonly words: Int32Array;
  /** Rows. */
  readonly count: number;
}

/** Groups with members, by id. */
export class GroupShard {
  #groups: number;
  #members: number;
  #records: Int32Array<ArrayBuffer>;
  #index: Int32Array<ArrayBuffer>;
  #pairs: Int32Array<ArrayBuffer>;
  #pairsEnd: number;

  /** Makes an empty shard, or adopts the parts of one. */
  constructor(parts?: GroupShardParts) {
    this.#groups = parts?.groups ?? 0;
    this.#members = parts?.members ?? 0;
    this.#records = parts?.records ?? new Int32Array(RECORDS_FIRST * WORDS);
    this.#index = parts?.index ?? new Int32Array(RECORDS_FIRST * 2);
    this.#pairs = parts?.pairs ?? new Int32Array(0);
    this.#pairsEnd = parts?.pairsEnd ?? 0;
  }

  /** Groups. */
  get groups(): number {
    return this.#groups;
  }

  /** Members of all groups. */
  get members(): number {
    return this.#members;
  }

  /** The shard as data; it must not be used after that. */
  parts(): GroupShardParts {
    return {
      groups: this.#groups,
      members: this.#members,
      records: this.#records,
      index: this.#index,
      pairs: this.#pairs,
      pairsEnd: this.#pairsEnd,
    };
  }

  /**
   * Finds a group.
   *
   * @param hash of its id; the same for every call with this id
   * @returns its record's number, valid until a group is removed; -1 when it is not known
   */
  find(hash: number, lo: number, hi: number): number {
    const mask = this.#index.length - 1;
    for (let at = hash & mask;; at = at + 1 & mask) {
      const record = this.#index[at]! - 1;
      if (record < 0) return -1;
      const word = record * WORDS;
      if (this.#records[word + LO] === lo && this.#records[word + HI] === hi) return record;
    }
  }

  /**
   * Adds a group without members.
   *
   * @param hash of its id, which must not be known
   * @param hashOf the hash of any id, for an index that grows
   * @returns its record's number
   */
  add(hash: number, lo: number, hi: number, hashOf: HashOf): number {
    if (this.#groups * WORDS === this.#records.length) this.#growRecords(hashOf);
    const record = this.#groups++;
    const word = record * WORDS;
    this.#records[word + LO] = lo;
    this.#records[word + HI] = hi;
    this.#records[word + START] = this.#records[word + COUNT] = this.#records[word + ROOM] = 0;
    this.#insert(hash, record);
    return record;
  }

  /**
   * Removes a group with its members.
   *
   * @param record its record's number; the last record gets it
   */
  remove(record: number, hashOf: HashOf): void {
    this.#members -= this.#word(record, COUNT);
    this.#unindex(record, hashOf);
    const last = --this.#groups;
    if (record === last) return;
    const at = this.#slotOf(last, hashOf);
    this.#records.copyWithin(record * WORDS, last * WORDS, (last + 1) * WORDS);
    this.#index[at] = record + 1;
  }

  /** A view of a group's members, low half before high half each, sorted; it counts until the next change. */
  membersOf(record: number): Int32Array {
    const start = this.#word(record, START);
    return this.#pairs.subarray(2 * start, 2 * (start + this.#word(record, COUNT)));
  }

  /** Adds a member; returns false when the group had it. */
  addMember(record: number, lo: number, hi: number): boolean {
    const place = this.#search(record, lo, hi);
    if (place < 0) return false;
    const count = this.#word(record, COUNT);
    if (count === this.#word(record, ROOM)) {
      this.#move(record, Math.ceil((count + 1) * BLOCK_SPARE));
    }
    const start = this.#word(record, START);
    const at = 2 * (start + place);
    this.#pairs.copyWithin(at + 2, at, 2 * (start + count));
    this.#pairs[at] = lo;
    this.#pairs[at + 1] = hi;
    this.#records[record * WORDS + COUNT] = count + 1;
    this.#members++;
    return true;
  }

  /** Removes a member; returns false when the group had none such. */
  removeMember(record: number, lo: number, hi: number): boolean {
    const place = ~this.#search(record, lo, hi);
    if (place < 0) return false;
    const start = this.#word(record, START);
    const count = this.#word(record, COUNT);
    const at = 2 * (start + place);
    this.#pairs.copyWithin(at, at + 2, 2 * (start + count));
    this.#records[record * WORDS + COUNT] = count - 1;
    this.#members--;
    return true;
  }

  /**
   * Puts in the members of all groups at once, in any order; a member who is there twice counts once. The shard must have no members
   * yet.
   *
   * @param rows the members, which may be several lists; each list is let go of as soon as it is read
   */
  fill(rows: MemberRows[]): void {
    const records = this.#records;
    let total = 0;
    for (const { words, count } of rows) {
      for (let i = 0; i < count; i++) records[words[3 * i]! * WORDS + ROOM]!++;
      total += count;
    }
    for (let record = 0, start = 0; record < this.#groups; record++) {
      records[record * WORDS + START] = start;
      start += this.#word(record, ROOM);
    }
    const pairs = this.#pairs = new Int32Array(2 * total);
    this.#pairsEnd = total;
    for (let list = rows.shift(); list !== undefined; list = rows.shift()) {
      const { words, count } = list;
      for (let i = 0; i < count; i++) {
        const word = words[3 * i]! * WORDS;
        const at = 2 * (records[word + START]! + records[word + COUNT]!++);
        pairs[at] = words[3 * i + 1]!;
        pairs[at + 1] = words[3 * i + 2]!;
      }
    }
    const ids = new BigInt64Array(pairs.buffer);
    for (let record = 0; record < this.#groups; record++) this.#sort(record, ids);
  }

  /** Sorts a block, and takes out who is in it twice. */
  #sort(record: number, ids: BigInt64Array): void {
    const start = this.#word(record, START);
    const count = this.#word(record, COUNT);
    if (!this.#isSorted(start, count)) {
      const block = ids.subarray(start, start + count).sort();
      let kept = 0;
      for (let i = 0; i < count; i++) {
        if (i === 0 || block[i] !== block[i - 1]) block[kept++] = block[i]!;
      }
      this.#records[record * WORDS + COUNT] = kept;
    }
    this.#members += this.#word(record, COUNT);
  }

  /** Whether each member is greater than the one before. */
  #isSorted(start: number, count: number): boolean {
    const pairs = this.#pairs;
    for (let at = 2 * start + 2; at < 2 * (start + count); at += 2) {
      if (order(pairs[at - 2]!, pairs[at - 1]!, pairs[at]!, pairs[at + 1]!) >= 0) return false;
    }
    return true;
  }

  #word(record: number, word: number): number {
    return this.#records[record * WORDS + word]!;
  }

  /** Returns where in its block a member would have to be put, or the complement of where it is. */
  #search(record: number, lo: number, hi: number): number {
    const start = this.#word(record, START);
    let from = 0;
    let to = this.#word(record, COUNT);
    while (from < to) {
      const middle = from + to >>> 1;
      const at = 2 * (start + middle);
      const relation = order(this.#pairs[at]!, this.#pairs[at + 1]!, lo, hi);
      if (relation === 0) return ~middle;
      if (relation < 0) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  /** Gives a block more room, behind the others. */
  #move(record: number, room: number): void {
    if (2 * (this.#pairsEnd + room) > this.#pairs.length) this.#renewPairs(room);
    const word = record * WORDS;
    const start = this.#records[word + START]!;
    this.#pairs.copyWithin(
      2 * this.#pairsEnd,
      2 * start,
      2 * (start + this.#records[word + COUNT]!),
    );
    this.#records[word + START] = this.#pairsEnd;
    this.#records[word + ROOM] = room;
    this.#pairsEnd += room;
  }

  /** A new array of members with what is alive, and room for `more` behind it. */
  #renewPairs(more: number): void {
    const size = Math.max(PAIRS_FIRST, Math.ceil((this.#members + more) * ARRAY_SPARE));
    const pairs = new Int32Array(2 * size);
    let end = 0;
    for (let record = 0; record < this.#groups; record++) {
      const word = record * WORDS;
      const block = this.membersOf(record);
      pairs.set(block, 2 * end);
      this.#records[word + START] = end;
      this.#records[word + ROOM] = this.#records[word + COUNT]!;
      end += this.#records[word + COUNT]!;
    }
    this.#pairs = pairs;
    this.#pairsEnd = end;
  }

  #growRecords(hashOf: HashOf): void {
    const records = new Int32Array(this.#records.length * 2);
    records.set(this.#records);
    this.#records = records;
    this.#index = new Int32Array(this.#index.length * 2);
    for (let record = 0; record < this.#groups; record++) {
      this.#insert(this.#hashOf(record, hashOf), record);
    }
  }

  #hashOf(record: number, hashOf: HashOf): number {
    return hashOf(this.#word(record, LO), this.#word(record, HI));
  }

  #insert(hash: number, record: number): void {
    const mask = this.#index.length - 1;
    let at = hash & mask;
    while (this.#index[at] !== 0) at = at + 1 & mask;
    this.#index[at] = record + 1;
  }

  /** Where the index names a record. */
  #slotOf(record: number, hashOf: HashOf): number {
    const mask = this.#index.length - 1;
    let at = this.#hashOf(record, hashOf) & mask;
    while (this.#index[at] !== record + 1) at = at + 1 & mask;
    return at;
  }

  /** Takes a record out of the index; those behind it that were pushed away from their place move up. */
  #unindex(record: number, hashOf: HashOf): void {
    const mask = this.#index.length - 1;
    let hole = this.#slotOf(record, hashOf);
    for (let at = hole + 1 & mask; this.#index[at] !== 0; at = at + 1 & mask) {
      const home = this.#hashOf(this.#index[at]! - 1, hashOf) & mask;
      if ((at - home & mask) < (at - hole & mask)) continue;
      this.#index[hole] = this.#index[at]!;
      hole = at;
    }
    this.#index[hole] = 0;
  }
}

/** A hash of an id: 32 bits, of which the shard uses the low ones. */
export type HashOf = (lo: number, hi: number) => number;

/** Below 0, 0 or above 0, as the first int64 is less than, equal to or greater than the second. */
function order(lo: number, hi: number, otherLo: number, otherHi: number): number {
  return hi !== otherHi ? (hi < otherHi ? -1 : 1) : (lo >>> 0) - (otherLo >>> 0);
}
