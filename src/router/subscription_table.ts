/**
 * Who holds what: subscriptions of connections to ids (users, or rooms), indexed both ways. By id, to find the holders of a
 * message's receiver; by holder, to forget everything of a connection that has ended.
 *
 * One subscription is one record of eight 32-bit words. The records lie in a WebAssembly memory, which grows in place: nothing
 * is copied, and the garbage collector is not driven by it (ordinary arrays of this size cost a collection of 7 ms now and
 * then). An open-addressing index in 1,024 shards leads from an id to the first of its records; each shard doubles alone, and
 * each at another load, so that they never grow all at once. The records of one id form a chain, and so do the records of
 * one holder. An index slot is the record's number and six bits of the hash, so that a foreign record is seldom touched
 * while probing. About 40 bytes for a subscription at one million.
 *
 * An id is a pair of int64 (appid, id), given as four 32-bit halves: no bigint on the path of a message.
 *
 * @module
 */

const SHARD_BITS = 10;
const SHARDS = 1 << SHARD_BITS;
const SHARD_SLOTS_FIRST = 16;
const RECORD_BITS = 26;
const RECORD_MASK = (1 << RECORD_BITS) - 1;
const SHARD_SHIFT = 32 - SHARD_BITS;
const TAG_SHIFT = 16;
const WORD_BITS = 3;
const HOLDERS_FIRST = 16;
/** Of a WebAssembly memory, 64 KiB each: 4 MiB at a time, which is a part of the 2 GiB for all records that can be numbered. */
const PAGES_STEP = 64, PAGES_MAX = 1 << RECORD_BITS + WORD_BITS + 2 - 16;
/** A table that has held more records than this gives its space back once it is empty. */
const RECORDS_KEPT = 1 << 16;

/** Words of a record. */
const APP_HI = 0, APP_LO = 1, ID_HI = 2, ID_LO = 3;
/** holder << 1 | online */
const HOLDER = 4;
/** Next record of the same id; in a free record the next free one. */
const NEXT = 5;
const HOLDER_PREV = 6, HOLDER_NEXT = 7;

/** The most subscriptions that one table can hold. */
export const SUBSCRIPTIONS_MAX: number = RECORD_MASK;

/** Subscriptions of holders (small numbers that the caller gives out) to ids, with an online flag each. */
export class SubscriptionTable {
  /** Holders found by the last {@linkcode SubscriptionTable.lookup}; only the first `count` elements count. */
  found: Int32Array<ArrayBuffer> = new Int32Array(HOLDERS_FIRST);
  /** Whether any of them holds the id as online. */
  foundOnline = false;

  readonly #seed: number;
  #shards: Int32Array<ArrayBuffer>[];
  #shardKeys = new Int32Array(SHARDS);
  #memory = emptyMemory();
  #words = new Int32Array(this.#memory.buffer);
  #recordsEnd = 1; // record 0 is "none"
  #free = 0;
  #records = 0;
  #keys = 0;
  #heads = new Int32Array(HOLDERS_FIRST);
  #counts = new Int32Array(HOLDERS_FIRST);
  #retired = new Uint8Array(HOLDERS_FIRST);

  /**
   * Makes an empty table.
   *
   * @param seed any 32-bit number; a secret one keeps clients who choose room ids from making them collide
   */
  constructor(seed: number) {
    this.#seed = seed | 0;
    this.#shards = emptyShards();
  }

  /** Different ids that are held, by retired holders too until they are released. */
  get keys(): number {
    return this.#keys;
  }

  /** Subscriptions in the table, those of retired holders included until they are released. */
  get subscriptions(): number {
    return this.#records;
  }

  /** Subscriptions of one holder. */
  subscriptionsOf(holder: number): number {
    return this.#counts[holder] ?? 0;
  }

