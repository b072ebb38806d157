/**
 * Keeps other workers' highest vouchers and brings them to the contract when their pot closes without them. A claim pays only the
 * voucher's owner, so a watchtower can be trusted by nobody and asked by everybody. It waits out the first half of the challenge, in
 * which an owner that lives claims for itself, and pays the gas of the rest: never more than the vouchers are worth. In that half the
 * contract credits it with the share that a lane's number leaves (`share.ts`), which goes to its beneficiary (`earnings.ts`).
 *
 * Kept by what the chain would pay (`value.ts`), within a room that one pot and one payer have shares of (`delegated.ts`); dust is
 * refused. All pots are read from the chain every `refresh`, a new lane once. Stored before it is acknowledged. A claim under way
 * keeps no voucher from being kept. Forgets a pot once it is final.
 */
import {
  type Amount,
  type Clock,
  SerialQueue,
  systemClock,
  toError,
  type Wei,
} from "@tabcast/runtime";
import { getAddress, isAddressEqual } from "viem";
import { type Chain, connect, type PotState, type Waits, type Wallet } from "../chain/chain.ts";
import { check, PotError, potId as potIdOf, requireDomain, separator } from "../config.ts";
import { type Currency, worth } from "../currency.ts";
import { FINALIZED } from "../final.ts";
import type { Store } from "../store/store.ts";
import type { Address, Domain, Hex, PotConfig, SignedVoucher } from "../types.ts";
import { unlessAborted } from "../unless-aborted.ts";
import { laneKey, VoucherError, verify } from "../voucher.ts";
import { Delegated, type Kept, ROOM, type Room, type Seen, WatchtowerError } from "./delegated.ts";
import { CLAIM_GAS, due, ROW_GAS } from "./due.ts";
import { type Earnings, openEarnings } from "./earnings.ts";
import type { Brought } from "./value.ts";

export interface OpenWatchtowerOptions {
  /** The one contract and chain whose pots are watched. */
  readonly domain: Domain;
  /** Our own JSON-RPC server over HTTP. */
  readonly rpc: string;
  /** What sends claims, and pays their gas. */
  readonly account: Wallet;
  readonly store: Store;
  readonly signal: AbortSignal;
  /** What its pots are in. Default: the chain's own coin. */
  readonly currency?: Currency;
  /** The chain to use instead of the one behind `rpc`. */
  readonly chain?: Chain;
  /** How much is kept. Default 512 vouchers, 64 of one pot, 128 of one payer. */
  readonly room?: Room;
  /** Milliseconds between two looks at the pots, and at the price of gas. Default 30_000. */
  readonly refresh?: number;
  /** Told of trouble in the background. */
  readonly onProblem?: (error: Error) => void;
  /** Who gets the shares that workers leave. Default: the account, which pays for claims with them where pots are in the coin. */
  readonly beneficiary?: Address;
  /** Told what a claim brought to whom: what became the payee's credit. */
  readonly onRescue?: (payee: Address, saved: Amount) => void;
  /** Told what a claim left the beneficiary; after its `onRescue`. */
  readonly onShare?: (share: Amount) => void;
  /** Told what shares earned and was sent to the beneficiary now. */
  readonly onWithdrawn?: (amount: Amount) => void;
  /** Told what a claim or a withdrawal cost; after what it brought. */
  readonly onSpent?: (cost: Wei) => void;
  /** Told of each voucher that is new or higher than before. */
  readonly onKept?: (voucher: SignedVoucher) => void;
  readonly clock?: Clock;
}

/** Other workers' last vouchers, claimed for them when they cannot. */
export interface Watchtower {
  /**
   * Checks and stores a voucher; a lower one than is kept changes nothing. Throws PotError for a pot that is not ours to watch or
   * holds nothing, VoucherError for one its session key did not sign, WATCHTOWER_WORTHLESS for what costs more than it brings,
   * WATCHTOWER_NO_GAS, WATCHTOWER_FULL.
   */
  accept(offered: Domain, config: PotConfig, voucher: SignedVoucher, waits: Waits): Promise<void>;
  /** What is kept now. */
  vouchers(): readonly SignedVoucher[];
  close(): Promise<void>;
}

