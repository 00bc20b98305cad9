/**
 * What the main thread and the thread that loads groups say to each other. A load is an order, progress, and an end; at a good end the
 * table is handed over in pieces, each on demand, so that the main thread never has much to take in at once.
 *
 * @module
 */

import type { GroupArrays, GroupShardPlace } from "../router/group_shard.ts";
import type { LoadErrorKind } from "./load_error.ts";
import type { MysqlSettings } from "./mysql_settings.ts";

/** To the thread that loads. */
export type LoadOrder =
  /** Load the groups from there. */
  | { readonly kind: "load"; readonly settings: MysqlSettings }
  /** The next piece. */
  | { readonly kind: "next" }
  /** Memory to give back, which takes a while. */
  | { readonly kind: "free"; readonly buffers: readonly ArrayBuffer[] };

/** From it. */
export type LoadReport =
  | { readonly kind: "progress" }
  /** It is done, and this is a piece of the table. */
  | {
    readonly kind: "piece";
    readonly name: keyof GroupArrays;
    readonly array: Int32Array<ArrayBuffer>;
  }
  /** All pieces are there. */
  | {
    readonly kind: "loaded";
    readonly shards: readonly GroupShardPlace[];
    readonly leftOut: RowsLeftOut;
  }
  | { readonly kind: "failed"; readonly why: LoadErrorKind; readonly message: string };

/** Rows that a load has left out. */
export interface RowsLeftOut {
  /** Members of groups that are not there. */
  readonly orphans: number;
  /** Rows whose id is NULL, or no int64. */
  readonly unreadable: number;
}
