import type { Address, Chain } from "@tabcast/channel";
import type { Wei } from "@tabcast/runtime";
import { isAddressEqual } from "viem";
import { shortAddress } from "./format.ts";

type MoneyEvent = Chain.HistoryPage["events"][number];

/** One line of an account's history. */
export interface MoneyLine {
  /** Unique among the account's events. */
  readonly id: string;
  /** Unix seconds. */
  readonly at: number;
  readonly what: string;
  readonly amount?: Wei;
}

/** What the chain says of an account's money, for people; what tells its owner nothing is left out. */
export function moneyLines(events: readonly MoneyEvent[], account: Address): MoneyLine[] {
  return events.flatMap((event) => {
    const { hash, index, at } = event;
    const line = (what: string, amount?: Wei): MoneyLine[] => [
      { id: `${hash}/${index}`, at, what, ...(amount !== undefined && { amount }) },
    ];
    switch (event.type) {
      case "opened":
        return line("A stream's pot was opened");
      case "deposited":
        return line("Put in a pot", event.amount);
      case "claimed":
        return isAddressEqual(event.payee, account)
          ? line("Earned, from a pot to your credit", event.paid)
          : line(`Paid to ${shortAddress(event.payee)}`, event.paid);
      case "bounced":
        return line("A pot held too little: not paid", event.shortfall);
      case "final":
        return line("A pot was closed, and the rest came back", event.refund);
      case "withdrawn":
        return isAddressEqual(event.to, account)
          ? line("Withdrawn", event.amount)
          : line(`Withdrawn to ${shortAddress(event.to)}`, event.amount);
      default:
        return [];
    }
  });
}
