/**
 * How much may be delivered to a stream before it pays: carries out `Hire.room` and `Hire.leaves`. One segment's way:
 *
 *   ahead ──delivered──▶ owed ──────paid, or its verdict is bad──────▶ (room again)
 *     │                   │ └──voucher without guarantee──▶ held ──guaranteed──▶ (room again)
 *     │                   └──superseded──▶ cancelled ──a later one is paid, or we leave──▶ (room again)
 *     └──called back, mostly sent──────────────▲
 */
import type { Hex, Purse } from "@tabcast/channel";
import { Hire } from "@tabcast/market";
import { CodedError } from "@tabcast/runtime";
import type { Context } from "../context.ts";
import { openCondition } from "../queue.ts";
import { openBackOff } from "./back-off.ts";
import type { Engagement, Engagements } from "./engagements.ts";

/** How long a finished segment waits for the vouchers of those before it, in milliseconds. */
const CREDIT_MS = 3_000;

/** As many segments were delivered as may be unpaid. Do: nothing; the broadcaster pays first, or asks another worker. */
export class UnpaidError extends CodedError<{ code: "JOB_UNPAID" }> {}

/** What streams owe us, and how much more they may. Knows no voucher. */
export interface Credit {
  /** Whether bytes of a segment may leave while it is being made: it then has the room that it needs unpaid. */
  lend(engagement: Engagement, seq: number): boolean;
  /**
   * Waits until one segment more may be delivered unpaid: the vouchers of those before it are on their way. Throws JOB_UNPAID
   * after 3 s, and leaves the stream if `Hire.leaves` says so; rejects with the signal's reason.
   */
  room(engagement: Engagement, seq: number, options: { signal: AbortSignal }): Promise<void>;
  /** All of a segment may leave. */
  delivered(engagement: Engagement, seq: number): void;
  /** A segment's job has ended, well or not. */
  ended(engagement: Engagement, seq: number, job: Ended): void;
  /** Another copy or the deadline was before it: it will not be paid. */
  superseded(engagement: Engagement, seq: number): void;
  /** Its verdict was bad. */
  failed(engagement: Engagement, seq: number): void;
  paid(engagement: Engagement, seq: number): void;
  /** Its voucher is kept, and counts as paid once it is guaranteed or claimed. */
  held(engagement: Engagement, seq: number): void;
  /** What is held of this pot is as good as paid. */
  guaranteed(potId: Hex): void;
  /** True for a stream that left us unpaid: it gets no bid for a while. */
  backsOff(stream: string): boolean;
}

interface Ended {
  readonly calledBack: boolean;
  /** Frames done, of those planned. */
  readonly frames: number;
  readonly planned: number;
}

export interface CreditOptions {
  readonly purse: Pick<Purse, "window">;
  readonly engagements: Pick<Engagements, "all" | "quit" | "bye">;
}

export function openCredit(
  context: Pick<Context, "clock">,
  { purse, engagements }: CreditOptions,
): Credit {
  const { clock } = context;
  const condition = openCondition();
  /** Those that left us unpaid. */
  const backOff = openBackOff(context);

  /** What the offer allows to be unpaid, and no more than this payer has earned with us. */
  const window = ({ offer, potId }: Engagement) => Math.min(offer.window, purse.window(potId));

  function lend(engagement: Engagement, seq: number, done: boolean): boolean {
    const { unpaid, ahead } = engagement;
    if (unpaid.has(seq)) return true;
    const of = { unpaid: unpaid.size, ahead: [...ahead], window: window(engagement), done };
    const { ok, instead } = Hire.room(seq, of);
    if (instead !== undefined) ahead.delete(instead);
    if (ok) ahead.add(seq);
    return ok;
  }

  /** Leaves a stream whose unpaid window is full, if `Hire.leaves` says so. */
  function quitIfUnpaid(engagement: Engagement): void {
    const { award, broadcaster, stream, unpaid, paidAt } = engagement;
    const of = { unpaidMs: clock.now() - paidAt, times: backOff.times(stream) };
    const leaving = Hire.leaves([...unpaid.values()], of);
    if (leaving === undefined) return;
    if (leaving.letGo) unpaid.clear();
    backOff.add(stream, leaving.awayMs);
    // After the failure of this job has gone out.
    queueMicrotask(() => {
      engagements.bye(broadcaster, { why: "unpaid", finishing: false, award: award.id });
      engagements.quit(engagement);
    });
  }

  return {
    lend: (engagement, seq) => lend(engagement, seq, false),
    async room(engagement, seq, { signal }) {
      const late = clock.timeout(CREDIT_MS);
      const room = () => lend(engagement, seq, true) || undefined;
      try {
        await condition.until(room, { signal: AbortSignal.any([signal, late]) });
      } catch (error) {
        if (!late.aborted) throw error;
        if (engagement.ahead.size === 0) quitIfUnpaid(engagement);
        throw new UnpaidError(
          { code: "JOB_UNPAID" },
          `${engagement.unpaid.size} segments delivered and not paid, at most ${window(engagement)}`,
        );
      }
    },
    delivered({ ahead, unpaid }, seq) {
      ahead.delete(seq);
      unpaid.set(seq, "owed");
    },
    ended({ ahead, unpaid }, seq, { calledBack, frames, planned }) {
      if (ahead.delete(seq) && calledBack && Hire.lent({ frames, planned }))
        unpaid.set(seq, "cancelled");
      condition.wake();
    },
    superseded({ unpaid }, seq) {
      if (unpaid.has(seq)) unpaid.set(seq, "cancelled");
    },
    failed({ unpaid }, seq) {
      unpaid.delete(seq);
      condition.wake();
    },
    paid(engagement, seq) {
      const { unpaid, stream } = engagement;
      unpaid.delete(seq);
      // A copy that lost its race stays unpaid; a broadcaster that goes on paying did not order it to cheat us.
      for (const [other, state] of unpaid) if (state === "cancelled") unpaid.delete(other);
      engagement.paidAt = clock.now();
      backOff.forgive(stream);
      condition.wake();
    },
    held({ unpaid }, seq) {
      // A verdict can name any segment: those that were not delivered take no room.
      if (unpaid.has(seq)) unpaid.set(seq, "held");
    },
    guaranteed(potId) {
      for (const engagement of engagements.all())
        for (const [seq, state] of engagement.potId === potId ? engagement.unpaid : [])
          if (state === "held") engagement.unpaid.delete(seq);
      condition.wake();
    },
    backsOff: backOff.has,
  };
}
