/**
 * Writes a comparison as a Markdown table, with the machine that it was made on.
 *
 * @module
 */

import { cpus, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { type Comparison, FIGURE_ROWS, type Spread } from "./comparison.ts";
import type { Contestant } from "./contestant.ts";
import type { Mode } from "./load_options.ts";

const CONFIG = fileURLToPath(new URL("../deno.json", import.meta.url));

/** Where the table begins in a file. */
export const BEGIN = "<!-- bench:begin -->";
/** Where it ends. */
export const END = "<!-- bench:end -->";

/** What was run. */
export interface Conditions {
  /** How often everything was measured. */
  readonly rounds: number;
  /** Seconds measured each time. */
  readonly secs: number;
  /** IM servers that were played. */
  readonly conns: number;
  /** Messages per second in all, in `rate`. */
  readonly rate: number;
  /** Messages that were due at the same moment, in `rate`. */
  readonly burst: number;
}

/**
 * The whole report.
 *
 * @param results of all rounds
 * @param contestants in the order of the columns
 * @param modes in the order of the rows
 * @param conditions what was run
 * @returns Markdown, ending in a newline
 */
export function report(
  results: Comparison,
  contestants: readonly Contestant[],
  modes: readonly Mode[],
  conditions: Conditions,
): string {
  const { rounds, secs, conns, rate, burst } = conditions;
  const bursts = burst === 1 ? "evenly spaced" : `in bursts of ${burst}`;
  const lines = [
    `${new Date().toISOString().slice(0, 10)}, ${machine()}. ` +
    `${conns} IM servers, contents of 100 bytes, ${rounds} ${
      plural("round", rounds)
    } of ${secs} s; ` +
    `\`rate\` is ${rate} messages a second, ${bursts}.`,
    "",
    ...table(results, contestants, modes),
    "",
    ...faultLines(results, contestants, modes),
  ];
  return `${lines.join("\n").trimEnd()}\n`;
}

function table(results: Comparison, contestants: readonly Contestant[], modes: readonly Mode[]) {
  const ours = contestants.find((each) => each.ours)?.title;
  const heads = contestants.flatMap(({ title }) =>
    ours === undefined || title === ours ? [title] : [title, "imr better by"]
  );
  const rows = [["load", "figure", ...heads], Array(heads.length + 2).fill("---")];
  for (const mode of modes) {
    for (const row of FIGURE_ROWS[mode]) {
      const cells = contestants.flatMap(({ title }) => {
        const value = cell(results.spread(title, mode, row), "");
        if (ours === undefined || title === ours) return [value];
        return [value, cell(results.ratio(ours, title, mode, row), "x")];
      });
      rows.push([mode, row.label, ...cells]);
    }
  }
  return rows.map((cells) => `| ${cells.join(" | ")} |`);
}

function faultLines(
  results: Comparison,
  contestants: readonly Contestant[],
  modes: readonly Mode[],
): string[] {
  return contestants.flatMap(({ title }) =>
    modes.flatMap((mode) => results.faults(title, mode)).map((line) => `- ${title}, ${line}`)
  );
}

function cell(spread: Spread | null, unit: string): string {
  if (spread === null) return "";
  const { median, min, max } = spread;
  const range = min === max ? "" : ` (${short(min)}..${short(max)})`;
  return `${short(median)}${unit}${range}`;
}

function plural(noun: string, count: number): string {
  return count === 1 ? noun : `${noun}s`;
}

/** Three significant digits. */
function short(value: number): string {
  if (Math.abs(value) >= 1e6) return `${Number((value / 1e6).toPrecision(3))} M`;
  if (Math.abs(value) >= 1e4) return `${Number((value / 1e3).toPrecision(3))} k`;
  return String(Number(value.toPrecision(3)));
}

function machine(): string {
  const all = cpus();
  const model = all[0]?.model.replace(/\s+/g, " ").trim() ?? "unknown processor";
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${all.length} x ${model}, ${memory} GiB, Linux ${Deno.osRelease()}, Deno ${Deno.version.deno}`;
}

/**
 * Puts a report into a file, between {@linkcode BEGIN} and {@linkcode END}.
 *
 * @param path the file
 * @param text the report
 * @throws {Error} when the file does not have both marks, each alone on a line
 */
export async function writeReport(path: string, text: string): Promise<void> {
  const before = await Deno.readTextFile(path);
  const begin = before.indexOf(`${BEGIN}\n`);
  const end = before.indexOf(`\n${END}`, begin);
  if (begin < 0 || end < 0) throw new Error(`${path} has no lines ${BEGIN} and ${END}`);
  const after = before.slice(0, begin) + `${BEGIN}\n\n${text}` + before.slice(end);
  await Deno.writeTextFile(path, after);
  const args = ["fmt", "--quiet", "--config", CONFIG, path];
  await new Deno.Command(Deno.execPath(), { args }).output();
}
