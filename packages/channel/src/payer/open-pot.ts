import {
  type Amount,
  type Clock,
  type Random,
  secureRandom,
  systemClock,
  type Wei,
} from "@tabcast/runtime";
import { getAddress, type PrivateKeyAccount } from "viem";
import { bytesToHex } from "viem/utils";
import {
  type Chain,
  ChainError,
  connect,
  type Sent,
  type Waits,
  type Wallet,
} from "../chain/chain.ts";
import * as Chains from "../chain/chains.ts";
import { isCoin } from "../chain/token.ts";
import { check, PotError, potId as potIdOf, separator } from "../config.ts";
import type { Currency } from "../currency.ts";
import { newSecret, openSecret } from "../secret.ts";
import { type Store, StoreError } from "../store/store.ts";
import type { Domain, Hex, PayerPot, PotConfig } from "../types.ts";
import { MAX_AMOUNT } from "../voucher.ts";
import { isDead, LOOK_MS, SURE } from "./again.ts";
import { DAY_S, fateOf } from "./asked.ts";
import { CLOSE, PAY_GAS } from "./fuel.ts";
import { bring, finishGas, fund } from "./fund.ts";
import { startPot } from "./pot.ts";
import { type PotRecord, potChange, potKey, readLanes, readPot } from "./pot-record.ts";
import { refusal } from "./refusal.ts";

export interface OpenPotOptions {
  readonly domain: Domain;
  /** JSON-RPC over HTTP. */
  readonly rpc: string;
  /** Whose coins are deposited, and who gets the refund. */
  readonly payer: Wallet;
  /** Amount for the workers. */
  readonly deposit: Amount;
  readonly store: Store;
  readonly signal: AbortSignal;
  /** Seconds that workers have to claim after the close began. Default: the chain's own, in chains.ts; 900 to 604_800. */
  readonly challengePeriod?: number;
  /**
   * For the session key's own transactions; what is left comes back. Default: twice what settling 16 lanes costs now; for more it
   * takes gas out of the pot. A pot in a token has no gas to take, so there it is for 64 lanes.
   */
  readonly signerGas?: Wei;
  /**
   * Pays the session key's gas where the deposit is only signed, as a token with EIP-3009 allows; its coins come back here. Default:
   * the payer, by a second dialog.
   */
  readonly gasFrom?: Wallet;
  /** What the pot is in. Default: the chain's own coin. */
  readonly currency?: Currency;
  readonly clock?: Clock;
  /** Makes the pot's salt. Default: the platform's cryptographic randomness. */
  readonly random?: Random;
  /** The chain to use instead of the one behind `rpc`. */
  readonly chain?: Chain;
}

export interface ResumePotOptions {
  readonly potId: Hex;
  readonly rpc: string;
  /** Steps in when the session key has no coins left, or cannot be unsealed any more. */
  readonly payer?: Wallet;
  /** Pays gas that the session key lacks. Default: the payer. */
  readonly gasFrom?: Wallet;
  readonly store: Store;
  readonly signal: AbortSignal;
  /** What the pot is in. Default: the chain's own coin. */
  readonly currency?: Currency;
  readonly clock?: Clock;
  /** Makes the salts of what is signed. Default: the platform's cryptographic randomness. */
  readonly random?: Random;
  /** The chain to use instead of the one behind `rpc`. */
  readonly chain?: Chain;
}

/** Lanes of as many workers that the session key can pay at the end before it takes gas out of the pot. */
const LANES = 16n;
/** The same where the pot is in a token, which is no gas. */
const TOKEN_LANES = 64n;

/**
 * Makes a session key, deposits, and gives the pot to pay from. Throws ChainError (CHAIN_UNREACHABLE, CHAIN_WRONG_ID,
 * CHAIN_NO_CONTRACT, CHAIN_INSUFFICIENT, CHAIN_TOKEN_SHORT, CHAIN_REJECTED, ...), PotError or StoreError. If it fails after the deposit was sent,
 * `resumePot` finds it.
 */
