import { serve } from "../port.ts";
import type { Fragment } from "../types.ts";
import { AacLine } from "./aac-line.ts";

/** One segment of Opus. */
export type AacTwinCall = Pick<Fragment, "init" | "media">;

const line = new AacLine();

serve<AacTwinCall, never, Fragment | undefined>(
  (opus) => line.add(opus),
  (aac) => (aac ? [aac.init.buffer, aac.media.buffer] : []),
);
