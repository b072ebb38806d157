import { bytesOf } from "../src/codecs.ts";
import { readInit, readMedia } from "../src/mp4/read.ts";
import { type AudioTrack, microsOf } from "../src/mp4/track.ts";
import type { Fragment } from "../src/types.ts";

/** What a player makes of a stream's sound: every packet through one decoder, in a row. Times in seconds. */
export interface Heard {
  readonly track: AudioTrack;
  readonly packets: readonly { readonly time: number; readonly duration: number }[];
  readonly planes: readonly Float32Array[];
  readonly rate: number;
  /** Where the first sample belongs. Decoders count from there, and so do players. */
  readonly start: number;
}

/** Decodes fragments of one track as players do. */
export async function heard(fragments: readonly Fragment[]): Promise<Heard> {
  const track = readInit((fragments[0] as Fragment).init);
  if (track.kind !== "audio") throw new Error("not sound");
  const parts: AudioData[] = [];
  let failure: unknown;
  const decoder = new AudioDecoder({
    output: (data) => parts.push(data),
    error: (error) => {
      failure = error;
    },
  });
  const { codecs: codec, sampleRate, channels: numberOfChannels, timescale } = track;
  const description = bytesOf(track.description);
  decoder.configure({ codec, sampleRate, numberOfChannels, description });
  const samples = fragments.flatMap(({ media }) => readMedia(media).samples);
  for (const { data, time } of samples)
    decoder.decode(
      new EncodedAudioChunk({
        type: "key",
        timestamp: microsOf(time, timescale),
        data: data as Uint8Array<ArrayBuffer>,
      }),
    );
  await decoder.flush();
  decoder.close();
  if (failure) throw failure;
  const [first] = parts as [AudioData, ...AudioData[]];
  const length = parts.reduce((sum, { numberOfFrames }) => sum + numberOfFrames, 0);
  const planes = Array.from({ length: first.numberOfChannels }, (_, planeIndex) => {
    const plane = new Float32Array(length);
    let at = 0;
    for (const part of parts) {
      const to = plane.subarray(at, at + part.numberOfFrames);
      part.copyTo(to, { planeIndex, format: "f32-planar" });
      at += part.numberOfFrames;
    }
    return plane;
  });
  const [start, rate] = [first.timestamp / 1e6, first.sampleRate];
  for (const part of parts) part.close();
  const packets = samples.map(({ time, duration }) => ({
    time: time / timescale,
    duration: duration / timescale,
  }));
  return { track, packets, planes, rate, start };
}

/** When each burst of sound begins that comes after at least half a second below `level`, in seconds. */
export function onsets({ planes, rate, start }: Heard, level = 0.2): number[] {
  const found: number[] = [];
  let last = Number.NEGATIVE_INFINITY;
  planes[0]?.forEach((value, i) => {
    if (Math.abs(value) <= level) return;
    const at = start + i / rate;
    if (at - last > 0.5) found.push(at);
    last = at;
  });
  return found;
}

/** Root mean square of a channel between two moments, in seconds. */
export function loudness(
  { planes, rate, start }: Heard,
  channel: number,
  from: number,
  to: number,
) {
  const part =
    planes[channel]?.subarray((from - start) * rate, (to - start) * rate) ?? new Float32Array(0);
  return Math.sqrt(part.reduce((sum, value) => sum + value * value, 0) / part.length);
}
