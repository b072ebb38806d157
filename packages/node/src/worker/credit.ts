/**
 * How much may be delivered to a stream before it pays: carries out `Hire.room` and `Hire.leaves` by the amounts of `Purse.room`.
 * One segment's way:
 *
 *   ahead ──delivered──▶ owed ──paid──▶ (room again)
 *     │                   └──its verdict is bad, or it is superseded──▶ forgiven, as far as the purse forgives
 *     └──called back, or failed: what was sent of it──────────────────────────────────▲
 */
import { Config, type Hex, PotError, type Purse, Wire } from "@tabcast/channel";
import { Hire, Price } from "@tabcast/market";
import type { Award, Offer } from "@tabcast/protocol";
import { Amount, CodedError, describe } from "@tabcast/runtime";
import { openCondition } from "../queue.ts";
import { type BackOff, openBackOff } from "./back-off.ts";
import type { WorkerContext } from "./context.ts";
import type { Engagement, Engagements } from "./engagements.ts";

/** How long a finished segment waits for the vouchers of those before it, in milliseconds. */
const CREDIT_MS = 3_000;

/** As many segments were delivered as may be unpaid. Do: nothing; the broadcaster pays first, or asks another worker. */
export class UnpaidError extends CodedError<{ code: "JOB_UNPAID" }> {}

/** What streams owe us, and how much more they may. Knows no voucher. */
export interface Credit {
  /** Whether an award that came has any room: what its pot left unpaid before counts. */
  opens(hired: Hired): boolean;
  /** The same of an award that may answer a bid of `price` on an offer; true where we never looked at its pot. */
  mayOpen(offer: Offer, price: bigint): boolean;
  /** Whether bytes of a segment worth `amount` may leave while it is being made: it then has the room that it needs unpaid. */
  lend(engagement: Engagement, seq: number, amount: Amount): boolean;
  /**
   * Waits until a segment that is done may be delivered unpaid: the vouchers of those before it are on their way. Throws
   * JOB_UNPAID after 3 s, and leaves the stream if `Hire.leaves` says so; rejects with the signal's reason.
   */
  room(
    engagement: Engagement,
    seq: number,
    amount: Amount,
    options: { signal: AbortSignal },
  ): Promise<void>;
  /** All of a segment may leave, for it has room. Resolves when what it is worth is in the books; throws StoreError. */
  deliver(engagement: Engagement, seq: number): Promise<void>;
  /** So much has left of a segment while it is made. */
  sent(engagement: Engagement, seq: number, sent: Amount): void;
  /** A segment's job has ended, well or not. What had left of it counts where it was not delivered. */
  ended(engagement: Engagement, seq: number, job: { readonly calledBack: boolean }): void;
  /** Another copy or the deadline was before it: it will not be paid. */
  superseded(engagement: Engagement, seq: number): void;
  /** Its verdict was bad. */
  failed(engagement: Engagement, seq: number): void;
  /** A voucher brought money. */
  paid(engagement: Engagement, seq: number): void;
  /** A voucher that was kept counts now. */
  guaranteed(): void;
  /** Its source was not what its offer says: leaves it, for longer each time running. */
  deceived(engagement: Engagement): void;
  /** True for a stream that left us unpaid, or deceived us: it gets no bid for a while. */
  backsOff(stream: string): boolean;
}

/** An award, and the offer that it answers. */
interface Hired {
  readonly potId: Hex;
  readonly offer: Offer;
  readonly award: Pick<Award, "price">;
}

export interface CreditOptions {
  readonly purse: Pick<Purse, "room" | "checked" | "accrue" | "forgive">;
  readonly engagements: Pick<Engagements, "quit" | "bye">;
}

/** The id of the pot that an offer names; undefined where it names none that could be: the award will be refused. */
function potOf({ pot }: Offer): Hex | undefined {
  if (pot === undefined) return undefined;
  try {
    const { domain, config } = Wire.toPot(pot);
    return Config.potId(Config.separator(domain), config);
  } catch (error) {
    if (error instanceof PotError) return undefined;
    throw error;
  }
}

/** What a whole segment is worth, as offered, and the largest that may be asked for. */
function worthOf({ offer, award: { price } }: Hired): { offered: Amount; largest: Amount } {
  const of = (pixels: bigint) => Price.ofPixels(price, pixels);
  return { offered: of(Hire.pixels(offer).whole), largest: of(Hire.mostPixels(offer)) };
}

/**
 * What one segment is worth of which `amount` is work: as offered, or the work itself if that is more. Of a segment that is larger than any
 * that may be asked for, as offered: it counts for several.
 */
function segmentOf(hired: Hired, amount: Amount): Amount {
  const { offered, largest } = worthOf(hired);
  const segment = amount > offered && amount <= largest ? amount : offered;
  return segment > 0n ? segment : Amount.of(1);
}