export async function openPot(options: OpenPotOptions): Promise<PayerPot> {
  const { domain, payer, deposit, store, signal } = options;
  const { clock = systemClock, random = secureRandom } = options;
  if (deposit <= 0n || deposit > MAX_AMOUNT)
    throw refusal({ code: "POT_BAD_AMOUNT", amount: deposit });
  const chain = options.chain ?? (await connect({ ...options, clock }));
  const { account, sealed } = await newSecret(store);
  const config: PotConfig = {
    payer: getAddress(payer.address),
    signer: account.address,
    token: chain.currency.token,
    challengePeriod: options.challengePeriod ?? Chains.of(domain.chainId).challengeSeconds,
    salt: bytesToHex(random.bytes(32)),
  };
  check(config, chain.currency);
  const potId = potIdOf(separator(domain), config);
  const signerGas = options.signerGas ?? (await settlingCost(chain, { signal }));

  const release = await store.lock(potKey(potId), { signal });
  try {
    const record: PotRecord = {
      domain,
      config,
      state: "open",
      deposited: deposit.toString(),
      key: sealed,
      ...(options.gasFrom && { gasFrom: options.gasFrom.address }),
      from: (await chain.height({ signal })).toString(),
    };
    const parts = { chain, store, clock, random, payer, gasFrom: options.gasFrom, key: account };
    const opened = await makeDeposit(record, { ...parts, potId, signerGas, signal });
    return await startPot({ ...parts, lanes: [], release, record: opened, resumed: false });
  } catch (error) {
    release();
    throw error;
  }
}

/** Twice what the end of a pot of that many lanes costs now, wei. */
async function settlingCost(chain: Chain, waits: Waits): Promise<Wei> {
  const lanes = isCoin(chain.currency) ? LANES : TOKEN_LANES;
  const work = { gas: lanes * PAY_GAS + CLOSE.gas, transactions: 1 + CLOSE.transactions };
  return (2n * (await chain.costOf(work, waits))) as Wei;
}

/** Deposits what the record says, with the record on disk at each step; the record of the open pot. */
async function makeDeposit(first: PotRecord, parts: DepositParts): Promise<PotRecord> {
  const { chain, store, payer, potId, key, signerGas, random, signal } = parts;
  let record = first;
  const keep = async (next: PotRecord) => {
    await store.write([potChange(potId, next)]);
    record = next;
  };
  // Before a coin moves: the key that can bring it back is on disk.
  await keep(record);
  let sent: Sent | undefined;
  try {
    sent = await fund({
      ...{ chain, config: record.config, payer, key, gasFrom: parts.gasFrom ?? payer },
      ...{ amount: BigInt(record.deposited) as Amount, signerGas, random, signal },
      keep: (way) => keep({ ...record, ...way }),
    });
  } catch (error) {
    if (await isOver(error, record, parts)) await store.write([[potKey(potId), undefined]]);
    throw error;
  }
  await keep({ ...record, openGas: (sent?.gas ?? 0n).toString() });
  return record;
}

/** True if the deposit was certainly not made and never will be: nothing is left to come back to. */
async function isOver(error: unknown, record: PotRecord, parts: DepositParts): Promise<boolean> {
  const { raw, authorization } = record;
  const refused =
    error instanceof ChainError &&
    NOT_SENT.has(error.code) &&
    // One that is in a block shows everybody the authorization, and anyone may bring it again.
    !(error.reason.code === "CHAIN_REVERTED" && error.reason.hash !== undefined);
  // Until it is signed only we know of it.
  if (authorization !== undefined && authorization.signature === undefined) return true;
  if (authorization !== undefined) return refused && (await emptied(record, parts));
  // What a browser wallet did before it failed, only it knows.
  return raw === undefined && (refused || !("provider" in parts.payer));
}

