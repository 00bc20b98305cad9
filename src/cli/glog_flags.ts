/**
 * The options of glog, which routers of generation 1 were started with before the name of their configuration file. They say where
 * the log goes, which is not for them to say here: they are taken, and have no effect.
 *
 * @module
 */

/** Options that may stand without a value. */
const SWITCHES: ReadonlySet<string> = new Set(["logtostderr", "alsologtostderr"]);
/** Options that have one. */
const VALUES: ReadonlySet<string> = new Set([
  "log_dir",
  "stderrthreshold",
  "v",
  "vmodule",
  "log_backtrace_at",
]);

/** A command line without them. */
export interface WithoutGlogFlags {
  /** What is left. */
  readonly args: readonly string[];
  /** The options that were taken away. */
  readonly taken: readonly string[];
}

/**
 * Takes the options of glog away from the beginning of a command line: `-f=x`, `--f=x` or `-f x`.
 *
 * @param args the arguments without the program's name
 */
export function withoutGlogFlags(args: readonly string[]): WithoutGlogFlags {
  const taken: string[] = [];
  let at = 0;
  for (;;) {
    const match = /^--?(?<name>[a-z_]+)(?<value>=.*)?$/.exec(args[at] ?? "")?.groups;
    const name = match?.name ?? "";
    if (!SWITCHES.has(name) && !VALUES.has(name)) break;
    taken.push(`-${name}`);
    at += VALUES.has(name) && match?.value === undefined ? 2 : 1;
  }
  return { args: args.slice(at), taken };
}
