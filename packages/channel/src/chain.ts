import { tabcastPotAbi, tabcastPotBytecode } from "@tabcast/contracts";
import { type Clock, CodedError, systemClock, type Wei } from "@tabcast/runtime";
import {
  BaseError,
  type Client,
  type ContractFunctionArgs,
  type ContractFunctionName,
  createClient,
  decodeErrorResult,
  encodeDeployData,
  encodeFunctionData,
  formatEther,
  formatLog,
  getAddress,
  HttpRequestError,
  http,
  isAddressEqual,
  keccak256,
  type LocalAccount,
  parseEventLogs,
  RpcRequestError,
  slice,
  TimeoutError,
  TransactionReceiptNotFoundError,
  toHex,
  zeroAddress,
} from "viem";
import {
  estimateFeesPerGas,
  estimateGas,
  getBalance,
  getBlock,
  getChainId,
  getCode,
  getTransactionCount,
  getTransactionReceipt,
  readContract,
  sendRawTransaction,
} from "viem/actions";
import { least, most } from "./least.ts";
import { Queue } from "./queue.ts";
import type { Address, Domain, Hex, Lane, PotConfig, SignedVoucher } from "./types.ts";

export type ChainReason =
  /** Nothing answers at the RPC URL, or something that is no chain. */
  | { code: "CHAIN_UNREACHABLE"; rpc: string }
  | { code: "CHAIN_WRONG_ID"; expected: number; got: number }
  | { code: "CHAIN_NO_CONTRACT"; contract: Address }
  /** Wei. */
  | { code: "CHAIN_INSUFFICIENT"; account: Address; have: Wei; need: Wei }
  /** The contract refused; `error` is the name of its error. */
  | { code: "CHAIN_REVERTED"; error: string; args: readonly unknown[]; hash?: Hex }
  /** The person said no in the wallet. */
  | { code: "CHAIN_REJECTED" }
  /** Sent, and not in a block after this many seconds. It may still arrive. */
  | { code: "CHAIN_UNCONFIRMED"; hash: Hex; seconds: number }
  | { code: "CHAIN_FAILED" };

/** The chain, the RPC server or the wallet did not do what was asked. */
export class ChainError extends CodedError<ChainReason> {}

/** The part of a browser wallet (EIP-1193) that is used. */
export interface WalletProvider {
  request(args: { method: string; params?: unknown }): Promise<unknown>;
}

/** What sends transactions: a key in this tab, or a browser wallet and the address it shall use. */
export type Wallet =
  | LocalAccount
  | { readonly provider: WalletProvider; readonly address: Address };

export interface Waits {
  readonly signal: AbortSignal;
}

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

/** A guarantee to be given: the lane's `version` must still be the chain's. */
export type Reservation = Lane & Omit<LaneState, "claimed">;

/** What a pot's history says, oldest first. Amounts in wei. */
export type PotEvent = {
  readonly hash: Hex;
  readonly block: bigint;
} & (
  | { readonly type: "deposited"; readonly amount: Wei }
  | ({ readonly type: "claimed"; readonly paid: Wei; readonly claimed: Wei } & Lane)
  | ({ readonly type: "skipped"; readonly cumulative: Wei; readonly stale: boolean } & Lane)
  | ({ readonly type: "bounced"; readonly shortfall: Wei } & Lane)
  | ({ readonly type: "reserved"; readonly ceiling: Wei; readonly until: number } & Lane)
  /** What was reserved and is free again. */
  | ({ readonly type: "released"; readonly amount: Wei } & Lane)
  /** A row of a `reserve` that changed nothing; the reason's number is the contract's. */
  | ({ readonly type: "reservationRefused"; readonly reason: number } & Lane)
  | { readonly type: "closing"; readonly closeAt: number }
  | { readonly type: "reopened" }
  | { readonly type: "final"; readonly refund: Wei }
  | { readonly type: "withdrawn"; readonly account: Address; readonly amount: Wei }
);

/** A transaction that is in a block. */
export interface Sent {
  readonly hash: Hex;
  readonly block: bigint;
  /** Gas used. */
  readonly gas: bigint;
  /** Wei that the gas cost. */
  readonly cost: Wei;
  readonly events: readonly PotEvent[];
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
  /** Sends all that a key in this tab owns to another address; undefined if that is less than the gas. */
  sweep(from: LocalAccount, to: Address, waits: Waits): Promise<Sent | undefined>;
}

