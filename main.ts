/**
 * The composition root of imr: arguments → settings → parts → serve until a signal. Every part is made here and handed what
 * it needs; none makes another.
 *
 * @module
 */

import { stop } from "./src/cli/stop_signals.ts"; // first, so that no signal is missed
import config from "./deno.json" with { type: "json" };
import { listenAdmin } from "./src/admin/listen_admin.ts";
import { parseArguments } from "./src/cli/arguments.ts";
import { demo } from "./src/cli/demo.ts";
import { spool } from "./src/cli/spool.ts";
import { readToken } from "./src/cli/token_file.ts";
import { opening, print, startBanner, startFailure } from "./src/cli/messages.ts";
import { configJson, configTemplate, configText } from "./src/cli/config.ts";
import { withoutGlogFlags } from "./src/cli/glog_flags.ts";
import { settingsOrExit } from "./src/cli/settings_or_exit.ts";
import type { Settings } from "./src/config/settings.ts";
import { openGroups } from "./src/groups/open_groups.ts";
import { WaitingPushes } from "./src/groups/waiting_pushes.ts";
import { type Log, startLog } from "./src/log.ts";
import { acceptAll } from "./src/net/acceptor.ts";
import { AllowList } from "./src/net/allow_list.ts";
import { Server } from "./src/net/server.ts";
import { SocketOptions } from "./src/net/socket_options.ts";
import { openPush } from "./src/push/open_push.ts";
import { Router } from "./src/router/router.ts";

const NO_GROUPS = { mysql: undefined, groupsFile: undefined };
const FLUSH_MS = 3_000, READ_MS = 5_000, PUSH_MS = 5_000;

const { args, taken } = withoutGlogFlags(Deno.args);
const command = parseArguments(args, `imr ${config.version}`);
const { name } = command;
if (name === "config" && command.action === "init") {
  print(configTemplate(config.version).trimEnd());
  Deno.exit(0);
}
const effective = settingsOrExit(command);
const { settings, warnings } = effective;
if (name === "config") {
  print(command.json ? configJson(effective) : configText(effective));
  Deno.exit(0);
}
if (name === "demo") {
  const { listen, http = null } = settings;
  Deno.exit(await demo({ listen, http, write: print, signal: stop }) ? 0 : 1);
}
if (name === "spool") Deno.exit(await spool(command, settings));
const { log, close: closeLog } = await startLog({
  format: Deno.stderr.isTerminal() ? "text" : "json",
  write: (bytes) => Deno.stderr.write(bytes),
});
for (const warning of warnings) log("warning", "configuration", { warning });
if (taken.length > 0) {
  log("warning", "options of glog have no effect", { options: taken.join(" ") });
}
const status = await serve(settings, log).catch((error) => startFailure(error, log));
await closeLog();
Deno.exit(status); // not by running dry: a write to a frozen peer may be pending for ever

/** Serves until a signal; returns the exit status. */
async function serve(settings: Settings, log: Log): Promise<number> {
  const { push, queue, redis, close } = await openPush(settings, log);
  const knowsGroups = settings.generation !== 2;
  if (!knowsGroups && settings.mysql !== undefined) {
    log("warning", "groups are not loaded: servers of generation 2 keep them to themselves");
  }
  const { mysql, groupsFile } = knowsGroups ? settings : NO_GROUPS;
  const groups = openGroups({ mysql, groupsFile, redis: settings.redis }, log);
  const { options, unavailable } = SocketOptions.open();
  if (unavailable !== undefined) log("warning", "socket options unavailable", { why: unavailable });
  const hashSeed = crypto.getRandomValues(new Int32Array(1))[0];
  const router = new Router({
    generation: settings.generation,
    isPushSystem: settings.isPushSystem,
    pushDisabled: settings.pushDisabled,
    poisonGuard: settings.poisonGuard,
    groups: groups.table,
    hashSeed,
  });
  const allowed = settings.allow && new AllowList(settings.allow);
  const server = new Server({ router, push: (jobs) => push.append(jobs), log, allowed });
  const { listen, http, tokenFile } = settings;
  const token = tokenFile === undefined ? undefined : readToken(tokenFile);
  const listener = opening("--listen", listen, () => Deno.listen(listen));
  const notReadyReasons = (): string[] => stop.aborted ? ["stopping"] : [];
  const { version } = config;
  const { keeper } = groups;
  const sources = { router, server, push, queue, redis, groups: keeper, version, notReadyReasons };
  const admin = http &&
    opening("--http", http, () => listenAdmin({ ...http, sources, log, token }));
  const accepting = acceptAll(listener, server, options, log);
  print(startBanner(settings, listener.addr, admin?.addr));
  const waiting = new WaitingPushes({
    decisions: router.decisions,
    push: (jobs) => push.append(jobs),
    log,
  });
  groups.start(() => waiting.decide());
  // A signal may have come before this.
  if (!stop.aborted) {
    await new Promise((resolve) => stop.addEventListener("abort", resolve, { once: true }));
  }

  log("info", "stopping", { signal: String(stop.reason) });
  listener.close();
  await accepting;
  await server.stop(FLUSH_MS, READ_MS);
  const undecided = await waiting.close(AbortSignal.timeout(PUSH_MS));
  await groups.close();
  const lost = await close(AbortSignal.timeout(PUSH_MS));
  await admin?.close();
  log(lost + undecided === 0 ? "info" : "error", "stopped", {
    lost_push_jobs: lost,
    ...undecided === 0 ? {} : { undecided_group_messages: undecided },
  });
  return 0;
}