/** Opens what was kept before and watches on. Throws ChainError, StoreError; STORE_LOCKED if another tab watches. */
export async function openWatchtower(options: OpenWatchtowerOptions): Promise<Watchtower> {
  const { domain, account, store, signal, clock = systemClock, refresh = 30_000 } = options;
  const { onProblem = () => {}, onRescue = () => {}, onKept = () => {}, room = ROOM } = options;
  const { onShare = () => {}, onWithdrawn = () => {}, onSpent = () => {} } = options;
  const beneficiary = getAddress(options.beneficiary ?? account.address);
  const chain = options.chain ?? (await connect({ ...options, clock }));
  const release = await store.lock("tower", { signal, patience: 50 });
  try {
    const delegated = await Delegated.read(store, room);
    const own = new AbortController();
    const until = AbortSignal.any([signal, own.signal]);
    const earnings = await openEarnings({
      ...{ chain, store, clock, account, beneficiary, signal: until },
      onWithdrawn(amount, cost) {
        onWithdrawn(amount);
        onSpent(cost);
      },
    });
    const parts = { domain, chain, account, beneficiary, delegated, earnings, clock, refresh };
    const told = { onProblem, onRescue, onShare, onSpent, onKept };
    return watch({ ...parts, ...told, signal: until, end: () => own.abort(), release });
  } catch (error) {
    release();
    throw error;
  }
}

interface WatchtowerParts {
  readonly domain: Domain;
  readonly chain: Chain;
  readonly account: Wallet;
  readonly beneficiary: Address;
  readonly delegated: Delegated;
  readonly earnings: Earnings;
  readonly clock: Clock;
  /** Fires when the watchtower is closed. */
  readonly signal: AbortSignal;
  readonly end: () => void;
  readonly refresh: number;
  readonly onProblem: (error: Error) => void;
  readonly onRescue: (payee: Address, saved: Amount) => void;
  readonly onShare: (share: Amount) => void;
  readonly onSpent: (cost: Wei) => void;
  readonly onKept: (voucher: SignedVoucher) => void;
  readonly release: () => void;
}

/** A price of gas that is older, in milliseconds, is asked for again before a voucher is refused for what its claim costs. */
const REFUSE_MS = 5_000;

/** Pots of one look at the chain; with their lanes they may take more requests than one. */
const PER_LOOK = 32;

