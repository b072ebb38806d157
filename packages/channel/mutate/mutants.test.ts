import { describe, expect, test } from "vitest";
import { type Mutant, mutantsOf } from "./mutants.ts";

const of = (source: string, functions?: readonly string[]) =>
  mutantsOf(source, { file: "source.ts", first: 1, functions });
const changes = (source: string) => of(source).mutants.map(({ from, to }) => `${from} → ${to}`);

describe("what is spoilt in a source", () => {
  test.each([
    ["a < b", ["a < b → a <= b", "a < b → a > b", "a < b → a >= b"]],
    ["a === b", ["a === b → a !== b"]],
    ["a - b", ["a - b → a + b"]],
    ["a %= b", []],
    ["a += b", ["a += b → a -= b"]],
    ["++a", ["++a → --a"]],
    ["a && b", ["a && b → (a) || (b)"]],
    ["!a", ["!a → a"]],
    ["f(true)", ["true → false"]],
    ["f(0n)", ["f(0n) → f(1n)"]],
    ["f(1)", ["f(1) → f(0)"]],
    ["a ?? ((0 as Wei) as Amount)", ["a ?? ((0)) → a ?? ((1))"]],
    ["f(10)", ["f(10) → f(11)"]],
    ["f(600)", ["f(600) → f(1200)"]],
    [`f(600, "${"long".repeat(20)}")`, ["600 → 1200"]],
    ["f(0.5)", []],
    ["a ? b : c", ["a → !(a)"]],
    ["switch (a) { case b: c; }", []],
    ["a < b ? c : d", ["a < b → a <= b", "a < b → a > b", "a < b → a >= b"]],
  ])("of `%s` these are mutants: %j", (source, expected) => {
    expect(changes(source)).toEqual(expected);
  });

  test.each(["a > b ? a - b : 0n", "(a as Wei) < b ? (a as Wei) : b", "a > 0 ? a : 0"])(
    "`%s` is the same whether its sides may be equal or not, so that is no mutant",
    (source) => {
      const [comparison] = source.split(" ? ");
      const others = of(`f(${source})`).mutants.filter(({ kind }) => kind === "comparison");
      expect(others.map(({ to }) => to.includes("="))).toEqual([false, true]);
      expect(of(`f(${comparison} ? a : c)`).mutants.length).toBeGreaterThan(2);
    },
  );

  test("types, imports, keys and the text of messages are not spoilt", () => {
    const source = `
      import { a } from "./a.ts" with { type: "json" };
      type T = 1 | true;
      const o = { 1: a as unknown as 2 };
      const text = "a" + a;
      throw new Error(\`\${a - 1} wei\`);`;
    expect(changes(source)).toEqual([]);
  });

  test("a mutant names its line and the function around it, and not its types", () => {
    const { mutants } = of(
      "\nconst f = (a: Wei) => {\n  return g((a - b) as Wei, () => a as Wei);\n};",
    );
    expect(mutants).toMatchObject([{ line: 3, inside: "f", from: "a - b", to: "a + b" }]);
    expect(of("f((a as Wei) < b)").mutants[0]).toMatchObject({ from: "(a) < b" });
  });

  test("only the functions that are named are spoilt, where any are", () => {
    const source = "function f() { return 1; } function g() { return 2; } const c = 3;";
    expect(of(source, ["g"]).mutants).toMatchObject([{ inside: "g", from: "return 2;" }]);
  });

  test("what is no TypeScript is refused by the name of its file", () => {
    expect(() => of("let = ;")).toThrow(/^source\.ts: /);
  });
});

describe("the source that holds all mutants", () => {
  const source = "return (a, b) => { let c = a; c += 2; return !(c > b + 1) && a !== 0; };";
  const holding = of(`function f() { ${source} }`);
  /** The function as one mutant, or as it is. */
  function as(mutant?: Mutant): (a: number, b: number) => boolean {
    const body = holding.schema.replace(/^const [^;]*;/, "");
    const chosen = (id: number) => id === mutant?.id;
    return new Function("isChosenMutant", `${body}; return f();`)(chosen);
  }
  const points = [-3, -2, -1, 0, 1, 2, 3].flatMap((a) => [0, 1, 2].map((b) => [a, b] as const));
  const plain = (a: number, b: number) => !(a + 2 > b + 1) && a !== 0;

  test("it is the source itself while no mutant is chosen", () => {
    for (const [a, b] of points) expect(as()(a, b)).toBe(plain(a, b));
  });

  test("it is another for each of its mutants", () => {
    expect(holding.mutants).toHaveLength(11);
    const answers = holding.mutants.map((mutant) => points.map(([a, b]) => as(mutant)(a, b)));
    for (const one of answers) expect(one).not.toEqual(points.map(([a, b]) => plain(a, b)));
  });

  test("it has as many lines as the source, so that errors point at the right one", () => {
    const lines = "a <\n b ||\n c;\n";
    expect(of(lines).schema.split("\n")[0]).toMatch(/^const isChosenMutant/);
    expect(of("\n\nf();").schema.split("\n")).toHaveLength(3);
  });
});
