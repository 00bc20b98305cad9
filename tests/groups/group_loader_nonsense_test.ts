// What is dialled and does not speak as MySQL does.
import assert from "node:assert/strict";
import type { LoadErrorKind } from "../../src/groups/load_error.ts";
import { parseMysqlDsn } from "../../src/groups/mysql_settings.ts";
import { concat, hex } from "../support/wire_hex.ts";
import { TestLoader } from "./loader_fixture.ts";

/** Something that listens, and what it does with each connection before it closes that. */
class Impostor implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #done: Promise<void>;

  constructor(greet: (connection: Deno.Conn) => Promise<unknown>) {
    this.#done = this.#serve(greet);
  }

  get dsn(): string {
    return `root:hidden-7@tcp(127.0.0.1:${this.#listener.addr.port})/im`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#done;
  }

  async #serve(greet: (connection: Deno.Conn) => Promise<unknown>): Promise<void> {
    for await (const connection of this.#listener) {
      try {
        await greet(connection);
      } catch {
        // the loader has gone
      } finally {
        connection.close();
      }
    }
  }
}

/** Waits until the other end closes. */
async function readOut(connection: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(1_024);
  while (await connection.read(buffer) !== null);
}

/** A packet of MySQL. */
function packet(number: number, body: Uint8Array): Uint8Array<ArrayBuffer> {
  return concat(Uint8Array.of(body.length, body.length >> 8, body.length >> 16, number), body);
}

const text = (words: string) => new TextEncoder().encode(words);
/** What MariaDB greets with: version 10, a name, a connection, a salt, what it can do, and how one logs in. */
const GREETING = packet(
  0,
  concat(
    hex("0a"),
    text("10.11.6-MariaDB\0"),
    hex("07000000"),
    text("saltsalt\0"),
    hex("fef7 2d 0200 ff81 15 000000000000 1d000000"),
    text("saltsaltsalt\0mysql_native_password\0"),
  ),
);
const OK = packet(2, hex("00 00 00 0200 0000"));

/** What it sends, one after each answer; then it waits, so that nothing but the words themselves ends the load. */
const WORDS: Readonly<Record<string, readonly [LoadErrorKind, ...Uint8Array[]]>> = {
  // What could be the beginning of a long packet.
  "HTTP": ["too_slow", text("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")],
  "as Redis does": ["too_slow", text("-ERR unknown command\r\n")],
  "of a packet of 16 MB and sends none": ["too_slow", hex("ffffff 00 0a")],
  "ones": ["too_slow", new Uint8Array(4_096).fill(0xff)],
  "zeros": ["failed", new Uint8Array(4_096)],
  "a greeting of nothing": ["failed", packet(0, hex(""))],
  "a greeting of another version": ["failed", packet(0, hex("09 31 00"))],
  "a greeting that is cut": ["failed", packet(0, GREETING.subarray(4, 12))],
  "a greeting, and then nonsense": ["failed", GREETING, packet(2, hex("4e 6f 6e 73 65"))],
  "a greeting, lets in, and then nonsense": [
    "too_slow",
    GREETING,
    OK,
    packet(1, hex("fc ff ff 01")),
  ],
  "of a way to log in that nobody knows": [
    "denied",
    GREETING,
    packet(2, concat(hex("fe"), text("magic\0x\0"))),
  ],
};

/** Asserts that a load fails with a LoadError that shows no password, and soon. */
async function assertFails(dsn: string): Promise<{ kind: string; message: string }> {
  const settings = { ...parseMysqlDsn(dsn), connectTimeoutMs: 200 };
  using loader = new TestLoader(settings, { silenceMs: 200 });
  const error = await loader.loadNow().then(() => undefined, (error) => error);
  assert.equal(error?.name, "LoadError", String(error));
  assert.ok(error.message !== "" && !error.message.includes("hidden-7"), error.message);
  // The thread is there still, or another one.
  const again = await loader.loadNow().then(() => undefined, (error) => error);
  assert.deepEqual([again?.name, again?.kind], ["LoadError", error.kind]);
  return error;
}

for (const [what, [kind, first, ...more]] of Object.entries(WORDS)) {
  Deno.test(`GroupLoader.load of a server that speaks ${what} is ${kind}, and so is the next`, async () => {
    await using impostor = new Impostor(async (connection) => {
      await connection.write(first!);
      for (const words of more) {
        await connection.read(new Uint8Array(1_024));
        await connection.write(words);
      }
      await readOut(connection);
    });
    const error = await assertFails(impostor.dsn);
    assert.equal(error.kind, kind, error.message);
    if (kind === "failed") {
      assert.match(error.message, /^what answers does not speak as MySQL does/);
    }
  });
}

Deno.test("GroupLoader.load of a server that closes at once is unreachable", async () => {
  await using impostor = new Impostor(async () => {});
  assert.equal((await assertFails(impostor.dsn)).kind, "unreachable");
});

Deno.test("GroupLoader.load of a server that greets and closes is unreachable", async () => {
  await using impostor = new Impostor(async (connection) => {
    await connection.write(GREETING);
    await connection.read(new Uint8Array(1_024));
  });
  assert.equal((await assertFails(impostor.dsn)).kind, "unreachable");
});

Deno.test("GroupLoader.load of a server that never speaks is too_slow", async () => {
  await using impostor = new Impostor(readOut);
  assert.equal((await assertFails(impostor.dsn)).kind, "too_slow");
});

Deno.test("GroupLoader.load of a server that greets and says no more is too_slow", async () => {
  await using impostor = new Impostor(async (connection) => {
    await connection.write(GREETING);
    await readOut(connection);
  });
  assert.equal((await assertFails(impostor.dsn)).kind, "too_slow");
});

Deno.test("GroupLoader.load of a server that has too many connections says so", async () => {
  const refusal = concat(hex("ff 1004"), text("#08004Too many connections"));
  await using impostor = new Impostor(async (connection) => {
    await connection.write(packet(0, refusal));
    await readOut(connection);
  });
  const { kind, message } = await assertFails(impostor.dsn);
  assert.deepEqual([kind, message], ["failed", "Too many connections"]);
});
