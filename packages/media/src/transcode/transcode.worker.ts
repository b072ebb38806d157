import { serve } from "../port.ts";
import type { CodecName, Measured, TranscodeRequest, TranscodeResult } from "../types.ts";
import { measureHere } from "./measure.ts";
import { Rates } from "./rate.ts";
import { transcodeSegment } from "./transcode.ts";
import { Turns } from "./turns.ts";

/** Most segments in hand: one that works, and those that wait for bytes of their streams. */
const MAX_JOBS = 4;

/** What the transcoding worker does: one segment, or a measurement of itself. */
export type WorkCall =
  | { readonly do: "transcode"; readonly request: TranscodeRequest }
  | { readonly do: "measure"; readonly codec: CodecName };
export type WorkResult =
  | { readonly done: "transcode"; readonly result: TranscodeResult }
  | { readonly done: "measure"; readonly result: Measured };

const turns = new Turns();
const rates = new Rates();

serve<WorkCall, number, WorkResult>(
  async (call, { signal, news }) => {
    if (call.do === "measure")
      return {
        done: "measure",
        result: await measureHere(call.codec, { signal, progress: news }),
      };
    const options = { signal, progress: news, turn: turns.claim(), rates };
    return { done: "transcode", result: await transcodeSegment(call.request, options) };
  },
  (answer) =>
    answer.done === "transcode"
      ? answer.result.renditions.flatMap(({ init, media }) => [init.buffer, media.buffer])
      : [],
  MAX_JOBS,
);
