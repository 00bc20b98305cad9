/**
 * Requests that take their time, as they wait or write much: each ends when its client goes, and all end when the port closes.
 *
 * @module
 */

/** A request under way; disposing it says that it is answered. */
export interface OpenRequest extends Disposable {
  /** Fires when nobody wants the answer any more; once, and not after the request was disposed. */
  readonly signal: AbortSignal;
}

/** The requests under way. */
export class OpenRequests {
  readonly #requests = new Set<AbortController>();
  #closed = false;

  /** How many there are. */
  get count(): number {
    return this.#requests.size;
  }

  /**
   * Takes in a request.
   *
   * @param gone fires when its client has gone
   */
  open(gone: AbortSignal): OpenRequest {
    const request = new AbortController();
    const onGone = () => request.abort();
    if (gone.aborted || this.#closed) onGone();
    gone.addEventListener("abort", onGone);
    this.#requests.add(request);
    return {
      signal: request.signal,
      [Symbol.dispose]: () => {
        this.#requests.delete(request);
        gone.removeEventListener("abort", onGone);
      },
    };
  }

  /** Ends all, and all that come. May be called twice. */
  close(): void {
    this.#closed = true;
    for (const request of this.#requests) request.abort();
  }
}
