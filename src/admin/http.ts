/**
 * The requests of the admin port: the family's `/online` and `/all_online`, `/healthz`, `/readyz` and `/metrics` for whoever
 * watches, `/group` for whoever wonders, and `/push/take` and `/push/ack` for push workers.
 *
 * A bad request is answered, and harms nobody. So is one that meets a bug, which is logged: the routing must not end for what only looks
 * at it.
 *
 * @module
 */

import { type Context, Hono } from "hono";
import type { Log } from "../log.ts";
import { parseInt64 } from "../wire/int64.ts";
import { type Access, checkHostSyntax } from "./access.ts";
import type { AdminSources } from "./admin_sources.ts";
import { failure, json, RequestError, text } from "./answer.ts";
import { logBug } from "./bug_log.ts";
import { existingMembers, writeGroupMembers } from "./group_members.ts";
import { longAnswer } from "./long_answer.ts";
import type { Metrics } from "./metrics.ts";
import { writeOnlineList } from "./online_list.ts";
import type { OpenRequests } from "./open_requests.ts";
import { addPushRoutes } from "./push_routes.ts";
import { firstParameter, queryOf } from "./query.ts";
import { readinessOf } from "./readiness.ts";
import type { BodyLimits } from "./request_body.ts";
import type { Turns } from "./turns.ts";

/** What a request meets: its own, and where it came from. */
export interface AdminEnv {
  /** As hono wants it: what Deno says about a request. */
  Bindings: Deno.ServeHandlerInfo<Deno.NetAddr>;
}

/** What the requests need. */
export interface HttpParts {
  /** What to look at. */
  readonly sources: AdminSources;
  /** What `/metrics` shows, and where answers are counted. */
  readonly metrics: Metrics;
  /** Who may take push jobs and see groups. */
  readonly access: Access;
  /** Requests that take their time. */
  readonly open: OpenRequests;
  /** Turns at long answers: `/all_online` and `/group`. */
  readonly turns: Turns;
  /** Bounds of requests. */
  readonly limits: HttpLimits;
  /** Where bugs go. */
  readonly log: Log;
}

/** Bounds of requests. */
export interface HttpLimits extends BodyLimits {
  /** How long the writing of a long answer may take, in milliseconds. */
  readonly listMs: number;
}

/** The paths that are counted one by one. */
const PATHS: ReadonlySet<string> = new Set([
  "/online",
  "/all_online",
  "/group",
  "/healthz",
  "/readyz",
  "/metrics",
  "/push/take",
  "/push/ack",
]);

/** Makes the answerer of all requests. */
export function adminApp(parts: HttpParts): Hono<AdminEnv> {
  const { sources, metrics } = parts;
  const app = new Hono<AdminEnv>();
  app.use(async (context, next) => {
    await next();
    const path = PATHS.has(context.req.path) ? context.req.path : "other";
    metrics.countResponse(path, context.res.status);
  });
  app.use(async (context, next) => {
    checkHostSyntax(context.req.raw.headers);
    await next();
  });
  app.all("/online", ({ req }) => online(sources, req.url));
  const { users } = sources.router.table;
  app.all("/all_online", ({ req }) => {
    return longAnswer(parts, req, () => (slices) => writeOnlineList(users, slices));
  });
  app.all("/group", (context) => group(parts, context));
  app.all("/healthz", () => text("ok\n"));
  app.all("/readyz", () => {
    const readiness = readinessOf(sources, Date.now());
    return json(JSON.stringify(readiness), readiness.ready ? 200 : 503);
  });
  app.all("/metrics", async () => text(await metrics.text(), metrics.contentType));
  addPushRoutes(app, parts);
  app.notFound(() => failure(404, "not found"));
  app.onError((error, context) => answerTo(error, context, parts.log));
  return app;
}

function online({ router }: AdminSources, url: string): Response {
  const query = queryOf(url);
  const appid = parseInt64(firstParameter(query, "appid"));
  const uid = parseInt64(firstParameter(query, "uid"));
  if (appid === undefined || uid === undefined) return failure(400, "invalid query param");
  const isOnline = router.table.isOnline(...halves(appid), ...halves(uid));
  return json(isOnline ? '{"online":true}' : '{"online":false}');
}

function halves(id: bigint): [hi: number, lo: number] {
  return [Number(BigInt.asIntN(32, id >> 32n)), Number(BigInt.asIntN(32, id))];
}

async function group(parts: HttpParts, { env, req }: Context<AdminEnv>): Promise<Response> {
  parts.access.check(req.raw.headers, env.remoteAddr.hostname);
  const id = parseInt64(firstParameter(queryOf(req.url), "id"));
  if (id === undefined) return failure(400, "invalid query param");
  const { groups } = parts.sources.router.decisions;
  existingMembers(groups, id); // nobody needs a turn to hear that there is nothing
  return await longAnswer(parts, req, () => {
    const members = existingMembers(groups, id).slice(); // the table changes while it is written
    return (slices) => writeGroupMembers(id, members, slices);
  });
}

function answerTo(error: Error, context: Context<AdminEnv>, log: Log): Response {
  if (error instanceof RequestError) return failure(error.status, error.message, error.headers);
  logBug(log, context.req.path, error);
  return failure(500, "internal error, see the log");
}
