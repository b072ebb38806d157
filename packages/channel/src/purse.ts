import {
  type Clock,
  type Random,
  secureRandom,
  systemClock,
  toError,
  type Wei,
} from "@tabcast/runtime";
import { getAddress, isAddressEqual } from "viem";
import { type Chain, ChainError, connect, type Waits, type Wallet } from "./chain.ts";
import { check, PotError, potId as potIdOf, requireDomain, separator } from "./config.ts";
import { FINALIZED } from "./final.ts";
import * as Payee from "./payee.ts";
import { Queue } from "./queue.ts";
import { type Json, type Store, StoreError } from "./store.ts";
import type { Address, Domain, Hex, PotConfig, Purse, PurseNews, SignedVoucher } from "./types.ts";
import * as Voucher from "./voucher.ts";
import { VoucherError, type VoucherReason } from "./voucher.ts";

export interface OpenPurseOptions {
  /** Who is paid. */
  readonly payee: Address;
  /** The tab's lane, a random 32-bit number. Default: a stored one that no other tab uses, or a new one. */
  readonly lane?: number;
  /** The one contract and chain whose pots are believed. */
  readonly domain: Domain;
  /** Our own JSON-RPC server over HTTP. */
  readonly rpc: string;
  /** What sends claims; without it the purse can only hold vouchers. Need not be the payee. */
  readonly account?: Wallet;
  readonly store: Store;
  readonly signal: AbortSignal;
  /** Shortest challenge accepted, in seconds: how long this tab may sleep. Default 900, the contract's least. */
  readonly minChallenge?: number;
  /** Least a pot must hold when work starts, in wei. Default 1. */
  readonly minBalance?: Wei;
  /** Highest fee accepted, in hundredths of a percent. Default 0. */
  readonly maxFeeBps?: number;
  /** Wei that vouchers may run ahead of delivered work. Default: no limit. */
  readonly prepay?: Wei;
  /** Wei vouchered without a guarantee for which work goes on. Default: no limit. */
  readonly softCap?: Wei;
  /** Seconds before a guarantee ends from which it is not relied on, and what it covers is claimed. Default 180. */
  readonly claimMargin?: number;
  /** Least that a voucher must add, in wei. Default 1. */
  readonly minDelta?: Wei;
  /** The chain to use instead of the one behind `rpc`. */
  readonly chain?: Chain;
  /** Milliseconds between two looks at the chain. Default 30_000. */
  readonly refresh?: number;
  /** Told of trouble in the background: a refresh or an automatic claim that failed. */
  readonly onProblem?: (error: Error) => void;
  readonly clock?: Clock;
  /** Draws a lane where none is given. Default: the platform's cryptographic randomness. */
  readonly random?: Random;
}

interface LaneHeld {
  readonly potId: Hex;
  readonly config: PotConfig;
  book: Payee.Book;
  readonly queue: Queue;
  /** The chain's unix second less our own clock's, in seconds; from the last look. */
  ahead: number;
  /** Looks at the chain that vouchers may still cause, and when that was, in milliseconds. */
  spare: { readonly looks: number; readonly at: number };
}

interface LaneRecord {
  readonly config: PotConfig;
  readonly accrued: string;
  readonly cumulative?: string;
  readonly signature?: Hex;
  readonly claimed: string;
  readonly balance: string;
  readonly closeAt: number;
  readonly ceiling?: string;
  readonly until?: number;
  readonly credited?: string;
}

/** Gas of a claim of one voucher into a fresh lane and credit, with room. Source: the contract's gas snapshot. */
const CLAIM_GAS = 120_000n;

/** Looks at the chain that vouchers of one pot may cause at once. */
const SPARE_LOOKS = 4;

/** Opens a worker's books. Throws ChainError, StoreError; STORE_LOCKED if the lane asked for is open in another tab. */
export async function openPurse(options: OpenPurseOptions): Promise<Purse> {
  const { domain, rpc, store, signal, clock = systemClock, random = secureRandom } = options;
  const payee = getAddress(options.payee);
  const chain = options.chain ?? (await connect({ domain, rpc, signal, clock }));
  const { lane, release } = await takeLane(store, payee, options.lane, { random, signal });
  try {
    const lanes = await readLanes(store, payee, lane);
    return hold({ ...options, payee, clock, chain, lane, lanes, release });
  } catch (error) {
    release();
    throw error;
  }
}

