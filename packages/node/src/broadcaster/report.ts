import { Price } from "@tabcast/market";
import type { Rung } from "@tabcast/media";
import { type Amount, toHex } from "@tabcast/runtime";
import type { Meter } from "./meter.ts";
import type { Whole } from "./outcome.ts";
import type { BroadcastReport, SegmentLine } from "./types.ts";

const ratio = (part: number, whole: number) => (whole === 0 ? 0 : part / whole);

export const trafficOf = (traffic: ReturnType<Meter["read"]>): BroadcastReport["traffic"] => ({
  ...traffic,
  sentPerCaptured: ratio(traffic.sent, traffic.captured),
  controlPerMedia: ratio(traffic.control, traffic.sent + traffic.pulled),
});

/** The report's lines of one segment; their payments add up to `paid` exactly. Times count from `liveAt`. */
export function linesOf(
  outcome: Whole,
  paid: Amount,
  rungs: readonly Rung[],
  liveAt: number,
): SegmentLine[] {
  const { segment, by, renditions, unasked, pay } = outcome;
  const made = pay?.terms.rungs ?? [];
  const upTo = (count: number) =>
    pay === undefined || paid === 0n
      ? 0n
      : Price.ofSegment(pay.terms.price, made.slice(0, count), segment.video.frames);
  return rungs.map(({ name }) => {
    const theirs = renditions.find((one) => one.rung === name);
    const own = theirs ? undefined : unasked.renditions.find((one) => one.rung === name);
    const rendition = theirs ?? own;
    const worker = own ? "local" : by;
    const i = made.findIndex((one) => one.name === name);
    return {
      seq: segment.seq,
      rung: name,
      ...(worker !== undefined && { worker }),
      bytes: rendition?.media.byteLength ?? 0,
      sha256: rendition === undefined ? "" : toHex(rendition.mediaHash),
      frames: rendition?.frames ?? 0,
      sentMs: Math.round(outcome.sentAt - liveAt),
      roundTripMs: Math.round(outcome.verifiedAt - Math.max(outcome.sentAt, segment.closedAt)),
      encodeMs: own ? unasked.encodeMs : outcome.encodeMs,
      attempts: outcome.attempts,
      hedged: outcome.hedged,
      asked: pay === undefined || i >= 0,
      verified: rendition !== undefined,
      paid: i < 0 ? "0" : (upTo(i + 1) - upTo(i)).toString(),
    };
  });
}