function watch(parts: WatchtowerParts): Watchtower {
  const { domain, chain, delegated, earnings, clock, refresh, onProblem, onKept } = parts;
  const { currency } = chain;
  const domainSeparator = separator(domain);
  const queue = new SerialQueue();
  const { signal } = parts;
  const waits = { signal };
  const trouble = (error: unknown) => {
    if (!signal.aborted) onProblem(toError(error));
  };
  const gas = openGas(parts);
  /** Pots whose claim is under way, each with its end. */
  const claiming = new Map<Hex, Promise<void>>();
  let withdrawing: Promise<void> = Promise.resolve();

  /** Takes what a look shows; claims are begun and not waited for. */
  async function lookAt(potIds: readonly Hex[], gasPrice: Wei): Promise<void> {
    for (const [potId, seen] of await seenOf(chain, delegated, potIds, waits)) {
      const watched = delegated.pots.get(potId);
      if (watched === undefined) continue;
      if (seen.pot.closeAt === FINALIZED) {
        await queue.run(() => delegated.forget(potId)).catch(trouble);
        continue;
      }
      await queue.run(async () => delegated.see(potId, seen));
      const { config, kept } = watched;
      const rowCost = worth(currency, (ROW_GAS * gasPrice) as Wei);
      const rows = due(seen.pot, config.challengePeriod, [...kept.values()], {
        now: seen.now,
        claimCost: worth(currency, (CLAIM_GAS * gasPrice) as Wei),
        rowCost,
      });
      if (rows.length === 0 || claiming.has(potId)) continue;
      const work = claim(parts, queue, { config, rows, rowCost }, waits)
        .catch(trouble)
        .finally(() => claiming.delete(potId));
      claiming.set(potId, work);
    }
  }

  async function poll(): Promise<void> {
    for (;;) {
      const potIds = [...delegated.pots.keys()];
      if (potIds.length > 0 || earnings.earned() > 0n) {
        const now = await gas.renew().catch(trouble);
        for (let from = 0; now && from < potIds.length; from += PER_LOOK)
          await lookAt(potIds.slice(from, from + PER_LOOK), now.price).catch(trouble);
        if (now)
          withdrawing = Promise.all([withdrawing, earnings.withdraw(now).catch(trouble)]).then();
      }
      await clock.sleep(refresh, waits);
    }
  }
  // Ends by the abort, which is no failure.
  poll().catch(() => undefined);

  return {
    async accept(offered, config, voucher, options) {
      requireDomain(domain, offered);
      check(config, chain.currency);
      requirePot(voucher, potIdOf(domainSeparator, config));
      const known = delegated.known(voucher);
      if (known !== undefined && known.cumulative >= voucher.cumulative) return;
      // Before anything is computed or asked, and again when it is our turn: many may come at once.
      if (known === undefined) delegated.requireRoom(config, voucher);
      await verify(domainSeparator, config.signer, voucher);
      if (known !== undefined) await queue.run(() => delegated.raise(config, voucher));
      else {
        const cost = await gas.costOfOne(options);
        const [[, seen]] = await seenOf(chain, delegated, [voucher.potId], options, voucher);
        requireFunded(seen.pot);
        const keep = (most: Wei) =>
          queue.run(() =>
            // Many may come at once: it is another look's business if its lane has come meanwhile.
            delegated.known(voucher) !== undefined
              ? delegated.raise(config, voucher)
              : delegated.put(config, voucher, seen, { cost: worth(currency, most) }),
          );
        await keep(cost).catch(async (error: unknown) => {
          if (!isWorthless(error)) throw error;
          // Gas may be cheaper by now, and its owner about to leave.
          await keep(await gas.costOfOne(options, REFUSE_MS));
        });
      }
      onKept(voucher);
    },
    vouchers: () => delegated.all().map(({ voucher }) => voucher),
    async close() {
      parts.end();
      await Promise.all([...claiming.values(), withdrawing]);
      await queue.idle();
      parts.release();
    },
  };
}

/** What gas costs and what we have for it; asked once for each look, and kept until the next. */
function openGas({ chain, account, clock, refresh, signal }: WatchtowerParts) {
  const { address } = account;
  let known: { readonly price: Wei; readonly have: Wei; readonly low: boolean } | undefined;
  const needed = (price: Wei) => (2n * (CLAIM_GAS + ROW_GAS) * price) as Wei;
  let at = Number.NEGATIVE_INFINITY;
  async function askChain() {
    const waits = { signal };
    const [price, have] = await Promise.all([chain.gasPrice(waits), chain.balance(address, waits)]);
    // Less than two claims cost.
    known = { price, have, low: have < needed(price) };
    at = clock.now();
    return known;
  }
  let asking: ReturnType<typeof askChain> | undefined;
  // Many vouchers may come at once: one question is enough for all.
  const ask = (waits: Waits) => {
    asking ??= askChain().finally(() => {
      asking = undefined;
    });
    return unlessAborted(asking, waits.signal);
  };
  return {
    renew: () => ask({ signal }),
    /** Wei that a claim of one voucher costs, by a price of less than `age` milliseconds. Throws WATCHTOWER_NO_GAS where we could not pay for two. */
    async costOfOne(waits: Waits, age = 2 * refresh): Promise<Wei> {
      const fresh = known !== undefined && clock.now() - at < age ? known : undefined;
      // Somebody may have sent us coins since.
      const { price, have, low } = fresh?.low === false ? fresh : await ask(waits);
      const cost = ((CLAIM_GAS + ROW_GAS) * price) as Wei;
      const need = needed(price);
      if (low)
        throw new WatchtowerError(
          { code: "WATCHTOWER_NO_GAS", account: address, have, need },
          `the watchtower's account ${address} has ${have} wei for gas, and two claims cost ${need}`,
        );
      return cost;
    },
  };
}

