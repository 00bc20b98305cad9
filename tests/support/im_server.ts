/**
 * One connection of an IM server to a real router: frames in the sequence that servers count, and what comes back.
 *
 * @module
 */

import { FrameDecoder } from "../../src/wire/frame.ts";
import { withSeq } from "./wire_frames.ts";

/** The connection. */
export class ImServer implements AsyncDisposable {
  /** Frames received so far, whole. */
  readonly received: Uint8Array[] = [];
  readonly #conn: Deno.TcpConn;
  readonly #reading: Promise<void>;
  #seq = 0;

  private constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
    this.#reading = this.#read();
  }

  /** Connects to a router on 127.0.0.1. */
  static async connect(port: number): Promise<ImServer> {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    conn.setNoDelay(true);
    return new ImServer(conn);
  }

  /** Sends frames, whose seq is set here. */
  async send(...frames: readonly Uint8Array[]): Promise<void> {
    for (const frame of frames) {
      const bytes = withSeq(frame, ++this.#seq);
      for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#conn[Symbol.dispose]();
    await this.#reading;
  }

  async #read(): Promise<void> {
    const decoder = new FrameDecoder();
    const buffer = new Uint8Array(64 << 10);
    try {
      for (let n; (n = await this.#conn.read(buffer)) !== null;) {
        decoder.push(buffer.subarray(0, n));
        while (decoder.next()) {
          this.received.push(decoder.bytes.slice(decoder.start, decoder.end));
        }
      }
    } catch (error) {
      const isEnd = error instanceof Deno.errors.Interrupted ||
        error instanceof Deno.errors.BadResource || error instanceof Deno.errors.ConnectionReset;
      if (!isEnd) throw error;
    }
  }
}