  /**
   * Notes that a holder holds an id, or changes its online flag.
   *
   * @param holder a number of 0..2^30, at best small and dense
   * @param online 0 or 1
   * @returns false when the table is full ({@linkcode SUBSCRIPTIONS_MAX}); nothing is changed then
   */
  subscribe(
    holder: number,
    appHi: number,
    appLo: number,
    idHi: number,
    idLo: number,
    online: number,
  ): boolean {
    if (holder >= this.#heads.length) this.#growHolders(holder);
    const hash = hashOf(this.#seed, appHi, appLo, idHi, idLo);
    const first = this.#find(hash, appHi, appLo, idHi, idLo);
    for (let record = first; record !== 0;) {
      const words = this.#words;
      const word = record << WORD_BITS;
      if (words[word + HOLDER]! >>> 1 === holder) {
        words[word + HOLDER] = holder << 1 | online;
        return true;
      }
      record = words[word + NEXT]!;
    }
    const record = this.#allocate();
    if (record === 0) return false;
    const words = this.#words;
    const word = record << WORD_BITS;
    words[word + APP_HI] = appHi;
    words[word + APP_LO] = appLo;
    words[word + ID_HI] = idHi;
    words[word + ID_LO] = idLo;
    words[word + HOLDER] = holder << 1 | online;
    words[word + HOLDER_PREV] = 0;
    const head = this.#heads[holder]!;
    words[word + HOLDER_NEXT] = head;
    if (head !== 0) this.#set(head, HOLDER_PREV, record);
    this.#heads[holder] = record;
    this.#counts[holder]!++;
    if (first === 0) {
      words[word + NEXT] = 0;
      this.#insertKey(hash, record);
    } else { // behind the first, so that the index keeps pointing at it
      words[word + NEXT] = this.#get(first, NEXT);
      this.#set(first, NEXT, record);
    }
    return true;
  }

  /**
   * Forgets that a holder holds an id.
   *
   * @returns false when it did not hold it, which servers ask for at times
   */
  unsubscribe(holder: number, appHi: number, appLo: number, idHi: number, idLo: number): boolean {
    const record = this.#recordOf(holder, appHi, appLo, idHi, idLo);
    if (record === 0) return false;
    this.#remove(record, holder);
    return true;
  }

  /** Whether a holder holds an id, with either flag. */
  holds(holder: number, appHi: number, appLo: number, idHi: number, idLo: number): boolean {
    return this.#recordOf(holder, appHi, appLo, idHi, idLo) !== 0;
  }

  /**
   * Finds who holds an id. The answer stands in `found` and `foundOnline` until the next call; retired holders are left out.
   *
   * @returns how many holders were found
   */
  lookup(appHi: number, appLo: number, idHi: number, idLo: number): number {
    let count = 0;
    let online = 0;
    let record = this.#find(
      hashOf(this.#seed, appHi, appLo, idHi, idLo),
      appHi,
      appLo,
      idHi,
      idLo,
    );
    while (record !== 0) {
      const words = this.#words;
      const word = record << WORD_BITS;
      const holder = words[word + HOLDER]!;
      if (this.#retired[holder >>> 1] === 0) {
        if (count === this.found.length) this.found = doubled(this.found);
        this.found[count++] = holder >>> 1;
        online |= holder & 1;
      }
      record = words[word + NEXT]!;
    }
    this.foundOnline = online !== 0;
    return count;
  }

  /**
   * Takes a holder out of every answer at once, whatever it holds; {@linkcode SubscriptionTable.release} then frees its
   * records bit by bit. The number must not be given to another holder before all are released.
   */
  retire(holder: number): void {
    if (this.subscriptionsOf(holder) > 0) this.#retired[holder] = 1;
  }

  /**
   * Frees records of a retired holder.
   *
   * @param recordsMax how many at most, so that the caller can bound the pause (about 0.2 us each)
   * @returns how many were freed; fewer than `recordsMax` says that none is left
   */
  release(holder: number, recordsMax: number): number {
    let released = 0;
    for (let record; released < recordsMax && (record = this.#heads[holder]); released++) {
      this.#remove(record, holder);
    }
    if (this.subscriptionsOf(holder) === 0 && holder < this.#retired.length) {
      this.#retired[holder] = 0;
    }
    return released;
  }

  /** Shards of the table: an id stays in its shard, so that walking them one by one meets each id at most once. */
  static readonly SHARDS: number = SHARDS;

  /**
   * Visits every id in one shard that a holder who is not retired holds.
   *
   * @param shard 0..{@linkcode SubscriptionTable.SHARDS} - 1
   * @param visit must not change the table
   */
  visitShard(
    shard: number,
    visit: (appHi: number, appLo: number, idHi: number, idLo: number) => void,
  ): void {
    for (const slot of this.#shards[shard]!) {
      if (slot === 0) continue;
      let record = slot & RECORD_MASK;
      while (record !== 0 && this.#retired[this.#get(record, HOLDER) >>> 1] !== 0) {
        record = this.#get(record, NEXT);
      }
      if (record === 0) continue;
      visit(
        this.#get(record, APP_HI),
        this.#get(record, APP_LO),
        this.#get(record, ID_HI),
        this.#get(record, ID_LO),
      );
    }
  }

  #get(record: number, field: number): number {
    return this.#words[(record << WORD_BITS) + field]!;
  }

  #set(record: number, field: number, value: number): void {
    this.#words[(record << WORD_BITS) + field] = value;
  }

  /** The record of a holder's subscription to an id, or 0. */
  #recordOf(holder: number, appHi: number, appLo: number, idHi: number, idLo: number): number {
    const hash = hashOf(this.#seed, appHi, appLo, idHi, idLo);
    let record = this.#find(hash, appHi, appLo, idHi, idLo);
    while (record !== 0 && this.#get(record, HOLDER) >>> 1 !== holder) {
      record = this.#get(record, NEXT);
    }
    return record;
  }

  /** The first record of an id, or 0. */
  #find(hash: number, appHi: number, appLo: number, idHi: number, idLo: number): number {
    const shard = this.#shards[hash >>> SHARD_SHIFT]!;
    const mask = shard.length - 1;
    const tag = tagOf(hash);
    for (let i = hash & mask;; i = i + 1 & mask) {
      const slot = shard[i]!;
      if (slot === 0) return 0;
      if ((slot & ~RECORD_MASK) !== tag) continue;
      const words = this.#words;
      const word = (slot & RECORD_MASK) << WORD_BITS;
      if (
        words[word + ID_LO] === idLo && words[word + ID_HI] === idHi &&
        words[word + APP_LO] === appLo && words[word + APP_HI] === appHi
      ) {
        return slot & RECORD_MASK;
      }
    }
  }

