/**
 * What the tests of the line to a real Redis have in common: lines that end with their block, orders, and waiting for a command's
 * effect.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  type AppendMode,
  RedisLink,
  type RedisLinkOptions,
} from "../../../src/push/redis/redis_link.ts";
import {
  type AppendOrder,
  type AppendReply,
  RedisError,
} from "../../../src/push/redis/redis_lists.ts";
import { parseRedisUrl, type RedisSettings } from "../../../src/redis/redis_settings.ts";
import { PUSH_LISTS } from "../../../src/router/push_list.ts";
import { batchOf, until } from "../fixtures.ts";

/** The writer of most orders. */
export const WRITER = "0123456789abcdef";
/** Where the watermark of that writer for the first list is. */
export const WATERMARK = `{${PUSH_LISTS[0]}}:imr:${WRITER}`;
/** Times that suit a test that waits for one to be over. */
export const SHORT_TIMES = { commandMs: 300, dialMs: 300 };

/** A line, and what it told. */
export class TestLink implements AsyncDisposable {
  readonly link: RedisLink;
  /** Times that it became ready. */
  ready = 0;
  /** Why it was lost, each time. */
  readonly losses: string[] = [];
  /** Every fallback. */
  readonly fallbacks: { readonly mode: AppendMode; readonly why: string }[] = [];

  /** How long timers of the client outlive it: a turn for its sockets to end, unless a test knows better. */
  endMs = 20;

  /** Begins to dial. */
  constructor(to: string | RedisSettings, options: Omit<RedisLinkOptions, "onFallback"> = {}) {
    const settings = typeof to === "string" ? parseRedisUrl(to) : to;
    this.link = new RedisLink(settings, {
      ...options,
      onFallback: (mode, why) => this.fallbacks.push({ mode, why }),
    });
    this.link.onReady = () => this.ready++;
    this.link.onLost = (why) => this.losses.push(why);
  }

  /** Dials, and waits until it is ready. */
  static async open(
    to: string | RedisSettings,
    options: Omit<RedisLinkOptions, "onFallback"> = {},
  ): Promise<TestLink> {
    const opened = new TestLink(to, options);
    try {
      await opened.untilReady();
    } catch (error) {
      await opened[Symbol.asyncDispose]();
      throw error;
    }
    return opened;
  }

  /** Waits until commands can be sent. */
  async untilReady(ms = 10_000): Promise<void> {
    await until(() => this.link.isReady, `ready; lost because ${this.losses.at(-1)}`, ms);
  }

  /** Waits until a loss has such a reason, and returns it. */
  async untilLost(reason: RegExp): Promise<string> {
    const find = () => this.losses.find((why) => reason.test(why));
    await until(() => find() !== undefined, `lost because of ${reason}`);
    return find()!;
  }

  /** Appends under a sequence. */
  append(
    texts: readonly string[],
    first: number,
    more: Partial<AppendOrder> = {},
  ): Promise<AppendReply> {
    return this.link.append(orderOf(texts, first, more));
  }

  /** Appends until it is answered, as a writer does after a failure. */
  async appendSurely(
    texts: readonly string[],
    first: number,
    more: Partial<AppendOrder> = {},
  ): Promise<AppendReply> {
    const end = performance.now() + 10_000;
    for (;;) {
      try {
        return await this.append(texts, first, more);
      } catch (error) {
        if (!(error instanceof RedisError) || performance.now() > end) throw error;
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.link.close();
    await new Promise((resolve) => setTimeout(resolve, this.endMs));
  }
}

/** An order for the first list, behind all before it. */
export function orderOf(
  texts: readonly string[],
  first: number,
  more: Partial<AppendOrder> = {},
): AppendOrder {
  const list = more.list ?? 0;
  return { list, writer: WRITER, after: first - 1, first, batch: batchOf(texts, list), ...more };
}

/** The reply to an append of which so many jobs were there. */
export function written(skipped = 0): AppendReply {
  return { kind: "written", skipped };
}

/** The reply to an append whose predecessors are missing. */
export function gap(watermark?: number): AppendReply {
  return { kind: "gap", watermark };
}

/** Asserts that an append fails in one way; returns the error. */
export async function failsWith(
  append: Promise<unknown>,
  kind: RedisError["kind"],
  code = "",
): Promise<RedisError> {
  let failure: unknown;
  await assert.rejects(append, (error) => {
    failure = error;
    return error instanceof RedisError;
  });
  const error = failure as RedisError;
  assert.deepEqual([error.kind, error.code], [kind, code], error.message);
  return error;
}