/**
 * Sends home what the session key of a pot that was never opened has got; false if it could not, or if gas that a browser's wallet was
 * asked for may still come.
 */
async function emptied(
  { gasFrom, config, authorization }: PotRecord,
  { chain, key, signal }: Pick<DepositParts, "chain" | "key" | "signal">,
): Promise<boolean> {
  try {
    // Gas that came after the key is gone would be lost.
    if (authorization) await finishGas(authorization, chain, { signal });
    const asked = authorization?.gasAsked;
    if (asked && (await fateOf(chain, asked, DAY_S, { signal })) === "open") return false;
    if ((await chain.balance(key.address, { signal })) > 0n)
      await chain.sweep(key, gasFrom ?? config.payer, { signal });
    return true;
  } catch {
    return false; // the record keeps the key for another time
  }
}

interface DepositParts {
  readonly chain: Chain;
  readonly store: Store;
  readonly random: Random;
  readonly payer: Wallet;
  readonly gasFrom: Wallet | undefined;
  readonly key: PrivateKeyAccount;
  readonly potId: Hex;
  readonly signerGas: Wei;
  readonly signal: AbortSignal;
}

const NOT_SENT: ReadonlySet<string> = new Set([
  "CHAIN_INSUFFICIENT",
  "CHAIN_REJECTED",
  "CHAIN_WRONG_ID",
  "CHAIN_REVERTED",
  "CHAIN_TOKEN_SHORT",
  "CHAIN_TOKEN_INEXACT",
  "CHAIN_TOKEN_FROZEN",
  "CHAIN_TOKEN_SIGNATURE",
  "CHAIN_TOKEN_LATE",
]);

/**
 * Opens a stored pot again after a crash: sends a deposit that did not get out, signs what was intended and not signed. Throws
 * POT_UNKNOWN, POT_NOT_OPENED, STORE_LOCKED, STORE_SEAL_BROKEN without a wallet, or ChainError.
 */
export async function resumePot(options: ResumePotOptions): Promise<PayerPot> {
  const { potId, payer, gasFrom, store, signal, clock = systemClock } = options;
  const { random = secureRandom } = options;
  const release = await store.lock(potKey(potId), { signal });
  try {
    let record = await readPot(store, potId);
    const { domain } = record;
    const chain = options.chain ?? (await connect({ ...options, domain, clock }));
    check(record.config, chain.currency);
    const key = await keyOf(record, store, payer);
    if (record.openGas === undefined) {
      const paths = { chain, clock, store, key, gasFrom: gasFrom ?? payer, potId, signal };
      record = await finishDeposit(record, paths);
    }
    if (key === undefined && record.key !== undefined && !record.keyLost) {
      record = { ...record, keyLost: true };
      await store.write([potChange(potId, record)]);
    }
    const lanes = await readLanes(store, potId);
    const parts = { chain, store, clock, random, payer, gasFrom, key, record, lanes, release };
    return await startPot({ ...parts, resumed: true });
  } catch (error) {
    release();
    throw error;
  }
}

/** Sends signed bytes; "void" if three looks agree that they can never be carried out. Throws ChainError. */
async function sendSigned(
  raw: Hex,
  { chain, clock, signal }: Pick<FinishParts, "chain" | "clock" | "signal">,
): Promise<Sent | "void"> {
  for (let look = 1; ; look++) {
    try {
      return await chain.resend(raw, { signal });
    } catch (error) {
      if (!isDead(error)) throw error;
    }
    if (look === SURE) return "void";
    await clock.sleep(LOOK_MS, { signal });
  }
}

/**
 * Sends a deposit that did not get out, as it was signed. Throws POT_NOT_OPENED, with the gas sent home and the pot forgotten, where it
 * never can.
 */
