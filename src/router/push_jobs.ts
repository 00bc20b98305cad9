/**
 * The push jobs of the family: which JSON object each inner command becomes, and on which list. Who gets a job is decided
 * elsewhere. Keys are in alphabetical order.
 *
 * @module
 */

import { INNER_COMMAND } from "../wire/command.ts";
import { HEADER_BYTES } from "../wire/frame.ts";
import { imContentOffset } from "../wire/inner_frame.ts";
import { GoJsonWriter } from "./go_json.ts";
import { JobBatch } from "./job_batch.ts";
import { PUSH_LIST } from "./push_list.ts";

const key = (text: string): Uint8Array => new TextEncoder().encode(text);
const APPID = key('{"appid":');
const COMMAND = key(',"command":');
const CONTENT = key(',"content":');
const CUSTOMER = key(',"customer":');
const CUSTOMER_APPID = key(',"customer_appid":');
const GROUP_ID = key(',"group_id":');
const RECEIVER = key(',"receiver":');
const RECEIVER_APPID = key(',"receiver_appid":');
const RECEIVERS = key(',"receivers":[');
const RECEIVERS_END = key("]");
const COMMA = key(",");
const SELLER = key(',"seller":');
const SENDER = key(',"sender":');
const SENDER_APPID = key(',"sender_appid":');
const STORE = key(',"store":');
const END = key("}");
const DIGITS_OF_COMMAND = new Map(
  [INNER_COMMAND.CUSTOMER, INNER_COMMAND.CUSTOMER_SUPPORT].map((
    c,
  ) => [c as number, key(String(c))]),
);
/** Content of the customer commands begins behind four ids and a timestamp. */
const CUSTOMER_CONTENT = 36;

/** Writes push jobs into one batch. A buffer is given as its bytes and a view of them; `inner` is where the inner frame begins. */
export class PushJobs {
  /** The jobs written since the last {@linkcode JobBatch.clear}. */
  readonly batch: JobBatch = new JobBatch();
  readonly #json = new GoJsonWriter(this.batch);

  /** A peer message: IM. Receiver and sender are those of the inner message. */
  peer(view: DataView, bytes: Uint8Array, appid: number, inner: number): void {
    const body = inner + HEADER_BYTES;
    this.#begin(view, appid);
    this.#content(view, bytes, inner, imContentOffset(view, inner));
    this.#int64(RECEIVER, view, body + 8);
    this.#int64(SENDER, view, body);
    this.#end(PUSH_LIST.PEER);
  }

  /**
   * A group message: GROUP_IM. The group is the inner message's receiver.
   *
   * @param receivers int64 as pairs of 32-bit halves, high one first
   * @param count how many receivers
   */
  group(
    view: DataView,
    bytes: Uint8Array,
    appid: number,
    inner: number,
    receivers: Int32Array,
    count: number,
  ): void {
    const body = inner + HEADER_BYTES;
    this.#begin(view, appid);
    this.#content(view, bytes, inner, imContentOffset(view, inner));
    this.#int64(GROUP_ID, view, body + 8);
    this.#json.raw(RECEIVERS);
    for (let i = 0; i < count; i++) {
      if (i > 0) this.#json.raw(COMMA);
      this.#json.int64Of(receivers[2 * i]!, receivers[2 * i + 1]!);
    }
    this.#json.raw(RECEIVERS_END);
    this.#int64(SENDER, view, body);
    this.#end(PUSH_LIST.GROUP);
  }

  /**
   * A customer-service message of generation 1: CUSTOMER or CUSTOMER_SUPPORT.
   *
   * @param receiverHi the receiver's id, high half
   * @param receiverLo low half
   */
  customer(
    view: DataView,
    bytes: Uint8Array,
    appid: number,
    inner: number,
    receiverHi: number,
    receiverLo: number,
  ): void {
    const body = inner + HEADER_BYTES;
    this.#begin(view, appid);
    this.#json.raw(COMMAND);
    this.#json.raw(DIGITS_OF_COMMAND.get(view.getUint8(inner + 8))!);
    this.#content(view, bytes, inner, CUSTOMER_CONTENT);
    this.#int64(CUSTOMER, view, body + 8);
    this.#int64(CUSTOMER_APPID, view, body);
    this.#json.raw(RECEIVER);
    this.#json.int64Of(receiverHi, receiverLo);
    this.#int64(SELLER, view, body + 24);
    this.#int64(STORE, view, body + 16);
    this.#end(PUSH_LIST.CUSTOMER);
  }

  /**
   * A system message: SYSTEM. The whole inner body is its text.
   *
   * @param receiverHi the receiver's id, high half
   * @param receiverLo low half
   */
  system(
    view: DataView,
    bytes: Uint8Array,
    appid: number,
    inner: number,
    receiverHi: number,
    receiverLo: number,
  ): void {
    this.#begin(view, appid);
    this.#content(view, bytes, inner, 0);
    this.#json.raw(RECEIVER);
    this.#json.int64Of(receiverHi, receiverLo);
    this.#end(PUSH_LIST.SYSTEM);
  }

  /** A customer-service message of generation 2: CUSTOMER_V2. */
  customerV2(view: DataView, bytes: Uint8Array, appid: number, inner: number): void {
    const body = inner + HEADER_BYTES;
    this.#begin(view, appid);
    this.#content(view, bytes, inner, CUSTOMER_CONTENT);
    this.#int64(RECEIVER, view, body + 24);
    this.#int64(RECEIVER_APPID, view, body + 16);
    this.#int64(SENDER, view, body + 8);
    this.#int64(SENDER_APPID, view, body);
    this.#end(PUSH_LIST.CUSTOMER_V2);
  }

  #begin(view: DataView, appid: number): void {
    this.#json.begin();
    this.#json.raw(APPID);
    this.#json.int64(view, appid);
  }

  #content(view: DataView, bytes: Uint8Array, inner: number, offset: number): void {
    const body = inner + HEADER_BYTES;
    this.#json.raw(CONTENT);
    this.#json.string(bytes, body + offset, body + view.getInt32(inner));
  }

  #int64(name: Uint8Array, view: DataView, at: number): void {
    this.#json.raw(name);
    this.#json.int64(view, at);
  }

  #end(list: number): void {
    this.#json.raw(END);
    this.#json.end(list);
  }
}
