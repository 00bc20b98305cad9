/**
 * The programs that are compared: how each is started, and what the load generator has to know of it.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import type { Mode } from "./load_options.ts";

/** Where a program has to listen and what it may use. */
export interface Place {
  /** The port of the router, on 127.0.0.1. */
  readonly port: number;
  /** A port for HTTP. */
  readonly httpPort: number;
  /** A folder of its own, removed afterwards. */
  readonly data: string;
  /** The port of a Redis server; 0 when there is none. */
  readonly redisPort: number;
}

/** One program. */
export interface Contestant {
  /** The head of its column. */
  readonly title: string;
  /** Whether it is the one that the others are compared with. */
  readonly ours: boolean;
  /** Whether it needs a Redis server. */
  readonly needsRedis: boolean;
  /** Whether it does the work of a mode at all. */
  plays(mode: Mode): boolean;
  /** Prepares the folder and gives the command line. */
  command(place: Place): Promise<string[]>;
  /** What the load generator is told besides the mode. */
  loadArgs(mode: Mode, place: Place): string[];
}

/** The command that starts this checkout's router. */
export const OURS_DEFAULT: string = `${
  shellWord(fileURLToPath(new URL("../imr", import.meta.url)))
} --listen 127.0.0.1:{port} --http 127.0.0.1:{http} --data {data}`;

/**
 * Our router.
 *
 * @param template a command line with {port}, {http}, {data}, {redis} where these belong; words may stand in quotes
 * @param version what to say in the head of the column
 */
export function ourRouter(template: string, version: string): Contestant {
  const needsRedis = template.includes("{redis}");
  return {
    title: `imr ${version}`,
    ours: true,
    needsRedis,
    plays: () => true,
    command: (place) => Promise.resolve(fillIn(template, place)),
    loadArgs: (mode, { redisPort, httpPort }) => {
      if (mode !== "offline") return [];
      return needsRedis
        ? ["--redis", `127.0.0.1:${redisPort}`]
        : ["--http", `127.0.0.1:${httpPort}`];
    },
  };
}

/**
 * A router of the family, generation 2, that is started with a TOML file.
 *
 * @param path the program
 */
export function goRouter(path: string): Contestant {
  return {
    title: "the family's Go router",
    ours: false,
    needsRedis: true,
    plays: () => true,
    command: async ({ port, httpPort, redisPort, data }) => {
      const file = `${data}/imr.cfg`;
      await Deno.writeTextFile(
        file,
        `listen="127.0.0.1:${port}"\nhttp_listen_address="127.0.0.1:${httpPort}"\n` +
          `[redis]\naddress="127.0.0.1:${redisPort}"\npassword=""\ndb=0\n` +
          `[log]\nfilename="${data}/imr.log"\nlevel="warn"\n`,
      );
      return [path, file];
    },
    loadArgs: (mode, { redisPort }) =>
      mode === "offline" ? ["--gen", "2", "--redis", `127.0.0.1:${redisPort}`] : [],
  };
}

/**
 * A NATS server, which does the same work as subjects.
 *
 * @param path the program
 * @param version what to say in the head of the column
 */
export function natsServer(path: string, version: string): Contestant {
  return {
    title: `NATS server ${version}`.trim(),
    ours: false,
    needsRedis: false,
    plays: (mode) => mode !== "offline",
    command: ({ port }) => Promise.resolve([path, "-a", "127.0.0.1", "-p", String(port)]),
    loadArgs: () => ["--proto", "nats"],
  };
}

/**
 * A program that does the least that the work needs, and is no product.
 *
 * @param path the program; its argument is HOST:PORT
 */
export function floorRouter(path: string): Contestant {
  return {
    title: "floor",
    ours: false,
    needsRedis: false,
    plays: (mode) => mode !== "offline",
    command: ({ port }) => Promise.resolve([path, `127.0.0.1:${port}`]),
    loadArgs: () => [],
  };
}

function fillIn(template: string, place: Place): string[] {
  const values: Record<string, string> = {
    port: String(place.port),
    http: String(place.httpPort),
    data: place.data,
    redis: String(place.redisPort),
  };
  const words = template.match(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g) ?? [];
  return words.map((word) =>
    word.replace(/"([^"]*)"|'([^']*)'/g, (_, a, b) => a ?? b)
      .replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole)
  );
}

function shellWord(text: string): string {
  return text.includes(" ") ? `"${text}"` : text;
}
