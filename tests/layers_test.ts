// Which way imports point. The parts are in docs/ARCHITECTURE.md; the table below is the whole of the rule.
import assert from "node:assert/strict";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/**
 * What each part of src may import besides itself: other parts, "node:" for builtin modules, "npm" for packages.
 * The integrations (push, groups, cluster, admin) know the types of wire and router, never net nor each other: main.ts
 * connects them. redis is what they share: how to reach it. It and src/cli know every part.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  wire: [],
  router: ["wire"],
  net: ["wire", "router", "log", "node:"],
  redis: ["node:", "npm"],
  push: ["wire", "router", "redis", "log", "clock", "node:", "npm"],
  groups: ["wire", "router", "redis", "log", "clock", "node:", "npm"],
  cluster: ["wire", "router", "redis", "log", "clock", "node:", "npm"],
  admin: ["wire", "router", "log", "node:", "npm"],
  log: ["node:", "npm"],
  clock: [],
  config: ["wire", "router", "redis", "push", "groups", "log", "node:", "npm"],
  cli: ["*"],
  main: ["*"],
};

interface Import {
  readonly specifier: string;
  /** Erased by the compiler: it makes no cycle at run time. */
  readonly typeOnly: boolean;
}

interface Module {
  /** From the project's root, with `/`. */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
}

const STATIC = /^(?:import|export)\s(?<what>[^;]*?\bfrom\s+)?"(?<specifier>[^"]+)"/gm;
/** import("x"), and a worker's new URL("x", import.meta.url). */
const DYNAMIC = /(?:\bimport\(|\bnew URL\()\s*"(?<specifier>[^"]+)"/g;

function importsOf(text: string): Import[] {
  const found = [...text.matchAll(STATIC)].map(({ groups }) => ({
    specifier: groups!.specifier!,
    typeOnly: isTypeOnly(groups!.what ?? ""),
  }));
  const code = withoutComments(text);
  for (const { groups } of code.matchAll(DYNAMIC)) {
    found.push({ specifier: groups!.specifier!, typeOnly: false });
  }
  return found;
}

/** `type …` before the names, or before each of them. */
function isTypeOnly(what: string): boolean {
  if (/^type\s/.test(what)) return true;
  const names = /^\{(?<names>[^}]*)\}/.exec(what)?.groups?.names;
  if (names === undefined) return false;
  return names.split(",").map((name) => name.trim()).filter((name) => name !== "")
    .every((name) => name.startsWith("type "));
}

/** Comments go, strings stay. */
function withoutComments(text: string): string {
  return text.replaceAll(
    /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\/.*|\/\*[\s\S]*?\*\//g,
    (_, string?: string) => string ?? "",
  );
}

function* filesIn(dir: string): Generator<string> {
  for (const entry of Deno.readDirSync(join(ROOT, dir))) {
    const path = `${dir}/${entry.name}`;
    if (entry.isDirectory) yield* filesIn(path);
    else if (path.endsWith(".ts")) yield path;
  }
}

function readModules(): Map<string, Module> {
  const modules = new Map<string, Module>();
  for (const path of ["main.ts", ...filesIn("src")].sort()) {
    const text = Deno.readTextFileSync(join(ROOT, path));
    modules.set(path, { path, text, imports: importsOf(text) });
  }
  return modules;
}

const modules = readModules();

/** src/wire/frame.ts is of part wire, src/log.ts of part log, main.ts of part main. */
function partOf(path: string): string {
  const [first, second] = path.split("/");
  return (first === "src" ? second! : first!).replace(/\.ts$/, "");
}

/** The imported file from the project's root; undefined for what is not one of ours. */
function targetOf(module: Module, specifier: string): string | undefined {
  if (!specifier.startsWith(".")) return undefined;
  return relative(ROOT, join(ROOT, dirname(module.path), specifier)).replaceAll("\\", "/");
}

Deno.test("layers: imports are found in every form", () => {
  const found = importsOf(`
import a from "./a.ts";
import type { B } from "./b.ts";
import { type C, type D } from "./c.ts";
import { type E, f } from "./d.ts";
import {
  g,
} from "./e.ts";
import "./f.ts";
export * from "./g.ts";
export type { H } from "./h.ts";
// import i from "./no.ts";
/** import("./no.ts") */
const j = await import("./j.ts"), k = new Worker(new URL("./k.ts", import.meta.url));
`).map(({ specifier, typeOnly }) => specifier + (typeOnly ? " type" : ""));
  assert.deepEqual(found, [
    "./a.ts",
    "./b.ts type",
    "./c.ts type",
    "./d.ts",
    "./e.ts",
    "./f.ts",
    "./g.ts",
    "./h.ts type",
    "./j.ts",
    "./k.ts",
  ]);
  assert.ok(modules.size > 20 && modules.has("src/wire/frame.ts"));
});