export interface ConnectOptions extends Waits {
  readonly domain: Domain;
  /** JSON-RPC over HTTP. */
  readonly rpc: string;
  /** Milliseconds for one RPC request. Default 10_000. */
  readonly timeout?: number;
  /** Milliseconds until a sent transaction must be in a block. Default 120_000. */
  readonly patience?: number;
  readonly clock?: Clock;
}

/** Most blocks that one request for events spans: public RPC servers refuse more. */
const EVENT_BLOCKS = 5_000n;
/** Most rows of one `pay`: about 10 million gas, a third of a block. */
const PAY_ROWS = 200;

/** Finds the contract. Throws CHAIN_UNREACHABLE, CHAIN_WRONG_ID or CHAIN_NO_CONTRACT. */
export async function connect(options: ConnectOptions): Promise<Chain> {
  const { domain, rpc, signal, clock = systemClock, patience = 120_000 } = options;
  const link = new Link(rpc, options.timeout ?? 10_000, patience, clock);
  const { contract } = domain;

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
  const send = (wallet: Wallet, data: Hex, { signal }: Waits, value = 0n, before?: Before) =>
    link.send(wallet, { to: contract, data, value }, domain, { signal, before });

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
    events: (potId, from, { signal }) =>
      link.ask(signal, async (client) => {
        const { number: last } = await getBlock(client);
        const found: PotEvent[] = [];
        for (let at = from; at <= last; at += EVENT_BLOCKS) {
          const toBlock = least(at + EVENT_BLOCKS - 1n, last);
          // Asked by topic: viem's own filter needs one event's name, and we want all of one pot.
          const logs = await client.request({
            method: "eth_getLogs",
            params: [
              {
                address: contract,
                topics: [null, potId],
                fromBlock: toHex(at),
                toBlock: toHex(toBlock),
              },
            ],
          });
          const parsed = parseEventLogs({
            abi: tabcastPotAbi,
            logs: logs.map((log) => formatLog(log)),
          });
          found.push(...potEvents(parsed));
        }
        return found;
      }),
    sent: (hash, { signal }) => link.receipt(hash, signal, contract),
    deposit: (wallet, config, { amount, signerGas, before, signal }) =>
      send(
        wallet,
        encodeFunctionData({
          abi: tabcastPotAbi,
          functionName: "deposit",
          args: [config, amount, signerGas],
        }),
        { signal },
        amount + signerGas,
        before,
      ),
    resend: (raw, { signal }) => link.resend(raw, contract, signal),
    claim: (wallet, config, vouchers, waits) =>
      send(
        wallet,
        encodeFunctionData({
          abi: tabcastPotAbi,
          functionName: "claim",
          args: [config, vouchers.map(({ signature, ...row }) => ({ ...row, ...rsv(signature) }))],
        }),
        waits,
      ),
    async pay(wallet, config, rows, waits) {
      if (rows.length > PAY_ROWS)
        throw new RangeError(`${rows.length} lanes in one transaction, at most ${PAY_ROWS}`);
      const data = encodeFunctionData({
        abi: tabcastPotAbi,
        functionName: "pay",
        args: [config, rows],
      });
      return send(wallet, data, waits);
    },
    async reserve(wallet, config, rows, waits) {
      if (rows.length > PAY_ROWS)
        throw new RangeError(`${rows.length} lanes in one transaction, at most ${PAY_ROWS}`);
      const data = encodeFunctionData({
        abi: tabcastPotAbi,
        functionName: "reserve",
        args: [config, rows],
      });
      return send(wallet, data, waits);
    },
    startClose: (wallet, config, waits) =>
      send(
        wallet,
        encodeFunctionData({ abi: tabcastPotAbi, functionName: "startClose", args: [config] }),
        waits,
      ),
    cancelClose: (wallet, config, waits) =>
      send(
        wallet,
        encodeFunctionData({ abi: tabcastPotAbi, functionName: "cancelClose", args: [config] }),
        waits,
      ),
    finalizeClose: (wallet, config, waits) =>
      send(
        wallet,
        encodeFunctionData({ abi: tabcastPotAbi, functionName: "finalizeClose", args: [config] }),
        waits,
      ),
    withdraw: (wallet, account, waits) =>
      send(
        wallet,
        encodeFunctionData({
          abi: tabcastPotAbi,
          functionName: "withdraw",
          args: [account, zeroAddress],
        }),
        waits,
      ),
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
  const link = new Link(rpc, 10_000, 120_000, clock);
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

/** The parts of a 65-byte signature; the contract takes no other form. */
const rsv = (signature: Hex) => ({
  r: slice(signature, 0, 32),
  s: slice(signature, 32, 64),
  v: Number(slice(signature, 64, 65)),
});

type Before = DepositOptions["before"];

interface Call {
  readonly to?: Address;
  readonly data?: Hex;
  readonly value: bigint;
}

/** One RPC server: requests with a bound, errors in our words, transactions of one key one after another. */
class Link {
  readonly #rpc: string;
  readonly #timeout: number;
  readonly #patience: number;
  readonly #clock: Clock;
  readonly #queues = new Map<string, Queue>();

  constructor(rpc: string, timeout: number, patience: number, clock: Clock) {
    this.#rpc = rpc;
    this.#timeout = timeout;
    this.#patience = patience;
    this.#clock = clock;
  }

  /** Asks the server; what it throws comes out as a ChainError, or as the signal's reason. */
  async ask<T>(signal: AbortSignal, work: (client: Client) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    // A client per question, because viem takes a signal only with the transport.
    const client = createClient({
      transport: http(this.#rpc, {
        timeout: this.#timeout,
        retryCount: 2,
        fetchOptions: { signal },
      }),
    });
    try {
      return await work(client);
    } catch (error) {
      signal.throwIfAborted();
      throw translate(error, this.#rpc);
    }
  }

  async requireChain(expected: number, signal: AbortSignal): Promise<void> {
    const got = await this.ask(signal, (client) => getChainId(client));
    if (got !== expected) throw wrongChain(expected, got, `the RPC server ${shown(this.#rpc)}`);
  }

  now(signal: AbortSignal): Promise<number> {
    return this.ask(signal, async (client) => {
      const latest = await getBlock(client);
      // A chain that makes blocks only on demand, as anvil does, shows the time only in the block to come.
      const pending = await getBlock(client, { blockTag: "pending" }).catch(() => latest);
      return Number(most(pending.timestamp, latest.timestamp));
    });
  }

  async receipt(
    hash: Hex,
    signal: AbortSignal,
    contract: Address | undefined,
  ): Promise<Sent | undefined> {
    const receipt = await this.ask(signal, async (client) => {
      try {
        return await getTransactionReceipt(client, { hash });
      } catch (error) {
        if (error instanceof TransactionReceiptNotFoundError) return undefined;
        throw error;
      }
    });
    if (!receipt) return undefined;
    if (receipt.status === "reverted")
      throw new ChainError(
        { code: "CHAIN_REVERTED", error: "unknown", args: [], hash },
        `the transaction ${hash} is in block ${receipt.blockNumber}, reverted`,
      );
    const ours = receipt.logs.filter((log) => contract && isAddressEqual(log.address, contract));
    return {
      hash,
      block: receipt.blockNumber,
      gas: receipt.gasUsed,
      cost: (receipt.gasUsed * receipt.effectiveGasPrice) as Wei,
      events: potEvents(parseEventLogs({ abi: tabcastPotAbi, logs: ours })),
    };
  }

  async #confirmed(hash: Hex, signal: AbortSignal, contract: Address | undefined): Promise<Sent> {
    const end = this.#clock.now() + this.#patience;
    for (let pause = 50; ; pause = Math.min(1000, pause * 1.5)) {
      const sent = await this.receipt(hash, signal, contract);
      if (sent) return sent;
      if (this.#clock.now() >= end)
        throw new ChainError(
          { code: "CHAIN_UNCONFIRMED", hash, seconds: this.#patience / 1000 },
          `the transaction ${hash} is in no block after ${this.#patience / 1000} s; it may still arrive`,
        );
      await this.#clock.sleep(pause, { signal });
    }
  }

  /** Sends a call and waits until it is in a block. One transaction of an account at a time: they share a nonce. */
  send(
    wallet: Wallet,
    call: Call,
    domain: Domain,
    { signal, before }: { signal: AbortSignal; before?: Before | undefined },
  ): Promise<Sent> {
    const name = wallet.address.toLowerCase();
    const queue = this.#queues.get(name) ?? new Queue();
    this.#queues.set(name, queue);
    return queue.run(async () => {
      const hash =
        "provider" in wallet
          ? await this.#sendByWallet(wallet, call, domain, signal)
          : await this.#sendByKey(wallet, call, domain, signal, before);
      return this.#confirmed(hash, signal, call.to);
    });
  }

  async #gas(wallet: Wallet, call: Call, signal: AbortSignal): Promise<bigint> {
    const have = await this.ask(signal, (client) =>
      getBalance(client, { address: wallet.address }),
    );
    if (have < call.value) throw insufficient(wallet.address, have, call.value);
    const gas = await this.ask(signal, (client) =>
      estimateGas(client, { account: wallet.address, ...call }),
    );
    // A fifth more than now: a claim that comes first changes what a later one costs.
    const limit = gas + gas / 5n;
    const { price } = await this.ask(signal, fees);
    const need = call.value + limit * price;
    if (have < need) throw insufficient(wallet.address, have, need);
    return limit;
  }

  async #sendByWallet(
    wallet: Extract<Wallet, { provider: unknown }>,
    call: Call,
    domain: Domain,
    signal: AbortSignal,
  ): Promise<Hex> {
    // Our own server first: it names the contract's error and the missing coins before the person sees a dialog.
    const gas = await this.#gas(wallet, call, signal);
    signal.throwIfAborted();
    try {
      const got = Number(await wallet.provider.request({ method: "eth_chainId" }));
      if (got !== domain.chainId) throw wrongChain(domain.chainId, got, "the wallet");
      const hash = await wallet.provider.request({
        method: "eth_sendTransaction",
        params: [
          {
            from: wallet.address,
            ...(call.to && { to: call.to }),
            ...(call.data && { data: call.data }),
            value: toHex(call.value),
            gas: toHex(gas),
          },
        ],
      });
      return hash as Hex;
    } catch (error) {
      throw translate(error, this.#rpc);
    }
  }

  async #sendByKey(
    account: LocalAccount,
    call: Call,
    domain: Domain,
    signal: AbortSignal,
    before: Before,
  ): Promise<Hex> {
    const gas = await this.#gas(account, call, signal);
    for (let attempt = 1; ; attempt++) {
      const { fee, nonce } = await this.ask(signal, async (client) => ({
        fee: (await fees(client)).fee,
        nonce: await getTransactionCount(client, { address: account.address, blockTag: "pending" }),
      }));
      const raw = await account.signTransaction({
        chainId: domain.chainId,
        nonce,
        gas,
        ...call,
        ...fee,
      });
      await before?.(raw);
      try {
        return await this.#broadcast(raw, signal);
      } catch (error) {
        // Another process used the same key in between: this transaction is void, and its nonce taken.
        if (attempt === 3 || !(error instanceof NonceTaken)) throw error;
      }
    }
  }

  /** The same bytes may be sent again and again: they are one transaction. */
  async #sendRaw(raw: Hex, signal: AbortSignal): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.ask(signal, (client) =>
          sendRawTransaction(client, { serializedTransaction: raw }),
        );
        return;
      } catch (error) {
        // viem does not try a transaction twice by itself.
        const lost = error instanceof ChainError && error.code === "CHAIN_UNREACHABLE";
        if (!lost || attempt === 3) throw error;
        await this.#clock.sleep(150 * attempt, { signal });
      }
    }
  }

  async #broadcast(raw: Hex, signal: AbortSignal): Promise<Hex> {
    const hash = keccak256(raw);
    try {
      await this.#sendRaw(raw, signal);
    } catch (error) {
      if (!(error instanceof ChainError)) throw error;
      const text = `${error.message} ${error.cause instanceof Error ? error.cause.message : ""}`;
      if (/already (known|imported)/i.test(text)) return hash;
      if (!/nonce|replacement/i.test(text)) throw error;
      // A request that was answered too late may have been taken all the same.
      const sent = await this.ask(signal, (client) =>
        getTransactionReceipt(client, { hash }).catch(() => undefined),
      );
      if (!sent) throw new NonceTaken(error.reason, error.message, { cause: error });
    }
    return hash;
  }

  async resend(raw: Hex, contract: Address, signal: AbortSignal): Promise<Sent> {
    const known = await this.receipt(keccak256(raw), signal, contract);
    if (known) return known;
    return this.#confirmed(await this.#broadcast(raw, signal), signal, contract);
  }

  async sweep(
    from: LocalAccount,
    to: Address,
    domain: Domain,
    signal: AbortSignal,
  ): Promise<Sent | undefined> {
    const have = await this.ask(signal, (client) => getBalance(client, { address: from.address }));
    const price = (await this.ask(signal, fees)).price;
    const gas = await this.ask(signal, (client) =>
      estimateGas(client, { account: from.address, to, value: 0n }),
    );
    const value = have - gas * price;
    if (value <= 0n) return undefined;
    const nonce = await this.ask(signal, (client) =>
      getTransactionCount(client, { address: from.address, blockTag: "pending" }),
    );
    // A fixed price, so that value plus gas is exactly what there is.
    const raw = await from.signTransaction({
      type: "legacy",
      chainId: domain.chainId,
      nonce,
      gas,
      gasPrice: price,
      to,
      value,
    });
    return this.#confirmed(await this.#broadcast(raw, signal), signal, undefined);
  }
}

