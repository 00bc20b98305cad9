/**
 * The line to Redis, on ioredis: dials for ever, says when it is ready and when it is lost, and appends jobs in the best way that the
 * server allows.
 *
 * The script is exactly once. Where EVAL is refused, WATCH and MULTI do the same in more round trips, one append at a time, since a
 * watch belongs to the connection. Where the watermark may not be written either, a plain RPUSH is left: at least once.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Cluster } from "ioredis";
import { PUSH_LISTS } from "../../router/push_list.ts";
import {
  APPEND_SCRIPT,
  APPEND_SCRIPT_SHA,
  argumentsOf,
  keysOf,
  WATERMARK_SECONDS,
} from "./append_script.ts";
import {
  makeClient,
  messageOf,
  reasonOf,
  REDIS_TIMES,
  type RedisClient,
  type RedisTimes,
} from "../../redis/redis_client.ts";
import { type AppendOrder, type AppendReply, RedisError, type RedisLists } from "./redis_lists.ts";
import type { RedisSettings } from "../../redis/redis_settings.ts";

/** How jobs are appended. */
export type AppendMode = "script" | "watch" | "plain";

/** Settings of a link. */
export interface RedisLinkOptions {
  /** Bounds; 2 s each unless given. */
  readonly times?: RedisTimes;
  /** Told once for each mode but "script" that a server made necessary, and why. */
  readonly onFallback?: (mode: AppendMode, why: string) => void;
}

/** Pause before a database that was refused is asked for again, in milliseconds. */
const SELECT_PAUSE_MS = 1_000;
/** Pause before a client that has given up is made to dial, in milliseconds. */
const DIAL_AGAIN_MS = 200;
/** Times that an EXEC may answer that the watermark has moved. */
const WATCH_TRIES_MAX = 5;
/** The server forbids a command, its keys, or what the script does. */
const FORBIDDEN =
  /^NOPERM|^ERR unknown command|ACL failure in script|^ERR The user executing the script can't/;

/** A line to Redis. */
export class RedisLink implements RedisLists {
  /** See {@linkcode RedisLists.onReady}. */
  onReady: (() => void) | undefined;
  /** See {@linkcode RedisLists.onLost}. */
  onLost: ((why: string) => void) | undefined;

  readonly #client: RedisClient;
  readonly #settings: RedisSettings;
  readonly #onFallback: (mode: AppendMode, why: string) => void;
  readonly #saidModes = new Set<AppendMode>();
  #mode: AppendMode = "script";
  #isReady = false;
  #incarnation = "";
  /** Connections so far. */
  #connections = 0;
  #lastError = "";
  #closed = false;
  #selectTimer: ReturnType<typeof setTimeout> | undefined;
  #dialTimer: ReturnType<typeof setTimeout> | undefined;
  /** The append that watches, and those behind it. */
  #watching: Promise<unknown> = Promise.resolve();

