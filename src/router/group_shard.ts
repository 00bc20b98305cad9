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
/** The index has at least so many places a record. */
const PLACES_PER_RECORD = 2;
const PAIRS_FIRST = 32;
/** Words of a record. */
const LO = 0, HI = 1;
/** Where the block begins in the members' array, in pairs; members in it; members for which it has room. */
const START = 2, COUNT = 3, ROOM = 4;
const WORDS = 5;
/** A new array of members has so much more than it needs, and so has a block that moves. */
const ARRAY_SPARE = 1.25, BLOCK_SPARE = 1.5;

/** Arrays in which many shards lie one behind another. */
export interface GroupArrays {
  /** The records. */
  readonly records: Int32Array<ArrayBuffer>;
  /** The indexes: record number + 1, or 0. */
  readonly index: Int32Array<ArrayBuffer>;
  /** The members, two words each. */
  readonly pairs: Int32Array<ArrayBuffer>;
}

/** What a shard holds, and where it lies in such arrays: words, from the first to before the last. */
export interface GroupShardPlace {
  /** Groups. */
  readonly groups: number;
  /** Members of all groups. */
  readonly members: number;
  /** Its records. */
  readonly records: readonly [start: number, end: number];
  /** Its index. */
  readonly index: readonly [start: number, end: number];
  /** Its members. */
  readonly pairs: readonly [start: number, end: number];
}

/** Groups with members, by id. */
export class GroupShard {
  #groups: number;
  #members: number;
  #records: Int32Array<ArrayBuffer>;
  #index: Int32Array<ArrayBuffer>;
  #pairs: Int32Array<ArrayBuffer>;
  #pairsEnd: number;

  /** Makes a shard without groups. */
  constructor() {
    this.#groups = this.#members = this.#pairsEnd = 0;
    this.#records = new Int32Array(recordWords(RECORDS_FIRST));
    this.#index = new Int32Array(indexWords(RECORDS_FIRST));
    this.#pairs = new Int32Array(0);
  }

  /**
   * Makes a shard of what lies in arrays.
   *
   * @param place where
   * @param arrays the arrays, which it goes on using
   */
  static at(place: GroupShardPlace, { records, index, pairs }: GroupArrays): GroupShard {
    const shard = new GroupShard();
    shard.#groups = place.groups;
    shard.#members = place.members;
    shard.#records = records.subarray(...place.records);
    shard.#index = index.subarray(...place.index);
    shard.#pairs = pairs.subarray(...place.pairs);
    shard.#pairsEnd = shard.#pairs.length / 2;
    return shard;
  }

  /** Groups. */
  get groups(): number {
    return this.#groups;
  }

  /** Members of all groups. */
  get members(): number {
    return this.#members;
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

  /** Says how many members a group will get, before {@linkcode GroupShard.layOut}. */
  expect(record: number, members: number): void {
    this.#records[record * WORDS + ROOM] = members;
  }

  /** Members that are expected. */
  get expected(): number {
    let sum = 0;
    for (let record = 0; record < this.#groups; record++) sum += this.#word(record, ROOM);
    return sum;
  }

  /**
   * Makes exactly the room that is expected. The shard must have no members yet.
   *
   * @param pairs room for {@linkcode GroupShard.expected} members
   */
  layOut(pairs: Int32Array<ArrayBuffer>): void {
    let end = 0;
    for (let record = 0; record < this.#groups; record++) {
      this.#records[record * WORDS + START] = end;
      end += this.#word(record, ROOM);
    }
    this.#pairs = pairs;
    this.#pairsEnd = end;
  }

  /**
   * Puts a member behind the others of its group, in any order and perhaps twice, until {@linkcode GroupShard.settle}.
   *
   * @returns false when the group has no room left
   */
  append(record: number, lo: number, hi: number): boolean {
    const word = record * WORDS;
    const count = this.#records[word + COUNT]!;
    if (count === this.#records[word + ROOM]) return false;
    const at = 2 * (this.#records[word + START]! + count);
    this.#pairs[at] = lo;
    this.#pairs[at + 1] = hi;
    this.#records[word + COUNT] = count + 1;
    return true;
  }

  /** Sorts what was appended, and takes out who is in a group twice. */
  settle(): void {
    const { buffer, byteOffset } = this.#pairs;
    const ids = new BigInt64Array(buffer, byteOffset, this.#pairsEnd);
    for (let record = 0; record < this.#groups; record++) {
      const start = this.#word(record, START);
      const count = this.#word(record, COUNT);
      const kept = this.#isSorted(start, count) ? count : sort(ids.subarray(start, start + count));
      this.#records[record * WORDS + COUNT] = kept;
      this.#members += kept;
    }
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
    const records = new Int32Array(Math.max(this.#records.length * 2, recordWords(RECORDS_FIRST)));
    records.set(this.#records);
    this.#records = records;
    this.#index = new Int32Array(indexWords(records.length / WORDS));
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

/** Words of the records of so many groups. */
export function recordWords(groups: number): number {
  return groups * WORDS;
}

/** Words of the index of so many groups. */
export function indexWords(groups: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, groups) * PLACES_PER_RECORD));
}

/** Sorts ids and takes out what is there twice; returns how many are left, at the beginning. */
function sort(ids: BigInt64Array): number {
  ids.sort();
  let kept = 0;
  for (let i = 0; i < ids.length; i++) if (i === 0 || ids[i] !== ids[i - 1]) ids[kept++] = ids[i]!;
  return kept;
}

/** Below 0, 0 or above 0, as the first int64 is less than, equal to or greater than the second. */
function order(lo: number, hi: number, otherLo: number, otherHi: number): number {
  return hi !== otherHi ? (hi < otherHi ? -1 : 1) : (lo >>> 0) - (otherLo >>> 0);
}
