/**
 * A configuration file of any kind: the router's own, or one of the family, of either generation. Which one it is says the file itself.
 *
 * @module
 */

import { parse, TomlError } from "smol-toml";
import { FAMILY_TOML_KEYS, readFamilyIni, readFamilyToml } from "./family_file.ts";
import { type FileLayer, isOwnFile, readOwnFile, type TomlTable } from "./own_file.ts";

/** What kind of file it is. */
export type FileKind = "own" | "family TOML" | "family key=value";

/** A file, read. */
export interface ConfigFile extends FileLayer {
  /** Its kind. */
  readonly kind: FileKind;
}

/** Larger files hold something else. */
const FILE_BYTES_MAX = 1 << 20;

/**
 * Reads a configuration file. What parses as TOML is TOML, and then the router's own when it has a key that the family does not
 * know; all else is of `key=value` lines.
 *
 * @param path where it is
 * @throws {Deno.errors.NotFound} and the like, when it cannot be read
 */
export function readConfigFile(path: string): ConfigFile {
  const { size, isFile } = Deno.statSync(path);
  if (!isFile || size > FILE_BYTES_MAX) {
    const why = isFile ? `${size} bytes are over 1 MiB` : "it is no file";
    return { kind: "own", layer: new Map(), problems: [`${path}: ${why}`], warnings: [] };
  }
  return parseConfigFile(Deno.readTextFileSync(path), path);
}

/** The same, of a text. */
export function parseConfigFile(text: string, path: string): ConfigFile {
  let document: TomlTable;
  try {
    document = parse(text, { integersAsBigInt: true });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    return notToml(text, path, error);
  }
  if (isOwnFile(document, FAMILY_TOML_KEYS)) {
    return { kind: "own", ...readOwnFile(document, text, path) };
  }
  return { kind: "family TOML", ...readFamilyToml(document, text, path) };
}

function notToml(text: string, path: string, error: TomlError): ConfigFile {
  const file = readFamilyIni(text, path);
  // Without what the family's files always have, it is rather a TOML file with a slip in it.
  const hasMissing = file.problems.some((problem) => problem.endsWith(" is missing"));
  const slip = `${path}:${error.line}:${error.column}: ${error.message.split("\n", 1)[0]}`;
  const problems = hasMissing ? [slip, ...file.problems] : file.problems;
  return { kind: "family key=value", ...file, problems };
}
