/**
 * What the main thread and the thread that loads groups say to each other: one order, then progress, then one end.
 *
 * @module
 */

import type { GroupTableParts } from "../router/group_table.ts";
import type { LoadErrorKind } from "./load_error.ts";
import type { MysqlSettings } from "./mysql_settings.ts";

/** Load the groups from there. */
export interface LoadOrder {
  /** Where MySQL is. */
  readonly settings: MysqlSettings;
}

/** How far it is, and the end. */
export type LoadReport =
  | { readonly kind: "progress" }
  | { readonly kind: "loaded"; readonly parts: GroupTableParts; readonly rows: LoadedRows }
  | { readonly kind: "failed"; readonly why: LoadErrorKind; readonly message: string };

/** Rows that a load has read. */
export interface LoadedRows {
  /** Of both tables. */
  readonly read: number;
  /** Members of groups that are not there. */
  readonly orphans: number;
  /** Rows whose id is NULL, or no int64. */
  readonly unreadable: number;
}