/** Pots with the lanes that are kept of each, and the lane of `more`, at one block. */
async function seenOf(
  chain: Chain,
  delegated: Delegated,
  potIds: readonly Hex[],
  waits: Waits,
  more?: SignedVoucher,
): Promise<[[Hex, Seen], ...[Hex, Seen][]]> {
  const asked = potIds.map((potId) => {
    const kept = [...(delegated.pots.get(potId)?.kept.values() ?? [])];
    const lanes = [...kept.map(({ voucher }) => voucher), ...(more === undefined ? [] : [more])];
    return { potId, lanes: lanes.map(({ payee, lane }) => ({ payee, lane })) };
  });
  const { pots, now } = await chain.snapshot(asked, waits);
  return asked.map(({ potId, lanes }, i): [Hex, Seen] => {
    const pot = pots[i];
    if (pot === undefined)
      throw new RangeError(`${pots.length} pots came, ${asked.length} were asked for`);
    const states = lanes.flatMap((lane, j) => {
      const state = pot.lanes[j];
      return state === undefined ? [] : [[laneKey(lane), state] as const];
    });
    return [potId, { pot, lanes: new Map(states), now }];
  }) as [[Hex, Seen], ...[Hex, Seen][]];
}

const isWorthless = (error: unknown) =>
  error instanceof WatchtowerError && error.code === "WATCHTOWER_WORTHLESS";

function requirePot(voucher: SignedVoucher, potId: Hex): void {
  if (potId !== voucher.potId)
    throw new VoucherError(
      { code: "VOUCHER_UNTRUSTED_POT", potId: voucher.potId },
      `the voucher is for the pot ${voucher.potId}, and what came with it is ${potId}`,
    );
}

/** Throws POT_FINAL, POT_UNFUNDED for a pot from which nothing could be brought to anybody. */
function requireFunded({ exists, closeAt, balance }: PotState): void {
  if (closeAt === FINALIZED) throw new PotError({ code: "POT_FINAL" }, "the pot is final");
  if (!exists || balance === 0n)
    throw new PotError(
      { code: "POT_UNFUNDED", balance, min: 1n as Amount },
      `the pot holds ${balance} parts: nothing to bring anybody`,
    );
}

interface Claim {
  readonly config: PotConfig;
  readonly rows: readonly Brought<Kept>[];
  /** What one row's gas is worth. */
  readonly rowCost: Amount;
}

/** Brings rows to the contract, unless the quote of the claim is more than they bring; remembers what brought less than its gas. */
async function claim(
  parts: WatchtowerParts,
  queue: SerialQueue,
  { config, rows, rowCost }: Claim,
  waits: Waits,
): Promise<void> {
  const { chain, account, beneficiary, delegated, earnings } = parts;
  const vouchers = rows.map(({ row }) => row.voucher);
  const action = { do: "claimAsWatchtower", config, vouchers, beneficiary } as const;
  const quote = await chain.quote(account.address, action, waits);
  const pays = rows.reduce((sum, row) => sum + row.pays, 0n);
  const brings = (pays * BigInt(10_000 - chain.feeBps)) / 10_000n; // the contract's fee is nobody's here
  if (brings <= worth(chain.currency, quote.cost)) return;
  const { events, cost } = await chain.claimAsWatchtower(account, config, vouchers, {
    beneficiary,
    ...waits,
  });
  const paid = new Map<string, Amount>();
  for (const event of events) {
    if (event.type === "claimed" && event.paid > 0n) {
      paid.set(laneKey(event), event.paid);
      parts.onRescue(event.payee, (event.paid - event.fee) as Amount);
    }
    if (event.type === "shared" && isAddressEqual(event.beneficiary, beneficiary)) {
      parts.onShare(event.share);
      await earnings.add(event.share);
    }
  }
  parts.onSpent(cost);
  const bounced = rows
    .map(({ row: { voucher }, pays }) => ({ voucher, pays }))
    .filter(({ voucher }) => (paid.get(laneKey(voucher)) ?? 0n) <= rowCost);
  await queue.run(() => delegated.bounce(bounced));
}
