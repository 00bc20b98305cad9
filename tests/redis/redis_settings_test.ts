// Every form of an address of Redis, and that no text that is made of one holds the password.
import assert from "node:assert/strict";
import fc from "fast-check";
import { formatRedis, parseRedisUrl, type RedisSettings } from "../../src/redis/redis_settings.ts";

function server(host: string, port: number, more: Partial<RedisSettings> = {}): RedisSettings {
  return { target: { kind: "server", node: { host, port } }, database: 0, ...more };
}

const FORMS: readonly (readonly [text: string, settings: RedisSettings, shown: string])[] = [
  ["db", server("db", 6379), "redis://db:6379"],
  ["db:7000", server("db", 7000), "redis://db:7000"],
  ["127.0.0.1:1", server("127.0.0.1", 1), "redis://127.0.0.1:1"],
  ["redis://db", server("db", 6379), "redis://db:6379"],
  ["redis://db/", server("db", 6379), "redis://db:6379"],
  ["redis://db:65535/0", server("db", 65_535), "redis://db:65535"],
  ["redis://db/15", server("db", 6379, { database: 15 }), "redis://db:6379/15"],
  ["[::1]", server("::1", 6379), "redis://[::1]:6379"],
  [
    "redis://[fe80::1]:7000/2",
    server("fe80::1", 7000, { database: 2 }),
    "redis://[fe80::1]:7000/2",
  ],
  ["redis://:hidden@db", server("db", 6379, { password: "hidden" }), "redis://db:6379"],
  [":hidden@db:7000", server("db", 7000, { password: "hidden" }), "redis://db:7000"],
  ["redis://imr@db", server("db", 6379, { username: "imr" }), "redis://imr@db:6379"],
  [
    "redis://imr:hid:den@db",
    server("db", 6379, { username: "imr", password: "hid:den" }),
    "redis://imr@db:6379",
  ],
  [
    "redis://i%40r:h%2Fi%25d%C3%A9n@db",
    server("db", 6379, { username: "i@r", password: "h/i%dén" }),
    "redis://i%40r@db:6379",
  ],
  ["rediss://db", server("db", 6379, { tls: {} }), "rediss://db:6379"],
  [
    "unix:///run/redis.sock",
    { target: { kind: "unix", path: "/run/redis.sock" }, database: 0 },
    "unix:///run/redis.sock",
  ],
  [
    "unix://imr:hidden@/run/a%20b.sock?db=3",
    {
      target: { kind: "unix", path: "/run/a b.sock" },
      database: 3,
      username: "imr",
      password: "hidden",
    },
    "unix://imr@/run/a b.sock?db=3",
  ],
  [
    "redis+sentinel://one/main",
    {
      target: { kind: "sentinel", nodes: [{ host: "one", port: 26_379 }], master: "main" },
      database: 0,
    },
    "redis+sentinel://one:26379/main",
  ],
  [
    "rediss+sentinel://:hidden@one:1,[::2]:2,three/main/4",
    {
      target: {
        kind: "sentinel",
        nodes: [{ host: "one", port: 1 }, { host: "::2", port: 2 }, {
          host: "three",
          port: 26_379,
        }],
        master: "main",
      },
      database: 4,
      password: "hidden",
      tls: {},
    },
    "rediss+sentinel://one:1,[::2]:2,three:26379/main/4",
  ],
  [
    "redis+cluster://one,two:7001",
    {
      target: {
        kind: "cluster",
        nodes: [{ host: "one", port: 6379 }, { host: "two", port: 7001 }],
      },
      database: 0,
    },
    "redis+cluster://one:6379,two:7001",
  ],
  [
    "rediss+cluster://imr:hidden@one/",
    {
      target: { kind: "cluster", nodes: [{ host: "one", port: 6379 }] },
      database: 0,
      username: "imr",
      password: "hidden",
      tls: {},
    },
    "rediss+cluster://imr@one:6379",
  ],
];

