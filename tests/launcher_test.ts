// The launcher `imr`, copied beside a stand-in for main.ts, with a PATH that has only what a case
// puts there: so which Deno it finds does not depend on the machine.
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const LAUNCHER = fileURLToPath(new URL("../imr", import.meta.url));

const STAND_IN = `
switch (Deno.args[0]) {
  case "exit":
    Deno.exit(Number(Deno.args[1]));
    break;
  case "serve":
    Deno.addSignalListener("SIGTERM", () => Deno.exit(0));
    setTimeout(() => Deno.exit(9), 10_000);
    console.log("up");
    break;
  default:
    console.log(JSON.stringify({
      args: Deno.args,
      cwd: Deno.cwd(),
      pid: Deno.pid,
      noColor: Deno.noColor,
      caStore: Deno.env.get("DENO_TLS_CA_STORE"),
      granted: ["net", "read", "write", "env", "sys", "ffi", "run", "import"].filter((name) =>
        Deno.permissions.querySync({ name }).state === "granted"
      ),
    }));
}
`;

const DENO_JSON = `{ "tasks": { "where": "deno eval 'console.log(Deno.cwd())'" } }`;

/** A fake program that says it is Deno of this version and can do nothing else. */
const fakeDeno = (version: string): string =>
  `#!/bin/sh\n[ "$1" = --version ] && echo "deno ${version} (stable, release, some-platform)"\n`;

/** Runs the real Deno as a child, as the npm package's wrapper does: signals do not come through. */
const wrapper = `#!/bin/sh\n"${Deno.execPath()}" "$@"\nexit $?\n`;

/** Stands for npx: notes its arguments, then runs the real Deno as a child. */
const fakeNpx = `#!/bin/sh\necho "$@" >"$HOME/npx-args"\nshift 2\n${wrapper.slice(10)}`;

class Place implements AsyncDisposable {
  readonly #root: string;
  /** The project's folder: it has a space in its name. */
  readonly project: string;
  /** The only folder on PATH. */
  readonly bin: string;
  readonly home: string;
  /** A folder elsewhere, to call from. */
  readonly elsewhere: string;

  private constructor(root: string) {
    this.#root = root;
    this.project = join(root, "a project");
    this.bin = join(root, "bin");
    this.home = join(root, "home");
    this.elsewhere = join(root, "else where");
  }

  static async make(): Promise<Place> {
    const place = new Place(
      await Deno.realPath(await Deno.makeTempDir({ prefix: "imr launcher " })),
    );
    for (const dir of [place.project, place.bin, place.home, place.elsewhere]) {
      await Deno.mkdir(dir);
    }
    await Deno.copyFile(LAUNCHER, join(place.project, "imr"));
    await Deno.writeTextFile(join(place.project, "main.ts"), STAND_IN);
    await Deno.writeTextFile(join(place.project, "deno.json"), DENO_JSON);
    for (const tool of ["head", "readlink"]) {
      const found = ["/usr/bin", "/bin"].map((dir) => join(dir, tool)).find(exists);
      assert.ok(found, `${tool} is on this machine`);
      await Deno.symlink(found, join(place.bin, tool));
    }
    return place;
  }

  async program(path: string, text: string): Promise<void> {
    await Deno.mkdir(join(path, ".."), { recursive: true });
    await Deno.writeTextFile(path, text, { mode: 0o755 });
  }

