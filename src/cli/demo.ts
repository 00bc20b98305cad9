/**
 * `imr demo`: plays two IM servers against a running router and tells, in a few lines, what was sent and what arrived.
 *
 * It is harmless on a router at work. All it does is in an app of its own, {@linkcode DEMO_APPID}, and ends with its connections;
 * nothing else sees its messages. Only the push job outlives them, and it can be shown only by taking it from the queue: so that
 * step is left out, before its message is sent, unless the router's metrics say that the queue is the router's own, is empty, and
 * has no worker waiting at it. A job of somebody else that comes just then is not acknowledged, and so returns to the queue. A
 * router inside the demo would be safer still, but would show nothing of the one that the reader has just started.
 *
 * @module
 */

import { formatListenAddress, type ListenAddress } from "../config/settings.ts";
import { COMMAND, INNER_COMMAND, INNER_FLAG } from "../wire/command.ts";
import { encodeFrame } from "../wire/frame.ts";
import { encodeRouteMessage } from "../wire/route_message.ts";
import { encodeSubscription } from "../wire/subscription.ts";
import { DemoDeadline, StepFailed } from "./demo_deadline.ts";
import { DemoQueue } from "./demo_queue.ts";
import { DemoServer } from "./demo_server.ts";

/** The app in which everything happens. */
export const DEMO_APPID = 424_242n;

const STEP_MS_MAX = 5_000;
const PROBE_PAUSE_MS = 20;
const LIST = "push_queue";
const USER_OF_A = 1n;
const USER_OF_B = 2n;
const USER_AWAY = 3n;
const ROOM = 9n;

/** What a demo needs. */
export interface DemoOptions {
  /** Where the router listens for IM servers. */
  readonly listen: ListenAddress;
  /** Where it serves HTTP; null leaves the push job out. */
  readonly http: ListenAddress | null;
  /** Takes the text, line by line, without newlines. */
  readonly write: (line: string) => void;
  /** Ends the demo early. */
  readonly signal?: AbortSignal;
  /** The longest that one step may take, in milliseconds; 5,000 when left out. */
  readonly stepMs?: number;
}

/**
 * Runs the demo. Whatever the router does or fails to do is told, not thrown.
 *
 * @param options where the router is, and where the text goes
 * @returns whether everything arrived that had to
 */
export async function demo(options: DemoOptions): Promise<boolean> {
  const { listen, http, write } = options;
  const deadline = new DemoDeadline(options.stepMs ?? STEP_MS_MAX, options.signal);
  const queue = http === null ? null : new DemoQueue(http, LIST, deadline);
  try {
    await using a = await DemoServer.connect("A", listen, deadline);
    await using b = await DemoServer.connect("B", listen, deadline);
    write(
      `Two IM servers, A and B, are connected to the router at ${formatListenAddress(listen)}.`,
    );
    write("");
    await subscribe(a, b, write);
    await toUser(a, b, write);
    await toRoom(a, b, write);
    const whole = await toUserAway(a, queue, write);
    write("");
    const result = whole ? "All of it worked." : "The rest worked.";
    write(`${result} A and B disconnect, and the router forgets their users.`);
    return true;
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error;
    write(error.message);
    return false;
  }
}

type Write = DemoOptions["write"];

async function subscribe(a: DemoServer, b: DemoServer, write: Write): Promise<void> {
  for (const [server, user] of [[a, USER_OF_A], [b, USER_OF_B]] as const) {
    await server.send(COMMAND.SUBSCRIBE_ROOM, encodeSubscription(DEMO_APPID, ROOM));
    await server.send(COMMAND.SUBSCRIBE, encodeSubscription(DEMO_APPID, user, 1));
  }
  await probe(a, b, USER_OF_B);
  await probe(b, a, USER_OF_A);
  write("  subscribe   A holds user 1 and room 9, B holds user 2 and room 9.");
}

