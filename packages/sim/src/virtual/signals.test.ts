import fc from "fast-check";
import { expect, test } from "vitest";
import { modelSignals } from "./signals.ts";

const { SEED, FC_PATH = "", RUNS = "300" } = process.env;
const replay = { seed: Number(SEED ?? Date.now() | 0), path: FC_PATH, numRuns: Number(RUNS) };

type Signals = Pick<typeof globalThis, "AbortController" | "AbortSignal">;
const model = modelSignals as unknown as Signals;

/** Signals are named by number: some have a controller, the others are combined from signals before them. */
const script = fc.record({
  controllers: fc.integer({ min: 1, max: 4 }),
  steps: fc.array(
    fc.oneof(
      fc.record({ do: fc.constant("any"), of: fc.array(fc.nat(20), { maxLength: 3 }) }),
      fc.record({
        do: fc.constant("listen"),
        to: fc.nat(20),
        once: fc.boolean(),
        until: fc.nat(40),
      }),
      fc.record({ do: fc.constant("leave"), which: fc.nat(20) }),
      fc.record({ do: fc.constant("abort"), which: fc.nat(3) }),
      fc.record({ do: fc.constant("ask"), which: fc.nat(20) }),
    ) as fc.Arbitrary<Step>,
    { maxLength: 40 },
  ),
});
type Step =
  | { readonly do: "any"; readonly of: readonly number[] }
  | { readonly do: "listen"; readonly to: number; readonly once: boolean; readonly until: number }
  | { readonly do: "leave"; readonly which: number }
  | { readonly do: "abort"; readonly which: number }
  | { readonly do: "ask"; readonly which: number };

/** What was heard and seen, in order. */
function play(
  { AbortController: Controller, AbortSignal: Signal }: Signals,
  count: number,
  steps: readonly Step[],
) {
  const seen: string[] = [];
  const controllers = Array.from({ length: count }, () => new Controller());
  const signals = controllers.map(({ signal }) => signal);
  const listeners: { readonly on: () => void; readonly signal: AbortSignal }[] = [];
  const at = (number: number) => signals[number % signals.length] as AbortSignal;
  for (const [i, step] of steps.entries()) {
    if (step.do === "any") signals.push(Signal.any(step.of.map(at)));
    if (step.do === "listen") {
      const signal = at(step.to);
      const on = () =>
        seen.push(`${i}: ${signal.reason}, ${signals.map(({ aborted }) => aborted)}`);
      // Beyond all signals: for ever.
      const until = step.until < signals.length ? { signal: at(step.until) } : {};
      signal.addEventListener("abort", on, { once: step.once, ...until });
      listeners.push({ on, signal });
    }
    if (step.do === "leave" && listeners.length > 0) {
      const { on, signal } = listeners[step.which % listeners.length] as (typeof listeners)[0];
      signal.removeEventListener("abort", on);
    }
    if (step.do === "abort") controllers[step.which % count]?.abort(`reason ${i}`);
    if (step.do === "ask") seen.push(`${i}: ${at(step.which).aborted}`);
  }
  return seen;
}

test(`signals fire when, why and in the order that the platform's do (SEED=${replay.seed})`, () => {
  const same = fc.property(script, ({ controllers, steps }) => {
    expect(play(model, controllers, steps)).toEqual(play(globalThis, controllers, steps));
  });
  fc.assert(same, replay);
});

test("a long-lived signal does not keep those that were combined from it and are done with", () => {
  const owner = new model.AbortController();
  const told: string[] = [];
  const done = model.AbortSignal.any([owner.signal, new model.AbortController().signal]);
  const listener = () => told.push("done");
  done.addEventListener("abort", listener);
  done.removeEventListener("abort", listener);
  owner.abort("over");
  expect(told).toEqual([]);
  expect(done.reason).toBe("over");
});

test("a use of signals that is not modelled is refused, and an abort without a reason throws an AbortError", () => {
  const controller = new model.AbortController();
  expect(() => model.AbortSignal.timeout(5)).toThrow("not modelled");
  expect(() => controller.signal.addEventListener("close" as "abort", () => {})).toThrow(
    "not modelled",
  );
  controller.abort();
  expect(() => controller.signal.throwIfAborted()).toThrow(
    expect.objectContaining({ name: "AbortError" }),
  );
  expect(model.AbortSignal.abort("why").reason).toBe("why");
});
