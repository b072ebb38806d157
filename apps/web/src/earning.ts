import type { Address, Wallet } from "@tabcast/channel";
import type { WorkerEvent } from "@tabcast/node/types";
import { Amount, Wei } from "@tabcast/runtime";
import type { TabWorkerEvent, WatchtowerNews } from "@tabcast/tab";
import * as format from "./format.ts";
import * as Heard from "./heard.ts";
import * as Pace from "./pace.ts";

/** One segment that this tab worked on. */
export interface JobLine {
  readonly stream: string;
  readonly seq: number;
  readonly state: "started" | "done" | "failed";
  readonly ms: number;
  readonly why?: string;
  /** What the voucher after it added; undefined until it came. */
  readonly paid?: Amount;
}

/** What this tab's watchtower did since the page was opened. */
export interface Tower {
  /** Brought to workers that were gone. */
  readonly saved: Amount;
  /** Left to it of that. */
  readonly earned: Amount;
  /** Gas of its claims and withdrawals. */
  readonly spent: Wei;
}

/** What this tab is doing as a worker. */
export interface Earning {
  /** checking: measuring itself. joining: opening its books and its relay slot. */
  readonly phase: "idle" | "checking" | "joining" | "working" | "paused" | "stopping" | "failed";
  /** How far the check is: each step measures one codec for about a second. */
  readonly check?: {
    readonly codec: string;
    readonly frames: number;
    readonly step: number;
    readonly steps: number;
  };
  readonly measured: readonly Extract<WorkerEvent, { type: "measured" }>[];
  readonly reachable: boolean;
  readonly payee?: Address;
  /** What claims and withdraws; undefined for an address without one. */
  readonly wallet?: Wallet;
  /** Streams bid for and not yet hired by. */
  readonly bids: number;
  /** The last offer that this tab could not answer, or only for fewer rungs, until an answer is taken. */
  readonly passed?: Extract<WorkerEvent, { type: "passed" | "slow" }> | undefined;
  /** Role in each stream that hired this tab. */
  readonly hired: ReadonlyMap<string, string>;
  /** Newest first, bounded. */
  readonly jobs: readonly JobLine[];
  readonly done: number;
  readonly failed: number;
  /** Sum of the vouchers accepted since this tab began. */
  readonly earned: Amount;
  /** How fast that came of late; added to by whoever knows the time. */
  readonly pace: Pace.Pace;
  readonly heard: Heard.Heard;
  readonly tower: Tower;
  /** Why no new work is taken just now, by its owner's settings. */
  readonly resting?: Extract<WorkerEvent, { type: "availability" }>["why"] | undefined;
  readonly refused?: { readonly what: string; readonly why: string };
  /** What stopped it, to be put in words where the network's money is known. */
  readonly thrown?: unknown;
}

export const notEarning: Earning = {
  phase: "idle",
  measured: [],
  reachable: false,
  bids: 0,
  hired: new Map(),
  jobs: [],
  done: 0,
  failed: 0,
  earned: Amount.zero,
  pace: Pace.none,
  heard: Heard.nothing,
  tower: { saved: Amount.zero, earned: Amount.zero, spent: Wei.zero },
};

const MOST_JOBS = 50;

