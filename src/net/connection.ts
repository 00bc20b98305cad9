/**
 * One IM server's connection: reads its frames, holds its outbox, notices when it stalls, and ends once.
 *
 * @module
 */

import { FrameDecoder } from "../wire/frame.ts";
import { ProtocolError, type ProtocolReason } from "../wire/protocol_error.ts";
import { Outbox } from "./outbox.ts";
import { type Transport, TransportError, type TransportReason } from "./transport.ts";

/** Why a connection ended; also the `reason` label of the metrics. */
export type CloseReason =
  | ProtocolReason
  | TransportReason
  | "peer_closed"
  | "ended_mid_frame"
  | "outbox_full"
  | "stalled"
  | "unfinished_frame"
  | "too_many_connections"
  | "not_allowed"
  | "shutdown";

/** What a connection needs of the server that holds it. */
export interface ConnectionHost {
  /** Routes the frame on which the connection's decoder stands; true asks to stop for a moment in the middle of the chunk. */
  readonly onFrame: (connection: Connection) => boolean;
  /** Called when a chunk's frames are routed, or a part of them; a promise asks to pause until it settles. */
  readonly afterFrames: (connection: Connection) => Promise<void> | undefined;
  /** Called once, as soon as the connection holds nothing any more and gets nothing new. */
  readonly onLeave: (connection: Connection) => void;
  /** Called once, when it is over: what was sent to it before is sent or dropped. */
  readonly onEnd: (connection: Connection, reason: CloseReason, detail: string) => void;
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
}

/** Bounds of one connection. */
export interface ConnectionLimits {
  /** The longest frame body that is read, in bytes. */
  readonly frameBytesMax: number;
  /** How long a peer may acknowledge nothing of what waits for it, in milliseconds. */
  readonly stallMs: number;
  /** How long a frame may stay unfinished, in milliseconds. */
  readonly unfinishedFrameMs: number;
}

/** What is sent to a peer that has ended its side gets so long to leave, in milliseconds. */
const LINGER_MS = 3_000;
/** A peer that has acknowledged nothing for so long is not waited for at the end, in milliseconds. */
const FROZEN_MS = 2_000;
/** A burst of subscriptions has at least so many in a second; a trickle must not put off the stall clock for ever. */
const BURST_FRAMES = 100;
/** The kernel's own time-out is later than ours, which has a better name for it. */
const GIVE_UP_MORE_MS = 2_000;

/** A connection, from accept to end. */
export class Connection {
  /** Cuts what comes in into frames. */
  readonly decoder: FrameDecoder;
  /** What goes out. */
  readonly outbox: Outbox;
  /** When it was accepted. */
  readonly openedAt: number;
  /** Bytes received. */
  bytesIn = 0;
  /** Frames received. */
  framesIn = 0;
  /** Of these, frames other than subscriptions; its host counts them. */
  messagesIn = 0;
  /** Whether an unknown command was logged; further ones are only counted. */
  saidUnknown = false;

  readonly #host: ConnectionHost;
  readonly #limits: ConnectionLimits;
  #closed = false;
  /** Whether routing stopped in the middle of a chunk. */
  #interrupted = false;
  /** Until its first burst of subscriptions has ended a server does not read. */
  #subscribing = true;
  #framesSeen = 0;
  #acknowledged = 0;
  #acknowledgedAt: number;
  #unfinishedSince: number | undefined;

  /**
   * Takes over a transport; {@linkcode Connection.run} reads from it.
   *
   * @param number its number in the route table
   * @param transport its bytes
   * @param host who routes its frames
   * @param limits its bounds
   */
  constructor(
    readonly number: number,
    readonly transport: Transport,
    host: ConnectionHost,
    limits: ConnectionLimits,
  ) {
    this.#host = host;
    this.#limits = limits;
    this.decoder = new FrameDecoder(limits.frameBytesMax);
    this.openedAt = this.#acknowledgedAt = host.now();
    this.outbox = new Outbox(transport, {
      onFailure: (error) => this.#onBroken(transport.failure(error)),
      now: host.now,
    });
  }

  /** Whether it has ended. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Whether something waits for the peer and it has acknowledged nothing for a while; to the grain of
   * {@linkcode Connection.check}.
   *
   * @param now the host's clock
   */
  isFrozen(now: number): boolean {
    return this.outbox.waitingBytes > 0 && now - this.#acknowledgedAt >= FROZEN_MS;
  }

