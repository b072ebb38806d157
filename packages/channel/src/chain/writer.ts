import type { Address, Domain } from "../types.ts";
import { type Action, callOf } from "./action.ts";
import type { Chain } from "./chain.ts";
import type { Sender } from "./sender.ts";
import { approval } from "./token.ts";
import type { Waits, Wallet } from "./types.ts";

/** The part of a chain that sends transactions. */
export type Writer = Pick<
  Chain,
  | "deposit"
  | "depositWithAuthorization"
  | "approve"
  | "sendCoins"
  | "resend"
  | "fate"
  | "claim"
  | "claimAsWatchtower"
  | "pay"
  | "reserve"
  | "startClose"
  | "cancelClose"
  | "finalizeClose"
  | "withdraw"
  | "withdrawTo"
  | "sweep"
>;

/** Sends what one contract can be asked to do with pots and credits in one token. */
export function openWriter(sender: Sender, domain: Domain, token: Address): Writer {
  const { contract } = domain;
  // An async function, so that what `callOf` throws rejects.
  const send = async (wallet: Wallet, action: Action, { signal }: Waits) =>
    sender.send(wallet, callOf(contract, action), domain, { signal });

  return {
    deposit: (wallet, config, { amount, signerGas, before, sentAs, signal }) =>
      sender.send(wallet, callOf(contract, { do: "deposit", config, amount, signerGas }), domain, {
        ...{ signal, before, sentAs },
        once: true,
      }),
    depositWithAuthorization: (wallet, config, authorization, waits) =>
      send(wallet, { do: "depositWithAuthorization", config, authorization }, waits),
    approve: (wallet, amount, { signal }) =>
      sender.send(wallet, approval(token, contract, amount), domain, { signal }),
    sendCoins: (wallet, to, { amount, before, sentAs, signal }) =>
      sender.send(wallet, { to, value: amount }, domain, { signal, before, sentAs, once: true }),
    resend: (raw, { signal }) => sender.resend(raw, signal),
    fate: (sent, { signal }) => sender.fate(sent, signal),
    claim: (wallet, config, vouchers, waits) =>
      send(wallet, { do: "claim", config, vouchers }, waits),
    claimAsWatchtower: (wallet, config, vouchers, { beneficiary, ...waits }) =>
      send(wallet, { do: "claimAsWatchtower", config, vouchers, beneficiary }, waits),
    pay: (wallet, config, rows, { lapsed = [], ...waits }) =>
      send(wallet, { do: "pay", config, rows, lapsed }, waits),
    reserve: (wallet, config, rows, { lapsed = [], ...waits }) =>
      send(wallet, { do: "reserve", config, rows, lapsed }, waits),
    startClose: (wallet, config, waits) => send(wallet, { do: "startClose", config }, waits),
    cancelClose: (wallet, config, waits) => send(wallet, { do: "cancelClose", config }, waits),
    finalizeClose: (wallet, config, waits) => send(wallet, { do: "finalizeClose", config }, waits),
    withdraw: (wallet, account, waits) => send(wallet, { do: "withdraw", account, token }, waits),
    // Twice the same amount would leave, unlike with the calls above.
    withdrawTo: async (wallet, to, amount, { signal }) =>
      sender.send(wallet, callOf(contract, { do: "withdrawTo", to, token, amount }), domain, {
        signal,
        once: true,
      }),
    sweep: (from, to, { signal }) => sender.sweep(from, to, domain, signal),
  };
}
