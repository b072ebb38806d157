import { type Bytes, CodedError, type Micros } from "@tabcast/runtime";

/** Why the media layer refused or failed. Times are media time, sizes are bytes. */
export type MediaReason =
  /** The file has no bytes. Do: choose another file. */
  | { readonly code: "MEDIA_EMPTY" }
  /** The file cannot be read from disk. Do: choose it again; it may have moved, or its drive is gone. */
  | { readonly code: "MEDIA_UNREADABLE" }
  /** The file is in none of the containers that are read. Do: use MP4, MOV, WebM, MKV or MPEG-TS. */
  | { readonly code: "MEDIA_NOT_MEDIA"; readonly bytes: Bytes }
  /** The file has no video track. Do: choose a file with a picture. */
  | { readonly code: "MEDIA_NO_VIDEO" }
  /** This browser cannot decode or encode the codec. Do: convert the file to H.264 with AAC, or use another browser. */
  | { readonly code: "MEDIA_CODEC"; readonly codec: string; readonly track: "video" | "audio" }
  /** The input is damaged or cut short at `at`, in media time. Do: repair or re-export the file. */
  | { readonly code: "MEDIA_CORRUPT"; readonly at: Micros }
  /** The video track has no frames to show. Do: re-export the file. */
  | { readonly code: "MEDIA_NO_DURATION" }
  /** Reading the input did not get on for so many seconds. Do: repair the file, or copy it to a local disk. */
  | { readonly code: "MEDIA_STUCK"; readonly seconds: number }
  /** None of the first packets is a key frame to begin with. Do: re-export the file with key frames. */
  | { readonly code: "MEDIA_NO_KEY"; readonly codec: string; readonly packets: number }
  /** High dynamic range; its colours would come out wrong. Do: export it as standard range (bt709) first. */
  | { readonly code: "MEDIA_HDR"; readonly transfer: "pq" | "hlg" }
  /** A captured segment was not read while `bound` more were captured. Do: lower the resolution or the ladder: this machine is too slow. */
  | { readonly code: "MEDIA_OVERRUN"; readonly seq: number; readonly bound: number }
  /** Something goes past a bound of the media layer. Do: make it smaller than the limit that the message names. */
  | {
      readonly code: "MEDIA_TOO_LARGE";
      readonly what: string;
      readonly value: number;
      readonly limit: number;
    }
  /** The source is another than was said before it came, in `what`. Do: nothing; it is not decoded. */
  | {
      readonly code: "MEDIA_UNEXPECTED";
      readonly what: "codec" | "pixels" | "frames" | "duration";
      readonly value: number | string;
      readonly limit: number | string;
    }
  /** A fragment is not what our own writer would have made; `at` is the byte. Do: nothing; whoever sent it is not believed. */
  | { readonly code: "MEDIA_MALFORMED"; readonly at: number }
  /** The stream of a segment's bytes broke off after so many. Do: nothing; the segment is sent again. */
  | { readonly code: "MEDIA_INPUT"; readonly bytes: Bytes }
  /** A coder gave fewer frames than it was given. Do: nothing; it is tried again in software. */
  | { readonly code: "MEDIA_INCOMPLETE"; readonly frames: number; readonly expected: number }
  /** The encoder failed. Do: try another codec; update the browser or the graphics driver. */
  | { readonly code: "MEDIA_ENCODER"; readonly codec: string }
  /** The browser took the coder away each time. Do: keep the tab visible, and close other pages that play or encode video. */
  | { readonly code: "MEDIA_RECLAIMED"; readonly codec: string; readonly tries: number }
  /** The source's picture changes its shape in mid-segment. Do: nothing; the broadcaster gives the segment to another. */
  | {
      readonly code: "MEDIA_RESIZED";
      readonly at: Micros;
      readonly from: string;
      readonly to: string;
    }
  /** An option is out of its bounds. Do: correct it as the message says. */
  | { readonly code: "MEDIA_OPTION"; readonly option: string; readonly value: unknown }
  /** The source or transcoder was closed. Do: open another; this is a mistake in the program unless it was closing. */
  | { readonly code: "MEDIA_CLOSED" }
  /** The dedicated worker that codes failed or could not be loaded. Do: reload the page. */
  | { readonly code: "MEDIA_WORKER" };

/** An input, a segment or an option that the media layer cannot use. */
export class MediaError extends CodedError<MediaReason> {}

/** The refusal of something that goes past a bound. */
export const tooLarge = (what: string, value: number, limit: number): MediaError =>
  new MediaError(
    { code: "MEDIA_TOO_LARGE", what, value, limit },
    `${what} is too large: ${value}, at most ${limit}`,
  );

/** The refusal of a source that is not what was said of it. */
export const unexpected = (
  what: Extract<MediaReason, { code: "MEDIA_UNEXPECTED" }>["what"],
  value: number | string,
  limit: number | string,
): MediaError =>
  new MediaError(
    { code: "MEDIA_UNEXPECTED", what, value, limit },
    `the source is not what was said of it: ${what} ${value}, expected ${limit}${typeof limit === "number" ? " at most" : ""}`,
  );

/** A MediaError in a form that crosses a worker's border. */
export interface ErrorCopy {
  readonly reason: MediaReason;
  readonly message: string;
  readonly cause?: string;
}

/** Anything thrown inside a worker, made ready to post. What is no MediaError becomes MEDIA_WORKER. */
export function copyError(thrown: unknown): ErrorCopy {
  if (thrown instanceof MediaError)
    return {
      reason: thrown.reason,
      message: thrown.message,
      ...(thrown.cause === undefined ? {} : { cause: messageOf(thrown.cause) }),
    };
  return { reason: { code: "MEDIA_WORKER" }, message: `media worker failed: ${messageOf(thrown)}` };
}

/** The error that `copyError` packed. */
export function restoreError({ reason, message, cause }: ErrorCopy): MediaError {
  return new MediaError(
    reason,
    message,
    cause === undefined ? undefined : { cause: new Error(cause) },
  );
}

/** The message of anything thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
