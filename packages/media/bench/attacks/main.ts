// npm run bench -- attacks: how often honest renditions are refused, and each attack found.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { benchFlags, openBench } from "@tabcast/driver/bench";
import { seededRandom } from "@tabcast/runtime";
import type { CodecName } from "../../src/types.ts";
import type { AttacksPage } from "./page.ts";
import { costs, distributions, verdicts } from "./table.ts";
import type { Row, Trial } from "./trial.ts";

declare const attacksPage: AttacksPage;

const CODECS: readonly CodecName[] = ["avc", "vp9", "av1"];
const flags = benchFlags({
  /** Two segments of each kind. */
  quick: { type: "boolean" },
  /** Other seeds than the evaluation's, and how every measure is spread. */
  calibrate: { type: "boolean" },
  /** Source segments in all. */
  trials: { type: "number", least: 1, most: 1_000_000 },
  seed: { type: "number", least: 0, most: 1_000_000 },
  /** Keeps every row for a later look. */
  save: { type: "string" },
  /** Looks at rows kept before, without a browser. */
  rows: { type: "file" },
  codec: { type: "string", of: CODECS },
});
const root = fileURLToPath(new URL("../../../..", import.meta.url));

function plan(kinds: readonly string[], attacks: readonly string[]): Trial[] {
  const seed = (flags.seed ?? 1) * 1_000_000 + (flags.calibrate ? 500_000 : 0);
  const count = flags.trials ?? (flags.quick ? 2 : 20) * kinds.length;
  const codecs = flags.codec ?? CODECS;
  return Array.from({ length: count }, (_, i): Trial => {
    const random = seededRandom(seed + i, "plan");
    const kind = kinds[i % kinds.length] as string;
    // Attacks in every second round, on one second of 360p and in one codec: they take most of the time.
    const attacked = Math.floor(i / kinds.length) % 2 === 1;
    const large = !attacked && random.below(6) === 0;
    const size = large ? { width: 1280, height: 720 } : { width: 640, height: 360 };
    const frameRate = [25, 30, 24][random.below(3)] as number;
    const shape = {
      ...(kind === "phone" ? { width: size.height, height: size.width } : size),
      frameRate,
      frames: frameRate * (!attacked && random.below(3) === 0 ? 2 : 1),
      bitrate: (large ? 2.5 : 1) * ([1_200_000, 2_500_000, 5_000_000][random.below(3)] as number),
    };
    const trial = { kind, seed: seed + i, shape };
    const one = codecs[random.below(codecs.length)] as CodecName;
    return attacked
      ? { ...trial, codecs: [one], checks: 1, attacks }
      : { ...trial, codecs, checks: 3, attacks: [] };
  });
}

async function measured(): Promise<Row[]> {
  const fixtures = join(root, "../shared/fixtures");
  const bench = await openBench({
    root,
    page: "packages/media/bench/attacks/page.html",
    ready: "attacksPage",
    entries: ["packages/media/src/**/*.ts", "!**/*.test.ts"],
    allow: [fixtures],
  });
  try {
    const rows: Row[] = [];
    const open = async () => {
      const { page } = await bench.open();
      for (const [name, file] of [
        ["film", "animation-1080p25-fullrange-h264-aac.mp4"],
        ["phone", "portrait-374x666-vfr-h264-aac.mp4"],
      ] as const)
        if (existsSync(join(fixtures, file)))
          await page.evaluate(([a, b]) => attacksPage.load(a, b), [
            name,
            `/@fs${join(fixtures, file)}`,
          ] as const);
      return page;
    };
    const first = await open();
    const pages = availableParallelism() > 1 ? [first, await open()] : [first];
    const kinds = await first.evaluate(() => attacksPage.kinds());
    const trials = plan(kinds, await first.evaluate(() => attacksPage.attacks));
    let next = 0;
    let done = 0;
    const began = performance.now();
    await Promise.all(
      pages.map(async (page) => {
        for (let trial = trials[next++]; trial; trial = trials[next++]) {
          try {
            rows.push(...(await page.evaluate((each) => attacksPage.run(each), trial)));
          } catch (error) {
            console.error(`${trial.kind} ${trial.seed}: ${error}`);
          }
          done++;
          if (flags.save && done % 10 === 0) writeFileSync(flags.save, JSON.stringify(rows));
          const seconds = (performance.now() - began) / 1000;
          process.stderr.write(
            `\r${done} of ${trials.length} segments, ${rows.length} checks, ${Math.round((seconds * (trials.length - done)) / done)} s left   `,
          );
        }
      }),
    );
    process.stderr.write("\n");
    return rows;
  } finally {
    await bench.close();
  }
}

const rows: Row[] = flags.rows ? JSON.parse(readFileSync(flags.rows, "utf8")) : await measured();
if (flags.save) writeFileSync(flags.save, JSON.stringify(rows));
const attacks = [...new Set(rows.map(({ what }) => what))].filter((what) => what !== "honest");
if (flags.calibrate) distributions(rows);
const missed = verdicts(rows, attacks);
costs(rows);
if (missed.length > 0) {
  console.error(`\ngoals missed: ${missed.join(", ")}`);
  process.exitCode = 1;
}
