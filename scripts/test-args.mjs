// Reads the command line of `npm test`.
import { Misuse } from "./lib.mjs";

export const help = `Runs the tests, every stage even after a failure, and ends with "N passed, N failed[, N skipped]".

npm test [-- STAGE ... [PACKAGE ...] [--watch] [--help]]

  npm test                          every stage
  npm test -- unit browser          two stages
  npm test -- unit market channel   the unit tests of two packages
  npm test -- unit market --watch   the same for one, again whenever a file changes that its tests import; q ends

  STAGE     @STAGES
  PACKAGE   @PACKAGES
            only @FILTERED take packages; where a stage has the same name, write the folder: packages/contracts
  --watch   keeps one stage of one package running

Seeds: SEED=7 RUNS=1000 npm test -- unit market. One test by name: npx vitest run --project unit -t "its name".`;

/** The help, with what there is. */
export function helpOf({ stages, packages }) {
  const filtered = Object.keys(stages).filter((name) => stages[name].takesPackages);
  return help
    .replace("@STAGES", Object.keys(stages).join(", "))
    .replace("@PACKAGES", Object.keys(packages).join(", "))
    .replace("@FILTERED", filtered.join(", "));
}

/**
 * What is to be run. `stages` says of each whether it takes packages, `packages` where each lies.
 * Throws a Misuse that says what there is.
 */
export function read(words, { stages, packages }) {
  const asked = { stages: [], packages: [], watch: false, help: false };
  const folders = new Map(Object.entries(packages).map(([name, folder]) => [folder, name]));
  for (const word of words) {
    if (word === "--help") asked.help = true;
    else if (word === "--watch") asked.watch = true;
    else if (word.startsWith("-"))
      throw new Misuse(`${word} is not a flag of npm test; there are --watch and --help`);
    else if (Object.hasOwn(stages, word)) asked.stages.push(word);
    else if (Object.hasOwn(packages, word)) asked.packages.push(word);
    else if (folders.has(word)) asked.packages.push(folders.get(word));
    else
      throw new Misuse(
        `no test stage and no package is named ${word}; stages are ${Object.keys(stages).join(", ")}; packages are ${Object.keys(packages).join(", ")}`,
      );
  }
  if (asked.help) return asked;
  const [first] = asked.packages;
  if (first !== undefined && asked.stages.length === 0)
    throw new Misuse(`${first} is a package; name the stage before it: npm test -- unit ${first}`);
  const whole = asked.stages.find((name) => !stages[name].takesPackages);
  if (first !== undefined && whole !== undefined) {
    const filtered = Object.keys(stages).filter((name) => stages[name].takesPackages);
    throw new Misuse(`stage ${whole} takes no packages; only ${filtered.join(", ")} do`);
  }
  if (asked.watch && (asked.stages.length !== 1 || asked.packages.length !== 1))
    throw new Misuse(
      "--watch takes one stage and one package, such as npm test -- unit market --watch",
    );
  return asked;
}
