import type { BitsPerSecond, Bytes, Micros } from "@tabcast/runtime";
import {
  ALL_FORMATS,
  BlobSource,
  HLS,
  Input,
  type InputAudioTrack,
  type InputVideoTrack,
  MpegTsInputFormat,
} from "mediabunny";
import { codecString } from "../codecs.ts";
import { MediaError, messageOf } from "../errors.ts";
import type { Studio } from "../source/outlet.ts";
import type { SourceInfo } from "../types.ts";
import { type FileLane, openAudio } from "./audio.ts";
import { canCut, cutPackets } from "./cut.ts";
import { bitrateAgain, encodeAgain } from "./encode.ts";
import { corrupt } from "./errors.ts";
import { perSecond } from "./rate.ts";
import { lookAt, packetsFrom } from "./video.ts";

/** Bytes of an MPEG-TS packet (ISO/IEC 13818-1 2.4.3.2). Blu-ray's have 192, and begin otherwise. */
const TS_PACKET = 188;

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
  const notes = await notesOf(input, blob, track, audio);
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
    ...(notes.length > 0 ? { notes } : {}),
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
  const ranked = await Promise.all(
    (await input.getAudioTracks()).map(async (track, i) => {
      const decodable = (await track.getCodec()) !== null && (await track.canDecode());
      const marked = (await track.getDisposition()).default;
      return { track, rank: [decodable ? 0 : 1, marked ? 0 : 1, i] as const };
    }),
  );
  const [best] = ranked.sort(
    ({ rank: a }, { rank: b }) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2],
  );
  return best?.track;
}

/** What the owner of a file may want to know of it. */
async function notesOf(
  input: Input,
  blob: Blob,
  video: InputVideoTrack,
  audio: InputAudioTrack | undefined,
): Promise<string[]> {
  const notes: string[] = [];
  const pictures = (await input.getVideoTracks()).length;
  if (pictures > 1) notes.push(`Of its ${pictures} pictures, track ${video.id} is used.`);
  const sounds = (await input.getAudioTracks()).length;
  if (audio && sounds > 1)
    notes.push(
      `Of its ${sounds} sounds, track ${audio.id} (${await audio.getLanguageCode()}) is used.`,
    );
  // A transport stream has no index that would promise more; all of its packets are of this size.
  if ((await input.getFormat()) instanceof MpegTsInputFormat && blob.size % TS_PACKET !== 0)
    notes.push("It ends in the middle of a packet: some of its end is missing.");
  return notes;
}
