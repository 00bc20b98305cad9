/**
 * What a push worker asks for, read from the JSON that it sent: every field is checked, and what is wrong is said with the field,
 * its value and what is allowed.
 *
 * @module
 */

import { PUSH_LISTS, type PushListName } from "../router/push_list.ts";
import type { QueueOrder } from "./admin_sources.ts";
import { RequestError } from "./answer.ts";

/** Jobs of one take. */
export const TAKE_JOBS_MAX = 1_000;
/** Seconds of a lease. */
export const LEASE_SECONDS_MAX = 3_600;
/** Seconds that a take may wait. */
export const WAIT_SECONDS_MAX = 30;
/** Ids of one acknowledgement. */
export const ACK_IDS_MAX = 10_000;

const TAKE_JOBS_DEFAULT = 100;
const LEASE_SECONDS_DEFAULT = 30;
const SHOWN_CHARACTERS_MAX = 80;

/** Fields of a request, as JSON has them. */
export type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads `{"list":"push_queue","max":100,"lease":30,"wait":0}`; all but the list have defaults.
 *
 * @throws {RequestError} 400
 */
export function takeRequest(fields: Fields): Omit<QueueOrder, "signal"> {
  onlyKnown(fields, ["list", "max", "lease", "wait"]);
  return {
    list: listName(fields["list"]),
    max: whole("max", fields["max"] ?? TAKE_JOBS_DEFAULT, 1, TAKE_JOBS_MAX),
    leaseSeconds: whole("lease", fields["lease"] ?? LEASE_SECONDS_DEFAULT, 1, LEASE_SECONDS_MAX),
    waitSeconds: whole("wait", fields["wait"] ?? 0, 0, WAIT_SECONDS_MAX),
  };
}

/**
 * Reads `{"ids":[1,2]}`.
 *
 * @returns the ids
 * @throws {RequestError} 400
 */
export function ackRequest(fields: Fields): number[] {
  onlyKnown(fields, ["ids"]);
  const ids = fields["ids"];
  if (!Array.isArray(ids)) throw invalid("ids", ids, "an array of ids of jobs");
  if (ids.length > ACK_IDS_MAX) {
    throw invalid("ids", ids, `an array of at most ${ACK_IDS_MAX} ids of jobs`);
  }
  return ids.map((id, i) => whole(`ids[${i}]`, id, 1, Number.MAX_SAFE_INTEGER));
}

function onlyKnown(fields: Fields, names: readonly string[]): void {
  for (const name of Object.keys(fields)) {
    if (names.includes(name)) continue;
    const allowed = names.join(", ");
    throw new RequestError(400, `unknown field ${shown(name)}; there are ${allowed}`);
  }
}

function listName(value: unknown): PushListName {
  const name = PUSH_LISTS.find((list) => list === value);
  if (name === undefined) throw invalid("list", value, `one of ${PUSH_LISTS.join(", ")}`);
  return name;
}

function whole(name: string, value: unknown, min: number, max: number): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < min || value > max) {
    throw invalid(name, value, `a whole number from ${min} to ${max}`);
  }
  return value;
}

function invalid(name: string, value: unknown, allowed: string): RequestError {
  const is = value === undefined ? "is missing" : `is ${shown(value)}`;
  return new RequestError(400, `${name} ${is}; it has to be ${allowed}`);
}

/** A value as it was sent, where that is short. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  const text = JSON.stringify(value);
  return text.length > SHOWN_CHARACTERS_MAX ? `${text.slice(0, SHOWN_CHARACTERS_MAX)}…` : text;
}
