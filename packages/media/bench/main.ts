// npm run bench -- media: one transcoder on a generated 1080p25 clip, beside ffmpeg on the same clip where it is installed.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { createServer } from "vite";
import { defaultLadder } from "../src/ladder.ts";
import type { CodecName } from "../src/types.ts";
import type { BenchPage } from "./page.ts";

const SECONDS = 8;
const CODECS: readonly CodecName[] = ["avc", "vp9", "av1"];
const PRESETS = ["ultrafast", "superfast"] as const;
/** A tab must be at least this fast against real time to serve one 1080p stream with room to spare. */
const LEAST_SPEED = 1;

const root = fileURLToPath(new URL("../../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "tabcast-bench-media-"));
declare const bench: BenchPage;

/** What a process and all its children use: proportional memory in bytes, and processor seconds so far. */
interface Use {
  readonly bytes: number;
  readonly seconds: number;
}

const TICKS_PER_SECOND = 100; // USER_HZ, which Linux fixes for /proc

/** Zero where the system does not say. */
function useOf(pid: number): Use {
  if (process.platform !== "linux") return { bytes: 0, seconds: 0 };
  const children = new Map<number, number[]>();
  const spent = new Map<number, number>();
  for (const name of readdirSync("/proc").filter((each) => /^\d+$/.test(each)))
    try {
      // After the name in brackets: state, parent, and from the 12th field on user and system time.
      const fields =
        readFileSync(`/proc/${name}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
      const parent = Number(fields[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
      spent.set(Number(name), (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND);
    } catch {
      // It ended while we looked.
    }
  let [bytes, seconds] = [0, 0];
  const waiting = [pid];
  for (let each = waiting.pop(); each !== undefined; each = waiting.pop()) {
    waiting.push(...(children.get(each) ?? []));
    seconds += spent.get(each) ?? 0;
    try {
      const text = readFileSync(`/proc/${each}/smaps_rollup`, "utf8");
      bytes += Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0) * 1024;
    } catch {
      // It ended, or is not ours to read.
    }
  }
  return { bytes, seconds };
}

/** Runs `work` while looking at a process ten times a second; gives the peak of memory, and processor seconds spent. */
async function watched<T>(pid: number, work: () => Promise<T>): Promise<[T, Use]> {
  const before = useOf(pid);
  let [bytes, seconds] = [0, 0];
  const look = () => {
    const now = useOf(pid);
    bytes = Math.max(bytes, now.bytes);
    seconds = Math.max(seconds, now.seconds - before.seconds);
  };
  const timer = setInterval(look, 100);
  try {
    const result = await work();
    look();
    return [result, { bytes, seconds }];
  } finally {
    clearInterval(timer);
  }
}

const mib = (bytes: number) => (bytes === 0 ? "not known" : `${Math.round(bytes / 2 ** 20)} MiB`);

async function ffmpeg(preset: string, input: string): Promise<[number, Use]> {
  const rungs = defaultLadder({ width: 1920, height: 1080 });
  const split = `[0:v]split=${rungs.length}${rungs.map((_, i) => `[s${i}]`).join("")}`;
  const scales = rungs.map(
    ({ width, height }, i) => `[s${i}]scale=${width}:${height}:flags=area[v${i}]`,
  );
  const outputs = rungs.flatMap(({ bitrate }, i) => [
    ...["-map", `[v${i}]`, "-c:v", "libx264", "-preset", preset, "-b:v", String(bitrate)],
    ...["-g", "50", "-f", "mp4", "-y", join(folder, `${i}.mp4`)],
  ]);
  const began = performance.now();
  const child = spawn(
    "ffmpeg",
    ["-v", "error", "-i", input, "-filter_complex", [split, ...scales].join(";"), ...outputs],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  const [code, use] = await watched(
    child.pid ?? 0,
    () => new Promise<number | null>((resolve) => child.once("exit", resolve)),
  );
  if (code !== 0) throw new Error(`ffmpeg ended with ${code}`);
  return [performance.now() - began, use];
}

const vite = await createServer({
  root,
  configFile: false,
  logLevel: "error",
  cacheDir: join(folder, "vite"),
  // What workers import is found before the first page, so that none reloads in mid-measurement.
  optimizeDeps: { entries: ["packages/media/src/*.ts", "!**/*.test.ts"] },
  server: { port: 0, host: "127.0.0.1", hmr: false },
});
const server = await chromium.launchServer({
  executablePath: process.env.TABCAST_CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"],
});
let failed = false;
try {
  await vite.listen();
  const browser = await chromium.connect(server.wsEndpoint());
  const page = await browser.newPage();
  page.on("pageerror", (error) => console.error(error.message));
  await page.goto(`${vite.resolvedUrls?.local[0]}packages/media/bench/page.html`);
  await page.waitForFunction(() => "bench" in globalThis);
  const pid = server.process().pid ?? 0;

  const began = performance.now();
  const clip = await page.evaluate((seconds) => bench.generate(seconds), SECONDS);
  const input = join(folder, "clip.mp4");
  writeFileSync(input, Buffer.from(clip, "base64"));
  console.log(
    `clip: 1920x1080, 25 fps, ${SECONDS} s, 8 Mbit/s, drawn and encoded at ${((SECONDS * 1000) / (performance.now() - began)).toFixed(1)} x real time`,
  );
  console.log(
    "ladder: 720p 3000k, 480p 1600k, 360p 800k, 240p 250k; four 2 s segments, one after the other",
  );

  console.log(
    "speed: media seconds per second. processor: seconds per media second, which other work on this machine does not change.",
  );
  const row = (name: string, speed: number, { bytes, seconds }: Use, more: string) =>
    console.log(
      `${name.padEnd(10)} ${speed.toFixed(2)} x real time  processor ${(seconds / SECONDS).toFixed(2)} s  peak ${mib(bytes)}  ${more}`,
    );
  const results = new Map<CodecName, { speed: number; seconds: number }>();
  for (const codec of CODECS) {
    const [{ encodeMs, wallMs }, use] = await watched(pid, () =>
      page.evaluate((name) => bench.transcode(name), codec),
    );
    const speed = (SECONDS * 1000) / wallMs;
    results.set(codec, { speed, seconds: use.seconds });
    failed ||= codec === "avc" && speed < LEAST_SPEED;
    row(codec, speed, use, `segments ${encodeMs.map((ms) => Math.round(ms)).join(", ")} ms`);
  }
  if (spawnSync("ffmpeg", ["-version"]).status !== 0)
    console.log("ffmpeg is not installed: no comparison");
  else
    for (const preset of PRESETS) {
      const [ms, use] = await ffmpeg(preset, input);
      const speed = (SECONDS * 1000) / ms;
      const against = [...results].map(
        ([codec, tab]) =>
          `${codec} ${(tab.speed / speed).toFixed(2)} (processor ${(use.seconds / tab.seconds).toFixed(2)})`,
      );
      row(preset, speed, use, `libx264; this tab's speed against it: ${against.join(", ")}`);
    }
  await browser.close();
} finally {
  await server.close();
  await vite.close();
  rmSync(folder, { recursive: true, force: true });
}
if (failed) {
  console.error(`avc is slower than ${LEAST_SPEED} x real time`);
  process.exitCode = 1;
}
