import { type Address, type Hex, type PayerPot, Wire } from "@tabcast/channel";
import type { PeerId } from "@tabcast/mesh";
import { type Loose, PROTOCOLS, Verdict, VerdictReply } from "@tabcast/protocol";
import { Amount, CodedError } from "@tabcast/runtime";
import type { Context } from "../context.ts";
import { ask } from "../exchange.ts";
import { UNGUARANTEED } from "../wire.ts";
import type { JobTerms } from "./delivery.ts";
import type { Outcome } from "./outcome.ts";
import type { BroadcastReport } from "./types.ts";

/** Times a verdict with its voucher is sent before the worker is left to ask for it at the chain. */
const VERDICT_TRIES = 3;

export interface PayingOptions {
  /** Undefined: nobody is hired. */
  readonly pot: PayerPot | undefined;
  /** What could not be done, and told why. */
  readonly warn: (what: string) => (why: unknown) => void;
}

/** Tells workers what came of their segments, and pays for the good ones. */
export interface Paying {
  /** Owes, signs and hands over, once the pictures are cleared. The amount that is now vouched for,; never throws. */
  pay(outcome: Outcome): Promise<Amount>;
  /** A worker's renditions failed these checks: it hears so, and is not paid. */
  refuse(terms: JobTerms, seq: number, failed: readonly string[]): void;
  /** Who was paid for how much. */
  earned(): BroadcastReport["workers"];
}

export function openPaying({ mesh, clock, signal }: Context, { pot, warn }: PayingOptions): Paying {
  const earned = new Map<PeerId, { payee: Hex; segments: number; wei: bigint }>();

  /** A worker did not take a voucher: it may hold a higher one of ours, or want a guarantee first. */
  async function resync(why: string, payee: Address, theirs: VerdictReply["held"]): Promise<void> {
    if (pot === undefined || theirs === undefined) return;
    try {
      const voucher = await pot.adopt(Wire.toVoucher(theirs, payee)); // only our own key's word counts
      if (why === UNGUARANTEED) await pot.ask(voucher);
    } catch (error) {
      warn("a worker's voucher is not ours")(error);
    }
  }

  /** A lost verdict costs a worker nothing: its voucher is stored here, and settling pays every lane. */
  async function verdict(
    { worker, payee }: Pick<JobTerms, "worker" | "payee">,
    message: Loose<Verdict>,
  ): Promise<void> {
    const head = Verdict.encode(message);
    for (let attempt = 1; attempt <= VERDICT_TRIES; attempt++) {
      try {
        const wait = AbortSignal.any([signal, clock.timeout(10_000)]);
        const reply = await ask(mesh, worker, PROTOCOLS.verdict, head, { signal: wait });
        const { ok, why, held: theirs } = VerdictReply.decode(reply.head);
        if (!ok) await resync(why, payee, theirs);
        if (!ok) warn(`${worker} did not take the voucher for segment ${message.seq}`)(why);
        return;
      } catch (error) {
        const left = error instanceof CodedError && error.code === "MESH_UNREACHABLE";
        if (signal.aborted || left || attempt === VERDICT_TRIES) return;
      }
    }
  }

  /** The last segment of each lane that the deposit did not cover. */
  const owed = new Map<string, { readonly terms: JobTerms; readonly seq: number }>();
  pot?.watch(
    (news) => {
      if (news.type !== "debtPaid") return;
      const lane = `${news.voucher.payee}/${news.voucher.lane}`.toLowerCase();
      const { terms, seq } = owed.get(lane) ?? {};
      if (terms === undefined || seq === undefined) return;
      owed.delete(lane);
      const { award, epoch } = terms;
      const voucher = Wire.fromVoucher(news.voucher);
      void verdict(terms, { award, epoch, seq, ok: true, failed: [], voucher });
    },
    { signal },
  );

  return {
    async pay({ by, segment, pay: due }) {
      if (due === undefined || pot === undefined || by === undefined) return Amount.zero;
      const { terms, amount } = due;
      if (!(await due.cleared)) return Amount.zero;
      const { payee, lane, award, epoch } = terms;
      const { seq } = segment;
      let voucher: Awaited<ReturnType<PayerPot["pay"]>>;
      try {
        voucher = await pot.pay({ payee, lane }, amount);
      } catch (error) {
        // The pot remembers what it could not cover: the worker hears of it when it can.
        owed.set(`${payee}/${lane}`.toLowerCase(), { terms, seq });
        warn(`segment ${seq} of ${by} could not be paid yet`)(error);
        return Amount.zero;
      }
      const before = earned.get(by) ?? { payee, segments: 0, wei: 0n };
      earned.set(by, { payee, segments: before.segments + 1, wei: before.wei + amount });
      const wire = Wire.fromVoucher(voucher);
      void verdict(terms, { award, epoch, seq, ok: true, failed: [], voucher: wire });
      return amount;
    },
    refuse(terms, seq, failed) {
      const { award, epoch } = terms;
      void verdict(terms, { award, epoch, seq, ok: false, failed });
    },
    earned: () =>
      [...earned].map(([peer, { payee, segments, wei }]) => ({
        peer,
        payee,
        segments,
        earned: wei.toString(),
      })),
  };
}
