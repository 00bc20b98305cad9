/**
 * The thread that loads the groups: reads both tables of MySQL in one consistent snapshot, makes the table of them, and hands it over
 * whole. So ten million rows cost the thread that routes messages nothing, and a load that hangs is ended with its thread.
 *
 * @module
 */

import type { Connection } from "mysql2";
import { halvesOf } from "./int64_halves.ts";
import { loadErrorOf } from "./load_error.ts";
import type { LoadOrder, LoadReport } from "./load_message.ts";
import { connectMysql } from "./mysql_client.ts";
import { TableBuilder } from "./table_builder.ts";

/** What this file needs of its global scope; Deno's own types for it would apply to the whole program. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<LoadOrder>) => void) | null;
  postMessage(report: LoadReport, handedOver?: ArrayBuffer[]): void;
}

/** Between two reports, in rows. */
const PROGRESS_ROWS = 65_536;

/** One load. */
class Load {
  readonly #builder = new TableBuilder();
  readonly #onProgress: () => void;
  #read = 0;
  #unreadable = 0;

  constructor(onProgress: () => void) {
    this.#onProgress = onProgress;
  }

  async run(connection: Connection): Promise<LoadReport & { kind: "loaded" }> {
    // A server for which another level is set would show each query another state.
    await rows(connection, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", () => {});
    await rows(connection, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY", () => {});
    await rows(connection, "SELECT id FROM `group`", ([id]) => this.#group(id));
    await rows(
      connection,
      "SELECT group_id, uid FROM group_member",
      ([group, uid]) => this.#member(group, uid),
    );
    this.#onProgress();
    const { orphans } = this.#builder;
    const parts = this.#builder.build().parts();
    const figures = { read: this.#read, orphans, unreadable: this.#unreadable };
    return { kind: "loaded", parts, rows: figures };
  }

  #group(id: unknown): void {
    this.#count();
    if (halvesOf(id, halves)) this.#builder.group(halves.lo, halves.hi);
    else this.#unreadable++;
  }

  #member(group: unknown, uid: unknown): void {
    this.#count();
    const isRead = halvesOf(group, groupHalves) && halvesOf(uid, halves);
    if (!isRead) this.#unreadable++;
    else this.#builder.member(groupHalves.lo, groupHalves.hi, halves.lo, halves.hi);
  }

  #count(): void {
    if (++this.#read % PROGRESS_ROWS === 0) this.#onProgress();
  }
}

/** Where ids are read into: no object for each of ten million rows. */
const halves = { lo: 0, hi: 0 };
const groupHalves = { lo: 0, hi: 0 };

/** Runs a query and looks at each row as it comes. */
function rows(
  connection: Connection,
  sql: string,
  onRow: (row: readonly unknown[]) => void,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const query = connection.query({ sql, rowsAsArray: true });
  query.on("result", (row) => {
    if (Array.isArray(row)) onRow(row); // else it is what is said of a statement without rows
  });
  query.on("error", reject);
  query.on("end", resolve);
  return promise;
}

async function load(order: LoadOrder): Promise<LoadReport> {
  try {
    const connection = connectMysql(order.settings);
    const broken = Promise.withResolvers<never>();
    connection.on("error", broken.reject);
    const onProgress = () => scope.postMessage({ kind: "progress" });
    return await Promise.race([new Load(onProgress).run(connection), broken.promise]);
  } catch (error) {
    const { kind, message } = loadErrorOf(error);
    return { kind: "failed", why: kind, message };
  }
}

function buffersOf(report: LoadReport): ArrayBuffer[] {
  if (report.kind !== "loaded") return [];
  return report.parts.flatMap(({ records, index, pairs }) =>
    [records, index, pairs].map(({ buffer }) => buffer)
  );
}

const scope = self as unknown as WorkerScope;
scope.onmessage = async ({ data }) => {
  const report = await load(data);
  scope.postMessage(report, buffersOf(report)); // the main thread then ends this one
};
