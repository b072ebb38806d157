import type { Clock, Wei } from "@tabcast/runtime";
import { getBlockNumber, getTransactionCount } from "viem/actions";
import { most } from "../least.ts";
import type { Address, Hex } from "../types.ts";
import { broadcast, NonceTaken, transactionOf } from "./broadcast.ts";
import { ChainError, isPassing, wrongChain } from "./chain-error.ts";
import { fees } from "./gas.ts";
import { receiptOf } from "./receipt.ts";
import type { Rpc } from "./rpc.ts";
import type { Turns } from "./turns.ts";
import type { Call, ChainNews, Sent } from "./types.ts";

/** What every part that sends needs: the server, time, and how long and how dear a transaction may be. */
export interface SenderParts {
  readonly rpc: Rpc;
  readonly clock: Clock;
  /** Whose turn it is to send with a key. Default: this tab's. */
  readonly turns?: Turns | undefined;
  /** Whose events are read; undefined: nobody's. */
  readonly contract: Address | undefined;
  /** Symbol of the chain's coin, for people. Default: what `Chains.of` knows. */
  readonly coin?: string;
  /** Milliseconds until a sent transaction must be deep enough. */
  readonly patience: number;
  /** Blocks that a transaction must have, its own included, to count. */
  readonly confirmations: number;
  /** Milliseconds without a block after which a repeatable call is sent again for more gas. */
  readonly repriceAfter: number;
  /** Wei per unit of gas that we pay at most. */
  readonly gasCap: Wei | undefined;
  readonly onNews: (news: ChainNews) => void;
}

/** One transaction that carries a call. A wallet's has no bytes and, until a server knows it, no nonce. */
interface Attempt {
  readonly hash: Hex;
  readonly raw?: Hex;
  nonce?: number;
  /** The newest block when its price was chosen. */
  readonly head?: bigint;
}

/** A call on its way to a block, with every transaction that carries it. */
export interface Pending {
  readonly from: Address;
  readonly call: Call | undefined;
  /** The newest last; all of one sender. Grows by a replacement before that is sent: it may arrive unheard. */
  readonly attempts: Attempt[];
  /** The wallet was on the chain `got` after it sent, and not on `expected`: the transaction may be there. */
  readonly elsewhere?: { readonly expected: number; readonly got: number };
  /** Signs a replacement, for more gas or under an earlier nonce; missing where that is not safe. */
  readonly replace?: (nonce: number, price: bigint) => Promise<Replacement>;
}

/** A signed transaction that takes an earlier one's place; wei per unit of gas. */
export interface Replacement {
  readonly hash: Hex;
  readonly raw: Hex;
  readonly price: Wei;
}

/** Most transactions that carry one call. */
const MAX_ATTEMPTS = 8;
/** Milliseconds in which our chain must hear of a transaction whose wallet has gone to another chain. */
const ELSEWHERE_AFTER = 20_000;
/** Milliseconds without a block after which people are told that the chain stands still. */
const STALLED_AFTER = 60_000;

/**
 * Waits until one of the attempts is deep enough, and keeps the call alive until then. Throws CHAIN_REVERTED, CHAIN_REPLACED,
 * CHAIN_UNCONFIRMED.
 */
export async function confirmed(
  parts: SenderParts,
  pending: Pending,
  signal: AbortSignal,
): Promise<Sent> {
  const { clock, patience, onNews } = parts;
  const start = clock.now();
  const head = watchHead(parts);
  let sentAt = start;
  let unreachable = false;
  let replacedPolls = 0;
  for (let poll = 1, pause = 50; ; poll++, pause = Math.min(1000, pause * 1.5)) {
    try {
      const sent = await firstReceipt(parts, pending, signal);
      if (unreachable) onNews({ type: "reachable" });
      unreachable = false;
      if (sent) {
        if (await deepEnough(parts, sent, signal)) return sent;
      } else if (poll % 4 === 0) {
        const now = clock.now();
        const waited = { since: now - sentAt, head: await head.look(signal) };
        const state = await keepAlive(parts, pending, waited, signal);
        if (state === "sent") sentAt = now;
        replacedPolls = state === "replaced" ? replacedPolls + 1 : 0;
        // Twice, because servers behind one address may be a block apart.
        if (replacedPolls === 2) throw replaced(pending);
        if (state === "unknown" && now - start >= ELSEWHERE_AFTER) throwElsewhere(pending);
      }
    } catch (error) {
      if (!isPassing(error)) throw error;
      // It was sent: that nobody answers for a while changes nothing about it.
      if (!unreachable) onNews({ type: "unreachable" });
      unreachable = true;
    }
    if (clock.now() - start >= patience) throw unconfirmed(pending, patience / 1000, head.still());
    await clock.sleep(pause, { signal });
  }
}

/** Watches whether the chain makes blocks, and tells once when it stands still and when it goes on. */
function watchHead({ rpc, clock, onNews }: SenderParts) {
  let head: bigint | undefined;
  let movedAt = clock.now();
  let told = false;
  const still = () => (clock.now() - movedAt) / 1000;
  return {
    /** Seconds without a new block. */
    still,
    /** The newest block. */
    async look(signal: AbortSignal): Promise<bigint> {
      const now = await rpc.ask(signal, (client) => getBlockNumber(client, { cacheTime: 0 }));
      if (now !== head) {
        head = now;
        movedAt = clock.now();
        if (told) onNews({ type: "moving" });
        told = false;
      } else if (!told && clock.now() - movedAt >= STALLED_AFTER) {
        told = true;
        onNews({ type: "stalled", seconds: still() });
      }
      return now;
    },
  };
}

