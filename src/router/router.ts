/**
 * The routing rules of both generations of the im_service family. Pure: a frame comes in, and out come the connections that
 * get a copy of it and the push jobs that it causes. No I/O, no clock, nothing asynchronous, and no allocation for a frame that
 * is forwarded.
 *
 * @module
 */

import { COMMAND, commandName, INNER_COMMAND, INNER_FLAG } from "../wire/command.ts";
import { HEADER_BYTES } from "../wire/frame.ts";
import { innerHeaderIsSound, innerParsesInGeneration1 } from "../wire/inner_frame.ts";
import { ProtocolError } from "../wire/protocol_error.ts";
import { INNER_BYTES_MAX, innerBytes, ROUTE_MESSAGE } from "../wire/route_message.ts";
import { SUBSCRIBE_BYTES_MIN, SUBSCRIPTION, SUBSCRIPTION_BYTES_MIN } from "../wire/subscription.ts";
import type { JobBatch } from "./job_batch.ts";
import { NOTE, Outcome } from "./outcome.ts";
import { PushDecisions, type PushOptions } from "./push_decisions.ts";
import { RouteTable } from "./route_table.ts";
import { SeqWatch } from "./seq_watch.ts";

/** Which rules apply: those of one generation, or told apart frame by frame. */
export type Generation = 1 | 2 | "auto";

/** What the rules depend on. */
export interface RouterOptions extends PushOptions {
  /** Which generation the servers are of. */
  readonly generation: Generation;
  /** Hold back frames on which servers of generation 2 end their process. */
  readonly poisonGuard?: boolean | undefined;
  /** The most users and rooms that one connection may hold. */
  readonly subscriptionsPerConnectionMax?: number | undefined;
  /** Any 32-bit number, at best a secret one: it seeds the hash of the route table. */
  readonly hashSeed?: number | undefined;
}

/** The most users and rooms that one connection may hold, unless told otherwise. */
export const SUBSCRIPTIONS_PER_CONNECTION_MAX = 10_000_000;

/** Inner commands that generation 1 forwards only when they are marked unpersistent: clients fetch the others themselves. */
const FETCHED_BY_CLIENTS = new Uint8Array(256);
for (
  const command of [
    INNER_COMMAND.IM,
    INNER_COMMAND.GROUP_IM,
    INNER_COMMAND.CUSTOMER,
    INNER_COMMAND.CUSTOMER_SUPPORT,
    INNER_COMMAND.SYSTEM,
  ]
) FETCHED_BY_CLIENTS[command] = 1;

/** Flags without which a server of generation 2 ends its process on a message with a sync key. */
const GROUP_FLAGS_NEEDED = INNER_FLAG.PUSH | INNER_FLAG.SUPER_GROUP;

/** Decides what happens to each frame. */
export class Router {
  /** Who holds what. */
  readonly table: RouteTable;
  /** Route messages that went by the rules of generation 1, and of 2. */
  readonly byGeneration: Float64Array<ArrayBuffer> = new Float64Array(3);
  /** Frames that were not forwarded because servers could not read them back. */
  tooLarge = 0;
  /** Frames that were not forwarded because servers end their process on them. */
  poison = 0;
  /** Unknown commands with an empty body. */
  unknown = 0;
  /** Clear signs of the generation that is not configured. */
  otherGeneration = 0;

  readonly #generation: Generation;
  readonly #poisonGuard: boolean;
  readonly #subscriptionsMax: number;
  /** Which messages become push jobs. */
  readonly decisions: PushDecisions;
  readonly #outcome = new Outcome();
  readonly #seq = new SeqWatch();
  /** Connections that have been told of the other generation. */
  readonly #told = new Set<number>();

  /**
   * Makes a router that knows no connection yet.
   *
   * @param options what the rules depend on
   */
  constructor(options: RouterOptions) {
    this.#generation = options.generation;
    this.#poisonGuard = options.poisonGuard ?? true;
    this.#subscriptionsMax = options.subscriptionsPerConnectionMax ??
      SUBSCRIPTIONS_PER_CONNECTION_MAX;
    this.table = new RouteTable(options.hashSeed ?? 0);
    this.decisions = new PushDecisions(this.table, options);
  }

  /** The push jobs decided so far, in order; whoever takes them clears the batch. */
  get jobs(): JobBatch {
    return this.decisions.jobs;
  }

  /**
   * Takes in a connection.
   *
   * @returns its number, for {@linkcode Router.receive}
   */
  connect(): number {
    const connection = this.table.connect();
    this.#seq.reset(connection);
    return connection;
  }

  /** Forgets a connection; {@linkcode RouteTable.sweep} then frees what it held. */
  disconnect(connection: number): void {
    this.table.disconnect(connection);
    this.#told.delete(connection);
  }

