import { tabcastPotAbi, tabcastPotBytecode } from "@tabcast/contracts";
import { type Clock, systemClock, type Wei } from "@tabcast/runtime";
import {
  type ContractFunctionArgs,
  type ContractFunctionName,
  encodeDeployData,
  getAddress,
  type LocalAccount,
  zeroAddress,
} from "viem";
import {
  getBalance,
  getBlock,
  getChainId,
  getCode,
  getTransactionReceipt,
  readContract,
} from "viem/actions";
import { least } from "../least.ts";
import type { Address, Domain, Hex, Lane, PotConfig, SignedVoucher } from "../types.ts";
import { type Action, callOf, type Reservation } from "./action.ts";
import { ChainError, noContract } from "./chain-error.ts";
import {
  EVENT_BLOCKS,
  eventsOf,
  type HistoryOptions,
  type HistoryPage,
  history,
} from "./history.ts";
import {
  type ChainNews,
  fees,
  Link,
  type Quote,
  type Sent,
  type Waits,
  type Wallet,
} from "./link.ts";
import type { PotEvent } from "./pot-event.ts";

export type { Action, Reservation } from "./action.ts";
export { ChainError, type ChainReason } from "./chain-error.ts";
export type { HistoryOptions, HistoryPage } from "./history.ts";
export type { ChainNews, Quote, Sent, Waits, Wallet, WalletProvider } from "./link.ts";
export type { PotEvent } from "./pot-event.ts";

/** A pot as the chain has it. */
export interface PotState {
  /** Deposited and neither claimed nor refunded, wei. */
  readonly balance: Wei;
  /** 0: open; a unix second: closing, final from then; FINALIZED: final. */
  readonly closeAt: number;
  /** The part of the balance that is promised to lanes, wei. */
  readonly reserved: Wei;
  /** False if nobody ever deposited into it. */
  readonly exists: boolean;
}

/** A lane as the chain has it. */
export interface LaneState {
  /** Paid so far, wei. */
  readonly claimed: Wei;
  /** Payment is guaranteed up to this total, wei, until `until`. */
  readonly ceiling: Wei;
  /** Last unix second of the guarantee. */
  readonly until: number;
  /** Changes of the reservation so far. */
  readonly version: number;
}

export interface DepositOptions extends Waits {
  /** Wei for the pot. */
  readonly amount: Wei;
  /** Wei handed on to the session key. */
  readonly signerGas: Wei;
  /** Called with the signed transaction before it is sent, if the key is in this tab: a second deposit would pay twice. */
  readonly before?: (raw: Hex) => Promise<void>;
}

/** One TabcastPot on one chain. Every call takes a signal and is bounded in time. */
export interface Chain {
  readonly domain: Domain;
  readonly rpc: string;
  /** Hundredths of a percent of each payment. */
  readonly feeBps: number;
  pot(potId: Hex, waits: Waits): Promise<PotState>;
  /** Wei paid to each lane, in the order asked. */
  claimed(potId: Hex, lanes: readonly Lane[], waits: Waits): Promise<readonly Wei[]>;
  /** Every lane's whole state, in the order asked, in one request. */
  lanes(potId: Hex, lanes: readonly Lane[], waits: Waits): Promise<readonly LaneState[]>;
  /** What the account can withdraw, wei. */
  credit(account: Address, waits: Waits): Promise<Wei>;
  /** The account's own coins, wei. */
  balance(account: Address, waits: Waits): Promise<Wei>;
  /** The chain's clock, unix seconds. */
  now(waits: Waits): Promise<number>;
  /** Number of the newest block. */
  height(waits: Waits): Promise<bigint>;
  /** Wei per unit of gas that a transaction may have to pay now. */
  gasPrice(waits: Waits): Promise<Wei>;
  /** A pot's events from a block on, oldest first. */
  events(potId: Hex, from: bigint, waits: Waits): Promise<readonly PotEvent[]>;
  /** What happened to an account's money in this contract, newest first, page by page. */
  history(account: Address, options: HistoryOptions): Promise<HistoryPage>;
  /** What an action of `from` would cost now. Throws as sending would: CHAIN_REVERTED, CHAIN_INSUFFICIENT. */
  quote(from: Address, action: Action, waits: Waits): Promise<Quote>;
  /** A transaction that was sent before. Undefined if no block has it. */
  sent(hash: Hex, waits: Waits): Promise<Sent | undefined>;
  deposit(wallet: Wallet, config: PotConfig, options: DepositOptions): Promise<Sent>;
  /** Sends a signed transaction again and waits for it. */
  resend(raw: Hex, waits: Waits): Promise<Sent>;
  claim(
    wallet: Wallet,
    config: PotConfig,
    vouchers: readonly SignedVoucher[],
    waits: Waits,
  ): Promise<Sent>;
  pay(
    wallet: Wallet,
    config: PotConfig,
    rows: readonly (Lane & { readonly cumulative: Wei })[],
    waits: Waits,
  ): Promise<Sent>;
  /** Guarantees lanes; a row that does not fit is passed over and told as `reservationRefused`. */
  reserve(
    wallet: Wallet,
    config: PotConfig,
    rows: readonly Reservation[],
    waits: Waits,
  ): Promise<Sent>;
  startClose(wallet: Wallet, config: PotConfig, waits: Waits): Promise<Sent>;
  cancelClose(wallet: Wallet, config: PotConfig, waits: Waits): Promise<Sent>;
  finalizeClose(wallet: Wallet, config: PotConfig, waits: Waits): Promise<Sent>;
  /** Sends an account's whole credit to that account; any wallet may. */
  withdraw(wallet: Wallet, account: Address, waits: Waits): Promise<Sent>;
  /** Sends part of the wallet's own credit to any address, wei. Throws CHAIN_REVERTED with CreditTooSmall. */
  withdrawTo(wallet: Wallet, to: Address, amount: Wei, waits: Waits): Promise<Sent>;
  /** Sends all that a key in this tab owns to another address; undefined if that is less than the gas. */
  sweep(from: LocalAccount, to: Address, waits: Waits): Promise<Sent | undefined>;
}

