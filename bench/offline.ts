/**
 * Messages to users who are online nowhere: as fast as the router reads them, and how many push jobs came of it. The jobs are
 * counted where they end up; nothing is taken from a queue or deleted.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import { COMMAND } from "../src/wire/command.ts";
import { encodeBatchPush } from "../src/wire/batch_push.ts";
import { encodeFrame } from "../src/wire/frame.ts";
import { ROUTE_MESSAGE } from "../src/wire/route_message.ts";
import type { ImServer } from "./im_server.ts";
import type { Address } from "./arguments.ts";
import type { LoadOptions } from "./load_options.ts";
import type { LoadRun, Traffic } from "./load_run.ts";
import { APPID, encodeMessage, PERSISTENT_MESSAGE } from "./message.ts";

const RECEIVER_FIRST = 2_000_000_000;
const RECEIVERS = 1_000_000;
const BLOCK_FRAMES = 64;
const INNER_RECEIVER_AT = 62 - ROUTE_MESSAGE.INNER;

/** Sends persistent messages to users whom nobody holds. */
export class OfflineFlood implements Traffic {
  /** Messages written. */
  sent = 0;
  readonly #run: LoadRun;

  /**
   * Prepares the traffic.
   *
   * @param run the run whose connections send
   */
  constructor(run: LoadRun) {
    this.#run = run;
  }

  /** See {@linkcode Traffic.flow}. */
  async flow(): Promise<void> {
    await Promise.all(this.#run.servers.map((server, i) => this.#send(server, i)));
  }

  /** See {@linkcode Traffic.progress}. */
  progress(): void {
    // Nothing is delivered in this mode.
  }

  /** See {@linkcode Traffic.turn}. */
  turn(): number {
    return Infinity;
  }

  async #send(server: ImServer, index: number): Promise<void> {
    const block = new FrameBlock(this.#run.options.generation, index);
    while (!this.#run.stopped) {
      block.number(server, this.sent);
      this.sent += BLOCK_FRAMES;
      await server.write(block.bytes);
      // A write that has space does not wait: others must have their turn all the same.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }
}

/** Frames that are built once and patched in place. */
class FrameBlock {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  readonly #frameBytes: number;
  readonly #receiverAt: number;
  readonly #innerAt: number;

  constructor(generation: 1 | 2, sender: number) {
    const message = encodeMessage(PERSISTENT_MESSAGE, sender, 0);
    const inner = message.subarray(ROUTE_MESSAGE.INNER);
    const body = generation === 2 ? encodeBatchPush(BigInt(APPID), [0n], inner) : message;
    const command = generation === 2 ? COMMAND.PUSH : COMMAND.PUBLISH;
    const frame = encodeFrame({ command, body });
    this.#frameBytes = frame.length;
    this.#innerAt = frame.length - inner.length;
    this.#receiverAt = generation === 2 ? this.#innerAt - 10 : 12 + ROUTE_MESSAGE.RECEIVER;
    this.bytes = new Uint8Array(BLOCK_FRAMES * frame.length);
    for (let i = 0; i < BLOCK_FRAMES; i++) this.bytes.set(frame, i * frame.length);
    this.#view = new DataView(this.bytes.buffer);
  }

  /** Gives each frame its seq and a receiver of its own. */
  number(server: ImServer, first: number): void {
    for (let i = 0; i < BLOCK_FRAMES; i++) {
      const at = i * this.#frameBytes;
      const receiver = RECEIVER_FIRST + (first + i) % RECEIVERS;
      this.#view.setInt32(at + 4, server.nextSeq());
      this.#view.setInt32(at + this.#receiverAt + 4, receiver);
      this.#view.setInt32(at + this.#innerAt + INNER_RECEIVER_AT + 4, receiver);
    }
  }
}

/**
 * Counts the push jobs of peer messages.
 *
 * @param options say where
 * @returns the jobs so far, or null when nothing was named to count them by
 */
export async function countJobs(options: LoadOptions): Promise<number | null> {
  if (options.redis !== null) return await redisLength(options.redis);
  if (options.http !== null) return await metricSum(options.http, options.metric);
  return null;
}

async function redisLength(address: Address): Promise<number> {
  using conn = await Deno.connect(address);
  await conn.write(new TextEncoder().encode("LLEN push_queue\r\n"));
  const bytes = new Uint8Array(64);
  const reply = new TextDecoder().decode(bytes.subarray(0, await conn.read(bytes) ?? 0));
  const length = /^:(\d+)\r\n/.exec(reply)?.[1];
  if (length === undefined) throw new Error(`Redis answered ${reply.trim()}`);
  return Number(length);
}

async function metricSum(address: Address, name: string): Promise<number> {
  const response = await fetch(`http://${address.hostname}:${address.port}/metrics`);
  const text = await response.text();
  const lines = text.split("\n").filter((line) => line.startsWith(name));
  const values = lines.filter((line) => /^[{ ]/.test(line.slice(name.length)));
  if (values.length === 0) throw new Error(`/metrics has no ${name}`);
  return values.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
}
