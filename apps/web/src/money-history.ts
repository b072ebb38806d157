import type { Address, Hex } from "@tabcast/channel";
import { Amount } from "@tabcast/runtime";
import type { History } from "@tabcast/tab";
import { isAddressEqual } from "viem";
import { shortAddress, shortId } from "./format.ts";

type MoneyEvent = History["events"][number];

/** First bytes of a call of `claim` and of `claimAsWatchtower`: the broadcaster itself sends others. Source: ITabcastPot.sol. */
export const CLAIMS: readonly Hex[] = ["0x587a61f6", "0x3256118e"];

/** One line of an account's history. */
export interface MoneyLine {
  /** Unique among the account's events. */
  readonly id: string;
  /** Unix seconds. */
  readonly at: number;
  readonly what: string;
  readonly amount?: Amount;
  /** The transaction. */
  readonly hash: Hex;
  /** The stream or pot it was about, shortened; missing where it was about none. */
  readonly of?: string;
}

/** How the account came to be paid, as far as the transaction tells. */
function earned(sent: ReturnType<History["senders"]["get"]>, account: Address): string {
  if (sent === undefined) return "Earned, from a pot to your credit";
  if (isAddressEqual(sent.from, account)) return "Earned: you claimed it";
  return CLAIMS.includes(sent.call)
    ? "Earned: a watchtower claimed it for you"
    : "Earned: the broadcaster paid it at the end";
}

/** What is known beside the events: who sent the transactions, and which stream a pot pays for. */
export interface Known {
  readonly senders: History["senders"];
  readonly streams: ReadonlyMap<string, string>;
}

/** What the chain says of an account's money, for people; what tells its owner nothing is left out. */
export function moneyLines(
  events: readonly MoneyEvent[],
  account: Address,
  { senders, streams }: Known,
): MoneyLine[] {
  return events.flatMap((event) => {
    const { hash, index, at, potId } = event;
    const stream = potId && streams.get(potId);
    const of = stream ? `stream ${shortId(stream)}` : potId ? `pot ${shortId(potId)}` : undefined;
    const line = (what: string, amount?: Amount): MoneyLine[] => [
      {
        id: `${hash}/${index}`,
        at,
        what,
        hash,
        ...(of !== undefined && { of }),
        ...(amount !== undefined && { amount }),
      },
    ];
    switch (event.type) {
      case "opened":
        return line("A stream's pot was opened");
      case "deposited":
        return line("Put in a pot", event.amount);
      case "claimed":
        return isAddressEqual(event.payee, account)
          ? line(earned(senders.get(hash), account), Amount.sub(event.paid, event.fee))
          : line(`Paid to ${shortAddress(event.payee)}`, event.paid);
      case "shared":
        return line("Your share of what your watchtower claimed for others", event.share);
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
