import { Micros } from "@tabcast/runtime";
import { describe, expect, test } from "vitest";
import { all, decoded, never } from "../../test/clip.ts";
import { type Heard, heard, loudness, onsets } from "../../test/sound.ts";
import { readMedia } from "../mp4/read.ts";
import { openFile } from "../source/source.ts";
import type { Fragment, SourceSegment } from "../types.ts";
import { silentAac, writeSpecific } from "./aac.ts";
import { createAacTwin } from "./aac-twin.ts";
import { OpusLine } from "./audio.ts";

/** A clip in which white frames and beeps come together, at 0.4 s of each second; `make.sh` there says how it was made. */
async function opened(name: string) {
  const response = await fetch(new URL(`../../test/clips/sound/${name}`, import.meta.url));
  const segment = Micros.of(1_000_000);
  const source = await openFile(await response.blob(), name, { segment, signal: never });
  return { info: source.info, segments: await all(source) };
}

const audioOf = (segments: readonly SourceSegment[]) =>
  segments.flatMap(({ audio }) => (audio ? [audio] : []));

/** Times of the first white frame of each second. */
async function flashes(segments: readonly SourceSegment[]): Promise<number[]> {
  const pictures = (await Promise.all(segments.map(({ video }) => decoded(video)))).flat();
  const white = pictures.filter(({ rgba }) => (rgba[0] as number) > 128);
  return white.map(({ timestamp }) => timestamp / 1e6).filter((_, i) => i % 3 === 0);
}

/** One unbroken line: each packet begins where the one before it ends. */
function expectUnbroken({ packets }: Heard): void {
  const breaks = packets.slice(1).map(({ time }, i) => {
    const before = packets[i] as (typeof packets)[number];
    return Math.abs(time - before.time - before.duration);
  });
  expect(Math.max(...breaks)).toBeLessThan(1e-6);
}

/** Outcome of the issue; what comes out here is within 0.2 ms where the packet grid allows it. */
const IN_STEP = 0.02;

describe("what is seen together", () => {
  const clips: [string, string, number][] = [
    // AAC with the encoder's 1024 samples of priming, told by an edit list, by stamps alone, and rounded to milliseconds
    ["aac44.mp4", "mp4a.40.2", 44_100],
    ["aac48.mpegts", "mp4a.40.2", 48_000],
    ["aac44.mkv", "mp4a.40.2", 44_100],
    ["aac8.mp4", "mp4a.40.2", 8_000],
    ["opus.mp4", "opus", 48_000],
    ["opus.webm", "opus", 48_000],
    ["mp3.mp4", "opus", 48_000],
    ["mp3.mkv", "opus", 48_000],
    ["vorbis.webm", "opus", 48_000],
    ["flac44.mkv", "opus", 48_000],
    ["pcm8.mov", "opus", 48_000],
    ["long.mp4", "mp4a.40.2", 48_000],
    ["short-aac.mp4", "mp4a.40.2", 48_000],
    ["short-flac.mkv", "opus", 48_000],
  ];
  for (const [name, codecs, rate] of clips)
    test(`is heard together in ${name}`, async () => {
      const { segments } = await opened(name);
      const sound = await heard(audioOf(segments));
      expect(sound.track).toMatchObject({ codecs, sampleRate: rate });
      expectUnbroken(sound);
      const [seen, beeps] = [await flashes(segments), onsets(sound)];
      expect(seen).toEqual([0.4, 1.4]);
      expect(beeps).toHaveLength(2);
      beeps.forEach((at, i) => {
        expect(Math.abs(at - (seen[i] as number)), `beep ${i}`).toBeLessThan(0.002);
      });
      // Whether the file's sound ends at 1.5 s, with the picture or at 3 s.
      const end = sound.packets.at(-1)?.time ?? 0;
      expect(end).toBeGreaterThan(1.85);
      expect(end).toBeLessThan(2.15);
    });
});

describe("a hole in the sound", () => {
  for (const name of ["hole-aac.mkv", "hole-opus.mkv", "hole-flac.mkv"])
    test(`is filled in ${name}, so that what follows is not heard too early`, async () => {
      const { segments } = await opened(name);
      const sound = await heard(audioOf(segments));
      expectUnbroken(sound);
      const beeps = onsets(sound);
      expect(beeps).toHaveLength(2);
      expect(Math.abs((beeps[1] as number) - 1.4)).toBeLessThan(IN_STEP);
      expect(loudness(sound, 0, 0.95, 1.15)).toBeLessThan(0.001);
    });
  for (const name of ["late-aac.mkv", "late-mp3.mkv"])
    test(`before the sound of ${name} begins is silence, and then the sound is in step`, async () => {
      const { segments } = await opened(name);
      const sound = await heard(audioOf(segments));
      expectUnbroken(sound);
      expect(sound.packets[0]?.time).toBeLessThan(0.022);
      const beeps = onsets(sound);
      expect(beeps).toHaveLength(1);
      expect(Math.abs((beeps[0] as number) - 1.4)).toBeLessThan(0.002);
    });
});

