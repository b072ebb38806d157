/** What a network of this size can carry: which rungs are begun, which this tab can still make alone, and what to tell its owner. */

import { Pixels, type Rung } from "@tabcast/runtime";

type Named = Pick<Rung, "name" | "width" | "height">;

/** Share of real time that may be planned for; Livepeer sizes by the same. */
export const MOST_BUSY = 0.8;

/** The lowest rungs, in the ladder's own order, whose pixels for each frame do not exceed `most`; at least so many all the same. */
function lowest(rungs: readonly Named[], most: number, least: 0 | 1 = 1): Named[] {
  const taken: Named[] = [];
  for (const rung of Pixels.ascending(rungs)) {
    if (taken.length >= least && Pixels.perFrame([...taken, rung]) > most) break;
    taken.push(rung);
  }
  return rungs.filter((rung) => taken.includes(rung));
}

export interface Room {
  /** Believed output pixels per second of each hired worker. */
  readonly speeds: readonly number[];
  readonly frameRate: number;
}

/** What fits, and a sentence for the broadcaster's owner where not all does. */
export interface Plan {
  readonly fits: readonly string[];
  readonly message?: string;
}

/** How much of a live ladder the crew carries at 0.8 of real time. Never empty: the lowest rung is always tried. */
export function plan(rungs: readonly Named[], { speeds, frameRate }: Room): Plan {
  const has = speeds.reduce((sum, speed) => sum + speed, 0);
  const needs = Pixels.rate(rungs, frameRate);
  const most = (MOST_BUSY * has) / frameRate;
  if (needs <= MOST_BUSY * has) return { fits: rungs.map(({ name }) => name) };
  const fits = lowest(rungs, most).map(({ name }) => name);
  const mega = (pixels: number) => (pixels / 1e6).toFixed(1);
  return {
    fits,
    message:
      `the network is too small for this ladder: it needs ${mega(needs)} Mpx/s at ${MOST_BUSY} of real time, ` +
      `${speeds.length} ${speeds.length === 1 ? "worker brings" : "workers bring"} ${mega(has)} Mpx/s; enough for ${fits.join(", ")}`,
  };
}

/** What is known of who could work for a stream, in output pixels of one segment. */
export interface Supply {
  /** Anybody is hired, or is being asked, or may still come. */
  readonly hired: boolean;
  /** Most that those who were too slow for what is asked would make in time; 0: nobody was. */
  readonly slow: number;
  /** Most that somebody hired makes in time, as measured; 0: not known. */
  readonly reach: number;
}

/** More is asked of workers again where so many times more could be made in the time there is. */
const GROWS = 1.2;

/**
 * The rungs to ask of workers: fewer where all who came are too slow for those asked so far and nobody is hired, more
 * again once somebody hired is seen to make them with room to spare. `asked` itself where nothing changes, or where nobody
 * makes even the lowest rung: asking for that alone would only cost who comes next the others.
 */
export function ask<R extends Named>(
  rungs: readonly R[],
  asked: readonly R[],
  frames: number,
  { hired, slow, reach }: Supply,
): readonly R[] {
  const room = lowest(rungs, reach / GROWS / frames);
  if (room.length > asked.length) return rungs.filter((rung) => room.includes(rung));
  if (hired || slow === 0) return asked;
  const fewer = lowest(asked, slow / frames);
  if (Pixels.perFrame(fewer) > slow / frames) return asked;
  const names = fewer.map(({ name }) => name);
  return names.length < asked.length ? asked.filter(({ name }) => names.includes(name)) : asked;
}

/** This tab's own encoder, as measured, and a segment of so many frames. */
export interface Own {
  readonly pixelsPerS: number;
  readonly frames: number;
  /** What the segment's rungs may take here, in milliseconds; undefined: time does not matter. */
  readonly timeMs: number | undefined;
}

/** The rungs that this tab makes alone in `timeMs`: the lowest ones, at least one; all where time does not matter. */
export const alone = <R extends Named>(rungs: readonly R[], own: Own): R[] =>
  fitting(rungs, own, 1);

/**
 * Of the rungs that no worker was asked for, those that this tab makes beside the worker that makes the others: the smallest first, as
 * many as fit into `timeMs`. None where none fits: unlike a segment that nobody makes, this one has a rung that viewers can be shown.
 */
export const beside = <R extends Named>(unasked: readonly R[], own: Own): R[] =>
  fitting(unasked, own, 0);

function fitting<R extends Named>(
  rungs: readonly R[],
  { pixelsPerS, frames, timeMs }: Own,
  least: 0 | 1,
): R[] {
  if (timeMs === undefined) return [...rungs];
  const most = (pixelsPerS * Math.max(0, timeMs)) / 1_000 / Math.max(1, frames);
  const names = lowest(rungs, most, least).map(({ name }) => name);
  return rungs.filter(({ name }) => names.includes(name));
}

/** What keeps this tab busy while it captures a live stream. */
export interface Busy {
  /** Length of a segment as it is planned, in milliseconds. */
  readonly segmentMs: number;
  /** How much longer than it lasts the newest complete segment took to be captured, in milliseconds: time that capturing lacks already. */
  readonly lagMs: number;
  /** Until the segment's renditions are of no use, in milliseconds; undefined: for ever. */
  readonly leftMs: number | undefined;
}

/**
 * What this tab can spare for the rungs of a segment that no worker was asked for, in milliseconds: never more than `MOST_BUSY` of the time
 * between two segments, so that it keeps up with them, and the less the more its capture is behind.
 */
export function spareMs({ segmentMs, lagMs, leftMs }: Busy): number {
  const share = MOST_BUSY * segmentMs - Math.max(0, lagMs);
  return Math.max(0, Math.min(share, leftMs ?? share));
}
