import { CodedError, describe } from "@tabcast/runtime";
import { money } from "./format.ts";

/** A failure for people: what happened, and what they can do. */
export interface Words {
  readonly title: string;
  readonly advice: string;
}

const rejected: Words = {
  title: "You declined in the wallet",
  advice: "Nothing was sent. You can try again whenever you like.",
};
const wrongNetwork: Words = {
  title: "The wallet is on another network",
  advice: "Switch the wallet to the network named on this page, then try again.",
};
const insufficient: Words = {
  title: "Not enough money in the wallet",
  advice: "The amount and its fee must both be covered. Choose a smaller amount or add money.",
};
const pending: Words = {
  title: "The wallet still waits for an answer",
  advice: "Open the wallet: an earlier question of this page is there. Answer it, then try again.",
};
const unreachable: Words = {
  title: "The chain does not answer",
  advice: "Nothing can be sent just now. Check the connection and try again.",
};
const replaced: Words = {
  title: "Another transaction took this one's place",
  advice:
    "It was sped up or cancelled in the wallet, or another program used the same account. Look at the amounts here before you try again.",
};
const gone: Words = {
  title: "The wallet is no longer connected",
  advice: "Connect it again on this page. What was signed before is kept.",
};
const again: Words = {
  title: "The chain did not do it",
  advice:
    "Look at the amounts here, then try again. If it stays, the contract's address may be wrong.",
};

const byCode: Readonly<Record<string, Words>> = {
  CHAIN_UNREACHABLE: unreachable,
  CHAIN_BUSY: {
    title: "The chain's server takes no more questions just now",
    advice: "Wait a minute, then try again. Nothing was lost.",
  },
  CHAIN_BAD_ANSWER: {
    title: "The chain's server answered nonsense",
    advice:
      "Nothing was lost. Try again; if it stays, whoever runs this page must change the server.",
  },
  CHAIN_DISAGREES: {
    title: "Two servers of the chain tell different things",
    advice: "One of them is wrong, so nothing was done. Try again later.",
  },
  CHAIN_LOG_LIMIT: {
    title: "The chain's server does not give out this history",
    advice: "Your money is not affected. Whoever runs this page can choose another server.",
  },
  CHAIN_WRONG_ID: wrongNetwork,
  CHAIN_NO_CONTRACT: {
    title: "There is no pot contract at the configured address",
    advice: "Whoever runs this page has to correct its configuration.",
  },
  CHAIN_INSUFFICIENT: insufficient,
  CHAIN_REJECTED: rejected,
  CHAIN_UNCONFIRMED: {
    title: "The transaction was sent but is not in a block yet",
    advice: "It may still arrive. Wait a little before you try again, or you may pay twice.",
  },
  CHAIN_REPLACED: replaced,
  CHAIN_NONCE: {
    title: "Another program uses the same account",
    advice:
      "Its transactions and ours took each other's place in the row. Close it, then try again.",
  },
  CHAIN_UNDERPRICED: {
    title: "The chain asks for a higher fee",
    advice: "What was offered is below what it takes now. Nothing was sent. Try again.",
  },
  CHAIN_GAS_HIGH: {
    title: "Fees are too high just now",
    advice: "This would have cost more than its limit, so nothing was sent. Try again later.",
  },
  POT_EMPTY: {
    title: "The pot is empty",
    advice: "Workers are not paid from it any more. Start a new stream with a larger deposit.",
  },
  POT_BAD_AMOUNT: {
    title: "That is no amount for a pot",
    advice: "Choose an amount above zero.",
  },
  POT_NOT_OPENED: {
    title: "This deposit never reached the chain",
    advice: "No money left the wallet, so there is nothing to bring back.",
  },
  POT_UNBALANCED: {
    title: "The chain's books of this pot do not add up",
    advice: "Do not go live again before you have looked at the pot on the chain.",
  },
  PURSE_NO_ACCOUNT: {
    title: "This tab knows only the address",
    advice: "Connect the wallet of that address to claim and withdraw.",
  },
  STORE_LOCKED: {
    title: "Another tab is using this money's books",
    advice: "Finish there, or close that tab, then try again here.",
  },
};