  #hashOfRecord(record: number): number {
    const words = this.#words;
    const word = record << WORD_BITS;
    return hashOf(
      this.#seed,
      words[word + APP_HI]!,
      words[word + APP_LO]!,
      words[word + ID_HI]!,
      words[word + ID_LO]!,
    );
  }

  /** A free record's number, or 0 when the table is full. */
  #allocate(): number {
    let record = this.#free;
    if (record !== 0) {
      this.#free = this.#get(record, NEXT);
    } else {
      if (this.#recordsEnd > SUBSCRIPTIONS_MAX) return 0;
      record = this.#recordsEnd++;
      if (record + 1 << WORD_BITS > this.#words.length) {
        this.#memory.grow(PAGES_STEP);
        this.#words = new Int32Array(this.#memory.buffer);
      }
    }
    this.#records++;
    return record;
  }

  #insertKey(hash: number, record: number): void {
    const number = hash >>> SHARD_SHIFT;
    let shard = this.#shards[number]!;
    if (++this.#shardKeys[number]! > keysMax(number, shard.length)) {
      shard = this.#shards[number] = this.#rehashed(shard);
    }
    this.#keys++;
    place(shard, hash, record);
  }

  #rehashed(shard: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
    const grown = new Int32Array(shard.length * 2);
    for (let i = 0; i < shard.length; i++) {
      const record = shard[i]! & RECORD_MASK;
      if (record !== 0) place(grown, this.#hashOfRecord(record), record);
    }
    return grown;
  }

  /** Takes a record out of both chains and frees it. */
  #remove(record: number, holder: number): void {
    const prev = this.#get(record, HOLDER_PREV);
    const next = this.#get(record, HOLDER_NEXT);
    if (prev === 0) this.#heads[holder] = next;
    else this.#set(prev, HOLDER_NEXT, next);
    if (next !== 0) this.#set(next, HOLDER_PREV, prev);
    this.#counts[holder]!--;
    this.#unchain(record);
    this.#set(record, NEXT, this.#free);
    this.#free = record;
    if (--this.#records === 0 && this.#recordsEnd > RECORDS_KEPT) this.#reset();
  }

  /** Takes a record out of its id's chain; the last one takes the id out of the index. */
  #unchain(record: number): void {
    const hash = this.#hashOfRecord(record);
    const words = this.#words;
    const word = record << WORD_BITS;
    let before = this.#find(
      hash,
      words[word + APP_HI]!,
      words[word + APP_LO]!,
      words[word + ID_HI]!,
      words[word + ID_LO]!,
    );
    const next = words[word + NEXT]!;
    if (before !== record) {
      while (this.#get(before, NEXT) !== record) before = this.#get(before, NEXT);
      this.#set(before, NEXT, next);
      return;
    }
    const number = hash >>> SHARD_SHIFT;
    const shard = this.#shards[number]!;
    const mask = shard.length - 1;
    let i = hash & mask;
    while ((shard[i]! & RECORD_MASK) !== record) i = i + 1 & mask;
    if (next !== 0) {
      shard[i] = tagOf(hash) | next;
      return;
    }
    this.#keys--;
    this.#shardKeys[number]!--;
    this.#closeGap(shard, i);
  }

  /** Moves later entries of a cluster back over an emptied slot, so that no tombstones are needed. */
  #closeGap(shard: Int32Array<ArrayBuffer>, gap: number): void {
    const mask = shard.length - 1;
    for (let i = gap + 1 & mask; shard[i] !== 0; i = i + 1 & mask) {
      const home = this.#hashOfRecord(shard[i]! & RECORD_MASK) & mask;
      if ((i - home & mask) >= (i - gap & mask)) {
        shard[gap] = shard[i]!;
        gap = i;
      }
    }
    shard[gap] = 0;
  }

  /** An empty table gives its space back: what a million subscriptions took is not kept after they are gone. */
  #reset(): void {
    this.#shards = emptyShards();
    this.#shardKeys = new Int32Array(SHARDS);
    this.#memory = emptyMemory();
    this.#words = new Int32Array(this.#memory.buffer);
    this.#recordsEnd = 1;
    this.#free = 0;
  }

  #growHolders(holder: number): void {
    while (holder >= this.#heads.length) {
      this.#heads = doubled(this.#heads);
      this.#counts = doubled(this.#counts);
    }
    const retired = new Uint8Array(this.#heads.length);
    retired.set(this.#retired);
    this.#retired = retired;
  }
}

