import { bytesOf, chunkBytes, completeColour } from "../src/codecs.ts";
import type { Sample, VideoTrack } from "../src/mp4/track.ts";
import { writeInit, writeMedia } from "../src/mp4/write.ts";
import type { CodecName, Fragment } from "../src/types.ts";
import { ramp } from "./clip.ts";

const STRINGS = { avc: "avc1.4d001e", vp9: "vp09.00.31.08", av1: "av01.0.05M.08" } as const;
const FRAME_RATE = 25;
const TICKS = 512;

/** A segment of moving ramps, coded here and now: one run of frames after the other, each from a key frame of its own. */
export async function segmentOf(
  codec: CodecName,
  runs: readonly { readonly width: number; readonly height: number; readonly frames: number }[],
): Promise<Fragment> {
  const samples: Sample[] = [];
  let config: VideoDecoderConfig | undefined;
  let index = 0;
  for (const { width, height, frames } of runs) {
    const encoder = new VideoEncoder({
      output: (chunk, meta) => {
        config ??= meta?.decoderConfig;
        samples.push({
          data: chunkBytes(chunk),
          time: Math.round((chunk.timestamp * FRAME_RATE * TICKS) / 1e6),
          duration: TICKS,
          key: chunk.type === "key",
        });
      },
      error: (error) => {
        throw error;
      },
    });
    encoder.configure({
      codec: STRINGS[codec],
      width,
      height,
      bitrate: 300_000,
      framerate: FRAME_RATE,
      latencyMode: "quality",
      ...(codec === "avc" ? { avc: { format: "avc" } } : {}),
    });
    for (let i = 0; i < frames; i++, index++) {
      const frame = new VideoFrame(ramp(width, height, index), {
        format: "I420",
        codedWidth: width,
        codedHeight: height,
        timestamp: (index * 1e6) / FRAME_RATE,
        colorSpace: completeColour(undefined, height),
      });
      encoder.encode(frame, { keyFrame: i === 0 });
      frame.close();
    }
    await encoder.flush();
    encoder.close();
  }
  const [first] = runs;
  if (!config || !first) throw new Error("nothing was encoded");
  const track: VideoTrack = {
    kind: "video",
    codec,
    codecs: config.codec,
    timescale: FRAME_RATE * TICKS,
    width: first.width,
    height: first.height,
    colour: completeColour(undefined, first.height),
    ...(config.description ? { description: bytesOf(config.description) } : {}),
  };
  return {
    init: writeInit(track),
    media: writeMedia(track, samples, 1),
    codecs: track.codecs,
    frames: samples.length,
  };
}
