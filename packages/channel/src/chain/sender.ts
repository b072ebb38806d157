import type { Wei } from "@tabcast/runtime";
import {
  keccak256,
  type LocalAccount,
  parseTransaction,
  recoverTransactionAddress,
  type TransactionSerialized,
  toHex,
} from "viem";
import { estimateGas, getBalance, getBlockNumber, getTransactionCount } from "viem/actions";
import type { Address, Domain, Hex } from "../types.ts";
import { unlessAborted } from "../unless-aborted.ts";
import { broadcast, NonceTaken, transactionOf } from "./broadcast.ts";
import { ChainError, insufficient, translate, wrongChain } from "./chain-error.ts";
import * as Chains from "./chains.ts";
import { fees, quote, replacementFee, underGasCap, withRoom } from "./gas.ts";
import { l1Fee } from "./l1-fee.ts";
import { confirmed, type Pending, type SenderParts } from "./pending.ts";
import { receiptOf } from "./receipt.ts";
import type { Rpc } from "./rpc.ts";
import { openTurns, tabTurns } from "./turns.ts";
import type { Call, Sent, Waits, Wallet, WalletProvider, WalletSent } from "./types.ts";

export interface SendOptions extends Waits {
  /** Called with the signed transaction before it is sent, if the key is in this tab. */
  readonly before?: ((raw: Hex) => Promise<void>) | undefined;
  /** Called with what a browser's wallet has sent, before it is waited for. */
  readonly sentAs?: ((sent: WalletSent) => Promise<void>) | undefined;
  /** Doing it twice would cost twice: only the same bytes may ever be sent again. */
  readonly once?: boolean;
}

/** Sends transactions to one chain, those of one key one after another, whoever sends them: they share a nonce. */
export interface Sender {
  /** Sends a call and waits until it is deep enough. */
  send(wallet: Wallet, call: Call, domain: Domain, options: SendOptions): Promise<Sent>;
  /** What became of a browser wallet's transaction, as `Chain.fate`. */
  fate(sent: WalletSent, signal: AbortSignal): Promise<"done" | "void" | "open">;
  /** Sends signed bytes again, unless a block has them, and waits. Throws CHAIN_REPLACED where a block gave their nonce to another. */
  resend(raw: Hex, signal: AbortSignal): Promise<Sent>;
  /** Sends all that a key owns to `to`; undefined if that is less than the gas. */
  sweep(
    from: LocalAccount,
    to: Address,
    domain: Domain,
    signal: AbortSignal,
  ): Promise<Sent | undefined>;
}

export function openSender(parts: SenderParts): Sender {
  // A browser wallet chooses its nonces itself: what is in turn there is the person's dialogs.
  const dialogs = openTurns(undefined);
  const inTurn = <T>(
    { address }: { readonly address: Address },
    chainId: number,
    signal: AbortSignal,
    work: () => Promise<T>,
    turns = parts.turns ?? tabTurns,
  ) => turns.run(`${chainId}/${address.toLowerCase()}`, { signal }, work);

  return {
    send(wallet, call, domain, options) {
      const { signal } = options;
      const { chainId } = domain;
      const finished = async (pending: Promise<Pending>) => confirmed(parts, await pending, signal);
      if ("provider" in wallet) {
        const work = async () => {
          await underGasCap(parts, signal);
          // A dialog hears no signal: whoever no longer waits for it gives its turn to the next.
          return unlessAborted(
            finished(sendByWallet(parts, wallet, call, domain, options)),
            signal,
          );
        };
        return inTurn(wallet, chainId, signal, work, dialogs);
      }
      return inTurn(wallet, chainId, signal, async () => {
        await underGasCap(parts, signal);
        return finished(sendByKey(parts, wallet, call, domain, options));
      });
    },
    fate: (sent, signal) => walletFate(parts, sent, signal),
    resend: (raw, signal) => resend(parts, raw, signal),
    sweep: (from, to, domain, signal) =>
      inTurn(from, domain.chainId, signal, () => sweep(parts, from, to, domain, signal)),
  };
}

/** What the chain's coin is called. */
const coinOf = ({ coin }: SenderParts, { chainId }: Domain): string =>
  coin ?? Chains.of(chainId).coin;

