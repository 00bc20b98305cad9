// The router's own configuration file, the environment, and which of several places counts.
import assert from "node:assert/strict";
import { configTemplate } from "../../src/cli/config.ts";
import { parseConfigFile } from "../../src/config/config_file.ts";
import { effectiveSettings, shownSettings } from "../../src/config/effective.ts";
import { environmentLayer, type Given, resolve } from "../../src/config/layer.ts";
import { nearest } from "../../src/config/nearest.ts";
import { SETTING_KEYS, type SettingKey, settingOf } from "../../src/config/setting_list.ts";

Deno.test("own file: everything that is wrong is said at once, each with its line", () => {
  const { problems, kind } = parseConfigFile(
    'generation = "3"\nlisten = 4444\ngeneratoin = "1"\n[redis]\nadress = "h:1"\ndb = "1"\n[nothing]\nx = 1\n',
    "imr.toml",
  );
  assert.equal(kind, "own");
  assert.deepEqual(problems, [
    "imr.toml:2: listen: a string expected",
    "imr.toml:3: generatoin is not known; is generation meant?",
    "imr.toml:5: redis.adress is not known; is redis.address meant?",
    "imr.toml:6: redis.db: a whole number without quotes expected",
    "imr.toml:8: nothing.x is not known",
  ]);
});

Deno.test("own file: values that a setting cannot be say what is allowed", () => {
  const { layer } = parseConfigFile('generation = "3"\n[redis]\naddress = "a:b:secret"\n', "f");
  assert.deepEqual(resolve([layer]).problems, [
    'f:1: generation is "3": auto, 1, 2 expected',
    "f:3: redis.address: a host, or host:port with a port of 1 to 65535, expected",
  ]);
});

Deno.test("places: an option counts before the environment, that before the file, that before the default", async () => {
  const file = await Deno.makeTempFile({ suffix: ".toml" });
  try {
    await Deno.writeTextFile(
      file,
      'generation = "1"\ndata = "file"\nlisten = "file:1"\nhttp_listen_address = "file:2"\n',
    );
    const flags = new Map<SettingKey, Given>([["listen", { text: "flag:1", origin: "--listen" }]]);
    const variables: Record<string, string> = {
      IMR_LISTEN: "env:1",
      IMR_HTTP_LISTEN_ADDRESS: "env:2",
      IMR_DATA: "", // empty is not set
    };
    const effective = effectiveSettings({ flags, file, variable: (name) => variables[name] });
    assert.deepEqual(effective.problems, []);
    const shown = new Map(
      shownSettings(effective).map(({ key, value, origin }) => [key, `${value} ${origin}`]),
    );
    assert.equal(shown.get("listen"), "flag:1 --listen");
    assert.equal(shown.get("http_listen_address"), "env:2 IMR_HTTP_LISTEN_ADDRESS");
    assert.equal(shown.get("data"), `file ${file}:2`);
    assert.equal(shown.get("poison_guard"), "true default");
    assert.equal(shown.get("redis.address"), "undefined not set");
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("settings are shown without anything secret", () => {
  const secret = "hidden-pw";
  const texts: Partial<Record<SettingKey, string>> = {
    "redis.address": `redis://user:${secret}@h:1/2`,
    "redis.password": secret,
    "mysqldb_source": `user:${secret}@tcp(h:1)/d`,
  };
  const layer = new Map(
    Object.entries(texts).map(([key, text]) => [key as SettingKey, { text, origin: "test" }]),
  );
  const resolved = resolve([layer]);
  assert.deepEqual(resolved.problems, []);
  const shown = JSON.stringify(shownSettings(resolved));
  assert.doesNotMatch(shown, new RegExp(secret));
  assert.match(shown, /user@tcp/);
});

Deno.test("every setting has a variable of the environment of its own, and reads its default", () => {
  const names = new Set<string>();
  environmentLayer((name) => void names.add(name));
  assert.equal(names.size, SETTING_KEYS.length);
  for (const key of SETTING_KEYS) {
    const { default: standard, parse } = settingOf(key);
    if (standard !== undefined) assert.doesNotThrow(() => parse(standard), key);
  }
});

Deno.test("imr config init prints a file that changes nothing, and with every setting in force is read as the router's own", () => {
  const template = configTemplate("1.2.3");
  const asItIs = parseConfigFile(template, "f");
  assert.equal(asItIs.kind, "own");
  assert.deepEqual([...asItIs.layer].map(([key, { text }]) => `${key} ${text}`), [
    "generation auto",
  ]);
  const inForce = template.replaceAll(/^#(?=[a-z_]+ = )/gm, "");
  const { kind, layer, problems } = parseConfigFile(inForce, "f");
  assert.equal(kind, "own");
  assert.deepEqual(problems, []);
  assert.deepEqual([...layer.keys()].sort(), [...SETTING_KEYS].sort());
  for (const line of template.split("\n")) assert.ok(line.length <= 100, line);
});

Deno.test("nearest finds the word with a slip in it, and none that is another word", () => {
  const words = ["listen", "generation", "data"];
  assert.equal(nearest("lissten", words), "listen");
  assert.equal(nearest("GENERATOIN", words), "generation");
  assert.equal(nearest("dat", words), "data");
  assert.equal(nearest("imr.cfg", words), undefined);
  assert.equal(nearest("x", words), undefined);
});
