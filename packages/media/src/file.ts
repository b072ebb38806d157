import type { BitsPerSecond, Bytes, Micros } from "@tabcast/runtime";
import { ALL_FORMATS, BlobSource, HLS, Input, type InputAudioTrack } from "mediabunny";
import { codecString } from "./codecs.ts";
import { MediaError, messageOf } from "./errors.ts";
import { type FileLane, openAudio } from "./file-audio.ts";
import { canCut, cutPackets } from "./file-cut.ts";
import { bitrateAgain, encodeAgain } from "./file-encode.ts";
import { corrupt } from "./file-errors.ts";
import { perSecond } from "./file-rate.ts";
import { lookAt, packetsFrom } from "./file-video.ts";
import type { Studio } from "./outlet.ts";
import type { SourceInfo } from "./types.ts";

/** An opened file: what it is, and how its segments are made. */
export interface OpenFile {
  readonly info: SourceInfo;
  /** Reads and cuts until the file ends or `stop`. */
  play(studio: Studio): Promise<void>;
  close(): void;
}

/**
 * Opens a file for cutting into segments of about `segment` microseconds. Throws MEDIA_EMPTY, MEDIA_UNREADABLE,
 * MEDIA_NOT_MEDIA, MEDIA_NO_VIDEO, MEDIA_CODEC, MEDIA_TOO_LARGE, MEDIA_HDR, MEDIA_NO_KEY, MEDIA_NO_DURATION or
 * MEDIA_CORRUPT.
 */
export async function openFileHere(blob: Blob, name: string, segment: number): Promise<OpenFile> {
  await checkReadable(blob, name);
  const input = new Input({
    // A playlist would make us fetch addresses that a stranger chose.
    formats: ALL_FORMATS.filter((format) => format !== HLS),
    source: new BlobSource(blob),
  });
  try {
    return await openInput(input, blob, name, segment);
  } catch (error) {
    input.dispose();
    throw corrupt(0, error);
  }
}

async function checkReadable(blob: Blob, name: string): Promise<void> {
  if (blob.size === 0) throw new MediaError({ code: "MEDIA_EMPTY" }, `${name} is empty`);
  await blob
    .slice(0, 1)
    .arrayBuffer()
    .catch((cause: unknown) => {
      throw new MediaError(
        { code: "MEDIA_UNREADABLE" },
        `${name} cannot be read: ${messageOf(cause)}`,
        { cause },
      );
    });
}

async function openInput(
  input: Input,
  blob: Blob,
  name: string,
  segment: number,
): Promise<OpenFile> {
  const format = await input.getFormat().catch((cause: unknown) => {
    throw new MediaError(
      { code: "MEDIA_NOT_MEDIA", bytes: blob.size as Bytes },
      `${name} is no media file that can be read (MP4, MOV, WebM, MKV, MPEG-TS)`,
      { cause },
    );
  });
  const track = await input.getPrimaryVideoTrack();
  if (!track && (await input.getTracks()).length === 0)
    throw corrupt(0, "it holds no tracks; its index may be missing");
  if (!track) throw new MediaError({ code: "MEDIA_NO_VIDEO" }, `${name} has no video track`);
  const video = await lookAt(track, name);
  const audio = await chooseAudio(input);
  const lane = audio ? located(await openAudio(audio, video.base)) : undefined;
  const passthrough = canCut(video, segment / 1e6);
  const again = bitrateAgain(video);
  const bitrate = passthrough ? video.bitrate : again;
  const frameRate = perSecond(video.rate);
  const info: SourceInfo = {
    kind: format.name.toLowerCase(),
    codec: passthrough ? video.config.codec : codecString("avc", { ...video, bitrate }, frameRate),
    width: video.width,
    height: video.height,
    frameRate,
    bitrate: Math.round(bitrate) as BitsPerSecond,
    duration: Math.round((video.end - video.base) * 1e6) as Micros,
    passthrough,
    ...(lane ? { audioCodec: lane.codecs } : {}),
    input: {
      videoCodec: video.config.codec,
      ...(audio ? { audioCodec: (await audio.getCodecParameterString()) ?? "unknown" } : {}),
    },
  };
  return {
    info,
    play: async (studio) => {
      try {
        const rest = passthrough
          ? await cutPackets(video, lane, segment, studio)
          : { packets: packetsFrom(track, video.start), from: 0 };
        if (rest) await encodeAgain({ video, lane, bitrate: again, segment, ...rest }, studio);
        await studio.outlet.finish();
      } finally {
        lane?.close();
      }
    },
    close: () => {
      lane?.close();
      input.dispose();
    },
  };
}

/** What goes wrong with sound is said to be near where it was asked for. */
const located = (lane: FileLane): FileLane => ({
  codecs: lane.codecs,
  until: (end) =>
    lane.until(end).catch((error: unknown) => {
      throw corrupt(end, error);
    }),
  close: () => lane.close(),
});

/** The sound that goes with the picture: the track marked as default, else the first; if possible one that can be decoded. */
async function chooseAudio(input: Input): Promise<InputAudioTrack | undefined> {
  const tracks = await Promise.all(
    (await input.getAudioTracks()).map(async (track, i) => {
      const decodable = (await track.getCodec()) !== null && (await track.canDecode());
      return {
        track,
        order: i - (decodable ? 2e6 : 0) - ((await track.getDisposition()).default ? 1e6 : 0),
      };
    }),
  );
  return tracks.sort((a, b) => a.order - b.order)[0]?.track;
}
