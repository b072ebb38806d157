import { BitsPerSecond, type Random, seededRandom } from "@tabcast/runtime";
import { MediaError } from "../src/errors.ts";
import { structureOf } from "../src/inspect/structure.ts";
import { readInit, readMedia } from "../src/mp4/read.ts";
import type { Sample } from "../src/mp4/track.ts";
import { writeMedia } from "../src/mp4/write.ts";
import type { CodecName, Fragment, TranscodeRequest, Transcoder } from "../src/types.ts";
import { segmentOf } from "./segment.ts";
import { chunked, joined } from "./stream.ts";

/** No mutant may take longer than this, in milliseconds; a typical one takes ten. */
const PATIENCE_MS = 20_000;
const SIZE = { width: 96, height: 64 };
const RUNG = { name: "small", width: 64, height: 48, bitrate: BitsPerSecond.of(100_000) } as const;
/** Numbers at which arithmetic goes wrong. */
const EDGES = [0, 1, 7, 8, 0xff, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff];
/** Boxes whose numbers say how much there is and where. */
const FIELDS = ["styp", "sidx", "moof", "mfhd", "traf", "tfhd", "tfdt", "trun", "mdat"];
const INIT_FIELDS = [
  "moov",
  "mvhd",
  "trak",
  "mdhd",
  "hdlr",
  "stsd",
  "avc1",
  "avcC",
  "vpcC",
  "av1C",
];

type Bytes = Uint8Array<ArrayBuffer>;
type Parts = { init: Bytes; media: Bytes };

/** How a segment came out of the transcoder: with renditions, or with a MediaError of this code. */
export type Outcome = "renditions" | MediaError["code"];

const box = (type: string, ...content: readonly Uint8Array[]): Bytes => {
  const body = joined(content);
  const bytes = new Uint8Array(8 + body.length);
  new DataView(bytes.buffer).setUint32(0, bytes.length);
  bytes.set(new TextEncoder().encode(type), 4);
  bytes.set(body, 8);
  return bytes;
};

function places(bytes: Uint8Array, types: readonly string[]): number[] {
  const text = new TextDecoder("latin1").decode(bytes);
  return types.map((type) => text.indexOf(type)).filter((at) => at >= 0);
}

/** One change to some bytes. */
type Change = (bytes: Bytes, random: Random, fields: readonly string[]) => Bytes;

const some = (bytes: Uint8Array, { below }: Random) => below(bytes.length || 1);

const changes: readonly Change[] = [
  // A few bytes anywhere: in a segment mostly the coded frames.
  (bytes, random) => {
    for (let i = random.below(8); i >= 0; i--) bytes[some(bytes, random)] = random.below(256);
    return bytes;
  },
  // A number of a box, at an edge.
  (bytes, random, fields) => {
    const at = places(bytes, fields);
    const place = (at[random.below(at.length)] ?? 4) - 4 + 4 * random.below(12);
    if (place >= 0 && place + 4 <= bytes.length)
      new DataView(bytes.buffer).setUint32(place, EDGES[random.below(EDGES.length)] as number);
    return bytes;
  },
  // Cut short.
  (bytes, random) => bytes.slice(0, some(bytes, random)),
  // A hole of zeros.
  (bytes, random) => bytes.fill(0, some(bytes, random), some(bytes, random)),
  // A part that stands somewhere else as well.
  (bytes, random) => {
    const from = some(bytes, random);
    const to = some(bytes, random);
    bytes.set(
      bytes.slice(from, from + Math.min(200, bytes.length - to)).subarray(0, bytes.length - to),
      to,
    );
    return bytes;
  },
  // All of it twice: the same times again.
  (bytes) => joined([bytes, bytes]),
  // A box nobody knows, before or after, or one that promises far more than there is.
  (bytes, random) => {
    const strange = box("free", random.bytes(random.below(40)));
    if (random.below(3) === 0) new DataView(strange.buffer).setUint32(0, 0xfffffff0);
    return random.below(2) ? joined([strange, bytes]) : joined([bytes, strange]);
  },
  // Boxes in boxes in boxes.
  (bytes, random) => {
    let deep: Bytes = new Uint8Array(8);
    for (let i = random.below(2000); i >= 0 && deep.length < 20_000; i--) deep = box("moof", deep);
    return joined([deep, bytes]);
  },
  // A crowd: thousands of empty boxes.
  (bytes, random) =>
    joined([...Array.from({ length: random.below(3000) }, () => box("free")), bytes]),
  // Nothing but noise.
  (_, random) => random.bytes(random.below(500)) as Bytes,
];

/** One change to the frames of a segment, which leaves its boxes right. */
type Recut = (samples: Sample[], random: Random) => Sample[];

