/**
 * Keeps other workers' highest vouchers and brings them to the contract when their pot closes without them. A claim pays only the
 * voucher's owner, so a tower can be trusted by nobody and asked by everybody. It waits out the first half of the challenge, in
 * which an owner that lives claims for itself, and pays the gas of the rest: never more than the vouchers are worth.
 *
 * Bounds: `MOST_POTS` pots, `MOST_IN_POT` lanes each; one look at each pot every `refresh`; a pot it has not heard of costs one.
 * Stored before it is acknowledged. Forgets a pot once it is final.
 */
import { type Clock, CodedError, systemClock, toError, type Wei } from "@tabcast/runtime";
import { type Chain, connect, type Waits, type Wallet } from "./chain.ts";
import { check, PotError, potId as potIdOf, requireDomain, separator } from "./config.ts";
import { FINALIZED } from "./final.ts";
import { Queue } from "./queue.ts";
import { type Json, type Store, StoreError } from "./store.ts";
import type { Address, Domain, Hex, PotConfig, SignedVoucher } from "./types.ts";
import * as Voucher from "./voucher.ts";
import { VoucherError } from "./voucher.ts";

/** Pots whose vouchers are kept. */
export const MOST_POTS = 32;
/** Lanes kept of one pot: a payer can sign for as many made-up workers as it likes, and we pay the gas. */
export const MOST_IN_POT = 16;
/** Gas of one more row of a claim, into a fresh lane and credit. Source: the contract's gas snapshot, 54,763 a lane of 50. */
const ROW_GAS = 60_000n;

/** No room for what was brought. Do: nothing; its owner hands it to another peer. */
export class TowerError extends CodedError<{ code: "TOWER_FULL"; most: number }> {}

export interface OpenTowerOptions {
  /** The one contract and chain whose pots are watched. */
  readonly domain: Domain;
  /** Our own JSON-RPC server over HTTP. */
  readonly rpc: string;
  /** What sends claims, and pays their gas. */
  readonly account: Wallet;
  readonly store: Store;
  readonly signal: AbortSignal;
  /** The chain to use instead of the one behind `rpc`. */
  readonly chain?: Chain;
  /** Milliseconds between two looks at the chain. Default 30_000. */
  readonly refresh?: number;
  /** Told of trouble in the background. */
  readonly onProblem?: (error: Error) => void;
  /** Told what a claim brought to whom, wei. */
  readonly onRescue?: (payee: Address, paid: Wei) => void;
  readonly clock?: Clock;
}

/** Other workers' last vouchers, kept for them. */
export interface Tower {
  /**
   * Checks and stores a voucher; a lower one than is kept changes nothing. Throws PotError for a pot that is not ours to watch or
   * holds nothing, VoucherError for one its session key did not sign, TOWER_FULL.
   */
  keep(offered: Domain, config: PotConfig, voucher: SignedVoucher, waits: Waits): Promise<void>;
  /** What is kept now. */
  kept(): readonly SignedVoucher[];
  close(): Promise<void>;
}

interface Watched {
  readonly config: PotConfig;
  /** By `Voucher.laneKey`. */
  readonly vouchers: Map<string, SignedVoucher>;
}

const PREFIX = "tower/";
const keyOf = (voucher: SignedVoucher) => `${PREFIX}${voucher.potId}/${Voucher.laneKey(voucher)}`;

/** What to bring now, of a closing pot whose lanes the chain has paid `claimed`; wei. Nothing in the first half of the challenge. */
export function due(
  { closeAt, balance }: { readonly closeAt: number; readonly balance: Wei },
  challengePeriod: number,
  vouchers: readonly SignedVoucher[],
  claimed: readonly Wei[],
  { now, rowCost }: { readonly now: number; readonly rowCost: Wei },
): readonly SignedVoucher[] {
  if (closeAt === 0 || closeAt === FINALIZED || now < closeAt - challengePeriod / 2) return [];
  let left: bigint = balance;
  return vouchers.filter(({ cumulative }, i) => {
    const owed = cumulative - (claimed[i] ?? 0n);
    const pays = owed < left ? owed : left;
    if (pays <= rowCost) return false;
    left -= pays;
    return true;
  });
}

