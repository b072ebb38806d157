import { tabcastPotAbi } from "@tabcast/contracts";
import type { Clock, Wei } from "@tabcast/runtime";
import {
  type Client,
  createClient,
  http,
  isAddressEqual,
  keccak256,
  type LocalAccount,
  parseEventLogs,
  parseTransaction,
  recoverTransactionAddress,
  TransactionNotFoundError,
  TransactionReceiptNotFoundError,
  type TransactionSerialized,
  toHex,
} from "viem";
import {
  call as callContract,
  estimateFeesPerGas,
  estimateGas,
  getBalance,
  getBlock,
  getBlockNumber,
  getChainId,
  getTransaction,
  getTransactionCount,
  getTransactionReceipt,
  sendRawTransaction,
} from "viem/actions";
import { most } from "../least.ts";
import { Queue } from "../serial-queue.ts";
import type { Address, Domain, Hex } from "../types.ts";
import { ChainError, insufficient, shown, translate, wrongChain } from "./chain-error.ts";
import { type PotEvent, potEvents } from "./pot-event.ts";

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

/** What an action costs at most, as gas is now. */
export interface Quote {
  /** Units of gas, a fifth more than estimated. */
  readonly gas: bigint;
  /** Wei for the gas. */
  readonly cost: Wei;
}

/** What goes on with the chain while a caller waits, for people to see. */
export type ChainNews =
  /** Nothing is sent until gas is at or below the cap again; wei per unit of gas. */
  | { readonly type: "gasHigh"; readonly price: Wei; readonly cap: Wei }
  /** The call was offered again under the same number, for this much a unit of gas at most. */
  | { readonly type: "repriced"; readonly hash: Hex; readonly price: Wei }
  /** The transaction is in no block and no server remembers it: the same bytes were sent again. */
  | { readonly type: "resent"; readonly hash: Hex }
  /** An earlier number of the account is unused, so this call, which may happen twice, took it. */
  | { readonly type: "gap"; readonly nonce: number }
  | { readonly type: "unreachable" }
  | { readonly type: "reachable" };

export interface Call {
  readonly to?: Address;
  readonly data?: Hex;
  readonly value: bigint;
}

interface SendOptions extends Waits {
  /** Called with the signed transaction before it is sent, if the key is in this tab. */
  readonly before?: ((raw: Hex) => Promise<void>) | undefined;
  /** Doing it twice would cost twice: only the same bytes may ever be sent again. */
  readonly once?: boolean;
}

/** A call on its way: every transaction that carries it. */
interface Offer {
  readonly from: Address;
  readonly call: Call | undefined;
  /** The newest last. All have one sender; those of a wallet have no bytes. */
  readonly sent: { readonly hash: Hex; readonly raw?: Hex; nonce?: number }[];
  /** Signs the call once more, for more gas or under an earlier number; missing where that is not safe. */
  readonly again?: (nonce: number, price: bigint) => Promise<{ hash: Hex; raw: Hex; price: Wei }>;
}

export interface LinkOptions {
  readonly rpc: string;
  /** Whose events are read. */
  readonly contract: Address | undefined;
  /** Milliseconds for one RPC request. */
  readonly timeout: number;
  /** Milliseconds until a sent transaction must be deep enough. */
  readonly patience: number;
  /** Blocks that a transaction must have, its own included, to count. */
  readonly confirmations: number;
  /** Milliseconds without a block after which a repeatable call is offered for more gas. */
  readonly repriceAfter: number;
  /** Wei per unit of gas that we pay at most. */
  readonly gasCap: Wei | undefined;
  readonly clock: Clock;
  readonly onNews: (news: ChainNews) => void;
}

/** Most prices at which one call is offered. */
const OFFERS = 8;

/** One RPC server: requests with a bound, errors in our words, transactions of one key one after another. */
export class Link {
  readonly #o: LinkOptions;
  readonly #rpc: string;
  readonly #clock: Clock;
  readonly #queues = new Map<string, Queue>();

  constructor(options: LinkOptions) {
    this.#o = options;
    this.#rpc = options.rpc;
    this.#clock = options.clock;
  }

