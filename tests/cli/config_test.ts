// Configuration as a person meets it: the program as a process, with files of the family and of its own.
import assert from "node:assert/strict";
import { withoutGlogFlags } from "../../src/cli/glog_flags.ts";
import { tempFolder } from "../push/fixtures.ts";
import { RouterProcess } from "../support/router_process.ts";

const MAIN = new URL("../../main.ts", import.meta.url).href;

async function imr(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", MAIN, ...args],
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

Deno.test("imr config show shows the settings in effect and where they come from, also to a script", async () => {
  const env = { IMR_DATA: "/from/env" };
  const { code, out } = await imr(["config", "show", "--listen", ":5555"], env);
  assert.equal(code, 0);
  assert.match(out, /^listen +0\.0\.0\.0:5555 +--listen$/m);
  assert.match(out, /^data +\/from\/env +IMR_DATA$/m);
  assert.match(out, /^generation +auto +default$/m);
  const json = JSON.parse((await imr(["config", "show", "--json"], env)).out);
  assert.deepEqual(json.data, { value: "/from/env", origin: "IMR_DATA" });
  assert.deepEqual(json["redis.address"], { value: null, origin: "not set" });
});

Deno.test("imr config init prints a file with which imr starts", async () => {
  await using folder = await tempFolder();
  const file = `${folder.path}/imr.toml`;
  await Deno.writeTextFile(file, (await imr(["config", "init"])).out);
  await using router = await RouterProcess.start({ data: `${folder.path}/data`, args: [file] });
  assert.match(router.banner, /generation auto/);
});

Deno.test("imr with a file in which much is wrong says all of it, and ends with status 2", async () => {
  await using folder = await tempFolder();
  const file = `${folder.path}/imr.toml`;
  await Deno.writeTextFile(file, 'generation = "3"\nlissten = ":1"\n[redis]\naddress = "h:x"\n');
  for (const args of [[file], ["serve", file], ["serve", "--config", file]]) {
    const { code, err, out } = await imr(args);
    assert.equal(code, 2);
    assert.equal(out, "");
    assert.match(err, /imr\.toml:1: generation is "3": auto, 1, 2 expected/);
    assert.match(err, /imr\.toml:2: lissten is not known; is listen meant\?/);
    assert.match(err, /imr\.toml:4: redis\.address: /);
  }
  const { code, err } = await imr([], { IMR_CONFIG: file });
  assert.equal(code, 2);
  assert.match(err, /imr\.toml:2/);
});

Deno.test("imr with a command that has a slip in it, or no such file, says what may be meant", async () => {
  const slip = await imr(["srve"]);
  assert.equal(slip.code, 2);
  assert.match(slip.err, /srve.*is the command serve meant\?/s);
  const absent = await imr(["/absent/imr.cfg"]);
  assert.equal(absent.code, 2);
  assert.match(absent.err, /cannot read the configuration file \/absent\/imr\.cfg/);
});

Deno.test("imr with a file of the family and options of glog starts as that file says, and says what has no effect", async () => {
  await using folder = await tempFolder();
  const file = `${folder.path}/imr.cfg`;
  const text = "listen=127.0.0.1:1\nredis_address=127.0.0.1:1\nlog_level=info\nmy_key=1\n";
  await Deno.writeTextFile(file, text);
  // The options of a test's router come behind the file, and count more than it.
  await using router = await RouterProcess.start({
    data: `${folder.path}/data`,
    args: [file],
    before: ["-log_dir=/tmp", "-v", "2"],
  });
  assert.match(router.banner, /generation 2/);
  assert.match(router.banner, /redis:\/\/127\.0\.0\.1:1 /);
  assert.equal(router.logged("log_level has no effect").length, 1);
  assert.equal(router.logged("my_key is not known").length, 1);
  assert.equal(router.logged("options of glog have no effect").length, 1);
});

Deno.test("withoutGlogFlags takes every form of the options, and nothing behind them", () => {
  const cases: readonly (readonly [args: string, left: string])[] = [
    ["imr.cfg", "imr.cfg"],
    ["-log_dir=/var/log imr.cfg", "imr.cfg"],
    ["--log_dir /var/log imr.cfg", "imr.cfg"],
    ["-logtostderr -v 2 imr.cfg", "imr.cfg"],
    ["-logtostderr=true -alsologtostderr --stderrthreshold=INFO -vmodule a=1 imr.cfg", "imr.cfg"],
    ["-log_backtrace_at f.go:1 imr.cfg -v 2", "imr.cfg -v 2"],
    ["--version", "--version"],
    ["-v", ""],
    ["", ""],
  ];
  for (const [args, left] of cases) {
    const split = args === "" ? [] : args.split(" ");
    assert.equal(withoutGlogFlags(split).args.join(" "), left, args);
  }
});
