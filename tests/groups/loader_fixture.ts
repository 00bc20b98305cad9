/**
 * What tests of the loader share: loads in one call, a server that all tests of a file share, and a line to it that can be watched.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  GroupLoader,
  type GroupLoaderOptions,
  type LoadedGroups,
} from "../../src/groups/group_loader.ts";
import { LoadError, type LoadErrorKind } from "../../src/groups/load_error.ts";
import { type MysqlSettings, parseMysqlDsn } from "../../src/groups/mysql_settings.ts";
import { MariadbServer } from "../support/mariadb_server.ts";

/** A loader that is closed at the end of its block. */
export class TestLoader extends GroupLoader implements Disposable {
  /** Makes one of a DSN or of settings. */
  constructor(at: string | MysqlSettings, options: GroupLoaderOptions = {}) {
    super(typeof at === "string" ? parseMysqlDsn(at) : at, options);
  }

  /** A load that nothing ends before its time. */
  loadNow(): Promise<LoadedGroups> {
    return this.load(new AbortController().signal);
  }

  /** Asserts that a load fails so, and returns what it says. */
  async failNow(kind: LoadErrorKind, message: RegExp = /./): Promise<string> {
    const error = await this.loadNow().then(() => undefined, (error) => error);
    assert.ok(error instanceof LoadError, `a LoadError, not ${error}`);
    assert.deepEqual([error.kind, error.name], [kind, "LoadError"], error.message);
    assert.match(error.message, message);
    return error.message;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** One load by a loader of its own. */
export async function loadOnce(at: string | MysqlSettings): Promise<LoadedGroups> {
  using loader = new TestLoader(at);
  return await loader.loadNow();
}

/** Asserts that a load by a loader of its own fails so, and returns what it says. */
export async function failOnce(
  at: string | MysqlSettings,
  kind: LoadErrorKind,
  message?: RegExp,
): Promise<string> {
  using loader = new TestLoader(at);
  return await loader.failNow(kind, message);
}

/** A server for all tests of a file; each test that asks for it gets it with the family's tables, empty. */
export function sharedServer(options: { isEmptied?: boolean } = {}): { get: () => MariadbServer } {
  let server: MariadbServer | undefined;
  Deno.test.beforeAll(async () => {
    server = await MariadbServer.start();
    if (options.isEmptied === false) await server.loadFamilySchema();
  });
  if (options.isEmptied !== false) {
    Deno.test.beforeEach(async () => {
      await server!.sql("DROP DATABASE IF EXISTS im");
      await server!.loadFamilySchema();
    });
  }
  Deno.test.afterAll(async () => await server?.[Symbol.asyncDispose]());
  return { get: () => server! };
}
