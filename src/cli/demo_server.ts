/**
 * An IM server as the demo plays it: one connection to the router, on which it sends frames and waits for messages to arrive.
 *
 * @module
 */

import { formatListenAddress, type ListenAddress } from "../config/settings.ts";
import { encodeFrame, FrameDecoder, HEADER_BYTES } from "../wire/frame.ts";
import { ProtocolError } from "../wire/protocol_error.ts";
import { innerBytes, ROUTE_MESSAGE } from "../wire/route_message.ts";
import { type DemoDeadline, StepFailed } from "./demo_deadline.ts";

const READ_BYTES = 16 * 1024;

/** What a server waits for. */
interface Awaited {
  readonly inner: Uint8Array;
  readonly arrived: PromiseWithResolvers<void>;
}

/** One of the demo's two IM servers. */
export class DemoServer implements AsyncDisposable {
  readonly #name: string;
  readonly #conn: Deno.TcpConn;
  readonly #deadline: DemoDeadline;
  readonly #reading: Promise<void>;
  #awaited: Awaited | null = null;
  #ended: string | null = null;
  #seq = 0;

  private constructor(name: string, conn: Deno.TcpConn, deadline: DemoDeadline) {
    this.#name = name;
    this.#conn = conn;
    this.#deadline = deadline;
    this.#reading = this.#read();
  }

  /**
   * Connects to the router.
   *
   * @param name what the text calls this server
   * @param address where the router listens
   * @param deadline bounds every wait
   * @throws {StepFailed} when nothing listens there
   */
  static async connect(
    name: string,
    address: ListenAddress,
    deadline: DemoDeadline,
  ): Promise<DemoServer> {
    const where = formatListenAddress(address);
    const { hostname, port } = address;
    const dial = (signal: AbortSignal) =>
      Deno.connect({ hostname, port, signal }).catch((error: unknown) => {
        const why = error instanceof Deno.errors.ConnectionRefused ? "" : ` (${error})`;
        throw new StepFailed(
          `No router listens on ${where}${why}. ` +
            `Start one in another terminal with \`imr --listen ${where}\`, then try again.`,
        );
      });
    const conn = await deadline.within(dial, `Nothing answered on ${where}`);
    conn.setNoDelay(true);
    return new DemoServer(name, conn, deadline);
  }

  /**
   * Sends one frame.
   *
   * @param command the frame's command
   * @param body the frame's body
   * @throws {StepFailed} when the connection has ended
   */
  async send(command: number, body: Uint8Array): Promise<void> {
    const frame = encodeFrame({ command, seq: ++this.#seq, body });
    try {
      for (let at = 0; at < frame.length;) at += await this.#conn.write(frame.subarray(at));
    } catch (error) {
      throw new StepFailed(this.#ended ?? `Sending to the router failed: ${error}.`);
    }
  }

  /**
   * Waits for a message. One call at a time.
   *
   * @param inner the inner frame, which has to arrive byte for byte
   * @param complaint what to say when it does not, without the time and the full stop
   * @throws {StepFailed} when it does not arrive in time, or the connection ends
   */
  async arrival(inner: Uint8Array, complaint: string): Promise<void> {
    if (this.#ended !== null) throw new StepFailed(this.#ended);
    const arrived = Promise.withResolvers<void>();
    this.#awaited = { inner, arrived };
    try {
      await this.#deadline.within(() => arrived.promise, complaint);
    } finally {
      this.#awaited = null;
    }
  }

  async #read(): Promise<void> {
    let ended = `The router closed the connection of server ${this.#name}.`;
    try {
      const decoder = new FrameDecoder();
      const buffer = new Uint8Array(READ_BYTES);
      for (let n; (n = await this.#conn.read(buffer)) !== null;) {
        decoder.push(buffer.subarray(0, n));
        while (decoder.next()) this.#receive(decoder);
      }
    } catch (error) {
      // Whatever ends the connection ends the demo, and is told there.
      ended = error instanceof ProtocolError
        ? `What answers there is not an IM router (${error.message}).`
        : `The connection of server ${this.#name} ended: ${error}.`;
    }
    this.#ended = ended;
    this.#awaited?.arrived.reject(new StepFailed(ended));
  }

  #receive({ view, bytes, start, end }: FrameDecoder): void {
    const body = start + HEADER_BYTES;
    const inner = body + ROUTE_MESSAGE.INNER;
    const received = bytes.subarray(inner, inner + innerBytes(view, body, end));
    if (this.#awaited !== null && equal(received, this.#awaited.inner)) {
      this.#awaited.arrived.resolve();
    }
  }

  /** Disconnects. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#conn[Symbol.dispose]();
    await this.#reading;
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