  /**
   * Decides about one frame.
   *
   * @param from the connection it came from
   * @param bytes the buffer that holds it
   * @param view a view of the same buffer
   * @param start where its header begins
   * @param end where its body ends
   * @returns who gets a copy; valid until the next call. Jobs are behind those in {@linkcode Router.jobs}
   * @throws {ProtocolError} when the connection has to be closed; the frame moved counters then, and nothing else
   */
  receive(from: number, bytes: Uint8Array, view: DataView, start: number, end: number): Outcome {
    const outcome = this.#outcome;
    outcome.clear();
    const command = view.getUint8(start + 8);
    this.#seq.check(from, view.getInt32(start + 4));
    const body = start + HEADER_BYTES;
    switch (command) {
      case COMMAND.PUBLISH:
      case COMMAND.PUBLISH_GROUP:
      case COMMAND.PUBLISH_ROOM:
        this.#routeMessage(from, command, bytes, view, body, end);
        break;
      case COMMAND.SUBSCRIBE:
        this.#subscribe(from, view, body, end);
        break;
      case COMMAND.SUBSCRIBE_ROOM:
        this.#subscribeRoom(from, view, body, end);
        break;
      case COMMAND.UNSUBSCRIBE:
      case COMMAND.UNSUBSCRIBE_ROOM:
        this.#unsubscribe(from, command, view, body, end);
        break;
      case COMMAND.PUSH:
        if (this.#generation !== 1) this.decisions.batch(bytes, view, body, end);
        else this.#foreign(from, command, end - body);
        break;
      default:
        this.#foreign(from, command, end - body);
    }
    return outcome;
  }

  #subscribe(from: number, view: DataView, body: number, end: number): void {
    atLeast(SUBSCRIBE_BYTES_MIN, end - body);
    const online = view.getInt8(body + SUBSCRIPTION.ONLINE) === 0 ? 0 : 1;
    this.#hold(this.table.users, from, view, body, online);
  }

