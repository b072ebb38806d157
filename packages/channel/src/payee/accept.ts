import { type Amount, toError } from "@tabcast/runtime";
import { isAddressEqual } from "viem";
import { unanswered } from "../chain/chain-error.ts";
import { StoreError } from "../store/store.ts";
import type { Hex, SignedVoucher } from "../types.ts";
import * as Voucher from "../voucher.ts";
import type { LaneLedger } from "./lane-ledger.ts";
import type { PurseParts } from "./parts.ts";
import * as Payee from "./payee.ts";

/**
 * Milliseconds from a voucher's arrival that it waits for the chain, where more of it may be payable than was seen, its wait for those
 * before it included: a live stream's next one is due then.
 */
const LOOK_MS = 2_000;

/**
 * Checks a voucher, stores it, then credits it; those of a lane in the order in which they came. Amount that are newly credited: none
 * for one that we hold already. Throws VoucherError, StoreError; for more than the pot had when it was last read, if it could not be
 * read again, ChainError, or the reason of the purse's signal.
 */
export async function accept(
  parts: PurseParts,
  ledgerOf: (potId: Hex, lane: number) => LaneLedger,
  voucher: SignedVoucher,
): Promise<Amount> {
  Voucher.checkForm(voucher);
  const ledger = ledgerOf(voucher.potId, voucher.lane);
  requireOurs(parts, ledger, voucher);
  ledger.coming++;
  try {
    return await take(parts, ledger, voucher);
  } finally {
    ledger.coming--;
  }
}

async function take(
  parts: PurseParts,
  ledger: LaneLedger,
  voucher: SignedVoucher,
): Promise<Amount> {
  const { cumulative } = voucher;
  const signature = voucher.signature.toLowerCase() as Hex;
  const { highest } = ledger.book;
  if (highest?.cumulative === cumulative && highest.signature === signature) return 0n as Amount;
  const late = parts.clock.timeout(LOOK_MS);
  // Also for stale amounts: an unsigned claim must not even learn what we hold.
  await Voucher.verifyNext(parts.domainSeparator, ledger.config.signer, voucher);
  // Its lane may be another tab's by now.
  if (parts.signal.aborted) throw new StoreError({ code: "STORE_CLOSED" }, "the purse was closed");
  return await ledger.vouchers.run(async () => {
    const failure = Payee.isBeyond(ledger.book, cumulative)
      ? await lookAgain(parts, ledger, late)
      : undefined;
    const event = { type: "voucher", cumulative, signature, now: ledger.chainNow } as const;
    return ledger.post(event).catch((error: unknown) => {
      const overPot = error instanceof Voucher.VoucherError && error.code === "VOUCHER_OVER_POT";
      throw overPot && failure !== undefined ? failure : error;
    });
  });
}

/**
 * Topped up since the last look, or did another's guarantee lapse? The chain knows. Its failure, if it had one: the voucher is worth
 * storing by what is known, also where `late` fires first, or the purse has ended.
 */
async function lookAgain(
  { chain, signal }: PurseParts,
  ledger: LaneLedger,
  late: AbortSignal,
): Promise<Error | undefined> {
  const bounded = AbortSignal.any([signal, late]);
  if (!bounded.aborted && !ledger.mayRefresh()) return undefined;
  try {
    bounded.throwIfAborted();
    await ledger.look({ signal: bounded });
    return undefined;
  } catch (error) {
    // By its reason, for the books may have failed and the time be over besides.
    return late.aborted && error === late.reason ? unanswered(chain.rpc, error) : toError(error);
  }
}

function requireOurs({ payee }: PurseParts, { lane }: LaneLedger, voucher: SignedVoucher): void {
  const elsewhere = (field: "payee" | "lane"): never => {
    throw new Voucher.VoucherError(
      { code: "VOUCHER_MISDIRECTED", field },
      `the voucher is for ${voucher.payee}, lane ${voucher.lane}, not for us`,
    );
  };
  if (!isAddressEqual(voucher.payee, payee)) elsewhere("payee");
  if (voucher.lane !== lane) elsewhere("lane");
}