/** The state after one event of the worker. */
export function step(state: Earning, event: TabWorkerEvent): Earning {
  switch (event.type) {
    case "check": {
      const { type: _, ...check } = event;
      return { ...state, check };
    }
    case "joining":
      return { ...state, phase: "joining" };
    case "measured":
      return {
        ...state,
        measured: [...state.measured.filter((one) => one.codec !== event.codec), event],
      };
    case "reachable":
      return { ...state, reachable: event.addrs > 0 };
    case "bid":
      return { ...state, bids: state.bids + 1, passed: undefined };
    case "passed":
    case "slow":
      return { ...state, passed: event };
    case "hired":
      return {
        ...state,
        hired: new Map(state.hired).set(event.stream, event.role),
        heard: Heard.after(state.heard, event),
      };
    case "left": {
      const hired = new Map(state.hired);
      hired.delete(event.stream);
      return { ...state, hired };
    }
    case "job": {
      const { type: _, ...line } = event;
      const rest = state.jobs.filter((job) => job.stream !== event.stream || job.seq !== event.seq);
      return {
        ...state,
        jobs: [line, ...rest].slice(0, MOST_JOBS),
        done: state.done + (event.state === "done" ? 1 : 0),
        failed: state.failed + (event.state === "failed" ? 1 : 0),
      };
    }
    case "paid":
      return {
        ...state,
        earned: Amount.add(state.earned, event.credited),
        jobs: state.jobs.map((job) =>
          job.stream === event.stream && job.seq === event.seq
            ? { ...job, paid: event.credited }
            : job,
        ),
      };
    case "refused":
      return { ...state, refused: { what: event.what, why: event.why } };
    case "dropped-input":
      return { ...state, refused: { what: event.what, why: event.reason } };
    case "revealed":
      return event.complaints.length === 0
        ? state
        : {
            ...state,
            refused: {
              what: "checks",
              why: `the broadcaster did not check as it had promised in ${event.complaints.length} cases`,
            },
          };
    case "availability":
      return { ...state, resting: event.why === "" ? undefined : event.why };
    case "watchtower":
      return { ...state, tower: towerAfter(state.tower, event.news) };
    case "money":
    case "delegated":
      return { ...state, heard: Heard.after(state.heard, event) };
  }
}

function towerAfter(tower: Tower, news: WatchtowerNews): Tower {
  const { saved, earned, spent } = tower;
  if (news.type === "saved") return { ...tower, saved: Amount.add(saved, news.saved) };
  if (news.type === "earned") return { ...tower, earned: Amount.add(earned, news.share) };
  if (news.type === "spent") return { ...tower, spent: Wei.of(spent + news.cost) };
  return tower;
}

/** Why the last offer was let pass, as a sentence. */
function reason(passed: NonNullable<Earning["passed"]>): string {
  const { codec, needed, measured } = passed;
  if (passed.type === "slow")
    return `All rungs of the last one need ${format.pixelRate(passed.needed)} of ${format.codec(codec)} and this device measured ${format.pixelRate(passed.measured)}; it offers to make the lower ones, should nobody quicker come.`;
  const { why } = passed;
  if (why === "too expensive") return "The last one pays less than this tab asks.";
  if (why === "busy" || why === "capped")
    return "The last one came while this tab had enough to do.";
  if (why === "unpaid") return "The last one has not paid yet for what this tab made for it.";
  if (why === "denied") return "The last one is not for this tab.";
  if (why !== "incapable") return "The last one could not be answered.";
  const name = format.codec(codec);
  if (needed === undefined || measured === undefined)
    return `The last one wants ${name}, which this device does not offer so far.`;
  return `The last one needs ${format.pixelRate(needed)} of ${name} and this device measured ${format.pixelRate(measured)}; it measures itself again while it waits.`;
}

/** Why this tab rests, in words. */
const restWords: Readonly<Record<string, string>> = {
  hours: "Resting: it is outside the hours you set.",
  battery: "Resting: this device runs on its battery, or its browser does not say.",
};

/** One sentence that says what the worker is doing. */
export function sentence(state: Earning): string {
  const job = state.jobs.find((one) => one.state === "started");
  switch (state.phase) {
    case "idle":
      return "This tab is not working.";
    case "checking":
      return "Measuring how fast this device transcodes.";
    case "joining":
      return "Joining the network.";
    case "paused":
      return job === undefined
        ? "Paused. No new work is accepted."
        : `Paused after segment ${job.seq}, which is still being finished.`;
    case "stopping":
      return "Stopping: saying goodbye and keeping the books.";
    case "failed":
      return "The worker stopped.";
    case "working":
      if (state.resting !== undefined && restWords[state.resting] !== undefined)
        return [
          restWords[state.resting],
          ...(job ? [`Segment ${job.seq} is still being finished.`] : []),
        ].join(" ");
      if (job !== undefined) return `Working on segment ${job.seq}.`;
      if (state.hired.size > 0) return "Hired. Waiting for the next segment.";
      if (!state.reachable) return "Waiting for a relay, so that broadcasters can reach this tab.";
      return ["Waiting for offers.", ...(state.passed ? [reason(state.passed)] : [])].join(" ");
  }
}
