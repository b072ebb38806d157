import { Micros } from "@tabcast/runtime";
import {
  BlobSource,
  BufferTarget,
  type EncodedPacket,
  EncodedPacketSink,
  EncodedVideoPacketSource,
  Input,
  type InputVideoTrack,
  MkvOutputFormat,
  MP4,
  Mp4OutputFormat,
  Output,
  WebMOutputFormat,
} from "mediabunny";
import { describe, expect, test } from "vitest";
import { all, decoded, made, meanColour, never, steady, stored } from "../../test/clip.ts";
import { inspect } from "../inspect/inspect.ts";
import { openFile } from "../source/source.ts";
import type { Source, SourceSegment } from "../types.ts";

const second = Micros.of(1_000_000);
const open = (blob: Blob, segment = second, name = "clip"): Promise<Source> =>
  openFile(blob, name, { segment, signal: never });

async function segmentsOf(blob: Blob, segment = second) {
  const source = await open(blob, segment);
  const segments = await all(source);
  return { info: source.info, segments };
}

/** Times of all frames, having checked that segments join without a gap and begin with a key. */
async function checkedTimes(segments: readonly SourceSegment[]): Promise<number[]> {
  const times: number[] = [];
  let end = 0;
  for (const [i, { seq, start, duration, video }] of segments.entries()) {
    const seen = await inspect(video);
    expect(seen.startsWithKey).toBe(true);
    expect([seq, start, duration]).toEqual([i, seen.timestamps[0], seen.duration]);
    expect(Math.abs(start - end)).toBeLessThanOrEqual(1); // microseconds are rounded ticks
    expect(video.frames).toBe(seen.frames);
    times.push(...seen.timestamps);
    end = start + duration;
  }
  return times;
}

/** Where the audio begins and ends, having checked that it has no hole and is cut near the video's cuts. */
async function checkedAudio(segments: readonly SourceSegment[]): Promise<[number, number]> {
  let begin: number | undefined;
  let end: number | undefined;
  for (const [i, { start, duration, audio }] of segments.entries()) {
    if (!audio) throw new Error(`segment ${i} has no audio`);
    const seen = await inspect(audio);
    const from = seen.timestamps[0] as number;
    begin ??= from;
    if (end !== undefined) expect(Math.abs(from - end)).toBeLessThanOrEqual(1);
    end = from + seen.duration;
    const packet = seen.duration / seen.frames;
    if (i + 1 < segments.length)
      expect(Math.abs(end - (start + duration))).toBeLessThanOrEqual(packet / 2 + 1);
  }
  return [begin as number, end as number];
}

describe("a file whose packets can be cut", () => {
  for (const name of ["bframes.mp4", "bframes.mpegts"])
    test(`${name}: B-frames and AAC pass unchanged, times exact`, async () => {
      const { info, segments } = await segmentsOf(await stored(name));
      expect(info).toMatchObject({
        passthrough: true,
        width: 96,
        height: 64,
        audioCodec: "mp4a.40.2",
        input: { audioCodec: "mp4a.40.2" },
      });
      expect(info.frameRate).toBeCloseTo(25, 1);
      expect(segments.map(({ start }) => start)).toEqual([0, 1_000_000, 2_000_000]);
      expect(await checkedTimes(segments)).toEqual(
        steady(75, 25)
          .slice(0, 75)
          .map((t) => Math.round(t * 1e6)),
      );
      const [begin, end] = await checkedAudio(segments);
      expect(Math.abs(begin)).toBeLessThan(24_000);
      expect(Math.abs(end - 3_000_000)).toBeLessThan(80_000);
      for (const { video } of segments) {
        const frames = await decoded(video);
        expect(frames).toHaveLength(25);
      }
    });

  test("keys closer than a segment are kept together", async () => {
    const { segments } = await segmentsOf(await stored("bframes.mp4"), Micros.of(2_000_000));
    expect(segments.map(({ video }) => video.frames)).toEqual([50, 25]);
  });

  test("a clip shorter than a segment is one segment", async () => {
    const blob = await made({
      format: new Mp4OutputFormat(),
      codec: "avc",
      width: 64,
      height: 64,
      times: steady(9, 30),
      keys: 1,
    });
    const { info, segments } = await segmentsOf(blob);
    expect(info.passthrough).toBe(true);
    expect(segments).toHaveLength(1);
    expect(segments[0]?.audio).toBeUndefined();
    expect(await checkedTimes(segments)).toHaveLength(9);
  });
});

