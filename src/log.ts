/**
 * How parts of the router say what happened: an event's name and its fields, one line each. Parts are given a {@linkcode Log};
 * only `main.ts` knows where the lines go.
 *
 * @module
 */

/** How much an event matters: something to know, to look at, or to mend. */
export type LogLevel = "info" | "warning" | "error";

/** Fields of an event; never secrets, never content of messages. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Says that something happened. */
export type Log = (level: LogLevel, event: string, fields?: LogFields) => void;
