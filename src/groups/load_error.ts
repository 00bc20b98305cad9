/**
 * Why groups could not be loaded, in the words of an operator.
 *
 * @module
 */

/**
 * What went wrong:
 * - `unreachable`: no connection to MySQL, or it broke
 * - `denied`: the user, the password or the rights are wrong
 * - `wrong_schema`: a database, table or column is missing
 * - `too_slow`: nothing came for too long
 * - `failed`: anything else that MySQL or its client reports
 */
export type LoadErrorKind = "unreachable" | "denied" | "wrong_schema" | "too_slow" | "failed";

/** Groups could not be loaded. */
export class LoadError extends Error {
  /** The class, for logs. */
  override readonly name = "LoadError";

  /**
   * Makes an error for an operator to read.
   *
   * @param kind what went wrong
   * @param message the same for people; never with a password
   */
  constructor(readonly kind: LoadErrorKind, message: string) {
    super(message);
  }
}

/** A server may send megabytes. */
const CHARACTERS_MAX = 500;

/** Codes of MySQL's errors by what they mean. */
const KINDS: ReadonlyMap<string, LoadErrorKind> = new Map([
  ["ER_ACCESS_DENIED_ERROR", "denied"],
  ["ER_ACCESS_DENIED_NO_PASSWORD_ERROR", "denied"],
  ["ER_DBACCESS_DENIED_ERROR", "denied"],
  ["ER_TABLEACCESS_DENIED_ERROR", "denied"],
  ["ER_COLUMNACCESS_DENIED_ERROR", "denied"],
  ["ER_NOT_SUPPORTED_AUTH_MODE", "denied"],
  ["AUTH_SWITCH_PLUGIN_ERROR", "denied"],
  ["ER_BAD_DB_ERROR", "wrong_schema"],
  ["ER_NO_SUCH_TABLE", "wrong_schema"],
  ["ER_BAD_FIELD_ERROR", "wrong_schema"],
  ["ETIMEDOUT", "too_slow"],
]);
/** What MySQL's client says when it can make nothing of what comes. */
const NONSENSE: ReadonlySet<unknown> = new Set([
  "ERR_OUT_OF_RANGE",
  "ERR_BUFFER_OUT_OF_BOUNDS",
  "HANDSHAKE_UNKNOWN_ERROR",
  "PROTOCOL_UNEXPECTED_PACKET",
]);
/** What Deno makes of a handshake of TLS that has failed, when the next thing is that something is sent. */
const TLS_FAILED = "UNKNOWN";
const HINTS: Readonly<Partial<Record<LoadErrorKind, string>>> = {
  wrong_schema: "expected: `group` (id, …) and group_member (group_id, uid, …)",
};

/**
 * Names what MySQL's client reports.
 *
 * @param error what was thrown
 */
export function loadErrorOf(error: unknown): LoadError {
  if (error instanceof LoadError) return error;
  const { code, fatal } = (error ?? {}) as { code?: unknown; fatal?: unknown };
  const message = error instanceof Error ? error.message : String(error);
  const text = (message === "" ? String(code) : message).slice(0, CHARACTERS_MAX);
  if (NONSENSE.has(code)) {
    return new LoadError("failed", `what answers does not speak as MySQL does: ${text}`);
  }
  if (code === TLS_FAILED) {
    return new LoadError(
      "unreachable",
      "TLS has failed: is the server's certificate for this host, and of an authority that is known here?",
    );
  }
  const known = typeof code === "string" ? KINDS.get(code) : undefined;
  const isAnswer = typeof code === "string" && code.startsWith("ER_");
  const kind = known ?? (fatal === true && !isAnswer ? "unreachable" : "failed");
  const hint = HINTS[kind];
  return new LoadError(kind, hint === undefined ? text : `${text} (${hint})`);
}
