// Every form of a DSN of Go's MySQL driver, and that no text that is made of one holds the password.
import assert from "node:assert/strict";
import fc from "fast-check";
import { formatMysql, type MysqlSettings, parseMysqlDsn } from "../../src/groups/mysql_settings.ts";

function tcp(host: string, port: number, more: Partial<MysqlSettings> = {}): MysqlSettings {
  return { target: { kind: "tcp", host, port }, user: "", database: "im", ...more };
}

function unix(path: string, more: Partial<MysqlSettings> = {}): MysqlSettings {
  return { target: { kind: "unix", path }, user: "", database: "im", ...more };
}

const FORMS: readonly (readonly [text: string, settings: MysqlSettings, shown: string])[] = [
  // Where it is.
  ["/im", tcp("127.0.0.1", 3306), "tcp(127.0.0.1:3306)/im"],
  ["@/im", tcp("127.0.0.1", 3306), "tcp(127.0.0.1:3306)/im"],
  ["tcp/im", tcp("127.0.0.1", 3306), "tcp(127.0.0.1:3306)/im"],
  ["tcp()/im", tcp("127.0.0.1", 3306), "tcp(127.0.0.1:3306)/im"],
  ["(db)/im", tcp("db", 3306), "tcp(db:3306)/im"],
  ["tcp(db)/im", tcp("db", 3306), "tcp(db:3306)/im"],
  ["tcp(db.internal:65535)/im", tcp("db.internal", 65_535), "tcp(db.internal:65535)/im"],
  ["tcp(10.0.0.1:1)/im", tcp("10.0.0.1", 1), "tcp(10.0.0.1:1)/im"],
  ["tcp(:3307)/im", tcp("127.0.0.1", 3307), "tcp(127.0.0.1:3307)/im"],
  ["tcp([::1]:3307)/im", tcp("::1", 3307), "tcp([::1]:3307)/im"],
  ["tcp([fe80::1%eth0]:3307)/im", tcp("fe80::1%eth0", 3307), "tcp([fe80::1%eth0]:3307)/im"],
  ["tcp([::1])/im", tcp("::1", 3306), "tcp([::1]:3306)/im"],
  ["tcp(::1)/im", tcp("::1", 3306), "tcp([::1]:3306)/im"],
  [
    "tcp(de:ad:be:ef::ca:fe)/im",
    tcp("de:ad:be:ef::ca:fe", 3306),
    "tcp([de:ad:be:ef::ca:fe]:3306)/im",
  ],
  ["tcp4(db:3307)/im", tcp("db", 3307), "tcp(db:3307)/im"],
  ["tcp6([::1]:3307)/im", tcp("::1", 3307), "tcp([::1]:3307)/im"],
  ["unix/im", unix("/tmp/mysql.sock"), "unix(/tmp/mysql.sock)/im"],
  ["unix()/im", unix("/tmp/mysql.sock"), "unix(/tmp/mysql.sock)/im"],
  ["unix(/run/my(1).sock)/im", unix("/run/my(1).sock"), "unix(/run/my(1).sock)/im"],
  [
    "im:hidden@unix(/run/mysqld/mysqld.sock)/im",
    unix("/run/mysqld/mysqld.sock", { user: "im", password: "hidden" }),
    "im@unix(/run/mysqld/mysqld.sock)/im",
  ],
  // Who comes.
  ["im@tcp(db)/im", tcp("db", 3306, { user: "im" }), "im@tcp(db:3306)/im"],
  ["im@/im", tcp("127.0.0.1", 3306, { user: "im" }), "im@tcp(127.0.0.1:3306)/im"],
  ["im:@tcp(db)/im", tcp("db", 3306, { user: "im" }), "im@tcp(db:3306)/im"],
  [":hidden@tcp(db)/im", tcp("db", 3306, { password: "hidden" }), "tcp(db:3306)/im"],
  [
    "im:hid:d@en/(%2F)?x=1@tcp(db)/im",
    tcp("db", 3306, { user: "im", password: "hid:d@en/(%2F)?x=1" }),
    "im@tcp(db:3306)/im",
  ],
  ["i@m/@tcp(db)/im", tcp("db", 3306, { user: "i@m/" }), "i@m/@tcp(db:3306)/im"],
  // The database.
  ["tcp(db)/a+b", tcp("db", 3306, { database: "a+b" }), "tcp(db:3306)/a+b"],
  [
    "tcp(db)/a%2Fb%3Fc%40d%25%20%C3%A9",
    tcp("db", 3306, { database: "a/b?c@d% é" }),
    "tcp(db:3306)/a%2Fb%3Fc%40d%25%20é",
  ],
  // Parameters.
  ["tcp(db)/im?", tcp("db", 3306), "tcp(db:3306)/im"],
  [
    "tcp(db)/im?charset=utf8mb4,utf8&parseTime=True&loc=Asia%2FShanghai&readTimeout=1x&tls&%zz=%zz",
    tcp("db", 3306),
    "tcp(db:3306)/im",
  ],
  ["tcp(db)/im?tls=true", tcp("db", 3306, { tls: { verify: true } }), "tcp(db:3306)/im?tls=true"],
  ["tcp(db)/im?tls=1", tcp("db", 3306, { tls: { verify: true } }), "tcp(db:3306)/im?tls=true"],
  ["tcp(db)/im?tls=%74rue", tcp("db", 3306, { tls: { verify: true } }), "tcp(db:3306)/im?tls=true"],
  [
    "tcp(db)/im?a=b&tls=Skip-Verify",
    tcp("db", 3306, { tls: { verify: false } }),
    "tcp(db:3306)/im?tls=skip-verify",
  ],
  ["tcp(db)/im?tls=preferred", tcp("db", 3306), "tcp(db:3306)/im"],
  ["tcp(db)/im?tls=false", tcp("db", 3306), "tcp(db:3306)/im"],
  ["tcp(db)/im?tls=0", tcp("db", 3306), "tcp(db:3306)/im"],
  ["tcp(db)/im?tls=", tcp("db", 3306), "tcp(db:3306)/im"],
  ["tcp(db)/im?tls=true&tls=false", tcp("db", 3306), "tcp(db:3306)/im"],
  ["tcp(db)/im?TLS=true", tcp("db", 3306), "tcp(db:3306)/im"],
];

