import { type Clock, secureRandom, systemClock, toError, type Wei } from "@tabcast/runtime";
import { getAddress, isAddressEqual } from "viem";
import { type Chain, ChainError, connect, type Waits, type Wallet } from "./chain.ts";
import { check, PotError, potId as potIdOf, separator } from "./config.ts";
import { FINALIZED } from "./final.ts";
import * as Payee from "./payee.ts";
import { Queue } from "./queue.ts";
import { type Json, type Store, StoreError } from "./store.ts";
import type { Address, Domain, Hex, PotConfig, Purse, SignedVoucher } from "./types.ts";
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
  /** Milliseconds between two looks at the chain. Default 30_000. */
  readonly refresh?: number;
  /** Told of trouble in the background: a refresh or an automatic claim that failed. */
  readonly onProblem?: (error: Error) => void;
  readonly clock?: Clock;
}

interface LaneHeld {
  readonly potId: Hex;
  readonly config: PotConfig;
  book: Payee.Book;
  readonly queue: Queue;
}

interface LaneRecord {
  readonly config: PotConfig;
  readonly accrued: string;
  readonly cumulative?: string;
  readonly signature?: Hex;
  readonly claimed: string;
  readonly balance: string;
  readonly closeAt: number;
}

/** Gas of a claim of one voucher into a fresh lane and credit, with room. Source: the contract's gas snapshot. */
const CLAIM_GAS = 120_000n;

/** Opens a worker's books. Throws ChainError, StoreError; STORE_LOCKED if the lane asked for is open in another tab. */
export async function openPurse(options: OpenPurseOptions): Promise<Purse> {
  const { domain, rpc, store, signal, clock = systemClock } = options;
  const payee = getAddress(options.payee);
  const chain = await connect({ domain, rpc, signal, clock });
  const { lane, release } = await takeLane(store, payee, options.lane, signal);
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
  signal: AbortSignal,
): Promise<{ lane: number; release: () => void }> {
  const prefix = `purse/${payee.toLowerCase()}/`;
  const take = async (lane: number, patience?: number) => {
    const release = await store.lock(`${prefix}${lane}`, {
      signal,
      ...(patience !== undefined && { patience }),
    });
    await store.write([[`${prefix}${lane}`, true]]);
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
  return take(secureRandom.below(2 ** 32));
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
      book: {
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
  const { accrued, highest, claimed, balance, closeAt } = book;
  return {
    config: { ...config },
    accrued: accrued.toString(),
    ...(highest && { cumulative: highest.cumulative.toString(), signature: highest.signature }),
    claimed: claimed.toString(),
    balance: balance.toString(),
    closeAt,
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
  const domainSeparator = separator(domain);
  const rules: Payee.Rules = held.prepay === undefined ? {} : { prepay: held.prepay };
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

  async function look(at: LaneHeld, waits: Waits): Promise<void> {
    const [pot, claimed] = await Promise.all([
      chain.pot(at.potId, waits),
      chain.claimed(at.potId, [{ payee, lane }], waits),
    ]);
    await act(at, {
      type: "chain",
      balance: pot.balance,
      closeAt: pot.closeAt,
      claimed: claimed[0] ?? (0n as Wei),
    });
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
    if (
      offered.chainId !== domain.chainId ||
      offered.contract.toLowerCase() !== domain.contract.toLowerCase()
    )
      throw new PotError(
        { code: "POT_ELSEWHERE", chainId: offered.chainId, contract: offered.contract },
        `the pot is in ${offered.contract} on chain ${offered.chainId}; we use ${domain.contract} on chain ${domain.chainId}`,
      );
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
    const [pot, claimed] = await Promise.all([
      chain.pot(potId, waits),
      chain.claimed(potId, [{ payee, lane }], waits),
    ]);
    if (pot.closeAt === FINALIZED) throw new PotError({ code: "POT_FINAL" }, "the pot is final");
    if (pot.closeAt !== 0)
      throw new PotError(
        { code: "POT_CLOSING", closeAt: pot.closeAt },
        `the pot closes at ${new Date(pot.closeAt * 1000).toISOString()}`,
      );
    if (!pot.exists || pot.balance < minBalance)
      throw new PotError(
        { code: "POT_UNFUNDED", balance: pot.balance, min: minBalance },
        `the pot holds ${pot.balance} wei; we want ${minBalance}`,
      );
    const seen = { ...pot, claimed: claimed[0] ?? (0n as Wei) };
    const known = lanes.get(potId);
    if (known) await known.queue.run(() => act(known, { type: "chain", ...seen }));
    else {
      const at: LaneHeld = { potId, config, queue: new Queue(), book: Payee.fresh(seen) };
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
      const event = { type: "voucher", cumulative, signature } as const;
      try {
        return { credited: await act(at, event) };
      } catch (error) {
        if (!(error instanceof VoucherError && error.code === "VOUCHER_OVER_POT")) throw error;
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
      await Promise.all([...lanes.values()].map(({ queue }) => queue.idle()));
      release();
    },
  };
}