/** Amount that may be unpaid beside what is: as `Purse.room` says; a segment that is larger than any that may be asked for fits alone. */
function leftOf(purse: Pick<Purse, "room">, hired: Hired, amount: Amount): Amount {
  const { offer, potId } = hired;
  return amount <= worthOf(hired).largest
    ? purse.room(potId, { segment: segmentOf(hired, amount), most: offer.window })
    : purse.room(potId, { segment: amount, most: 1 });
}

/** See `Credit.opens`. */
function opens(purse: Pick<Purse, "room">, hired: Hired): boolean {
  const least = Price.ofPixels(hired.award.price, Hire.pixels(hired.offer).least);
  return leftOf(purse, hired, Amount.zero) >= least;
}

/** See `Credit.mayOpen`. */
function mayOpen(purse: Pick<Purse, "room" | "checked">, offer: Offer, price: bigint): boolean {
  const potId = potOf(offer);
  return (
    potId === undefined || !purse.checked(potId) || opens(purse, { potId, offer, award: { price } })
  );
}

/** Work under one award as work under another that takes as much of the window, where a segment is worth `segment`; rounded up. */
function convert(amount: Amount, from: Hired, segment: Amount): Amount {
  const whole = segmentOf(from, amount);
  return Amount.of((amount * segment + whole - 1n) / whole);
}

/** What is out and in no book yet: it counts like what is unpaid. */
interface Out {
  /** Has segments in hand. Counted until none is: also once it is over, for what has left of its jobs is booked when they end. */
  begun(engagement: Engagement): void;
  ended(engagement: Engagement): void;
  /** Amount that all but the engagement's own `ahead` takes of its pot, by its segments of `segment` each. */
  beside(engagement: Engagement, segment: Amount): bigint;
  /** Writes work into the books; it counts meanwhile. Throws StoreError. */
  book(engagement: Engagement, amount: Amount): Promise<void>;
}

function openOut(purse: Pick<Purse, "accrue">, wake: () => void): Out {
  const inHand = new Set<Engagement>();
  const writing = new Set<{ readonly engagement: Engagement; readonly amount: Amount }>();
  return {
    begun: (engagement) => void inHand.add(engagement),
    ended(engagement) {
      if (engagement.ahead.size === 0) inHand.delete(engagement);
    },
    beside(of, segment) {
      const others = [...inHand].filter((other) => other !== of);
      const ahead = others.flatMap((engagement) =>
        [...engagement.ahead.values()].map(({ amount }) => ({ engagement, amount })),
      );
      return [...ahead, ...writing]
        .filter(({ engagement }) => engagement.potId === of.potId)
        .reduce((sum, { engagement, amount }) => sum + convert(amount, engagement, segment), 0n);
    },
    async book(engagement, amount) {
      const one = { engagement, amount };
      writing.add(one);
      try {
        await purse.accrue(engagement.potId, amount, segmentOf(engagement, amount));
      } finally {
        writing.delete(one);
        wake();
      }
    },
  };
}

/** Whether a segment has room beside the others of its engagement, as `Hire.room` says; those that give theirs up keep what they used. */
function takeRoom(
  engagement: Engagement,
  seq: number,
  {
    amount,
    left,
    done,
  }: { readonly amount: Amount; readonly left: Amount; readonly done: boolean },
): boolean {
  const { ahead } = engagement;
  const segment = segmentOf(engagement, amount);
  const others = [...ahead].filter(([other]) => other !== seq);
  const { ok, instead } = Hire.room(amount, {
    left,
    ahead: others.map(([other, { stage, ...room }]) => ({
      seq: other,
      amount: convert(room.amount, engagement, segment),
      sent: convert(room.sent, engagement, segment),
      making: stage === "making",
    })),
    done,
  });
  for (const other of instead) {
    const sent = ahead.get(other)?.sent ?? Amount.zero;
    ahead.set(other, { amount: sent, sent, stage: "making" });
  }
  return ok;
}

/** Leaves a stream whose unpaid window is full, if `Hire.leaves` says so. */
function quitIfUnpaid(
  engagement: Engagement,
  {
    now,
    backOff,
    engagements,
  }: Pick<CreditOptions, "engagements"> & {
    readonly now: number;
    readonly backOff: BackOff;
  },
): void {
  const { stream, unpaid, fullSince = now } = engagement;
  const states = [...unpaid.values()].map(({ state }) => state);
  const awayMs = Hire.leaves(states, { fullMs: now - fullSince, times: backOff.times(stream) });
  if (awayMs === undefined) return;
  backOff.add(stream, awayMs);
  leave(engagement, engagements, "unpaid");
}

/** Leaves a stream whose source is not what its offer says; `backOff`: those that left us unpaid, or deceived us. */
function leaveDeceiver(
  engagement: Engagement,
  { backOff, engagements }: Pick<CreditOptions, "engagements"> & { readonly backOff: BackOff },
): void {
  const { stream } = engagement;
  if (backOff.has(stream)) return; // another of its jobs told us before
  backOff.add(stream, Hire.deceivedAwayMs(backOff.times(stream)));
  leave(engagement, engagements, "not as offered");
}

