/**
 * The requests of push workers: take jobs from the router's own queue, and acknowledge those that are worked off.
 *
 * @module
 */

import type { Hono } from "hono";
import type { PushQueue, QueuedJob } from "./admin_sources.ts";
import { json, RequestError } from "./answer.ts";
import type { AdminEnv, HttpParts } from "./http.ts";
import { ackRequest, takeRequest } from "./push_request.ts";
import { readJsonObject } from "./request_body.ts";

/** Adds `/push/take` and `/push/ack`. */
export function addPushRoutes(app: Hono<AdminEnv>, parts: HttpParts): void {
  const { limits, access, sources: { queue } } = parts;
  app.use("/push/*", async ({ env, req }, next) => {
    access.check(req.raw.headers, env.remoteAddr.hostname);
    await next();
  });
  app.all("/push/take", async ({ req: { raw } }) => {
    const store = existing(queue, raw);
    return await take(store, raw, parts);
  });
  app.all("/push/ack", async ({ req: { raw } }) => {
    const store = existing(queue, raw);
    const ids = ackRequest(await readJsonObject(raw, limits));
    const acked = await ofTheWorld(store.ack(ids), parts);
    return json(JSON.stringify({ acked }));
  });
}

function existing(queue: PushQueue | undefined, { method }: Request): PushQueue {
  if (queue === undefined) {
    throw new RequestError(404, "this router has no push queue of its own: its jobs go to Redis");
  }
  if (method !== "POST") {
    throw new RequestError(405, "the method has to be POST", { allow: "POST" });
  }
  return queue;
}

async function take(queue: PushQueue, request: Request, parts: HttpParts): Promise<Response> {
  const order = takeRequest(await readJsonObject(request, parts.limits));
  using open = parts.open.open(request.signal);
  const { signal } = open;
  let jobs: readonly QueuedJob[];
  try {
    jobs = await ofTheWorld(queue.take({ ...order, signal }), parts);
  } catch (error) {
    if (error !== signal.reason) throw error;
    jobs = []; // the port closes, or nobody is there to read this
  }
  return json(JSON.stringify({ jobs: jobs.map(({ id, payload }) => ({ id, payload })) }));
}

/** What the queue rejects with is the world's failure when it has a kind: the client may try again. Else it is a bug. */
async function ofTheWorld<T>(answer: Promise<T>, { log }: HttpParts): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof Error) || !("kind" in error)) throw error;
    log("warning", "push queue cannot answer", { error: error.message });
    const kind = String(error.kind).replaceAll("_", " ");
    throw new RequestError(503, `the push queue cannot answer now: ${kind}`, {
      "retry-after": "1",
    });
  }
}
