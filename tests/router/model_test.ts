// Random histories of connections, subscriptions and messages, against a model of plain maps and sets.
import fc from "fast-check";
import { type Action, MODEL_APPS, MODEL_IDS, ModelPair } from "../support/router_model.ts";

const by = fc.nat(7);
const app = fc.constantFrom(...MODEL_APPS);
const id = fc.constantFrom(...MODEL_IDS);
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ do: "connect" as const }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("disconnect" as const), by }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("everybody" as const), by }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("sweep" as const),
      records: fc.integer({ min: 1, max: 9 }),
    }),
  },
  {
    weight: 12,
    arbitrary: fc.record({ do: fc.constant("subscribe" as const), by, app, id, online: fc.nat(1) }),
  },
  {
    weight: 16,
    arbitrary: fc.record({
      do: fc.constantFrom("unsubscribe" as const, "join", "leave", "publish", "publish", "room"),
      by,
      app,
      id,
    }),
  },
);

Deno.test("Router answers any history of connections and subscriptions as plain maps and sets do", () => {
  const property = fc.property(
    fc.array(action, { maxLength: 150, size: "max" }),
    (actions) => new ModelPair().run(actions),
  );
  fc.assert(property, { numRuns: 400 });
});

Deno.test("Router answers a long history with many connections as plain maps and sets do", () => {
  const property = fc.property(
    fc.array(action, { minLength: 3_000, maxLength: 3_000, size: "max" }),
    (actions) => new ModelPair().run(actions),
  );
  fc.assert(property, { numRuns: 2, endOnFailure: true });
});