  command(args: string[], options: Options = {}): Deno.Command {
    return new Deno.Command(options.path ?? join(this.project, "imr"), {
      args,
      cwd: options.cwd ?? this.elsewhere,
      clearEnv: true,
      env: {
        PATH: this.bin,
        HOME: this.home,
        DENO_DIR: join(this.#root, "deno-dir"),
        NO_COLOR: "1",
        ...options.env,
      },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    });
  }

  async run(args: string[], options: Options = {}): Promise<Result> {
    const { code, stdout, stderr } = await this.command(args, options).output();
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#root, { recursive: true });
  }
}

interface Options {
  path?: string;
  cwd?: string;
  env?: Record<string, string>;
}

interface Result {
  code: number;
  stdout: string;
  stderr: string;
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

const withReal = { DENO: Deno.execPath() };

Deno.test("launcher: passes arguments, folder and environment on, with few permissions", async () => {
  await using place = await Place.make();
  const { code, stdout, stderr } = await place.run(["demo", "--listen", "a b", "*", ""], {
    env: withReal,
  });
  assert.equal(code, 0, stderr);
  const { pid: _, ...seen } = JSON.parse(stdout);
  assert.deepEqual(seen, {
    args: ["demo", "--listen", "a b", "*", ""],
    cwd: place.elsewhere,
    noColor: true,
    caStore: "system,mozilla",
    granted: ["net", "read", "write", "env", "sys", "ffi"],
  });
});

Deno.test("launcher: an already set DENO_TLS_CA_STORE stays", async () => {
  await using place = await Place.make();
  const { stdout } = await place.run([], { env: { ...withReal, DENO_TLS_CA_STORE: "system" } });
  assert.equal(JSON.parse(stdout).caStore, "system");
});

Deno.test("launcher: passes the exit code on", async () => {
  await using place = await Place.make();
  assert.equal((await place.run(["exit", "7"], { env: withReal })).code, 7);
});

Deno.test("launcher: becomes the router's process", async () => {
  await using place = await Place.make();
  const child = place.command([], { env: withReal }).spawn();
  const { stdout } = await child.output();
  assert.equal(JSON.parse(new TextDecoder().decode(stdout)).pid, child.pid);
});

Deno.test("launcher: works through symbolic links and relative paths", async (t) => {
  await using place = await Place.make();
  const links = join(place.home, "links");
  await Deno.mkdir(links);
  await Deno.symlink(join(place.project, "imr"), join(links, "absolute"));
  await Deno.symlink("../../a project/imr", join(links, "relative"));
  await Deno.symlink("relative", join(links, "chain"));
  await Deno.symlink("links", join(place.home, "folder"));

  const paths = [
    join(links, "absolute"),
    join(links, "relative"),
    join(links, "chain"),
    join(place.home, "folder", "relative"),
    "../a project/imr",
    "../home/links/chain",
  ];
  for (const path of paths) {
    await t.step(path.replace(join(place.home, ".."), ""), async () => {
      const { code, stdout, stderr } = await place.run(["x"], { path, env: withReal });
      assert.equal(code, 0, stderr);
      assert.equal(JSON.parse(stdout).cwd, place.elsewhere);
    });
  }
});

Deno.test("launcher: SIGTERM to its pid ends the router in order", async (t) => {
  const cases: Record<string, (place: Place) => Promise<Record<string, string>>> = {
    "Deno's binary": () => Promise.resolve(withReal),
    "a wrapper script on PATH": async (place) => {
      await place.program(join(place.bin, "deno"), wrapper);
      return {};
    },
    "npx": async (place) => {
      await place.program(join(place.bin, "npx"), fakeNpx);
      return {};
    },
  };
  for (const [name, prepare] of Object.entries(cases)) {
    await t.step(name, async () => {
      await using place = await Place.make();
      const child = place.command(["serve"], { env: await prepare(place) }).spawn();
      const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
      assert.equal((await reader.read()).value, "up\n");
      child.kill("SIGTERM");
      // Also the end of its output: a process left behind would hold it open.
      assert.equal((await reader.read()).done, true);
      await child.stderr.cancel();
      const { code, signal } = await child.status;
      assert.deepEqual({ code, signal }, { code: 0, signal: null });
    });
  }
});

Deno.test("launcher: finds a Deno of the right version", async (t) => {
  const right = `#!/bin/sh\nexec "${Deno.execPath()}" "$@"\n`;
  const cases: Record<string, (place: Place) => string> = {
    "on PATH": (place) => join(place.bin, "deno"),
    "in ~/.deno": (place) => join(place.home, ".deno/bin/deno"),
    "in the cache of npx": (place) =>
      join(place.home, ".npm/_npx/0123456789abcdef/node_modules/deno/deno"),
  };
  for (const [name, path] of Object.entries(cases)) {
    await t.step(name, async () => {
      await using place = await Place.make();
      // Deno of a wrong version at each earlier place is passed over.
      for (const earlier of Object.values(cases)) {
        if (earlier === path) break;
        await place.program(earlier(place), fakeDeno("2.5.9"));
      }
      await place.program(path(place), right);
      const { code, stderr } = await place.run(["exit", "5"]);
      assert.deepEqual({ code, stderr }, { code: 5, stderr: "" });
    });
  }

  await t.step("through npx", async () => {
    await using place = await Place.make();
    await place.program(join(place.bin, "deno"), fakeDeno("2.60.0"));
    await place.program(join(place.bin, "npx"), fakeNpx);
    const { code, stderr } = await place.run(["exit", "5"]);
    assert.equal(code, 5);
    assert.match(stderr, /^imr: getting Deno 2\.6\.\d+ from npm\n$/);
    assert.match(await Deno.readTextFile(join(place.home, "npx-args")), /^-y deno@2\.6\.\d+ /);
  });
});

Deno.test("launcher: without a usable Deno it says what to install and exits with 2", async (t) => {
  await t.step("nothing on PATH", async () => {
    await using place = await Place.make();
    for (const env of [{}, { PATH: "" }, { PATH: "/nowhere" }]) {
      const { code, stdout, stderr } = await place.run(["--help"], { env });
      assert.equal(code, 2);
      assert.equal(stdout, "");
      assert.match(stderr, /^imr: needs Deno 2\.6\.x, or Node\.js with npx/);
      assert.match(stderr, /\nimr: Install Deno 2\.6\.x .* or install Node\.js\.\n$/);
    }
  });

  await t.step("only a wrong version", async () => {
    await using place = await Place.make();
    const path = join(place.bin, "deno");
    await place.program(path, fakeDeno("2.7.0"));
    const { code, stderr } = await place.run([]);
    assert.equal(code, 2);
    assert.ok(stderr.includes(`\n  ${path} is deno 2.7.0\n`), stderr);
  });

  await t.step("$DENO is not usable, though another is", async () => {
    await using place = await Place.make();
    await place.program(join(place.bin, "deno"), wrapper);
    const old = join(place.home, "old");
    await place.program(old, fakeDeno("1.46.3"));
    for (const [named, why] of [[old, `${old} is deno 1.46.3`], ["/nowhere/deno", ""]] as const) {
      const { code, stderr } = await place.run([], { env: { DENO: named } });
      assert.equal(code, 2);
      assert.ok(stderr.startsWith(`imr: DENO=${named} is not Deno 2.6.x`), stderr);
      assert.ok(stderr.includes(why), stderr);
    }
  });

  await t.step("npx fails", async () => {
    await using place = await Place.make();
    await place.program(join(place.bin, "npx"), "#!/bin/sh\necho no network >&2\nexit 1\n");
    const { code, stderr } = await place.run([]);
    assert.equal(code, 2);
    assert.match(stderr, /no network\nimr: npx could not get Deno/);
  });
});

Deno.test("launcher: task runs in the project's folder, deno in the caller's", async () => {
  await using place = await Place.make();
  const task = await place.run(["task", "where"], { env: withReal });
  assert.equal(task.stdout, `${place.project}\n`, task.stderr);
  const other = await place.run(["deno", "eval", "console.log(Deno.cwd())"], { env: withReal });
  assert.equal(other.stdout, `${place.elsewhere}\n`, other.stderr);
});