/** A lane of this payee that no other tab writes. */
async function takeLane(
  store: Store,
  payee: Address,
  wanted: number | undefined,
  { random, signal }: { readonly random: Random; readonly signal: AbortSignal },
): Promise<{ lane: number; release: () => void }> {
  const prefix = `purse/${payee.toLowerCase()}/`;
  const take = async (lane: number, patience?: number) => {
    const release = await store.lock(`${prefix}${lane}`, {
      signal,
      ...(patience !== undefined && { patience }),
    });
    try {
      await store.write([[`${prefix}${lane}`, true]]);
    } catch (error) {
      release();
      throw error;
    }
    return { lane, release };
  };
  if (wanted !== undefined) {
    if (!Voucher.isLane(wanted)) throw new RangeError(`a lane is a 32-bit number, got ${wanted}`);
    return take(wanted);
  }
  for (const [key] of await store.list(prefix)) {
    try {
      return await take(Number(key.slice(prefix.length)), 50);
    } catch (error) {
      if (!(error instanceof StoreError && error.code === "STORE_LOCKED")) throw error;
    }
  }
  return take(random.below(2 ** 32));
}

const laneKeyOf = (payee: Address, lane: number, potId: Hex) =>
  `purse-lane/${payee.toLowerCase()}/${lane}/${potId}`;

async function readLanes(store: Store, payee: Address, lane: number): Promise<LaneHeld[]> {
  const prefix = `purse-lane/${payee.toLowerCase()}/${lane}/`;
  return (await store.list(prefix)).map(([key, value]) => {
    const record = value as unknown as LaneRecord;
    if (typeof record?.accrued !== "string" || typeof record.claimed !== "string")
      throw new StoreError({ code: "STORE_CORRUPT", key }, `the stored lane ${key} is unreadable`);
    const { cumulative, signature } = record;
    return {
      potId: key.slice(prefix.length) as Hex,
      config: record.config,
      queue: new Queue(),
      ahead: 0,
      spare: { looks: SPARE_LOOKS, at: 0 },
      book: {
        ceiling: BigInt(record.ceiling ?? 0) as Wei,
        until: record.until ?? 0,
        // Books from before there were guarantees gave credit for all they held.
        credited: BigInt(record.credited ?? cumulative ?? 0) as Wei,
        accrued: BigInt(record.accrued) as Wei,
        claimed: BigInt(record.claimed) as Wei,
        balance: BigInt(record.balance) as Wei,
        closeAt: record.closeAt,
        ...(cumulative !== undefined &&
          signature !== undefined && {
            highest: { cumulative: BigInt(cumulative) as Wei, signature },
          }),
      },
    };
  });
}

function laneRecord({ config }: LaneHeld, book: Payee.Book): Json {
  const { accrued, highest, claimed, balance, closeAt, ceiling, until, credited } = book;
  return {
    config: { ...config },
    accrued: accrued.toString(),
    ...(highest && { cumulative: highest.cumulative.toString(), signature: highest.signature }),
    claimed: claimed.toString(),
    balance: balance.toString(),
    closeAt,
    ceiling: ceiling.toString(),
    until,
    credited: credited.toString(),
  };
}

function refusal(reason: VoucherReason): VoucherError {
  switch (reason.code) {
    case "VOUCHER_STALE":
      return new VoucherError(
        reason,
        `a voucher over ${reason.amount} wei came, and we hold one over ${reason.held}`,
      );
    case "VOUCHER_OVER_OWED":
      return new VoucherError(
        reason,
        `the voucher adds ${reason.increment} wei, and ${reason.owed} are owed`,
      );
    case "VOUCHER_OVER_POT":
      return new VoucherError(
        reason,
        `the voucher is over ${reason.amount} wei, and the pot covers ${reason.pot}`,
      );
    case "VOUCHER_DUST":
      return new VoucherError(
        reason,
        `the voucher adds ${reason.increment} wei, at least ${reason.min} are worth a look`,
      );
    case "VOUCHER_UNGUARANTEED":
      return new VoucherError(
        reason,
        `kept, but ${reason.exposed} wei of what we hold are not guaranteed, at most ${reason.softCap} may be`,
      );
    case "VOUCHER_POT_CLOSING":
      return new VoucherError(
        reason,
        `kept, but the pot closes at ${new Date(reason.closeAt * 1000).toISOString()}`,
      );
    case "VOUCHER_POT_FINAL":
      return new VoucherError(reason, "the pot is final and pays nothing more");
    default:
      return new VoucherError(reason, reason.code);
  }
}

