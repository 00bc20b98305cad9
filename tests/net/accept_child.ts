// A router's port in a process of its own, for a test that takes its file descriptors away. Prints its address and then each
// log line as JSON; a line on its standard input asks for the number of its file descriptors, and the end of it ends the process.
import type { Log } from "../../src/log.ts";
import { acceptAll } from "../../src/net/acceptor.ts";
import { Server } from "../../src/net/server.ts";
import { SocketOptions } from "../../src/net/socket_options.ts";
import { Router } from "../../src/router/router.ts";
import { openFds } from "./system_calls.ts";

const encoder = new TextEncoder();

/** One line; short enough for a pipe to take whole. */
function print(line: unknown): void {
  Deno.stdout.writeSync(encoder.encode(`${JSON.stringify(line)}\n`));
}

const log: Log = (level, event, fields) => print({ level, event, fields });
const server = new Server({ router: new Router({ generation: 2 }), push: () => undefined, log });
const { options } = SocketOptions.open();
const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
const accepting = acceptAll(listener, server, options, log);
print({ port: listener.addr.port });

const byte = new Uint8Array(1);
while (await Deno.stdin.read(byte) !== null) {
  print({ fds: openFds(), acceptErrors: server.counters.acceptErrors });
}
listener.close();
await accepting;
await server.stop(0, 0);
options?.close();
print({ fds: openFds(), acceptErrors: server.counters.acceptErrors });
