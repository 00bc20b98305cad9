/**
 * Which jobs of one list are out with a worker, until when, and which have come back because their time ran out. Pure
 * memory: it knows ids, no payloads and no database.
 *
 * A list is taken in the order of its ids. Jobs past the cursor have never been out; those up to it are leased, returned,
 * or gone. Returned jobs are in front, so that they go out again first.
 *
 * @module
 */

/** Jobs that went out together. */
interface Lease {
  readonly key: number;
  readonly until: number;
  readonly ids: readonly number[];
  /** How many of them are still out. */
  open: number;
}

/** The leases of one list. */
export class LeaseBook {
  /** The highest id that was ever looked at for a lease. */
  cursor = 0;
  readonly #leaseOf = new Map<number, Lease>();
  /** By their end, the earliest first. */
  readonly #leases: Lease[] = [];
  /** Ids that came back, ascending. */
  #returned: number[] = [];

  /** Jobs that are out. */
  get leased(): number {
    return this.#leaseOf.size;
  }

  /** When the next lease ends, in milliseconds since 1970; undefined when none is open. */
  get earliest(): number | undefined {
    return this.#leases[0]?.until;
  }

  /** Whether a job is out. */
  isLeased(id: number): boolean {
    return this.#leaseOf.has(id);
  }

  /** The first jobs that came back, ascending, at most `max`; they stay where they are. */
  returned(max: number): number[] {
    return this.#returned.slice(0, max);
  }

  /**
   * Leases jobs.
   *
   * @param key a number for the lease, never used before
   * @param ids the jobs, ascending, none of them out
   * @param returnedCount how many of them, the first ones, are the first of those that came back
   * @param until when it ends, in milliseconds since 1970
   */
  grant(key: number, ids: readonly number[], returnedCount: number, until: number): void {
    const lease = { key, until, ids, open: ids.length };
    for (const id of ids) this.#leaseOf.set(id, lease);
    this.#returned.splice(0, returnedCount);
    this.#leases.splice(this.#placeFor(until), 0, lease);
  }

  /**
   * Forgets jobs that are no more; ids that are unknown here do no harm.
   *
   * @returns keys of the leases that have no job left
   */
  forget(ids: ReadonlySet<number>): number[] {
    const ended: number[] = [];
    let out = 0;
    for (const id of ids) {
      const lease = this.#leaseOf.get(id);
      if (lease === undefined) continue;
      out++;
      this.#leaseOf.delete(id);
      if (--lease.open > 0) continue;
      ended.push(lease.key);
      this.#leases.splice(this.#leases.indexOf(lease, this.#firstAt(lease.until)), 1);
    }
    // One pass for all of them: late acknowledgements come by the hundred.
    if (out < ids.size) this.#returned = this.#returned.filter((id) => !ids.has(id));
    return ended;
  }

  /**
   * Ends the leases whose time is over; what is still out comes back.
   *
   * @param now milliseconds since 1970
   * @returns keys of the leases that ended
   */
  expire(now: number): number[] {
    const count = this.#placeFor(now);
    return count === 0 ? [] : this.#end(this.#leases.splice(0, count));
  }

  /** Ends one lease before its time; does nothing when it has ended already. */
  release(key: number): void {
    const at = this.#leases.findIndex((lease) => lease.key === key);
    if (at >= 0) this.#end(this.#leases.splice(at, 1));
  }

  #end(leases: readonly Lease[]): number[] {
    const back: number[] = [];
    for (const lease of leases) {
      for (const id of lease.ids) {
        if (this.#leaseOf.get(id) !== lease) continue;
        this.#leaseOf.delete(id);
        // A job past the cursor was leased before a restart; the next take meets it by itself.
        if (id <= this.cursor) back.push(id);
      }
    }
    this.#returned = this.#returned.concat(back).sort((a, b) => a - b);
    return leases.map((lease) => lease.key);
  }

  /** How many leases end at `until` or before. */
  #placeFor(until: number): number {
    return this.#firstAt(until + 1);
  }

  /** How many leases end before `until`; ends are whole milliseconds. */
  #firstAt(until: number): number {
    let low = 0;
    let high = this.#leases.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#leases[middle]!.until < until) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
