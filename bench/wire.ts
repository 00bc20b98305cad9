/**
 * What the load needs of a protocol, so that the same messages can go through a router of the family and through a NATS server.
 *
 * @module
 */

/** Takes what a connection received. */
export interface DeliverySink {
  /**
   * One delivered message.
   *
   * @param view the buffer, valid until the call returns
   * @param at where the route message begins
   * @param end where it ends
   */
  delivery(view: DataView, at: number, end: number): void;
  /** Bytes that must be sent back soon. */
  answer(bytes: Uint8Array<ArrayBuffer>): void;
  /** The stream is not what it must be. */
  fault(what: string): void;
}

/** Cuts the byte stream of one connection into deliveries. */
export interface Inbound {
  /**
   * Takes the next chunk.
   *
   * @param chunk any cut of the stream, valid until the call returns
   */
  feed(chunk: Uint8Array): void;
}

/** A protocol: how a message is wrapped, how a user or room is subscribed, how deliveries come back. */
export interface Wire {
  /** Bytes of a wrapped message. */
  readonly slotBytes: number;
  /** Where the route message begins in them. */
  readonly messageAt: number;
  /** At least the bytes of a subscription. */
  readonly subscriptionBytesMax: number;
  /** Sent first on each connection; may be empty. */
  readonly hello: Uint8Array<ArrayBuffer>;

  /**
   * Writes what is the same in all wrapped messages, around the route message.
   *
   * @param slot `slotBytes` long
   * @param room whether it goes to a room
   */
  prepare(slot: Uint8Array, room: boolean): void;

  /**
   * Fills in what differs.
   *
   * @param view the buffer
   * @param at where the slot begins
   * @param seq the frame's number on its connection
   * @param id the user or room
   */
  address(view: DataView, at: number, seq: number, id: number): void;

  /**
   * Writes a subscription.
   *
   * @param view the buffer, with space for `subscriptionBytesMax`
   * @param at where it begins
   * @param seq the frame's number on its connection
   * @param id the user or room
   * @param room whether it is a room
   * @returns where it ends
   */
  subscribe(view: DataView, at: number, seq: number, id: number, room: boolean): number;

  /** A reader for one connection. */
  inbound(sink: DeliverySink): Inbound;
}
