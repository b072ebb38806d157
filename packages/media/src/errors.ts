import { type Bytes, CodedError, type Micros } from "@tabcast/runtime";

/** Why the media layer refused or failed. Times are media time, sizes are bytes. */
export type MediaReason =
  | { readonly code: "MEDIA_EMPTY" }
  | { readonly code: "MEDIA_UNREADABLE" }
  | { readonly code: "MEDIA_NOT_MEDIA"; readonly bytes: Bytes }
  | { readonly code: "MEDIA_NO_VIDEO" }
  | { readonly code: "MEDIA_CODEC"; readonly codec: string; readonly track: "video" | "audio" }
  | { readonly code: "MEDIA_CORRUPT"; readonly at: Micros }
  | { readonly code: "MEDIA_NO_DURATION" }
  | { readonly code: "MEDIA_STUCK"; readonly seconds: number }
  | { readonly code: "MEDIA_NO_KEY"; readonly codec: string; readonly packets: number }
  | { readonly code: "MEDIA_HDR"; readonly transfer: "pq" | "hlg" }
  | { readonly code: "MEDIA_OVERRUN"; readonly seq: number; readonly bound: number }
  | {
      readonly code: "MEDIA_TOO_LARGE";
      readonly what: string;
      readonly value: number;
      readonly limit: number;
    }
  | { readonly code: "MEDIA_MALFORMED"; readonly at: number }
  | { readonly code: "MEDIA_INPUT"; readonly bytes: Bytes }
  | { readonly code: "MEDIA_INCOMPLETE"; readonly frames: number; readonly expected: number }
  | { readonly code: "MEDIA_ENCODER"; readonly codec: string }
  | { readonly code: "MEDIA_RECLAIMED"; readonly codec: string; readonly tries: number }
  | {
      readonly code: "MEDIA_RESIZED";
      readonly at: Micros;
      readonly from: string;
      readonly to: string;
    }
  | { readonly code: "MEDIA_OPTION"; readonly option: string; readonly value: unknown }
  | { readonly code: "MEDIA_CLOSED" }
  | { readonly code: "MEDIA_WORKER" };

/** An input, a segment or an option that the media layer cannot use. */
export class MediaError extends CodedError<MediaReason> {}

/** The refusal of something that goes past a bound. */
export const tooLarge = (what: string, value: number, limit: number): MediaError =>
  new MediaError(
    { code: "MEDIA_TOO_LARGE", what, value, limit },
    `${what} is too large: ${value}, at most ${limit}`,
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
