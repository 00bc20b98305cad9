/**
 * The settings of a command, or the end of the program: all that is wrong with them is said at once.
 *
 * @module
 */

import { type Effective, effectiveSettings } from "../config/effective.ts";
import { nearest } from "../config/nearest.ts";
import { type Command, COMMANDS, EXIT_WRONG_USE } from "./arguments.ts";

/** The variable that names a configuration file. */
const FILE_VARIABLE = "IMR_CONFIG";

/**
 * Puts the settings together. When they cannot be used it says why on standard error and ends the process with status 2.
 *
 * @param command what the command line says
 */
export function settingsOrExit({ flags, file }: Pick<Command, "flags" | "file">): Effective {
  const variable = (name: string) => Deno.env.get(name);
  const path = file ?? (variable(FILE_VARIABLE) || undefined);
  let problems: readonly string[];
  try {
    const effective = effectiveSettings({ flags, file: path, variable });
    if (effective.problems.length === 0) return effective;
    problems = effective.problems;
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error)) throw error;
    const command = path === undefined ? undefined : nearest(path, COMMANDS);
    problems = [
      `cannot read the configuration file ${path}: ${error.message}` +
      (command === undefined ? "" : `; is the command ${command} meant?`),
    ];
  }
  for (const problem of problems) {
    Deno.stderr.writeSync(new TextEncoder().encode(`imr: ${problem}\n`));
  }
  return Deno.exit(EXIT_WRONG_USE);
}
