import type { LiveStream, ViewerEvent } from "@tabcast/node/types";

/** What one peer delivered, all of it checked. */
export interface Delivered {
  readonly tracks: readonly string[];
  readonly bytes: number;
}

/** Why a private stream stays shut. */
export type Locked = "missing" | "wrong" | "cut";

/** The same, and what can be done, for whoever has the link. */
export const lockedWords: Readonly<Record<Locked, string>> = {
  missing:
    "This stream is private: its link ends with # and a key, which is missing here. Copy the whole link again, or ask whoever gave it to you.",
  wrong:
    "This stream is private, and the key in this link does not open it. Copy the whole link again, or ask whoever gave it to you.",
  cut: "The key in this link is not whole: it was cut short or changed on its way. Copy the whole link again, or ask whoever gave it to you.",
};

/** What the Watch page knows of a stream beside its pictures. */
export interface Watching {
  readonly live?: LiveStream;
  /** Bytes whose hash was compared with the signed entry and was right. */
  readonly checked: number;
  readonly segments: number;
  /** The peer that delivered the latest bytes. */
  readonly from?: string;
  /** What each peer delivered, the latest last; bounded. */
  readonly sources: ReadonlyMap<string, Delivered>;
  /** Peers that failed or sent wrong bytes; others were asked. */
  readonly refused: number;
  /** Segments of which the broadcaster signed two different entries: the first one of each is shown. */
  readonly contradicted: number;
  /** The oldest and the newest sequence with an entry. */
  readonly oldest?: number;
  readonly newest?: number;
  /** Rungs that nobody has, for the latest sequences that miss any. */
  readonly gaps: ReadonlyMap<number, readonly string[]>;
  readonly ended: boolean;
  /** The stream is private, and the link's key is missing, not this stream's, or not whole. */
  readonly locked?: Locked;
}

export const notYetWatching: Watching = {
  checked: 0,
  segments: 0,
  refused: 0,
  contradicted: 0,
  sources: new Map(),
  gaps: new Map(),
  ended: false,
};

/** Sequences whose gaps are remembered: what the strip under the picture can show, and some. */
const REMEMBERED = 120;
/** Peers whose deliveries are listed; the one that has been quiet longest makes room. */
const MOST_SOURCES = 24;

function delivered(
  sources: Watching["sources"],
  { peer, track, bytes }: Extract<ViewerEvent, { type: "fetched" }>,
): Watching["sources"] {
  const { tracks, bytes: before } = sources.get(peer) ?? { tracks: [], bytes: 0 };
  const next = new Map(sources);
  next.delete(peer);
  next.set(peer, {
    tracks: tracks.includes(track) ? tracks : [...tracks, track].sort(),
    bytes: before + bytes,
  });
  for (const quiet of next.keys()) if (next.size > MOST_SOURCES) next.delete(quiet);
  return next;
}

/** The state after one event of the viewer. */
export function step(state: Watching, event: ViewerEvent): Watching {
  switch (event.type) {
    case "announced":
      return unlocked({ ...state, live: event.live, ended: state.ended || event.live.ended });
    case "entry": {
      const newest = Math.max(state.newest ?? -1, event.seq);
      const oldest = Math.min(state.oldest ?? event.seq, event.seq);
      if (event.gaps.length === 0) return { ...state, oldest, newest };
      const gaps = new Map(state.gaps).set(event.seq, event.gaps);
      for (const seq of gaps.keys()) if (seq < newest - REMEMBERED) gaps.delete(seq);
      return { ...state, oldest, newest, gaps };
    }
    case "fetched":
      return {
        ...state,
        checked: state.checked + event.bytes,
        segments: state.segments + 1,
        // Sound always comes from the broadcaster; the question is who made the picture.
        ...(event.track !== "audio" && { from: event.peer }),
        sources: delivered(state.sources, event),
      };
    case "mismatch":
    case "unreachable":
      return { ...state, refused: state.refused + 1 };
    case "equivocated":
      return { ...state, contradicted: state.contradicted + 1 };
    case "locked":
      return { ...state, locked: event.key };
    case "ended":
      return { ...state, ended: true };
  }
}

/** It opened after all. */
const unlocked = ({ locked: _, ...state }: Watching): Watching => state;

/** Segments that the strip shows. */
export const SHOWN = 36;

/**
 * Of these rungs, those that at least one of the segments shown has. A rung that all of them miss is no failure and no choice: nobody
 * was asked for it. It is one again with the first segment that has it.
 */
export function offered(
  { oldest, newest, gaps }: Watching,
  rungs: readonly string[],
): readonly string[] {
  if (oldest === undefined || newest === undefined) return rungs;
  const from = Math.max(oldest, newest - SHOWN + 1);
  const missed = Array.from({ length: newest - from + 1 }, (_, i) => gaps.get(from + i) ?? []);
  return rungs.filter((name) => missed.some((names) => !names.includes(name)));
}

/** One place in the strip of recent segments. */
export interface Cell {
  readonly seq: number;
  /** The rung that was played; "gap" if no rung of it exists; "ahead" if it is still to come to the screen; "skipped" if it was passed over. */
  readonly kind: "played" | "gap" | "ahead" | "skipped";
  readonly rung?: string;
}

/** The last `count` segments up to the newest, oldest first. */
export function strip(
  state: Watching,
  player: { readonly seq?: number; readonly played: ReadonlyMap<number, string> },
  rungs: readonly string[],
  count: number,
): Cell[] {
  const newest = state.newest ?? player.seq;
  if (newest === undefined) return [];
  const cells: Cell[] = [];
  const first = Math.min(...player.played.keys(), newest);
  for (let seq = Math.max(first, newest - count + 1); seq <= newest; seq++) {
    const rung = player.played.get(seq);
    const gaps = state.gaps.get(seq);
    if (rung !== undefined) cells.push({ seq, kind: "played", rung });
    else if (gaps !== undefined && rungs.length > 0 && rungs.every((name) => gaps.includes(name)))
      cells.push({ seq, kind: "gap" });
    else cells.push({ seq, kind: seq > (player.seq ?? -1) ? "ahead" : "skipped" });
  }
  return cells;
}