const TIMEOUTS: readonly (readonly [text: string, ms: number | undefined])[] = [
  ["5s", 5_000],
  ["+5s", 5_000],
  ["500ms", 500],
  ["1m30s", 90_000],
  ["1h", 3_600_000],
  ["1.1s", 1_100],
  [".5s", 500],
  ["1.s", 1_000],
  ["1s1s", 2_000],
  ["1ns", 1],
  ["1500us", 2],
  ["1500%C2%B5s", 2],
  ["1500\u03bcs", 2],
  ["596h", 2_145_600_000],
  ["0", undefined],
  ["0s", undefined],
];

const ERRORS: readonly (readonly [text: string, message: RegExp])[] = [
  ["", /no \/database/],
  ["im:hidden@tcp(db)", /no \/database/],
  ["im:hid/den@tcp(db)", /written %40/],
  ["im:hid@/den@tcp(db)", /written %40/],
  ["tcp(db)/i@m", /written %40/],
  ["tcp(db)/im?a=@b", /written %40/],
  ["/", /has no name/],
  ["im:hidden@tcp(db)/", /has no name/],
  ["tcp(db)/?tls=true", /has no name/],
  ["tcp(db)/%zz", /% in the database's name/],
  ["tcp(db)/im?tls=%zz", /% in the parameter tls/],
  ["tcp(db)/im?timeout=%", /% in the parameter timeout/],
  ["unix(/run/mysql.sock)", /is there a \/database/],
  ["tcp(db/im", /no \) ends the address/],
  ["tcp(db)x/im", /no \) ends the address/],
  ["tcp(db)/im?loc=Asia/Shanghai", /in a parameter written %2F/],
  ["im:hidden/im", /tcp or unix/],
  ["im:hidden@db:3306/im", /tcp or unix/],
  ["TCP(db)/im", /tcp or unix/],
  ["udp(db)/im", /tcp or unix/],
  ["mysql://im:hidden@db:3306/im", /tcp or unix/],
  ["mysql://db/im", /tcp or unix/],
  ["tcp4/im", /want an address/],
  ["tcp6()/im", /want an address/],
  ["tcp(db:)/im", /a host, host:port/],
  ["tcp(db:0)/im", /port of 1 to 65535/],
  ["tcp(db:65536)/im", /port of 1 to 65535/],
  ["tcp(db:123456)/im", /port of 1 to 65535/],
  ["tcp(db:mysql)/im", /port of 1 to 65535/],
  ["tcp(a b)/im", /a host, host:port/],
  ["tcp(a)(b)/im", /a host, host:port/],
  ["tcp([db]:1)/im", /a host, host:port/],
  ["tcp([]:1)/im", /a host, host:port/],
  ["tcp([::1)/im", /a host, host:port/],
  ["tcp([::1]1)/im", /a host, host:port/],
  ["tcp(a,b)/im?tls=own", /--mysql-ca/],
  ["tcp(db)/im?timeout=", /a duration/],
  ["tcp(db)/im?timeout=5", /a duration/],
  ["tcp(db)/im?timeout=-5s", /a duration/],
  ["tcp(db)/im?timeout=5 s", /a duration/],
  ["tcp(db)/im?timeout=.s", /a duration/],
  ["tcp(db)/im?timeout=1.2.3s", /a duration/],
  ["tcp(db)/im?timeout=5d", /a duration/],
  ["tcp(db)/im?timeout=597h", /596h at most/],
];

