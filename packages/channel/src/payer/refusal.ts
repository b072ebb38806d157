import { PotError, type PotReason } from "../config.ts";
import { MAX_AMOUNT } from "../voucher.ts";

/** What a pot refuses, in words for people. */
export function refusal(reason: PotReason): PotError {
  switch (reason.code) {
    case "POT_EMPTY":
      return new PotError(
        reason,
        `the pot has ${reason.free} parts left, and ${reason.need} are due`,
      );
    case "POT_BAD_AMOUNT":
      return new PotError(reason, `${reason.amount} is no amount of parts: 1 to ${MAX_AMOUNT}`);
    case "POT_BAD_LANE":
      return new PotError(reason, `${reason.payee}, lane ${reason.lane}, is no lane`);
    case "POT_CLOSED":
      return new PotError(reason, `the pot is ${reason.state} and pays nothing more`);
    default:
      return new PotError(reason, reason.code);
  }
}
