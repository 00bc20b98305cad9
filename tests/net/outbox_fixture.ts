/**
 * An outbox over a memory pair, and a model of what it should have sent.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Outbox } from "../../src/net/outbox.ts";
import { HEADER_BYTES } from "../../src/wire/frame.ts";
import { MemoryPair, type PairOptions, same } from "./memory_pair.ts";

/** An outbox in a test's hand. */
export class OutboxScene {
  readonly pair: MemoryPair;
  readonly outbox: Outbox;
  /** The clock of the outbox. */
  now = 1_000;
  /** What failed. */
  readonly failures: unknown[] = [];
  /** Bodies in the order in which they were appended. */
  readonly appended: Uint8Array[] = [];
  #appending = false;

  constructor(options: PairOptions = {}, lastSeq = 0) {
    this.pair = new MemoryPair(options);
    this.outbox = new Outbox(this.pair.transport, {
      onFailure: (error) => {
        assert.ok(!this.#appending, "a failure is never told from within append");
        this.failures.push(error);
      },
      now: () => this.now,
    }, lastSeq);
  }

  /** Bytes of all frames that were appended. */
  get appendedBytes(): number {
    return this.appended.reduce((sum, body) => sum + HEADER_BYTES + body.length, 0);
  }

  /** Appends a frame whose body tells its number. */
  append(bodyBytes: number, command = 132): void {
    const number = this.appended.length + 1;
    const body = new Uint8Array(bodyBytes).fill(number);
    // In the midst of a larger buffer, under a header that must not be seen again.
    const buffer = new Uint8Array(7 + HEADER_BYTES + bodyBytes + 9).fill(0xee);
    buffer.set(body, 7 + HEADER_BYTES);
    this.appended.push(body);
    this.#appending = true;
    this.outbox.append(buffer, 7, 7 + HEADER_BYTES + bodyBytes, command);
    this.#appending = false;
    buffer.fill(0xdd);
  }

  /** Asserts that every byte is accounted for. */
  checkCounters(): void {
    const { waitingBytes, sentBytes, droppedBytes } = this.outbox;
    assert.equal(sentBytes + waitingBytes + droppedBytes, this.appendedBytes, "bytes add up");
    // A write that has just been taken is heard of a microtask later.
    assert.ok(sentBytes <= this.pair.receivedBytes, "nothing counts as sent before it was taken");
  }

  /** Asserts that the peer got the first `count` frames, whole and in order, and nothing behind them. */
  checkReceived(count = this.appended.length): void {
    const frames = this.pair.frames();
    assert.equal(frames.length, count, "frames that came");
    frames.forEach((frame, i) => {
      assert.equal(frame.seq, i + 1, "seq counts from 1 without gaps");
      assert.deepEqual(frame.rest, [0, 0, 0], "version, flag and reserved byte are the router's");
      assert.ok(same(frame.body, this.appended[i]!), `frame ${i + 1} came whole and in order`);
    });
  }
}
