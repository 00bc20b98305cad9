/**
 * One setting: its name, the forms of its value, and what an operator is told of it. The same description serves the configuration
 * file, the environment, the command line, `imr config` and the documentation.
 *
 * @module
 */

/** What a value is in a TOML file. */
export type TomlType = "string" | "integer" | "boolean" | "list of strings";

/** A setting whose value, once read, is a T. */
export interface Setting<T> {
  /** The option of the command line; left out, there is none. */
  readonly flag?: `--${string}`;
  /** What stands for the value in a help text. */
  readonly metavar: string;
  /** A sentence or two. */
  readonly help: string;
  /** The value when it is set nowhere, as it would be written; left out, there is none. */
  readonly default?: string;
  /** Whether nobody may see the value, or some part of it; left out, everybody may. */
  readonly secret?: "whole" | "part";
  /** What it is in a TOML file. */
  readonly toml: TomlType;
  /** Reads a value; throws a RangeError that says what is allowed, and never holds the text of a secret. */
  readonly parse: (text: string) => T;
  /** Writes a value for an operator to see; left out, the text itself. */
  readonly show?: (value: T) => string;
}

/** Any text but the empty one. */
export function parseText(text: string): string {
  if (text === "") throw new RangeError("it is empty");
  return text;
}

/** A switch, as people and files write it. */
export function parseSwitch(text: string): boolean {
  switch (text.toLowerCase()) {
    case "true":
    case "on":
    case "yes":
    case "1":
      return true;
    case "false":
    case "off":
    case "no":
    case "0":
      return false;
    default:
      throw new RangeError("true or false expected");
  }
}

/** Makes a reader of whole numbers in bounds. */
export function integerOf(min: number, max: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (!/^[+-]?\d+$/.test(text) || number < min || number > max) {
      throw new RangeError(`a whole number of ${min} to ${max} expected`);
    }
    return number;
  };
}

/** Makes a reader of one of a few words. */
export function wordOf<W extends string>(...words: readonly W[]): (text: string) => W {
  return (text) => {
    const word = words.find((each) => each === text);
    if (word === undefined) throw new RangeError(`${words.join(", ")} expected`);
    return word;
  };
}
