import { SerialQueue, type Wei } from "@tabcast/runtime";
import {
  keccak256,
  type LocalAccount,
  parseTransaction,
  recoverTransactionAddress,
  type TransactionSerialized,
  toHex,
} from "viem";
import { estimateGas, getBalance, getTransactionCount } from "viem/actions";
import type { Address, Domain, Hex } from "../types.ts";
import { broadcast, NonceTaken } from "./broadcast.ts";
import { ChainError, translate, wrongChain } from "./chain-error.ts";
import { fees, quote, replacementFee, underGasCap } from "./gas.ts";
import { confirmed, type Pending, type SenderParts } from "./pending.ts";
import { receiptOf } from "./receipt.ts";
import type { Call, Sent, Waits, Wallet } from "./types.ts";

export interface SendOptions extends Waits {
  /** Called with the signed transaction before it is sent, if the key is in this tab. */
  readonly before?: ((raw: Hex) => Promise<void>) | undefined;
  /** Doing it twice would cost twice: only the same bytes may ever be sent again. */
  readonly once?: boolean;
}

/** Sends transactions to one chain, those of one key one after another: they share a nonce. */
export interface Sender {
  /** Sends a call and waits until it is deep enough. */
  send(wallet: Wallet, call: Call, domain: Domain, options: SendOptions): Promise<Sent>;
  /** Sends signed bytes again, unless a block has them, and waits. */
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
  const queues = new Map<string, SerialQueue>();

  return {
    send(wallet, call, domain, options) {
      const { signal } = options;
      const name = wallet.address.toLowerCase();
      // A browser's wallet gives nonces itself, and a dialog that nobody answers must keep no other call waiting.
      const queue = ("provider" in wallet ? undefined : queues.get(name)) ?? new SerialQueue();
      if (!("provider" in wallet)) queues.set(name, queue);
      return queue.run(async () => {
        await underGasCap(parts, signal);
        const pending =
          "provider" in wallet
            ? await sendByWallet(parts, wallet, call, domain, signal)
            : await sendByKey(parts, wallet, call, domain, options);
        return confirmed(parts, pending, signal);
      });
    },
    resend: (raw, signal) => resend(parts, raw, signal),
    sweep: (from, to, domain, signal) => sweep(parts, from, to, domain, signal),
  };
}

async function sendByWallet(
  { rpc }: SenderParts,
  wallet: Extract<Wallet, { provider: unknown }>,
  call: Call,
  domain: Domain,
  signal: AbortSignal,
): Promise<Pending> {
  // Our own server first: it names the contract's error and the missing coins before the person sees a dialog.
  const { gas } = await quote(rpc, wallet.address, call, signal);
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
    return { from: wallet.address, call, attempts: [{ hash }] };
  } catch (error) {
    throw translate(error, rpc.url);
  }
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
  const { gas } = await quote(rpc, account.address, call, signal);
  for (let attempt = 1; ; attempt++) {
    const { fee, nonce } = await rpc.ask(signal, async (client) => ({
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
    try {
      await broadcast(raw, { ...parts, signal });
      const attempts = [{ hash: keccak256(raw), raw, nonce }];
      return { from: account.address, call, attempts, ...(!once && { replace }) };
    } catch (error) {
      // Another process used the same key in between: this transaction is void, and its nonce taken.
      if (attempt === 3 || !(error instanceof NonceTaken)) throw error;
    }
  }
}

async function resend(parts: SenderParts, raw: Hex, signal: AbortSignal): Promise<Sent> {
  const hash = keccak256(raw);
  const { rpc, contract } = parts;
  if (!(await receiptOf(hash, { rpc, contract, signal })))
    await broadcast(raw, { ...parts, signal });
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
  const value = have - gas * price;
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
