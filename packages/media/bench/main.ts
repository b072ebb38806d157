// npm run bench -- media [--quick] [--clip scene,camera] [--codec avc]: what a tab makes of clips, beside native ffmpeg
// on the same clips in the same run. README.md in this folder says what is measured, and how.
import { appendFileSync, existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { benchFlags } from "@tabcast/driver/bench";
import { signed } from "@tabcast/runtime";
import type { Page } from "playwright-core";
import type { CodecName } from "../src/types.ts";
import { type Lab, openLab } from "./lab.ts";
import { hasFfmpeg, type NativeRun, nativeLadder, referenceOf, ssimOf } from "./native.ts";
import type { Answers, BenchPage, Clip, ClipPlan, Run, RungMade } from "./page.ts";
import { type Use, useOf, watched } from "./processes.ts";
import { judge, type Reading, TARGETS } from "./targets.ts";

const FAMILIES: readonly CodecName[] = ["avc", "vp9", "av1"];
const root = fileURLToPath(new URL("../../..", import.meta.url));
const film = join(root, "../shared/fixtures/animation-1080p25-fullrange-h264-aac.mp4");
const CLIPS: readonly string[] = [
  "scene",
  "camera",
  existsSync(film) ? "film" : "cartoon",
  "2160p",
];
const flags = benchFlags({
  /** One round of six seconds instead of three of thirty. */
  quick: { type: "boolean" },
  /** Of the clips, those named so. */
  clip: { type: "string", of: CLIPS },
  codec: { type: "string", of: FAMILIES },
});
/** Tab and ffmpeg take turns so many times, so that both meet the same load; medians count. */
const ROUNDS = flags.quick ? 1 : 3;
const SECONDS = flags.quick ? 6 : 30;
const STREAMS = 3;
const CODECS = flags.codec ?? FAMILIES;
/** Where there is no ffmpeg: the tab's H.264 speed over libx264 ultrafast when both last ran in turns on a quiet machine. */
const RECORDED = "1.12 (the scene; November 2026, 2 cores, no GPU, Chromium 156, ffmpeg 5.1)";

declare const bench: BenchPage;

const HD = { width: 1920, height: 1080, frameRate: 30, seconds: SECONDS, drawnSeconds: 6 };
const UHD = {
  ...{ name: "2160p", from: "scene", width: 3840, height: 2160, frameRate: 30 },
  ...{ bitrate: 24_000_000, drawnSeconds: 4, seconds: flags.quick ? 4 : 12 },
};
const PLANS: readonly ClipPlan[] = [
  { ...HD, name: "scene", from: "scene", bitrate: 8_000_000 },
  { ...HD, name: "camera", from: "camera", bitrate: 12_000_000 },
  existsSync(film)
    ? { ...HD, name: "film", from: `/@fs${film}`, frameRate: 25, bitrate: 0 }
    : { ...HD, name: "cartoon", from: "cartoon", bitrate: 6_000_000 },
  UHD,
];

const readings: Reading[] = [];
const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const mib = (bytes: number) => (bytes === 0 ? "?" : String(Math.round(bytes / 2 ** 20)));

const lab = await openLab(root);
const { folder } = lab;

/** A run and what it used. */
interface Timed {
  readonly run: Run;
  readonly use: Use;
}

/** Medians over rounds; the peaks are the highest. */
interface Outcome {
  /** Media seconds per second. */
  readonly speed: number;
  /** Processor seconds per media second. */
  readonly processor: number;
}

const outcomeOf = (rounds: readonly { wallMs: number; use: Use }[], seconds: number): Outcome => ({
  speed: (seconds * 1000) / median(rounds.map(({ wallMs }) => wallMs)),
  processor: median(rounds.map(({ use }) => use.seconds)) / seconds,
});

/** Everything measured of one clip: per codec its rounds, and the native runs that took turns with H.264. */
interface Measured {
  readonly clip: Clip;
  readonly plan: ClipPlan;
  readonly tab: ReadonlyMap<CodecName, readonly Timed[]>;
  readonly native: { readonly ultrafast: readonly NativeRun[]; readonly superfast?: NativeRun };
  readonly atOnce: Timed | undefined;
  readonly answers: Answers;
  /** The page before its first segment. */
  readonly idle: Use;
}

const file = (clip: string, what: string) => join(folder, `${clip}-${what}.mp4`);

/** Writes stored fragments as one file: the init of the first, then each media segment, whose inits must be equal. */
function joined(shelf: Lab["shelf"], key: string, path: string): string {
  const init = shelf.get(`${key}/0.init`);
  if (!init) throw new Error(`${key} was not stored`);
  writeFileSync(path, init);
  for (let i = 0; shelf.has(`${key}/${i}.media`); i++) {
    if (!shelf.get(`${key}/${i}.init`)?.equals(init))
      throw new Error(`${key}: segment ${i} has another init`);
    appendFileSync(path, shelf.get(`${key}/${i}.media`) as Buffer);
  }
  return path;
}

async function transcoded(lab: Lab, page: Page, codec: CodecName, keep: boolean): Promise<Timed> {
  const work = () =>
    page.evaluate(([name, kept]) => bench.transcode(name, kept), [codec, keep] as const);
  const [run, use] = await watched(lab.pid, work);
  return { run, use };
}

async function measured(lab: Lab, plan: ClipPlan, native: boolean): Promise<Measured> {
  const maker = await lab.open();
  const clip = await maker.evaluate((each) => bench.make(each), plan);
  await maker.close();
  const input = joined(lab.shelf, plan.name, file(plan.name, "source"));
  const page = await lab.open();
  await page.evaluate((each) => bench.load(each), clip);
  const idle = useOf(lab.pid);
  const uhd = plan === UHD;
  const tab = new Map<CodecName, Timed[]>();
  const ultrafast: NativeRun[] = [];
  for (let round = 0; round < (uhd ? 1 : ROUNDS); round++)
    for (const codec of round === 0 && !uhd ? CODECS : CODECS.slice(0, 1)) {
      const rounds = tab.get(codec) ?? [];
      tab.set(codec, rounds);
      rounds.push(await transcoded(lab, page, codec, round === 0 && native && !uhd));
      const rungs = rounds[0]?.run.rungs ?? [];
      if (native && codec === CODECS[0])
        ultrafast.push(await nativeLadder("ultrafast", input, rungs, plan.frameRate, folder));
    }
  const rungs = tab.get(CODECS[0] as CodecName)?.[0]?.run.rungs ?? [];
  const best = native && !uhd;
  const atOnce = async (): Promise<Timed> => {
    const work = () => page.evaluate((streams) => bench.transcodeAtOnce("avc", streams), STREAMS);
    const [run, use] = await watched(lab.pid, work);
    return { run, use };
  };
  const several = plan === PLANS[0] ? await atOnce() : undefined;
  const answers = await page.evaluate(() => bench.answers());
  await page.close();
  return {
    ...{ clip, plan, tab, idle, atOnce: several, answers },
    native: {
      ultrafast,
      ...(best
        ? { superfast: await nativeLadder("superfast", input, rungs, plan.frameRate, folder) }
        : {}),
    },
  };
}

/** SSIM per rung: of each codec, and of superfast. */
async function similarity({ plan, tab, native }: Measured, shelf: Lab["shelf"]) {
  const byRung = new Map<string, Map<string, number>>();
  const rungs = tab.get(CODECS[0] as CodecName)?.[0]?.run.rungs ?? [];
  for (const [i, rung] of rungs.entries()) {
    const reference = await referenceOf(file(plan.name, "source"), rung, folder);
    const values = new Map<string, number>();
    byRung.set(rung.name, values);
    const add = async (name: string, path: string) =>
      values.set(name, await ssimOf(path, reference, rung));
    for (const codec of tab.keys()) {
      const path = file(plan.name, `${codec}-${rung.name}`);
      await add(codec, joined(shelf, `${plan.name}/${codec}/${rung.name}`, path));
      rmSync(path);
    }
    await add("superfast", native.superfast?.files[i] as string);
    rmSync(reference);
  }
  return byRung;
}

const missBy = ({ bytes, bitrate }: RungMade, seconds: number) =>
  (bytes * 8) / seconds / bitrate - 1;

function report(all: Measured, ssim: Awaited<ReturnType<typeof similarity>> | undefined): void {
  const { clip, plan, tab, native, idle, atOnce, answers } = all;
  const { seconds } = clip;
  const uhd = plan === UHD;
  const ultra = outcomeOf(native.ultrafast, seconds);
  console.log(
    `\n${plan.name}: ${plan.width}x${plan.height}, ${plan.frameRate} frames/s, ${seconds.toFixed(0)} s in ${clip.segments} segments`,
  );
  const columns = [10, 9, 11, 15, 13];
  const line = (...cells: readonly string[]) =>
    console.log(cells.map((cell, i) => cell.padEnd(columns[i] ?? 26)).join(" "));
  const names = [...tab.values()][0]?.[0]?.run.rungs.map(({ name }) => name) ?? [];
  line("", "x real", "processor", "speed/ultrafast", "page MiB", ...names);
  line(
    "",
    "time",
    "s per s",
    "(processor)",
    "peak",
    ...names.map(() => "bitrate, SSIM (- superfast)"),
  );
  for (const [codec, rounds] of tab) {
    const outcome = outcomeOf(
      rounds.map(({ run, use }) => ({ wallMs: run.wallMs, use })),
      seconds,
    );
    const ratio = outcome.speed / ultra.speed;
    const peak = Math.max(...rounds.map(({ use }) => use.pageBytes));
    const block = Math.max(...rounds.map(({ run }) => run.longestTaskMs));
    const cells = (rounds[0]?.run.rungs ?? []).map((rung) => {
      const miss = missBy(rung, seconds);
      const values = ssim?.get(rung.name);
      const value = values?.get(codec);
      const behind = (value ?? 0) - (values?.get("superfast") ?? 0);
      const where = `${plan.name} ${codec} ${rung.name}`;
      if (seconds >= 30) readings.push({ what: "bitrate", where, value: miss });
      if (value !== undefined && codec === "avc")
        readings.push({ what: "ssim", where, value: behind });
      const quality = value === undefined ? "" : `, ${value.toFixed(4)} (${signed(behind, 4)})`;
      return `${signed(100 * miss, 0)} %${quality}`;
    });
    readings.push({ what: "block", where: `${plan.name} ${codec}`, value: block });
    if (codec === "avc") {
      const where = `${plan.name} avc`;
      if (native.ultrafast.length > 0 && !uhd)
        readings.push({ what: "speed", where, value: ratio });
      const value = peak / 2 ** 20;
      readings.push({ what: "memory", where, value, source: uhd ? "uhd" : "hd" });
    }
    line(
      codec,
      outcome.speed.toFixed(2),
      outcome.processor.toFixed(2),
      native.ultrafast.length > 0
        ? `${ratio.toFixed(2)} (${(ultra.processor / outcome.processor).toFixed(2)})`
        : "?",
      mib(peak),
      ...cells,
    );
  }
  const nativeLine = (name: string, runs: readonly NativeRun[], ssimName?: string) => {
    const outcome = outcomeOf(runs, seconds);
    const cells = names.map((rung, i) => {
      const made = tab.get(CODECS[0] as CodecName)?.[0]?.run.rungs[i] as RungMade;
      const miss = missBy({ ...made, bytes: runs[0]?.bytes[i] ?? 0 }, seconds);
      const value = ssimName && ssim?.get(rung)?.get(ssimName);
      return `${signed(100 * miss, 0)} %${value ? `, ${value.toFixed(4)}` : ""}`;
    });
    const peak = Math.max(...runs.map(({ use }) => use.bytes));
    const ratio = (outcome.speed / ultra.speed).toFixed(2);
    line(name, outcome.speed.toFixed(2), outcome.processor.toFixed(2), ratio, mib(peak), ...cells);
  };
  if (native.ultrafast.length > 0) nativeLine("ultrafast", native.ultrafast);
  if (native.superfast) nativeLine("superfast", [native.superfast], "superfast");
  const blocks = [...tab.values()].flat().map(({ run }) => run.longestTaskMs);
  console.log(
    `page before the first segment ${mib(idle.pageBytes)} MiB (whole browser ${mib(idle.bytes)}, at most ${mib(Math.max(...[...tab.values()].flat().map(({ use }) => use.bytes)))} while working); longest task on the main thread ${Math.max(0, ...blocks).toFixed(0)} ms (0: none took 50)`,
  );
  console.log(
    `a segment is looked into in ${answers.inspectMs.toFixed(1)} ms, an abort answered in ${answers.abortMs.toFixed(1)} ms (medians)`,
  );
  const [one] = tab.get("avc") ?? [];
  if (atOnce && one)
    console.log(
      `${STREAMS} streams at once in one worker, avc: ${(atOnce.run.seconds / (atOnce.run.wallMs / 1000)).toFixed(2)} x real time together, one alone ${(one.run.seconds / (one.run.wallMs / 1000)).toFixed(2)}; none failed; page ${mib(atOnce.use.pageBytes)} MiB`,
    );
}

const native = hasFfmpeg();
try {
  console.log(
    "ladder: 720p 3000k, 480p 1600k, 360p 800k, 240p 250k; a tab's time has demux, mux and SHA-256 of every rendition in it",
  );
  if (!native) console.log(`ffmpeg is not installed. Recorded speed over ultrafast: ${RECORDED}`);
  for (const plan of PLANS.filter(({ name }) => flags.clip?.includes(name) ?? true)) {
    const all = await measured(lab, plan, native);
    report(all, native && plan !== UHD ? await similarity(all, lab.shelf) : undefined);
  }
} finally {
  await lab.close();
}
const { missed, failed } = judge(readings);
console.log(
  `\ntargets (H.264): speed ${TARGETS.speed} x ultrafast, SSIM superfast ${TARGETS.ssim}, bitrate within ${100 * TARGETS.bitrate} % over 30 s, page ${TARGETS.memory.hd} MiB at 1080p30 and ${TARGETS.memory.uhd} at 2160p, main thread ${TARGETS.block} ms`,
);
for (const text of missed) console.log(`missed: ${text}`);
for (const text of failed) console.error(`missed by far: ${text}`);
if (failed.length > 0) process.exitCode = 1;
