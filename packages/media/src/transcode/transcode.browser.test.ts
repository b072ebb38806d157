import { BitsPerSecond, Micros } from "@tabcast/runtime";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { all, decoded, meanColour, never, stored } from "../../test/clip.ts";
import { chunked, fed, joined } from "../../test/stream.ts";
import { inspect } from "../inspect/inspect.ts";
import { defaultLadder } from "../ladder.ts";
import { readInit, readMedia } from "../mp4/read.ts";
import type { Colour, VideoTrack } from "../mp4/track.ts";
import { writeInit, writeMedia } from "../mp4/write.ts";
import { openFile, openScene } from "../source/source.ts";
import type { CodecName, Fragment, Made, Rung, SourceSegment, Transcoder } from "../types.ts";
import { createTranscoder, measure } from "./transcoder.ts";

const SIZE = { width: 640, height: 360 };
const rungs = defaultLadder(SIZE);
const small: Rung[] = [
  { name: "small", width: 160, height: 90, bitrate: BitsPerSecond.of(200_000) },
];

async function scene(seconds: number, seed = 7): Promise<SourceSegment[]> {
  const source = await openScene({
    ...SIZE,
    pace: "fast",
    seed,
    duration: Micros.of(seconds * 1e6),
    segment: Micros.of(1_000_000),
    signal: never,
  });
  return all(source);
}