async function sendByWallet(
  parts: SenderParts,
  wallet: Extract<Wallet, { provider: unknown }>,
  call: Call,
  domain: Domain,
  { signal, sentAs }: SendOptions,
): Promise<Pending> {
  // Our own server first: it names the contract's error and the missing coins before the person sees a dialog.
  const { rpc } = parts;
  const { gas } = await quote(rpc, wallet.address, call, { coin: coinOf(parts, domain), signal });
  signal.throwIfAborted();
  const pending = await askWallet(rpc, wallet, { call, domain, gas });
  const [sent] = pending.attempts;
  if (sentAs && sent) {
    const { hash } = sent;
    const nonce = (await transactionOf(rpc, hash, signal).catch(() => undefined))?.nonce;
    // Should the server forget it before it is next asked, its replacement would not be known for one.
    if (nonce !== undefined) sent.nonce = nonce;
    await sentAs({ from: wallet.address, hash, ...(nonce !== undefined && { nonce }) });
  }
  return pending;
}

/** Opens the wallet's dialog. Throws what the wallet answers, in our words. */
async function askWallet(
  rpc: Rpc,
  { provider, address }: Extract<Wallet, { provider: unknown }>,
  { call, domain, gas }: { readonly call: Call; readonly domain: Domain; readonly gas: bigint },
): Promise<Pending> {
  try {
    const got = await chainOf(provider);
    if (got !== domain.chainId) throw wrongChain(domain.chainId, got, "the wallet");
    if (call.to !== undefined && call.data !== undefined) await requireCode(provider, call.to);
    const hash = await provider.request({
      method: "eth_sendTransaction",
      params: [
        {
          from: address,
          // Who switches networks in the dialog would send coins to an address without code.
          chainId: toHex(domain.chainId),
          ...(call.to && { to: call.to }),
          ...(call.data && { data: call.data }),
          value: toHex(call.value),
          gas: toHex(gas),
        },
      ],
    });
    if (!isHash(hash))
      throw new ChainError({ code: "CHAIN_FAILED" }, "the wallet answered with no transaction");
    // Not every wallet heeds the chain's id: whether it is still on our chain says where the transaction may be.
    const after = await chainOf(provider).catch(() => domain.chainId);
    const elsewhere =
      after === domain.chainId ? undefined : { expected: domain.chainId, got: after };
    return { from: address, call, attempts: [{ hash }], ...(elsewhere && { elsewhere }) };
  } catch (error) {
    throw translate(error, rpc.url);
  }
}

/** Throws CHAIN_NO_CONTRACT if the wallet's own view of the chain has no code there, as on another chain of the same number. */
async function requireCode(provider: WalletProvider, contract: Address): Promise<void> {
  const ask = provider.request({ method: "eth_getCode", params: [contract, "latest"] });
  // A wallet need not answer this: then our own server's word, from before, has to do.
  const code = await ask.catch(() => undefined);
  if (code !== "0x") return;
  throw new ChainError(
    { code: "CHAIN_NO_CONTRACT", contract },
    `the wallet's network has the right number and no contract at ${contract}: nothing was sent`,
  );
}

/** The chain that the wallet is on. Throws CHAIN_FAILED if it does not say. */
export async function chainOf(provider: WalletProvider): Promise<number> {
  const id = await provider.request({ method: "eth_chainId" });
  const number = typeof id === "string" || typeof id === "number" ? Number(id) : Number.NaN;
  if (!Number.isSafeInteger(number))
    throw new ChainError({ code: "CHAIN_FAILED" }, "the wallet does not say which chain it is on");
  return number;
}

async function sendByKey(
  parts: SenderParts,
  account: LocalAccount,
  call: Call,
  domain: Domain,
  { signal, before, once = false }: SendOptions,
): Promise<Pending> {
  const { rpc } = parts;
  const { chainId } = domain;
  const coin = coinOf(parts, domain);
  const { gas } = await quote(rpc, account.address, call, { coin, signal });
  for (let attempt = 1; ; attempt++) {
    const { fee, nonce, head } = await rpc.ask(signal, async (client) => ({
      head: await getBlockNumber(client, { cacheTime: 0 }),
      fee: (await fees(client)).fee,
      nonce: await getTransactionCount(client, { address: account.address, blockTag: "pending" }),
    }));
    const raw = await account.signTransaction({ chainId, nonce, gas, ...call, ...fee });
    await before?.(raw);
    const replace = async (nonce: number, price: bigint) => {
      const raised = replacementFee(fee, price);
      const raw = await account.signTransaction({ chainId, nonce, gas, ...call, ...raised });
      return { raw, hash: keccak256(raw), price: price as Wei };
    };
    const hash = keccak256(raw);
    const attempts = [{ hash, raw, nonce, head }];
    const pending = { from: account.address, call, attempts, ...(!once && { replace }) };
    try {
      await broadcast(raw, { ...parts, signal });
      return pending;
    } catch (error) {
      // Another process used the same key in between: this transaction is void, and its nonce taken.
      if (attempt === 3 || !(error instanceof NonceTaken)) throw poor(error, account.address, coin);
      if (!once) continue;
      const fate = await fateOf(parts, { hash, nonce, from: account.address }, signal);
      if (fate === "known") return pending;
      if (fate === "open") throw error;
    }
  }
}

