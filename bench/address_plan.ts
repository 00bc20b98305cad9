/**
 * Who holds whom and who writes to whom: user k of connection c has an id of its own, rooms are held by every connection, and
 * the receiver of a message follows from its sender and number alone.
 *
 * @module
 */

/** The first id; all ids up to {@linkcode ID_LAST} have seven digits, so that a message in text form has one length. */
export const ID_FIRST = 1_000_000;
/** The last id. */
export const ID_LAST = 9_999_999;

/** The users, rooms and receivers of one run. */
export class AddressPlan {
  /** How many IM servers are played. */
  readonly conns: number;
  /** Users of each connection. */
  readonly usersEach: number;
  /** Rooms that every connection holds; 0 when the messages go to users. */
  readonly rooms: number;

  /**
   * Lays the ids out.
   *
   * @param conns at least 2
   * @param users in all; rounded up so that each connection has the same number, at least one
   * @param rooms 0 for messages to users
   * @throws {RangeError} when the ids would need more than seven digits
   */
  constructor(conns: number, users: number, rooms: number) {
    this.conns = conns;
    this.usersEach = Math.max(1, Math.ceil(users / conns));
    this.rooms = rooms;
    if (ID_FIRST + Math.max(this.usersEach * conns, rooms) > ID_LAST) {
      throw new RangeError(`more than ${ID_LAST - ID_FIRST} users or rooms`);
    }
  }

  /** Deliveries of one message. */
  get fan(): number {
    return this.rooms === 0 ? 1 : this.conns - 1;
  }

  /** How many receivers a connection holds that messages go to. */
  get streams(): number {
    return this.rooms === 0 ? this.usersEach : this.rooms;
  }

  /** User k of a connection. */
  user(conn: number, k: number): number {
    return ID_FIRST + k * this.conns + conn;
  }

  /** Room k. */
  room(k: number): number {
    return ID_FIRST + k;
  }

  /**
   * Where a message goes: to the other connections in turn, and on each to users in a scattered order.
   *
   * @param sender the sending connection
   * @param number the message's number
   * @returns a user that another connection holds, or a room
   */
  receiver(sender: number, number: number): number {
    if (this.rooms > 0) return ID_FIRST + number % this.rooms;
    const conn = (sender + 1 + number % (this.conns - 1)) % this.conns;
    const scattered = Math.imul(number, 0x9e3779b1) >>> 0;
    return this.user(conn, Math.floor((scattered * this.usersEach) / 2 ** 32));
  }

  /**
   * Which of a connection's receivers an id is.
   *
   * @param conn the connection to which a message came
   * @param receiver the message's receiver
   * @returns 0..streams - 1, or -1 when the connection does not hold it
   */
  stream(conn: number, receiver: number): number {
    const offset = receiver - ID_FIRST;
    const k = this.rooms > 0 ? offset : (offset - conn) / this.conns;
    return k >= 0 && k < this.streams && Number.isInteger(k) ? k : -1;
  }
}
