import { expect, test } from "vitest";
import { helpOf, read } from "./test-args.mjs";

const there = {
  stages: {
    types: { takesPackages: false },
    unit: { takesPackages: true },
    browser: { takesPackages: true },
    contracts: { takesPackages: false },
  },
  packages: { market: "packages/market", contracts: "packages/contracts", web: "apps/web" },
};
const asked = (...words) => read(words, there);

test("without a word everything is asked for", () => {
  expect(asked()).toEqual({ stages: [], packages: [], watch: false, help: false });
});

test("packages after a stage narrow it", () => {
  expect(asked("unit", "market", "web")).toMatchObject({
    stages: ["unit"],
    packages: ["market", "web"],
  });
});

test("a name that is a stage's and a package's is the stage's, and a folder is the package's", () => {
  expect(asked("unit", "contracts")).toMatchObject({ stages: ["unit", "contracts"] });
  expect(asked("unit", "packages/contracts")).toMatchObject({
    stages: ["unit"],
    packages: ["contracts"],
  });
});

test("watches one stage of one package", () => {
  expect(asked("unit", "market", "--watch")).toMatchObject({ watch: true, packages: ["market"] });
});

test.each([
  [
    ["units"],
    /no test stage and no package is named units; stages are types, unit.*packages are market/,
  ],
  [["unit", "markets"], /named markets/],
  [["unit", "constructor"], /named constructor/],
  [["market"], /market is a package; name the stage before it: npm test -- unit market/],
  [["types", "market"], /stage types takes no packages; only unit, browser do/],
  [["unit", "--watch"], /--watch takes one stage and one package/],
  [["unit", "browser", "market", "--watch"], /one stage/],
  [["unit", "market", "web", "--watch"], /one package/],
  [["--wach"], /--wach is not a flag of npm test; there are --watch and --help/],
])("refuses %j, says what there is, and ends with 2", (words, message) => {
  expect(() => asked(...words)).toThrow(
    expect.objectContaining({ message: expect.stringMatching(message), exit: 2 }),
  );
});

test("the help names every stage and every package", () => {
  const text = helpOf(there);
  for (const name of ["contracts", "browser", "market", "web"]) expect(text).toContain(name);
  expect(text).not.toContain("@");
  expect(asked("--help", "unit").help).toBe(true);
});