async function finishDeposit(
  first: PotRecord,
  { chain, clock, store, key, gasFrom, potId, signal }: FinishParts,
): Promise<PotRecord> {
  let record = first;
  const keep = async (next: PotRecord) => {
    await store.write([potChange(potId, next)]);
    record = next;
  };
  const { config, raw, authorization } = record;
  let sent: Sent | undefined;
  if (raw) {
    const fate = await sendSigned(raw, { chain, clock, signal });
    if (fate !== "void") sent = fate;
    // The key's gas is in the deposit: nothing will ever be there to come back to.
    else if (!(await chain.pot(potId, { signal })).exists)
      await store.write([[potKey(potId), undefined]]);
  } else if (authorization && key) {
    try {
      sent = await bring(authorization, {
        ...{ chain, config, key, gasFrom, signal },
        keep: (way) => keep({ ...record, ...way }),
      });
    } catch (error) {
      if (!(error instanceof ChainError && error.code === "CHAIN_TOKEN_LATE")) throw error;
      if (await emptied(record, { chain, key, signal }))
        await store.write([[potKey(potId), undefined]]);
    }
  }
  // Nobody but us could have sent it, and we have not.
  const unsigned = authorization !== undefined && authorization.signature === undefined;
  if (unsigned) await store.write([[potKey(potId), undefined]]);
  if (unsigned || (!sent && !(await chain.pot(potId, { signal })).exists))
    throw new PotError(
      { code: "POT_NOT_OPENED", potId },
      "the deposit of this pot never reached the chain",
    );
  await keep({ ...record, openGas: (sent?.gas ?? 0n).toString() });
  return record;
}

interface FinishParts {
  readonly chain: Chain;
  readonly clock: Clock;
  readonly store: Store;
  readonly key: PrivateKeyAccount | undefined;
  readonly gasFrom: Wallet | undefined;
  readonly potId: Hex;
  readonly signal: AbortSignal;
}

/** The session key; undefined where it has gone home, or its seal is broken and a wallet is at hand to do without. */
async function keyOf({ key, config }: PotRecord, store: Store, payer: Wallet | undefined) {
  if (key === undefined) return undefined;
  try {
    return await openSecret(store, key, config.signer);
  } catch (error) {
    const broken = error instanceof StoreError && error.code === "STORE_SEAL_BROKEN";
    if (!broken || !payer) throw error;
    return undefined;
  }
}

export interface RecoverPotOptions extends Omit<ResumePotOptions, "payer" | "potId"> {
  readonly domain: Domain;
  /** From the pot's "opened" event, which `Chain.history` of the payer has. */
  readonly config: PotConfig;
  /** The event's block. */
  readonly from: bigint;
  /** The payer's wallet: only it, or the lost session key, may end the pot. */
  readonly payer: Wallet;
}

/**
 * Takes up a pot whose books and session key are lost, to settle it: nothing can be signed, and no voucher is known, so workers
 * must claim during the challenge. Throws POT_NOT_OPENED, POT_BAD_CONFIG, STORE_LOCKED or ChainError.
 */
export async function recoverPot(options: RecoverPotOptions): Promise<PayerPot> {
  const { domain, config, from, rpc, payer, store, signal, clock = systemClock } = options;
  const chain = options.chain ?? (await connect({ ...options, clock }));
  check(config, chain.currency);
  const potId = potIdOf(separator(domain), config);
  if ((await store.get(potKey(potId))) === undefined) {
    let deposited = 0n;
    for (const event of await chain.events(potId, from, { signal, only: ["Deposited"] }))
      if (event.type === "deposited") deposited += event.amount;
    if (deposited === 0n)
      throw new PotError({ code: "POT_NOT_OPENED", potId }, "the chain knows no such pot");
    const found: PotRecord = {
      domain,
      config,
      state: "open",
      deposited: deposited.toString(),
      from: from.toString(),
      openGas: "0",
    };
    await store.write([potChange(potId, found)]);
  }
  return resumePot({ potId, rpc, payer, store, signal, clock, chain });
}
