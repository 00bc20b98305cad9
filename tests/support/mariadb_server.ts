/**
 * Real MariaDB servers for tests: each on a free loopback port, in a temporary folder, ended by its process id.
 *
 * @module
 */

import { freePort } from "./redis_server.ts";

/** How a server differs from a plain one. */
export interface MariadbServerOptions {
  /** Further arguments, such as `--ssl-cert=…`. */
  readonly args?: readonly string[];
}

/** Where Debian has the server, and where the path of a user other than root does not lead. */
const SYSTEM_FOLDERS = "/usr/sbin:/usr/local/sbin";
/** Small, so that a start has little to write, and large enough that filling a table does not wait for it. */
const LOG_SIZE = "--innodb-log-file-size=16M";
/** The family's tables of groups, as its `im.sql` makes them. */
const FAMILY_SCHEMA = `
CREATE DATABASE im DEFAULT CHARACTER SET utf8mb4;
CREATE TABLE im.\`group\` (
  id bigint(20) NOT NULL AUTO_INCREMENT,
  appid bigint(20) DEFAULT NULL,
  master bigint(20) DEFAULT NULL,
  super tinyint(4) NOT NULL DEFAULT 0,
  name varchar(255) DEFAULT NULL,
  PRIMARY KEY (id)
) ENGINE=InnoDB;
CREATE TABLE im.group_member (
  group_id bigint(20) NOT NULL,
  uid bigint(20) NOT NULL,
  timestamp int(11) DEFAULT NULL,
  nickname varchar(255) DEFAULT NULL,
  mute tinyint(1) DEFAULT 0,
  PRIMARY KEY (group_id, uid),
  KEY uid (uid)
) ENGINE=InnoDB;
`;

/** A running server. Its user root has no password. */
export class MariadbServer implements AsyncDisposable {
  readonly port: number;
  /** Its folder, with all that it writes. */
  readonly folder: string;
  readonly #args: readonly string[];
  #process: Deno.ChildProcess | undefined;

  private constructor(port: number, folder: string, { args = [] }: MariadbServerOptions) {
    this.port = port;
    this.folder = folder;
    this.#args = args;
  }