async function deepEnough(
  { rpc, confirmations }: SenderParts,
  sent: Sent,
  signal: AbortSignal,
): Promise<boolean> {
  if (confirmations <= 1) return true;
  const height = await rpc.ask(signal, (client) => getBlockNumber(client, { cacheTime: 0 }));
  return height - sent.block + 1n >= BigInt(confirmations);
}

async function firstReceipt(
  { rpc, contract }: SenderParts,
  { attempts, call, from }: Pending,
  signal: AbortSignal,
): Promise<Sent | undefined> {
  // Of two that both got into blocks, the one with the lower nonce did the work.
  const inOrder = attempts.toSorted((a, b) => (a.nonce ?? 0) - (b.nonce ?? 0));
  const first = async () => {
    for (const { hash } of inOrder) {
      const sent = await receiptOf(hash, { rpc, contract, signal, call, from });
      if (sent) return sent;
    }
    return undefined;
  };
  const sent = await first();
  // Those before it may have got into the same block after they were asked for.
  return sent === undefined || sent.hash === inOrder[0]?.hash ? sent : await first();
}

/**
 * No block has the call: sends it again if it was forgotten, for more gas if that is safe. "replaced": a block has another
 * transaction with its nonce.
 */
async function keepAlive(
  parts: SenderParts,
  pending: Pending,
  waited: { readonly since: number; readonly head: bigint },
  signal: AbortSignal,
): Promise<"waiting" | "sent" | "replaced" | "unknown"> {
  const { rpc, onNews, repriceAfter } = parts;
  const { attempts, from, replace } = pending;
  const last = newest(pending);
  const { known, mined, reached } = await nonces(rpc, last.hash, from, signal);
  if (known) last.nonce ??= known.nonce;
  const { nonce } = last;
  if (nonce === undefined) return "unknown";
  if (mined > nonce) return "replaced";
  if (!known && last.raw && (await resent(parts, last.raw, signal))) {
    onNews({ type: "resent", hash: last.hash });
    return "sent";
  }
  if (!replace || attempts.length >= MAX_ATTEMPTS) return "waiting";
  // A server that refuses what we pay need not be waited for.
  if (known && waited.since < repriceAfter) return "waiting";
  const gap = mined < nonce && reached <= mined;
  // Where no block was made there is nobody to outbid.
  if (known && !gap && waited.head === last.head) return "waiting";
  const price = await raisedPrice(parts, known?.maxFeePerGas ?? known?.gasPrice, signal);
  if (price === undefined) return "waiting";
  const place = { nonce: gap ? mined : nonce, head: waited.head };
  const next = { ...(await replace(place.nonce, price)), ...place };
  attempts.push(next);
  await broadcast(next.raw, { ...parts, signal });
  onNews(
    gap ? { type: "gap", nonce: mined } : { type: "repriced", hash: next.hash, price: next.price },
  );
  return "sent";
}

/** Sends the same bytes again; false if they are not taken now. */
async function resent(parts: SenderParts, raw: Hex, signal: AbortSignal): Promise<boolean> {
  try {
    return (await broadcast(raw, { ...parts, signal })) === "taken";
  } catch (error) {
    // Its nonce is in use: by ourselves, in a block that this server does not know yet, or the next look tells by whom.
    if (error instanceof NonceTaken) return false;
    throw error;
  }
}

/** What the server knows of a transaction, how many of its account are in blocks, and how many are known without a gap. */
async function nonces(rpc: Rpc, hash: Hex, address: Address, signal: AbortSignal) {
  const known = await transactionOf(rpc, hash, signal);
  return await rpc.ask(signal, async (client) => ({
    known,
    mined: await getTransactionCount(client, { address, blockTag: "latest" }),
    reached: await getTransactionCount(client, { address, blockTag: "pending" }),
  }));
}

/** What a replacement pays for a unit of gas, wei; undefined if that is above the cap. */
async function raisedPrice(
  { rpc, gasCap }: SenderParts,
  paid: bigint | undefined,
  signal: AbortSignal,
): Promise<bigint | undefined> {
  const { price } = await rpc.ask(signal, fees);
  const old = paid ?? price;
  // Servers take a replacement for an eighth more, and no less.
  const raised = most(price, old + old / 8n + 1n);
  return gasCap !== undefined && raised > gasCap ? undefined : raised;
}

function newest({ attempts }: Pending): Attempt {
  const last = attempts.at(-1);
  if (!last) throw new Error("a pending call without a transaction");
  return last;
}

function replaced(pending: Pending): ChainError {
  const { hash, nonce = 0 } = newest(pending);
  return new ChainError(
    { code: "CHAIN_REPLACED", hash, account: pending.from, nonce },
    `another transaction of ${pending.from} took the place of ${hash}`,
  );
}

function unconfirmed(pending: Pending, seconds: number, still: number): ChainError {
  const { hash } = newest(pending);
  const stalled = still * 1000 >= STALLED_AFTER;
  const why = stalled ? `; the chain has made no block for ${Math.round(still)} s` : "";
  return new ChainError(
    { code: "CHAIN_UNCONFIRMED", hash, seconds },
    `the transaction ${hash} is not settled after ${seconds} s; it may still arrive${why}`,
  );
}

/** Throws CHAIN_WRONG_ID if the wallet left our chain while it sent: what our chain does not know is there. */
function throwElsewhere({ elsewhere, attempts }: Pending): void {
  if (!elsewhere) return;
  const { expected, got } = elsewhere;
  const hash = attempts.at(-1)?.hash;
  throw wrongChain(expected, got, `the wallet, after it sent ${hash},`);
}
