import { CodedError, describe } from "@tabcast/runtime";
import * as Money from "@tabcast/tab/money";
import { inEther, type NetworkMoney } from "./unit.ts";

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

/** What is said of each code that `packages/channel` throws; CHAIN_INSUFFICIENT and CHAIN_REVERTED say more where they know it. */
export const byCode: Readonly<Record<string, Words>> = {
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
    advice:
      "One of them is behind or lies, so nothing was done. Try again in a minute; if it stays, whoever runs this page must change one of them.",
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
  CHAIN_REVERTED: again,
  CHAIN_FAILED: again,
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
  CHAIN_TOKEN_SHORT: insufficient,
  CHAIN_TOKEN_NONE: {
    title: "There is no token at the configured address",
    advice: "Nothing was taken. Whoever runs this page has to correct its configuration.",
  },
  CHAIN_TOKEN_BAD: {
    title: "The token is another than the configuration says",
    advice: "Nothing was taken. Whoever runs this page has to correct its configuration.",
  },
  CHAIN_TOKEN_INEXACT: {
    title: "The token kept a part of the transfer",
    advice: "Tokens that take a fee cannot be used. Nothing was taken.",
  },
  CHAIN_TOKEN_FROZEN: {
    title: "The token's issuer has frozen an account or the token",
    advice: "Ask the issuer. What the contract owes you stays there until you can withdraw it.",
  },
  CHAIN_TOKEN_SIGNATURE: {
    title: "This wallet signs in a form that the token does not take",
    advice: "Nothing was taken. Pay from a wallet with a plain key.",
  },
  CHAIN_TOKEN_LATE: {
    title: "The signed deposit came too late and is void",
    advice: "Nothing was taken. Put the deposit in again.",
  },
  CHAIN_TOKEN_CANCELLED: {
    title: "The signed deposit was cancelled in the token",
    advice: "Nothing was taken. Put the deposit in again.",
  },
  CHAIN_GAS_HIGH: {
    title: "Fees are too high just now",
    advice: "This would have cost more than its limit, so nothing was sent. Try again later.",
  },
  POT_EMPTY: {
    title: "The pot is empty",
    advice: "Workers are not paid from it any more. Add to the deposit, or end the stream.",
  },
  POT_BAD_AMOUNT: {
    title: "That is no amount for a pot",
    advice: "Choose an amount above zero.",
  },
  POT_NOT_OPENED: {
    title: "This deposit never reached the chain",
    advice: "No money left the wallet, so there is nothing to bring back.",
  },
  POT_ASKED_BEFORE: {
    title: "Your wallet was asked for this before, and it may still arrive",
    advice:
      "Confirm it, speed it up or cancel it in the wallet; what has arrived is found by itself. Nothing was asked for a second time.",
  },
  POT_UNBALANCED: {
    title: "The chain's books of this pot do not add up",
    advice: "Do not go live again before you have looked at the pot on the chain.",
  },
  POT_BAD_LANE: {
    title: "A worker named no account that can be paid",
    advice: "Nothing was signed for it; other workers are not affected. Nothing is left to do.",
  },
  POT_CLOSED: {
    title: "This pot is being settled",
    advice: "No more is signed from it. Start a new stream with a new deposit.",
  },
  POT_BAD_CONFIG: {
    title: "The stream's pot has rules that no contract would take",
    advice: "This tab does not work for it. Wait for another stream.",
  },
  POT_ELSEWHERE: {
    title: "The stream's pot is on another chain or in another contract",
    advice:
      "This tab could not claim from it, so it does not work for it. Wait for another stream.",
  },
  POT_TOKEN: {
    title: "The stream pays in another coin",
    advice: "This tab takes the coin of this page. Wait for another stream.",
  },
  POT_CHALLENGE_SHORT: {
    title: "The stream's pot leaves too little time to claim",
    advice: "This tab does not work for it. Wait for another stream.",
  },
  POT_FEE: {
    title: "The contract keeps a larger fee than this tab accepts",
    advice: "Whoever runs this page has to name another contract.",
  },
  POT_UNFUNDED: {
    title: "The stream's pot holds too little",
    advice: "This tab does not work for it until more is deposited. Wait for another stream.",
  },
  POT_CLOSING: {
    title: "The stream's pot is closing",
    advice: "It pays for no new work. Claim what it owes you before it ends.",
  },
  POT_FINAL: {
    title: "This pot was settled",
    advice: "Everything in it was paid or refunded. Withdraw what is ready.",
  },
  POT_UNKNOWN: {
    title: "This browser has no books of that pot",
    advice: "Open this page in the browser that made the deposit.",
  },
  PURSE_NO_ACCOUNT: {
    title: "This tab knows only the address",
    advice: "Connect the wallet of that address to claim and withdraw.",
  },
  STORE_LOCKED: {
    title: "Another tab is using this money's books",
    advice: "Finish there, or close that tab, then try again here.",
  },
  STORE_SEAL_BROKEN: {
    title: "A key that this browser kept was changed or belongs to another browser",
    advice:
      "Go back to the browser profile that made the deposit; the wallet that paid can close the pot too.",
  },
  STORE_CLOSED: {
    title: "This tab was just closing its books",
    advice: "Reload the page, then try again. What was signed is kept.",
  },
  STORE_UNAVAILABLE: {
    title: "This browser keeps nothing for this page",
    advice: "Leave private browsing or free some disk space, then reload the page.",
  },
  STORE_CORRUPT: {
    title: "A line of this browser's books cannot be read",
    advice: "The others still count. Claim what is shown, so that it is safe on the chain.",
  },
  PAYEE_PROOF_MALFORMED: {
    title: "This wallet signs in a form that others cannot check",
    advice: "Use a wallet of a plain key, or work without signing: payment is the same.",
  },
  PAYEE_PROOF_FORGED: {
    title: "The signature is not this address's",
    advice: "Choose the address in the wallet that is shown here, then sign again.",
  },
  PAYEE_PROOF_DECLINED: {
    title: "You declined to sign",
    advice: "It works without. You can sign whenever you like.",
  },
  VOUCHER_MALFORMED: {
    title: "A payment came in a form that the contract would not take",
    advice: "It was dropped, and this tab works no further for who sent it. Nothing is left to do.",
  },
  VOUCHER_MISDIRECTED: {
    title: "A payment came that was meant for somebody else",
    advice: "It was dropped. Nothing is left to do.",
  },
  VOUCHER_UNTRUSTED_POT: {
    title: "A payment came from a pot that this tab has not checked",
    advice: "It was dropped. Nothing is left to do.",
  },
  VOUCHER_FORGED: {
    title: "A payment was not signed by the broadcaster",
    advice: "It was dropped, and this tab works no further for who sent it. Nothing is left to do.",
  },
  VOUCHER_STALE: {
    title: "A payment came that is lower than one before it",
    advice: "The higher one counts, and the broadcaster is shown it. Nothing is left to do.",
  },
  VOUCHER_OVER_OWED: {
    title: "A payment came for more than was delivered",
    advice: "It was dropped, since somebody may have made a mistake. Nothing is left to do.",
  },
  VOUCHER_OVER_POT: {
    title: "The pot does not hold what was signed",
    advice: "This tab works for the stream again when the broadcaster adds to the deposit.",
  },
  VOUCHER_DUST: {
    title: "A payment was too small to be looked at",
    advice: "The next one covers it. Nothing is left to do.",
  },
  VOUCHER_UNGUARANTEED: {
    title: "More is owed to you than is guaranteed",
    advice: "Press Claim to have it for certain, or wait for the broadcaster's guarantee.",
  },
  VOUCHER_POT_CLOSING: {
    title: "The payment came while the pot is closing",
    advice: "It is kept. Claim it before the pot ends.",
  },
  VOUCHER_POT_FINAL: {
    title: "The payment came after the pot was settled",
    advice: "It cannot be claimed any more. Withdraw what is ready.",
  },
  WATCHTOWER_WORTHLESS: {
    title: "A payment is worth less than claiming it costs",
    advice: "No other tab keeps it yet. Work on: the next payment adds to it.",
  },
  WATCHTOWER_NO_GAS: {
    title: "This tab has too little gas to claim for others",
    advice: "Send a little of the chain's coin to its gas purse. Your own money is not affected.",
  },
  WATCHTOWER_FULL: {
    title: "This tab keeps as many payments for others as it can",
    advice: "Their owners give them to other tabs. Nothing is left to do.",
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
  AddressEmptyCode: {
    title: "The pot's token is not there",
    advice: "Nothing was taken. Pay in another coin.",
  },
  FailedCall: {
    title: "The account does not take the money",
    advice: "Nothing was taken. Withdraw to another address.",
  },
  InsufficientBalance: {
    title: "The contract holds less than it was asked for",
    advice: "Nothing was taken. Look at the amounts here, then try again.",
  },
  ReentrancyGuardReentrantCall: {
    title: "Something tried to take money twice in one go",
    advice: "It was stopped, and nothing was taken. Withdraw to an address of a plain wallet.",
  },
  SafeCastOverflowedUintDowncast: {
    title: "The amount is larger than a pot can count",
    advice: "Choose a smaller amount.",
  },
  SafeERC20FailedOperation: {
    title: "The token refused the transfer",
    advice: "Nothing was taken. See that the wallet holds enough of the token, then try again.",
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

/** What is told of an account that has too little: of the coin, which pays gas, or of the token that pots are in. */
interface Lack {
  readonly code: string;
  readonly have?: unknown;
  readonly need?: unknown;
}

function lacks({ code, have, need }: Lack, { pay, coin }: NetworkMoney): Words {
  if (typeof have !== "bigint" || typeof need !== "bigint") return insufficient;
  const ofToken = code === "CHAIN_TOKEN_SHORT";
  const unit = ofToken ? pay : coin;
  const [held, needed] = [Money.text(Money.of(have, unit)), Money.text(Money.of(need, unit), "up")];
  // Where pots are in a token, what lacks in the coin is gas, and a smaller amount would not help.
  if (!ofToken && pay.kind === "token")
    return {
      title: "Not enough for gas in the wallet",
      advice: `It has ${held}, and up to ${needed} is needed for gas. Send it a little of the chain's coin.`,
    };
  return {
    ...insufficient,
    advice: `It has ${held}, and ${needed} is needed${ofToken ? "" : " with the fee"}. Choose a smaller amount or add money.`,
  };
}

/** What to tell a person about a failure of money; undefined if the error is of another kind. Walks no further than 8 causes. */
export function moneyWords(thrown: unknown, money: NetworkMoney = inEther): Words | undefined {
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
      }> & { reason: Lack };
      if (reason.code === "CHAIN_INSUFFICIENT" || reason.code === "CHAIN_TOKEN_SHORT")
        return lacks(reason, money);
      if (reason.code === "CHAIN_REVERTED") return byRevert[String(reason.error)] ?? again;
      // What lies under it may be known better.
      if (reason.code !== "CHAIN_FAILED" && byCode[reason.code]) return byCode[reason.code];
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
export function inWords(thrown: unknown, money: NetworkMoney = inEther): string {
  const said = moneyWords(thrown, money);
  return said === undefined ? describe(thrown) : `${said.title}. ${said.advice}`;
}