describe("transcoding", () => {
  let segments: SourceSegment[];
  let transcoder: Transcoder;
  const video = (index = 0): Fragment => (segments[index] as SourceSegment).video;
  const run = (from: Pick<Fragment, "init" | "media">, codec: CodecName, ladder = small) =>
    transcoder.transcode(
      { init: from.init, media: from.media, codec, rungs: ladder },
      { signal: never },
    );
  beforeAll(async () => {
    segments = await scene(2.4);
    transcoder = createTranscoder();
  });
  afterAll(() => transcoder.close());

  test("the scene is cut on the grid, with a key first and audio in step", async () => {
    expect(segments.map(({ seq, start, duration }) => [seq, start, duration])).toEqual([
      [0, 0, 1_000_000],
      [1, 1_000_000, 1_000_000],
      [2, 2_000_000, 400_000],
    ]);
    let audioEnd = 0;
    for (const { start, video: coded, audio } of segments) {
      const picture = await inspect(coded);
      expect(picture).toMatchObject({ ...SIZE, startsWithKey: true, frames: coded.frames });
      expect(picture.timestamps[0]).toBe(start);
      if (!audio) throw new Error("no audio");
      const sound = await inspect(audio);
      expect(sound.timestamps[0]).toBe(audioEnd);
      audioEnd += sound.duration;
      expect(Math.abs(audioEnd - (start + picture.duration))).toBeLessThanOrEqual(20_000);
    }
  });

  for (const codec of ["avc", "vp9", "av1"] as CodecName[])
    test(`${codec}: every rung has the source's frames at the source's times`, async () => {
      for (const { video: coded } of segments.slice(1)) {
        const source = await inspect(coded);
        const { renditions } = await run(coded, codec, rungs);
        expect(renditions.map(({ rung }) => rung)).toEqual(rungs.map(({ name }) => name));
        for (const [i, rendition] of renditions.entries()) {
          const made = await inspect(rendition);
          expect(made.timestamps).toEqual(source.timestamps);
          expect(made).toMatchObject({
            codecs: rendition.codecs,
            duration: source.duration,
            width: rungs[i]?.width,
            height: rungs[i]?.height,
            startsWithKey: true,
            boxes: ["styp", "sidx", "moof", "mdat"],
          });
          const frames = await decoded(rendition);
          expect(frames.map(({ timestamp }) => timestamp)).toEqual([...source.timestamps]);
          expect(frames[0]).toMatchObject({ width: rungs[i]?.width, height: rungs[i]?.height });
          expect(readMedia(rendition.media).sequence).toBe(readMedia(coded.media).sequence);
        }
      }
    });

  test("what is told while it is encoded are the file's samples, all of them and in order", async () => {
    for (const codec of ["avc", "vp9", "av1"] as CodecName[]) {
      const told: Made[] = [];
      const { init, media } = video();
      const made = (one: Made) => told.push(one);
      const request = { init, media, codec, rungs };
      const { renditions } = await transcoder.transcode(request, { signal: never, made });
      for (const [i, { media: whole, headLen, frames }] of renditions.entries()) {
        const own = told.filter(({ rung }) => rung === i);
        expect(own.length).toBeGreaterThan(0);
        expect(own.length).toBeLessThan(frames);
        let at = headLen;
        for (const one of own) {
          expect(one.at).toBe(at - headLen);
          expect(one.bytes).toEqual(whole.subarray(at, at + one.bytes.byteLength));
          at += one.bytes.byteLength;
        }
        expect(at).toBe(whole.byteLength);
      }
    }
  });

  test("a source with B-frames gives the same times, in order", async () => {
    const source = await openFile(await stored("bframes.mp4"), "b", { signal: never });
    for (const segment of await all(source)) {
      const { renditions } = await run(segment.video, "avc");
      const seen = await inspect(segment.video);
      expect((await inspect(renditions[0] as Fragment)).timestamps).toEqual(seen.timestamps);
    }
  });

  test("an init segment has the same bytes whenever it is made", async () => {
    const first = await run(video(), "vp9");
    const next = Math.floor(Date.now() / 1_000) + 1;
    await expect.poll(() => Date.now() / 1_000, { timeout: 5_000 }).toBeGreaterThan(next);
    const second = await run(video(), "vp9");
    expect(first.renditions[0]?.init).toEqual(second.renditions[0]?.init);
  });

  test("an abort in mid-job is answered before the rest is made, and the next job runs", async () => {
    const own = new AbortController();
    const why = new Error("enough");
    const told: Made[] = [];
    const job = transcoder.transcode(
      { init: video().init, media: video().media, codec: "av1", rungs },
      {
        signal: own.signal,
        made: (one) => {
          told.push(one);
          own.abort(why);
        },
      },
    );
    await expect(job).rejects.toBe(why);
    expect((await run(video(), "avc")).renditions).toHaveLength(1);
    // One batch of one rung: what was still to be made was told to nobody.
    expect(told).toHaveLength(1);
  });

  test("corrupt input is refused with its time, and the next job runs", async () => {
    const media = video().media.slice();
    const { samples } = readMedia(media);
    for (const { data } of samples.slice(5)) data.fill(0xee);
    await expect(run({ init: video().init, media }, "avc")).rejects.toMatchObject({
      code: expect.stringMatching(/^MEDIA_(CORRUPT|INCOMPLETE)$/),
    });
    await expect(
      run({ init: video().init, media: video().media.slice(0, 9_000) }, "avc"),
    ).rejects.toMatchObject({ code: "MEDIA_MALFORMED" });
    expect((await run(video(), "avc")).renditions).toHaveLength(1);
  });

  test("frames without durations keep their times; two frames of the same time are refused", async () => {
    const { init, media } = video();
    const track = readInit(init);
    const { samples } = readMedia(media);
    const still = samples.map((sample) => ({ ...sample, duration: 0 }));
    const { renditions } = await run({ init, media: writeMedia(track, still, 1) }, "avc");
    const { timestamps } = await inspect(renditions[0] as Fragment);
    expect(timestamps).toEqual((await inspect(video())).timestamps);
    const twice = [...samples.slice(0, 3), ...samples.slice(2, 5)];
    await expect(run({ init, media: writeMedia(track, twice, 1) }, "avc")).rejects.toMatchObject({
      code: "MEDIA_MALFORMED",
    });
  });

  test("what would take unbounded work is refused before it begins", async () => {
    const { init, media } = video();
    const refusal = (ladder: readonly Rung[], bytes = media) =>
      transcoder
        .transcode({ init, media: bytes, codec: "avc", rungs: ladder }, { signal: never })
        .then(() => "accepted")
        .catch(({ code }: { code: string }) => code);
    const [one] = small as [Rung];
    expect(await refusal(small, new Uint8Array(33 * 2 ** 20))).toBe("MEDIA_TOO_LARGE");
    expect(await refusal(Array.from({ length: 9 }, () => one))).toBe("MEDIA_TOO_LARGE");
    expect(await refusal([{ ...one, width: 4096, height: 2160 }])).toBe("MEDIA_TOO_LARGE");
    expect(await refusal([{ ...one, width: 161 }])).toBe("MEDIA_OPTION");
    expect(await refusal([{ ...one, bitrate: BitsPerSecond.of(1) }])).toBe("MEDIA_OPTION");
    expect(await refusal([])).toBe("MEDIA_OPTION");
    const track = readInit(init) as VideoTrack;
    const [sample] = readMedia(media).samples;
    if (!sample) throw new Error("no sample");
    const many = Array.from({ length: 601 }, (_, time) => ({ ...sample, time, duration: 1 }));
    expect(await refusal(small, writeMedia(track, many, 1))).toBe("MEDIA_TOO_LARGE");
  });

  describe("a segment that is still coming", () => {
    /** Feeds a stream of chunks; the last one leaves once `until` has resolved. */
    const follow = (frameRate?: number) => {
      const chunks = chunked(video(), 5);
      const { stream, controller, cancelled } = fed();
      const began = Promise.withResolvers<number>();
      const own = new AbortController();
      const job = transcoder.transcode(
        {
          init: video().init,
          media: stream,
          codec: "avc",
          rungs,
          ...(frameRate ? { frameRate } : {}),
        },
        { signal: own.signal, progress: began.resolve },
      );
      job.catch(() => {}); // awaited by each test
      return { chunks, controller, cancelled, began: began.promise, own, job };
    };
    const usable = async () =>
      expect((await run(video(), "avc", small)).renditions[0]?.frames).toBe(25);

    for (const frameRate of [undefined, 25])
      test(`work begins before the last piece is there, frame rate ${frameRate ? "told" : "found"}`, async () => {
        const { chunks, controller, began, job } = follow(frameRate);
        for (const chunk of chunks.slice(0, -1)) controller.enqueue(chunk);
        expect(await began).toBeGreaterThan(0);
        controller.enqueue(chunks.at(-1) as Uint8Array<ArrayBuffer>);
        controller.close();
        const { renditions, encodeMs, tailMs } = await job;
        const whole = await run(video(), "avc", rungs);
        for (const [i, rendition] of renditions.entries()) {
          const seen = await inspect(rendition);
          expect(seen).toEqual({
            ...(await inspect(whole.renditions[i] as Fragment)),
            bytes: expect.any(Number),
          });
        }
        expect(tailMs).toBeGreaterThan(0);
        expect(encodeMs).toBeGreaterThan(0);
      });

    test("work begins inside a growing mdat, with pieces cut anywhere", async () => {
      const { controller, began, job } = follow();
      const { media } = video();
      const half = media.length >> 1;
      for (let at = 0; at < half; at += 777)
        controller.enqueue(media.slice(at, Math.min(half, at + 777)));
      expect(await began).toBeGreaterThan(0);
      controller.enqueue(media.slice(half));
      controller.close();
      const { renditions } = await job;
      const seen = await inspect(video());
      for (const rendition of renditions)
        expect((await inspect(rendition)).timestamps).toEqual(seen.timestamps);
    });

    test("a chunked segment is a legal fragment", async () => {
      const media = joined(chunked(video(), 6));
      expect(await inspect({ init: video().init, media })).toEqual({
        ...(await inspect(video())),
        bytes: media.length,
        boxes: ["styp", ...Array.from({ length: 5 }, () => ["moof", "mdat"]).flat()],
      });
    });

    test("while one waits for its bytes, others are done", async () => {
      const { chunks, controller, began, job } = follow();
      for (const chunk of chunks.slice(0, 3)) controller.enqueue(chunk);
      await began;
      await usable();
      for (const chunk of chunks.slice(3)) controller.enqueue(chunk);
      controller.close();
      expect((await job).renditions).toHaveLength(rungs.length);
    });

    test("an early end, a broken sender, an abort and an endless stream end the job at once", async () => {
      const [chunk] = chunked(video(), 5) as [Uint8Array<ArrayBuffer>];
      const early = follow();
      early.controller.enqueue(chunk.slice(0, -1));
      early.controller.close();
      await expect(early.job).rejects.toMatchObject({ code: "MEDIA_MALFORMED" });

      const broken = follow();
      const why = new Error("the wire was cut");
      broken.controller.enqueue(chunk);
      await broken.began;
      broken.controller.error(why);
      await expect(broken.job).rejects.toMatchObject({
        code: "MEDIA_INPUT",
        reason: { bytes: chunk.length },
        cause: why,
      });

      const aborted = follow();
      aborted.controller.enqueue(chunk);
      await aborted.began;
      aborted.own.abort(why);
      await expect(aborted.job).rejects.toBe(why);
      await aborted.cancelled;

      const strange = follow();
      strange.controller.enqueue("text" as never);
      await expect(strange.job).rejects.toMatchObject({ code: "MEDIA_OPTION" });
      await strange.cancelled;

      let sent = 0;
      const endless = new ReadableStream<Uint8Array<ArrayBuffer>>({
        pull: (controller) => {
          const free = new Uint8Array(2 ** 20);
          free.set([0, 16, 0, 0, 0x66, 0x72, 0x65, 0x65]); // a free box of 1 MiB
          sent += free.length;
          controller.enqueue(free);
        },
      });
      await expect(
        transcoder.transcode(
          { init: video().init, media: endless, codec: "avc", rungs: small },
          { signal: never },
        ),
      ).rejects.toMatchObject({ code: "MEDIA_TOO_LARGE" });
      expect(sent).toBeLessThan(48 * 2 ** 20);
      await usable();
    });

    test("a stream is cancelled when its job waits in line, is refused, or its worker is closed", async () => {
      const own = createTranscoder();
      const give = async (signal: AbortSignal, ladder = small) => {
        const { stream, cancelled } = fed();
        const request = { init: video().init, media: stream, codec: "avc", rungs: ladder } as const;
        const job = own.transcode(request, { signal });
        job.catch(() => {});
        return { job, cancelled };
      };
      const first = await Promise.all(Array.from({ length: 4 }, () => give(never)));
      const stop = new AbortController();
      const fifth = await give(stop.signal);
      stop.abort();
      await fifth.cancelled;
      const refused = await give(never, []);
      await expect(refused.job).rejects.toMatchObject({ code: "MEDIA_OPTION" });
      await refused.cancelled;
      own.close();
      for (const { job, cancelled } of first) {
        await expect(job).rejects.toMatchObject({ code: "MEDIA_CLOSED" });
        await cancelled;
      }
    });

    test("buffers that are handed over are moved, others stay the caller's", async () => {
      const [init, media] = [video().init.slice(), video().media.slice()];
      const job = transcoder.transcode(
        { init, media, codec: "avc", rungs: small },
        { signal: never, transfer: [media.buffer] },
      );
      expect([init.length > 0, media.length]).toEqual([true, 0]);
      expect((await job).renditions[0]?.frames).toBe(25);
    });
  });

  test("the same seed draws the same scene, another seed another", async () => {
    const picture = async (seed: number) => {
      const [first] = await scene(0.2, seed);
      return (await decoded((first as SourceSegment).video, (i) => i === 4))[0]?.rgba;
    };
    const [a, b, c] = [await picture(3), await picture(3), await picture(4)];
    const difference = (x: Uint8Array | undefined, y: Uint8Array | undefined) =>
      (x as Uint8Array).reduce(
        (sum, v, i) => sum + Math.abs(v - ((y as Uint8Array)[i] as number)),
        0,
      ) / (x as Uint8Array).length;
    expect(difference(a, b)).toBeLessThan(0.5);
    expect(difference(a, c)).toBeGreaterThan(10);
  });

  for (const codec of ["avc", "vp9", "av1"] as CodecName[])
    test(`a device measures itself at ${codec}: ladders of several sizes, and encoders at once`, async () => {
      let last = 0;
      const measured = await measure({
        codec,
        signal: never,
        progress: (frames) => {
          expect(frames).toBeGreaterThanOrEqual(last);
          last = frames;
        },
      });
      const { sizes, pixelsPerSecond, hardware, encoders } = measured;
      expect(measured.codec).toBe(codec);
      expect(last).toBe(25 * (sizes.length + 1)); // the first is run twice
      expect(sizes.map(({ height }) => height)).toEqual([360, 480, 720].slice(0, sizes.length));
      for (const size of sizes) expect(size.pixelsPerSecond).toBeGreaterThan(1_000_000);
      expect(sizes.at(-1)).toMatchObject({ pixelsPerSecond, hardware });
      expect(encoders).toBe(8); // software has no limit
    });
});

