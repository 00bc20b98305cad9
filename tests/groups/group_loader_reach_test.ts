// How a real MariaDB is reached: its socket, TLS with an own authority, and a password in a file.
import assert from "node:assert/strict";
import type { LoadErrorKind } from "../../src/groups/load_error.ts";
import { type MysqlSettings, parseMysqlDsn } from "../../src/groups/mysql_settings.ts";
import { type Certificates, makeCertificates } from "../support/certificates.ts";
import { MariadbServer } from "../support/mariadb_server.ts";
import { failOnce, loadOnce } from "./loader_fixture.ts";
import { WatchedLine } from "./watched_line.ts";

let folder = "";
let certificates: Certificates;
/** Takes a user `secure` over TLS alone, and everybody else either way. */
let server: MariadbServer;
/** Knows no TLS. */
let plain: MariadbServer;

Deno.test.beforeAll(async () => {
  folder = await Deno.makeTempDir({ prefix: "imr-mariadb-tls-" });
  certificates = await makeCertificates(folder, "server");
  const { certFile, keyFile } = certificates;
  server = await MariadbServer.start({
    args: [`--ssl-cert=${certFile}`, `--ssl-key=${keyFile}`],
  });
  plain = await MariadbServer.start();
  for (const one of [server, plain]) await one.loadFamilySchema();
  await server.sql(`
    INSERT INTO im.\`group\` (id) VALUES (1);
    CREATE USER secure@'%' IDENTIFIED BY 'hidden-7' REQUIRE SSL;
    GRANT SELECT ON im.* TO secure@'%';
  `);
});

Deno.test.afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await plain?.[Symbol.asyncDispose]();
  await Deno.remove(folder, { recursive: true });
});

/** Settings of the user who may come over TLS alone. */
function settingsOf(more: Partial<MysqlSettings> = {}): MysqlSettings {
  return { ...parseMysqlDsn(server.dsn("im", "secure:hidden-7")), ...more };
}

async function assertLoads(at: string | MysqlSettings): Promise<void> {
  assert.equal((await loadOnce(at)).table.size, 1);
}

async function assertFails(
  at: MysqlSettings,
  kind: LoadErrorKind,
  message: RegExp,
): Promise<void> {
  const text = await failOnce(at, kind, message);
  assert.ok(!text.includes("hidden-7"), text);
}

Deno.test("GroupLoader.load comes in through the server's socket", async () => {
  await assertLoads(`root@unix(${server.socket})/im`);
});

Deno.test("GroupLoader.load over TLS takes a server whose own authority is in caFile", async () => {
  const tls = { caFile: certificates.caFile, verify: true };
  await assertLoads(settingsOf({ tls }));
  await assertFails(settingsOf(), "denied", /Access denied/);
});

/** Settings that dial the server by another name or address, over TLS. */
function tlsTo(host: string, port: number, caFile?: string): MysqlSettings {
  const tls = { ...caFile === undefined ? {} : { caFile }, verify: true };
  return settingsOf({ target: { kind: "tcp", host, port }, tls });
}

Deno.test("GroupLoader.load over TLS refuses a server of an authority that is not known, and says why", async () => {
  const { caFile } = await makeCertificates(folder, "other");
  for (const host of ["127.0.0.1", "localhost"]) {
    await assertFails(tlsTo(host, server.port, caFile), "unreachable", /certificate/);
    await assertFails(tlsTo(host, server.port), "unreachable", /certificate/);
  }
});

Deno.test("GroupLoader.load over TLS takes a certificate for the name or the address that it has dialled alone", async () => {
  const { caFile } = certificates;
  for (const host of ["127.0.0.1", "localhost"]) {
    await assertLoads(tlsTo(host, server.port, caFile));
  }
  await using line = new WatchedLine(server.port, { hostname: "127.0.0.2" });
  // It is for localhost too, which is what an address would be taken for if nothing named it.
  await assertFails(
    tlsTo("127.0.0.2", line.port, caFile),
    "unreachable",
    /certificate.* this host/,
  );
});

Deno.test("GroupLoader.load over TLS that is not to verify takes any certificate", async () => {
  await assertLoads(`secure:hidden-7@tcp(127.0.0.1:${server.port})/im?tls=skip-verify`);
  await using line = new WatchedLine(server.port, { hostname: "127.0.0.2" });
  await assertLoads(`secure:hidden-7@tcp(127.0.0.2:${line.port})/im?tls=skip-verify`);
});

Deno.test("GroupLoader.load over TLS refuses a server that knows none, and never logs in without it", async () => {
  await plain.sql(
    "CREATE USER secure@'%' IDENTIFIED BY 'hidden-7'; GRANT SELECT ON im.* TO secure@'%'",
  );
  const { target } = parseMysqlDsn(plain.dsn());
  for (const verify of [true, false]) {
    await assertFails(
      settingsOf({ target, tls: { verify } }),
      "unreachable",
      /does not support sec/,
    );
  }
  assert.equal((await loadOnce(settingsOf({ target }))).table.size, 0);
});

Deno.test("GroupLoader.load takes the password from the first line of a file, anew each time", async () => {
  const passwordFile = `${folder}/password`;
  const tls = { caFile: certificates.caFile, verify: true };
  for (const text of ["hidden-7", "hidden-7\n", "hidden-7\r\nanother\n"]) {
    await Deno.writeTextFile(passwordFile, text);
    await assertLoads(settingsOf({ password: "wrong", passwordFile, tls }));
  }
  await Deno.writeTextFile(passwordFile, "other");
  await assertFails(settingsOf({ passwordFile, tls }), "denied", /Access denied/);
});

Deno.test("GroupLoader.load without the file of the password or of the authority fails and names it", async () => {
  const path = `${folder}/gone`;
  const message = /No such file or directory.*gone|gone.*No such file or directory/;
  await assertFails(settingsOf({ passwordFile: path }), "failed", message);
  await assertFails(settingsOf({ tls: { caFile: path, verify: true } }), "failed", message);
  await Deno.writeTextFile(path, "no certificate");
  await assertFails(
    settingsOf({ tls: { caFile: path, verify: true } }),
    "unreachable",
    /certificate/,
  );
});
