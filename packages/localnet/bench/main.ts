// What the whole network does on this machine, beside its targets: npm run bench -- start
import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { benchFlags } from "@tabcast/driver/bench";
import type { Report } from "../src/report.ts";

const { input: given } = benchFlags({
  /** A clip to use instead of one that is made of the built-in scene. */
  input: { type: "file" },
});
const start = fileURLToPath(new URL("../../../scripts/start.mjs", import.meta.url));

interface Line {
  readonly type: string;
  readonly lines?: readonly { readonly verified: boolean; readonly worker?: string }[];
  readonly report?: Report;
  readonly peak?: { readonly bytes: number; readonly processes: number };
}

interface Ran {
  readonly lines: readonly Line[];
  readonly report: Report;
  /** Milliseconds from the spawn to the first segment whose rungs are all verified. */
  readonly firstMs: number;
}

/** Runs `npm start` with these flags; with `stopAfter`, ends it by one Ctrl-C after so many segments. */
async function run(args: readonly string[], stopAfter = Number.POSITIVE_INFINITY): Promise<Ran> {
  const began = performance.now();
  const child = spawn(process.execPath, [start, ...args, "--json"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines: Line[] = [];
  let firstMs = Number.NaN;
  let segments = 0;
  let rest = "";
  child.stdout.on("data", (chunk) => {
    const texts = (rest + chunk).split("\n");
    rest = texts.pop() ?? "";
    for (const text of texts) {
      const line = JSON.parse(text) as Line;
      lines.push(line);
      if (line.type !== "segment") continue;
      if (Number.isNaN(firstMs) && line.lines?.length && line.lines.every((one) => one.verified))
        firstMs = performance.now() - began;
      if (++segments === stopAfter) child.kill("SIGINT");
    }
  });
  const code = await new Promise((resolve) => child.once("close", resolve));
  const report = lines.find(({ type }) => type === "report")?.report;
  // A live stream may miss segments on a busy machine, and then ends with 1; its times are still true.
  if (report === undefined || (code !== 0 && stopAfter === Number.POSITIVE_INFINITY))
    throw new Error(`npm start -- ${args.join(" ")} ended with ${code}`);
  return { lines, report, firstMs };
}

/** The source track of a recorded broadcast as one file: an init segment and its media segments, end to end. */
async function sourceOf(folder: string, file: string): Promise<void> {
  const names = (await readdir(join(folder, "source"))).filter((name) => name.endsWith(".m4s"));
  names.sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10));
  const parts = await Promise.all(
    ["init.mp4", ...names].map((name) => readFile(join(folder, "source", name))),
  );
  await writeFile(file, Buffer.concat(parts));
}

/** Milliseconds that the encoders were busy, segment after segment. */
function encodeMs({ segments }: Report): number {
  const bySegment = new Map<number, number>();
  for (const line of segments)
    bySegment.set(line.seq, Math.max(bySegment.get(line.seq) ?? 0, line.encodeMs));
  return [...bySegment.values()].reduce((sum, ms) => sum + ms, 0);
}

/** Milliseconds from the first segment's sending to the last one's verification. */
function spanMs({ segments }: Report): number {
  const ends = segments.map((line) => line.sentMs + line.roundTripMs);
  return Math.max(...ends) - Math.min(...segments.map((line) => line.sentMs));
}

const folder = await mkdtemp(join(tmpdir(), "tabcast-bench-"));
try {
  const live = await run(["--workers", "2"], 5);
  const peak = live.lines.find(({ type }) => type === "memory")?.peak;

  const clip = given ?? join(folder, "clip.mp4");
  if (given === undefined) {
    const out = join(folder, "made");
    await run(["--workers", "0", "--ladder", "240p", "--exit", "--out", out]);
    await sourceOf(out, clip);
  }
  const input = ["--input", clip, "--exit"];
  const two = await run([...input, "--workers", "2"]);
  // In turns, because a small machine's speed drifts by more than what is to be shown.
  const shares: number[] = [];
  for (let turn = 0; turn < 3; turn++) {
    const alone = await run([...input, "--workers", "0"]);
    const one = await run([...input, "--workers", "1"]);
    shares.push(encodeMs(alone.report) / spanMs(one.report));
  }
  shares.sort((a, b) => a - b);

  const seconds = Number(two.report.input.seconds);
  const twoRatio = (seconds * 1_000) / spanMs(two.report);
  const [slowest = 0, share = 0, quickest = 0] = shares;
  const gigabytes = peak === undefined ? undefined : peak.bytes / 2 ** 30;
  const rows: [string, string, string, boolean | undefined][] = [
    [
      "npm start to the first verified segment",
      Number.isNaN(live.firstMs) ? "none came" : `${(live.firstMs / 1_000).toFixed(1)} s`,
      "at most 15 s",
      live.firstMs <= 15_000,
    ],
    [
      `${two.report.rungs.length} rungs of a ${two.report.input.width}x${two.report.input.height} clip through two workers`,
      `${twoRatio.toFixed(2)} x real time`,
      "more than 1",
      twoRatio > 1,
    ],
    [
      "the same, from going on air (workers are hired first) to the last segment",
      `${two.report.summary.realtimeRatio.toFixed(2)} x real time`,
      "",
      undefined,
    ],
    [
      "one worker through the mesh, of the encoders' speed in one tab alone",
      `${share.toFixed(2)} (${slowest.toFixed(2)} to ${quickest.toFixed(2)})`,
      "at least 0.8",
      share >= 0.8,
    ],
    [
      "the whole network with two workers, resident at most",
      gigabytes === undefined ? "not known here" : `${gigabytes.toFixed(2)} GiB`,
      "at most 2 GB",
      gigabytes === undefined ? undefined : gigabytes * 2 ** 30 <= 2e9,
    ],
    ["score through two workers", two.report.summary.score.toFixed(3), "", undefined],
  ];
  const width = Math.max(...rows.map(([what]) => what.length));
  for (const [what, got, target, ok] of rows)
    console.log(
      `${what.padEnd(width)}  ${got.padStart(18)}  ${target.padEnd(13)}  ${ok === undefined ? "" : ok ? "reached" : "missed"}`.trimEnd(),
    );
  const load = loadavg()[0] ?? 0;
  console.log(
    `${availableParallelism()} cores, load ${load.toFixed(1)} over the last minute${load > 2 * availableParallelism() ? ": others were measured too" : ""}`,
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}