describe("sound of 5.1 channels", () => {
  const level = 0.5 * Math.SQRT1_2; // of a sine of 0.5
  const slot = (sound: Heard, channel: number, i: number) =>
    loudness(sound, channel, 0.5 * i + 0.2, 0.5 * i + 0.3) / level;

  test("is kept channel by channel where it is AAC", async () => {
    const { segments } = await opened("six-aac.mp4");
    const sound = await heard(audioOf(segments));
    expect(sound.track).toMatchObject({ codecs: "mp4a.40.2", channels: 6 });
    for (let i = 0; i < 6; i++)
      for (let channel = 0; channel < 6; channel++)
        if (i !== 3) expect(slot(sound, channel, i)).toBeCloseTo(channel === i ? 1 : 0, 1);
  });

  for (const name of ["six-vorbis.webm", "six-opus.webm"])
    test(`becomes stereo in ${name} by the coefficients of ITU-R BS.775`, async () => {
      const { segments, info } = await opened(name);
      expect(info.audioCodec).toBe("opus");
      const sound = await heard(audioOf(segments));
      expect(sound.planes).toHaveLength(2);
      const [full, half] = [1 / (1 + Math.SQRT2), Math.SQRT1_2 / (1 + Math.SQRT2)];
      const wanted = [
        [full, 0],
        [0, full],
        [half, half],
        [0, 0],
        [half, 0],
        [0, half],
      ];
      wanted.forEach((pair, i) => {
        pair.forEach((gain, channel) => {
          expect(slot(sound, channel, i), `slot ${i}`).toBeCloseTo(gain, 1);
        });
      });
    });
});

test("the packets of silence that fill holes decode to silence, in every layout", async () => {
  for (const channels of [1, 2, 3, 5, 6]) {
    const decoder = new AudioDecoder({
      output: (data) => {
        const plane = new Float32Array(data.numberOfFrames);
        data.copyTo(plane, { planeIndex: data.numberOfChannels - 1, format: "f32-planar" });
        got.push([data.numberOfFrames, data.numberOfChannels, Math.max(...plane.map(Math.abs))]);
        data.close();
      },
      error: (error) => {
        throw error;
      },
    });
    const got: number[][] = [];
    decoder.configure({
      codec: "mp4a.40.2",
      sampleRate: 48_000,
      numberOfChannels: channels,
      description: writeSpecific(48_000, channels) as Uint8Array<ArrayBuffer>,
    });
    for (let i = 0; i < 3; i++)
      decoder.decode(
        new EncodedAudioChunk({
          type: "key",
          timestamp: i * 21_333,
          data: silentAac(channels) as Uint8Array<ArrayBuffer>,
        }),
      );
    await decoder.flush();
    decoder.close();
    expect(got).toEqual(Array(3).fill([1024, channels, 0]));
  }
});

/** Sound whose device counts `rate` samples per second of the stamps' clock, though it says 48 kHz: a beep each second. */
async function recorded(rate: number, seconds: number, jump = 0): Promise<Heard> {
  const line = new OpusLine();
  const fragments: Fragment[] = [];
  const block = 480;
  for (let first = 0; first < seconds * rate; first += block) {
    const samples = Float32Array.from({ length: block }, (_, i) => {
      const time = (first + i) / rate;
      return time % 1 > 0.4 && time % 1 < 0.41 ? 0.7 * Math.sin(2 * Math.PI * 3000 * time) : 0;
    });
    const format = "f32-planar";
    const at = first / rate;
    line.add(
      new AudioData({
        format,
        sampleRate: 48_000,
        numberOfFrames: block,
        numberOfChannels: 1,
        timestamp: 0,
        data: samples,
      }),
      at > seconds / 2 ? at + jump : at,
    );
    await line.drained(64);
    const fragment = first % (100 * block) === 0 ? line.take(at) : undefined;
    if (fragment) fragments.push(fragment);
  }
  await line.finish();
  const rest = line.take(Number.POSITIVE_INFINITY);
  line.close();
  return heard([...fragments, ...(rest ? [rest] : [])]);
}

