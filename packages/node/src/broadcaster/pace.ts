import { type Config, FAST, type Job, LIVE } from "@tabcast/market";

/** Workers that a live stream hires where nothing else is said. */
const LIVE_WORKERS = 2;
/** A file is split over as many workers as an offer can ask for. */
const MOST_WORKERS = 8;
/** Least time after its end in which a live segment is of use, in milliseconds. */
const LEAST_SLACK_MS = 4_000;
/** What an offer names as slack where nothing is ever late, in milliseconds. */
const FAST_SLACK_MS = 60_000;
/** How long a job may take where nothing is ever late, in milliseconds. */
const FAST_JOB_MS = 600_000;
/** Segments of a file under way beyond what the crew has in hand. */
const FAST_AHEAD = 1;
/** Segments of a live stream under way before its source waits: it is bounded by its deadlines. */
const LIVE_AHEAD = 8;

/** What a stream's pace decides: live, where a rendition can be too late, or as fast as its workers go. Chosen once. */
export interface Pace {
  /** The market's numbers. */
  readonly config: Config;
  /** Workers to hire where nothing else is said. */
  readonly wanted: number;
  /** Renditions can be too late: what can wait gives way, and nothing is waited for without end. */
  readonly hurried: boolean;
  /** What an offer names as slack, in milliseconds. */
  readonly offeredSlackMs: number;
  /** How long after its segment's end a job may take, in milliseconds. */
  readonly jobMs: number;
  /** Time between segments, which spot checks have to fit into, in milliseconds; undefined: payment waits for them. */
  readonly checksEveryMs: number | undefined;
  /** Jobs go whole, and are checked before they are touched; else as their segment is made. */
  readonly whole: boolean;
  /** Workers are asked for the rungs that they make in time. */
  readonly adapts: boolean;
  /** Idle workers copy at the end what takes longest. */
  readonly copiesTail: boolean;
  /** Segments that may be under way with so many workers, before the source waits. */
  ahead(workers: number): number;
  /** When a segment that ended at `closedAt` has to be encoded here, which takes `ownMs`, and when it is given up. */
  limits(closedAt: number, ownMs: number): Job.Limits | undefined;
  /** When the renditions of a segment that ends at `closesAt` are of no use any more; undefined: never. */
  uselessAt(closesAt: number): number | undefined;
  /** True where a complete segment that ended at `closesAt` is late: what can wait has to. */
  late(closesAt: number, now: number): boolean;
}

/** The pace of a stream with segments of `segmentMs`. `config`: other numbers of the market than this pace's own. */
export const paceOf = (pace: "live" | "fast", segmentMs: number, config?: Config): Pace =>
  pace === "live" ? livePace(segmentMs, config ?? LIVE) : fastPace(config ?? FAST);

function livePace(segmentMs: number, config: Config): Pace {
  const slackMs = Math.max(2 * segmentMs, LEAST_SLACK_MS);
  return {
    config,
    wanted: LIVE_WORKERS,
    hurried: true,
    offeredSlackMs: slackMs,
    jobMs: slackMs,
    checksEveryMs: segmentMs,
    whole: false,
    adapts: true,
    copiesTail: false,
    ahead: () => LIVE_AHEAD,
    limits: (closedAt, ownMs) => ({
      localAt: closedAt + Math.max(0, slackMs - config.margin * ownMs),
      deadline: closedAt + slackMs,
    }),
    uselessAt: (closesAt) => closesAt + slackMs,
    late: (closesAt, now) => closesAt < now - slackMs / 4,
  };
}

const fastPace = (config: Config): Pace => ({
  config,
  wanted: MOST_WORKERS,
  hurried: false,
  offeredSlackMs: FAST_SLACK_MS,
  jobMs: FAST_JOB_MS,
  checksEveryMs: undefined,
  whole: true,
  adapts: false,
  copiesTail: true,
  ahead: (workers) => config.perWorker * workers + FAST_AHEAD,
  limits: () => undefined,
  uselessAt: () => undefined,
  late: () => false,
});