  /** Makes an empty one, starts it and waits until it answers. */
  static async start(options: MariadbServerOptions = {}): Promise<MariadbServer> {
    const folder = await Deno.makeTempDir({ prefix: "imr-mariadb-" });
    const server = new MariadbServer(freePort(), folder, options);
    try {
      await run("mariadb-install-db", [
        "--no-defaults",
        `--datadir=${server.#data}`,
        // Else root comes in by its unix user alone, and not over TCP.
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
        LOG_SIZE,
        ...userArgs(),
      ]);
      await server.start();
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
    return server;
  }

  /** The path of its unix socket. */
  get socket(): string {
    return `${this.folder}/mysql.sock`;
  }

  /**
   * Its DSN over TCP.
   *
   * @param login `user` or `user:password`, such as what {@linkcode createReader} returns
   */
  dsn(database = "im", login = "root"): string {
    return `${login}@tcp(127.0.0.1:${this.port})/${database}`;
  }

  /** Starts it again, on the same port and data. */
  async start(): Promise<void> {
    this.#process = new Deno.Command("mariadbd", {
      args: [
        "--no-defaults",
        `--datadir=${this.#data}`,
        "--bind-address=127.0.0.1",
        `--port=${this.port}`,
        `--socket=${this.socket}`,
        `--pid-file=${this.folder}/mariadbd.pid`,
        `--log-error=${this.#log}`,
        "--skip-name-resolve",
        "--skip-log-bin",
        // What is committed outlives the process at once, as a test kills it, but not the machine.
        "--innodb-flush-log-at-trx-commit=2",
        "--innodb-buffer-pool-size=128M",
        "--innodb-buffer-pool-dump-at-shutdown=0",
        "--key-buffer-size=1M",
        "--aria-pagecache-buffer-size=8M",
        LOG_SIZE,
        ...userArgs(),
        ...this.#args,
      ],
      env: searchPath(),
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    await this.#answers(this.#process);
  }

  /** SIGKILL, and waits until it is gone. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** SIGTERM, and waits until it is gone. */
  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  /** SIGSTOP: it takes connections and answers nothing. */
  freeze(): void {
    this.#process!.kill("SIGSTOP");
  }

  /** SIGCONT. */
  thaw(): void {
    this.#process!.kill("SIGCONT");
  }

  /**
   * Runs SQL as root, by the command line client. Names of tables have their database before them, unless the text says `USE`.
   *
   * @returns the rows, a line each without its end, the columns with tabs between them
   * @throws {Error} with what the client said, at the first statement that fails
   */
  async sql(text: string): Promise<string> {
    const output = await run("mariadb", [
      "--no-defaults",
      "--batch",
      "--skip-column-names",
      "--default-character-set=utf8mb4",
      "--user=root",
      `--socket=${this.socket}`,
    ], text);
    return output.replace(/\n$/, "");
  }

  /** Creates the database `im` with the family's tables `group` and `group_member`, empty. */
  async loadFamilySchema(): Promise<void> {
    await this.sql(FAMILY_SCHEMA);
  }

  /** Creates the user `imr`, who may read the database `im` and nothing else; returns the login for {@linkcode dsn}. */
  async createReader(password: string): Promise<string> {
    const quoted = password.replace(/['\\]/g, "\\$&");
    await this.sql(
      `CREATE USER imr@'%' IDENTIFIED BY '${quoted}'; GRANT SELECT ON im.* TO imr@'%';`,
    );
    return `imr:${password}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end("SIGKILL");
    await Deno.remove(this.folder, { recursive: true });
  }

  get #data(): string {
    return `${this.folder}/data`;
  }

  get #log(): string {
    return `${this.folder}/error.log`;
  }

  async #end(signal: Deno.Signal): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    if (process === undefined) return;
    try {
      process.kill(signal);
    } catch {
      // it has ended by itself
    }
    await process.status;
  }

  /** It greets whom it takes in; a dial alone is answered before that. */
  async #answers(process: Deno.ChildProcess): Promise<void> {
    let hasEnded = false;
    process.status.then(() => hasEnded = true);
    const end = performance.now() + 20_000;
    for (;;) {
      try {
        using conn = await Deno.connect({ transport: "unix", path: this.socket });
        if (await conn.read(new Uint8Array(256)) !== null) return;
      } catch (error) {
        // The socket is not there yet, or is the one of a process that was killed.
        const { NotFound, ConnectionRefused, ConnectionReset } = Deno.errors;
        const isExpected = [NotFound, ConnectionRefused, ConnectionReset].some((kind) =>
          error instanceof kind
        );
        if (!isExpected) throw error;
      }
      if (hasEnded || performance.now() > end) {
        const log = await Deno.readTextFile(this.#log).catch(() => "it wrote no log");
        throw new Error(`mariadbd does not answer\n${log}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

/** As root it refuses to run unless it is told to. */
function userArgs(): string[] {
  return Deno.uid() === 0 ? ["--user=root"] : [];
}

function searchPath(): { PATH: string } {
  return { PATH: `${Deno.env.get("PATH") ?? ""}:${SYSTEM_FOLDERS}` };
}

/** Returns what it wrote, and throws with its complaint when it failed. */
async function run(program: string, args: string[], input = ""): Promise<string> {
  await using child = new Deno.Command(program, {
    args,
    env: searchPath(),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const [{ success, stdout, stderr }] = await Promise.all([
    child.output(),
    // It may stop reading at a statement that fails.
    new Blob([input]).stream().pipeTo(child.stdin).catch(() => {}),
  ]);
  const decoder = new TextDecoder();
  if (success) return decoder.decode(stdout);
  throw new Error(`${program}: ${decoder.decode(stderr).trim()}`);
}