describe("a file that is encoded again", () => {
  test("a GOP that is too long is cut at whole segments", async () => {
    const { info, segments } = await segmentsOf(await stored("longgop.mov"));
    expect(info.passthrough).toBe(false);
    expect(info.input.videoCodec).toMatch(/^avc1\./);
    expect(segments.map(({ video }) => video.frames)).toEqual([25, 25, 25]);
    expect(await checkedTimes(segments)).toEqual(
      steady(75, 25)
        .slice(0, 75)
        .map((t) => Math.round(t * 1e6)),
    );
  });

  test("VP9 of odd size and irregular times comes out on a grid; the odd row and column go", async () => {
    const times = [0, 0.033, 0.05, 0.12, 0.121, 0.3, 0.48, 0.7, 0.95, 1.02, 1.1, 1.35, 1.5];
    const blob = await made({
      format: new WebMOutputFormat(),
      codec: "vp9",
      width: 161,
      height: 91,
      times,
      keys: 10,
    });
    const { info, segments } = await segmentsOf(blob);
    expect(info).toMatchObject({ passthrough: false, width: 160, height: 90, frameRate: 15 });
    const grid = steady(22, 15).slice(0, 22);
    expect(await checkedTimes(segments)).toEqual(grid.map((t) => Math.round(t * 1e6)));
    expect(segments.map(({ start }) => start)).toEqual([0, 1_000_000]);
    expect(await inspect((segments[0] as SourceSegment).video)).toMatchObject({
      width: 160,
      height: 90,
    });
  });

  test("a rotated file comes out upright", async () => {
    const { info, segments } = await segmentsOf(await stored("rotated.mp4"));
    expect(info).toMatchObject({ passthrough: false, width: 64, height: 96 });
    const [turned] = await decoded((segments[0] as SourceSegment).video, (i) => i === 0);
    const { segments: flat } = await segmentsOf(await stored("bframes.mp4"));
    const [straight] = await decoded((flat[0] as SourceSegment).video, (i) => i === 0);
    if (!turned || !straight) throw new Error("no frames");
    expect([turned.width, turned.height]).toEqual([64, 96]);
    // Its matrix turns it anticlockwise, so the right side becomes the top, as ffmpeg shows it; checked in strips.
    for (const i of [0, 1, 2, 3]) {
      const strip = meanColour(turned, [0, i / 4, 1, (i + 1) / 4]);
      const [a, b] = [meanColour(straight, [(3 - i) / 4, 0, (4 - i) / 4, 1]), strip];
      a.forEach((value, c) => {
        expect(Math.abs(value - (b[c] as number))).toBeLessThan(6);
      });
    }
  });

  test("Opus is kept, other audio becomes Opus once, on an unbroken line", async () => {
    for (const [format, audio] of [
      [new WebMOutputFormat(), "opus"],
      [new MkvOutputFormat(), "pcm-s16"],
      [new MkvOutputFormat(), "flac"],
    ] as const) {
      const blob = await made({
        format,
        codec: "vp8",
        width: 64,
        height: 64,
        times: steady(75, 30),
        keys: 5,
        audio: audio === "flac" ? "pcm-s16" : audio,
      });
      const { info, segments } = await segmentsOf(blob);
      expect(info.audioCodec).toBe("opus");
      expect(segments).toHaveLength(3);
      const [begin, end] = await checkedAudio(segments);
      expect(begin).toBe(0);
      expect(Math.abs(end - 2_500_000)).toBeLessThanOrEqual(40_000);
    }
  });
});

const HOURS = Number(import.meta.env.HOURS ?? 0.25);

