/**
 * Reads `--name value` options and says what is allowed where a value is not.
 *
 * @module
 */

import { parseArgs } from "node:util";

/** An address to dial. */
export interface Address {
  /** A name or an address. */
  readonly hostname: string;
  /** 1..65535 */
  readonly port: number;
}

/** The options of a command line. */
export class Arguments {
  readonly #values: ReadonlyMap<string, string | boolean>;

  /**
   * Reads a command line.
   *
   * @param args what follows the program's name
   * @param named options that take a value
   * @param flags options that take none
   * @throws {TypeError} when an option is unknown or lacks its value
   */
  constructor(args: string[], named: readonly string[], flags: readonly string[]) {
    const options = Object.fromEntries([
      ...named.map((name) => [name, { type: "string" }] as const),
      ...flags.map((name) => [name, { type: "boolean" }] as const),
    ]);
    const { values } = parseArgs({ args, options, strict: true });
    this.#values = new Map(
      Object.entries(values).filter((entry): entry is [string, string | boolean] =>
        typeof entry[1] === "string" || typeof entry[1] === "boolean"
      ),
    );
  }

  /** Whether the option was given. */
  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** The option's value, or what stands for it. */
  text(name: string, other: string): string {
    const value = this.#values.get(name);
    return typeof value === "string" ? value : other;
  }

  /**
   * The option's value as a number.
   *
   * @throws {RangeError} when it is not a number in min..max
   */
  number(name: string, other: number, min: number, max: number): number {
    const value = this.text(name, String(other));
    const number = value.trim() === "" ? NaN : Number(value);
    if (number >= min && number <= max) return number;
    throw new RangeError(`--${name} ${value}: a number in ${min}..${max} is wanted`);
  }

  /**
   * The option's value, one of a few words.
   *
   * @throws {RangeError} when it is another
   */
  oneOf<T extends string>(name: string, other: T, allowed: readonly T[]): T {
    return pick(name, this.text(name, other), allowed);
  }

  /**
   * The option's value, some of a few words with commas between them.
   *
   * @throws {RangeError} when one is another
   */
  someOf<T extends string>(name: string, other: readonly T[], allowed: readonly T[]): T[] {
    return this.text(name, other.join(",")).split(",").map((word) => pick(name, word, allowed));
  }

  /**
   * The option's value as HOST:PORT.
   *
   * @returns null when it was not given
   * @throws {RangeError} when it is something else
   */
  address(name: string): Address | null {
    if (!this.has(name)) return null;
    const value = this.text(name, "");
    const colon = value.lastIndexOf(":");
    const hostname = value.slice(0, Math.max(0, colon)).replace(/^\[(.*)\]$/, "$1");
    const port = Number(value.slice(colon + 1) || NaN);
    if (hostname !== "" && port >= 1 && port <= 65_535) return { hostname, port };
    throw new RangeError(`--${name} ${value}: HOST:PORT is wanted`);
  }
}

function pick<T extends string>(name: string, word: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === word);
  if (found !== undefined) return found;
  throw new RangeError(`--${name} ${word}: only ${allowed.join(", ")} are known`);
}
