import { completeColour } from "../codecs.ts";
import { MediaError } from "../errors.ts";
import { framesOf, isFullRange, pictureOf } from "./decode.ts";
import { readVideo, sizesOf } from "./fragment.ts";
import { scaledPicture, toLimitedRange } from "./planes.ts";
import { gridOf, NEIGHBOURS, Tracer } from "./trace.ts";
import type { Reference, ReferenceFrame, ReferenceRequest } from "./types.ts";

/** Most frames checked in one segment. */
const MAX_CHECKED = 16;

/**
 * What renditions of a source segment are checked by: one reference for each rung. The source is decoded once, up to a
 * few frames past the last one asked for. Throws MEDIA_OPTION, and what reading and decoding throw.
 */
export async function makeReferences(
  { source, frames, rungs }: ReferenceRequest,
  signal: AbortSignal,
): Promise<Reference[]> {
  const { track, samples, timestamps, duration } = readVideo(source);
  const ascending = frames.every(
    (index, i) => Number.isInteger(index) && index > (frames[i - 1] ?? -1),
  );
  const last = frames.at(-1);
  if (last === undefined || last >= samples.length || !ascending || frames.length > MAX_CHECKED)
    throw new MediaError(
      { code: "MEDIA_OPTION", option: "frames", value: frames.join() },
      `frames is ${frames.join()}; it must be 1 to ${MAX_CHECKED} ascending indices below ${samples.length}`,
    );
  const count = Math.min(samples.length, last + 1 + NEIGHBOURS);
  const tracer = new Tracer(gridOf(track), count);
  const kept: ReferenceFrame[][] = rungs.map(() => []);
  for await (const { index, frame } of framesOf(track, samples, signal)) {
    const fullRange = isFullRange(frame);
    const picture = await pictureOf(frame).finally(() => frame.close());
    tracer.add(picture.luma, fullRange);
    if (frames.includes(index))
      rungs.forEach(({ width, height }, r) => {
        const small = scaledPicture(picture, width, height);
        // A rung of the source's own size shares its planes, which must be changed only once.
        const own = fullRange && small.luma === picture.luma ? structuredClone(small) : small;
        if (fullRange) toLimitedRange(own);
        kept[r]?.push({ index, picture: own });
      });
    if (index === count - 1) break;
  }
  const trace = tracer.trace();
  if (trace.frames < count)
    throw new MediaError(
      { code: "MEDIA_INCOMPLETE", frames: trace.frames, expected: count },
      `the source decodes to ${trace.frames} of ${count} frames`,
    );
  const matrix = completeColour(track.colour, track.height).matrix;
  const sizes = sizesOf(track, samples);
  return rungs.map(({ width, height }, r) => ({
    width,
    height,
    timestamps,
    duration,
    matrix,
    sizes,
    frames: kept[r] ?? [],
    trace,
  }));
}
