import {
  type Amount,
  type Clock,
  type Random,
  secureRandom,
  systemClock,
  type Wei,
} from "@tabcast/runtime";
import { getAddress } from "viem";
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
import { check, PotError, potId as potIdOf, separator } from "../config.ts";
import type { Currency } from "../currency.ts";
import { newSecret, openSecret } from "../secret.ts";
import { type Store, StoreError } from "../store/store.ts";
import type { Domain, Hex, PayerPot, PotConfig } from "../types.ts";
import { MAX_AMOUNT } from "../voucher.ts";
import { CLOSE, PAY_GAS } from "./fuel.ts";
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
  /** Amount for the session key's own transactions; what is left comes back. Default: twice what settling 16 lanes costs now; for more it takes gas out of the pot. */
  readonly signerGas?: Wei;
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
  readonly store: Store;
  readonly signal: AbortSignal;
  /** What the pot is in. Default: the chain's own coin. */
  readonly currency?: Currency;
  readonly clock?: Clock;
  /** The chain to use instead of the one behind `rpc`. */
  readonly chain?: Chain;
}

/** Lanes of as many workers that the session key can pay at the end before it takes gas out of the pot. */
const LANES = 16n;

/**
 * Makes a session key, deposits, and gives the pot to pay from. Throws ChainError (CHAIN_UNREACHABLE, CHAIN_WRONG_ID,
 * CHAIN_NO_CONTRACT, CHAIN_INSUFFICIENT, CHAIN_REJECTED, ...), PotError or StoreError. If it fails after the deposit was sent,
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
      from: (await chain.height({ signal })).toString(),
    };
    const opened = await makeDeposit(record, { chain, store, payer, potId, signerGas, signal });
    const parts = { chain, store, clock, payer, key: account, lanes: [], release };
    return await startPot({ ...parts, record: opened, resumed: false });
  } catch (error) {
    release();
    throw error;
  }
}

/** Twice what the end of a pot of 16 lanes costs now, wei. */
async function settlingCost(chain: Chain, waits: Waits): Promise<Wei> {
  const work = { gas: LANES * PAY_GAS + CLOSE.gas, transactions: 1 + CLOSE.transactions };
  return (2n * (await chain.costOf(work, waits))) as Wei;
}

/** Deposits what the record says, with the record on disk at each step; the record of the open pot. */
async function makeDeposit(
  first: PotRecord,
  { chain, store, payer, potId, signerGas, signal }: DepositParts,
): Promise<PotRecord> {
  let record = first;
  const keep = async (next: PotRecord) => {
    await store.write([potChange(potId, next)]);
    record = next;
  };
  // Before a coin moves: the key that can bring it back is on disk.
  await keep(record);
  let sent: Sent;
  try {
    sent = await chain.deposit(payer, record.config, {
      amount: BigInt(record.deposited) as Amount,
      signerGas,
      signal,
      before: (raw) => keep({ ...record, raw }),
    });
  } catch (error) {
    // Certainly not sent: nothing to come back to. What a browser wallet did before it failed, only it knows.
    const refused = error instanceof ChainError && NOT_SENT.has(error.code);
    if (record.raw === undefined && (refused || !("provider" in payer)))
      await store.write([[potKey(potId), undefined]]);
    throw error;
  }
  await keep({ ...record, openGas: sent.gas.toString() });
  return record;
}

interface DepositParts {
  readonly chain: Chain;
  readonly store: Store;
  readonly payer: Wallet;
  readonly potId: Hex;
  readonly signerGas: Wei;
  readonly signal: AbortSignal;
}

const NOT_SENT: ReadonlySet<string> = new Set([
  "CHAIN_INSUFFICIENT",
  "CHAIN_REJECTED",
  "CHAIN_WRONG_ID",
  "CHAIN_REVERTED",
]);

/**
 * Opens a stored pot again after a crash: sends a deposit that did not get out, signs what was intended and not signed. Throws
 * POT_UNKNOWN, POT_NOT_OPENED, STORE_LOCKED, STORE_SEAL_BROKEN without a wallet, or ChainError.
 */
export async function resumePot(options: ResumePotOptions): Promise<PayerPot> {
  const { potId, payer, store, signal, clock = systemClock } = options;
  const release = await store.lock(potKey(potId), { signal });
  try {
    let record = await readPot(store, potId);
    const { domain } = record;
    const chain = options.chain ?? (await connect({ ...options, domain, clock }));
    if (record.openGas === undefined) {
      const sent = record.raw ? await chain.resend(record.raw, { signal }) : undefined;
      if (!sent && !(await chain.pot(potId, { signal })).exists)
        throw new PotError(
          { code: "POT_NOT_OPENED", potId },
          "the deposit of this pot never reached the chain",
        );
      record = { ...record, openGas: (sent?.gas ?? 0n).toString() };
      await store.write([potChange(potId, record)]);
    }
    const key = await keyOf(record, store, payer);
    if (key === undefined && record.key !== undefined && !record.keyLost) {
      record = { ...record, keyLost: true };
      await store.write([potChange(potId, record)]);
    }
    const lanes = await readLanes(store, potId);
    const parts = { chain, store, clock, payer, key, record, lanes, release };
    return await startPot({ ...parts, resumed: true });
  } catch (error) {
    release();
    throw error;
  }
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