const ERRORS: readonly (readonly [text: string, message: RegExp])[] = [
  ["", /a host, or host:port/],
  ["redis://", /a host, or host:port/],
  ["redis:///1", /a host, or host:port/],
  ["db:0", /port of 1 to 65535/],
  ["db:65536", /port of 1 to 65535/],
  ["db:123456", /port of 1 to 65535/],
  ["db:", /a host, or host:port/],
  ["imr:hidden", /a host, or host:port/],
  ["::1", /a host, or host:port/],
  ["[host]", /a host, or host:port/],
  ["a b", /a host, or host:port/],
  ["redis://one,two", /one host expected/],
  ["redis://db/-1", /whole number/],
  ["redis://db/1.5", /whole number/],
  ["redis://db/name", /whole number/],
  ["redis://db/1/2", /whole number/],
  ["redis://db/9999999999", /whole number/],
  ["redis://db?db=1", /no parameter but/],
  ["redis://:%zz@db", /written %25/],
  ["redis://:hid/den@db", /%40 or %2F/],
  ["redis://:hid@den@db", /%40 or %2F/],
  ["redis://:1/hid?den@db", /%40 or %2F/],
  ["unix://run/redis.sock", /absolute/],
  ["unix:///", /absolute/],
  ["unix:///run/redis.sock?db=x", /whole number/],
  ["unix:///run/redis.sock?database=1", /no parameter but/],
  ["redis+sentinel://one", /master's name/],
  ["redis+sentinel://one/", /master's name/],
  ["redis+sentinel://one/main/1/2", /master's name/],
  ["redis+sentinel://one/main/x", /whole number/],
  ["redis+sentinel://one,/main", /a host, or host:port/],
  ["redis+cluster://one/1", /no databases but 0/],
  ["redis+cluster://one,:7000", /a host, or host:port/],
  ["http://db", /http:\/\/ is not known/],
  ["rediss+unix:///run/redis.sock", /is not known/],
  ["REDIS://db", /not an address/],
];

/** With what stands in a password. */
const ADDRESSES: readonly ((password: string) => string)[] = [
  (password) => `redis://imr:${password}@db:7000/1`,
  (password) => `:${password}@db`,
  (password) => `rediss://:${password}@[::1]`,
  (password) => `unix://imr:${password}@/run/redis.sock?db=1`,
  (password) => `redis+sentinel://:${password}@one,two:1/main/1`,
  (password) => `redis+cluster://imr:${password}@one,two:1`,
  // A host that is wrong or missing.
  (password) => `redis://imr:${password}@db:0`,
  (password) => `redis://imr:${password}@db/x`,
  (password) => `redis://imr:${password.replaceAll("@", "%40")}`,
  (password) => `redis+cluster://:${password}@one,:`,
];
const SECRET = "SECRET";
const raw = fc.array(
  fc.constantFrom(
    SECRET,
    "@",
    "/",
    ":",
    "?",
    "#",
    "%",
    "%4",
    "&",
    "=",
    "[",
    "]",
    ",",
    " ",
    "1",
    "\n",
  ),
  { minLength: 1, maxLength: 8 },
).map((parts) => parts.join(""));

function shownOf(text: string): string {
  try {
    return formatRedis(parseRedisUrl(text));
  } catch (error) {
    assert.ok(error instanceof RangeError, String(error));
    return error.message;
  }
}

Deno.test("parseRedisUrl reads every form, and formatRedis writes it without the password", () => {
  for (const [text, settings, shown] of FORMS) {
    const parsed = parseRedisUrl(text);
    assert.deepEqual(parsed, settings, text);
    assert.equal(formatRedis(parsed), shown, text);
  }
});

Deno.test("parseRedisUrl says what is wrong, and never shows a password", () => {
  for (const [text, message] of ERRORS) {
    assert.throws(() => parseRedisUrl(text), (error) => {
      assert.ok(error instanceof RangeError, text);
      assert.match(error.message, message, text);
      assert.ok(!/\bhid/.test(error.message), text);
      return true;
    });
  }
});

Deno.test("parseRedisUrl gives back every password that is percent-encoded", () => {
  fc.assert(fc.property(
    fc.string({ unit: "binary", minLength: 1 }).filter((text) => text.isWellFormed()),
    fc.nat(5),
    (password, form) => {
      const settings = parseRedisUrl(ADDRESSES[form]!(encodeURIComponent(password)));
      assert.equal(settings.password, password);
    },
  ));
});

Deno.test("parseRedisUrl and formatRedis never show a password, encoded or not, in a right address or not", () => {
  fc.assert(
    fc.property(raw, fc.nat(ADDRESSES.length - 1), fc.boolean(), (password, form, encode) => {
      const text = ADDRESSES[form]!(encode ? encodeURIComponent(password) : password);
      assert.ok(!shownOf(text).includes(SECRET), text);
    }),
    { numRuns: 5_000 },
  );
});

Deno.test("formatRedis shows no password that came another way", () => {
  const settings = {
    ...parseRedisUrl("redis+sentinel://imr:SECRET1@one/main"),
    passwordFile: "/run/SECRET2",
    sentinelPassword: "SECRET3",
  };
  assert.equal(formatRedis(settings), "redis+sentinel://imr@one:26379/main");
});