/** What an encoder made of one flat mid-tone colour, as YUV of the given range and matrix. */
async function flatClip(colour: Colour, told: Partial<Colour>): Promise<Fragment> {
  const { width, height } = { width: 320, height: 180 };
  const [kr, kb] = colour.matrix === "bt709" ? [0.2126, 0.0722] : [0.299, 0.114];
  const luma = kr * RGB[0] + (1 - kr - kb) * RGB[1] + kb * RGB[2];
  const [u, v] = [(RGB[2] - luma) / (2 - 2 * kb), (RGB[0] - luma) / (2 - 2 * kr)];
  const scale = colour.fullRange ? [1, 1, 0] : [219 / 255, 224 / 255, 16];
  const [ys, cs, offset] = scale as [number, number, number];
  const bytes = new Uint8Array((width * height * 3) / 2);
  bytes.fill(Math.round(offset + ys * luma), 0, width * height);
  bytes.fill(Math.round(128 + cs * u), width * height, width * height * 1.25);
  bytes.fill(Math.round(128 + cs * v), width * height * 1.25);
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let config: VideoDecoderConfig | undefined;
  const encoder = new VideoEncoder({
    output: (chunk, meta) => {
      const data = new Uint8Array(chunk.byteLength);
      chunk.copyTo(data);
      chunks.push(data);
      config ??= meta?.decoderConfig;
    },
    error: (error) => {
      throw error;
    },
  });
  encoder.configure({
    codec: "avc1.4d001e",
    width,
    height,
    bitrate: 1_000_000,
    latencyMode: "quality",
    avc: { format: "avc" },
  });
  for (let i = 0; i < 5; i++) {
    const frame = new VideoFrame(bytes, {
      format: "I420",
      codedWidth: width,
      codedHeight: height,
      timestamp: i * 40_000,
      colorSpace: colour,
    });
    encoder.encode(frame, { keyFrame: i === 0 });
    frame.close();
  }
  await encoder.flush();
  encoder.close();
  const track = {
    kind: "video",
    codec: "avc",
    codecs: "avc1.4d001e",
    timescale: 25,
    width,
    height,
    description: new Uint8Array(config?.description as ArrayBuffer),
  } as const;
  const samples = chunks.map((data, time) => ({ data, time, duration: 1, key: time === 0 }));
  // A tag with a field missing cannot be written in colr; leaving it out whole is how such files come.
  const full = Object.keys(told).length === 4 ? { colour: told as Colour } : {};
  return {
    init: writeInit({ ...track, ...full }),
    media: writeMedia(track, samples, 1),
    codecs: track.codecs,
    frames: samples.length,
  };
}

