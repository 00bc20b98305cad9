// Configuration files of the family, one of each form and era, and what each of their keys means here.
import assert from "node:assert/strict";
import { parseConfigFile } from "../../src/config/config_file.ts";
import { type Effective, effectiveSettings } from "../../src/config/effective.ts";

/** A router of 2018-19: glog, groups in MySQL. */
const INI_GENERATION_1 = `listen=:4444
redis_address=127.0.0.1:6379
redis_password=foobar
redis_db=1
http_listen_address=:6666
mysqldb_source=im:123456@tcp(127.0.0.1:3306)/gobelieve?charset=utf8
is_push_system=1
`;
/** Of 2019 to 2024: logrus, no groups. */
const INI_GENERATION_2 = `# imr
listen=0.0.0.0:4444
redis_address=redis.example:6379
redis_password=
redis_db=0
log_filename=/var/log/imr.log
log_level=info
log_backup=10
log_age=30
log_caller=0
`;
/** Since January 2025. */
const TOML_GENERATION_2 = `listen=":4444"
http_listen_address = "127.0.0.1:6666"
push_disabled = false

[redis]
address = "127.0.0.1:6379"
password = "foobar"
db = 2

[log]
filename = ""
level = "warn"
`;

async function effective(text: string): Promise<Effective> {
  const file = await Deno.makeTempFile({ prefix: "imr-config-" });
  try {
    await Deno.writeTextFile(file, text);
    return effectiveSettings({ flags: new Map(), file, variable: () => undefined });
  } finally {
    await Deno.remove(file);
  }
}

Deno.test("a key=value file with mysqldb_source is of generation 1, and each key counts", async () => {
  const { settings, problems, warnings, file } = await effective(INI_GENERATION_1);
  assert.deepEqual([problems, warnings], [[], []]);
  assert.equal(file?.kind, "family key=value");
  assert.equal(settings.generation, 1);
  assert.deepEqual(settings.listen, { hostname: "0.0.0.0", port: 4444 });
  assert.deepEqual(settings.http, { hostname: "0.0.0.0", port: 6666 });
  assert.equal(settings.isPushSystem, true);
  assert.deepEqual(settings.redis?.target, {
    kind: "server",
    node: { host: "127.0.0.1", port: 6379 },
  });
  assert.equal(settings.redis?.password, "foobar");
  assert.equal(settings.redis?.database, 1);
  assert.equal(settings.mysql?.password, "123456");
  assert.equal(settings.mysql?.database, "gobelieve");
});

Deno.test("a key=value file without mysqldb_source is of generation 2, without HTTP unless it says so", async () => {
  const { settings, problems, warnings } = await effective(INI_GENERATION_2);
  assert.deepEqual(problems, []);
  assert.equal(settings.generation, 2);
  assert.equal(settings.http, undefined);
  assert.equal(settings.redis?.password, undefined, "an empty password is none");
  assert.equal(settings.isPushSystem, true, "neither switch stands there");
  assert.equal(settings.mysql, undefined);
  assert.equal(warnings.length, 5, "the keys of the log, which has its own way");
  assert.match(warnings[0]!, /:6: log_filename has no effect/);
});

Deno.test("a TOML file of the family is of generation 2", async () => {
  const { settings, problems, file } = await effective(TOML_GENERATION_2);
  assert.deepEqual(problems, []);
  assert.equal(file?.kind, "family TOML");
  assert.equal(settings.generation, 2);
  assert.deepEqual(settings.listen, { hostname: "0.0.0.0", port: 4444 });
  assert.deepEqual(settings.http, { hostname: "127.0.0.1", port: 6666 });
  assert.equal(settings.redis?.password, "foobar");
  assert.equal(settings.redis?.database, 2);
  assert.equal(settings.pushDisabled, false);
});

Deno.test("an empty TOML file of the family has every default but HTTP", async () => {
  const { settings, problems } = await effective("");
  assert.deepEqual(problems, []);
  assert.deepEqual([settings.generation, settings.http, settings.redis], [2, undefined, undefined]);
  assert.equal(settings.listen.port, 4444);
});

const REQUIRED = "listen=:4444\nredis_address=h:1\n";
const FIRST = `${REQUIRED}mysqldb_source=u@/d\n`;
for (
  const { rule, text, system, disabled = false } of [
    { rule: "generation 1, absent is off", text: FIRST, system: false },
    { rule: "generation 1, 1 is on", text: `${FIRST}is_push_system=1\n`, system: true },
    { rule: "generation 1, 2 is off", text: `${FIRST}is_push_system=2\n`, system: false },
    { rule: "generation 2, absent is on", text: REQUIRED, system: true },
    { rule: "generation 2, 0 is off", text: `${REQUIRED}is_push_system=0\n`, system: false },
    {
      rule: "generation 2, absent beside push_disabled is off",
      text: `${REQUIRED}push_disabled=0\n`,
      system: false,
    },
    {
      rule: "push_disabled, 1 is on",
      text: `${REQUIRED}push_disabled=1\n`,
      system: false,
      disabled: true,
    },
  ]
) {
  Deno.test(`is_push_system and push_disabled of a key=value file: ${rule}`, async () => {
    const { settings, problems } = await effective(text);
    assert.deepEqual(problems, []);
    assert.equal(settings.isPushSystem, system);
    assert.equal(settings.pushDisabled, disabled);
  });
}

Deno.test("lines of a key=value file: keys in any case, CR, blanks, comments, values verbatim", async () => {
  const { settings, problems, warnings } = await effective(
    "LISTEN=:4444\r\nRedis_Address=h:1\r\n#redis_db=7\r\n redis_db=8\r\n\tredis_db=9\r\n" +
      'redis_db =6\r\nredis_password=a=b # "c" \r\n\r\nno equals sign\r\n',
  );
  assert.deepEqual(problems, []);
  assert.equal(settings.listen.port, 4444);
  assert.equal(settings.redis?.database, 0);
  assert.equal(settings.redis?.password, 'a=b # "c" ');
  assert.equal(warnings.length, 1, "a key with a blank behind it is another key");
});

for (
  const { what, text, why } of [
    { what: "no redis_address", text: "listen=:4444\n", why: /redis_address is missing/ },
    {
      what: "a number that is none",
      text: `${REQUIRED}redis_db=one\n`,
      why: /:3: redis.db is "one"/,
    },
    {
      what: "a switch that is no number",
      text: `${REQUIRED}is_push_system=yes\n`,
      why: /:3: is_push_system is "yes"/,
    },
    {
      what: "an address that is none",
      text: "listen=4444\nredis_address=h:1\n",
      why: /:1: listen is "4444"/,
    },
    { what: "TOML with a slip", text: 'listen = ":4444"\n[redis\n', why: /:2:/ },
    { what: "TOML with a wrong type", text: '[redis]\ndb = "1"\n', why: /:2: redis.db/ },
  ]
) {
  Deno.test(`a configuration file with ${what} says so, with the line`, async () => {
    const { problems } = await effective(text);
    assert.match(problems.join("\n"), why);
  });
}

Deno.test("a problem with an address that may hold a password shows nothing of it", async () => {
  const { problems } = await effective(`${REQUIRED}mysqldb_source=user:hidden-pw@tcp(h:99999)/d\n`);
  assert.equal(problems.length, 1);
  assert.doesNotMatch(problems[0]!, /hidden-pw/);
});

Deno.test("a TOML file with a key that only the router's own files have is one of those, and strict", () => {
  const { kind, problems } = parseConfigFile('generation = "2"\nlog_level = "info"\n', "f");
  assert.equal(kind, "own");
  assert.match(problems.join(), /f:2: log_level is not known/);
});
