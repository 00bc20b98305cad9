/**
 * How parts of the router say what happened: an event's name and its fields, one line each. Parts are given a {@linkcode Log};
 * only `main.ts` knows where the lines go.
 *
 * Lines are written behind a bounded queue, so that a terminal or a pipe that nobody reads never holds up a message; and what peers
 * can provoke again and again is said a bounded number of times a second.
 *
 * @module
 */

import {
  configure,
  dispose,
  getJsonLinesFormatter,
  getLogger,
  type LogRecord,
} from "@logtape/logtape";

/** How much an event matters: something to know, to look at, or to mend. */
export type LogLevel = "info" | "warning" | "error";

/** Fields of an event; never secrets, never content of messages. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Says that something happened. */
export type Log = (level: LogLevel, event: string, fields?: LogFields) => void;

/** Lines of one event in one second; those beyond are counted and the count is said in the next line of the event. */
const LINES_PER_SECOND_MAX = 1_000;
/** Bytes of lines that wait for a slow reader; lines beyond are dropped and counted. */
const WAITING_BYTES_MAX = 1 << 20;

/** A log that runs, and how to end it. */
export interface RunningLog {
  /** For the parts. */
  readonly log: Log;
  /** Writes what waits; at most a second. */
  readonly close: () => Promise<void>;
}

/** Where lines go, and how they look. */
export interface LogOptions {
  /** One JSON object a line, or text for people. */
  readonly format: "json" | "text";
  /** Takes a line's bytes, or a part of them, as a file's `write` does. */
  readonly write: (bytes: Uint8Array) => Promise<number>;
  /** Milliseconds on a clock that never goes back; tests hold it. */
  readonly now?: () => number;
}

/**
 * Sets up logging for the process; once.
 *
 * @param options where lines go and how they look
 */
export async function startLog(options: LogOptions): Promise<RunningLog> {
  const format = options.format === "json"
    ? getJsonLinesFormatter({ properties: "flatten" })
    : formatText;
  const writer = new LineWriter(options.write);
  await configure({
    reset: true,
    sinks: { lines: (record) => writer.add(format(record)) },
    loggers: [
      { category: "imr", sinks: ["lines"], lowestLevel: "info" },
      { category: ["logtape", "meta"], sinks: ["lines"], lowestLevel: "warning" },
    ],
  });
  const logger = getLogger("imr");
  const limiter = new LineLimiter();
  const now = options.now ?? (() => performance.now());
  return {
    log: (level, event, fields = {}) => {
      const suppressed = limiter.admit(event, now());
      if (suppressed < 0) return;
      logger[level](event, suppressed === 0 ? { ...fields } : { ...fields, suppressed });
    },
    close: async () => {
      await writer.close();
      await dispose();
    },
  };
}

/** `12:34:56.789 warning  connection closed  reason=reset address=…` */
function formatText(record: LogRecord): string {
  const time = new Date(record.timestamp).toISOString().slice(11, 23);
  const fields = Object.entries(record.properties).filter(([, value]) => value !== undefined)
    .map(([name, value]) =>
      `${name}=${/[\s"=]/.test(String(value)) ? JSON.stringify(value) : value}`
    );
  return `${time} ${record.level.padEnd(7)} ${record.message.join("")}  ${fields.join(" ")}`
    .trimEnd() + "\n";
}

/** Bounds the lines of each event in a second. Events are few and named in the code, so the map stays small. */
class LineLimiter {
  readonly #events = new Map<string, { second: number; lines: number; suppressed: number }>();

  /** How many lines of the event were suppressed before this one; -1 when this one is to be suppressed too. */
  admit(event: string, now: number): number {
    const second = Math.floor(now / 1000);
    let state = this.#events.get(event);
    if (state === undefined) this.#events.set(event, state = { second, lines: 0, suppressed: 0 });
    if (state.second !== second) {
      state.second = second;
      state.lines = 0;
    }
    if (state.lines === LINES_PER_SECOND_MAX) {
      state.suppressed++;
      return -1;
    }
    state.lines++;
    const suppressed = state.suppressed;
    state.suppressed = 0;
    return suppressed;
  }
}

/** Writes lines one after another, behind a bounded queue. */
class LineWriter {
  readonly #write: (bytes: Uint8Array) => Promise<number>;
  readonly #encoder = new TextEncoder();
  #waiting = "";
  #dropped = 0;
  #writing: Promise<void> | undefined;

  constructor(write: (bytes: Uint8Array) => Promise<number>) {
    this.#write = write;
  }

  add(line: string): void {
    if (this.#waiting.length + line.length > WAITING_BYTES_MAX) {
      this.#dropped++;
      return;
    }
    this.#waiting += line;
    this.#writing ??= this.#drain();
  }

  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, 1000);
    await Promise.race([this.#writing, promise]);
    clearTimeout(timer);
  }

  async #drain(): Promise<void> {
    await null; // what is said in one go is written in one go
    while (this.#waiting !== "") {
      const bytes = this.#encoder.encode(this.#waiting);
      this.#waiting = this.#dropped === 0 ? "" : `${this.#dropped} lines dropped\n`;
      this.#dropped = 0;
      try {
        for (let at = 0; at < bytes.length;) at += await this.#write(bytes.subarray(at));
      } catch (error) {
        // Nobody reads the log any more, and there is nowhere else to say it: routing goes on.
        if (!(error instanceof Error)) throw error;
        this.#waiting = "";
      }
    }
    this.#writing = undefined;
  }
}
