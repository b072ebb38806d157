// npm run bench -- live: how long after a live segment's last byte its renditions are ready.
import { fileURLToPath } from "node:url";
import { benchFlags, openBench } from "@tabcast/driver/bench";
import type { CodecName } from "../../src/types.ts";
import type { LivePage, LiveRun } from "./page.ts";

declare const livePage: LivePage;

const SEGMENTS = 10;
const SEGMENT_MS = 2000;
const CODECS: readonly CodecName[] = ["avc", "vp9", "av1"];
/** Renditions are to be ready so soon after the last byte, in milliseconds (median), by a tab faster than real time. */
const TARGET_MS = 300;
/** Judged is who needs at most this part of a segment's length for it: at 0.97 any hiccup makes a queue. */
const FASTER = 0.8;
/** The page's main thread is never to be busy for longer, in milliseconds. */
const LONGEST_TASK_MS = 50;

benchFlags({});
const bench = await openBench({
  root: fileURLToPath(new URL("../../../..", import.meta.url)),
  page: "packages/media/bench/live/page.html",
  ready: "livePage",
  entries: ["packages/media/src/**/*.ts", "!**/*.test.ts"],
});

const sorted = (values: readonly number[]) => [...values].sort((a, b) => a - b);
const median = (values: readonly number[]) => sorted(values)[values.length >> 1] ?? 0;
const ms = (value: number) => `${Math.round(value)} ms`.padStart(7);
let missed = false;
try {
  const { page } = await bench.open();
  await page.evaluate((segments) => livePage.prepare(segments), SEGMENTS);
  console.log(
    `${SEGMENTS} segments of 2 s, 1280x720, 25 fps, chunks of 240 ms given as a camera would; ladder 720p 480p 360p 240p`,
  );
  console.log(
    "columns: after the last byte, median and most; a whole segment at once; first progress; work",
  );
  for (const codec of CODECS) {
    const run = (pace: "live" | "whole") =>
      page.evaluate(([name, how]) => livePage.run(name, how), [codec, pace] as const);
    const alone = median((await run("whole")).map((each) => each.tailMs));
    if (alone > SEGMENT_MS) {
      console.log(
        `${codec}    slower than real time here: ${ms(alone).trim()} for a segment at once`,
      );
      continue;
    }
    const live = await run("live");
    const of = (field: keyof LiveRun) => live.map((each) => each[field]);
    const tails = of("tailMs");
    const figures = [
      median(tails),
      Math.max(...tails),
      alone,
      median(of("firstMs")),
      median(of("encodeMs")),
    ];
    console.log(`${codec}    ${figures.map(ms).join("  ")}`);
    missed ||= alone <= FASTER * SEGMENT_MS && median(tails) > TARGET_MS;
  }
  const longest = await page.evaluate(() => livePage.longestTask());
  console.log(
    `longest task of the page's main thread: ${longest === 0 ? `under ${LONGEST_TASK_MS} ms` : ms(longest).trim()}`,
  );
  missed ||= longest > LONGEST_TASK_MS;
} finally {
  await bench.close();
}
if (missed) {
  console.error(
    `targets: ${TARGET_MS} ms after the last byte (median), no task over ${LONGEST_TASK_MS} ms`,
  );
  process.exitCode = 1;
}
