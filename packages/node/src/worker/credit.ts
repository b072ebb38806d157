/**
 * How much may be delivered to a stream before it pays: carries out `Hire.room` and `Hire.leaves`. One segment's way:
 *
 *   ahead ──delivered──▶ owed ──────paid, or its verdict is bad──────▶ (room again)
 *     │                   │ └──voucher without guarantee──▶ held ──guaranteed──▶ (room again)
 *     │                   └──overtaken──▶ cancelled ──a later one is paid, or we leave──▶ (room again)
 *     └──called back, mostly sent──────────────▲
 */
import type { Hex, Purse } from "@tabcast/channel";
import { Hire } from "@tabcast/market";
import { type Clock, CodedError } from "@tabcast/runtime";
import { openBell } from "../queue.ts";
import type { Place, Places } from "./places.ts";
import { openShunned } from "./shunned.ts";

/** How long a finished segment waits for the vouchers of those before it, in milliseconds. */
const CREDIT_MS = 3_000;

/** As many segments were delivered as may be unpaid. Do: nothing; the broadcaster pays first, or asks another worker. */
export class UnpaidError extends CodedError<{ code: "JOB_UNPAID" }> {}

/** What streams owe us, and how much more they may. Knows no voucher. */
export interface Credit {
  /** Whether bytes of a segment may leave while it is being made: it then has the room that it needs unpaid. */
  lend(place: Place, seq: number): boolean;
  /**
   * Waits until one segment more may be delivered unpaid: the vouchers of those before it are on their way. Throws JOB_UNPAID
   * after 3 s, and leaves the stream if `Hire.leaves` says so; rejects with the signal's reason.
   */
  room(place: Place, seq: number, options: { signal: AbortSignal }): Promise<void>;
  /** All of a segment may leave. */
  delivered(place: Place, seq: number): void;
  /** A segment's job has ended, well or not. */
  ended(place: Place, seq: number, job: Ended): void;
  /** Another copy or the deadline was before it: it will not be paid. */
  overtaken(place: Place, seq: number): void;
  /** Its verdict was bad. */
  failed(place: Place, seq: number): void;
  paid(place: Place, seq: number): void;
  /** Its voucher is kept, and counts as paid once it is guaranteed or claimed. */
  held(place: Place, seq: number): void;
  /** What is held of this pot is as good as paid. */
  guaranteed(potId: Hex): void;
  /** True for a stream that left us unpaid: it gets no bid for a while. */
  shuns(stream: string): boolean;
}

interface Ended {
  readonly calledBack: boolean;
  /** Frames done, of those planned. */
  readonly frames: number;
  readonly planned: number;
}

export interface CreditOptions {
  readonly purse: Pick<Purse, "window">;
  readonly places: Pick<Places, "all" | "quit" | "bye">;
  readonly clock: Clock;
}

export function openCredit({ purse, places, clock }: CreditOptions): Credit {
  const bell = openBell();
  /** Those that left us unpaid. */
  const shunned = openShunned(clock);

  /** What the offer allows to be unpaid, and no more than this payer has earned with us. */
  const window = ({ offer, potId }: Place) => Math.min(offer.window, purse.window(potId));

  function lend(place: Place, seq: number, done: boolean): boolean {
    const { unpaid, ahead } = place;
    if (unpaid.has(seq)) return true;
    const of = { unpaid: unpaid.size, ahead: [...ahead], window: window(place), done };
    const { ok, instead } = Hire.room(seq, of);
    if (instead !== undefined) ahead.delete(instead);
    if (ok) ahead.add(seq);
    return ok;
  }

  /** Leaves a stream whose unpaid window is full, if `Hire.leaves` says so. */
  function quitIfUnpaid(place: Place): void {
    const { award, broadcaster, stream, unpaid, paidAt } = place;
    const of = { unpaidMs: clock.now() - paidAt, times: shunned.times(stream) };
    const leaving = Hire.leaves([...unpaid.values()], of);
    if (leaving === undefined) return;
    if (leaving.letGo) unpaid.clear();
    shunned.add(stream, leaving.awayMs);
    // After the failure of this job has gone out.
    queueMicrotask(() => {
      places.bye(broadcaster, { why: "unpaid", finishing: false, award: award.id });
      places.quit(place);
    });
  }

  return {
    lend: (place, seq) => lend(place, seq, false),
    async room(place, seq, { signal }) {
      const late = clock.timeout(CREDIT_MS);
      const room = () => lend(place, seq, true) || undefined;
      try {
        await bell.until(room, { signal: AbortSignal.any([signal, late]) });
      } catch (error) {
        if (!late.aborted) throw error;
        if (place.ahead.size === 0) quitIfUnpaid(place);
        throw new UnpaidError(
          { code: "JOB_UNPAID" },
          `${place.unpaid.size} segments delivered and not paid, at most ${window(place)}`,
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
      bell.wake();
    },
    overtaken({ unpaid }, seq) {
      if (unpaid.has(seq)) unpaid.set(seq, "cancelled");
    },
    failed({ unpaid }, seq) {
      unpaid.delete(seq);
      bell.wake();
    },
    paid(place, seq) {
      const { unpaid, stream } = place;
      unpaid.delete(seq);
      // A copy that lost its race stays unpaid; a broadcaster that goes on paying did not order it to cheat us.
      for (const [other, state] of unpaid) if (state === "cancelled") unpaid.delete(other);
      place.paidAt = clock.now();
      shunned.forgive(stream);
      bell.wake();
    },
    held({ unpaid }, seq) {
      // A verdict can name any segment: those that were not delivered take no room.
      if (unpaid.has(seq)) unpaid.set(seq, "held");
    },
    guaranteed(potId) {
      for (const place of places.all())
        for (const [seq, state] of place.potId === potId ? place.unpaid : [])
          if (state === "held") place.unpaid.delete(seq);
      bell.wake();
    },
    shuns: shunned.has,
  };
}
