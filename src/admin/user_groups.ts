/**
 * Users by app, gathered from a walk over the route table, in 12 bytes each. Neither many users nor many apps make it
 * stop for long: memory grows by blocks that are never copied, and apps are spread over many small maps, as one large map pauses for 50 ms
 * when it grows.
 *
 * @module
 */

/** Users of one block. */
const BLOCK_USERS = 1 << 14;
const USER_WORDS = 3;
/** Words of a user: the id, and the next user of the same app. */
const ID_HI = 0, ID_LO = 1, NEXT = 2;
const MAPS = 256;

/** An app that has users. */
export interface App {
  /** The high half of its id. */
  readonly hi: number;
  /** The low half of its id. */
  readonly lo: number;
  /** The number of its last user; users are numbered from 1, and 0 is none. */
  last: number;
}

/** Users by app. Ids are given and told as two 32-bit halves. */
export class UserGroups {
  readonly #maps: readonly Map<number | bigint, App>[] = Array.from(
    { length: MAPS },
    () => new Map(),
  );
  readonly #blocks: Int32Array[] = [];
  #count = 0;
  /** The app of the user before: neighbours often share it. */
  #recent: App | undefined;

  /** Users in all apps. */
  get count(): number {
    return this.#count;
  }

  /** Adds a user who was not added before. */
  add(appHi: number, appLo: number, idHi: number, idLo: number): void {
    let app = this.#recent;
    if (app === undefined || app.lo !== appLo || app.hi !== appHi) {
      this.#recent = app = this.#appOf(appHi, appLo);
    }
    const place = this.#count % BLOCK_USERS;
    if (place === 0) this.#blocks.push(new Int32Array(BLOCK_USERS * USER_WORDS));
    const block = this.#blocks.at(-1)!;
    const word = place * USER_WORDS;
    block[word + ID_HI] = idHi;
    block[word + ID_LO] = idLo;
    block[word + NEXT] = app.last;
    app.last = ++this.#count;
  }

  /** The apps, in no particular order. */
  *apps(): Generator<Readonly<App>> {
    for (const map of this.#maps) yield* map.values();
  }

  /** The high half of a user's id. */
  idHi(user: number): number {
    return this.#word(user, ID_HI);
  }

  /** The low half of a user's id. */
  idLo(user: number): number {
    return this.#word(user, ID_LO);
  }

  /** The next user of the same app; 0 when there is none. */
  next(user: number): number {
    return this.#word(user, NEXT);
  }

  #word(user: number, field: number): number {
    const index = user - 1;
    return this
      .#blocks[Math.floor(index / BLOCK_USERS)]![index % BLOCK_USERS * USER_WORDS + field]!;
  }

  #appOf(hi: number, lo: number): App {
    const map = this.#maps[Math.imul(lo ^ hi, 0x9e3779b1) >>> 24]!;
    const id = hi * 0x1_0000_0000 + (lo >>> 0);
    const key = Number.isSafeInteger(id) ? id : BigInt(hi) << 32n | BigInt(lo >>> 0);
    let app = map.get(key);
    if (app === undefined) map.set(key, app = { hi, lo, last: 0 });
    return app;
  }
}
