/**
 * How money gets into a pot, with each step on disk before it is done.
 *
 *   coins                    store, sign and store, send
 *   tokens with EIP-3009     store, ask for the signature and store it, gas to the session key, which brings the deposit
 *   tokens without           store, approve exactly the amount, sign and store, send
 *
 * Authority: the token's own note of used authorizations for whether a signed deposit arrived. An authorization that is stored with
 * its signature may be brought again and again until it is void: the token takes it once.
 */
import type { Amount, Random, Wei } from "@tabcast/runtime";
import { bytesToHex } from "viem/utils";
import {
  type Chain,
  ChainError,
  type Sent,
  type Waits,
  type Wallet,
  type WalletSent,
} from "../chain/chain.ts";
import { short } from "../chain/chain-error.ts";
import { isCoin } from "../chain/token.ts";
import { potId as potIdOf, separator } from "../config.ts";
import type { PotConfig } from "../types.ts";
import { type Asked, answered, askOf, fateOf } from "./asked.ts";
import * as Authorization from "./authorization.ts";
import { costOf } from "./fuel.ts";

/** What is stored of money on its way. */
export interface Way {
  /** The signed transaction, if it is one of a key in this tab. */
  readonly raw?: `0x${string}`;
  /** The same if a browser's wallet was asked for it. */
  readonly asked?: Asked;
  readonly authorization?: Authorization.Authorization;
}

export interface FundOptions extends Waits {
  readonly chain: Chain;
  readonly config: PotConfig;
  readonly payer: Wallet;
  /** Brings what the payer has authorized; undefined: the payer's wallet sends everything itself. */
  readonly key: Wallet | undefined;
  /** Pays the session key's gas for that. */
  readonly gasFrom: Wallet;
  /** As `BringOptions` says. */
  readonly keepsBack?: Wei;
  readonly amount: Amount;
  readonly signerGas: Wei;
  readonly random: Random;
  /** Stores how far it has come, before the next step. */
  readonly keep: (way: Way) => Promise<void>;
}

/** Throws CHAIN_TOKEN_SHORT unless the account has so many of the token. In the coin, sending finds that out. */
export async function requireTokens(
  chain: Chain,
  account: `0x${string}`,
  amount: Amount,
  waits: Waits,
): Promise<void> {
  if (isCoin(chain.currency)) return;
  const have = await chain.tokenBalance(account, waits);
  if (have < amount) throw short(account, chain.currency, have, amount);
}

/** Deposits, in the way that what the pot is in allows. Throws ChainError, StoreError. */
export async function fund(options: FundOptions): Promise<Sent | undefined> {
  const { chain, payer, key, amount, signal } = options;
  if (isCoin(chain.currency)) return sendDeposit(options);
  await requireTokens(chain, payer.address, amount, { signal });
  const token = key && (await chain.authorizing({ signal }));
  if (!token || !key) {
    await allow(options);
    return sendDeposit(options);
  }
  const { signerGas, random, keep } = options;
  const meant: Authorization.Authorization = {
    amount: amount.toString(),
    validBefore: (await chain.now({ signal })) + Authorization.VALID_S,
    authSalt: bytesToHex(random.bytes(32)),
    signerGas: signerGas.toString(),
  };
  await keep({ authorization: meant });
  const { contract } = chain.domain;
  const potId = potIdOf(separator(chain.domain), options.config);
  const signature = await Authorization.sign(payer, meant, { token, contract, potId, signal });
  const authorization = { ...meant, signature, shown: false };
  await keep({ authorization });
  return bring(authorization, { ...options, key });
}

async function sendDeposit(options: FundOptions): Promise<Sent> {
  const { chain, payer, config, amount, signerGas, signal, keep } = options;
  const asked = await askOf(chain, payer, { signal });
  if (asked) await keep({ asked });
  return chain.deposit(payer, config, {
    ...{ amount, signerGas, signal },
    before: (raw) => keep({ raw }),
    sentAs: (sent) => noted(asked, sent, signal, (asked) => keep({ asked })),
  });
}

/** Stores what a wallet has answered; nothing where nobody waits for it any more, and the books may be another tab's. */
async function noted(
  asked: Asked | undefined,
  sent: WalletSent,
  signal: AbortSignal,
  keep: (asked: Asked) => Promise<void>,
): Promise<void> {
  if (asked && !signal.aborted) await keep(answered(asked, sent));
}

/** Lets the contract take exactly the amount; what an earlier try has allowed is not asked for again. */
async function allow({ chain, payer, amount, signal }: FundOptions): Promise<void> {
  const allowed = await chain.allowance(payer.address, { signal });
  if (allowed >= amount) return;
  // Some tokens let an allowance be changed only from or to nothing.
  if (allowed > 0n) await chain.approve(payer, 0n as Amount, { signal });
  await chain.approve(payer, amount, { signal });
}

export type BringOptions = Pick<FundOptions, "chain" | "config" | "keep" | "signal"> & {
  readonly key: Wallet;
  /** Undefined: the key must have its gas already. */
  readonly gasFrom: Wallet | undefined;
  /** What the key must still have after it, wei: for the end of a pot that is open. Default 0. */
  readonly keepsBack?: Wei;
};

/**
 * Brings a signed deposit to the chain, unless it is there; undefined if it was already. Throws CHAIN_TOKEN_LATE when it is void,
 * CHAIN_REVERTED where the token refuses it, CHAIN_INSUFFICIENT where nobody pays the gas.
 */
