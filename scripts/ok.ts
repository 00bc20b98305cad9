// The one gate: `./imr task ok`. Runs the checks in turn and stops at the first that fails. The last
// line of its output is always the count, `N passed, N failed`, in which each check before the tests
// counts as one.
// deno-lint-ignore-file no-console
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { installTestServers } from "./install_test_servers.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const TESTS_MS_MAX = 30 * 60_000;

interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

async function deno(args: string[], msMax?: number): Promise<boolean> {
  const child = new Deno.Command(Deno.execPath(), {
    args,
    cwd: ROOT,
    // Where a shell sets it, Deno ends each failure with a backtrace of its own native frames.
    env: { RUST_BACKTRACE: "0" },
    stdin: "null",
  }).spawn();
  const timer = msMax === undefined ? undefined : setTimeout(() => {
    console.error(`no end after ${msMax / 60_000} minutes: killed`);
    child.kill("SIGKILL");
  }, msMax);
  const { success } = await child.status;
  clearTimeout(timer);
  return success;
}

async function modulesIn(dir: string): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(join(ROOT, dir))) {
    const path = join(dir, entry.name);
    if (entry.isDirectory) found.push(...await modulesIn(path));
    else if (path.endsWith(".ts") && !path.endsWith("_test.ts")) found.push(path);
  }
  return found.sort();
}

async function runTests(): Promise<Count> {
  const dir = await Deno.makeTempDir({ prefix: "imr-ok-" });
  try {
    const report = join(dir, "junit.xml");
    // Types were checked before, those of the examples in comments too.
    const success = await deno([
      "test",
      "--allow-all",
      "--no-check",
      "--doc",
      "--trace-leaks",
      `--junit-path=${report}`,
      "src",
      "tests",
      "bench",
    ], TESTS_MS_MAX);
    const count = countJunit(await Deno.readTextFile(report).catch(() => ""));
    // A module that does not load and a run that dies leave nothing in the report.
    if (!success && count.failed === 0) count.failed = 1;
    if (count.passed + count.failed === 0) {
      console.error("no test was run");
      count.failed = 1;
    }
    return count;
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** The sums over all test suites of a JUnit report as Deno writes it. */
function countJunit(xml: string): Count {
  const count: Count = { passed: 0, failed: 0, skipped: 0 };
  for (const [suite] of xml.matchAll(/<testsuite [^>]*>/g)) {
    const value = (name: string) => Number(new RegExp(` ${name}="(\\d+)"`).exec(suite)?.[1] ?? 0);
    const failed = value("failures") + value("errors");
    count.failed += failed;
    count.skipped += value("disabled");
    count.passed += value("tests") - failed - value("disabled");
  }
  return count;
}

const checks: [name: string, hint: string, args: string[]][] = [
  ["format", "./imr task fmt repairs it", ["fmt", "--check"]],
  ["lint", "see above", ["lint"]],
  ["doc lint", "see above", ["doc", "--lint", ...await modulesIn("src")]],
  ["type check", "see above", ["check", "--doc"]],
];

const total: Count = { passed: 0, failed: 0, skipped: 0 };
let failedStep: string | undefined;

for (const [name, hint, args] of checks) {
  console.log(`\n== ${name}`);
  if (await deno(args)) {
    total.passed++;
  } else {
    total.failed++;
    failedStep = `${name} (${hint})`;
    break;
  }
}

if (failedStep === undefined) {
  console.log("\n== tests");
  const why = await installTestServers().then(() => undefined, (error: Error) => error.message);
  if (why !== undefined) console.error(why);
  const tests = why === undefined ? await runTests() : { passed: 0, failed: 1, skipped: 0 };
  total.passed += tests.passed;
  total.failed += tests.failed;
  total.skipped += tests.skipped;
  if (tests.failed > 0) failedStep = "tests (see above)";
}

console.log(failedStep === undefined ? "\nok" : `\nFAILED: ${failedStep}`);
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : "";
console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
Deno.exitCode = total.failed > 0 ? 1 : 0;
