/**
 * Installs the programs that tests start and that are missing, from Debian's packages. A machine that has them is left alone.
 *
 * @module
 */
// deno-lint-ignore-file no-console
import { delimiter, join } from "node:path";

/** A program that tests start, and Debian's package of it. A sentinel is a `redis-server --sentinel`. */
const PROGRAMS = [
  { program: "redis-server", name: "redis-server" },
  { program: "openssl", name: "openssl" },
  { program: "mariadbd", name: "mariadb-server" },
] as const;
/** Debian has daemons such as mariadbd there, and the path of a user other than root does not lead there. */
const SYSTEM_FOLDERS = ["/usr/sbin", "/usr/local/sbin"];
/** While this file forbids it, an installed package starts no daemon. */
const POLICY_FILE = "/usr/sbin/policy-rc.d";
const POLICY = "#!/bin/sh\nexit 101\n";

/**
 * Installs what tests need and is missing; says so in one line, and nothing when all is there.
 *
 * @throws {Error} when it cannot; the message names the packages
 */
export async function installTestServers(): Promise<void> {
  const names = await missingPackages();
  if (names.length === 0) return;
  const byHand = `install by hand: ${names.join(" ")}`;
  if (Deno.uid() !== 0) throw new Error(`tests need programs that are missing; ${byHand}`);
  if (!await isOnPath("apt-get")) throw new Error(`there is no apt-get; ${byHand}`);
  console.log(`installing what tests need: ${names.join(" ")}`);
  const isPolicyOurs = await forbidDaemons();
  try {
    let why = await install(names);
    if (why !== undefined) {
      // A machine that has never asked for the lists of packages knows none, and old lists name what is gone.
      await aptGet("update");
      why = await install(names);
    }
    if (why !== undefined) throw new Error(`apt-get failed; ${byHand}\n${why}`);
  } finally {
    if (isPolicyOurs) await Deno.remove(POLICY_FILE);
  }
  const missing = await missingPackages();
  if (missing.length > 0) throw new Error(`still missing: ${missing.join(" ")}`);
}

async function missingPackages(): Promise<string[]> {
  const missing: string[] = [];
  for (const { program, name } of PROGRAMS) if (!await isOnPath(program)) missing.push(name);
  return missing;
}

async function isOnPath(program: string): Promise<boolean> {
  const folders = (Deno.env.get("PATH") ?? "").split(delimiter);
  for (const folder of [...folders, ...SYSTEM_FOLDERS]) {
    try {
      const { isFile, mode } = await Deno.stat(join(folder, program));
      if (isFile && (mode === null || (mode & 0o111) !== 0)) return true;
    } catch {
      // it is not in this folder
    }
  }
  return false;
}

/** Returns whether the file is ours to remove. */
async function forbidDaemons(): Promise<boolean> {
  try {
    await Deno.writeTextFile(POLICY_FILE, POLICY, { createNew: true, mode: 0o755 });
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  }
}

function install(names: readonly string[]): Promise<string | undefined> {
  return aptGet("install", "-y", "--no-install-recommends", ...names);
}

/** Returns what it said when it failed. */
async function aptGet(...args: string[]): Promise<string | undefined> {
  const { success, stdout, stderr } = await new Deno.Command("apt-get", {
    args,
    env: { DEBIAN_FRONTEND: "noninteractive" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (success) return undefined;
  const decoder = new TextDecoder();
  return `${decoder.decode(stdout)}${decoder.decode(stderr)}`.trim();
}
