import { Micros } from "@tabcast/runtime";
import { expect, onTestFinished, test } from "vitest";
import { greyFrame, paintedTrack } from "../../test/canvas.ts";
import { decoded, meanColour, never, type Picture } from "../../test/clip.ts";
import { inspect } from "../inspect/inspect.ts";
import { readInit, readMedia } from "../mp4/read.ts";
import type { Fragment, SourceSegment } from "../types.ts";
import { type Capture, type CaptureOptions, type CaptureState, openCapture } from "./stage.ts";

const length = Micros.of(500_000);
const RATE = 10;
const PER_SEGMENT = (RATE * length) / 1e6;
const size = { width: 160, height: 90 };

const BLUE = [60, 90, 180] as const;
const GREEN = [70, 160, 80] as const;
/** Light, because the wrong range shows most there. */
const GREY = [230, 230, 230] as const;
const DEEP = [150, 40, 40] as const;
const BLACK = [0, 0, 0] as const;
const CARD = [0x1c, 0x22, 0x26] as const;

/** How far a colour may be off after H.264, in levels: its chroma is coarse at these sizes. */
const NEAR = 12;
const near = (one: readonly number[], other: readonly number[]) =>
  one.every((value, i) => Math.abs(value - (other[i] as number)) <= NEAR);

/** The left fifth, a strip left of the middle that the card's bars do not touch, and the right fifth. */
const parts = (picture: Picture) => ({
  left: meanColour(picture, [0, 0.1, 0.15, 0.9]),
  inner: meanColour(picture, [0.3, 0.1, 0.36, 0.9]),
  right: meanColour(picture, [0.85, 0.1, 1, 0.9]),
});

/** A capture of a canvas, and its segments one by one, each checked to lie on the one timeline. */
function open(tracks: readonly MediaStreamTrack[], options: CaptureOptions = {}) {
  const states: CaptureState[] = [];
  const capture = openCapture(new MediaStream([...tracks]), {
    segment: length,
    frameRate: RATE,
    size,
    ...options,
    onState: (state) => states.push(state),
  });
  onTestFinished(() => capture.close());
  const reader = capture.segments({ signal: never })[Symbol.asyncIterator]();
  let seq = 0;
  let soundEnd: number | undefined;
  const next = async (): Promise<SourceSegment> => {
    const { value, done } = await reader.next();
    if (done) throw new Error("the stream has ended");
    expect([value.seq, value.start, value.duration]).toEqual([seq, seq * length, length]);
    const seen = await inspect(value.video);
    expect(seen).toMatchObject({ ...size, startsWithKey: true });
    expect(seen.timestamps).toEqual(
      Array.from({ length: PER_SEGMENT }, (_, i) => Math.round(value.start + (i * 1e6) / RATE)),
    );
    if (value.audio) {
      const sound = await inspect(value.audio);
      expect(sound.timestamps[0]).toBe(soundEnd ?? 0);
      soundEnd = (sound.timestamps[0] as number) + sound.duration;
    }
    seq++;
    return value;
  };
  /** Reads on until a whole segment looks right; every picture on the way must be one of `allowed`. */
  const until = async (
    looks: (picture: Picture) => boolean,
    allowed: (picture: Picture) => boolean,
  ): Promise<SourceSegment> => {
    for (let tries = 0; tries < 12; tries++) {
      const segment = await next();
      const pictures = await decoded(segment.video);
      for (const picture of pictures)
        expect(
          looks(picture) || allowed(picture),
          `segment ${segment.seq} at ${picture.timestamp} us: ${JSON.stringify(parts(picture))}`,
        ).toBe(true);
      if (pictures.every(looks)) return segment;
    }
    throw new Error("the picture never came");
  };
  /** How many more segments come before the end. */
  const rest = async () => {
    for (let count = 0; ; count++) if ((await reader.next()).done) return count;
  };
  return { capture, next, until, states, rest };
}