/** With what stands in a password. */
const DSNS: readonly ((password: string) => string)[] = [
  (password) => `im:${password}@tcp(db:3306)/im`,
  (password) => `:${password}@/im`,
  (password) => `im:${password}@tcp([::1]:1)/im?tls=true&timeout=5s`,
  (password) => `im:${password}@unix(/run/mysql.sock)/im?charset=utf8`,
];
const RIGHT = DSNS.length;
const WRONG: readonly ((password: string) => string)[] = [
  (password) => `im:${password}@tcp(db:0)/im`,
  (password) => `im:${password}@db:3306/im`,
  (password) => `im:${password}@tcp(db)/im?loc=Asia/Shanghai`,
  (password) => `im:${password}@/im?loc=Asia/Shanghai`,
  (password) => `im:${password}@tcp(db)/im?tls=own`,
  (password) => `im:${password}@tcp(db)/im?timeout=5`,
  (password) => `im:${password}@tcp(db)/%zz`,
  // Without a database, and without a server.
  (password) => `im:${password}@tcp(db)`,
  (password) => `im:${password}@tcp(db)/`,
  (password) => `im:${password.replaceAll("@", "")}/im`,
  (password) => `im:${password.replaceAll("@", "")}`,
];
const SECRET = "SECRET";
const FRAGMENTS = [
  SECRET,
  "@",
  "/",
  ":",
  "?",
  "(",
  ")",
  "%",
  "%2F",
  "&",
  "=",
  "[",
  "]",
  "tcp",
  "\n",
];
const tricky = fc.array(fc.constantFrom(...FRAGMENTS), { minLength: 1, maxLength: 8 })
  .map((parts) => parts.join(""));

Deno.test("parseMysqlDsn reads every form, and formatMysql writes it without the password", () => {
  for (const [text, settings, shown] of FORMS) {
    const parsed = parseMysqlDsn(text);
    assert.deepEqual(parsed, settings, text);
    assert.equal(formatMysql(parsed), shown, text);
  }
});

Deno.test("formatMysql writes a DSN of the same server, user and database", () => {
  for (const [text, { password: _, ...settings }, shown] of FORMS) {
    assert.deepEqual(parseMysqlDsn(shown), settings, text);
  }
});

Deno.test("parseMysqlDsn reads a time-out as Go reads a duration, in whole milliseconds", () => {
  for (const [text, ms] of TIMEOUTS) {
    const settings = parseMysqlDsn(`tcp(db)/im?timeout=${text}`);
    assert.equal(settings.connectTimeoutMs, ms, text);
    assert.equal(Object.hasOwn(settings, "connectTimeoutMs"), ms !== undefined, text);
  }
});

Deno.test("parseMysqlDsn says what is wrong, and never shows a password", () => {
  for (const [text, message] of ERRORS) {
    assert.throws(() => parseMysqlDsn(text), (error) => {
      assert.ok(error instanceof RangeError, text);
      assert.match(error.message, message, text);
      assert.ok(!/hid|den/.test(error.message), text);
      return true;
    });
  }
});

Deno.test("parseMysqlDsn gives back every password as it stands", () => {
  fc.assert(
    fc.property(
      fc.oneof(tricky, fc.string({ unit: "grapheme", minLength: 1 })),
      fc.nat(RIGHT - 1),
      (password, form) => {
        assert.equal(parseMysqlDsn(DSNS[form]!(password)).password, password);
      },
    ),
    { numRuns: 2_000 },
  );
});

Deno.test("parseMysqlDsn and formatMysql never show a password, in a right DSN or not", () => {
  const forms = [...DSNS, ...WRONG];
  fc.assert(
    fc.property(tricky, fc.nat(forms.length - 1), (password, form) => {
      const text = forms[form]!(password);
      let shown: string;
      try {
        shown = formatMysql(parseMysqlDsn(text));
        assert.ok(form < RIGHT, text);
      } catch (error) {
        assert.ok(error instanceof RangeError, String(error));
        shown = error.message;
      }
      assert.ok(!shown.includes(SECRET), text);
    }),
    { numRuns: 5_000 },
  );
});

Deno.test("formatMysql shows no password that came another way, and no file of one", () => {
  const settings = {
    ...parseMysqlDsn("im:SECRET1@tcp(db)/im"),
    passwordFile: "/run/SECRET2",
    tls: { caFile: "/run/SECRET3", verify: true },
  };
  assert.equal(formatMysql(settings), "im@tcp(db:3306)/im?tls=true");
});
