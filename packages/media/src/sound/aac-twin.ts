import { Caller } from "../port.ts";
import type { Fragment } from "../types.ts";
import type { AacTwinCall } from "./aac-twin.worker.ts";

/** Makes the sound of a stream a second time as AAC, for players that cannot take Opus. */
export interface AacTwin {
  /**
   * The AAC of one segment's Opus; segments must come in order. Its packets end up to 75 ms before the Opus packets do, where
   * those of the next segment go on; undefined if not one is complete. Rejects with MediaError, or the signal's reason.
   */
  add(
    opus: Pick<Fragment, "init" | "media">,
    options: { readonly signal: AbortSignal },
  ): Promise<Fragment | undefined>;
  close(): void;
}

/** Opens a dedicated worker with an AAC-LC encoder (FFmpeg's, 260 kB gzipped), loaded only now: 64 kbit/s a channel. */
export function createAacTwin(): AacTwin {
  const worker = new Caller<AacTwinCall, never, Fragment | undefined>(
    new Worker(new URL("./aac-twin.worker.ts", import.meta.url), { type: "module" }),
  );
  return {
    add: ({ init, media }, { signal }) => worker.call({ init, media }, { signal }),
    close: () => worker.close(),
  };
}
