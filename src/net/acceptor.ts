/**
 * Accepts connections for as long as the listener is open. Errors of accept, such as having no file descriptors left, are survived:
 * dials wait in the kernel's queue meanwhile.
 *
 * @module
 */

import type { Log } from "../log.ts";
import type { Server } from "./server.ts";
import type { SocketOptions } from "./socket_options.ts";
import { TcpTransport } from "./tcp_transport.ts";

const PAUSE_MS = 100;

/**
 * Hands every accepted connection to a server.
 *
 * @param listener closing it ends the accepting
 * @param server who takes the connections
 * @param options undefined where FFI is not allowed
 * @param log where failures go
 * @returns settles when the listener is closed
 */
export async function acceptAll(
  listener: Deno.TcpListener,
  server: Server,
  options: SocketOptions | undefined,
  log: Log,
): Promise<void> {
  for (;;) {
    try {
      const conn = await listener.accept();
      server.attach(new TcpTransport(conn, options)).catch(reportError); // a bug: ends the process
    } catch (error) {
      if (error instanceof Deno.errors.BadResource) return; // closed
      if (error instanceof Deno.errors.Interrupted) return; // closed while accepting
      if (!(error instanceof Error) || !isOfTheSystem(error)) throw error;
      server.counters.acceptErrors++;
      const pauseMs = isGone(error) ? 0 : PAUSE_MS;
      const level = pauseMs === 0 ? "warning" : "error";
      log(level, "accept failed", { error: error.message, next_try_ms: pauseMs });
      if (pauseMs === 0) continue;
      const { promise, resolve } = Promise.withResolvers<void>();
      setTimeout(resolve, pauseMs);
      await promise;
    }
  }
}

/** The peer reset its connection while it waited in the kernel's queue, as health checks do; those behind it may be well. */
function isGone(error: Error): boolean {
  return error instanceof Deno.errors.NotConnected ||
    error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.ConnectionAborted;
}

/** What the operating system says has a code, or is one of Deno's own kinds. */
function isOfTheSystem(error: Error): boolean {
  return "code" in error || Object.values(Deno.errors).some((kind) => error instanceof kind);
}
