import type { Random } from "@tabcast/runtime";
import { framesOf, pictureOf } from "../../src/compare/decode.ts";
import { readVideo } from "../../src/compare/fragment.ts";
import { chroma, psnr } from "../../src/compare/measures.ts";
import { type Picture, type Plane, scaled } from "../../src/compare/planes.ts";
import { Cutter } from "../../src/source/encode.ts";
import type { Fragment } from "../../src/types.ts";
import { type Clip, frameOf } from "./content.ts";

/** Ticks of one frame in every segment made here. */
const FRAME_TICKS = 512;
/** Bits per pixel of a forged source: so many that what the worker makes of it shows only the forgery. */
const FORGED_BITS = 0.8;

/** A source segment: what it is made with, and where it begins. */
export interface Shape {
  readonly width: number;
  readonly height: number;
  readonly frameRate: number;
  readonly frames: number;
  readonly bitrate: number;
}

/** Encodes `count` frames as one source segment, at times 0, 1, 2, ... frames. */
async function segmentOf(
  { width, height, frameRate, frames, bitrate }: Shape,
  frameAt: (index: number, micros: number) => VideoFrame | Promise<VideoFrame>,
  keeps: (index: number) => boolean = () => true,
): Promise<Fragment> {
  const timescale = frameRate * FRAME_TICKS;
  const cutter = new Cutter({ width, height, bitrate, frameRate, timescale }, frames * FRAME_TICKS);
  try {
    for (let i = 0; i < frames; i++)
      if (keeps(i))
        await cutter.add(await frameAt(i, Math.round((i * 1e6) / frameRate)), i * FRAME_TICKS);
    const cut = cutter.cut(frames * FRAME_TICKS);
    if (!cut) throw new Error("no frames");
    return await cut.video;
  } finally {
    cutter.close();
  }
}

/** A segment of a clip, whose frame `from` comes first. */
export const sourceOf = (clip: Clip, from: number, shape: Shape): Promise<Fragment> =>
  segmentOf(shape, (index, micros) => clip.draw(from + index, micros));

/** Every frame of a segment with its colour tag, as the worker's decoder gives it. */
export interface Decoded {
  readonly pictures: readonly Picture[];
  readonly colour: VideoColorSpaceInit;
}

export async function decoded(fragment: Fragment): Promise<Decoded> {
  const { track, samples } = readVideo(fragment);
  const pictures: Picture[] = [];
  let colour: VideoColorSpaceInit = {};
  for await (const { frame } of framesOf(track, samples, new AbortController().signal)) {
    colour = frame.colorSpace.toJSON();
    pictures.push(await pictureOf(frame).finally(() => frame.close()));
  }
  return { pictures, colour };
}

/** What a cheat starts from. */
export interface Loot {
  readonly honest: Decoded;
  readonly shape: Shape;
  /** Frames of the clip's next segment, and of another clip. */
  readonly next: Decoded;
  readonly other: Decoded;
  readonly random: Random;
}

/** What a cheat gives its encoder for frame `index`. */
type Forgery = (loot: Loot) => (index: number) => Picture;

const filled = ({ width, height }: Plane, value: number): Plane => ({
  width,
  height,
  data: new Uint8Array(width * height).fill(value),
});

const mapped = ({ width, height, data }: Plane, to: (value: number) => number): Plane => ({
  width,
  height,
  data: Uint8ClampedArray.from(data, to) as unknown as Uint8Array,
});

const at = ({ pictures }: Decoded, index: number) =>
  pictures[Math.min(pictures.length - 1, Math.max(0, index))] as Picture;

const shifted =
  (by: number): Forgery =>
  ({ honest, random }) => {
    const way = random.fraction() < 0.5 ? by : -by;
    return (index) => at(honest, index - way);
  };

/** Bilinear, as any cheap enlarger does it. */
function enlarged({ width, height, data }: Plane, toWidth: number, toHeight: number): Plane {
  const out = new Uint8Array(toWidth * toHeight);
  for (let y = 0; y < toHeight; y++) {
    const gy = Math.min(height - 1, Math.max(0, ((y + 0.5) * height) / toHeight - 0.5));
    const [y0, fy] = [Math.floor(gy), gy % 1];
    const below = y0 + 1 < height ? width : 0;
    for (let x = 0; x < toWidth; x++) {
      const gx = Math.min(width - 1, Math.max(0, ((x + 0.5) * width) / toWidth - 0.5));
      const [x0, fx] = [Math.floor(gx), gx % 1];
      const right = x0 + 1 < width ? 1 : 0;
      const i = y0 * width + x0;
      const top = (data[i] as number) * (1 - fx) + (data[i + right] as number) * fx;
      const bottom =
        (data[i + below] as number) * (1 - fx) + (data[i + below + right] as number) * fx;
      out[y * toWidth + x] = top * (1 - fy) + bottom * fy + 0.5;
    }
  }
  return { width: toWidth, height: toHeight, data: out };
}

