/**
 * The router's own configuration file: TOML whose keys are those of the setting list. It is read strictly: what is not known, or of the
 * wrong type, is a problem.
 *
 * @module
 */

import { nearest } from "./nearest.ts";
import type { Given, Layer } from "./layer.ts";
import type { TomlType } from "./setting.ts";
import { SETTING_KEYS, type SettingKey, SETTINGS } from "./setting_list.ts";

/** A file, read. */
export interface FileLayer {
  /** Its values. */
  readonly layer: Layer;
  /** What is wrong with it: one line each. */
  readonly problems: readonly string[];
  /** What is worth a word, and no more. */
  readonly warnings: readonly string[];
}

const ARTICLES: Readonly<Record<TomlType, string>> = {
  "string": "a string",
  "integer": "a whole number without quotes",
  "boolean": "true or false without quotes",
  "list of strings": "a list of strings",
};

/** A TOML document as smol-toml reads it. */
export type TomlTable = Readonly<Record<string, unknown>>;

/**
 * Takes the values out of a document.
 *
 * @param document the document
 * @param text what it was read from, for the numbers of lines
 * @param path its name
 */
export function readOwnFile(document: TomlTable, text: string, path: string): FileLayer {
  const layer = new Map<SettingKey, Given>();
  const problems: string[] = [];
  const lineOf = linesOf(text);
  for (const [key, value] of flatten(document)) {
    const origin = `${path}:${lineOf.get(key) ?? 1}`;
    if (!isSettingKey(key)) {
      const guess = nearest(key, SETTING_KEYS);
      problems.push(`${origin}: ${key} is not known${guess ? `; is ${guess} meant?` : ""}`);
      continue;
    }
    const written = textOf(value, SETTINGS[key].toml);
    if (written === undefined) {
      problems.push(`${origin}: ${key}: ${ARTICLES[SETTINGS[key].toml]} expected`);
    } else layer.set(key, { text: written, origin });
  }
  return { layer, problems, warnings: [] };
}

/** Whether a document has a key that only the router's own files have. */
export function isOwnFile(document: TomlTable, familyKeys: ReadonlySet<string>): boolean {
  return flatten(document).some(([key]) => isSettingKey(key) && !familyKeys.has(key));
}

/** Every value of a document, by its key with the names of its tables before it. */
export function flatten(table: TomlTable, prefix = ""): [key: string, value: unknown][] {
  return Object.entries(table).flatMap(([name, value]): [string, unknown][] => {
    const isTable = typeof value === "object" && value !== null && !Array.isArray(value) &&
      !(value instanceof Date);
    const key = prefix + name;
    return isTable ? flatten(value as TomlTable, `${key}.`) : [[key, value]];
  });
}

/**
 * The line of each key of a document.
 *
 * @returns the key, with the names of its tables before it → its line, from 1
 */
export function linesOf(text: string): Map<string, number> {
  const lines = new Map<string, number>();
  let table = "";
  text.split("\n").forEach((line, number) => {
    const header = /^\s*\[\s*([\w.-]+)\s*\]/.exec(line)?.[1];
    if (header !== undefined) table = `${header}.`;
    const name = /^\s*([\w.-]+)\s*=/.exec(line)?.[1];
    if (name !== undefined) lines.set(table + name, number + 1);
  });
  return lines;
}

function isSettingKey(key: string): key is SettingKey {
  return Object.hasOwn(SETTINGS, key);
}

/** The text that stands for a value; undefined when it is of another type. */
function textOf(value: unknown, type: TomlType): string | undefined {
  switch (type) {
    case "string":
      return typeof value === "string" ? value : undefined;
    case "boolean":
      return typeof value === "boolean" ? String(value) : undefined;
    case "integer":
      return typeof value === "bigint" || Number.isSafeInteger(value) ? String(value) : undefined;
    case "list of strings":
      return Array.isArray(value) && value.every((item) => typeof item === "string")
        ? value.join(",")
        : undefined;
  }
}