export interface ConnectOptions extends Waits {
  readonly domain: Domain;
  /** JSON-RPC over HTTP. */
  readonly rpc: string;
  /** Milliseconds for one RPC request. Default 10_000. */
  readonly timeout?: number;
  /** Milliseconds until a sent transaction must be deep enough. Default 120_000, and 15_000 for each confirmation above one. */
  readonly patience?: number;
  /** Blocks that a transaction must have, its own included. Default 12 on Ethereum's main chain, else 1. Source: facts of payments, 7. */
  readonly confirmations?: number;
  /** Wei per unit of gas that is paid at most: dearer, and it waits, until CHAIN_GAS_HIGH. Default: no cap. */
  readonly gasCap?: Wei;
  /** Milliseconds without a block after which a call that may happen twice is offered for more gas. Default 30_000. */
  readonly repriceAfter?: number;
  /** Told what goes on while a caller waits. */
  readonly onNews?: (news: ChainNews) => void;
  readonly clock?: Clock;
}

/** Finds the contract. Throws CHAIN_UNREACHABLE, CHAIN_WRONG_ID or CHAIN_NO_CONTRACT. */
export async function connect(options: ConnectOptions): Promise<Chain> {
  const { domain, rpc, signal, clock = systemClock, confirmations } = options;
  const { contract } = domain;
  const depth = confirmations ?? (domain.chainId === 1 ? 12 : 1);
  const link = new Link({
    rpc,
    contract,
    timeout: options.timeout ?? 10_000,
    patience: options.patience ?? 120_000 + (depth - 1) * 15_000,
    confirmations: depth,
    repriceAfter: options.repriceAfter ?? 30_000,
    gasCap: options.gasCap,
    clock,
    onNews: options.onNews ?? (() => {}),
  });

  await link.requireChain(domain.chainId, signal);
  const feeBps = await link
    .ask(signal, async (client) => {
      if (!(await getCode(client, { address: contract }))) throw noContract(contract, rpc);
      return readContract(client, {
        address: contract,
        abi: tabcastPotAbi,
        functionName: "FEE_BPS",
      });
    })
    .catch((error: unknown) => {
      // Code that does not answer as ours is as good as none.
      if (error instanceof ChainError && error.code === "CHAIN_FAILED")
        throw noContract(contract, rpc, error);
      throw error;
    });

  const read = <
    Name extends ContractFunctionName<typeof tabcastPotAbi, "view">,
    Args extends ContractFunctionArgs<typeof tabcastPotAbi, "view", Name>,
  >(
    { signal }: Waits,
    functionName: Name,
    args: Args,
  ) =>
    link.ask(signal, (client) =>
      readContract(client, { address: contract, abi: tabcastPotAbi, functionName, args }),
    );
  // An async function, so that what `callOf` throws rejects.
  const send = async (wallet: Wallet, action: Action, { signal }: Waits) =>
    link.send(wallet, callOf(contract, action), domain, { signal });

  async function laneStates(
    potId: Hex,
    lanes: readonly Lane[],
    waits: Waits,
  ): Promise<readonly LaneState[]> {
    if (lanes.length === 0) return [];
    const payees = lanes.map(({ payee }) => payee);
    const numbers = lanes.map(({ lane }) => lane);
    const states = await read(waits, "laneStates", [potId, payees, numbers]);
    return states.map(({ claimed, ceiling, until, version }) => ({
      claimed: claimed as Wei,
      ceiling: ceiling as Wei,
      until,
      version,
    }));
  }

  return {
    domain,
    rpc,
    feeBps,
    async pot(potId, waits) {
      const pot = await read(waits, "potState", [potId]);
      const { balance, reserved, closeAt, maxUntil } = pot;
      return {
        balance: balance as Wei,
        reserved: reserved as Wei,
        closeAt,
        exists: maxUntil !== 0,
      };
    },
    claimed: async (potId, lanes, waits) =>
      (await laneStates(potId, lanes, waits)).map(({ claimed }) => claimed),
    lanes: laneStates,
    credit: async (account, waits) => (await read(waits, "credits", [account, zeroAddress])) as Wei,
    balance: (address, { signal }) =>
      link.ask(signal, async (client) => (await getBalance(client, { address })) as Wei),
    now: ({ signal }) => link.now(signal),
    height: ({ signal }) => link.ask(signal, async (client) => (await getBlock(client)).number),
    gasPrice: ({ signal }) => link.ask(signal, async (client) => (await fees(client)).price as Wei),
    async events(potId, from, { signal }) {
      const last = await link.ask(signal, async (client) => (await getBlock(client)).number);
      const found: PotEvent[] = [];
      for (let at = from; at <= last; at += EVENT_BLOCKS) {
        const to = least(at + EVENT_BLOCKS - 1n, last);
        found.push(...(await eventsOf(link, contract, [null, potId], { from: at, to, signal })));
      }
      return found;
    },
    history: (account, options) => history(link, contract, account, options),
    quote: (from, action, { signal }) => link.quote(from, callOf(contract, action), signal),
    sent: (hash, { signal }) => link.receipt(hash, signal),
    deposit: (wallet, config, { amount, signerGas, before, signal }) =>
      link.send(wallet, callOf(contract, { do: "deposit", config, amount, signerGas }), domain, {
        signal,
        before,
        once: true,
      }),
    resend: (raw, { signal }) => link.resend(raw, signal),
    claim: (wallet, config, vouchers, waits) =>
      send(wallet, { do: "claim", config, vouchers }, waits),
    pay: (wallet, config, rows, waits) => send(wallet, { do: "pay", config, rows }, waits),
    reserve: (wallet, config, rows, waits) => send(wallet, { do: "reserve", config, rows }, waits),
    startClose: (wallet, config, waits) => send(wallet, { do: "startClose", config }, waits),
    cancelClose: (wallet, config, waits) => send(wallet, { do: "cancelClose", config }, waits),
    finalizeClose: (wallet, config, waits) => send(wallet, { do: "finalizeClose", config }, waits),
    withdraw: (wallet, account, waits) => send(wallet, { do: "withdraw", account }, waits),
    withdrawTo: (wallet, to, amount, waits) =>
      send(wallet, { do: "withdrawTo", to, amount }, waits),
    sweep: (from, to, { signal }) => link.sweep(from, to, domain, signal),
  };
}

