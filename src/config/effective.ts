/**
 * The settings in effect: command line over environment over file over defaults.
 *
 * @module
 */

import { type ConfigFile, readConfigFile } from "./config_file.ts";
import { environmentLayer, type Given, type Layer, resolve, type Resolved } from "./layer.ts";
import {
  SETTING_KEYS,
  type SettingKey,
  settingOf,
  type SettingValue,
  type SettingValues,
} from "./setting_list.ts";
import type { Settings } from "./settings.ts";

/** Where settings come from. */
export interface Places {
  /** What the command line says. */
  readonly flags: Layer;
  /** A configuration file; undefined: none. */
  readonly file: string | undefined;
  /** The value of a variable of the environment. */
  readonly variable: (name: string) => string | undefined;
}

/** The settings in effect, and what an operator should hear of them. */
export interface Effective extends Resolved {
  /** The settings; to be used when there are no problems. */
  readonly settings: Settings;
  /** What is worth a word. */
  readonly warnings: readonly string[];
  /** The file, when there is one. */
  readonly file: ConfigFile | undefined;
}

/** One setting as `imr config show` has it. */
export interface ShownSetting {
  /** Its key. */
  readonly key: SettingKey;
  /** Its value without anything secret; undefined when it is set nowhere and has no default. */
  readonly value: string | undefined;
  /** Where the value came from. */
  readonly origin: string;
}

/**
 * Puts them together.
 *
 * @param places where they come from
 * @throws {Deno.errors.NotFound} and the like, when the file cannot be read
 */
export function effectiveSettings({ flags, file: path, variable }: Places): Effective {
  const file = path === undefined ? undefined : readConfigFile(path);
  const layers = [flags, environmentLayer(variable), file?.layer ?? new Map()];
  const resolved = resolve([...layers, defaults]);
  const problems = [...file?.problems ?? [], ...resolved.problems];
  const { values, origins } = resolved;
  return {
    values,
    origins,
    problems,
    settings: settingsOf(values),
    warnings: file?.warnings ?? [],
    file,
  };
}

/** Every setting in effect, in order. */
export function shownSettings({ values, origins }: Resolved): ShownSetting[] {
  return SETTING_KEYS.map((key) => ({
    key,
    value: shown(key, values[key]),
    origin: origins.get(key) ?? "not set",
  }));
}

/** The defaults as a place of their own, under all others. */
const defaults: Layer = new Map(
  SETTING_KEYS.flatMap((key): [SettingKey, Given][] => {
    const text = settingOf(key).default;
    return text === undefined ? [] : [[key, { text, origin: "default" }]];
  }),
);

function shown<K extends SettingKey>(
  key: K,
  value: SettingValue<K> | undefined,
): string | undefined {
  if (value === undefined) return undefined;
  const { secret, show } = settingOf(key);
  if (secret === "whole") return "******";
  return show === undefined ? String(value) : show(value);
}

function settingsOf(values: SettingValues): Settings {
  const http = values.http_listen_address;
  const generation = values.generation ?? "auto";
  return {
    listen: values.listen ?? { hostname: "127.0.0.1", port: 0 },
    http: http === "off" ? undefined : http,
    generation: generation === "auto" ? "auto" : generation === "1" ? 1 : 2,
    data: values.data ?? "",
    redis: redisOf(values),
    mysql: mysqlOf(values),
    groupsFile: values.groups_file,
    allow: values["access.allow"],
    tokenFile: values["admin.token_file"],
    isPushSystem: values.is_push_system,
    pushDisabled: values.push_disabled ?? false,
    poisonGuard: values.poison_guard ?? true,
  };
}

/** What stands beside the address counts where the address itself says nothing. */
function redisOf(values: SettingValues): Settings["redis"] {
  const address = values["redis.address"];
  if (address === undefined) return undefined;
  const password = address.password ?? (values["redis.password"] || undefined);
  const caFile = values["redis.ca_file"];
  return {
    ...address,
    database: address.database === 0 ? values["redis.db"] ?? 0 : address.database,
    password,
    passwordFile: values["redis.password_file"],
    ...caFile === undefined ? {} : { tls: { caFile } },
  };
}

function mysqlOf(values: SettingValues): Settings["mysql"] {
  const source = values.mysqldb_source;
  if (source === undefined) return undefined;
  const caFile = values["mysql.ca_file"];
  return {
    ...source,
    passwordFile: values["mysql.password_file"],
    ...caFile === undefined ? {} : { tls: { caFile, verify: true } },
  };
}
