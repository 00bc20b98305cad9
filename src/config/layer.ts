/**
 * Values as they were written somewhere, each with where that was; and how several such places become one set of settings.
 *
 * @module
 */

import {
  SETTING_KEYS,
  type SettingKey,
  settingOf,
  type SettingValues,
  variableOf,
} from "./setting_list.ts";

/** One value as it was written. */
export interface Given {
  /** The text. */
  readonly text: string;
  /** Where: `imr.toml:3`, `IMR_LISTEN`, `--listen`. */
  readonly origin: string;
}

/** The values of one place. */
export type Layer = ReadonlyMap<SettingKey, Given>;

/** Settings, and what is wrong with them. */
export interface Resolved {
  /** What could be read. */
  readonly values: SettingValues;
  /** Where each value came from; those that are missing have their default. */
  readonly origins: ReadonlyMap<SettingKey, string>;
  /** What could not: one line each, for an operator. */
  readonly problems: readonly string[];
}

/**
 * Puts places over each other.
 *
 * @param layers the one that wins first
 */
export function resolve(layers: readonly Layer[]): Resolved {
  const values: Record<string, unknown> = {};
  const origins = new Map<SettingKey, string>();
  const problems: string[] = [];
  for (const key of SETTING_KEYS) {
    const given = layers.find((layer) => layer.has(key))?.get(key);
    if (given === undefined) continue;
    try {
      values[key] = settingOf(key).parse(given.text);
      origins.set(key, given.origin);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      problems.push(problemOf(key, given, error.message));
    }
  }
  return { values: values as SettingValues, origins, problems };
}

/** The values that stand in the environment. */
export function environmentLayer(variable: (name: string) => string | undefined): Layer {
  const layer = new Map<SettingKey, Given>();
  for (const key of SETTING_KEYS) {
    const name = variableOf(key);
    const text = variable(name);
    if (text !== undefined && text !== "") layer.set(key, { text, origin: name });
  }
  return layer;
}

/** A value of which a part is secret is not shown at all when it cannot be read, as nobody knows which part that is. */
function problemOf(key: SettingKey, { text, origin }: Given, allowed: string): string {
  const isShown = settingOf(key).secret === undefined;
  return `${origin}: ${key}${isShown ? ` is ${JSON.stringify(text)}` : ""}: ${allowed}`;
}
