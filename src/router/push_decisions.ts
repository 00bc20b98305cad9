/**
 * Decides which messages become push jobs, and for whom: the half of the routing rules that is not forwarding.
 *
 * @module
 */

import { BATCH_PUSH, batchPushInnerLengthAt } from "../wire/batch_push.ts";
import { INNER_COMMAND } from "../wire/command.ts";
import { HEADER_BYTES } from "../wire/frame.ts";
import { innerHasPushFields, innerHeaderIsSound } from "../wire/inner_frame.ts";
import { ProtocolError } from "../wire/protocol_error.ts";
import { innerBytes, ROUTE_MESSAGE } from "../wire/route_message.ts";
import { GroupTable } from "./group_table.ts";
import type { JobBatch } from "./job_batch.ts";
import { PushJobs } from "./push_jobs.ts";
import type { RouteTable } from "./route_table.ts";
import { WAITING_LIMITS, WaitingFrames, type WaitingLimits } from "./waiting_frames.ts";

/** What push decisions depend on. */
export interface PushOptions {
  /** Whether system messages are pushed; left out: not under the rules of generation 1, and under those of 2. */
  readonly isPushSystem?: boolean | undefined;
  /** Ignore PUSH. */
  readonly pushDisabled?: boolean | undefined;
  /** The groups of generation 1; left out, there are none. */
  readonly groups?: GroupTable | undefined;
  /** Bounds of the messages that wait until the groups are loaded. */
  readonly groupWaiting?: WaitingLimits | undefined;
}

const RECEIVERS_FIRST = 64;
/** The work of a decision beside its members, in members looked up. */
const DECISION_WORK = 16;

/** Turns messages for users who are online nowhere into push jobs. */
export class PushDecisions {
  /** Group messages whose group is not known. */
  unknownGroups = 0;
  /** Group messages that wait until the groups are loaded, and those that were dropped meanwhile. */
  readonly waiting: WaitingFrames;
  /** The groups of generation 1. */
  readonly groups: GroupTable;
  readonly #table: RouteTable;
  readonly #pushSystem1: boolean;
  readonly #pushSystem2: boolean;
  readonly #pushDisabled: boolean;
  readonly #jobs = new PushJobs();
  /** Receivers of the job at hand, as pairs of 32-bit halves. */
  #receivers = new Int32Array(RECEIVERS_FIRST);

  /**
   * Decides by a route table.
   *
   * @param table who is online
   * @param options what the decisions depend on
   */
  constructor(table: RouteTable, options: PushOptions) {
    this.#table = table;
    this.groups = options.groups ?? GroupTable.empty();
    this.#pushSystem1 = options.isPushSystem ?? false;
    this.#pushSystem2 = options.isPushSystem ?? true;
    this.#pushDisabled = options.pushDisabled ?? false;
    this.waiting = new WaitingFrames(options.groupWaiting ?? WAITING_LIMITS);
  }

  /** The jobs decided so far, in order; whoever takes them clears the batch. */
  get jobs(): JobBatch {
    return this.#jobs.batch;
  }

  /**
   * Generation 1: a PUBLISH whose receiver is known not to be online.
   *
   * @param innerCommand the inner frame's command; the inner frame parses in generation 1
   * @param bytes the buffer that holds the frame
   * @param view a view of the same buffer
   * @param body where the frame's body begins
   */
  peer(innerCommand: number, bytes: Uint8Array, view: DataView, body: number): void {
    const app = body + ROUTE_MESSAGE.APPID;
    const inner = body + ROUTE_MESSAGE.INNER;
    this.#receivers[0] = view.getInt32(body + ROUTE_MESSAGE.RECEIVER);
    this.#receivers[1] = view.getInt32(body + ROUTE_MESSAGE.RECEIVER + 4);
    switch (innerCommand) {
      case INNER_COMMAND.IM:
      case INNER_COMMAND.GROUP_IM:
      case INNER_COMMAND.CUSTOMER:
      case INNER_COMMAND.CUSTOMER_SUPPORT:
        this.#write(innerCommand, bytes, view, app, inner, 1);
        break;
      case INNER_COMMAND.SYSTEM:
        if (this.#pushSystem1) this.#write(innerCommand, bytes, view, app, inner, 1);
    }
  }

  /**
   * Generation 1: a PUBLISH_GROUP of a GROUP_IM. One job for the members who are not online and did not send it; it waits while the
   * groups are not loaded, and while others wait.
   *
   * @param bytes the buffer that holds the frame
   * @param view a view of the same buffer
   * @param body where the frame's body begins
   * @param end where its inner frame ends
   */
  group(bytes: Uint8Array, view: DataView, body: number, end: number): void {
    if (!this.groups.isLoaded || this.waiting.count > 0) this.waiting.add(bytes, body, end);
    else this.#group(bytes, view, body);
  }

  /**
   * Decides about group messages that waited, in order, once the groups are loaded.
   *
   * @param work how much to do at most, in members to look up; one message may exceed it
   * @returns whether there is more to do
   */
  decideWaiting(work: number): boolean {
    if (!this.groups.isLoaded) return false;
    for (let left = work; left > 0;) {
      const body = this.waiting.take();
      if (body === undefined) return false;
      const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
      left -= DECISION_WORK + this.#group(body, view, 0);
    }
    return this.waiting.count > 0;
  }

  /** Returns the number of members. */
  #group(bytes: Uint8Array, view: DataView, body: number): number {
    const members = this.groups.members(view.getBigInt64(body + ROUTE_MESSAGE.RECEIVER));
    if (members === undefined) {
      this.unknownGroups++;
      return 0;
    }
    const app = body + ROUTE_MESSAGE.APPID;
    const inner = body + ROUTE_MESSAGE.INNER;
    const sender = inner + HEADER_BYTES;
    const senderHi = view.getInt32(sender);
    const senderLo = view.getInt32(sender + 4);
    let count = 0;
    for (let i = 0; i < members.length; i += 2) {
      const lo = members[i]!;
      const hi = members[i + 1]!;
      if (hi === senderHi && lo === senderLo) continue;
      count = this.#addIfOffline(count, view, app, hi, lo);
    }
    if (count > 0) this.#write(INNER_COMMAND.GROUP_IM, bytes, view, app, inner, count);
    return members.length / 2;
  }

