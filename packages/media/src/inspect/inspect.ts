import { MAX_SEGMENT_BYTES } from "../bounds.ts";
import { MediaError, tooLarge } from "../errors.ts";
import { alone, Caller } from "../port.ts";
import type { Structure } from "../types.ts";
import type { InspectCall } from "./inspect.worker.ts";

/** A reading that takes longer than this is given up, and its worker with it, in milliseconds. */
const PATIENCE_MS = 5_000;

let shared: Caller<InspectCall, never, Structure> | undefined;

/**
 * Says what a fragment is without decoding it, in a worker that all calls share. Made for bytes from strangers: any
 * bytes give an answer or a MediaError (MEDIA_TOO_LARGE, MEDIA_MALFORMED, MEDIA_CODEC) in bounded time. Takes a copy.
 */
export async function inspect(
  { init, media }: { readonly init: Uint8Array; readonly media: Uint8Array },
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<Structure> {
  const bytes = init.byteLength + media.byteLength;
  if (bytes > MAX_SEGMENT_BYTES) throw tooLarge("segment", bytes, MAX_SEGMENT_BYTES);
  shared ??= new Caller(
    new Worker(new URL("./inspect.worker.ts", import.meta.url), { type: "module" }),
  );
  const worker = shared;
  const patience = AbortSignal.timeout(PATIENCE_MS);
  try {
    return await worker.call(
      { init: alone(init), media: alone(media) },
      { signal: signal ? AbortSignal.any([signal, patience]) : patience },
    );
  } catch (error) {
    if (patience.aborted || (error instanceof MediaError && error.code === "MEDIA_WORKER")) {
      if (shared === worker) shared = undefined;
      worker.close();
    }
    if (patience.aborted && !signal?.aborted)
      throw new MediaError(
        { code: "MEDIA_MALFORMED", at: 0 },
        `malformed segment: not read within ${PATIENCE_MS} ms`,
      );
    throw error;
  }
}
