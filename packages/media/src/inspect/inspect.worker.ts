import { serve } from "../port.ts";
import type { Structure } from "../types.ts";
import { structureOf } from "./structure.ts";

/** The bytes to look at. */
export interface InspectCall {
  readonly init: Uint8Array;
  readonly media: Uint8Array;
}

serve<InspectCall, never, Structure>(
  ({ init, media }, { signal }) => {
    signal.throwIfAborted();
    return structureOf(init, media);
  },
  () => [],
);
