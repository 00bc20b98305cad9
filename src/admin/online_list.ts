/**
 * The list of all subscribed users as a stream of JSON. A million users are a walk of 0.1 s and 20 MB: both go in slices of
 * a millisecond, and nothing is written that the client does not take.
 *
 * A user who is subscribed from the start to the end of the walk is in the list, and nobody is in it twice; users who come or go
 * meanwhile may be in it or not.
 *
 * @module
 */

import { SubscriptionTable } from "../router/subscription_table.ts";
import { AsciiChunks } from "./ascii_chunks.ts";
import { UserGroups } from "./user_groups.ts";

/** Work is done for so long in one go, in milliseconds. */
const SLICE_MS = 1;
/** Then others have their turn. Not 0: Deno runs several timers of 0 ms one after another before it looks at a socket again. */
const PAUSE_MS = 1;
/** The longest that is written between two looks at the room left: the end of an app, its successor's begin, and two ids. */
const PIECE_BYTES_MAX = 96;

/** A stream of `[{"appid":1,"users":[2,3]},…]`. */
export class OnlineList {
  readonly #users: SubscriptionTable;
  readonly #now: () => number;
  readonly #onEnd: (bug?: unknown) => void;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #chunks: AsyncGenerator<Uint8Array> | undefined;
  #sliceBegan = 0;
  #ended = false;

  /**
   * Makes a list that has not begun.
   *
   * @param users the users of a route table
   * @param onEnd called once, when the list is written or given up; with an error when that was for a bug
   * @param now milliseconds; measures the slices
   */
  constructor(
    users: SubscriptionTable,
    onEnd: (bug?: unknown) => void,
    now: () => number = () => performance.now(),
  ) {
    this.#users = users;
    this.#onEnd = onEnd;
    this.#now = now;
  }

  /** The JSON, to be read once. Work is done when it is read, and ends when it is cancelled. */
  stream(): ReadableStream<Uint8Array> {
    this.#chunks = this.#write();
    return new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: (controller) => this.#pull(controller),
      cancel: () => this.#end(),
    }, { highWaterMark: 0 });
  }

  /** Gives up: the stream breaks off with an error. Does nothing when it has ended. */
  stop(reason: string): void {
    if (this.#ended) return;
    this.#end();
    this.#controller?.error(new Error(reason));
  }

  async #pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    try {
      const next = await this.#chunks!.next();
      if (this.#ended) return;
      if (!next.done) {
        controller.enqueue(next.value);
      } else {
        this.#end();
        controller.close();
      }
    } catch (error) {
      this.#end(error);
      throw error; // breaks the stream off
    }
  }

  #end(bug?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#chunks = undefined; // and with it what was gathered
    this.#onEnd(bug);
  }

  async *#write(): AsyncGenerator<Uint8Array> {
    this.#sliceBegan = this.#now();
    const groups = await this.#gather();
    if (this.#ended) return;
    const writer = new AsciiChunks();
    writer.text("[");
    let separator = '{"appid":';
    for (const app of groups.apps()) {
      writer.text(separator);
      separator = ']},{"appid":';
      writer.int64(app.hi, app.lo);
      writer.text(',"users":[');
      for (let user = app.last; user !== 0;) {
        writer.int64(groups.idHi(user), groups.idLo(user));
        user = groups.next(user);
        if (user !== 0) writer.text(",");
        if (writer.room >= PIECE_BYTES_MAX) continue;
        yield writer.take();
        await this.#pause();
        if (this.#ended) return;
      }
    }
    writer.text(groups.count === 0 ? "]" : "]}]");
    yield writer.take();
  }

  /** Each shard is walked in one go: an id stays in its shard, so nobody is met twice. */
  async #gather(): Promise<UserGroups> {
    const groups = new UserGroups();
    const add = groups.add.bind(groups);
    for (let shard = 0; shard < SubscriptionTable.SHARDS && !this.#ended; shard++) {
      this.#users.visitShard(shard, add);
      await this.#pause();
    }
    return groups;
  }

  /** Lets others work when the slice is over. */
  #pause(): Promise<void> | undefined {
    if (this.#now() - this.#sliceBegan < SLICE_MS) return undefined;
    return new Promise((resolve) => {
      setTimeout(() => {
        this.#sliceBegan = this.#now();
        resolve();
      }, PAUSE_MS);
    });
  }
}