/** Opens what was kept before and watches on. Throws ChainError, StoreError; STORE_LOCKED if another tab watches. */
export async function openTower(options: OpenTowerOptions): Promise<Tower> {
  const { domain, rpc, account, store, signal, clock = systemClock, refresh = 30_000 } = options;
  const { onProblem = () => {}, onRescue = () => {} } = options;
  const chain = options.chain ?? (await connect({ domain, rpc, signal, clock }));
  const release = await store.lock("tower", { signal, patience: 50 });
  const domainSeparator = separator(domain);
  const pots = new Map<Hex, Watched>();
  const queue = new Queue();
  const own = new AbortController();
  const until = AbortSignal.any([signal, own.signal]);

  try {
    for (const [key, value] of await store.list(PREFIX)) {
      const { config, ...voucher } = read(key, value);
      watched(pots, voucher.potId, config).vouchers.set(Voucher.laneKey(voucher), voucher);
    }
  } catch (error) {
    release();
    throw error;
  }

  /** False if as much is kept of the lane already. Throws TOWER_FULL. */
  function admits(potId: Hex, laneKey: string, { cumulative }: SignedVoucher): boolean {
    const pot = pots.get(potId);
    const held = pot?.vouchers.get(laneKey);
    if (held !== undefined) return cumulative > held.cumulative;
    const full = (most: number, what: string) =>
      new TowerError({ code: "TOWER_FULL", most }, `at most ${most} ${what} are watched`);
    if (pot === undefined && pots.size >= MOST_POTS) throw full(MOST_POTS, "pots");
    if (pot !== undefined && pot.vouchers.size >= MOST_IN_POT)
      throw full(MOST_IN_POT, "lanes of a pot");
    return true;
  }

  async function keep(
    offered: Domain,
    config: PotConfig,
    voucher: SignedVoucher,
    waits: Waits,
  ): Promise<void> {
    requireDomain(domain, offered);
    check(config);
    const potId = potIdOf(domainSeparator, config);
    if (potId !== voucher.potId)
      throw new VoucherError(
        { code: "VOUCHER_UNTRUSTED_POT", potId: voucher.potId },
        `the voucher is for the pot ${voucher.potId}, and what came with it is ${potId}`,
      );
    const laneKey = Voucher.laneKey(voucher);
    // Before anything is computed or asked, and again when it is our turn: many may come at once.
    if (!admits(potId, laneKey, voucher)) return;
    await Voucher.verify(domainSeparator, config.signer, voucher);
    if (!pots.has(potId)) {
      const { exists, closeAt, balance } = await chain.pot(potId, waits);
      if (closeAt === FINALIZED) throw new PotError({ code: "POT_FINAL" }, "the pot is final");
      if (!exists || balance === 0n)
        throw new PotError(
          { code: "POT_UNFUNDED", balance, min: 1n as Wei },
          `the pot holds ${balance} wei: nothing to bring anybody`,
        );
    }
    await queue.run(async () => {
      if (!admits(potId, laneKey, voucher)) return;
      await store.write([[keyOf(voucher), record(config, voucher)]]);
      watched(pots, potId, config).vouchers.set(laneKey, voucher);
    });
  }

  async function look(potId: Hex, { config, vouchers }: Watched): Promise<void> {
    const waits = { signal: until };
    const pot = await chain.pot(potId, waits);
    if (pot.closeAt === FINALIZED) {
      const gone = [...vouchers.values()].map((one) => [keyOf(one), undefined] as const);
      await store.write(gone);
      pots.delete(potId);
      return;
    }
    if (pot.closeAt === 0) return;
    const lanes = [...vouchers.values()];
    const [claimed, now, gasPrice] = await Promise.all([
      chain.claimed(potId, lanes, waits),
      chain.now(waits),
      chain.gasPrice(waits),
    ]);
    const rowCost = (ROW_GAS * gasPrice) as Wei;
    const rows = due(pot, config.challengePeriod, lanes, claimed, { now, rowCost });
    if (rows.length === 0) return;
    const { events } = await chain.claim(account, config, rows, waits);
    for (const event of events)
      if (event.type === "claimed" && event.paid > 0n) onRescue(event.payee, event.paid);
  }

  async function watch(): Promise<void> {
    for (;;) {
      await clock.sleep(refresh, { signal: until });
      for (const [potId, pot] of pots)
        await queue
          .run(() => look(potId, pot))
          .catch((error: unknown) => {
            if (!until.aborted) onProblem(toError(error));
          });
    }
  }
  // Ends by the abort, which is no failure.
  watch().catch(() => undefined);

  return {
    keep,
    kept: () => [...pots.values()].flatMap(({ vouchers }) => [...vouchers.values()]),
    async close() {
      if (own.signal.aborted) return;
      own.abort();
      await queue.idle();
      release();
    },
  };
}

function watched(pots: Map<Hex, Watched>, potId: Hex, config: PotConfig): Watched {
  const pot = pots.get(potId) ?? { config, vouchers: new Map() };
  pots.set(potId, pot);
  return pot;
}

function record(config: PotConfig, { cumulative, ...voucher }: SignedVoucher): Json {
  return { ...voucher, cumulative: cumulative.toString(), config: { ...config } };
}

function read(key: string, value: Json): SignedVoucher & { readonly config: PotConfig } {
  const stored = value as unknown as SignedVoucher & { config?: PotConfig; cumulative: unknown };
  if (typeof stored?.cumulative !== "string" || stored.config === undefined)
    throw new StoreError({ code: "STORE_CORRUPT", key }, `the kept voucher ${key} is unreadable`);
  return { ...stored, cumulative: BigInt(stored.cumulative) as Wei, config: stored.config };
}