class NonceTaken extends ChainError {}

type Fee =
  | { readonly maxFeePerGas: bigint; readonly maxPriorityFeePerGas: bigint }
  | { readonly type: "legacy"; readonly gasPrice: bigint };

/** What a transaction offers per unit of gas: EIP-1559 where the chain has it. */
async function fees(client: Client): Promise<{ readonly price: bigint; readonly fee: Fee }> {
  const block = await getBlock(client);
  if (block.baseFeePerGas === null) {
    const { gasPrice } = await estimateFeesPerGas(client, { chain: null, type: "legacy" });
    return { price: gasPrice, fee: { type: "legacy", gasPrice } };
  }
  const { maxFeePerGas, maxPriorityFeePerGas } = await estimateFeesPerGas(client, { chain: null });
  return { price: maxFeePerGas, fee: { maxFeePerGas, maxPriorityFeePerGas } };
}

type PotLog = ReturnType<typeof parseEventLogs<typeof tabcastPotAbi, true>>[number];

function potEvents(logs: readonly PotLog[]): PotEvent[] {
  return logs.flatMap((log): PotEvent[] => {
    const at = { hash: log.transactionHash, block: log.blockNumber };
    switch (log.eventName) {
      case "Deposited":
        return [{ ...at, type: "deposited", amount: log.args.amount as Wei }];
      case "Claimed": {
        const { payee, lane, paid, claimed } = log.args;
        return [
          { ...at, type: "claimed", payee, lane, paid: paid as Wei, claimed: claimed as Wei },
        ];
      }
      case "ClaimSkipped": {
        const { payee, lane, cumulative, reason } = log.args;
        return [
          {
            ...at,
            type: "skipped",
            payee,
            lane,
            cumulative: cumulative as Wei,
            stale: reason === 0,
          },
        ];
      }
      case "Bounced": {
        const { payee, lane, shortfall } = log.args;
        return [{ ...at, type: "bounced", payee, lane, shortfall: shortfall as Wei }];
      }
      case "Reserved": {
        const { payee, lane, ceiling, until } = log.args;
        return [{ ...at, type: "reserved", payee, lane, ceiling: ceiling as Wei, until }];
      }
      case "Released": {
        const { payee, lane, amount } = log.args;
        return [{ ...at, type: "released", payee, lane, amount: amount as Wei }];
      }
      case "ReservationRefused": {
        const { payee, lane, reason } = log.args;
        return [{ ...at, type: "reservationRefused", payee, lane, reason }];
      }
      case "CloseStarted":
        return [{ ...at, type: "closing", closeAt: log.args.closeAt }];
      case "CloseCancelled":
        return [{ ...at, type: "reopened" }];
      case "PotFinalized":
        return [{ ...at, type: "final", refund: log.args.refund as Wei }];
      case "CreditWithdrawn":
        return [
          { ...at, type: "withdrawn", account: log.args.account, amount: log.args.amount as Wei },
        ];
      default:
        return [];
    }
  });
}