  /**
   * Generation 2: a PUSH, which names its receivers and is never forwarded.
   *
   * @param bytes the buffer that holds the frame
   * @param view a view of the same buffer
   * @param body where the frame's body begins
   * @param end where it ends
   * @throws {ProtocolError} `malformed_body` when the body is too short for what it says or for the job
   */
  batch(bytes: Uint8Array, view: DataView, body: number, end: number): void {
    const innerLengthAt = batchPushInnerLengthAt(view, body, end);
    const innerLength = innerBytes(view, body, end, innerLengthAt);
    const inner = body + innerLengthAt + 2;
    if (!innerHeaderIsSound(view, inner, innerLength) || !innerHasPushFields(view, inner)) {
      throw new ProtocolError("malformed_body", `inner frame of ${innerLength} bytes in a PUSH`);
    }
    if (this.#pushDisabled) return;
    const app = body + BATCH_PUSH.APPID;
    let count = 0;
    for (let at = body + BATCH_PUSH.RECEIVERS; at < body + innerLengthAt; at += 8) {
      count = this.#addIfOffline(count, view, app, view.getInt32(at), view.getInt32(at + 4));
    }
    const innerCommand = view.getUint8(inner + 8);
    if (count === 0 || innerCommand === INNER_COMMAND.SYSTEM && !this.#pushSystem2) return;
    this.#write(innerCommand, bytes, view, app, inner, count);
  }

  /** Writes the job of an inner command for the first `count` receivers: a group's for all, any other for the first. */
  #write(
    innerCommand: number,
    bytes: Uint8Array,
    view: DataView,
    app: number,
    inner: number,
    count: number,
  ): void {
    const hi = this.#receivers[0]!;
    const lo = this.#receivers[1]!;
    switch (innerCommand) {
      case INNER_COMMAND.IM:
        this.#jobs.peer(view, bytes, app, inner);
        break;
      case INNER_COMMAND.GROUP_IM:
        this.#jobs.group(view, bytes, app, inner, this.#receivers, count);
        break;
      case INNER_COMMAND.SYSTEM:
        this.#jobs.system(view, bytes, app, inner, hi, lo);
        break;
      case INNER_COMMAND.CUSTOMER:
      case INNER_COMMAND.CUSTOMER_SUPPORT:
        this.#jobs.customer(view, bytes, app, inner, hi, lo);
        break;
      case INNER_COMMAND.CUSTOMER_V2:
        this.#jobs.customerV2(view, bytes, app, inner);
    }
  }

  /** Adds a receiver behind `count` others when the user is not online; returns how many there are then. */
  #addIfOffline(count: number, view: DataView, app: number, hi: number, lo: number): number {
    if (this.#table.isOnline(view.getInt32(app), view.getInt32(app + 4), hi, lo)) return count;
    if (2 * count + 2 > this.#receivers.length) {
      const grown = new Int32Array(this.#receivers.length * 2);
      grown.set(this.#receivers);
      this.#receivers = grown;
    }
    this.#receivers[2 * count] = hi;
    this.#receivers[2 * count + 1] = lo;
    return count + 1;
  }
}
