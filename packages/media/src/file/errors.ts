import type { Micros } from "@tabcast/runtime";
import type { InputAudioTrack, InputVideoTrack } from "mediabunny";
import { MediaError, messageOf } from "../errors.ts";

/** What a file says or does wrong at `at` seconds, as MEDIA_CORRUPT; a MediaError stays what it is. */
export const corrupt = (at: number, cause: unknown) =>
  cause instanceof MediaError
    ? cause
    : new MediaError(
        { code: "MEDIA_CORRUPT", at: Math.round(at * 1e6) as Micros },
        `the file is damaged or cut short at ${at.toFixed(3)} s: ${messageOf(cause)}`,
        cause instanceof Error ? { cause } : undefined,
      );

async function codecOf(track: InputVideoTrack | InputAudioTrack): Promise<string> {
  const known = await track.getCodecParameterString();
  return known ?? String((await track.getInternalCodecId()) ?? "unknown");
}

/** MEDIA_CODEC for a track that this browser cannot decode. */
export async function undecodable(track: InputVideoTrack | InputAudioTrack): Promise<MediaError> {
  const codec = await codecOf(track);
  const kind = track.isVideoTrack() ? "video" : "audio";
  return new MediaError(
    { code: "MEDIA_CODEC", codec, track: kind },
    `this browser cannot decode the ${kind} codec ${codec}`,
  );
}