export async function bring(
  authorization: Authorization.Authorization,
  options: BringOptions,
): Promise<Sent | undefined> {
  const { chain, config, key, signal } = options;
  const waits = { signal };
  const ready = Authorization.signed(authorization);
  const { validBefore } = authorization;
  const used = () => isUsed(authorization, options);
  if (!ready || (await used())) return undefined;
  if ((await chain.now(waits)) >= validBefore)
    throw new ChainError(
      { code: "CHAIN_TOKEN_LATE", validBefore },
      "the signed deposit was not brought in time and is void; nothing was paid",
    );
  try {
    // First what it costs, which shows whether the token will have it: no gas is sent in vain.
    const action = { do: "depositWithAuthorization", config, authorization: ready } as const;
    const cost = await costOf({ chain }, key.address, action, waits);
    const filled = await refill(authorization, cost, options);
    if (filled.shown === false) await options.keep({ authorization: { ...filled, shown: true } });
    return await chain.depositWithAuthorization(key, config, ready, waits);
  } catch (error) {
    // Anyone may bring it, and somebody else may have been first.
    if (error instanceof ChainError && error.code === "CHAIN_REVERTED" && (await used()))
      return undefined;
    throw error;
  }
}

/** True if the token has noted the authorization: it was brought, since only the contract can use it, or the payer cancelled it. */
export function isUsed(
  authorization: Authorization.Authorization,
  { chain, config, signal }: Pick<BringOptions, "chain" | "config" | "signal">,
): Promise<boolean> {
  const potId = potIdOf(separator(chain.domain), config);
  const nonce = Authorization.nonceOf(potId, authorization);
  return chain.authorizationUsed(config.payer, nonce, { signal });
}

/**
 * Sends the session key the coins to bring a deposit, and what it is to have beyond, if it lacks the former; the authorization as it is
 * stored then. Throws CHAIN_UNCONFIRMED while what a browser's wallet has sent may still arrive.
 */
async function refill(
  authorization: Authorization.Authorization,
  cost: Wei,
  { chain, key, gasFrom, keepsBack = 0n as Wei, keep, signal }: BringOptions,
): Promise<Authorization.Authorization> {
  const waits = { signal };
  const least = cost + keepsBack;
  if ((await chain.balance(key.address, waits)) >= least) return authorization;
  await finishGas(authorization, chain, waits);
  await requireNoGas(authorization, chain, waits);
  const have = await chain.balance(key.address, waits);
  if (have >= least || !gasFrom) return authorization;
  const { gasAsked: _, ...plain } = authorization;
  const asked = await askOf(chain, gasFrom, waits);
  let stored: Authorization.Authorization = plain;
  const store = async (gas: Pick<Authorization.Authorization, "gasRaw" | "gasAsked">) => {
    stored = { ...plain, ...gas };
    await keep({ authorization: stored });
  };
  if (asked) await store({ gasAsked: asked });
  try {
    await chain.sendCoins(gasFrom, key.address, {
      amount: (least + BigInt(authorization.signerGas) - have) as Wei,
      before: (gasRaw) => store({ gasRaw }),
      sentAs: (sent) => noted(asked, sent, signal, (gasAsked) => store({ gasAsked })),
      ...waits,
    });
  } catch (error) {
    if (asked && isUnsent(error)) await store({});
    throw error;
  }
  return stored;
}

/** True where a wallet has certainly sent nothing. */
export const isUnsent = (error: unknown): boolean =>
  error instanceof ChainError &&
  (UNSENT.has(error.code) ||
    (error.reason.code === "CHAIN_REVERTED" && error.reason.hash === undefined));

const UNSENT: ReadonlySet<string> = new Set([
  "CHAIN_REJECTED",
  "CHAIN_INSUFFICIENT",
  "CHAIN_WRONG_ID",
  "CHAIN_NO_CONTRACT",
]);

/** Throws CHAIN_UNCONFIRMED while gas that a browser's wallet has sent may still arrive: asked again, it would send it twice. */
async function requireNoGas(
  { gasAsked }: Authorization.Authorization,
  chain: Chain,
  waits: Waits,
): Promise<void> {
  const hash = gasAsked?.hash;
  if (!gasAsked || !hash || (await fateOf(chain, gasAsked, 0, waits)) !== "open") return;
  const seconds = (await chain.now(waits)) - gasAsked.at;
  throw new ChainError(
    { code: "CHAIN_UNCONFIRMED", hash, seconds },
    `the gas that the wallet sent ${seconds} s ago, ${hash}, is in no block; it may still arrive`,
  );
}

/** Ends a transfer of gas of an earlier life, which may be on its way, or forgotten by the chain: it has arrived then, or never will. */
export async function finishGas(
  { gasRaw }: Pick<Authorization.Authorization, "gasRaw">,
  chain: Chain,
  waits: Waits,
): Promise<void> {
  if (gasRaw === undefined) return;
  await chain.resend(gasRaw, waits).catch((error: unknown) => {
    if (!isVoid(error)) throw error;
  });
}

/** A transfer that can never be carried out any more: another one is due. */
export const isVoid = (error: unknown): boolean =>
  error instanceof ChainError && VOID.has(error.code);

const VOID: ReadonlySet<string> = new Set(["CHAIN_REPLACED", "CHAIN_REVERTED"]);
