/**
 * The little of a router that the demo needs, in the test's own process: forwards to users and rooms, and turns a message to a user
 * whom nobody holds into a push job that HTTP gives out.
 *
 * @module
 */

import { COMMAND } from "../../src/wire/command.ts";
import { encodeFrame, FrameDecoder, HEADER_BYTES } from "../../src/wire/frame.ts";
import { ROUTE_MESSAGE } from "../../src/wire/route_message.ts";

/** How the fake differs from a router that is well, idle and new. */
export interface FakeRouterOptions {
  /** Payloads that are in the queue already. */
  readonly jobs?: readonly string[];
  /** Push workers that wait at the queue. */
  readonly waitingTakes?: number;
  /** Whether a message to nobody becomes a job; true when left out. */
  readonly makesJobs?: boolean;
  /** What becomes of a frame; "forward" when left out. */
  readonly onFrame?: "forward" | "ignore" | "close";
  /** What is sent to each new connection. */
  readonly greeting?: Uint8Array;
}

/** A router for one test. */
export class FakeRouter implements AsyncDisposable {
  /** Payloads in the queue, by id. */
  readonly jobs = new Map<number, string>();
  /** The seq of each frame that came, by connection. */
  readonly seqs: number[][] = [];
  /** Paths of the HTTP requests. */
  readonly requests: string[] = [];
  /** Receivers of all messages to users. */
  readonly receivers: bigint[] = [];
  readonly #options: FakeRouterOptions;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #http: Deno.HttpServer<Deno.NetAddr>;
  readonly #conns: Deno.TcpConn[] = [];
  readonly #holders = new Map<string, Set<Deno.TcpConn>>();
  readonly #serving: Promise<void>;
  #nextJob = 1;

  constructor(options: FakeRouterOptions = {}) {
    this.#options = options;
    for (const payload of options.jobs ?? []) this.jobs.set(this.#nextJob++, payload);
    const quiet = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
    this.#http = Deno.serve(quiet, (request) => this.#answer(request));
    this.#serving = this.#accept();
  }

  /** Where it listens. */
  get listen(): { hostname: string; port: number } {
    return this.#listener.addr;
  }

  /** Where it serves HTTP. */
  get http(): { hostname: string; port: number } {
    return this.#http.addr;
  }

  async #accept(): Promise<void> {
    const serving: Promise<void>[] = [];
    for await (const conn of this.#listener) serving.push(this.#serve(conn));
    await Promise.all(serving);
  }

  async #serve(conn: Deno.TcpConn): Promise<void> {
    using _ = conn;
    this.#conns.push(conn);
    const seqs: number[] = [];
    this.seqs.push(seqs);
    if (this.#options.greeting !== undefined) await conn.write(this.#options.greeting);
    const decoder = new FrameDecoder();
    const buffer = new Uint8Array(4096);
    for (let n; (n = await conn.read(buffer).catch(() => null)) !== null;) {
      decoder.push(buffer.subarray(0, n));
      while (decoder.next()) {
        if (this.#options.onFrame === "close") return;
        const { view, bytes, start, end } = decoder;
        seqs.push(view.getInt32(start + 4));
        if (this.#options.onFrame === "ignore") continue;
        await this.#frame(conn, bytes.slice(start, end));
      }
    }
  }

  async #frame(from: Deno.TcpConn, frame: Uint8Array): Promise<void> {
    const view = new DataView(frame.buffer);
    const command = view.getUint8(8);
    const appid = view.getBigInt64(HEADER_BYTES);
    const id = view.getBigInt64(HEADER_BYTES + 8);
    const room = command === COMMAND.SUBSCRIBE_ROOM || command === COMMAND.PUBLISH_ROOM;
    const key = `${room ? "room" : "user"} ${appid} ${id}`;
    const holders = this.#holders.get(key) ?? new Set();
    if (command === COMMAND.SUBSCRIBE || command === COMMAND.SUBSCRIBE_ROOM) {
      this.#holders.set(key, holders.add(from));
      return;
    }
    if (command === COMMAND.PUBLISH) this.receivers.push(id);
    const toNobody = command === COMMAND.PUBLISH && holders.size === 0;
    if (toNobody && this.#options.makesJobs !== false) this.#push(appid, frame);
    const body = frame.subarray(HEADER_BYTES);
    for (const to of holders) if (to !== from) await to.write(encodeFrame({ command, body }));
  }

  #push(appid: bigint, frame: Uint8Array): void {
    const inner = new DataView(frame.buffer, HEADER_BYTES + ROUTE_MESSAGE.INNER + HEADER_BYTES);
    const content = new TextDecoder().decode(frame.subarray(inner.byteOffset + 24));
    const ids = `"receiver":${inner.getBigInt64(8)},"sender":${inner.getBigInt64(0)}`;
    this.jobs.set(this.#nextJob++, `{"appid":${appid},"content":"${content}",${ids}}`);
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    this.requests.push(pathname);
    if (pathname === "/metrics") {
      return new Response(
        `# TYPE imr_push_queue_jobs gauge\n` +
          `imr_push_queue_jobs{list="push_queue",state="waiting"} ${this.jobs.size}\n` +
          `imr_push_queue_jobs{list="push_queue",state="leased"} 0\n` +
          `imr_push_queue_jobs{list="group_push_queue",state="waiting"} 7\n` +
          `imr_push_queue_waiting_takes ${this.#options.waitingTakes ?? 0}\n`,
      );
    }
    if (request.headers.get("content-type") !== "application/json") {
      return new Response("wrong type", { status: 415 });
    }
    const order = await request.json();
    if (pathname === "/push/ack") {
      for (const id of order.ids) this.jobs.delete(id);
      return Response.json({});
    }
    return Response.json({ jobs: [...this.jobs].map(([id, payload]) => ({ id, payload })) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const conn of this.#conns) conn[Symbol.dispose]();
    await this.#serving;
    await this.#http.shutdown();
  }
}