  /** Asks the server; what it throws comes out as a ChainError, or as the signal's reason. */
  async ask<T>(signal: AbortSignal, work: (client: Client) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    // A client per question, because viem takes a signal only with the transport.
    const client = createClient({
      transport: http(this.#rpc, {
        timeout: this.#o.timeout,
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

  /** The transaction's receipt in our words; undefined if no block has it. Throws CHAIN_REVERTED. */
  async receipt(
    hash: Hex,
    signal: AbortSignal,
    call?: Call,
    from?: Address,
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
    if (receipt.status === "reverted") {
      const why = call && (await this.#whyReverted(call, from, receipt.blockNumber, signal));
      throw new ChainError(
        { code: "CHAIN_REVERTED", error: why?.error ?? "unknown", args: why?.args ?? [], hash },
        `the transaction ${hash} is in block ${receipt.blockNumber}, reverted${why ? `: ${why.error}` : ""}`,
      );
    }
    const { contract } = this.#o;
    const ours = receipt.logs.filter((log) => contract && isAddressEqual(log.address, contract));
    return {
      hash,
      block: receipt.blockNumber,
      gas: receipt.gasUsed,
      cost: (receipt.gasUsed * receipt.effectiveGasPrice) as Wei,
      events: potEvents(parseEventLogs({ abi: tabcastPotAbi, logs: ours })),
    };
  }

  /** A receipt does not say why: the same call against the state just before it mostly does. */
  async #whyReverted(call: Call, from: Address | undefined, block: bigint, signal: AbortSignal) {
    try {
      await this.ask(signal, (client) =>
        callContract(client, {
          ...call,
          ...(from && { account: from }),
          blockNumber: block - 1n,
        }),
      );
    } catch (error) {
      if (error instanceof ChainError && error.reason.code === "CHAIN_REVERTED")
        return error.reason;
    }
    return undefined;
  }

  /** Waits until one of the offer's transactions is deep enough, and keeps it alive until then. */
  async #confirmed(offer: Offer, signal: AbortSignal): Promise<Sent> {
    const { patience, confirmations, onNews } = this.#o;
    const start = this.#clock.now();
    let offered = start;
    let away = false;
    let gone = 0;
    for (let poll = 1, pause = 50; ; poll++, pause = Math.min(1000, pause * 1.5)) {
      try {
        const sent = await this.#firstReceipt(offer, signal);
        if (away) onNews({ type: "reachable" });
        away = false;
        if (sent && confirmations <= 1) return sent;
        if (sent) {
          const height = await this.ask(signal, (client) =>
            getBlockNumber(client, { cacheTime: 0 }),
          );
          if (height - sent.block + 1n >= BigInt(confirmations)) return sent;
        } else if (poll % 4 === 0) {
          const now = this.#clock.now();
          const kept = await this.#keepAlive(offer, now - offered, signal);
          if (kept === "offered") offered = now;
          gone = kept === "replaced" ? gone + 1 : 0;
          // Twice, because servers behind one address may be a block apart.
          if (gone === 2) throw replaced(offer);
        }
      } catch (error) {
        if (!(error instanceof ChainError && error.code === "CHAIN_UNREACHABLE")) throw error;
        // It was sent: that nobody answers for a while changes nothing about it.
        if (!away) onNews({ type: "unreachable" });
        away = true;
      }
      if (this.#clock.now() - start >= patience) {
        const { hash } = newest(offer);
        throw new ChainError(
          { code: "CHAIN_UNCONFIRMED", hash, seconds: patience / 1000 },
          `the transaction ${hash} is not settled after ${patience / 1000} s; it may still arrive`,
        );
      }
      await this.#clock.sleep(pause, { signal });
    }
  }

  async #firstReceipt(offer: Offer, signal: AbortSignal): Promise<Sent | undefined> {
    // Of two that both got into blocks, the one with the lower number did the work.
    const inOrder = offer.sent.toSorted((a, b) => (a.nonce ?? 0) - (b.nonce ?? 0));
    const first = async () => {
      for (const { hash } of inOrder) {
        const sent = await this.receipt(hash, signal, offer.call, offer.from);
        if (sent) return sent;
      }
      return undefined;
    };
    const sent = await first();
    // Those before it may have got into the same block after they were asked for.
    return sent === undefined || sent.hash === inOrder[0]?.hash ? sent : await first();
  }

  /** No block has the offer: sends it again if it was forgotten, offers more if that is safe, tells if another took its place. */
  async #keepAlive(
    offer: Offer,
    waited: number,
    signal: AbortSignal,
  ): Promise<"waiting" | "offered" | "replaced"> {
    const { onNews, gasCap, repriceAfter } = this.#o;
    const last = newest(offer);
    const [known, used, pending] = await this.ask(signal, async (client) => {
      const address = offer.from;
      return [
        await getTransaction(client, { hash: last.hash }).catch((error: unknown) => {
          if (error instanceof TransactionNotFoundError) return undefined;
          throw error;
        }),
        await getTransactionCount(client, { address, blockTag: "latest" }),
        await getTransactionCount(client, { address, blockTag: "pending" }),
      ] as const;
    });
    if (known) last.nonce ??= known.nonce;
    const { nonce } = last;
    if (nonce === undefined) return "waiting";
    if (used > nonce) return "replaced";
    if (!known && last.raw && (await this.#broadcast(last.raw, signal)) === "taken") {
      onNews({ type: "resent", hash: last.hash });
      return "offered";
    }
    const gap = used < nonce && pending <= used;
    if (!offer.again || offer.sent.length >= OFFERS) return "waiting";
    // A server that refuses what we offer need not be waited for.
    if (known && waited < repriceAfter) return "waiting";
    const { price } = await this.ask(signal, fees);
    const old = known?.maxFeePerGas ?? known?.gasPrice ?? price;
    // Servers take a replacement for an eighth more, and no less.
    const raised = most(price, old + old / 8n + 1n);
    if (gasCap !== undefined && raised > gasCap) return "waiting";
    const next = await offer.again(gap ? used : nonce, raised);
    offer.sent.push({ ...next, nonce: gap ? used : nonce });
    await this.#broadcast(next.raw, signal);
    onNews(
      gap ? { type: "gap", nonce: used } : { type: "repriced", hash: next.hash, price: next.price },
    );
    return "offered";
  }

  /** Sends a call and waits until it is deep enough. One transaction of an account at a time: they share a nonce. */
  send(wallet: Wallet, call: Call, domain: Domain, options: SendOptions): Promise<Sent> {
    const { signal } = options;
    const name = wallet.address.toLowerCase();
    const queue = this.#queues.get(name) ?? new Queue();
    this.#queues.set(name, queue);
    return queue.run(async () => {
      await this.#cheapEnough(signal);
      const offer =
        "provider" in wallet
          ? await this.#sendByWallet(wallet, call, domain, signal)
          : await this.#sendByKey(wallet, call, domain, options);
      return this.#confirmed(offer, signal);
    });
  }

  async #cheapEnough(signal: AbortSignal): Promise<void> {
    const { gasCap: cap, patience, onNews } = this.#o;
    if (cap === undefined) return;
    const start = this.#clock.now();
    for (let told = false; ; told = true) {
      const price = (await this.ask(signal, fees)).price as Wei;
      if (price <= cap) return;
      if (!told) onNews({ type: "gasHigh", price, cap });
      const seconds = patience / 1000;
      if (this.#clock.now() - start >= patience)
        throw new ChainError(
          { code: "CHAIN_GAS_HIGH", price, cap, seconds },
          `gas costs ${price} wei a unit, more than the ${cap} we pay, for ${seconds} s; nothing was sent`,
        );
      await this.#clock.sleep(1000, { signal });
    }
  }

  /** What a call would cost `from` now. Throws CHAIN_REVERTED, CHAIN_INSUFFICIENT. */
  async quote(from: Address, call: Call, signal: AbortSignal): Promise<Quote> {
    const have = await this.ask(signal, (client) => getBalance(client, { address: from }));
    if (have < call.value) throw insufficient(from, have, call.value);
    const gas = await this.ask(signal, (client) => estimateGas(client, { account: from, ...call }));
    // A fifth more than now: a claim that comes first changes what a later one costs.
    const limit = gas + gas / 5n;
    const { price } = await this.ask(signal, fees);
    const need = call.value + limit * price;
    if (have < need) throw insufficient(from, have, need);
    return { gas: limit, cost: (limit * price) as Wei };
  }

  async #sendByWallet(
    wallet: Extract<Wallet, { provider: unknown }>,
    call: Call,
    domain: Domain,
    signal: AbortSignal,
  ): Promise<Offer> {
    // Our own server first: it names the contract's error and the missing coins before the person sees a dialog.
    const { gas } = await this.quote(wallet.address, call, signal);
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
      if (!isHash(hash))
        throw new ChainError({ code: "CHAIN_FAILED" }, "the wallet answered with no transaction");
      return { from: wallet.address, call, sent: [{ hash }] };
    } catch (error) {
      throw translate(error, this.#rpc);
    }
  }

  async #sendByKey(
    account: LocalAccount,
    call: Call,
    domain: Domain,
    { signal, before, once = false }: SendOptions,
  ): Promise<Offer> {
    const { gas } = await this.quote(account.address, call, signal);
    const { chainId } = domain;
    for (let attempt = 1; ; attempt++) {
      const { fee, nonce } = await this.ask(signal, async (client) => ({
        fee: (await fees(client)).fee,
        nonce: await getTransactionCount(client, { address: account.address, blockTag: "pending" }),
      }));
      const raw = await account.signTransaction({ chainId, nonce, gas, ...call, ...fee });
      await before?.(raw);
      const again = async (nonce: number, price: bigint) => {
        const next = await account.signTransaction({
          chainId,
          nonce,
          gas,
          ...call,
          ...("maxFeePerGas" in fee
            ? { maxFeePerGas: price, maxPriorityFeePerGas: raisedTip(fee, price) }
            : { type: "legacy", gasPrice: price }),
        });
        return { raw: next, hash: keccak256(next), price: price as Wei };
      };
      try {
        await this.#broadcast(raw, signal);
        const sent = [{ hash: keccak256(raw), raw, nonce }];
        return { from: account.address, call, sent, ...(!once && { again }) };
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

  /** "underpriced": not taken now, and to be offered again when gas is cheaper. Throws NonceTaken. */
  async #broadcast(raw: Hex, signal: AbortSignal): Promise<"taken" | "underpriced"> {
    try {
      await this.#sendRaw(raw, signal);
    } catch (error) {
      if (!(error instanceof ChainError)) throw error;
      if (error.code === "CHAIN_UNDERPRICED") return "underpriced";
      if (error.code !== "CHAIN_NONCE") throw error;
      const hash = keccak256(raw);
      // A request that was answered too late may have been taken all the same.
      const taken = await this.ask(signal, (client) =>
        getTransaction(client, { hash }).catch(() => undefined),
      );
      if (!taken) throw new NonceTaken(error.reason, error.message, { cause: error });
    }
    return "taken";
  }

  /** Sends signed bytes again, unless a block has them, and waits. */
  async resend(raw: Hex, signal: AbortSignal): Promise<Sent> {
    if (!(await this.receipt(keccak256(raw), signal))) await this.#broadcast(raw, signal);
    const { nonce } = parseTransaction(raw);
    const from = await recoverTransactionAddress({
      serializedTransaction: raw as TransactionSerialized,
    });
    const sent = [{ hash: keccak256(raw), raw, ...(nonce !== undefined && { nonce }) }];
    return this.#confirmed({ from, call: undefined, sent }, signal);
  }

  /** Sends all that a key owns to `to`; undefined if that is less than the gas. */
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
    await this.#broadcast(raw, signal);
    const sent = [{ hash: keccak256(raw), raw, nonce }];
    return this.#confirmed({ from: from.address, call: undefined, sent }, signal);
  }
}

class NonceTaken extends ChainError {}

function isHash(value: unknown): value is Hex {
  return typeof value === "string" && /^0x[0-9a-f]{64}$/i.test(value);
}

function newest(offer: Offer): Offer["sent"][number] {
  const last = offer.sent.at(-1);
  if (!last) throw new Error("an offer without a transaction");
  return last;
}

function replaced(offer: Offer): ChainError {
  const { hash, nonce = 0 } = newest(offer);
  return new ChainError(
    { code: "CHAIN_REPLACED", hash, account: offer.from, nonce },
    `another transaction of ${offer.from} took the place of ${hash}`,
  );
}

/** The tip must rise by an eighth as well, and cannot be more than the whole. */
function raisedTip(fee: { maxFeePerGas: bigint; maxPriorityFeePerGas: bigint }, price: bigint) {
  const tip = (fee.maxPriorityFeePerGas * price) / fee.maxFeePerGas + 1n;
  return tip < price ? tip : price;
}

type Fee =
  | { readonly maxFeePerGas: bigint; readonly maxPriorityFeePerGas: bigint }
  | { readonly type: "legacy"; readonly gasPrice: bigint };

/** What a transaction offers per unit of gas: EIP-1559 where the chain has it. */
export async function fees(client: Client): Promise<{ readonly price: bigint; readonly fee: Fee }> {
  const block = await getBlock(client);
  if (block.baseFeePerGas === null) {
    const { gasPrice } = await estimateFeesPerGas(client, { chain: null, type: "legacy" });
    return { price: gasPrice, fee: { type: "legacy", gasPrice } };
  }
  const { maxFeePerGas, maxPriorityFeePerGas } = await estimateFeesPerGas(client, { chain: null });
  return { price: maxFeePerGas, fee: { maxFeePerGas, maxPriorityFeePerGas } };
}
