/**
 * A feed of group events, and what it told.
 *
 * @module
 */

import { EventFeed, type EventFeedOptions } from "../../src/groups/event_feed.ts";
import { parseRedisUrl, type RedisSettings } from "../../src/redis/redis_settings.ts";
import { eventually } from "../support/eventually.ts";

/** Bounds that a test can wait for. */
export const SHORT = { times: { commandMs: 300, dialMs: 300 }, pingMs: 200 };

/** A feed that has been started; it is closed at the end of the block. */
export class TestFeed implements AsyncDisposable {
  /** What was heard, each as "channel payload". */
  readonly events: string[] = [];
  /** Why the line was lost, each time. */
  readonly losses: string[] = [];
  /** Times that events began to be heard. */
  subscribed = 0;
  readonly feed: EventFeed;

  constructor(at: string | RedisSettings, options: EventFeedOptions = SHORT) {
    const settings = typeof at === "string" ? parseRedisUrl(at) : at;
    this.feed = new EventFeed(settings, {
      onSubscribed: () => this.subscribed++,
      onEvent: (channel, payload) => this.events.push(`${channel} ${payload}`),
      onLost: (why) => this.losses.push(why),
    }, options);
    this.feed.start();
  }

  /** Waits until events are heard, for the so-manieth time. */
  async ready(times = 1): Promise<void> {
    await this.until(() => this.subscribed >= times, `subscribed ${times} times`);
  }

  /** Waits for a condition. */
  async until(holds: () => boolean, what: string): Promise<void> {
    await eventually(holds, () => `${what}; losses ${this.losses}; events ${this.events}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.feed.close();
  }
}