const whole = (colour: readonly number[]) => (picture: Picture) =>
  Object.values(parts(picture)).every((part) => near(part, colour));
const barred = (colour: readonly number[]) => (picture: Picture) => {
  const { left, inner, right } = parts(picture);
  return near(left, BLACK) && near(inner, colour) && near(right, BLACK);
};

/** A camera of the test's own making: grey, limited-range BT.601. */
function camera(width: number, height: number) {
  const track = new MediaStreamTrackGenerator({ kind: "video" });
  const writer = track.writable.getWriter();
  const shape = { width, height };
  const writing = setInterval(() => {
    const level = 16 + Math.round((GREY[0] * 219) / 255);
    const frame = greyFrame(shape.width, shape.height, level, performance.now() * 1000);
    void writer.write(frame).catch(() => {});
  }, 40);
  onTestFinished(() => clearInterval(writing));
  return { track: track as MediaStreamTrack, shape };
}
declare class MediaStreamTrackGenerator extends MediaStreamTrack {
  constructor(init: { kind: "video" });
  readonly writable: WritableStream<VideoFrame>;
}

test("another source goes on in the same timeline and size, with bars and the right colours from its first frame", async () => {
  const { capture, until, states } = open([paintedTrack(size.width, size.height, BLUE)]);
  expect(capture.info).toMatchObject(size);
  await until(whole(BLUE), () => false);
  const [first] = capture.preview.getTracks();

  capture.replace({ video: paintedTrack(90, 90, GREEN) });
  expect(first?.readyState).toBe("ended");
  await until(barred(GREEN), whole(BLUE));

  // From RGB to YUV in the middle of a GOP, and back.
  capture.replace({ video: camera(320, 180).track });
  await until(whole(GREY), barred(GREEN));
  capture.replace({ video: paintedTrack(size.width, size.height, DEEP) });
  await until(whole(DEEP), whole(GREY));
  expect(states.map(({ picture }) => picture)).toEqual(["live", "live", "live"]);
  expect(capture.preview.getVideoTracks()).toHaveLength(1);
});

test("a window that is resized while it is shared keeps its shape", async () => {
  const { track, shape } = camera(320, 180);
  const { until } = open([track], { kind: "screen" });
  await until(whole(GREY), () => false);
  Object.assign(shape, { width: 180, height: 180 });
  await until(barred(GREY), whole(GREY));
  Object.assign(shape, { width: 640, height: 360 });
  await until(whole(GREY), barred(GREY));
});

test("a camera that is unplugged leaves a card and a state that says so, and another one goes on", async () => {
  const { track } = camera(320, 180);
  const { capture, until, states, rest } = open([track], { lost: "card" });
  await until(whole(GREY), () => false);
  track.stop(); // no event for our own stop: the card comes because the frames end
  await until(whole(CARD), whole(GREY));
  expect(states.at(-1)?.picture).toBe("lost");
  capture.replace({ video: paintedTrack(size.width, size.height, GREEN) });
  await until(whole(GREEN), whole(CARD));
  expect(states.at(-1)?.picture).toBe("live");
  capture.stop();
  expect(await rest()).toBeLessThanOrEqual(2);
});

test("a paused picture shows nothing of what is before the camera, and comes back", async () => {
  const { track } = camera(320, 180);
  const { capture, until } = open([track]);
  await until(whole(GREY), () => false);
  capture.pause({ picture: true });
  expect(capture.state.picture).toBe("paused");
  expect(track.enabled).toBe(false);
  await until(whole(CARD), whole(GREY));
  capture.pause({ picture: false });
  await until(whole(GREY), whole(CARD));
  expect(capture.state.picture).toBe("live");
});