/** Puts a new TabcastPot, without fee, on a chain. Throws ChainError. */
export async function deploy(options: {
  readonly rpc: string;
  readonly wallet: Wallet;
  readonly signal: AbortSignal;
  readonly clock?: Clock;
}): Promise<{ readonly domain: Domain; readonly gas: bigint }> {
  const { rpc, wallet, signal, clock = systemClock } = options;
  const link = new Link({
    rpc,
    contract: undefined,
    timeout: 10_000,
    patience: 120_000,
    confirmations: 1,
    repriceAfter: 30_000,
    gasCap: undefined,
    clock,
    onNews: () => {},
  });
  const chainId = await link.ask(signal, (client) => getChainId(client));
  const data = encodeDeployData({
    abi: tabcastPotAbi,
    bytecode: tabcastPotBytecode,
    args: [0, zeroAddress, zeroAddress], // no fee, no Permit2
  });
  const domain = { chainId, contract: zeroAddress as Address };
  const { hash, gas } = await link.send(wallet, { data, value: 0n }, domain, { signal });
  const { contractAddress } = await link.ask(signal, (client) =>
    getTransactionReceipt(client, { hash }),
  );
  if (!contractAddress)
    throw new ChainError({ code: "CHAIN_FAILED" }, `${hash} created no contract`);
  return { domain: { chainId, contract: getAddress(contractAddress) }, gas };
}