/** A mid-tone: a saturated colour clips, which hides a wrong range. */
const RGB = [150, 110, 80] as const;

describe("a clip's colours", () => {
  const bt709 = { primaries: "bt709", transfer: "bt709", matrix: "bt709" } as const;
  const bt601 = { primaries: "smpte170m", transfer: "smpte170m", matrix: "smpte170m" } as const;
  const cases: [string, Colour, Partial<Colour>][] = [
    ["full-range bt709", { ...bt709, fullRange: true }, { ...bt709, fullRange: true }],
    ["limited bt709", { ...bt709, fullRange: false }, { ...bt709, fullRange: false }],
    ["full-range bt601", { ...bt601, fullRange: true }, { ...bt601, fullRange: true }],
    ["limited bt601", { ...bt601, fullRange: false }, { ...bt601, fullRange: false }],
    ["an untagged small picture, taken for bt601", { ...bt601, fullRange: false }, {}],
  ];
  for (const codec of ["avc", "vp9", "av1"] as CodecName[])
    for (const [name, colour, told] of cases)
      test(`survive ${codec}: ${name}`, async () => {
        const transcoder = createTranscoder();
        try {
          const { init, media } = await flatClip(colour, told);
          const { renditions } = await transcoder.transcode(
            { init, media, codec, rungs: small },
            { signal: never },
          );
          const [frame] = await decoded(renditions[0] as Fragment, (i) => i === 2);
          if (!frame) throw new Error("no frame");
          meanColour(frame).forEach((value, c) => {
            expect(Math.abs(value - (RGB[c] as number))).toBeLessThan(4);
          });
        } finally {
          transcoder.close();
        }
      });

  test("a full-range bt470bg file with half a tag keeps its colours through source and rung", async () => {
    const source = await openFile(await stored("fullrange.mp4"), "full", { signal: never });
    const [segment] = await all(source);
    const transcoder = createTranscoder();
    try {
      const { init, media } = (segment as SourceSegment).video;
      const { renditions } = await transcoder.transcode(
        { init, media, codec: "avc", rungs: small },
        { signal: never },
      );
      for (const each of [(segment as SourceSegment).video, renditions[0] as Fragment]) {
        const [frame] = await decoded(each, (i) => i === 2);
        if (!frame) throw new Error("no frame");
        meanColour(frame).forEach((value, c) => {
          expect(Math.abs(value - (RGB[c] as number))).toBeLessThan(4);
        });
      }
    } finally {
      transcoder.close();
    }
  });
});
