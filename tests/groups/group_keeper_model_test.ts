// Any order of changes, lost events, lost subscriptions, slow and failing loads ends in the groups that MySQL holds, and no group that
// was there all along is ever missing.
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Step } from "./keeper_step.ts";
import { KeeperWorld } from "./keeper_world.ts";

/** Is in MySQL from the beginning, and never disbanded. */
const LASTING = 1_000n;
/** The groups that come and go, few, so that much happens to each. */
const GROUPS = [1n, 2n, -(2n ** 63n)];
const UIDS = [1n, 2n, 3n];

/** Which mishaps there are in a run: with all of them in each, one more load at its end would hide what was wrong before. */
interface Mishaps {
  /** Whether events are lost on a line that stands. */
  readonly eventsAreLost: boolean;
  /** Whether the line breaks. */
  readonly lineBreaks: boolean;
  /** Whether loads fail. */
  readonly loadsFail: boolean;
  /** Whether Redis takes its time to answer. */
  readonly answersAreSlow: boolean;
}

interface Run extends Mishaps {
  readonly steps: readonly Step[];
}

const runs: fc.Arbitrary<Run> = fc.record<Mishaps>({
  eventsAreLost: fc.boolean(),
  lineBreaks: fc.boolean(),
  loadsFail: fc.boolean(),
  answersAreSlow: fc.boolean(),
}).chain((mishaps) => stepsWith(mishaps).map((steps) => ({ ...mishaps, steps })));

function stepsWith(mishaps: Mishaps): fc.Arbitrary<Step[]> {
  const group = fc.constantFrom(...GROUPS);
  const anyGroup = fc.constantFrom(...GROUPS, LASTING);
  const fate = fc.oneof(
    { weight: 7, arbitrary: fc.constant("heard") },
    { weight: 2, arbitrary: fc.constant("late") },
    { weight: mishaps.eventsAreLost ? 1 : 0, arbitrary: fc.constant("lost") },
  );
  const kinds = (...list: Step["kind"][]) => fc.record({ kind: fc.constantFrom(...list) });
  const step: fc.Arbitrary<unknown> = fc.oneof(
    { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("create", "disband"), group }) },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constantFrom("add", "remove"),
        group: anyGroup,
        uid: fc.constantFrom(...UIDS),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("upgrade"), group: anyGroup }) },
    { weight: 1, arbitrary: kinds("unreadable", "foreign") },
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("publish"), fate }) },
    { weight: mishaps.lineBreaks ? 2 : 0, arbitrary: kinds("subscribe", "lose") },
    { weight: mishaps.answersAreSlow ? 3 : 0, arbitrary: kinds("answer") },
    { weight: 4, arbitrary: kinds("read", "finish") },
    { weight: mishaps.loadsFail ? 1 : 0, arbitrary: kinds("fail") },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("wait"),
        ms: fc.constantFrom(1, 10, 300, 1_000, 2_500),
      }),
    },
  );
  return fc.array(step as fc.Arbitrary<Step>, { minLength: 5, maxLength: 60, size: "max" });
}

/** What is left of the loads, by cause, without these. */
function loadsBut(world: KeeperWorld, ...expected: readonly string[]): string[] {
  const begun = [...world.keeper.loads].filter(([, count]) => count > 0).map(([cause]) => cause);
  return begun.filter((cause) => !expected.includes(cause));
}

Deno.test("GroupKeeper: any order of changes, gaps, loads and lost lines ends in what MySQL holds", async () => {
  await fc.assert(
    fc.asyncProperty(runs, async ({ steps, ...mishaps }) => {
      const world = new KeeperWorld(LASTING, mishaps.answersAreSlow);
      await world.take({ kind: "subscribe" });
      for (const step of steps) await world.take(step);
      await world.calmDown();
      world.assertSame("at the end");
      assert.equal(world.keeper.isStale, false);
      if (!mishaps.eventsAreLost && !mishaps.lineBreaks) {
        assert.equal(world.keeper.events.gaps, 0, "nothing was missed");
        assert.deepEqual(loadsBut(world, "start", "retry"), [], "nothing was missed");
      }
      await world.keeper.stop();
      assert.equal(world.clock.timers, 0, "no timer is left");
    }),
    { numRuns: 1_200 },
  );
});