/** The RPC server's address without user names, passwords and keys in the query. */
function shown(rpc: string): string {
  if (!URL.canParse(rpc)) return rpc.slice(0, 80);
  const url = new URL(rpc);
  return `${url.origin}${url.pathname === "/" ? "" : url.pathname}`;
}

function wrongChain(expected: number, got: number, who: string): ChainError {
  return new ChainError(
    { code: "CHAIN_WRONG_ID", expected, got },
    `${who} is on chain ${got}, not on chain ${expected}`,
  );
}

function noContract(contract: Address, rpc: string, cause?: unknown): ChainError {
  return new ChainError(
    { code: "CHAIN_NO_CONTRACT", contract },
    `there is no TabcastPot at ${contract} on the chain of ${shown(rpc)}`,
    ...(cause === undefined ? [] : [{ cause }]),
  );
}

function insufficient(account: Address, have: bigint, need: bigint): ChainError {
  return new ChainError(
    { code: "CHAIN_INSUFFICIENT", account, have: have as Wei, need: need as Wei },
    `${account} has ${formatEther(have)} ETH and needs ${formatEther(need)} ETH`,
  );
}

/** What viem, an RPC server or a wallet threw, in our words. */
function translate(error: unknown, rpc: string): unknown {
  if (error instanceof ChainError) return error;
  const all = chainOf(error);
  const cause = { cause: plain(all) };
  if (all.some((e) => "code" in e && e.code === 4001))
    return new ChainError({ code: "CHAIN_REJECTED" }, "the wallet refused to sign", cause);
  const http = all.find((e) => e instanceof HttpRequestError || e instanceof TimeoutError);
  if (http) {
    const status = http instanceof HttpRequestError ? http.status : undefined;
    const how =
      http instanceof TimeoutError
        ? "did not answer in time"
        : status === undefined
          ? "cannot be reached"
          : `answered HTTP ${status}`;
    return new ChainError(
      { code: "CHAIN_UNREACHABLE", rpc },
      `the chain's RPC server ${shown(rpc)} ${how}`,
      cause,
    );
  }
  const data = all
    .map((e) => ("data" in e ? e.data : undefined))
    .map((d) => (typeof d === "object" && d !== null && "data" in d ? d.data : d))
    .find((d): d is Hex => typeof d === "string" && /^0x[0-9a-f]{8,}$/i.test(d));
  if (data) {
    try {
      const { errorName, args = [] } = decodeErrorResult({ abi: tabcastPotAbi, data });
      return new ChainError(
        { code: "CHAIN_REVERTED", error: errorName, args },
        `the contract refused: ${errorName}(${args.map(String).join(", ")})`,
        cause,
      );
    } catch {
      // Not one of ours: told in the server's words below.
    }
  }
  const short = error instanceof BaseError ? error.shortMessage : String(error);
  const said = all.find((e) => e instanceof RpcRequestError)?.message;
  const line =
    ((error instanceof BaseError && error.details) || said || short).split("\n")[0] ?? "";
  if (/revert/i.test(line) || /revert/i.test(short))
    return new ChainError(
      { code: "CHAIN_REVERTED", error: line, args: [] },
      `the contract refused: ${line}`,
      cause,
    );
  return new ChainError({ code: "CHAIN_FAILED" }, `the chain did not do it: ${line}`, cause);
}

/** The root of the trouble in one line: viem's own messages have many, with the server's whole URL in them. */
function plain(all: readonly Error[]): Error | undefined {
  const root = all.at(-1);
  if (!(root instanceof BaseError)) return root;
  return new Error((root.details || root.shortMessage).split("\n")[0]);
}

function chainOf(error: unknown): Error[] {
  const all: Error[] = [];
  for (let e = error; e instanceof Error && all.length < 16; e = e.cause) all.push(e);
  // Wallets throw plain objects, which `instanceof` does not see.
  if (all.length === 0 && typeof error === "object" && error !== null)
    all.push(Object.assign(new Error("wallet"), error));
  return all;
}
