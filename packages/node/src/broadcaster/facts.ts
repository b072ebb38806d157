/** What a broadcast says of itself: to viewers, to workers, and to its own crew. */
import { type Crew, Screen } from "@tabcast/market";
import type { SourceInfo } from "@tabcast/media";
import { type Amount, Pixels } from "@tabcast/runtime";
import type { StreamContext } from "./context.ts";
import type { OfferFacts } from "./offering.ts";
import type { StreamFacts } from "./publisher.ts";

/** Segments a worker may deliver unpaid. Source: facts of payments, section 7. */
const WINDOW = 2;

type Planned = Pick<StreamContext, "rungs" | "codec" | "segmentMs">;

/** Frames of a segment as it is planned, at least one. */
export const plannedFrames = ({ frameRate }: SourceInfo, segmentMs: number): number =>
  Math.max(1, frameRate * (segmentMs / 1_000));

/** What viewers hear of the stream. */
export const streamFacts = (
  { rungs, codec, segmentMs }: Planned,
  info: SourceInfo,
  {
    title,
    startedMs,
    unlisted = false,
  }: Pick<StreamFacts, "title" | "startedMs"> & { readonly unlisted?: boolean },
): StreamFacts => ({
  title,
  codec,
  segmentMs,
  rungs,
  source: { name: "source", width: info.width, height: info.height, bitrate: info.bitrate },
  audio: info.audioCodec !== undefined,
  startedMs,
  ...(unlisted && { unlisted }),
});

/** What workers hear of the stream; `policy` says who may work for it. */
export const offerFacts = (
  { rungs, codec, segmentMs }: Planned,
  info: SourceInfo,
  { seedCommit, policy }: { readonly seedCommit: Uint8Array; readonly policy: Screen.Policy },
): OfferFacts => ({
  sourceCodec: info.codec,
  width: info.width,
  height: info.height,
  fpsMilli: Math.round(info.frameRate * 1_000),
  sourceBitrate: info.bitrate,
  codec,
  rungs,
  segmentMs,
  window: WINDOW,
  seedCommit,
  need: policy.need,
  crew: policy.token === undefined ? new Uint8Array(0) : Screen.crewId(policy.token),
});

/** What the crew has to do for each segment. */
export const needOf = (
  { rungs, segmentMs, pace }: Planned & Pick<StreamContext, "pace">,
  info: SourceInfo,
  { wanted, maxPrice }: { readonly wanted: number; readonly maxPrice: Amount },
): Crew.Need => ({
  wanted,
  maxPrice,
  pixels: Pixels.ofFrames(rungs, plannedFrames(info, segmentMs)),
  least: Math.min(...rungs.map((rung) => Pixels.ofFrames([rung], plannedFrames(info, segmentMs)))),
  bytes: (info.bitrate / 8) * (segmentMs / 1_000),
  segmentMs,
  slackMs: pace.offeredSlackMs,
  jobMs: pace.jobMs,
});