/** Carries out what `payee.ts` decides. */
function hold(
  held: OpenPurseOptions & {
    readonly payee: Address;
    readonly clock: Clock;
    readonly chain: Chain;
    readonly lane: number;
    readonly lanes: readonly LaneHeld[];
    readonly release: () => void;
  },
): Purse {
  const { payee, lane, domain, chain, store, clock, account, release } = held;
  const { minChallenge = 900, minBalance = 1n as Wei, maxFeeBps = 0, refresh = 30_000 } = held;
  const { onProblem = () => {} } = held;
  const listeners = new Set<(news: PurseNews) => void>();
  const onNews = (news: PurseNews) => {
    for (const listener of listeners) listener(news);
  };
  const domainSeparator = separator(domain);
  const { prepay, softCap, claimMargin, minDelta } = held;
  const rules: Payee.Rules = {
    ...(prepay !== undefined && { prepay }),
    ...(softCap !== undefined && { softCap }),
    ...(claimMargin !== undefined && { claimMargin }),
    ...(minDelta !== undefined && { minDelta }),
  };
  const lanes = new Map(held.lanes.map((own) => [own.potId, own]));
  const own = new AbortController();
  let closed = false;

  const laneOf = (potId: Hex): LaneHeld => {
    const found = lanes.get(potId.toLowerCase() as Hex);
    if (!found)
      throw new VoucherError(
        { code: "VOUCHER_UNTRUSTED_POT", potId },
        `the pot ${potId} was never checked: refuse its vouchers`,
      );
    return found;
  };

  /** One event of a lane, inside the lane's queue. Throws what `step` refuses, after what it stores. */
  async function act(at: LaneHeld, event: Payee.Event): Promise<Wei> {
    const [next, effects] = Payee.step(at.book, event, rules);
    let credited = 0n as Wei;
    let refused: VoucherError | undefined;
    for (const effect of effects) {
      if (effect.do === "store") {
        await store.write([[laneKeyOf(payee, lane, at.potId), laneRecord(at, next)]]);
        at.book = next;
      } else if (effect.do === "credit") credited = effect.credited;
      else if (effect.do === "refuse") refused = refusal(effect.reason);
      else if (effect.do === "wentBack")
        onNews({ type: "wentBack", potId: at.potId, from: effect.from, to: effect.to });
      else if (effect.do === "ask") onNews({ type: "unguaranteed", potId: at.potId });
      else background(() => claimIfWorthIt(at));
    }
    if (refused) throw refused;
    return credited;
  }

  function background(work: () => Promise<void>): void {
    work().catch((error: unknown) => {
      if (!closed) onProblem(toError(error));
    });
  }

  async function seen(potId: Hex, waits: Waits): Promise<Payee.Seen & { exists: boolean }> {
    const [pot, [state], now] = await Promise.all([
      chain.pot(potId, waits),
      chain.lanes(potId, [{ payee, lane }], waits),
      chain.now(waits),
    ]);
    const { balance, closeAt, exists } = pot;
    const none = 0n as Wei;
    const { claimed, ceiling, until } = state ?? { claimed: none, ceiling: none, until: 0 };
    return { balance, closeAt, exists, claimed, ceiling, until, now };
  }

  async function look(at: LaneHeld, waits: Waits): Promise<void> {
    const { exists: _, ...view } = await seen(at.potId, waits);
    at.ahead = view.now - clock.unix() / 1000;
    const { ceiling, until } = at.book;
    const credited = await act(at, { type: "chain", ...view });
    const { potId } = at;
    if (view.ceiling > view.claimed && (view.ceiling !== ceiling || view.until !== until))
      onNews({ type: "reserved", potId, ceiling: view.ceiling, until: view.until });
    if (credited > 0n) onNews({ type: "credited", potId, credited });
  }

  /** A payer who signs more than there is could make us ask the chain for each voucher: a few, then one a second. */
  function mayLook(at: LaneHeld): boolean {
    const now = clock.now();
    const looks = Math.min(SPARE_LOOKS, at.spare.looks + (now - at.spare.at) / 1000);
    at.spare = { looks: looks >= 1 ? looks - 1 : looks, at: now };
    return looks >= 1;
  }

  /** A look, and some more if it shows a chain that went back: nothing may be left unclaimed for an old memory. */
  async function lookWell(at: LaneHeld, waits: Waits): Promise<void> {
    for (let looks = 0; looks < Payee.DOUBTS; looks++) {
      await look(at, waits);
      if (at.book.doubts === undefined) return;
    }
  }

  async function claimLane(at: LaneHeld, wallet: Wallet, waits: Waits): Promise<Wei> {
    await look(at, waits);
    const { highest } = at.book;
    if (!highest || Payee.claimable(at.book) === 0n) return 0n as Wei;
    const voucher = { potId: at.potId, payee, lane, ...highest };
    const { events } = await chain.claim(wallet, at.config, [voucher], waits);
    let paid = 0n;
    for (const event of events)
      if (event.type === "claimed" && event.lane === lane && isAddressEqual(event.payee, payee))
        paid += event.paid;
      else if (event.type === "bounced" && event.lane === lane)
        onNews({ type: "bounced", potId: at.potId, shortfall: event.shortfall });
    onNews({ type: "claimed", potId: at.potId, paid: paid as Wei });
    await look(at, waits);
    return paid as Wei;
  }

  /** A close was seen: what is not claimed now may be lost. Not for less than the gas costs. */
  async function claimIfWorthIt(at: LaneHeld): Promise<void> {
    if (!account) return;
    const waits = { signal: own.signal };
    const cost = CLAIM_GAS * (await chain.gasPrice(waits));
    await at.queue.run(async () => {
      if (Payee.claimable(at.book) > cost) await claimLane(at, account, waits);
    });
  }

  async function watch(): Promise<void> {
    const waits = { signal: own.signal };
    for (;;) {
      await clock.sleep(refresh, waits);
      for (const at of lanes.values())
        if (at.book.closeAt !== FINALIZED)
          await at.queue
            .run(() => look(at, waits))
            .catch((error: unknown) => {
              if (!closed) onProblem(toError(error));
            });
    }
  }
  // Ends by the abort in `close`, which is no failure.
  watch().catch(() => undefined);

  const requireAccount = (): Wallet => {
    if (closed) throw new StoreError({ code: "STORE_CLOSED" }, "the purse was closed");
    if (account) return account;
    throw new PotError(
      { code: "PURSE_NO_ACCOUNT", payee },
      `this tab knows only the address ${payee}: connect its wallet to claim and withdraw`,
    );
  };

  async function trust(offered: Domain, config: PotConfig, waits: Waits): Promise<Hex> {
    requireDomain(domain, offered);
    check(config);
    const { challengePeriod } = config;
    if (challengePeriod < minChallenge)
      throw new PotError(
        { code: "POT_CHALLENGE_SHORT", challengePeriod, min: minChallenge },
        `the pot leaves ${challengePeriod} s to claim; we want ${minChallenge} s`,
      );
    if (chain.feeBps > maxFeeBps)
      throw new PotError(
        { code: "POT_FEE", feeBps: chain.feeBps, max: maxFeeBps },
        `the contract keeps ${chain.feeBps / 100} % of each payment; we accept ${maxFeeBps / 100} %`,
      );
    const potId = potIdOf(domainSeparator, config);
    const { exists, ...pot } = await seen(potId, waits);
    if (pot.closeAt === FINALIZED) throw new PotError({ code: "POT_FINAL" }, "the pot is final");
    if (pot.closeAt !== 0)
      throw new PotError(
        { code: "POT_CLOSING", closeAt: pot.closeAt },
        `the pot closes at ${new Date(pot.closeAt * 1000).toISOString()}`,
      );
    if (!exists || pot.balance < minBalance)
      throw new PotError(
        { code: "POT_UNFUNDED", balance: pot.balance, min: minBalance },
        `the pot holds ${pot.balance} wei; we want ${minBalance}`,
      );
    const ahead = pot.now - clock.unix() / 1000;
    const known = lanes.get(potId);
    if (known) {
      known.ahead = ahead;
      await known.queue.run(() => act(known, { type: "chain", ...pot }));
    } else {
      const spare = { looks: SPARE_LOOKS, at: 0 };
      const at = { potId, config, queue: new Queue(), book: Payee.fresh(pot), ahead, spare };
      lanes.set(potId, at);
      await at.queue.run(() =>
        store.write([[laneKeyOf(payee, lane, potId), laneRecord(at, at.book)]]),
      );
    }
    return potId;
  }

  async function accept(voucher: SignedVoucher): Promise<{ readonly credited: Wei }> {
    Voucher.checkForm(voucher);
    const at = laneOf(voucher.potId);
    const elsewhere = (field: "payee" | "lane"): never => {
      throw new VoucherError(
        { code: "VOUCHER_MISDIRECTED", field },
        `the voucher is for ${voucher.payee}, lane ${voucher.lane}, not for us`,
      );
    };
    if (!isAddressEqual(voucher.payee, payee)) elsewhere("payee");
    if (voucher.lane !== lane) elsewhere("lane");
    const { cumulative } = voucher;
    const signature = voucher.signature.toLowerCase() as Hex;
    const { highest } = at.book;
    if (highest?.cumulative === cumulative && highest.signature === signature)
      return { credited: 0n as Wei };
    // Also for stale amounts: an unsigned claim must not even learn what we hold.
    await Voucher.verify(domainSeparator, at.config.signer, voucher);
    return at.queue.run(async () => {
      const now = Math.ceil(clock.unix() / 1000 + at.ahead);
      const event = { type: "voucher", cumulative, signature, now } as const;
      try {
        return { credited: await act(at, event) };
      } catch (error) {
        if (!(error instanceof VoucherError && error.code === "VOUCHER_OVER_POT")) throw error;
        if (!mayLook(at)) throw error;
        // Topped up since we last looked? The chain knows.
        await look(at, { signal: own.signal });
        return { credited: await act(at, event) };
      }
    });
  }

  return {
    payee,
    lane,
    trust: (offered, config, { signal }) => trust(offered, config, { signal }),
    accrue: async (potId, amount) => {
      const at = laneOf(potId);
      await at.queue.run(() => act(at, { type: "delivered", amount }));
    },
    accept,
    window: (potId) => Payee.window(laneOf(potId).book),
    highest: (potId) => {
      const at = lanes.get(potId.toLowerCase() as Hex);
      return at?.book.highest && { potId: at.potId, payee, lane, ...at.book.highest };
    },
    balances: () => {
      let accrued = 0n;
      let vouchered = 0n;
      let claimed = 0n;
      for (const { book } of lanes.values()) {
        accrued += book.accrued;
        vouchered += book.highest?.cumulative ?? 0n;
        claimed += book.claimed;
      }
      return { accrued: accrued as Wei, vouchered: vouchered as Wei, claimed: claimed as Wei };
    },
    async claim({ signal }) {
      const wallet = requireAccount();
      let paid = 0n;
      let failure: unknown;
      for (const at of lanes.values()) {
        await at.queue.run(() => lookWell(at, { signal }));
        if (Payee.claimable(at.book) === 0n) continue;
        try {
          paid += await at.queue.run(() => claimLane(at, wallet, { signal }));
        } catch (error) {
          signal.throwIfAborted();
          // A pot that somebody finalized in between has nothing for us; any other trouble is told after the last pot.
          const final =
            error instanceof ChainError &&
            error.reason.code === "CHAIN_REVERTED" &&
            error.reason.error === "PotIsFinal";
          if (!final) failure ??= error;
        }
      }
      if (failure !== undefined) throw failure;
      return { paid: paid as Wei };
    },
    watch(listener, { signal }) {
      listeners.add(listener);
      signal.addEventListener("abort", () => listeners.delete(listener), { once: true });
    },
    async withdraw({ signal }) {
      const wallet = requireAccount();
      if ((await chain.credit(payee, { signal })) === 0n) return { withdrawn: 0n as Wei };
      const { events } = await chain.withdraw(wallet, payee, { signal });
      let withdrawn = 0n;
      for (const event of events)
        if (event.type === "withdrawn" && isAddressEqual(event.account, payee))
          withdrawn += event.amount;
      return { withdrawn: withdrawn as Wei };
    },
    async close() {
      if (closed) return;
      closed = true;
      own.abort();
      listeners.clear();
      await Promise.all([...lanes.values()].map(({ queue }) => queue.idle()));
      release();
    },
  };
}