/** What the contract's own errors mean. Source: ITabcastPot.sol. */
const byRevert: Readonly<Record<string, Words>> = {
  ZeroAmount: { title: "The amount is zero", advice: "Choose an amount above zero." },
  ZeroAddress: { title: "The address is empty", advice: "Give an address that somebody owns." },
  TokenRequired: {
    title: "This needs a token, and the pot holds the chain's own coin",
    advice: "Pay in the coin of this page.",
  },
  InexactTransfer: {
    title: "The token kept a part of the transfer",
    advice: "Tokens that take a fee cannot be used. Pay in another coin. Nothing was taken.",
  },
  Permit2Unknown: {
    title: "This contract takes no signed token transfers",
    advice: "Pay by an ordinary transaction.",
  },
  BadSignature: {
    title: "The contract does not accept the signature",
    advice:
      "It may be for another pot, chain or account. Try again from the account that owns the money.",
  },
  ChallengePeriodOutOfBounds: {
    title: "The time that workers have to claim is out of bounds",
    advice: "Whoever runs this page has to correct it: 15 minutes to 7 days.",
  },
  WrongValue: {
    title: "The wallet changed the amount",
    advice: "Nothing was taken. Try again, and leave the amount in the wallet as it is.",
  },
  FeeTooHigh: {
    title: "The contract's fee is above its own limit",
    advice: "Whoever runs this page has to correct its configuration.",
  },
  PotUnknown: {
    title: "The chain knows no such pot",
    advice: "Its deposit did not arrive, or the chain was started anew.",
  },
  PotIsFinal: {
    title: "This pot is settled already",
    advice: "Everything in it was paid or refunded. Look at what can be withdrawn.",
  },
  PotClosing: {
    title: "This pot is closing",
    advice: "It takes no more money. Workers may still claim, then the rest comes back.",
  },
  PotNotClosing: {
    title: "This pot is still open",
    advice: "Settle it first; the rest comes back when workers have had their time to claim.",
  },
  ChallengeRunning: {
    title: "Workers may still claim from this pot",
    advice: "The rest comes back when their time is over. Try again then.",
  },
  NotAuthorised: {
    title: "This account may not do that",
    advice: "Use the account that paid the deposit.",
  },
  CreditTooSmall: {
    title: "There is less to withdraw than that",
    advice: "Withdraw at most what is shown as ready.",
  },
  LengthMismatch: {
    title: "The page sent the contract lists that do not fit",
    advice: "This is a mistake of ours. Nothing was taken.",
  },
};

/** EIP-1193, EIP-1474 and what wallets in use send. */
const byNumber: Readonly<Record<number, Words>> = {
  4001: rejected,
  4100: {
    title: "The wallet does not let this page use the account",
    advice: "Connect it again and allow this page to see the account.",
  },
  4200: {
    title: "The wallet cannot do this",
    advice: "Use another wallet, or the play money of a local chain.",
  },
  4900: gone,
  4901: wrongNetwork,
  4902: wrongNetwork,
  [-32002]: pending,
  [-32005]: unreachable,
};

/** Messages that come without a number of their own. */
const byText: readonly (readonly [RegExp, Words])[] = [
  [/user (rejected|denied|cancel)/i, rejected],
  [/insufficient (funds|balance)/i, insufficient],
  [/replacement|nonce (too low|has already)|was replaced/i, replaced],
  [/already (pending|processing)/i, pending],
  [/failed to fetch|fetch failed|networkerror|timed? ?out|econnrefused/i, unreachable],
  [/revert/i, again],
];

const lacks = (have: unknown, need: unknown): Words =>
  typeof have === "bigint" && typeof need === "bigint"
    ? {
        ...insufficient,
        advice: `It has ${money(have)}, and ${money(need)} is needed with the fee. Choose a smaller amount or add money.`,
      }
    : insufficient;

/** What to tell a person about a failure of money; undefined if the error is of another kind. Walks no further than 8 causes. */
export function moneyWords(thrown: unknown): Words | undefined {
  const all: unknown[] = [];
  for (let one = thrown; typeof one === "object" && one !== null && all.length < 8; ) {
    all.push(one);
    one = (one as { cause?: unknown }).cause;
  }
  for (const one of all) {
    if (one instanceof CodedError) {
      const { reason } = one as CodedError<{
        code: string;
        error?: unknown;
        have?: unknown;
        need?: unknown;
      }>;
      if (reason.code === "CHAIN_INSUFFICIENT") return lacks(reason.have, reason.need);
      if (reason.code === "CHAIN_REVERTED") return byRevert[String(reason.error)] ?? again;
      const known = byCode[reason.code];
      if (known !== undefined) return known;
    }
    const { code } = one as { code?: unknown };
    if (typeof code === "number" && byNumber[code] !== undefined) return byNumber[code];
  }
  for (const one of all) {
    const { message } = one as { message?: unknown };
    const said = byText.find(([pattern]) => typeof message === "string" && pattern.test(message));
    if (said !== undefined) return said[1];
  }
  // It came from the chain and nobody knows it: its own text may be a server's, with hex in it.
  return all.some((one) => one instanceof CodedError && one.code === "CHAIN_FAILED")
    ? again
    : undefined;
}

/** Failures of money in plain words, others as they say themselves. */
export function inWords(thrown: unknown): string {
  const said = moneyWords(thrown);
  return said === undefined ? describe(thrown) : `${said.title}. ${said.advice}`;
}
