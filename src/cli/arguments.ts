/**
 * The command line: what can be typed, what it means, and what is said when it is wrong.
 *
 * @module
 */

import { object, or } from "@optique/core/constructs";
import { message, optionName } from "@optique/core/message";
import { map, optional } from "@optique/core/modifiers";
import { command, constant, option } from "@optique/core/primitives";
import { choice, string, type ValueParser } from "@optique/core/valueparser";
import { runSync } from "@optique/run";
import {
  DEFAULT_SETTINGS,
  formatListenAddress,
  type ListenAddress,
  parseListenAddress,
  type Settings,
} from "../config.ts";

/** What a command line asks for. */
export interface Command {
  /** Start a router, or show one at work. */
  readonly name: "serve" | "demo";
  /** The settings, defaults filled in. */
  readonly settings: Settings;
}

/** An operator's mistake: exit status of every wrong use. */
export const EXIT_WRONG_USE = 2;

const OFF = "off";

function listenAddress(): ValueParser<"sync", ListenAddress> {
  const placeholder = DEFAULT_SETTINGS.listen;
  return {
    mode: "sync",
    metavar: "ADDRESS",
    placeholder,
    parse: (input) => {
      const value = parseListenAddress(input);
      if (value !== undefined) return { success: true, value };
      return {
        success: false,
        error: message`Expected host:port, or :port for every IPv4 interface, but got ${input}.`,
      };
    },
    format: formatListenAddress,
  };
}

/** The same, or `off`. */
function listenAddressOrOff(): ValueParser<"sync", ListenAddress | typeof OFF> {
  const address = listenAddress();
  return {
    ...address,
    parse: (input) =>
      input === OFF ? { success: true, value: OFF } : address.parse(input) as ReturnType<
        ValueParser<"sync", ListenAddress | typeof OFF>["parse"]
      >,
    format: (value) => value === OFF ? OFF : formatListenAddress(value),
  };
}

const settings = map(
  object("Options", {
    listen: optional(option("--listen", listenAddress(), {
      description: message`Where IM servers connect. Default: 127.0.0.1:4444.`,
    })),
    http: optional(option("--http", listenAddressOrOff(), {
      description: message`Where HTTP is served, or "off". Default: 127.0.0.1:4445.`,
    })),
    generation: optional(option("--generation", choice(["auto", "1", "2"]), {
      description:
        message`Which generation of im_service the IM servers are of: 1 (2018-19, with groups in MySQL), 2 (today's), or auto, which tells them apart frame by frame. Default: auto.`,
    })),
    data: optional(option("--data", string({ metavar: "FOLDER" }), {
      description: message`Folder of the push queue; made when missing. Default: ./imr-data.`,
    })),
  }),
  (given): Settings => ({
    listen: given.listen ?? DEFAULT_SETTINGS.listen,
    http: given.http === OFF ? undefined : given.http ?? DEFAULT_SETTINGS.http,
    generation: given.generation === "1" ? 1 : given.generation === "2" ? 2 : "auto",
    data: given.data ?? DEFAULT_SETTINGS.data,
  }),
);

const parser = or(
  object({
    name: constant("serve"),
    settings: or(
      command("serve", settings, { description: message`Start the router; so does no command.` }),
      settings,
    ),
  }),
  object({
    name: constant("demo"),
    settings: command("demo", settings, {
      description: message`Play two IM servers against a router that listens on ${
        optionName("--listen")
      } and show what it does.`,
    }),
  }),
);

/**
 * Reads the command line. For `--help` and `--version` it prints and ends the process with status 0, for a wrong line it says what is
 * wrong and ends it with {@linkcode EXIT_WRONG_USE}.
 *
 * @param args the arguments without the program's name
 * @param version what `--version` prints
 * @returns what is asked for
 */
export function parseArguments(args: readonly string[], version: string): Command {
  return runSync(parser, {
    programName: "imr",
    args: args.length === 0 ? ["serve"] : args,
    help: "both",
    version: { value: version, command: true, option: true },
    errorExitCode: EXIT_WRONG_USE,
    aboveError: "none",
    brief: message`Routes messages between the IM servers of an im_service chat system.`,
    footer:
      message`With no arguments it starts with an embedded push queue and needs nothing else.`,
  });
}