  #subscribeRoom(from: number, view: DataView, body: number, end: number): void {
    atLeast(SUBSCRIPTION_BYTES_MIN, end - body);
    this.#hold(this.table.rooms, from, view, body, 0);
  }

  #hold(
    table: RouteTable["users"],
    from: number,
    view: DataView,
    body: number,
    online: number,
  ): void {
    const app = body + SUBSCRIPTION.APPID;
    const id = body + SUBSCRIPTION.ID;
    const appHi = view.getInt32(app);
    const appLo = view.getInt32(app + 4);
    const idHi = view.getInt32(id);
    const idLo = view.getInt32(id + 4);
    const held = this.table.users.subscriptionsOf(from) + this.table.rooms.subscriptionsOf(from);
    const refused = held >= this.#subscriptionsMax && !table.holds(from, appHi, appLo, idHi, idLo);
    if (refused || !table.subscribe(from, appHi, appLo, idHi, idLo, online)) {
      throw new ProtocolError("too_many_subscriptions", `${held} subscriptions are held already`);
    }
  }

  #unsubscribe(from: number, command: number, view: DataView, body: number, end: number): void {
    atLeast(SUBSCRIPTION_BYTES_MIN, end - body);
    const app = body + SUBSCRIPTION.APPID;
    const id = body + SUBSCRIPTION.ID;
    const table = command === COMMAND.UNSUBSCRIBE ? this.table.users : this.table.rooms;
    table.unsubscribe(
      from,
      view.getInt32(app),
      view.getInt32(app + 4),
      view.getInt32(id),
      view.getInt32(id + 4),
    );
  }

  /** PUBLISH, PUBLISH_GROUP, PUBLISH_ROOM: finds the generation, then applies its rules. */
  #routeMessage(
    from: number,
    command: number,
    bytes: Uint8Array,
    view: DataView,
    body: number,
    end: number,
  ): void {
    const innerLength = innerBytes(view, body, end);
    const inner = body + ROUTE_MESSAGE.INNER;
    const sound = innerHeaderIsSound(view, inner, innerLength);
    // Servers of generation 2 take any inner frame: nobody asks where that generation is set.
    const parses = this.#generation !== 2 && sound && innerParsesInGeneration1(view, inner);
    const flag = innerLength < HEADER_BYTES ? 0 : view.getUint8(inner + 10);
    const msgidHi = view.getInt32(body + ROUTE_MESSAGE.MSGID);
    const hasMsgid = (msgidHi | view.getInt32(body + ROUTE_MESSAGE.MSGID + 4)) !== 0;
    const outcome = this.#outcome;
    outcome.bodyEnd = inner + innerLength;
    if (innerLength > INNER_BYTES_MAX) {
      outcome.notes |= NOTE.TOO_LARGE;
      this.tooLarge++;
    }
    const generation = this.#generation !== "auto"
      ? this.#generation
      : (flag & INNER_FLAG.PUSH) !== 0 || hasMsgid || sound && !parses
      ? 2
      : 1;
    this.byGeneration[generation]!++;
    if (generation === 1) {
      if (this.#generation === 1 && (flag & INNER_FLAG.PUSH) !== 0) this.#signOfOther(from);
      if (!parses) throw unparseable(command, view, inner, innerLength);
      this.#generation1(from, command, bytes, view, body, flag);
    } else {
      if (this.#generation === 2 && command === COMMAND.PUBLISH && sound) {
        const persistent = (flag & (INNER_FLAG.UNPERSISTENT | INNER_FLAG.PUSH)) === 0;
        if (persistent && view.getUint8(inner + 8) === INNER_COMMAND.IM) this.#signOfOther(from);
      }
      this.#generation2(from, command, view, body, flag, msgidHi >= 0 && hasMsgid);
    }
    if ((outcome.notes & NOTE.TOO_LARGE) !== 0) outcome.targetCount = 0;
  }

  #generation1(
    from: number,
    command: number,
    bytes: Uint8Array,
    view: DataView,
    body: number,
    flag: number,
  ): void {
    const innerCommand = view.getUint8(body + ROUTE_MESSAGE.INNER + 8);
    if (command === COMMAND.PUBLISH_ROOM) {
      this.#toHolders(this.table.rooms, from, view, body);
    } else if (command === COMMAND.PUBLISH_GROUP) {
      if (innerCommand === INNER_COMMAND.GROUP_IM) {
        this.decisions.group(bytes, view, body, this.#outcome.bodyEnd);
      }
      if (innerCommand === INNER_COMMAND.SYNC_GROUP_NOTIFY) this.#toEverybody(from);
    } else {
      this.#toHolders(this.table.users, from, view, body);
      if (!this.table.users.foundOnline) this.decisions.peer(innerCommand, bytes, view, body);
      const fetched = FETCHED_BY_CLIENTS[innerCommand] === 1;
      if (fetched && (flag & INNER_FLAG.UNPERSISTENT) === 0) this.#outcome.targetCount = 0;
    }
  }

  #generation2(
    from: number,
    command: number,
    view: DataView,
    body: number,
    flag: number,
    hasSyncKey: boolean,
  ): void {
    if (command === COMMAND.PUBLISH_ROOM) {
      this.#toHolders(this.table.rooms, from, view, body);
      return;
    }
    const needed = command === COMMAND.PUBLISH ? INNER_FLAG.PUSH : GROUP_FLAGS_NEEDED;
    if (hasSyncKey && (flag & needed) !== needed && this.#poisonGuard) {
      this.#outcome.notes |= NOTE.POISON;
      this.poison++;
    } else if (command === COMMAND.PUBLISH) {
      this.#toHolders(this.table.users, from, view, body);
    } else {
      this.#toEverybody(from);
    }
  }

  #toHolders(table: RouteTable["users"], from: number, view: DataView, body: number): void {
    const count = table.lookup(
      view.getInt32(body + ROUTE_MESSAGE.APPID),
      view.getInt32(body + ROUTE_MESSAGE.APPID + 4),
      view.getInt32(body + ROUTE_MESSAGE.RECEIVER),
      view.getInt32(body + ROUTE_MESSAGE.RECEIVER + 4),
    );
    this.#outcome.deliver(table.found, count, from);
  }

  #toEverybody(from: number): void {
    this.#outcome.deliver(this.table.connections, this.table.connectionCount, from);
  }

  /** A command that is not one of this generation's: a torn stream, or a server of the other generation. */
  #foreign(from: number, command: number, bodyBytes: number): void {
    if (command === COMMAND.PUSH) this.#signOfOther(from);
    if (bodyBytes > 0) {
      const hint = command === COMMAND.PUSH
        ? "; servers of generation 2 send it, and the setting `generation` is 1"
        : "";
      throw new ProtocolError(
        "unknown_command",
        `command ${command} with a body of ${bodyBytes} bytes${hint}`,
      );
    }
    this.#outcome.notes |= NOTE.UNKNOWN_COMMAND;
    this.unknown++;
  }

  #signOfOther(from: number): void {
    this.otherGeneration++;
    if (this.#told.has(from)) return;
    this.#told.add(from);
    this.#outcome.notes |= NOTE.OTHER_GENERATION;
  }
}

function atLeast(min: number, bodyBytes: number): void {
  if (bodyBytes < min) {
    throw new ProtocolError("malformed_body", `body of ${bodyBytes} bytes is under ${min}`);
  }
}

/** Every server of generation 1 that got it would drop its link, with all its users. */
function unparseable(
  command: number,
  view: DataView,
  inner: number,
  length: number,
): ProtocolError {
  const innerCommand = length < HEADER_BYTES ? "none" : view.getUint8(inner + 8);
  return new ProtocolError(
    "unparseable_inner",
    `${
      commandName(command)
    } with an inner frame (command ${innerCommand}, ${length} bytes) that servers of generation 1 cannot parse`,
  );
}
