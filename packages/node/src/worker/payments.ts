import { type Purse, VoucherError, Wire } from "@tabcast/channel";
import { PROTOCOLS, Verdict, VerdictReply } from "@tabcast/protocol";
import { describe } from "@tabcast/runtime";
import { answer } from "../exchange.ts";
import { UNGUARANTEED } from "../wire.ts";
import type { WorkerContext } from "./context.ts";
import type { Credit } from "./credit.ts";
import type { Delegation } from "./delegate.ts";
import type { Engagement, Engagements } from "./engagements.ts";

export interface PaymentsOptions {
  readonly purse: Purse;
  readonly engagements: Engagements;
  readonly credit: Credit;
  readonly delegation: Delegation;
  /** A verdict has come, good or bad. */
  readonly judged: () => void;
}

/** Takes verdicts: their vouchers go to the purse, and what they pay for gives its room to segments to come. */
export function servePayments(
  { mesh, on, signal }: WorkerContext,
  { purse, engagements, credit, delegation, judged }: PaymentsOptions,
): void {
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
    try {
      const { credited } = await purse.accept(Wire.toVoucher(voucher, purse.payee));
      credit.paid(engagement, seq);
      const { award, broadcaster, potId, stream } = engagement;
      delegation.rose(potId, award.pot, broadcaster);
      on({ type: "paid", stream, seq, credited, total: purse.balances().vouchered });
      return "";
    } catch (error) {
      const unguaranteed = error instanceof VoucherError && error.code === "VOUCHER_UNGUARANTEED";
      if (unguaranteed) credit.held(engagement, seq);
      const why = describe(error);
      on({ type: "refused", what: "voucher", why });
      return unguaranteed ? UNGUARANTEED : why.slice(0, 200);
    }
  }

  purse.watch(
    (news) => {
      on({ type: "money", news });
      if (news.type === "credited") credit.guaranteed(news.potId);
    },
    { signal },
  );
  answer(mesh, PROTOCOLS.verdict, signal, async (head, peer) => {
    const verdict = Verdict.decode(head);
    const engagement = engagements.ever(verdict.award);
    if (engagement === undefined || engagement.broadcaster !== peer)
      return VerdictReply.encode({ ok: false, why: "gone" });
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
