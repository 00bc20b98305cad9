/**
 * The thread that loads the groups: reads both tables of MySQL in one consistent snapshot, makes the table of them, and hands it over
 * in pieces. So ten million rows cost the thread that routes messages nothing, and a load that hangs is ended with its thread.
 *
 * @module
 */

import type { Connection } from "mysql2";
import type { GroupTableParts } from "../router/group_table.ts";
import { halvesOf } from "./int64_halves.ts";
import { LoadError, loadErrorOf } from "./load_error.ts";
import type { LoadOrder, LoadReport, RowsLeftOut } from "./load_message.ts";
import { connectMysql } from "./mysql_client.ts";
import type { MysqlSettings } from "./mysql_settings.ts";
import { TableBuilder } from "./table_builder.ts";

/** What this file needs of its global scope; Deno's own types for it would apply to the whole program. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<LoadOrder>) => void) | null;
  postMessage(report: LoadReport, handedOver?: ArrayBuffer[]): void;
}

/** Between two reports, in milliseconds. */
const PROGRESS_MS = 1_000;

/** One reading of both tables. */
class Reading {
  readonly #connection: Connection;
  readonly #onProgress: () => void;
  readonly #group = { lo: 0, hi: 0 };
  readonly #uid = { lo: 0, hi: 0 };
  #builder = new TableBuilder(0);
  /** Rows of all queries so far. */
  #rows = 0;
  /** Members that there have to be. */
  #members = 0;
  #unreadable = 0;

  constructor(connection: Connection, onProgress: () => void) {
    this.#connection = connection;
    this.#onProgress = onProgress;
  }

  async run(): Promise<{ parts: GroupTableParts; leftOut: RowsLeftOut }> {
    let reported = 0;
    const timer = setInterval(() => {
      if (this.#rows > reported) this.#onProgress();
      reported = this.#rows;
    }, PROGRESS_MS);
    try {
      return await this.#read();
    } finally {
      clearInterval(timer);
    }
  }

  async #read(): Promise<{ parts: GroupTableParts; leftOut: RowsLeftOut }> {
    // A server for which another level is set would show each query another state.
    await this.#query("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", 0);
    await this.#query("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY", 0);
    let groups = 0;
    await this.#query("SELECT COUNT(*) FROM `group`", 1, ([count]) => groups = countOf(count));
    this.#builder = new TableBuilder(groups);
    await this.#query("SELECT id FROM `group`", groups, this.#onGroup);
    this.#builder.layOutGroups();
    await this.#query(
      "SELECT group_id, COUNT(*) FROM group_member GROUP BY group_id",
      undefined,
      this.#onSize,
    );
    this.#builder.layOutMembers();
    await this.#query("SELECT group_id, uid FROM group_member", this.#members, this.#onMember);
    const { orphans, excess } = this.#builder;
    if (excess > 0) throw changed();
    return { parts: this.#builder.build(), leftOut: { orphans, unreadable: this.#unreadable } };
  }

  readonly #onGroup = ([id]: readonly unknown[]): void => {
    const group = this.#group;
    if (halvesOf(id, group)) this.#builder.group(group.lo, group.hi);
    else this.#unreadable++;
  };

  readonly #onSize = ([id, count]: readonly unknown[]): void => {
    const group = this.#group;
    const members = countOf(count);
    this.#members += members;
    if (halvesOf(id, group)) this.#builder.size(group.lo, group.hi, members);
  };

  readonly #onMember = ([id, member]: readonly unknown[]): void => {
    const group = this.#group;
    const uid = this.#uid;
    if (!halvesOf(id, group) || !halvesOf(member, uid)) this.#unreadable++;
    else this.#builder.member(group.lo, group.hi, uid.lo, uid.hi);
  };

  /**
   * Runs a query and looks at each row as it comes: no result is ever held whole, and one without an end is not read on.
   *
   * @param expected how many rows there have to be; undefined: any number
   */
  #query(
    sql: string,
    expected: number | undefined,
    onRow?: (row: readonly unknown[]) => void,
  ): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const query = this.#connection.query({ sql, rowsAsArray: true });
    let count = 0;
    query.on("result", (row) => {
      if (!Array.isArray(row)) return; // it is what is said of a statement without rows
      this.#rows++;
      if (++count > (expected ?? Infinity)) return reject(changed());
      try {
        onRow?.(row);
      } catch (error) { // the client would take it for a broken connection
        reject(error instanceof LoadError ? error : new LoadError("failed", String(error)));
      }
    });
    query.on("error", reject);
    query.on("end", () => {
      this.#onProgress();
      if (count === (expected ?? count)) resolve();
      else reject(changed());
    });
    return promise;
  }
}

/** Reads a COUNT(*). */
function countOf(value: unknown): number {
  const count = Number(value);
  if (Number.isSafeInteger(count) && count >= 0) return count;
  throw new LoadError("failed", "MySQL has answered COUNT(*) with something else");
}

function changed(): LoadError {
  return new LoadError(
    "failed",
    "MySQL sent another number of rows than it had counted: are the tables InnoDB?",
  );
}

/** Works off orders. */
class LoadThread {
  readonly #report: WorkerScope["postMessage"];
  /** What is to be handed over, the next one last. */
  #reports: LoadReport[] = [];

  constructor(report: WorkerScope["postMessage"]) {
    this.#report = report;
  }

  async receive(order: LoadOrder): Promise<void> {
    switch (order.kind) {
      case "load":
        await this.#load(order.settings);
        break;
      case "next":
        this.#handOver();
        break;
      case "free":
        for (const buffer of order.buffers) buffer.transfer(0);
    }
  }

  async #load(settings: MysqlSettings): Promise<void> {
    let connection: Connection | undefined;
    try {
      connection = connectMysql(settings);
      const broken = Promise.withResolvers<never>();
      connection.on("error", broken.reject);
      const reading = new Reading(connection, () => this.#report({ kind: "progress" }));
      const { parts, leftOut } = await Promise.race([reading.run(), broken.promise]);
      const { shards, arrays: { records, index, pairs } } = parts;
      this.#reports = [
        { kind: "loaded", shards, leftOut },
        { kind: "piece", name: "index", array: index },
        { kind: "piece", name: "records", array: records },
        { kind: "piece", name: "pairs", array: pairs },
      ];
      this.#handOver();
    } catch (error) {
      const { kind, message } = loadErrorOf(error);
      this.#report({ kind: "failed", why: kind, message });
    } finally {
      connection?.destroy();
    }
  }

  #handOver(): void {
    const report = this.#reports.pop()!;
    this.#report(report, report.kind === "piece" ? [report.array.buffer] : []);
  }
}

// MySQL's client warns on the console of servers that speak nonsense, between the lines of the log; the error says so too.
// deno-lint-ignore no-console
console.warn = () => {};
const scope = self as unknown as WorkerScope;
const thread = new LoadThread((report, buffers) => scope.postMessage(report, buffers));
scope.onmessage = ({ data }) => thread.receive(data);
