import { spawn, spawnSync } from "node:child_process";
import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Rung } from "../src/types.ts";
import { type Use, watched } from "./processes.ts";

export type Preset = "ultrafast" | "superfast";

/** A ladder as ffmpeg made it. */
export interface NativeRun {
  readonly wallMs: number;
  readonly use: Use;
  /** The files, in the rungs' order; the caller removes them. */
  readonly files: readonly string[];
  readonly bytes: readonly number[];
}

const KEY_SECONDS = 2;

export const hasFfmpeg = () => spawnSync("ffmpeg", ["-version"]).status === 0;

/** Ends with what ffmpeg wrote to standard error; throws if it failed. */
async function ffmpeg(args: readonly string[]): Promise<[string, Use]> {
  const child = spawn("ffmpeg", ["-hide_banner", "-nostdin", ...args], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const [code, use] = await watched(child.pid ?? 0, () => ended);
  if (code !== 0) throw new Error(`ffmpeg ended with ${code}: ${said.slice(-2000)}`);
  return [said, use];
}

/** Decodes a file once and encodes it to every rung with libx264: each scaled by area, key frames every two seconds. */
export async function nativeLadder(
  preset: Preset,
  input: string,
  rungs: readonly Rung[],
  frameRate: number,
  folder: string,
): Promise<NativeRun> {
  const split = `[0:v]split=${rungs.length}${rungs.map((_, i) => `[s${i}]`).join("")}`;
  const scales = rungs.map(
    ({ width, height }, i) => `[s${i}]scale=${width}:${height}:flags=area[v${i}]`,
  );
  const files = rungs.map(({ name }) => join(folder, `${preset}-${name}.mp4`));
  const outputs = rungs.flatMap(({ bitrate }, i) => [
    ...["-map", `[v${i}]`, "-c:v", "libx264", "-preset", preset, "-b:v", String(bitrate)],
    ...["-g", String(KEY_SECONDS * frameRate), "-y", files[i] as string],
  ]);
  const graph = [split, ...scales].join(";");
  const began = performance.now();
  const [, use] = await ffmpeg(["-v", "error", "-i", input, "-filter_complex", graph, ...outputs]);
  const wallMs = performance.now() - began;
  return { wallMs, use, files, bytes: files.map((file) => statSync(file).size) };
}

/** A clip's frames at a rung's size, scaled by area: what renditions are compared with. The caller removes the file. */
export async function referenceOf(
  input: string,
  { width, height, name }: Rung,
  folder: string,
): Promise<string> {
  const file = join(folder, `reference-${name}.yuv`);
  const scale = `scale=${width}:${height}:flags=area`;
  await ffmpeg(["-v", "error", "-i", input, "-vf", scale, ...RAW, "-y", file]);
  return file;
}

/** Every frame once, whatever its time, in its own range: raw bytes carry neither. */
const RAW = ["-fps_mode", "passthrough", "-f", "rawvideo"] as const;

/** Mean SSIM of luma, frame by frame. Both are read as raw bytes, so that no range or time is converted on the way. */
export async function ssimOf(
  file: string,
  reference: string,
  { width, height }: Rung,
): Promise<number> {
  const decoded = `${file}.yuv`;
  try {
    await ffmpeg(["-v", "error", "-i", file, ...RAW, "-y", decoded]);
    const [made, wanted] = [statSync(decoded).size, statSync(reference).size];
    if (made !== wanted) throw new Error(`${file}: ${made} bytes of frames, not ${wanted}`);
    const raw = (from: string) => [
      ...["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", `${width}x${height}`, "-i", from],
    ];
    const [said] = await ffmpeg([
      ...["-v", "info", ...raw(decoded), ...raw(reference)],
      ...["-lavfi", "ssim", "-f", "null", "-"],
    ]);
    const luma = /SSIM Y:([\d.]+)/.exec(said)?.[1];
    if (luma === undefined) throw new Error(`ffmpeg gave no SSIM: ${said.slice(-500)}`);
    return Number(luma);
  } finally {
    rmSync(decoded, { force: true });
  }
}
