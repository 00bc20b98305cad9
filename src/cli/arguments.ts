/**
 * The command line: what can be typed, what it means, and what is said when it is wrong.
 *
 * @module
 */

import { object, or } from "@optique/core/constructs";
import { message, optionName, text } from "@optique/core/message";
import { map, optional, withDefault } from "@optique/core/modifiers";
import type { Parser } from "@optique/core/parser";
import { argument, command, constant, flag, option } from "@optique/core/primitives";
import { integer, string, type ValueParser } from "@optique/core/valueparser";
import { runSync } from "@optique/run";
import type { Given, Layer } from "../config/layer.ts";
import { SETTING_KEYS, type SettingKey, settingOf } from "../config/setting_list.ts";

/** What a command line asks for. */
export interface Command {
  /** Start a router, show one at work, look after the jobs that one has left on disk, or show settings. */
  readonly name: "serve" | "demo" | "spool" | "config";
  /** What to do with these jobs, or with the settings. */
  readonly action: SpoolAction | ConfigAction;
  /** A flush that gets no further for so many seconds has failed. */
  readonly giveUpAfter: number;
  /** Whether a script reads the output. */
  readonly json: boolean;
  /** The configuration file; undefined: none is named. */
  readonly file: string | undefined;
  /** The settings that the line itself has. */
  readonly flags: Layer;
}

/** Count the jobs, print them, or write them to Redis. */
export type SpoolAction = "list" | "export" | "flush";

/** Print a configuration file to begin with, or the settings in effect. */
export type ConfigAction = "init" | "show";

/** An operator's mistake: exit status of every wrong use. */
export const EXIT_WRONG_USE = 2;

const GIVE_UP_SECONDS = 15;

/** The text of a value that the setting can read. */
function valueOf(key: SettingKey): ValueParser<"sync", string> {
  const { metavar, parse } = settingOf(key);
  return {
    mode: "sync",
    metavar: metavar as "VALUE",
    placeholder: "",
    parse: (input) => {
      try {
        parse(input);
        return { success: true, value: input };
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        return { success: false, error: message`${text(error.message)}` };
      }
    },
    format: (value) => value,
  };
}

/** The settings that have an option, each as it was written, and the file. */
const settings = map(
  object("Options", {
    ...Object.fromEntries(optionKeys().map((key) => [key, optionFor(key)])),
    config: optional(option("--config", string({ metavar: "FILE" }), {
      description: message`A configuration file: the router's own (see ${
        text("imr config init")
      }), or one of the family.`,
    })),
  }),
  (given): { flags: Layer; file: string | undefined } => {
    const texts = given as Readonly<Record<string, string | undefined>>;
    const flags = new Map<SettingKey, Given>();
    for (const key of optionKeys()) {
      const written = texts[key];
      if (written === undefined) continue;
      flags.set(key, { text: written, origin: settingOf(key).flag! });
    }
    return { flags, file: texts.config };
  },
);

function optionKeys(): SettingKey[] {
  return SETTING_KEYS.filter((key) => settingOf(key).flag !== undefined);
}

function optionFor(key: SettingKey): Parser<"sync", string | undefined, unknown> {
  const { flag, help, default: standard } = settingOf(key);
  const description = standard === undefined ? help : `${help} Default: ${standard}.`;
  return optional(option(flag!, valueOf(key), { description: message`${text(description)}` }));
}

/** What `imr CONFIG` and `imr serve CONFIG` have beside the options. */
const configArgument = optional(argument(string({ metavar: "CONFIG" }), {
  description: message`A configuration file, as with ${optionName("--config")}.`,
}));

const serving = map(
  object({ settings, positional: configArgument }),
  ({ settings: { flags, file }, positional }) => ({ flags, file: positional ?? file }),
);

const spoolActions = or(
  command("list", constant("list"), { description: message`Count the jobs of each list.` }),
  command("export", constant("export"), {
    description: message`Print every job, one JSON object a line, and leave them where they are.`,
  }),
  command("flush", constant("flush"), {
    description: message`Write all jobs to Redis, in order and once each.`,
  }),
);

const configActions = or(
  command("init", constant("init"), {
    description: message`Print a commented configuration file with every setting.`,
  }),
  command("show", constant("show"), {
    description: message`Print the settings in effect, and where each comes from.`,
  }),
);

const plain = {
  action: constant("list"),
  giveUpAfter: constant(GIVE_UP_SECONDS),
  json: constant(false),
};

const parser = or(
  object({
    name: constant("serve"),
    ...plain,
    settings: command("serve", serving, {
      description: message`Start the router; so does no command at all.`,
    }),
  }),
  object({
    name: constant("demo"),
    ...plain,
    settings: command("demo", settings, {
      description: message`Play two IM servers against a router that listens on ${
        optionName("--listen")
      } and show what it does.`,
    }),
  }),
  command(
    "spool",
    object({
      name: constant("spool"),
      action: spoolActions,
      giveUpAfter: withDefault(
        option("--give-up-after", integer({ min: 1, max: 3_600, metavar: "SECONDS" }), {
          description:
            message`A flush that gets no further for so long fails; what is left stays. Default: 15.`,
        }),
        GIVE_UP_SECONDS,
      ),
      json: constant(false),
      settings,
    }),
    { description: message`Look after push jobs that a router has left in its data folder.` },
  ),
  command(
    "config",
    object({
      name: constant("config"),
      action: configActions,
      giveUpAfter: constant(GIVE_UP_SECONDS),
      json: withDefault(
        flag("--json", { description: message`One JSON object, for scripts.` }),
        false,
      ),
      settings: serving,
    }),
    { description: message`Show settings, or print a file of them to begin with.` },
  ),
);

/** The commands, those that come with every command line included. */
export const COMMANDS: readonly string[] = ["serve", "demo", "spool", "config", "help", "version"];

/** A line that begins with an option or a file is one of `serve`. */
function withCommand(args: readonly string[]): readonly string[] {
  const [first = "serve", ...rest] = args;
  const isWhole = COMMANDS.includes(first) || ["--help", "--version"].includes(first);
  return isWhole ? [first, ...rest] : ["serve", ...args];
}

/**
 * Reads the command line. For `--help` and `--version` it prints and ends the process with status 0, for a wrong line it says what is
 * wrong and ends it with {@linkcode EXIT_WRONG_USE}.
 *
 * @param args the arguments without the program's name
 * @param version what `--version` prints
 * @returns what is asked for
 */
export function parseArguments(args: readonly string[], version: string): Command {
  const { settings: { flags, file }, ...rest } = runSync(parser, {
    programName: "imr",
    args: withCommand(args),
    help: "both",
    version: { value: version, command: true, option: true },
    errorExitCode: EXIT_WRONG_USE,
    aboveError: "none",
    brief: message`Routes messages between the IM servers of an im_service chat system.`,
    footer:
      message`With no arguments it starts with an embedded push queue and needs nothing else.`,
  });
  return { ...rest, flags, file };
}