const recuts: readonly Recut[] = [
  // One is missing.
  (samples, random) => samples.toSpliced(random.below(samples.length), 1),
  // One comes twice, at the same time.
  (samples, random) => samples.toSpliced(1, 0, samples[random.below(samples.length)] as Sample),
  // Two have changed places.
  (samples, random) => {
    const [a, b] = [random.below(samples.length), random.below(samples.length)];
    return samples.with(a, samples[b] as Sample).with(b, samples[a] as Sample);
  },
  // All are said to be keys, or none.
  (samples, random) => samples.map((each) => ({ ...each, key: random.below(2) === 0 })),
  // No durations, or of hours.
  (samples, random) => samples.map((each) => ({ ...each, duration: random.below(2) * 0x7fffffff })),
  // Times years from now, in other steps.
  (samples, random) => {
    const [start, step] = [2 ** random.below(48), 1 + random.below(100_000)];
    return samples.map((each, i) => ({ ...each, time: start + i * step, duration: step }));
  },
  // Frames with bytes changed, cut off or left out.
  (samples, random) =>
    samples.map((each) => {
      const data = each.data.slice();
      for (let i = random.below(4); i > 0; i--) data[some(data, random)] = random.below(256);
      return { ...each, data: random.below(8) ? data : data.slice(0, some(data, random)) };
    }),
];

function recut({ init, media }: Parts, random: Random): Parts {
  const track = readInit(init);
  const { samples } = readMedia(media);
  const change = recuts[random.below(recuts.length)] as Recut;
  return { init, media: writeMedia(track, change([...samples], random), 1) };
}

/** The honest segments that mutants are made from: tiny, so that most of the time goes into their faults. */
export async function honestSegments(): Promise<readonly Parts[]> {
  const runs = [{ ...SIZE, frames: 6 }];
  const made = await Promise.all((["avc", "vp9", "av1"] as const).map((c) => segmentOf(c, runs)));
  return [...made, ...made.map((each) => ({ ...each, media: joined(chunked(each, 2)) }))];
}

/** Mutant number `run` of `seed`: which it is depends on nothing else. */
function mutant(honest: readonly Parts[], seed: number, run: number) {
  const random = seededRandom(seed, `mutant ${run}`);
  const pick = () => honest[random.below(honest.length)] as Parts;
  const frames = random.below(2) === 0;
  let { init, media } = frames ? recut(pick(), random) : pick();
  if (random.below(20) === 0) init = pick().init; // of another codec
  [init, media] = [init.slice(), media.slice()];
  const changeOf = () => changes[random.below(changes.length)] as Change;
  for (let i = random.below(3); frames ? i > 1 : i >= 0; i--)
    if (random.below(5) === 0) init = changeOf()(init, random, INIT_FIELDS);
    else media = changeOf()(media, random, FIELDS);
  const codec: CodecName = (["avc", "avc", "avc", "vp9", "av1"] as const)[random.below(5)] ?? "avc";
  return { init, media: random.below(2) ? media : inPieces(media, random), codec };
}

/** The same bytes as a stream of pieces, which sometimes breaks. */
function inPieces(bytes: Bytes, random: Random): ReadableStream<Bytes> {
  let at = 0;
  const breaks = random.below(10) === 0;
  return new ReadableStream({
    pull: (controller) => {
      const piece = bytes.slice(at, at + 1 + random.below(2 * random.below(bytes.length + 1) + 8));
      at += piece.length;
      if (piece.length > 0) controller.enqueue(piece);
      else if (breaks) controller.error(new Error("the sender broke off"));
      else controller.close();
    },
  });
}

/** What mutants gave, by outcome, and the longest that one took in milliseconds. */
export interface FuzzReport {
  readonly outcomes: Partial<Record<Outcome, number>>;
  readonly longestMs: number;
}

/**
 * Sends mutants `from` to `to` through a transcoder, and an honest segment after each hundred and at the end. Throws what
 * is no MediaError, renditions that are not legal, and what takes too long, with the mutant's number.
 */
export async function fuzz(
  transcoder: Transcoder,
  honest: readonly Parts[],
  { seed, from, to }: { readonly seed: number; readonly from: number; readonly to: number },
): Promise<FuzzReport> {
  const outcomes: Partial<Record<Outcome, number>> = {};
  let longestMs = 0;
  const transcode = async (request: Omit<TranscodeRequest, "rungs">): Promise<Outcome> => {
    const began = performance.now();
    try {
      const { renditions } = await transcoder.transcode(
        { ...request, rungs: [RUNG] },
        { signal: AbortSignal.timeout(PATIENCE_MS) },
      );
      for (const rendition of renditions) checkLegal(rendition);
      return "renditions";
    } catch (error) {
      if (!(error instanceof MediaError)) throw error;
      return error.code;
    } finally {
      longestMs = Math.max(longestMs, performance.now() - began);
    }
  };
  for (let run = from; run < to; run++) {
    try {
      const outcome = await transcode(mutant(honest, seed, run));
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      // A failed worker would answer everything with this from now on.
      if (outcome === "MEDIA_WORKER") throw new Error("the worker failed");
      if (run % 100 === 99 || run === to - 1) {
        const [segment] = honest as [Parts];
        const after = await transcode({ ...segment, codec: "avc" });
        if (after !== "renditions") throw new Error(`an honest segment gave ${after}`);
      }
    } catch (cause) {
      throw new Error(`mutant ${run} of SEED=${seed}`, { cause });
    }
  }
  return { outcomes, longestMs };
}

function checkLegal({ init, media, frames }: Fragment): void {
  const made = structureOf(init, media);
  const { width, height } = RUNG;
  if (
    made.frames !== frames ||
    !made.startsWithKey ||
    made.width !== width ||
    made.height !== height
  )
    throw new Error(`an illegal rendition: ${JSON.stringify(made)}`);
}
