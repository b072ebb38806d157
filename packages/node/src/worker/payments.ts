import { type Purse, VoucherError, Wire } from "@tabcast/channel";
import { PROTOCOLS, Verdict, VerdictReply } from "@tabcast/protocol";
import { type Amount, describe } from "@tabcast/runtime";
import { answer } from "../exchange.ts";
import type { RateLimiter } from "../rate-limiter.ts";
import { UNGUARANTEED } from "../wire.ts";
import type { WorkerContext } from "./context.ts";
import type { Credit } from "./credit.ts";
import type { Delegation } from "./delegate.ts";
import type { Engagement, Engagements } from "./engagements.ts";

export interface PaymentsOptions {
  readonly purse: Purse;
  readonly engagements: Engagements;
  readonly limiter: RateLimiter;
  readonly credit: Credit;
  readonly delegation: Delegation;
  /** A verdict has come, good or bad. */
  readonly judged: () => void;
}

/** Takes verdicts: their vouchers go to the purse, and what they pay for gives its room to segments to come. */
export function servePayments(context: WorkerContext, options: PaymentsOptions): void {
  const { mesh, on, signal } = context;
  const { purse, engagements, limiter, credit, delegation, judged } = options;

  /** Takes a voucher; what is wrong with it, or an empty string. One that is lower than what we hold tells us nothing new. */
  async function accept(
    voucher: NonNullable<Verdict["voucher"]>,
    took: (credited: Amount) => void,
  ): Promise<string> {
    try {
      took((await purse.accept(Wire.toVoucher(voucher, purse.payee))).credited);
      return "";
    } catch (error) {
      const code = error instanceof VoucherError ? error.code : undefined;
      if (code === "VOUCHER_STALE") return "";
      const why = describe(error);
      on({ type: "refused", what: "voucher", why });
      return code === "VOUCHER_UNGUARANTEED" ? UNGUARANTEED : why.slice(0, 200);
    }
  }

  /** What is wrong with a verdict, or an empty string. */
  async function take(
    { seq, ok, failed, voucher }: Verdict,
    engagement: Engagement,
  ): Promise<string> {
    if (!ok) {
      credit.failed(engagement, seq);
      const why = `segment ${seq} failed ${failed.join(", ")}`;
      on({ type: "refused", what: "verdict", why });
      return "";
    }
    if (voucher === undefined) return "a good verdict comes with a voucher";
    return accept(voucher, (credited) => {
      const { broadcaster, potId, stream } = engagement;
      delegation.hired(potId, broadcaster);
      if (credited === 0n) return; // it came before
      credit.paid(engagement, seq);
      on({ type: "paid", stream, seq, credited, total: purse.balances().vouchered });
    });
  }

  purse.watch(
    (news) => {
      on({ type: "money", news });
      if (news.type === "credited") credit.guaranteed();
    },
    { signal },
  );
  answer(mesh, PROTOCOLS.verdict, signal, async (head, peer) => {
    const verdict = Verdict.decode(head);
    const engagement = engagements.ever(verdict.award);
    if (engagement === undefined || engagement.broadcaster !== peer) {
      // Of an award before this tab was reloaded, perhaps: what is signed for us counts, whoever brings it.
      if (!verdict.ok || verdict.voucher === undefined)
        return VerdictReply.encode({ ok: false, why: "gone" });
      limiter.pass("voucher", peer);
      const why = await accept(verdict.voucher, credit.guaranteed);
      return VerdictReply.encode({ ok: why === "", why });
    }
    const why = await take(verdict, engagement);
    judged();
    const highest = purse.highest(engagement.potId);
    return VerdictReply.encode({
      ok: why === "",
      why,
      ...(highest !== undefined && { held: Wire.fromVoucher(highest) }),
    });
  });
}
