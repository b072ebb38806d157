import { MediaError, messageOf } from "../errors.ts";

/** Passes over one segment, the first included. */
export const MAX_TRIES = 3;

/** Codes of failures that come from a coder, not from the segment's container or from the caller. */
const FROM_CODERS = ["MEDIA_ENCODER", "MEDIA_CORRUPT", "MEDIA_INCOMPLETE"];

/** True if the browser took a coder away, or had none left: reclaimed, out of platform encoders. W3C WebCodecs 11. */
export function isReclaim(error: unknown): boolean {
  for (let each = error; each instanceof Error; each = each.cause)
    if (each.name === "QuotaExceededError") return true;
  return false;
}

/** How the pass was made that failed. */
export interface Failed {
  readonly tries: number;
  readonly acceleration: HardwareAcceleration;
  /** Asked only where it matters: could hardware have coded any of it? */
  readonly mayBeHardware: () => Promise<boolean>;
}

/**
 * How to go over the segment again after a failure, or undefined where that would not help. Only hardware is reclaimed,
 * runs out, or is lost with its process, so the next pass is made by software; what software made of the same bytes
 * would fail again.
 */
export async function nextTry(
  error: unknown,
  { tries, acceleration, mayBeHardware }: Failed,
): Promise<HardwareAcceleration | undefined> {
  if (!(error instanceof MediaError) || tries >= MAX_TRIES) return undefined;
  if (isReclaim(error)) return "prefer-software";
  if (acceleration === "prefer-software" || !FROM_CODERS.includes(error.code)) return undefined;
  return (await mayBeHardware()) ? "prefer-software" : undefined;
}

/** What a job fails with after its last try: coders that were taken away again and again have a code of their own. */
export function lastWord(error: unknown, codec: string, tries: number): unknown {
  if (!isReclaim(error)) return error;
  return new MediaError(
    { code: "MEDIA_RECLAIMED", codec, tries },
    `the browser took a coder away ${tries} times: ${messageOf(error)}`,
    { cause: error },
  );
}
