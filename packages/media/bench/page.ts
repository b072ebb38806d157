import { BitsPerSecond, Micros } from "@tabcast/runtime";
import {
  type CodecName,
  createTranscoder,
  defaultLadder,
  type Fragment,
  inspect,
  openFile,
  openScene,
  type Rung,
} from "../src/index.ts";
import { readInit, readMedia } from "../src/mp4/read.ts";
import { writeMedia } from "../src/mp4/write.ts";
import { Cutter } from "../src/source/encode.ts";
import { MADE } from "./attacks/content.ts";

/** Where a clip comes from, and how long it is to be: what there is of it is repeated. Sizes in pixels. */
export interface ClipPlan {
  readonly name: string;
  /** "scene", the address of a file, or a kind of `attacks/content.ts`. */
  readonly from: string;
  readonly width: number;
  readonly height: number;
  readonly frameRate: number;
  /** Bits per second of the source. */
  readonly bitrate: number;
  /** Drawn or read once, and all of it with repeats. */
  readonly drawnSeconds: number;
  readonly seconds: number;
}

/** A clip that lies on the bench's own server, one fragment after the other. */
export interface Clip {
  readonly name: string;
  readonly segments: number;
  readonly frames: number;
  readonly seconds: number;
}

/** What one rung came to. */
export interface RungMade extends Rung {
  readonly bytes: number;
}

export interface Run {
  readonly wallMs: number;
  readonly seconds: number;
  readonly rungs: readonly RungMade[];
  /** The longest task on the page's main thread, in milliseconds; 0 if none took 50. */
  readonly longestTaskMs: number;
}

/** What the bench's Node side calls. */
export interface BenchPage {
  make(plan: ClipPlan): Promise<Clip>;
  /** Fetches a clip into this page. */
  load(clip: Clip): Promise<void>;
  /** Transcodes the clip to the default ladder, segment by segment; with `keep`, stores the renditions afterwards. */
  transcode(codec: CodecName, keep: boolean): Promise<Run>;
  /** The same for so many streams at once in one worker. */
  transcodeAtOnce(codec: CodecName, streams: number): Promise<Run>;
  /** How soon the clip's first segment is looked into, and an abort answered while it is transcoded. */
  answers(): Promise<Answers>;
}

/** Medians over `ANSWERS` tries, in milliseconds. */
export interface Answers {
  readonly inspectMs: number;
  readonly abortMs: number;
}

const ANSWERS = 15;

const signal = new AbortController().signal;
const SEGMENT_SECONDS = 2;
const TICKS_PER_FRAME = 512;
let clip: { readonly fragments: readonly Fragment[]; readonly seconds: number; name: string };

async function store(key: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  const { ok, status } = await fetch(`/store/${key}`, { method: "PUT", body: bytes });
  if (!ok) throw new Error(`storing ${key}: ${status}`);
}
const stored = async (key: string) =>
  new Uint8Array(await (await fetch(`/store/${key}`)).arrayBuffer());

/** The fragments of what is drawn or read once. */
async function drawn(plan: ClipPlan): Promise<Fragment[]> {
  const { from, width, height, frameRate, bitrate, drawnSeconds } = plan;
  const make = MADE[from];
  if (make) {
    const timescale = frameRate * TICKS_PER_FRAME;
    const settings = { width, height, bitrate, frameRate, timescale };
    const cutter = new Cutter(settings, SEGMENT_SECONDS * timescale);
    const view = make({ width, height, frameRate, seed: 1 });
    const fragments: Fragment[] = [];
    for (let i = 0; i < drawnSeconds * frameRate; i++) {
      const frame = await view.draw(i, Math.round((i * 1e6) / frameRate));
      const cut = await cutter.add(frame, i * TICKS_PER_FRAME);
      if (cut) fragments.push(await cut.video);
    }
    const last = cutter.cut(drawnSeconds * timescale);
    return last ? [...fragments, await last.video] : fragments;
  }
  const source =
    from === "scene"
      ? await openScene({
          width,
          height,
          frameRate,
          bitrate: BitsPerSecond.of(bitrate),
          pace: "fast",
          duration: Micros.of(drawnSeconds * 1e6),
          signal,
        })
      : await openFile(await (await fetch(from)).blob(), from, { signal });
  const fragments: Fragment[] = [];
  for await (const { video } of source.segments({ signal })) fragments.push(video);
  source.close();
  return fragments;
}

/** The fragments over and over at later and later times, until they last `seconds`. */
function* repeated(fragments: readonly Fragment[], seconds: number): Generator<Fragment> {
  for (let ticks = 0, sequence = 1; ; ) {
    const began = ticks;
    for (const fragment of fragments) {
      const track = readInit(fragment.init);
      if (ticks >= seconds * track.timescale) return;
      const { samples } = readMedia(fragment.media);
      const moved = samples.map((each) => ({ ...each, time: each.time + began }));
      yield { ...fragment, media: writeMedia(track, moved, sequence++) };
      ticks += samples.reduce((sum, { duration }) => sum + duration, 0);
    }
  }
}

