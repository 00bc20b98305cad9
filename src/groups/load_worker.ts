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

/** Between two reports, in rows. */
const PROGRESS_ROWS = 65_536;

/** One reading of both tables. */
class Reading {
  readonly #connection: Connection;
  readonly #onProgress: () => void;
  readonly #group = { lo: 0, hi: 0 };
  readonly #uid = { lo: 0, hi: 0 };
  #builder = new TableBuilder(0);
  #rows = 0;
  #unreadable = 0;

  constructor(connection: Connection, onProgress: () => void) {
    this.#connection = connection;
    this.#onProgress = onProgress;
  }

  async run(): Promise<{ parts: GroupTableParts; leftOut: RowsLeftOut }> {
    // A server for which another level is set would show each query another state.
    await this.#query("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ");
    await this.#query("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY");
    await this.#query("SELECT COUNT(*) FROM `group`", ([count]) => {
      this.#builder = new TableBuilder(Number(count));
    });
    await this.#query("SELECT id FROM `group`", this.#onGroup);
    this.#builder.layOutGroups();
    await this.#query(
      "SELECT group_id, COUNT(*) FROM group_member GROUP BY group_id",
      this.#onSize,
    );
    this.#builder.layOutMembers();
    await this.#query("SELECT group_id, uid FROM group_member", this.#onMember);
    const { orphans, excess } = this.#builder;
    if (excess > 0) {
      throw new LoadError("failed", "the tables changed while they were read: are they InnoDB?");
    }
    return { parts: this.#builder.build(), leftOut: { orphans, unreadable: this.#unreadable } };
  }

  readonly #onGroup = ([id]: readonly unknown[]): void => {
    const group = this.#group;
    if (halvesOf(id, group)) this.#builder.group(group.lo, group.hi);
    else this.#unreadable++;
  };

  readonly #onSize = ([id, count]: readonly unknown[]): void => {
    const group = this.#group;
    if (halvesOf(id, group)) this.#builder.size(group.lo, group.hi, Number(count));
  };

  readonly #onMember = ([id, member]: readonly unknown[]): void => {
    const group = this.#group;
    const uid = this.#uid;
    if (!halvesOf(id, group) || !halvesOf(member, uid)) this.#unreadable++;
    else this.#builder.member(group.lo, group.hi, uid.lo, uid.hi);
  };

  /** Runs a query and looks at each row as it comes: no result is ever held whole. */
  #query(sql: string, onRow?: (row: readonly unknown[]) => void): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const query = this.#connection.query({ sql, rowsAsArray: true });
    query.on("result", (row) => {
      if (!Array.isArray(row)) return; // it is what is said of a statement without rows
      onRow?.(row);
      if (++this.#rows % PROGRESS_ROWS === 0) this.#onProgress();
    });
    query.on("error", reject);
    query.on("end", () => {
      this.#onProgress();
      resolve();
    });
    return promise;
  }
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