/** Nothing answers a subscription: that it counts shows when a message to its user arrives. */
async function probe(from: DemoServer, to: DemoServer, user: bigint): Promise<void> {
  const inner = innerMessage(INNER_COMMAND.RT, 0, USER_AWAY, user, "probe");
  const arrived = to.arrival(inner, "The subscriptions did not take effect");
  for (let came = false; !came;) {
    const sent = from.send(COMMAND.PUBLISH, routeMessage(user, inner));
    [came] = await Promise.all([happensWithin(arrived, PROBE_PAUSE_MS), sent]);
  }
}

async function happensWithin(event: Promise<void>, ms: number): Promise<boolean> {
  const late = Promise.withResolvers<false>();
  const timer = setTimeout(() => late.resolve(false), ms);
  try {
    return await Promise.race([event.then(() => true), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

async function toUser(a: DemoServer, b: DemoServer, write: Write): Promise<void> {
  const flag = INNER_FLAG.UNPERSISTENT;
  const inner = innerMessage(INNER_COMMAND.IM, flag, USER_OF_A, USER_OF_B, "hello");
  write('  to a user   A sends "hello" from user 1 to user 2.');
  const arrived = b.arrival(inner, "The message did not arrive at B");
  const ms = await timed(() => a.send(COMMAND.PUBLISH, routeMessage(USER_OF_B, inner)), arrived);
  write(`              It arrived at B, which holds user 2, after ${ms} ms.`);
}

async function toRoom(a: DemoServer, b: DemoServer, write: Write): Promise<void> {
  const inner = innerMessage(INNER_COMMAND.ROOM_IM, 0, USER_OF_B, ROOM, "hi, all");
  write('  to a room   B sends "hi, all" from user 2 to room 9.');
  const arrived = a.arrival(inner, "The room message did not arrive at A");
  const ms = await timed(() => b.send(COMMAND.PUBLISH_ROOM, routeMessage(ROOM, inner)), arrived);
  write(`              It arrived at A after ${ms} ms. B, which sent it, does not get it back.`);
}

/**
 * By the rules of generation 1, which a router that tells by itself sees in a message without msgid and push flag. Returns false
 * when the step had to be left out.
 */
async function toUserAway(a: DemoServer, queue: DemoQueue | null, write: Write): Promise<boolean> {
  const obstacle = queue === null
    ? "the push queue is seen over HTTP alone"
    : await queue.obstacle();
  if (queue === null || obstacle !== null) {
    write(`  to nobody   Left out, as ${obstacle}.`);
    return false;
  }
  const inner = innerMessage(INNER_COMMAND.IM, 0, USER_OF_A, USER_AWAY, "call me");
  write('  to nobody   A sends "call me" from user 1 to user 3, who is online nowhere.');
  await a.send(COMMAND.PUBLISH, routeMessage(USER_AWAY, inner));
  const payload = await queue.takeOwn((payload) => payload.startsWith(`{"appid":${DEMO_APPID},`));
  write(`              It became a push job in ${LIST}, for a push worker to wake a phone:`);
  write(`              ${payload}`);
  write("              The demo took the job and acknowledged it, as a push worker does.");
  return true;
}

/** Milliseconds from the first byte to the arrival. */
async function timed(send: () => Promise<void>, arrived: Promise<void>): Promise<string> {
  const start = performance.now();
  await Promise.all([send(), arrived]);
  return (performance.now() - start).toFixed(1);
}

function routeMessage(receiver: bigint, inner: Uint8Array): Uint8Array {
  const timestamp = BigInt(Date.now()) * 1_000_000n;
  return encodeRouteMessage({ appid: DEMO_APPID, receiver, timestamp, inner });
}

/** IM has a timestamp and a msgid before its content, the others have not. */
function innerMessage(
  command: number,
  flag: number,
  sender: bigint,
  receiver: bigint,
  text: string,
): Uint8Array {
  const content = new TextEncoder().encode(text);
  const at = command === INNER_COMMAND.IM ? 24 : 16;
  const body = new Uint8Array(at + content.length);
  const view = new DataView(body.buffer);
  view.setBigInt64(0, sender);
  view.setBigInt64(8, receiver);
  body.set(content, at);
  return encodeFrame({ command, version: 1, flag, body });
}
