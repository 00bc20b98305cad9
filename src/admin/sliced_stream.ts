/**
 * A long text as a stream, written in slices of a millisecond between which others have their turn. Nothing is written that the
 * client does not take.
 *
 * @module
 */

/** What a writer needs to know of the stream that it writes. */
export interface Slices {
  /** Whether nobody wants the rest any more; to be looked at after each pause. */
  readonly isOver: boolean;

  /**
   * Lets others work when the slice is over. To be called after each piece of work that takes a fraction of a slice.
   *
   * @returns what to wait for; undefined when the slice is not over yet
   */
  pause(): Promise<void> | undefined;
}

/** Writes a text, chunk by chunk: work is done when the next one is asked for. */
export type ChunkWriter = (slices: Slices) => AsyncGenerator<Uint8Array>;

/** Work is done for so long in one go, in milliseconds. */
const SLICE_MS = 1;
/** Then others have their turn. Not 0: Deno runs several timers of 0 ms one after another before it looks at a socket again. */
const PAUSE_MS = 1;

/** A stream of what a writer writes. */
export class SlicedStream implements Slices {
  readonly #onEnd: (bug?: unknown) => void;
  readonly #now: () => number;
  #chunks: AsyncGenerator<Uint8Array> | undefined;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #sliceBegan: number;
  #isOver = false;

  /**
   * Makes a stream that has not begun.
   *
   * @param write writes it
   * @param onEnd called once, when all is written or it is given up; with an error when that was for a bug
   * @param now milliseconds; measures the slices
   */
  constructor(
    write: ChunkWriter,
    onEnd: (bug?: unknown) => void,
    now: () => number = () => performance.now(),
  ) {
    this.#onEnd = onEnd;
    this.#now = now;
    this.#sliceBegan = now();
    this.#chunks = write(this);
  }

  /** Whether it is written or given up. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** The text, to be read once. Work is done when it is read, and ends when it is cancelled. */
  stream(): ReadableStream<Uint8Array> {
    return new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: (controller) => this.#pull(controller),
      cancel: () => this.#end(),
    }, { highWaterMark: 0 });
  }

  /** Gives up: the stream breaks off with an error. Does nothing when it has ended. */
  stop(reason: string): void {
    if (this.#isOver) return;
    this.#end();
    this.#controller?.error(new Error(reason));
  }

  /** Lets others work when the slice is over. */
  pause(): Promise<void> | undefined {
    if (this.#now() - this.#sliceBegan < SLICE_MS) return undefined;
    return new Promise((resolve) => {
      setTimeout(() => {
        this.#sliceBegan = this.#now();
        resolve();
      }, PAUSE_MS);
    });
  }

  async #pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    try {
      const next = await this.#chunks!.next();
      if (this.#isOver) return;
      if (!next.done) {
        controller.enqueue(next.value);
      } else {
        this.#end();
        controller.close();
      }
    } catch (error) {
      this.#end(error);
      throw error; // breaks the stream off
    }
  }

  #end(bug?: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#chunks = undefined; // and with it what was gathered
    this.#onEnd(bug);
  }
}