/** Six bits of the hash that neither choose the shard nor, up to 65,536 slots, the slot; above the record's number. */
function tagOf(hash: number): number {
  return hash >>> TAG_SHIFT << RECORD_BITS;
}

/** From 55 % to 85 % of the slots by the shard's number: were it the same for all, all would double in one burst of subscriptions. */
function keysMax(shard: number, slots: number): number {
  return slots * (0.55 + 0.3 * shard / SHARDS);
}

function place(shard: Int32Array<ArrayBuffer>, hash: number, record: number): void {
  const mask = shard.length - 1;
  let i = hash & mask;
  while (shard[i] !== 0) i = i + 1 & mask;
  shard[i] = tagOf(hash) | record;
}

/** All four words have to reach all bits: a weak hash here was seen to cost ten times the whole routing. */
function hashOf(seed: number, appHi: number, appLo: number, idHi: number, idLo: number): number {
  let h = Math.imul(idLo ^ seed, 0x9e3779b1);
  h = Math.imul(h ^ h >>> 15 ^ idHi, 0x85ebca77);
  h = Math.imul(h ^ h >>> 13 ^ appLo, 0xc2b2ae3d);
  h = Math.imul(h ^ h >>> 16 ^ appHi, 0x27d4eb2f);
  h = Math.imul(h ^ h >>> 15, 0x165667b1);
  return h ^ h >>> 16;
}

function emptyMemory(): WebAssembly.Memory {
  return new WebAssembly.Memory({ initial: PAGES_STEP, maximum: PAGES_MAX, shared: true });
}

function emptyShards(): Int32Array<ArrayBuffer>[] {
  return Array.from({ length: SHARDS }, () => new Int32Array(SHARD_SLOTS_FIRST));
}

function doubled(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(array.length * 2);
  grown.set(array);
  return grown;
}
