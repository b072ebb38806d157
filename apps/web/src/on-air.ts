import type { PotNews, Settlement, SettleProgress } from "@tabcast/channel";
import type {
  Broadcast,
  BroadcastEvent,
  BroadcastReport,
  SegmentLine,
  Visibility,
} from "@tabcast/node/types";
import { Amount, Wei } from "@tabcast/runtime";
import { shortId, shortIds } from "./format.ts";
import * as Pace from "./pace.ts";

/** A segment on its way: captured, sent, verified, paid. */
export interface SegmentRow {
  readonly seq: number;
  readonly bytes: number;
  /** Workers that were sent it, first to last. */
  readonly sentTo: readonly string[];
  readonly lines: readonly SegmentLine[];
  readonly gaps: readonly string[];
  readonly closed: boolean;
}

/** What this tab's broadcast is doing. */
export interface OnAir {
  readonly phase:
    | "idle"
    | "preparing"
    | "funding"
    | "live"
    | "ending"
    | "settling"
    | "ended"
    | "failed";
  readonly title: string;
  readonly visibility: Visibility;
  readonly stream?: string;
  /** What a private stream's links have after "#". */
  readonly keys?: NonNullable<Broadcast["keys"]>;
  readonly startedAt?: number;
  readonly source?: Extract<BroadcastEvent, { type: "source" }>;
  readonly deposited: Amount;
  readonly paid: Amount;
  /** How fast that went of late; added to by whoever knows the time. */
  readonly pace: Pace.Pace;
  /** Seconds that the deposit lasted when it was said to be low, until it grows. */
  readonly lowFor?: number | undefined;
  /** What the gas set aside for the end lacks to give more guarantees, until some is sent. */
  readonly lacksGas?: Wei | undefined;
  /** The session key's coins did not come home. */
  readonly keyKept: boolean;
  /** Workers that got less than was signed, and what is missing in all. */
  readonly unpaid?: { readonly workers: number; readonly owed: Amount };
  readonly captured: number;
  readonly delivered: number;
  /** Segments of which every rung was made and verified. */
  readonly verified: number;
  /** Verified renditions. */
  readonly renditions: number;
  readonly gaps: number;
  /** Newest first, bounded. */
  readonly rows: readonly SegmentRow[];
  readonly crew: ReadonlyMap<
    string,
    { readonly role: "crew" | "backup"; readonly payee: string; readonly segments: number }
  >;
  readonly bids: number;
  /** The newest ones, newest first, each once. */
  readonly warnings: readonly string[];
  /** How many different ones there have been; as far as the list remembers. */
  readonly warned: number;
  readonly settling?: SettleProgress;
  readonly settlement?: Settlement;
  readonly report?: BroadcastReport;
  /** What ended it, to be put in words where the network's money is known. */
  readonly thrown?: unknown;
}

export const offAir: OnAir = {
  phase: "idle",
  title: "",
  visibility: "public",
  deposited: Amount.zero,
  paid: Amount.zero,
  pace: Pace.none,
  keyKept: false,
  captured: 0,
  delivered: 0,
  verified: 0,
  renditions: 0,
  gaps: 0,
  rows: [],
  crew: new Map(),
  bids: 0,
  warnings: [],
  warned: 0,
};

const MOST_ROWS = 40;
const MOST_WARNINGS = 5;

function row(
  state: OnAir,
  seq: number,
  change: (row: SegmentRow) => SegmentRow,
): readonly SegmentRow[] {
  const held = state.rows.find((one) => one.seq === seq);
  if (held !== undefined) return state.rows.map((one) => (one === held ? change(one) : one));
  const fresh = { seq, bytes: 0, sentTo: [], lines: [], gaps: [], closed: false };
  return [change(fresh), ...state.rows].sort((a, b) => b.seq - a.seq).slice(0, MOST_ROWS);
}

const warn = (state: OnAir, text: string): OnAir => {
  const message = shortIds(text);
  const others = state.warnings.filter((one) => one !== message);
  return {
    ...state,
    warnings: [message, ...others].slice(0, MOST_WARNINGS),
    warned: state.warned + (others.length === state.warnings.length ? 1 : 0),
  };
};

/** Why a worker was dropped, in words; an unknown reason is shown as it is. */
const dropWords: Readonly<Record<string, string>> = {
  left: "it left",
  dead: "it gives no sign of life",
  late: "another worker was quicker again and again",
  invalid: "what it made did not pass the checks",
  unserved: "it did not give viewers what it had made",
  failed: "it could not encode a segment",
  "too slow": "somebody quicker has come",
  "lease over": "its turn is over",
  "no answer": "it did not answer the award",
};

