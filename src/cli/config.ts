/**
 * `imr config`: a configuration file to begin with, and the settings in effect.
 *
 * @module
 */

import { type Effective, shownSettings } from "../config/effective.ts";
import { SETTING_KEYS, type SettingKey, settingOf, variableOf } from "../config/setting_list.ts";

const COLUMNS = 80;
/** The setting that is in force. */
const MARK: SettingKey = "generation";

/**
 * A commented file with every setting, commented out but for one that has its default: so it changes nothing as it is. The one
 * tells it from a file of the family, whose keys are few and all known here.
 *
 * @param version of the program, for the first line
 */
export function configTemplate(version: string): string {
  const top = SETTING_KEYS.filter((key) => !key.includes("."));
  const tables = new Set(SETTING_KEYS.filter((key) => key.includes(".")).map(tableOf));
  const parts = [
    `# Settings of imr ${version}. What is commented out has its default.`,
    "# Each can also be set by the variable of the environment that stands with it, and some by an",
    "# option; an option counts before the environment, and that before this file.",
    `# Leave ${MARK} in: a file without any key that is only ours is taken for one of the family,`,
    "# which means generation 2, and no HTTP unless it says so.",
    ...top.map((key) => templateOf(key, key)),
    ...[...tables].map((table) =>
      [
        `\n[${table}]`,
        ...SETTING_KEYS.filter((key) => key.includes(".") && tableOf(key) === table)
          .map((key) => templateOf(key, key.slice(table.length + 1))),
      ].join("\n")
    ),
  ];
  return parts.join("\n") + "\n";
}

/** The settings in effect, for a person. */
export function configText(effective: Effective): string {
  const rows = shownSettings(effective).map(({ key, value = "", origin }) => [key, value, origin]);
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map(([key, value, origin]) =>
    `${key!.padEnd(widths[0]!)}  ${value!.padEnd(widths[1]!)}  ${origin}`
  ).join("\n");
}

/** The settings in effect, for a script: key → value and origin. */
export function configJson(effective: Effective): string {
  const entries = shownSettings(effective).map(({ key, value, origin }) =>
    [key, { value: value ?? null, origin }] as const
  );
  return JSON.stringify(Object.fromEntries(entries), null, 2);
}

function tableOf(key: SettingKey): string {
  return key.slice(0, key.lastIndexOf("."));
}

function templateOf(key: SettingKey, name: string): string {
  const { help, default: standard, toml, flag } = settingOf(key);
  const also = [flag, variableOf(key)].filter((each) => each !== undefined).join(", ");
  const value = toml === "string"
    ? JSON.stringify(standard ?? "")
    : toml === "integer"
    ? standard ?? "0"
    : toml === "list of strings"
    ? '["127.0.0.1"]'
    : standard ?? "true";
  const sign = key === MARK ? "" : "#";
  return ["", ...wrapped(help), `# ${also}`, `${sign}${name} = ${value}`].join("\n");
}

/** A text as comment lines. */
function wrapped(text: string): string[] {
  const lines = ["#"];
  for (const word of text.split(" ")) {
    if (lines.at(-1)!.length + word.length + 1 > COLUMNS) lines.push("#");
    lines.push(`${lines.pop()} ${word}`);
  }
  return lines;
}
