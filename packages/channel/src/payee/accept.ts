import { type Amount, toError } from "@tabcast/runtime";
import { isAddressEqual } from "viem";
import type { Hex, SignedVoucher } from "../types.ts";
import * as Voucher from "../voucher.ts";
import type { LaneLedger } from "./lane-ledger.ts";
import type { PurseParts } from "./parts.ts";
import * as Payee from "./payee.ts";

/** Milliseconds that a voucher waits for the chain, where more of it may be payable than was seen: a live stream's next one is due then. */
const LOOK_MS = 2_000;

/**
 * Checks a voucher, stores it, then credits it. Amount that are newly credited: none for one that we hold already. Throws
 * VoucherError, StoreError; ChainError for more than the pot had when it was last read, if it could not be read again.
 */
export async function accept(
  parts: PurseParts,
  ledgerOf: (potId: Hex, lane: number) => LaneLedger,
  voucher: SignedVoucher,
): Promise<Amount> {
  Voucher.checkForm(voucher);
  const ledger = ledgerOf(voucher.potId, voucher.lane);
  requireOurs(parts, ledger, voucher);
  const { cumulative } = voucher;
  const signature = voucher.signature.toLowerCase() as Hex;
  const { highest } = ledger.book;
  if (highest?.cumulative === cumulative && highest.signature === signature) return 0n as Amount;
  // Also for stale amounts: an unsigned claim must not even learn what we hold.
  await Voucher.verifyNext(parts.domainSeparator, ledger.config.signer, voucher);
  const failure = Payee.isBeyond(ledger.book, cumulative)
    ? await lookAgain(parts, ledger)
    : undefined;
  const event = { type: "voucher", cumulative, signature, now: ledger.chainNow } as const;
  return ledger.post(event).catch((error: unknown) => {
    const overPot = error instanceof Voucher.VoucherError && error.code === "VOUCHER_OVER_POT";
    throw overPot && failure !== undefined ? failure : error;
  });
}

/**
 * Topped up since the last look, or did another's guarantee lapse? The chain knows. Its failure, if it had one; a chain that does not answer
 * in time is not waited for. Throws where the purse has ended.
 */
async function lookAgain(parts: PurseParts, ledger: LaneLedger): Promise<Error | undefined> {
  const { signal, clock } = parts;
  if (!ledger.mayRefresh()) return undefined;
  const late = clock.timeout(LOOK_MS);
  try {
    await ledger.look({ signal: AbortSignal.any([signal, late]) });
    return undefined;
  } catch (error) {
    if (signal.aborted) throw error;
    return late.aborted ? undefined : toError(error);
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