/** Loudest sample of each channel of a fragment, 0 to 1. */
async function peaks({ init, media }: Fragment): Promise<number[]> {
  const track = readInit(init);
  if (track.kind !== "audio") throw new Error("not audio");
  const loudest: number[] = [];
  const decoder = new AudioDecoder({
    error: (error) => {
      throw error;
    },
    output: (data) => {
      const plane = new Float32Array(data.numberOfFrames);
      for (let planeIndex = 0; planeIndex < data.numberOfChannels; planeIndex++) {
        data.copyTo(plane, { planeIndex, format: "f32-planar" });
        const before = loudest[planeIndex] ?? 0;
        loudest[planeIndex] = plane.reduce((most, v) => Math.max(most, Math.abs(v)), before);
      }
      data.close();
    },
  });
  const { sampleRate, channels: numberOfChannels, description } = track;
  decoder.configure({
    codec: "opus",
    sampleRate,
    numberOfChannels,
    ...(description ? { description } : {}),
  });
  for (const { data, time } of readMedia(media).samples)
    decoder.decode(
      new EncodedAudioChunk({
        type: "key",
        timestamp: (time * 1e6) / track.timescale,
        data: data as Uint8Array<ArrayBuffer>,
      }),
    );
  await decoder.flush();
  decoder.close();
  return loudest;
}

/** A tone as a live audio track. */
function toneTrack(): MediaStreamTrack {
  const context = new AudioContext({ sampleRate: 44_100 });
  const tone = new OscillatorNode(context, { frequency: 440 });
  const out = context.createMediaStreamDestination();
  tone.connect(out);
  tone.start();
  onTestFinished(() => context.close());
  const [track] = out.stream.getAudioTracks();
  if (!track) throw new Error("the context gives no track");
  return track;
}

test("sound can come late, be silenced, be changed and go, on one line without a hole", async () => {
  const { capture, next } = open([paintedTrack(size.width, size.height, BLUE)], {
    sound: "always",
  });
  expect(capture.info.audioCodec).toBe("opus");
  expect(capture.state.sound).toBe("none");
  const heard = async (loud: boolean) => {
    for (let tries = 0; tries < 10; tries++) {
      const { audio } = await next();
      const all = await peaks(audio as Fragment);
      expect(all).toHaveLength(2);
      if (all.every((peak) => (loud ? peak > 0.3 : peak < 0.01))) return;
    }
    throw new Error(loud ? "the tone never came" : "it never fell silent");
  };
  await heard(false);
  capture.replace({ audio: toneTrack() });
  expect(capture.state.sound).toBe("live");
  await heard(true);
  capture.pause({ sound: true });
  await heard(false);
  capture.pause({ sound: false });
  await heard(true);
  const other = toneTrack();
  capture.replace({ audio: other });
  await heard(true);
  capture.replace({ audio: null });
  expect(other.readyState).toBe("ended");
  await heard(false);
});

test("a canvas comes out in its own colours", async () => {
  const swatches = [BLUE, GREEN, GREY, [190, 90, 70], [200, 180, 100], [90, 170, 180]] as const;
  const { next } = open([paintedTrack(size.width, size.height, ...swatches)]);
  const [picture] = await decoded((await next()).video, (i) => i === 3);
  for (const [i, colour] of swatches.entries()) {
    const middle = (i + 0.5) / swatches.length;
    const seen = meanColour(picture as Picture, [middle - 0.04, 0.2, middle + 0.04, 0.8]);
    for (const [channel, value] of seen.entries())
      expect(Math.abs(value - (colour[channel] as number)), `${colour}`).toBeLessThanOrEqual(5);
  }
});

test("a track that has ended is refused", () => {
  const track = paintedTrack(size.width, size.height, BLUE);
  const capture: Capture = openCapture(
    new MediaStream([paintedTrack(size.width, size.height, BLUE)]),
  );
  onTestFinished(() => capture.close());
  track.stop();
  const refused = expect.objectContaining({ reason: { code: "MEDIA_NO_VIDEO" } });
  expect(() => capture.replace({ video: track })).toThrow(refused);
  expect(() => openCapture(new MediaStream([track]))).toThrow(refused);
  expect(() => openCapture(new MediaStream())).toThrow(refused);
});
