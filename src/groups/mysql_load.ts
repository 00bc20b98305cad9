/**
 * Loads the groups of MySQL on a thread of its own, which lives as long as the load.
 *
 * @module
 */

import { GroupTable } from "../router/group_table.ts";
import { LoadError } from "./load_error.ts";
import type { LoadedRows, LoadReport } from "./load_message.ts";
import { CONNECT_MS } from "./mysql_client.ts";
import type { MysqlSettings } from "./mysql_settings.ts";

/** The groups as MySQL had them at one moment. */
export interface LoadedGroups {
  /** The groups. */
  readonly table: GroupTable;
  /** What was read for it. */
  readonly rows: LoadedRows;
}

/** How a load is bounded. */
export interface LoadOptions {
  /** Ends the load. */
  readonly signal: AbortSignal;
  /** How long nothing may come once MySQL is reached, in milliseconds; 30,000 by default. */
  readonly silenceMs?: number;
  /** Where the thread's module is, when the program was bundled. */
  readonly workerScript?: URL;
}

const SILENCE_MS = 30_000;

/**
 * Loads them.
 *
 * @param settings where MySQL is
 * @param options its bounds
 * @throws {LoadError} when that fails
 * @throws the signal's reason when it fires
 */
export async function loadFromMysql(
  settings: MysqlSettings,
  options: LoadOptions,
): Promise<LoadedGroups> {
  const { signal, silenceMs = SILENCE_MS } = options;
  signal.throwIfAborted();
  const script = options.workerScript ?? new URL("./load_worker.ts", import.meta.url);
  const worker = new Worker(script, { type: "module", name: "groups" });
  const end = Promise.withResolvers<LoadedGroups>();
  const onAbort = () => end.reject(signal.reason);
  const onSilence = () => {
    end.reject(new LoadError("too_slow", `MySQL sent nothing for ${silenceMs} ms`));
  };
  signal.addEventListener("abort", onAbort);
  let timer = setTimeout(onSilence, (settings.connectTimeoutMs ?? CONNECT_MS) + silenceMs);
  worker.onmessage = ({ data }: MessageEvent<LoadReport>) => {
    clearTimeout(timer);
    switch (data.kind) {
      case "progress":
        timer = setTimeout(onSilence, silenceMs);
        break;
      case "loaded":
        end.resolve({ table: GroupTable.of(data.parts), rows: data.rows });
        break;
      case "failed":
        end.reject(new LoadError(data.why, data.message));
    }
  };
  worker.onerror = (event) => {
    event.preventDefault(); // a server that speaks nonsense may well break the client; it must not end the router
    end.reject(new LoadError("failed", `MySQL's client failed: ${event.message}`));
  };
  try {
    worker.postMessage({ settings });
    return await end.promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    worker.terminate();
  }
}
