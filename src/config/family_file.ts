/**
 * The configuration files of the family's own routers, of both generations and in every form they had: `key=value` lines, and TOML
 * since January 2025. These files are shared with other programs, so what is not known is only worth a warning.
 *
 * @module
 */

import type { Given } from "./layer.ts";
import { type FileLayer, flatten, linesOf, type TomlTable } from "./own_file.ts";
import { integerOf } from "./setting.ts";
import type { SettingKey } from "./setting_list.ts";

/** Keys of `key=value` files that mean something to us. */
const INI_KEYS: ReadonlyMap<string, SettingKey> = new Map([
  ["listen", "listen"],
  ["http_listen_address", "http_listen_address"],
  ["redis_address", "redis.address"],
  ["redis_password", "redis.password"],
  ["redis_db", "redis.db"],
  ["mysqldb_source", "mysqldb_source"],
  ["is_push_system", "is_push_system"],
  ["push_disabled", "push_disabled"],
]);
/** Those without which the family's router does not start. */
const INI_REQUIRED = ["listen", "redis_address"] as const;
/** Whole numbers, of which 1 is on and every other is off. */
const INI_SWITCHES: ReadonlySet<string> = new Set(["is_push_system", "push_disabled"]);
/** Keys of the log: known, and without effect so far. */
const LOG_KEYS = /^log[_.](?:filename|level|backup|age|caller)$/;
const TOML_KEYS = [
  "listen",
  "http_listen_address",
  "push_disabled",
  "redis.address",
  "redis.password",
  "redis.db",
] as const;
/** Keys of the family's TOML, those of the log included. */
export const FAMILY_TOML_KEYS: ReadonlySet<string> = new Set(TOML_KEYS);

/** Whatever the family's router would take: it ends on what is no whole number, and only then. */
const anyInteger = integerOf(-(2 ** 53), 2 ** 53);

/**
 * Reads a file of `key=value` lines.
 *
 * @param text its text
 * @param path its name
 */
export function readFamilyIni(text: string, path: string): FileLayer {
  const layer = new Map<SettingKey, Given>();
  const problems: string[] = [];
  const warnings: string[] = [];
  const seen = new Set<string>();
  text.split("\n").forEach((raw, number) => {
    const line = raw.replace(/\r$/, "");
    const equals = line.indexOf("=");
    if (/^[\s#]|^$/.test(line) || equals < 0) return;
    const name = line.slice(0, equals).toLowerCase();
    const value = line.slice(equals + 1);
    const origin = `${path}:${number + 1}`;
    seen.add(name);
    const key = INI_KEYS.get(name);
    if (key === undefined) {
      warnings.push(`${origin}: ${name} ${ignored(name)}`);
      return;
    }
    if (value === "" && key === "http_listen_address") {
      layer.set(key, { text: "off", origin });
      return;
    }
    try {
      layer.set(key, { text: INI_SWITCHES.has(name) ? switchOf(value) : value, origin });
    } catch {
      problems.push(`${origin}: ${name} is ${JSON.stringify(value)}: a whole number expected`);
    }
  });
  for (const name of INI_REQUIRED) {
    if (!seen.has(name)) problems.push(`${path}: ${name} is missing`);
  }
  return { layer: withImplied(layer, path, seen), problems, warnings };
}

/** What the family's router does where a file says nothing. */
function withImplied(
  layer: Map<SettingKey, Given>,
  path: string,
  seen: ReadonlySet<string>,
): Map<SettingKey, Given> {
  const isFirst = seen.has("mysqldb_source");
  const imply = (key: SettingKey, text: string) => layer.set(key, { text, origin: path });
  imply("generation", isFirst ? "1" : "2");
  if (!seen.has("http_listen_address")) imply("http_listen_address", "off");
  if (!seen.has("is_push_system")) {
    imply("is_push_system", !isFirst && !seen.has("push_disabled") ? "true" : "false");
  }
  return layer;
}

function switchOf(value: string): string {
  return anyInteger(value) === 1 ? "true" : "false";
}

/**
 * Takes the values out of a TOML document of the family.
 *
 * @param document the document
 * @param text what it was read from, for the numbers of lines
 * @param path its name
 */
export function readFamilyToml(document: TomlTable, text: string, path: string): FileLayer {
  const layer = new Map<SettingKey, Given>();
  const problems: string[] = [];
  const warnings: string[] = [];
  const lineOf = linesOf(text);
  for (const [name, value] of flatten(document)) {
    const origin = `${path}:${lineOf.get(name) ?? 1}`;
    const key = TOML_KEYS.find((each) => each === name);
    if (key === undefined) {
      warnings.push(`${origin}: ${name} ${ignored(name)}`);
      continue;
    }
    const isWrong = key === "push_disabled"
      ? typeof value !== "boolean"
      : key === "redis.db"
      ? typeof value !== "bigint"
      : typeof value !== "string";
    if (isWrong) problems.push(`${origin}: ${key}: another type of value expected`);
    else if (value !== "") layer.set(key, { text: String(value), origin });
  }
  layer.set("generation", { text: "2", origin: path });
  if (!layer.has("http_listen_address")) {
    layer.set("http_listen_address", { text: "off", origin: path });
  }
  return { layer, problems, warnings };
}

function ignored(name: string): string {
  return LOG_KEYS.test(name)
    ? "has no effect: the log goes to standard error"
    : "is not known, and ignored";
}
