import { serve } from "../port.ts";
import type { CodecName, Made, Measured, TranscodeRequest, TranscodeResult } from "../types.ts";
import { batch } from "./batch.ts";
import { measureBriefly, measureHere } from "./measure.ts";
import { Rates } from "./rate.ts";
import { transcodeSegment } from "./transcode.ts";
import { Turns } from "./turns.ts";

/** Most segments in hand: one that works, and those that wait for bytes of their streams. */
const MAX_JOBS = 4;

/** What the transcoding worker does: one segment, or a measurement of itself. */
export type WorkCall =
  /** `early`: the caller wants what is encoded while the rest is. */
  | { readonly do: "transcode"; readonly request: TranscodeRequest; readonly early: boolean }
  | { readonly do: "measure"; readonly codec: CodecName; readonly brief: boolean };
export type WorkResult =
  | { readonly done: "transcode"; readonly result: TranscodeResult }
  | { readonly done: "measure"; readonly result: Measured };

/** What is told while it runs: source frames done, or what was encoded. */
export type WorkNews = number | Made;

const turns = new Turns();
const rates = new Rates();

serve<WorkCall, WorkNews, WorkResult>(
  async (call, { signal, news }) => {
    if (call.do === "measure") {
      const how = call.brief ? measureBriefly : measureHere;
      return { done: "measure", result: await how(call.codec, { signal, progress: news }) };
    }
    const { request, early } = call;
    const made = early ? batch(news) : undefined;
    const options = {
      signal,
      progress: news,
      made: made?.add,
      turn: turns.claim(request.stream),
      rates,
    };
    const result = await transcodeSegment(request, options);
    made?.flush();
    return { done: "transcode", result };
  },
  (answer) =>
    answer.done === "transcode"
      ? answer.result.renditions.flatMap(({ init, media }) => [init.buffer, media.buffer])
      : [],
  MAX_JOBS,
);