async function watchTasks<T>(work: () => Promise<T>): Promise<[T, number]> {
  let longest = 0;
  const look = (entries: PerformanceEntryList) => {
    for (const { duration } of entries) longest = Math.max(longest, duration);
  };
  const observer = new PerformanceObserver((list) => look(list.getEntries()));
  observer.observe({ type: "longtask" });
  const result = await work();
  look(observer.takeRecords());
  observer.disconnect();
  return [result, longest];
}

type Transcoder = ReturnType<typeof createTranscoder>;

/** What a worker does with a stream: transcode each segment and hash what came out. */
async function stream(transcoder: Transcoder, codec: CodecName, rungs: readonly Rung[]) {
  const results: Fragment[][] = [];
  for (const { init, media } of clip.fragments) {
    const request = { init, media, codec, rungs, stream: "clip" };
    const { renditions } = await transcoder.transcode(request, { signal });
    await Promise.all(renditions.map((made) => crypto.subtle.digest("SHA-256", made.media)));
    results.push([...renditions]);
  }
  return results;
}

function ladder(): Rung[] {
  const [first] = clip.fragments;
  const track = first && readInit(first.init);
  if (track?.kind !== "video") throw new Error("no clip is loaded");
  return defaultLadder(track);
}

async function timed(codec: CodecName, streams: number): Promise<[Run, Fragment[][]]> {
  const transcoder = createTranscoder();
  const rungs = ladder();
  const began = performance.now();
  try {
    const [results, longestTaskMs] = await watchTasks(() =>
      Promise.all(Array.from({ length: streams }, () => stream(transcoder, codec, rungs))),
    );
    const wallMs = performance.now() - began;
    const [first = []] = results;
    const made = rungs.map((rung, i) => ({
      ...rung,
      bytes: first.reduce((sum, renditions) => sum + (renditions[i]?.media.byteLength ?? 0), 0),
    }));
    return [{ wallMs, seconds: clip.seconds * streams, rungs: made, longestTaskMs }, first];
  } finally {
    transcoder.close();
  }
}

const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** Milliseconds from the abort, at the first progress, to the answer. */
async function aborted(transcoder: Transcoder): Promise<number> {
  const { init, media } = clip.fragments[0] as Fragment;
  const own = new AbortController();
  let asked = 0;
  const progress = () => {
    asked ||= performance.now();
    own.abort();
  };
  const job = { init, media, codec: "avc", rungs: ladder() } as const;
  await transcoder.transcode(job, { signal: own.signal, progress }).catch(() => {});
  return performance.now() - asked;
}

async function answers(): Promise<Answers> {
  const [first] = clip.fragments;
  if (!first) throw new Error("no clip is loaded");
  const transcoder = createTranscoder();
  const [inspects, aborts]: [number[], number[]] = [[], []];
  try {
    await inspect(first); // starts the worker
    for (let i = 0; i < ANSWERS; i++) {
      const began = performance.now();
      await inspect(first);
      inspects.push(performance.now() - began);
      aborts.push(await aborted(transcoder));
    }
  } finally {
    transcoder.close();
  }
  return { inspectMs: median(inspects), abortMs: median(aborts) };
}

const page: BenchPage = {
  answers,
  async make(plan) {
    const fragments = [...repeated(await drawn(plan), plan.seconds)];
    let frames = 0;
    for (const [i, { init, media, frames: count }] of fragments.entries()) {
      await store(`${plan.name}/${i}.init`, init);
      await store(`${plan.name}/${i}.media`, media);
      frames += count;
    }
    return {
      name: plan.name,
      segments: fragments.length,
      frames,
      seconds: frames / plan.frameRate,
    };
  },
  async load({ name, segments, seconds }) {
    const fragments: Fragment[] = [];
    for (let i = 0; i < segments; i++) {
      const [init, media] = [await stored(`${name}/${i}.init`), await stored(`${name}/${i}.media`)];
      fragments.push({ init, media, codecs: "", frames: 0 });
    }
    clip = { name, seconds, fragments };
  },
  async transcode(codec, keep) {
    const [run, results] = await timed(codec, 1);
    if (keep)
      for (const [i, { name }] of run.rungs.entries())
        for (const [k, renditions] of results.entries()) {
          const made = renditions[i] as Fragment;
          await store(`${clip.name}/${codec}/${name}/${k}.init`, made.init);
          await store(`${clip.name}/${codec}/${name}/${k}.media`, made.media);
        }
    return run;
  },
  async transcodeAtOnce(codec, streams) {
    const [run] = await timed(codec, streams);
    return run;
  },
};
Object.assign(globalThis, { bench: page });
