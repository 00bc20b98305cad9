/**
 * The admin port: listens, answers, and closes in bounded time.
 *
 * When accepting fails once, as for want of file descriptors, a web server in Deno stops listening and says so only after its last
 * connection has ended: so this looks once a second. What cannot be bounded in Deno 2.6 is how many connections there are and
 * how long a client takes over its headers; a port that is open to strangers belongs behind a proxy. Headers as such are
 * bounded (about 400 KB), and so is the URL (64 KB).
 *
 * @module
 */

import type { Log } from "../log.ts";
import { Access } from "./access.ts";
import type { AdminSources } from "./admin_sources.ts";
import { failure } from "./answer.ts";
import { adminApp, type HttpLimits } from "./http.ts";
import { Metrics } from "./metrics.ts";
import { OpenRequests } from "./open_requests.ts";
import { type TurnLimits, Turns } from "./turns.ts";

/** Bounds of the port; every field has a default. For long answers: turns at the same time, and the line for them. */
export interface AdminLimits extends HttpLimits, TurnLimits {
  /** How long requests get to end when the port closes, in milliseconds; then they are cut. */
  readonly closeMs: number;
}

/** The bounds unless told otherwise. */
export const ADMIN_LIMITS: AdminLimits = {
  bodyBytesMax: 64 << 10,
  bodyMs: 10_000,
  listMs: 120_000,
  turnsMax: 2,
  lineMax: 16,
  lineMs: 30_000,
  closeMs: 1_000,
};

/** What an admin port is made of. */
export interface AdminOptions {
  /** Where it listens: an IP address or a host name. */
  readonly hostname: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** What it shows. */
  readonly sources: AdminSources;
  /** Where events go. */
  readonly log: Log;
  /** What push workers, and who asks for a group, have to show; without one, only those on this machine are answered. */
  readonly token?: string | undefined;
  /** Bounds that differ from {@linkcode ADMIN_LIMITS}. */
  readonly limits?: Partial<AdminLimits>;
}

/** An admin port that listens. */
export interface AdminServer {
  /** Where it listens. */
  readonly addr: Deno.NetAddr;

  /**
   * Ends waits, stops listening, and ends what is under way; takes about `closeMs` at most. May be called twice.
   *
   * @returns settles when the port is free
   */
  close(): Promise<void>;
}

/** Time between two looks at whether the port still listens. */
const LOOK_MS = 1_000;
/** An answer counts as completed a moment before its last bytes are with the kernel. */
const FLUSH_MS = 20;

/**
 * Opens an admin port.
 *
 * @param options what it is made of
 * @throws {Deno.errors.AddrInUse} when the port is taken, and what else listening throws
 */
export function listenAdmin(options: AdminOptions): AdminServer {
  const limits = { ...ADMIN_LIMITS, ...options.limits };
  const metrics = new Metrics(options.sources);
  const open = new OpenRequests();
  const app = adminApp({
    sources: options.sources,
    metrics,
    access: new Access(options.hostname, options.token),
    open,
    turns: new Turns(limits),
    limits,
    log: options.log,
  });
  const port = new Port(options, (request, info) => app.fetch(request, info));
  metrics.eventLoop.start();
  return {
    addr: port.addr,
    close: async () => {
      metrics.eventLoop.stop();
      open.close();
      await port.close(limits.closeMs);
    },
  };
}

type Handler = (
  request: Request,
  info: Deno.ServeHandlerInfo<Deno.NetAddr>,
) => Response | Promise<Response>;

/** A web server that listens until it is told to end. */
class Port {
  readonly addr: Deno.NetAddr;
  readonly #handler: Handler;
  readonly #log: Log;
  readonly #cut = new AbortController();
  /** More than one only after a failure: one that listens, and others that have connections left. */
  readonly #servers = new Set<Promise<void>>();
  readonly #looking: number;
  #requests = 0;
  #closing = false;
  #onIdle: (() => void) | undefined;

  constructor({ hostname, port, log }: AdminOptions, handler: Handler) {
    this.#handler = handler;
    this.#log = log;
    this.addr = this.#serve(hostname, port);
    this.#looking = setInterval(this.#look, LOOK_MS);
    Deno.unrefTimer(this.#looking);
  }

  /**
   * Deno's own graceful shutdown waits for ever for a client that does not finish its request, and cannot be cut short once
   * begun. So the last requests are waited for here, and then all connections are cut.
   */
  async close(ms: number): Promise<void> {
    this.#closing = true;
    clearInterval(this.#looking);
    if (this.#requests > 0) await this.#pause(ms);
    await this.#pause(FLUSH_MS);
    this.#cut.abort();
    await Promise.all(this.#servers);
  }

  #serve(hostname: string, port: number): Deno.NetAddr {
    const server = Deno.serve({
      hostname,
      port,
      signal: this.#cut.signal,
      onListen: () => {}, // it would write to the console
      onError: () => failure(500, "internal error"),
    }, (request, info) => this.#answer(request, info));
    const ended = server.finished.catch((error) => {
      this.#log("error", "admin port failed", { error: String(error) });
    }).finally(() => this.#servers.delete(ended));
    this.#servers.add(ended);
    return server.addr;
  }

  /** Listens again when nobody listens on the port any more. */
  readonly #look = (): void => {
    const { hostname, port } = this.addr;
    try {
      Deno.listen({ hostname, port }).close();
      this.#serve(hostname, port);
      this.#log("warning", "admin port listens again after accept failed");
    } catch (error) {
      if (error instanceof Deno.errors.AddrInUse) return; // as it should be
      this.#log("error", "admin port cannot listen", { error: String(error) });
    }
  };

  #answer(
    request: Request,
    info: Deno.ServeHandlerInfo<Deno.NetAddr>,
  ): Response | Promise<Response> {
    if (this.#closing) return failure(503, "closing", { "connection": "close" });
    this.#requests++;
    info.completed.then(this.#onCompleted, this.#onCompleted); // either way it is over
    return this.#handler(request, info);
  }

  readonly #onCompleted = (): void => {
    if (--this.#requests === 0) this.#onIdle?.();
  };

  /** Waits for a time, or until no request is under way. */
  async #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#onIdle = resolve;
    await promise;
    clearTimeout(timer);
  }
}