describe("a sound device with a clock of its own", () => {
  // 0.1 % is more than any device is off; after 30 s it would be 30 ms.
  for (const rate of [47_952, 48_000, 48_048])
    test(`${rate} samples a second: stays in step by stretching, without a click`, async () => {
      const sound = await recorded(rate, 30);
      expectUnbroken(sound);
      const beeps = onsets(sound);
      expect(beeps).toHaveLength(30);
      for (const [i, at] of beeps.entries()) expect(Math.abs(at - i - 0.4)).toBeLessThan(0.01);
      const late = Math.abs((beeps[29] as number) - 29.4);
      expect(late).toBeLessThan(0.0075); // it settles: 0.1 % for 5 s, and the rounding it bears
    });
  for (const jump of [0.3, -0.3])
    test(`a jump of ${jump} s is filled or cut at once`, async () => {
      const beeps = onsets(await recorded(48_000, 10, jump));
      expect(beeps).toHaveLength(10);
      expect((beeps[9] as number) - (beeps[0] as number)).toBeCloseTo(9 + jump, 2);
    });
});

test("a device that changes its rate and its channels in mid-stream is heard on", async () => {
  const line = new OpusLine();
  const tone = (rate: number, channels: number, from: number) => {
    const frames = rate;
    const data = new Float32Array(frames * channels);
    for (let i = 0; i < frames; i++)
      for (let c = 0; c < channels; c++)
        data[c * frames + i] = 0.4 * Math.sin(2 * Math.PI * 440 * (from + i / rate));
    line.add(
      new AudioData({
        format: "f32-planar",
        sampleRate: rate,
        numberOfFrames: frames,
        numberOfChannels: channels,
        timestamp: 0,
        data,
      }),
      from,
    );
  };
  tone(48_000, 2, 0);
  tone(16_000, 1, 1);
  tone(44_100, 2, 2);
  tone(96_000, 2, 3);
  await line.finish();
  const sound = await heard([line.take(10) as Fragment]);
  expect(sound.planes).toHaveLength(2);
  for (let at = 0.1; at < 3.9; at += 0.1)
    for (const channel of [0, 1])
      expect(loudness(sound, channel, at, at + 0.05)).toBeCloseTo(0.4 * Math.SQRT1_2, 1);
  line.close();
});

describe("an AAC twin", () => {
  const twins = async (segments: readonly SourceSegment[]) => {
    const twin = createAacTwin();
    const made: Fragment[] = [];
    for (const audio of audioOf(segments)) {
      const aac = await twin.add(audio, { signal: never });
      if (aac) made.push(aac);
    }
    twin.close();
    return made;
  };

  for (const name of ["opus.mp4", "opus.webm", "late-mp3.mkv", "hole-opus.mkv"])
    test(`${name}: says the same at the same time`, async () => {
      const { segments } = await opened(name);
      const made = await twins(segments);
      const [opus, aac] = [await heard(audioOf(segments)), await heard(made)];
      expect(aac.track).toMatchObject({ codecs: "mp4a.40.2", channels: opus.track.channels });
      expectUnbroken(aac);
      const [wanted, beeps] = [onsets(opus), onsets(aac)];
      expect(beeps).toHaveLength(wanted.length);
      for (const [i, at] of beeps.entries())
        expect(Math.abs(at - (wanted[i] as number))).toBeLessThan(0.002);
      // Segments of the twin go on where the one before ended, within 75 ms of the segment's own end.
      made.forEach(({ media }, i) => {
        const { samples } = readMedia(media);
        const end = samples.reduce((sum, { duration }) => sum + duration, samples[0]?.time ?? 0);
        const { start, duration } = segments[i] as SourceSegment;
        const short = (start + duration) / 1e6 - end / 48_000;
        if (i + 1 < made.length) expect(Math.abs(short)).toBeLessThan(0.075);
      });
    });

  test("of the same stream has the same init, byte for byte, and other sound is refused", async () => {
    const { segments } = await opened("opus.mp4");
    const [first, second] = [await twins(segments), await twins(segments)];
    for (const { init } of [...first, ...second]) expect(init).toEqual(first[0]?.init);
    const { segments: aac } = await opened("aac44.mp4");
    await expect(twins(aac)).rejects.toMatchObject({
      code: "MEDIA_CODEC",
      reason: { codec: "mp4a.40.2" },
    });
  });
});