Deno.test("layers: each part imports only what the table lets it", () => {
  const wrong: string[] = [];
  for (const module of modules.values()) {
    const part = partOf(module.path);
    const may = MAY_IMPORT[part];
    if (may === undefined) wrong.push(`${module.path} is of no part that the table knows`);
    for (const { specifier } of module.imports) {
      const target = targetOf(module, specifier);
      const wanted = target === undefined
        ? (specifier.startsWith("node:") ? "node:" : "npm")
        : partOf(target);
      if (wanted === part || may?.includes("*") || may?.includes(wanted)) continue;
      wrong.push(`${module.path} imports ${specifier}`);
    }
  }
  assert.deepEqual(wrong, []);
});

Deno.test("layers: every relative import is a file of src, or the version in deno.json", () => {
  const wrong: string[] = [];
  for (const module of modules.values()) {
    for (const { specifier } of module.imports) {
      const target = targetOf(module, specifier);
      if (target === undefined || modules.has(target)) continue;
      if (target === "deno.json" && MAY_IMPORT[partOf(module.path)]?.includes("*")) continue; // the version
      wrong.push(`${module.path} imports ${specifier}`);
    }
  }
  assert.deepEqual(wrong, []);
});

Deno.test("layers: no module imports itself by way of others", () => {
  const cycles: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, way: readonly string[]): void => {
    if (way.includes(path)) cycles.push([...way.slice(way.indexOf(path)), path].join(" -> "));
    if (done.has(path) || way.includes(path)) return;
    const module = modules.get(path);
    for (const { specifier, typeOnly } of module?.imports ?? []) {
      const target = typeOnly ? undefined : targetOf(module!, specifier);
      if (target !== undefined) visit(target, [...way, path]);
    }
    done.add(path);
  };
  for (const path of modules.keys()) visit(path, []);
  assert.deepEqual(cycles, []);
});

Deno.test("layers: packages are imported by the bare names of deno.json", () => {
  const { imports } = JSON.parse(Deno.readTextFileSync(join(ROOT, "deno.json"))) as {
    imports: Record<string, string>;
  };
  for (const [name, target] of Object.entries(imports)) {
    assert.match(
      target,
      /^npm:(?:@[\w-]+\/)?[\w.-]+@\d+\.\d+\.\d+$/,
      `${name} is an exact npm version`,
    );
  }
  const wrong: string[] = [];
  for (const module of modules.values()) {
    for (const { specifier } of module.imports) {
      if (specifier.startsWith(".") || specifier.startsWith("node:")) continue;
      const names = Object.keys(imports);
      if (names.some((name) => specifier === name || specifier.startsWith(`${name}/`))) continue;
      wrong.push(`${module.path} imports ${specifier}`);
    }
  }
  assert.deepEqual(wrong, []);
});

/** What a pure, synchronous module has no use for. */
const IMPURE: readonly (readonly [what: string, words: RegExp])[] = [
  [
    "the Deno API or the host",
    /\b(?:Deno|process|navigator|globalThis|require)\b|\bimport\.meta\b/,
  ],
  ["a timer", /\b(?:set|clear)(?:Timeout|Interval|Immediate)\b|\bqueueMicrotask\b/],
  ["a clock", /\b(?:Date|performance|Temporal)\b/],
  ["randomness", /\bMath\.random\b|\bcrypto\b/],
  ["the console", /\bconsole\b/],
  ["something asynchronous", /\b(?:async|await|Promise)\b|\.then\(|\bSymbol\.asyncIterator\b/],
  ["a network or thread", /\b(?:fetch|WebSocket|Worker|BroadcastChannel|Atomics)\b/],
];

for (const part of ["wire", "router"]) {
  Deno.test(`layers: ${part} is pure and synchronous`, () => {
    const wrong: string[] = [];
    for (const { path, text } of modules.values()) {
      if (partOf(path) !== part) continue;
      const code = withoutComments(text).replaceAll(/"(?:\\.|[^"\\\n])*"/g, '""');
      for (const [what, words] of IMPURE) {
        const word = words.exec(code)?.[0];
        if (word !== undefined) wrong.push(`${path} uses ${what}: ${word}`);
      }
    }
    assert.deepEqual(wrong, []);
  });
}

Deno.test("layers: wire and router keep no mutable state in a module", () => {
  for (const { path, text } of modules.values()) {
    if (!["wire", "router"].includes(partOf(path))) continue;
    assert.doesNotMatch(text, /^(?:export )?(?:let|var) /m, path);
  }
});