/** CHAIN_INSUFFICIENT where the server's words say so, as where bytes cost an L1 fee beside the gas; else the error itself. */
function poor(error: unknown, account: Address, coin: string): unknown {
  const words = error instanceof ChainError && error.code === "CHAIN_FAILED" ? error.message : "";
  if (!/insufficient funds/i.test(words)) return error;
  // op-geth and geth name both sums, in two ways.
  const [, have = 0, need = 0] =
    /(?:balance|have) (\d+),? (?:tx cost|want) (\d+)/.exec(words) ?? [];
  return insufficient(account, { have: BigInt(have), need: BigInt(need), coin });
}

/**
 * What became of signed bytes that a server did not take. "void": a block has another transaction with their nonce, so they
 * can never be carried out. "open": they still might, so nothing else may be signed in their place.
 */
async function fateOf(
  { rpc, clock }: SenderParts,
  { hash, nonce, from: address }: { hash: Hex; nonce: number; from: Address },
  signal: AbortSignal,
): Promise<"known" | "void" | "open"> {
  // Twice, because servers behind one address may be a block apart.
  for (let look = 1; ; look++) {
    if (await transactionOf(rpc, hash, signal)) return "known";
    const mined = await rpc.ask(signal, (client) =>
      getTransactionCount(client, { address, blockTag: "latest" }),
    );
    if (mined <= nonce) return "open";
    if (look === 2) return "void";
    await clock.sleep(1000, { signal });
  }
}

async function walletFate(
  parts: SenderParts,
  { from, hash, nonce }: WalletSent,
  signal: AbortSignal,
): Promise<"done" | "void" | "open"> {
  const { rpc, contract } = parts;
  try {
    if (await receiptOf(hash, { rpc, contract, signal })) return "done";
  } catch (error) {
    if (error instanceof ChainError && error.code === "CHAIN_REVERTED") return "void";
    throw error;
  }
  if (nonce === undefined) return "open";
  return (await fateOf(parts, { hash, nonce, from }, signal)) === "void" ? "void" : "open";
}

async function resend(parts: SenderParts, raw: Hex, signal: AbortSignal): Promise<Sent> {
  const hash = keccak256(raw);
  const { rpc, contract } = parts;
  if (!(await receiptOf(hash, { rpc, contract, signal })))
    try {
      await broadcast(raw, { ...parts, signal });
    } catch (error) {
      // One server's word for it: the account's transaction before it may be missing, or who answers be behind who is sent to.
      if (!(error instanceof NonceTaken)) throw error;
    }
  const { nonce } = parseTransaction(raw);
  const from = await recoverTransactionAddress({
    serializedTransaction: raw as TransactionSerialized,
  });
  const attempts = [{ hash, raw, ...(nonce !== undefined && { nonce }) }];
  return confirmed(parts, { from, call: undefined, attempts }, signal);
}

async function sweep(
  parts: SenderParts,
  from: LocalAccount,
  to: Address,
  domain: Domain,
  signal: AbortSignal,
): Promise<Sent | undefined> {
  const { rpc } = parts;
  const { address } = from;
  const have = await rpc.ask(signal, (client) => getBalance(client, { address }));
  const price = (await rpc.ask(signal, fees)).price;
  const gas = await rpc.ask(signal, (client) =>
    estimateGas(client, { account: address, to, value: 0n }),
  );
  const l1 = await rpc.ask(signal, (client) =>
    l1Fee(client, {
      type: "legacy",
      chainId: domain.chainId,
      gas,
      gasPrice: price,
      to,
      value: have,
    }),
  );
  // What of an L1 fee's room is not used stays behind: it is less than another sweep would cost.
  const value = have - gas * price - withRoom(l1);
  if (value <= 0n) return undefined;
  const nonce = await rpc.ask(signal, (client) =>
    getTransactionCount(client, { address, blockTag: "pending" }),
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
  await broadcast(raw, { ...parts, signal });
  const attempts = [{ hash: keccak256(raw), raw, nonce }];
  return confirmed(parts, { from: address, call: undefined, attempts }, signal);
}

function isHash(value: unknown): value is Hex {
  return typeof value === "string" && /^0x[0-9a-f]{64}$/i.test(value);
}
