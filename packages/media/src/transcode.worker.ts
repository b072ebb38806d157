import { measureHere } from "./measure.ts";
import { serve } from "./port.ts";
import { transcodeSegment } from "./transcode.ts";
import type { Capability, CodecName, TranscodeRequest, TranscodeResult } from "./types.ts";

/** What the transcoding worker does: one segment, or a measurement of itself. */
export type WorkCall =
  | { readonly do: "transcode"; readonly request: TranscodeRequest }
  | { readonly do: "measure"; readonly codec: CodecName };
export type WorkResult =
  | { readonly done: "transcode"; readonly result: TranscodeResult }
  | { readonly done: "measure"; readonly result: Capability };

serve<WorkCall, number, WorkResult>(
  async (call, { signal, news }) =>
    call.do === "transcode"
      ? {
          done: "transcode",
          result: await transcodeSegment(call.request, { signal, progress: news }),
        }
      : { done: "measure", result: await measureHere(call.codec, { signal, progress: news }) },
  (answer) =>
    answer.done === "transcode"
      ? answer.result.renditions.flatMap(({ init, media }) => [init.buffer, media.buffer])
      : [],
);