/** Leaves a stream after the failure of this job has gone out. */
function leave(
  engagement: Engagement,
  engagements: CreditOptions["engagements"],
  why: string,
): void {
  const { award, broadcaster } = engagement;
  queueMicrotask(() => {
    engagements.bye(broadcaster, { why, finishing: false, award: award.id });
    engagements.quit(engagement);
  });
}

export function openCredit(
  context: Pick<WorkerContext, "clock" | "on">,
  { purse, engagements }: CreditOptions,
): Credit {
  const { clock, on } = context;
  const failed = (error: unknown) => on({ type: "refused", what: "books", why: describe(error) });
  const condition = openCondition();
  const backOff = openBackOff(context);
  const out = openOut(purse, condition.wake);

  function lend(engagement: Engagement, seq: number, amount: Amount, done: boolean): boolean {
    const { ahead } = engagement;
    const mine = ahead.get(seq);
    // What is done has its room for good.
    if (mine !== undefined && mine.stage !== "making") return true;
    const lacks = mine === undefined || mine.amount < amount;
    if (lacks) {
      const segment = segmentOf(engagement, amount);
      const free = leftOf(purse, engagement, amount) - out.beside(engagement, segment);
      if (!takeRoom(engagement, seq, { amount, left: free as Amount, done })) return false;
    }
    out.begun(engagement);
    ahead.set(seq, {
      // Of what is done counts what was made, which may be less than was planned.
      amount: done || lacks ? amount : mine.amount,
      sent: mine?.sent ?? Amount.zero,
      stage: done ? "done" : "making",
    });
    engagement.fullSince = undefined;
    return true;
  }

  /** Notes what will never be paid; one segment once. */
  function forgive({ unpaid, potId }: Engagement, seq: number, state: "bad" | "superseded"): void {
    const one = unpaid.get(seq);
    if (one?.state !== "owed") return;
    unpaid.set(seq, { ...one, state });
    purse.forgive(potId, one.amount).then(condition.wake, failed);
  }

  return {
    opens: (hired) => opens(purse, hired),
    mayOpen: (offer, price) => mayOpen(purse, offer, price),
    lend: (engagement, seq, amount) => lend(engagement, seq, amount, false),
    async room(engagement, seq, amount, { signal }) {
      const late = clock.timeout(CREDIT_MS);
      const room = () => lend(engagement, seq, amount, true) || undefined;
      try {
        await condition.until(room, { signal: AbortSignal.any([signal, late]) });
      } catch (error) {
        if (!late.aborted) throw error;
        engagement.fullSince ??= clock.now();
        if ([...engagement.ahead.values()].every(({ stage }) => stage === "booked"))
          quitIfUnpaid(engagement, { now: clock.now(), backOff, engagements });
        throw new UnpaidError(
          { code: "JOB_UNPAID" },
          `${amount} parts do not fit: ${leftOf(purse, engagement, amount)} more may be delivered unpaid`,
        );
      }
    },
    async deliver(engagement, seq) {
      const { ahead, unpaid } = engagement;
      const room = ahead.get(seq);
      if (room?.stage !== "done") throw new Error(`segment ${seq} has no room`);
      // From now on it counts as what is being written, whenever its job ends.
      ahead.set(seq, { amount: Amount.zero, sent: Amount.zero, stage: "booked" });
      await out.book(engagement, room.amount);
      unpaid.set(seq, { state: "owed", amount: room.amount });
      if (!ahead.has(seq)) forgive(engagement, seq, "superseded"); // its job was over before
    },
    sent({ ahead }, seq, sent) {
      const room = ahead.get(seq);
      if (room?.stage === "making") ahead.set(seq, { ...room, sent });
    },
    ended(engagement, seq, { calledBack }) {
      const { ahead, unpaid } = engagement;
      const { stage, sent } = ahead.get(seq) ?? { sent: Amount.zero };
      ahead.delete(seq);
      out.ended(engagement);
      if (stage !== "booked" && sent > 0n) {
        unpaid.set(seq, { state: "owed", amount: sent });
        out.book(engagement, sent).catch(failed);
        forgive(engagement, seq, "superseded");
      } else if (stage === "booked" && calledBack) forgive(engagement, seq, "superseded");
      condition.wake();
    },
    superseded: (engagement, seq) => forgive(engagement, seq, "superseded"),
    failed: (engagement, seq) => forgive(engagement, seq, "bad"),
    paid({ unpaid, stream }, seq) {
      unpaid.delete(seq);
      // A copy that lost its race stays unpaid; a broadcaster that goes on paying did not order it to cheat us.
      for (const [other, { state }] of unpaid) if (state !== "owed") unpaid.delete(other);
      backOff.forgive(stream);
      condition.wake();
    },
    guaranteed: condition.wake,
    deceived: (engagement) => leaveDeceiver(engagement, { backOff, engagements }),
    backsOff: backOff.has,
  };
}