  /**
   * Begins to dial.
   *
   * @param settings where Redis is
   * @param options bounds, and who is told
   * @throws {Error} when the file of the password or of the certificate authority cannot be read
   */
  constructor(settings: RedisSettings, options: RedisLinkOptions = {}) {
    this.#settings = settings;
    this.#onFallback = options.onFallback ?? (() => {});
    const client = this.#client = makeClient(settings, options.times ?? REDIS_TIMES);
    client.on("error", (error: Error) => {
      this.#lastError = reasonOf(error, settings);
      // Where no sentinel answers there is no connection, and no close follows.
      if (settings.target.kind === "sentinel" && client.status === "connecting") this.#end();
    });
    client.on("ready", () => this.#begin());
    if (isCluster(client)) client.on("+node", (node) => node.on("ready", () => this.#begin()));
    client.on("close", () => this.#end());
    client.on("end", () => this.#dialAgain());
  }

  /** Whether commands can be sent now. */
  get isReady(): boolean {
    return this.#isReady && this.#client.status === "ready";
  }

  /** Changes when a server restarted or another took its place. */
  get incarnation(): string {
    return this.#incarnation;
  }

  /** How jobs are appended on this connection. */
  get mode(): AppendMode {
    return this.#mode;
  }

  /** Appends jobs; see {@linkcode RedisLists.append}. */
  async append(order: AppendOrder): Promise<AppendReply> {
    for (;;) {
      if (!this.isReady) throw this.#failure(undefined);
      const mode = this.#mode;
      try {
        return await this.#appendBy(mode, order);
      } catch (error) {
        if (!this.#fallBack(mode, error)) throw this.#failure(error);
      }
    }
  }

  /** Jobs in each list; see {@linkcode RedisLists.lengths}. */
  async lengths(): Promise<(number | undefined)[]> {
    return await Promise.all(PUSH_LISTS.map(async (list) => {
      try {
        return await this.#client.llen(list);
      } catch (error) {
        if (messageOf(error).startsWith("WRONGTYPE")) return undefined;
        throw this.#failure(error);
      }
    }));
  }

  /** Ends the line. */
  close(): void {
    this.#closed = true;
    this.#isReady = false;
    clearTimeout(this.#selectTimer);
    clearTimeout(this.#dialTimer);
    this.#client.disconnect();
  }

  async #appendBy(mode: AppendMode, order: AppendOrder): Promise<AppendReply> {
    if (mode === "plain") return await this.#appendPlainly(order);
    const reply = mode === "script"
      ? await this.#appendByScript(order)
      : await this.#inTurn(() => this.#appendWatching(order));
    // A node that has just come back is known as another one before its gap is.
    if (reply.kind === "gap" && isCluster(this.#client)) {
      this.#incarnation = await this.#runIds() ?? `gap ${++this.#connections}`;
    }
    return reply;
  }

  async #appendByScript(order: AppendOrder): Promise<AppendReply> {
    const keys = keysOf(order);
    const rest = argumentsOf(order);
    let reply: unknown;
    try {
      reply = await this.#client.evalsha(APPEND_SCRIPT_SHA, 2, ...keys, ...rest);
    } catch (error) {
      if (!messageOf(error).startsWith("NOSCRIPT")) throw error;
      reply = await this.#client.eval(APPEND_SCRIPT, 2, ...keys, ...rest);
    }
    const [kind, value] = reply as [string, number | string | undefined];
    if (kind === "written") return { kind, skipped: Number(value) };
    return { kind: "gap", watermark: value === undefined ? undefined : Number(value) };
  }

  /** One after another: a WATCH of one would guard the EXEC of another. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#watching.then(work);
    this.#watching = done.catch(() => {}); // whoever asked hears of it
    return done;
  }

  async #appendWatching(order: AppendOrder): Promise<AppendReply> {
    const { after, first, batch } = order;
    const [list, watermark] = keysOf(order);
    // Where MULTI is forbidden, what follows it would be done at once.
    await this.#client.multi().exec();
    for (let tries = 0; tries < WATCH_TRIES_MAX; tries++) {
      await this.#client.watch(watermark);
      const known = await this.#client.get(watermark);
      const mark = Number(known ?? 0);
      if (mark < after) {
        await this.#client.unwatch();
        return { kind: "gap", watermark: known === null ? undefined : mark };
      }
      const skipped = Math.min(batch.count, Math.max(0, mark - first + 1));
      const last = Math.max(mark, first + batch.count - 1);
      if (skipped < batch.count) await this.#requireList(list);
      const transaction = this.#client.multi();
      if (skipped < batch.count) transaction.rpush(list, ...textsOf(order, skipped));
      transaction.set(watermark, String(last), "EX", WATERMARK_SECONDS);
      const replies = await transaction.exec();
      if (replies === null) continue; // a late write of ours has moved the watermark
      const failed = replies.find(([error]) => error !== null);
      if (failed === undefined) return { kind: "written", skipped };
      // A transaction goes on behind what fails in it: the watermark is put back.
      if (known === null) await this.#client.set(watermark, "0", "PX", 1);
      else await this.#client.set(watermark, known, "EX", WATERMARK_SECONDS);
      throw failed[0];
    }
    throw new RedisError("refused", "", `${watermark} does not stop changing`);
  }

  /** A transaction would move the watermark also where the list is none. */
  async #requireList(list: string): Promise<void> {
    try {
      await this.#client.llen(list);
    } catch (error) {
      if (!FORBIDDEN.test(messageOf(error))) throw error;
    }
  }

  async #appendPlainly(order: AppendOrder): Promise<AppendReply> {
    const { batch } = order;
    if (batch.count > 0) {
      const [list] = keysOf(order);
      await this.#client.rpush(list, ...textsOf(order, 0));
    }
    return { kind: "written", skipped: 0 };
  }

  /** Returns whether to try again in another way. */
  #fallBack(mode: AppendMode, error: unknown): boolean {
    const message = [error, ...previousErrors(error)].map(messageOf)
      .find((each) => FORBIDDEN.test(each));
    if (message === undefined || mode === "plain") return false;
    if (this.#mode === mode) this.#mode = mode === "script" ? "watch" : "plain";
    if (!this.#saidModes.has(this.#mode)) {
      this.#saidModes.add(this.#mode);
      this.#onFallback(this.#mode, message);
    }
    return true;
  }

  /** A connection stands: which server is it? */
  async #begin(): Promise<void> {
    const connection = ++this.#connections;
    this.#mode = "script";
    const refusal = await this.#selectRefusal();
    const runIds = await this.#runIds();
    if (connection !== this.#connections || this.#client.status !== "ready" || this.#closed) return;
    if (refusal !== undefined) {
      this.#selectTimer = setTimeout(() => this.#begin(), SELECT_PAUSE_MS);
      this.onLost?.(refusal);
      return;
    }
    this.#incarnation = runIds ?? `connection ${connection}`;
    this.#lastError = "";
    this.#isReady = true;
    this.onReady?.();
  }

  /** The client goes on in database 0 when the server refuses ours. Returns why it does. */
  async #selectRefusal(): Promise<string | undefined> {
    const { database } = this.#settings;
    if (database === 0 || isCluster(this.#client)) return undefined;
    try {
      await this.#client.select(database);
      return undefined;
    } catch (error) {
      return `database ${database}: ${messageOf(error)}`;
    }
  }

  /** Of every server; undefined where they do not say. */
  async #runIds(): Promise<string | undefined> {
    const nodes = isCluster(this.#client) ? this.#client.nodes("master") : [this.#client];
    try {
      const infos = await Promise.all(nodes.map((node) => node.info("server")));
      return infos.map((info) => /^run_id:(\S+)/m.exec(info)?.[1]).sort().join();
    } catch {
      return undefined; // forbidden, or gone again: then each connection counts as another server
    }
  }

  #end(): void {
    this.#connections++;
    this.#isReady = false;
    clearTimeout(this.#selectTimer);
    if (!this.#closed) this.onLost?.(this.#lastError || "the connection was closed");
  }

  /**
   * The client has given up for good. It does so when a sentinel tells of a fail-over in the very moment in which it dials
   * (seen in one of eight); only `close` may mean that.
   */
  #dialAgain(): void {
    this.#end();
    if (this.#closed) return;
    clearTimeout(this.#dialTimer);
    this.#dialTimer = setTimeout(() => {
      this.#client.connect().catch(() => {}); // "close" or "end" tells of it
    }, DIAL_AGAIN_MS);
  }

  #failure(error: unknown): RedisError {
    if (error instanceof RedisError) return error;
    const message = messageOf(error);
    if (message === "Command timed out") {
      this.#drop();
      return new RedisError("timed_out", "", "redis did not answer in time");
    }
    const code = /^[A-Z][A-Z]+(?= )/.exec(message)?.[0];
    if (code !== undefined) return new RedisError("refused", code, message);
    const cause = this.#lastError === "" ? "" : `: ${this.#lastError}`;
    return new RedisError("unreachable", "", `no connection to redis${cause}`);
  }

  /** Dials anew: what still comes on the old connection is nobody's any more. */
  #drop(): void {
    if (!this.#isReady) return; // another append did
    this.#isReady = false;
    this.#client.disconnect(true);
  }
}

function isCluster(client: RedisClient): client is Cluster {
  return client.isCluster;
}

/** Jobs as arguments. */
function textsOf({ batch }: AppendOrder, from: number): Buffer[] {
  const texts: Buffer[] = [];
  for (let i = from; i < batch.count; i++) texts.push(Buffer.from(batch.text(i)));
  return texts;
}

/** Why the commands of a transaction that was not run were refused. */
function previousErrors(error: unknown): readonly unknown[] {
  const { previousErrors } = error as { previousErrors?: readonly unknown[] };
  return previousErrors ?? [];
}