  /** Reads and routes until the connection ends. Never throws for what a peer or the network does. */
  async run(): Promise<void> {
    try {
      for await (const chunk of this.transport.chunks()) {
        if (this.#closed) return;
        this.bytesIn += chunk.length;
        this.decoder.push(chunk);
        do {
          const pause = this.#route();
          if (pause !== undefined) await pause;
          if (this.#closed) return;
        } while (this.#interrupted);
      }
      await this.#peerEnded();
    } catch (error) {
      this.#onBroken(error);
    }
  }

  /**
   * Ends the connection; does nothing when it has ended.
   *
   * @param reason why
   * @param detail more for the log
   */
  close(reason: CloseReason, detail = ""): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#host.onLeave(this);
    this.#end(reason, detail);
  }

  /** Sends what waits, then ends our side; goes on reading. */
  async halfClose(): Promise<void> {
    await this.outbox.end();
    if (!this.#closed) await this.transport.closeWrite();
  }

  /**
   * Looks whether the peer takes what is sent, and finishes what it began to send. To be called about once a second.
   *
   * @param now the host's clock
   */
  check(now: number): void {
    if (this.#closed) return;
    this.#checkFrame(now);
    this.#checkSubscribing();
    const unacknowledged = this.transport.unacknowledgedBytes() ?? 0;
    const acknowledged = this.outbox.sentBytes - unacknowledged;
    const nothingWaits = this.outbox.waitingBytes === 0 && unacknowledged === 0;
    if (nothingWaits || this.#subscribing || acknowledged !== this.#acknowledged) {
      this.#acknowledged = acknowledged;
      this.#acknowledgedAt = now;
    } else if (now - this.#acknowledgedAt >= this.#limits.stallMs) {
      this.close(
        "stalled",
        `nothing acknowledged for ${Math.round(now - this.#acknowledgedAt)} ms`,
      );
    }
  }

  /** Routes frames of the chunk; those ahead of a bad one are routed, and what they caused is carried out. */
  #route(): Promise<void> | undefined {
    const decoder = this.decoder;
    let pause: Promise<void> | undefined;
    this.#interrupted = false;
    try {
      while (!this.#interrupted && decoder.next()) {
        this.framesIn++;
        this.#interrupted = this.#host.onFrame(this);
      }
    } finally {
      pause = this.#host.afterFrames(this);
    }
    return pause;
  }

  /** The peer has ended its side. It holds nothing any more; what was sent to it before still goes out. */
  async #peerEnded(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#host.onLeave(this);
    const timer = setTimeout(() => this.outbox.close(), LINGER_MS);
    await this.outbox.end();
    clearTimeout(timer);
    const held = this.decoder.heldBytes;
    if (held > 0) this.#end("ended_mid_frame", `${held} bytes of a frame`);
    else this.#end("peer_closed", "");
  }

  #end(reason: CloseReason, detail: string): void {
    this.outbox.close();
    this.#host.onEnd(this, reason, detail);
    this.transport.close();
  }

  #onBroken(error: unknown): void {
    if (error instanceof ProtocolError) this.close(error.reason, error.message);
    else if (error instanceof TransportError) this.close(error.reason, error.message);
    else throw error; // a bug, which ends the process
  }

  #checkFrame(now: number): void {
    const progressed = this.framesIn !== this.#framesSeen;
    if (this.decoder.heldBytes === 0) this.#unfinishedSince = undefined;
    else if (this.#unfinishedSince === undefined || progressed) this.#unfinishedSince = now;
    else if (now - this.#unfinishedSince >= this.#limits.unfinishedFrameMs) {
      this.close("unfinished_frame", `${this.decoder.heldBytes} bytes of a frame`);
    }
  }

  #checkSubscribing(): void {
    const quiet = this.framesIn - this.#framesSeen < BURST_FRAMES;
    this.#framesSeen = this.framesIn;
    if (this.#subscribing && (quiet || this.messagesIn > 0)) {
      this.#subscribing = false;
      this.transport.giveUpAfter(this.#limits.stallMs + GIVE_UP_MORE_MS);
    }
  }
}