test(`a file of ${HOURS} h keeps its grid to the last frame (HOURS)`, async () => {
  const { info, segments } = await segmentsOf(await looped(HOURS * 3600), Micros.of(10_000_000));
  expect(info).toMatchObject({ passthrough: true, duration: HOURS * 3600e6 });
  expect(segments.reduce((sum, { video }) => sum + video.frames, 0)).toBe(HOURS * 90_000);
  let end = 0;
  for (const { start, duration } of segments) {
    expect(start).toBe(end);
    end = start + duration;
  }
  expect(end).toBe(HOURS * 3600e6);
}, 600_000);

/** The two seconds of avc.mp4 again and again, as Matroska, whose times are rounded to milliseconds. */
async function looped(seconds: number): Promise<Blob> {
  const input = new Input({
    formats: [MP4],
    source: new BlobSource(await stored("avc.mp4")),
  });
  const track = (await input.getPrimaryVideoTrack()) as InputVideoTrack;
  const decoderConfig = (await track.getDecoderConfig()) as VideoDecoderConfig;
  const packets: EncodedPacket[] = [];
  for await (const packet of new EncodedPacketSink(track).packets()) packets.push(packet);
  const target = new BufferTarget();
  const output = new Output({ format: new MkvOutputFormat(), target });
  const video = new EncodedVideoPacketSource("avc");
  output.addVideoTrack(video);
  await output.start();
  for (let at = 0; at < seconds; at += 2)
    for (const packet of packets)
      await video.add(packet.clone({ timestamp: packet.timestamp + at }), { decoderConfig });
  await output.finalize();
  return new Blob([target.buffer as ArrayBuffer]);
}

describe("a file", () => {
  const refusal = async (blob: Blob) =>
    open(blob)
      .then(
        async (source) => all(source).then(() => undefined),
        (error: unknown) => error,
      )
      .catch((error: unknown) => error);

  test("that is empty is refused", async () => {
    expect(await refusal(new Blob([]))).toMatchObject({ code: "MEDIA_EMPTY" });
  });
  test("of random bytes is refused as no media", async () => {
    let state = 1;
    const noise = Uint8Array.from({ length: 5000 }, () => {
      state = (state * 48_271) % 0x7fffffff;
      return state & 255;
    });
    expect(await refusal(new Blob([noise]))).toMatchObject({ code: "MEDIA_NOT_MEDIA" });
  });
  test("with sound alone is refused for having no video", async () => {
    expect(await refusal(await stored("sound.m4a"))).toMatchObject({ code: "MEDIA_NO_VIDEO" });
  });
  test("in HEVC is refused by the codec's name", async () => {
    expect(await refusal(await stored("hevc.mp4"))).toMatchObject({
      code: "MEDIA_CODEC",
      reason: { codec: expect.stringMatching(/^h(vc|ev)1/), track: "video" },
    });
  });
  test("that is cut short in its middle is refused, with the time", async () => {
    for (const name of ["bframes.mp4", "longgop.mov"]) {
      const blob = await stored(name);
      for (const part of [0.3, 0.6, 0.9]) {
        const error = await refusal(blob.slice(0, Math.floor(blob.size * part)));
        expect(error).toMatchObject({ code: expect.stringMatching(/^MEDIA_(CORRUPT|NOT_MEDIA)$/) });
      }
    }
  });
  test("with a damaged middle is refused, whether it is cut or decoded", async () => {
    for (const name of ["bframes.mp4", "longgop.mov"]) {
      const bytes = new Uint8Array(await (await stored(name)).arrayBuffer());
      bytes.fill(0xa5, 2_000, bytes.length - 4_000);
      expect(await refusal(new Blob([bytes]))).toMatchObject({ code: "MEDIA_CORRUPT" });
    }
  });
  test("whose opening is aborted gives the signal's reason", async () => {
    const why = new Error("enough");
    await expect(
      openFile(await stored("bframes.mp4"), "x", { signal: AbortSignal.abort(why) }),
    ).rejects.toBe(why);
  });
});
