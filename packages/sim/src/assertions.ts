/** Assertions as values: each looks at a run and says what does not hold. */
import type { Run } from "./engine.ts";
import { type Figures, figuresOf } from "./figures.ts";
import type { Scenario } from "./scenario.ts";

/** Something that did not hold. */
export interface Finding {
  readonly id: string;
  /** One sentence with the numbers. */
  readonly what: string;
}

/** Something that must hold of a run. `dump` gives what a person needs to see why it did not. */
export interface Assertion {
  readonly id: string;
  assert(run: Run, figures: Figures): readonly Finding[];
  dump(run: Run): readonly string[];
}

const shown = (value: number) => (Number.isInteger(value) ? `${value}` : value.toPrecision(4));

/** The bound of an expectation that has none of its own. */
const usual: Readonly<Record<string, { readonly min?: number; readonly max?: number }>> = {
  conservation: { max: 0 },
  fraudPaid: { max: 0 },
  honestDropped: { max: 0 },
};

/** An expectation of the scenario, as an assertion. */
export function expectation(of: Scenario["expect"][number]): Assertion {
  const { id } = of;
  const min = of.min ?? (of.max === undefined ? usual[id]?.min : undefined);
  const max = of.max ?? (of.min === undefined ? usual[id]?.max : undefined);
  const finding = (what: string): readonly Finding[] => [{ id, what }];
  return {
    id,
    assert(_, figures) {
      const value = figures[id];
      if (value === undefined) return finding(`${id} was not measured`);
      if (min === undefined && max === undefined) return finding(`${id} needs a min or a max`);
      if (max !== undefined && value > max)
        return finding(`${id} is ${shown(value)}, at most ${shown(max)} was expected`);
      if (min !== undefined && value < min)
        return finding(`${id} is ${shown(value)}, at least ${shown(min)} was expected`);
      return [];
    },
    dump: (run) => evidence(id, run),
  };
}

/** Rows that a person looks at first. */
function evidence(id: string, run: Run): readonly string[] {
  const rows = run.segments.filter(({ judged, gaps, by, failedOver }) => {
    if (!judged) return false;
    if (id === "missed") return gaps > 0;
    if (id === "local") return by === "local";
    return id === "failoverP95S" && failedOver;
  });
  return rows
    .slice(0, 5)
    .map(
      ({ stream, seq, by, attempts, roundTripMs, closedMs }) =>
        `stream/${stream} segment ${seq}, closed at ${(closedMs / 1_000).toFixed(1)} s: by ${by || "nobody"}, ${attempts} attempts, ${roundTripMs} ms`,
    );
}

/** What always must hold, whatever a scenario expects. */
export const ALWAYS: readonly Assertion[] = [
  {
    id: "order",
    assert(run) {
      const next = new Map<number, number>();
      for (const { stream, seq } of run.segments) {
        const expected = next.get(stream) ?? 0;
        if (seq !== expected)
          return [{ id: "order", what: `stream/${stream} published ${seq} after ${expected - 1}` }];
        next.set(stream, seq + 1);
      }
      return [];
    },
    dump: () => [],
  },
  { ...expectation({ id: "conservation", min: undefined, max: 0 }), id: "money" },
  { ...expectation({ id: "fraudPaid", min: undefined, max: 0 }), id: "fraud" },
  {
    id: "progress",
    assert: (run, { segments }) =>
      segments === 0 && run.scenario.durationS >= 10
        ? [{ id: "progress", what: "no segment was published in the time that is judged" }]
        : [],
    dump: () => [],
  },
];

export interface Judgement {
  readonly figures: Figures;
  readonly findings: readonly (Finding & { readonly evidence: readonly string[] })[];
}

/** Holds a run against what always must hold, and against what its scenario expects. */
export function judge(run: Run): Judgement {
  const figures = figuresOf(run);
  const all = [...ALWAYS, ...run.scenario.expect.map(expectation)];
  const findings = all.flatMap((assertion) =>
    assertion
      .assert(run, figures)
      .map((finding) => ({ ...finding, evidence: assertion.dump(run) })),
  );
  return { figures, findings };
}