/** Attacks on the source's pictures, by the name they have in the table. */
export const FORGERIES: Readonly<Record<string, Forgery>> = {
  black: ({ honest }) => {
    const { luma, u, v } = at(honest, 0);
    const none = honest.colour.fullRange ? 0 : 16;
    const black = { luma: filled(luma, none), u: filled(u, 128), v: filled(v, 128) };
    return () => black;
  },
  frozen: ({ honest, shape, random }) => {
    const since = random.below(shape.frames / 2);
    return (index) => at(honest, Math.min(index, since));
  },
  "shifted by 1": shifted(1),
  "shifted by 5": shifted(5),
  "logo over 4 %": ({ honest, random }) => {
    const { width, height } = at(honest, 0).luma;
    const [w, h] = [2 * Math.round(width / 10), 2 * Math.round(height / 10)];
    const [x, y] = [2 * random.below((width - w) / 2), 2 * random.below((height - h) / 2)];
    const [paper, ink, u, v] = [200, 60, 60 + random.below(136), 60 + random.below(136)];
    const stamp = (plane: Plane, by: number, value: (x: number, y: number) => number): Plane => {
      const data = plane.data.slice();
      for (let j = y / by; j < (y + h) / by; j++)
        for (let i = x / by; i < (x + w) / by; i++)
          data[j * plane.width + i] = value(i - x / by, j - y / by);
      return { ...plane, data };
    };
    const letters = (i: number, j: number) =>
      (i / w) * 6 - Math.floor((i / w) * 6) < 0.5 && Math.abs(j - h / 2) < h / 3 ? ink : paper;
    return (index) => {
      const picture = at(honest, index);
      return {
        luma: stamp(picture.luma, 1, letters),
        u: stamp(picture.u, 2, () => u),
        v: stamp(picture.v, 2, () => v),
      };
    };
  },
  "another segment":
    ({ next }) =>
    (index) =>
      at(next, index),
  "another stream":
    ({ other }) =>
    (index) =>
      at(other, index),
  "dropped frames": ({ honest, random }) => {
    const [every, phase] = [2 + random.below(3), random.below(2)];
    return (index) =>
      at(honest, index % every === phase + 1 || every === 2 ? index - (index % 2) : index);
  },
  "grey chroma": ({ honest }) => {
    const { u, v } = at(honest, 0);
    const grey = { u: filled(u, 128), v: filled(v, 128) };
    return (index) => ({ ...at(honest, index), ...grey });
  },
  "wrong range": ({ honest }) => {
    // The pixels are converted and the tag stays, whichever way the source goes.
    const [luma, chroma] = honest.colour.fullRange
      ? [219 / 255, 224 / 255]
      : [255 / 219, 255 / 224];
    const [from, to] = honest.colour.fullRange ? [0, 16] : [16, 0];
    const colour = (plane: Plane) => mapped(plane, (value) => (value - 128) * chroma + 128);
    return (index) => {
      const picture = at(honest, index);
      return {
        luma: mapped(picture.luma, (value) => (value - from) * luma + to),
        u: colour(picture.u),
        v: colour(picture.v),
      };
    };
  },
};

/** A picture at half a rung's size, enlarged again to the rung's. */
export function halved(
  { luma, u, v }: Picture,
  { width, height }: { readonly width: number; readonly height: number },
): Picture {
  const again = (plane: Plane, by: number) =>
    enlarged(
      scaled(plane, Math.round(width / by / 2), Math.round(height / by / 2)),
      width / by,
      height / by,
    );
  return { luma: again(luma, 1), u: again(u, 2), v: again(v, 2) };
}

/** A forged picture is visibly another below this luma PSNR in dB, or from this mean chroma difference in levels on. */
const VISIBLE_PSNR = 36;
const VISIBLE_CHROMA = 2;

/** Whether a forged picture, before any encoder saw it, is visibly another than the true one. */
export const differs = (forged: Picture, honest: Picture): boolean =>
  psnr(forged.luma, honest.luma) < VISIBLE_PSNR || chroma(forged, honest).chroma >= VISIBLE_CHROMA;

/** A picture as a frame, its samples as they are. */
export function shown(
  { luma, u, v }: Picture,
  micros: number,
  colour: VideoColorSpaceInit,
): VideoFrame {
  const data = new Uint8Array(luma.data.length + 2 * u.data.length);
  data.set(luma.data);
  data.set(u.data, luma.data.length);
  data.set(v.data, luma.data.length + u.data.length);
  return frameOf(data, luma, micros, colour);
}

/** A source segment of forged pictures, from which an honest worker makes the false rendition. */
export function forgedSource(
  shape: Shape,
  colour: VideoColorSpaceInit,
  pictureAt: (index: number) => Picture,
  keeps: (index: number) => boolean = () => true,
): Promise<Fragment> {
  const { width, height } = pictureAt(0).luma;
  const bitrate = Math.min(60_000_000, FORGED_BITS * width * height * shape.frameRate);
  return segmentOf(
    { ...shape, width, height, bitrate },
    (index, micros) => shown(pictureAt(index), micros, colour),
    keeps,
  );
}
