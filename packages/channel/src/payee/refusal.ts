import { VoucherError, type VoucherReason } from "../voucher.ts";

/** Why a voucher is refused, in words for people. */
export function refusal(reason: VoucherReason): VoucherError {
  switch (reason.code) {
    case "VOUCHER_STALE":
      return new VoucherError(
        reason,
        `a voucher over ${reason.amount} parts came, and we hold one over ${reason.held}`,
      );
    case "VOUCHER_OVER_OWED":
      return new VoucherError(
        reason,
        `the voucher adds ${reason.increment} parts, and ${reason.owed} are owed`,
      );
    case "VOUCHER_OVER_POT":
      return new VoucherError(
        reason,
        `the voucher is over ${reason.amount} parts, and the pot covers ${reason.pot}`,
      );
    case "VOUCHER_DUST":
      return new VoucherError(
        reason,
        `the voucher adds ${reason.increment} parts, at least ${reason.min} are worth verifying`,
      );
    case "VOUCHER_UNGUARANTEED":
      return new VoucherError(
        reason,
        reason.unpayable === undefined
          ? `kept, but ${reason.exposed} parts of what we hold are not guaranteed, at most ${reason.softCap} may be`
          : `kept, but the pot has promised ${reason.unpayable} parts of what we hold to others`,
      );
    case "VOUCHER_POT_CLOSING":
      return new VoucherError(
        reason,
        `kept, but the pot closes at ${new Date(reason.closeAt * 1000).toISOString()}`,
      );
    case "VOUCHER_POT_FINAL":
      return new VoucherError(reason, "the pot is final and pays nothing more");
    default:
      return new VoucherError(reason, reason.code);
  }
}
