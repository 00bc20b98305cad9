/**
 * The route table: which connection holds which users and rooms. Connections are small numbers that it gives out.
 *
 * A connection that ends leaves every answer at once; its records are freed bit by bit by {@linkcode RouteTable.sweep}, since a million of
 * them in one go would hold up everybody's messages, and only then is its number given out again.
 *
 * @module
 */

import { SubscriptionTable } from "./subscription_table.ts";

const CONNECTIONS_FIRST = 16;

/** Connections, and the users and rooms that they hold. */
export class RouteTable {
  /** Subscriptions to users, with the online flag. */
  readonly users: SubscriptionTable;
  /** Subscriptions to rooms; their flag means nothing. */
  readonly rooms: SubscriptionTable;
  /** The connections there are, in no particular order; only the first `connectionCount` elements count. */
  connections: Int32Array<ArrayBuffer> = new Int32Array(CONNECTIONS_FIRST);
  /** How many connections there are. */
  connectionCount = 0;
  /** Where each connection stands in `connections`. */
  #places = new Int32Array(CONNECTIONS_FIRST);
  #numbersEnd = 0;
  readonly #freeNumbers: number[] = [];
  readonly #ended: number[] = [];

  /**
   * Makes an empty table.
   *
   * @param seed any 32-bit number, at best a secret one; see {@linkcode SubscriptionTable}
   */
  constructor(seed: number) {
    this.users = new SubscriptionTable(seed);
    this.rooms = new SubscriptionTable(~seed);
  }

  /**
   * Takes in a connection that holds nothing yet.
   *
   * @returns its number, the smallest there is up to a few that are still being swept
   */
  connect(): number {
    const connection = this.#freeNumbers.pop() ?? this.#numbersEnd++;
    if (connection >= this.connections.length) {
      this.connections = doubled(this.connections);
      this.#places = doubled(this.#places);
    }
    this.#places[connection] = this.connectionCount;
    this.connections[this.connectionCount++] = connection;
    return connection;
  }

  /** Takes out a connection and, for every question asked from now on, all that it held. Once for each `connect`. */
  disconnect(connection: number): void {
    const place = this.#places[connection]!;
    const last = this.connections[--this.connectionCount]!;
    this.connections[place] = last;
    this.#places[last] = place;
    this.users.retire(connection);
    this.rooms.retire(connection);
    this.#ended.push(connection);
  }

  /**
   * Frees what ended connections held.
   *
   * @param recordsMax how many records at most, to bound the pause
   * @returns false when nothing is left to free
   */
  sweep(recordsMax: number): boolean {
    for (let left = recordsMax; left > 0;) {
      const connection = this.#ended.at(-1);
      if (connection === undefined) return false;
      left -= this.users.release(connection, left);
      if (left > 0) left -= this.rooms.release(connection, left);
      if (left > 0) {
        this.#ended.pop();
        this.#freeNumbers.push(connection);
      }
    }
    return this.#ended.length > 0;
  }

  /** Whether a user is online: some connection holds it with a non-zero flag. */
  isOnline(appHi: number, appLo: number, uidHi: number, uidLo: number): boolean {
    this.users.lookup(appHi, appLo, uidHi, uidLo);
    return this.users.foundOnline;
  }
}

function doubled(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(array.length * 2);
  grown.set(array);
  return grown;
}