function afterNews(state: OnAir, news: PotNews): OnAir {
  switch (news.type) {
    case "low":
      return { ...state, lowFor: news.seconds };
    case "keyKept":
      return { ...state, keyKept: true };
    case "unpaid":
      return { ...state, unpaid: { workers: news.lanes, owed: news.owed } };
    case "gasLow":
      return { ...state, lacksGas: Wei.of(news.need - news.have) };
    case "walletAsked":
      return warn(
        state,
        "Answer your wallet: the gas set aside for the end is used up, so it is asked for the next step.",
      );
    case "debtPaid":
      return warn(state, "What a worker had earned beyond the deposit is covered now, and signed.");
    case "depositUndone":
      return warn(
        state,
        "The chain took back the whole deposit, and it can no longer be sent: none of it left your wallet, and workers are not paid from it.",
      );
    case "depositLost":
      return warn(
        state,
        "The chain took back a top-up of the deposit, as it may in its first minutes. Put as much in again, or the stream ends sooner.",
      );
    default:
      return state;
  }
}

/** The state after one event of the broadcaster. */
export function step(state: OnAir, event: BroadcastEvent | { readonly type: "funding" }): OnAir {
  switch (event.type) {
    case "funding":
      return { ...state, phase: "funding" };
    case "source":
      return { ...state, source: event };
    case "funded":
      return { ...state, deposited: event.deposited };
    case "live":
      return { ...state, phase: "live", stream: event.stream };
    case "bid":
      return { ...state, bids: state.bids + 1 };
    case "hired": {
      const segments = state.crew.get(event.worker)?.segments ?? 0;
      const { role, payee } = event;
      return { ...state, crew: new Map(state.crew).set(event.worker, { role, payee, segments }) };
    }
    case "promoted": {
      const member = state.crew.get(event.worker);
      if (member === undefined) return state;
      return { ...state, crew: new Map(state.crew).set(event.worker, { ...member, role: "crew" }) };
    }
    case "dropped": {
      const crew = new Map(state.crew);
      crew.delete(event.worker);
      return warn(
        { ...state, crew },
        `Worker ${shortId(event.worker)} is no longer in the crew: ${dropWords[event.why] ?? event.why}.`,
      );
    }
    case "captured":
      return {
        ...state,
        captured: state.captured + 1,
        rows: row(state, event.seq, (one) => ({ ...one, bytes: event.bytes })),
      };
    case "sent":
      return {
        ...state,
        rows: row(state, event.seq, (one) => ({ ...one, sentTo: [...one.sentTo, event.worker] })),
      };
    case "failed":
      return warn(
        state,
        `Segment ${event.seq} was not delivered at first and is made again: ${event.why}.`,
      );
    case "segment": {
      const made = event.lines.filter((line) => line.verified);
      const crew = new Map(state.crew);
      for (const worker of new Set(made.map((line) => line.worker))) {
        const held = worker === undefined ? undefined : crew.get(worker);
        if (worker !== undefined && held !== undefined)
          crew.set(worker, { ...held, segments: held.segments + 1 });
      }
      return {
        ...state,
        crew,
        delivered: state.delivered + 1,
        verified:
          state.verified + (made.length === event.lines.length && event.gaps.length === 0 ? 1 : 0),
        renditions: state.renditions + made.length,
        gaps: state.gaps + event.gaps.length,
        paid: event.lines.reduce(
          (sum, line) => Amount.add(sum, Amount.of(BigInt(line.paid))),
          state.paid,
        ),
        rows: row(state, event.seq, (one) => ({
          ...one,
          lines: event.lines,
          gaps: event.gaps,
          closed: true,
        })),
      };
    }
    case "warning":
      return warn(state, event.message);
    case "proved":
      return warn(
        state,
        `Worker ${shortId(event.worker)} was proved to sign two results for one segment, and is not hired.`,
      );
    case "chosen":
    case "dropped-input":
      return state;
    case "money":
      return afterNews(state, event.news);
    case "settling":
      return { ...state, phase: "settling", settling: event.progress };
    case "settled":
      return { ...state, settlement: event.settlement };
    case "ended":
      return state.phase === "live" ? { ...state, phase: "ending" } : state;
  }
}
