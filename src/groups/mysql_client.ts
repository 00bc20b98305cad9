/**
 * Makes a connection to MySQL of the settings, on mysql2.
 *
 * @module
 */

import { type Connection, type ConnectionOptions, createConnection } from "mysql2";
import type { MysqlSettings } from "./mysql_settings.ts";

/** A dial may take so long unless the settings say otherwise, in milliseconds. */
export const CONNECT_MS = 10_000;

/**
 * Begins to dial.
 *
 * @param settings where MySQL is
 * @throws {Deno.errors.NotFound} and the like, when the file of the password or of the certificate authority cannot be read
 */
export function connectMysql(settings: MysqlSettings): Connection {
  const { target, user, database, tls } = settings;
  const connection = createConnection({
    ...target.kind === "unix"
      ? { socketPath: target.path }
      : { host: target.host, port: target.port },
    user,
    password: passwordOf(settings) ?? "",
    database,
    connectTimeout: settings.connectTimeoutMs ?? CONNECT_MS,
    // int64 as numbers where they are exact, else as digits.
    supportBigNumbers: true,
    bigNumberStrings: false,
    ...tls === undefined ? {} : { ssl: sslOf(tls) },
  });
  if (tls !== undefined && target.kind === "tcp") nameForTls(connection, target.host);
  return connection;
}

/**
 * Says for which host the certificate has to be. mysql2 does so for a name alone: for an address Deno would ask for a certificate for
 * `localhost`, and take one of that name from anybody.
 */
function nameForTls(connection: Connection, host: string): void {
  // What tls.connect falls back to where it is given a socket, in Node too.
  (connection as unknown as { stream: { _host?: string } }).stream._host = host;
}

function passwordOf({ password, passwordFile }: MysqlSettings): string | undefined {
  if (passwordFile === undefined) return password;
  return Deno.readTextFileSync(passwordFile).split(/\r?\n/, 1)[0];
}

function sslOf(
  { caFile, verify }: NonNullable<MysqlSettings["tls"]>,
): NonNullable<ConnectionOptions["ssl"]> & object {
  return {
    rejectUnauthorized: verify,
    verifyIdentity: verify,
    ...caFile === undefined ? {} : { ca: Deno.readTextFileSync(caFile) },
  };
}
