import { isKeyPacket } from "../bitstream.ts";
import { completeColour } from "../codecs.ts";
import { MediaError, messageOf } from "../errors.ts";
import { codedSizes } from "./coded-size.ts";
import { framesOf, isFullRange, pictureOf } from "./decode.ts";
import { readVideo, sizesOf, type VideoFragment } from "./fragment.ts";
import { measureFrame } from "./measures.ts";
import { type Picture, toLimitedRange } from "./planes.ts";
import { measureTrace, type Trace, Tracer } from "./trace.ts";
import type { Broken, CompareRequest, Comparison, Facts, Reference } from "./types.ts";

/** Box types a media segment may have at its top. */
const BOXES: readonly string[] = ["styp", "sidx", "moof", "mdat"];

/** A rendition that cannot be measured, and why. */
class BrokenRendition extends Error {
  readonly why: Broken;
  constructor(why: Broken, message: string) {
    super(message);
    this.why = why;
  }
}

/**
 * Measures a rendition, of bounded size, against what is kept of its source. The bytes are a stranger's: whatever they
 * are, this ends with a comparison, which names what is broken. Only an abort throws.
 */
export async function compareHere(
  { rendition, reference, rung, codec }: CompareRequest,
  signal: AbortSignal,
): Promise<Comparison> {
  const { sizes, duration, timestamps } = reference;
  const began = performance.now();
  let comparison: Comparison = {
    rung,
    codec,
    source: { sizes, duration, count: timestamps.length },
    spent: { decode: 0, frames: 0, trace: 0 },
  };
  try {
    const fragment = broken("malformed", () => readVideo(rendition));
    comparison = { ...comparison, facts: factsOf(fragment, reference, rung) };
    if (comparison.facts?.size === false)
      throw new BrokenRendition(
        "picture",
        `${fragment.track.width}x${fragment.track.height} instead of ${rung.width}x${rung.height}`,
      );
    broken("malformed", () => checkCodedSizes(fragment));
    const { pictures, trace } = await decode(fragment, reference, signal);
    const decoded = performance.now();
    const frames = reference.frames.map(({ picture }, i) =>
      measureFrame(pictures[i] as Picture, picture),
    );
    const measured = performance.now();
    const traced = measureTrace(trace, reference.trace);
    return {
      ...comparison,
      frames,
      trace: traced,
      spent: {
        decode: decoded - began,
        frames: measured - decoded,
        trace: performance.now() - measured,
      },
    };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof BrokenRendition)) throw error;
    return { ...comparison, broken: { why: error.why, message: error.message } };
  }
}

function broken<T>(why: Broken, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof MediaError) throw new BrokenRendition(why, error.message);
    throw error;
  }
}

function factsOf(
  { track, samples, boxes, timestamps }: VideoFragment,
  reference: Reference,
  rung: CompareRequest["rung"],
): Facts {
  const [first] = samples;
  const sameCount = timestamps.length === reference.timestamps.length;
  return {
    codec: track.codec,
    startsWithKey: first?.key === true && isKeyPacket(track.codec, first.data, track.description),
    count: samples.length,
    timeError: sameCount
      ? timestamps.reduce(
          (worst, time, i) => Math.max(worst, Math.abs(time - (reference.timestamps[i] as number))),
          0,
        )
      : Number.POSITIVE_INFINITY,
    size: track.width === rung.width && track.height === rung.height,
    matrix: completeColour(track.colour, track.height).matrix === reference.matrix,
    strangeBoxes: boxes.filter((type) => !BOXES.includes(type)).length,
    sizes: sizesOf(track, samples),
  };
}

/** Refuses a bitstream that announces a larger picture than its container; H.264 counts whole macroblocks. */
function checkCodedSizes({ track, samples }: VideoFragment): void {
  const [widest, highest] = [track.width, track.height].map((side) => 16 * Math.ceil(side / 16));
  for (const { width, height } of codedSizes(track, samples))
    if (width > (widest as number) || height > (highest as number))
      throw new BrokenRendition(
        "picture",
        `announces ${width}x${height} instead of ${track.width}x${track.height}`,
      );
}

/** The frames that the reference has, and the trace up to the last of them. */
async function decode(
  { track, samples }: VideoFragment,
  reference: Reference,
  signal: AbortSignal,
): Promise<{ pictures: readonly Picture[]; trace: Trace }> {
  const wanted = reference.frames.map(({ index }) => index);
  const count = (wanted.at(-1) ?? 0) + 1;
  const tracer = new Tracer(reference.trace, count);
  const pictures: Picture[] = [];
  let expected = 0;
  try {
    for await (const { index, frame } of framesOf(track, samples, signal)) {
      const { width, height } = frame.visibleRect ?? { width: 0, height: 0 };
      const fullRange = isFullRange(frame);
      const read = index === expected && width === track.width && height === track.height;
      const picture = read ? await pictureOf(frame).finally(() => frame.close()) : undefined;
      frame.close();
      if (!picture && index === expected)
        throw new BrokenRendition(
          "picture",
          `decodes to ${width}x${height} instead of ${track.width}x${track.height}`,
        );
      if (!picture) break;
      expected++;
      tracer.add(picture.luma, fullRange);
      if (wanted.includes(index)) {
        if (fullRange) toLimitedRange(picture);
        pictures.push(picture);
      }
      if (index === count - 1) return { pictures, trace: tracer.trace() };
    }
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof BrokenRendition) throw error;
    throw new BrokenRendition("undecodable", messageOf(error));
  }
  throw new BrokenRendition("undecodable", `no frame ${expected} came out of the decoder`);
}
