/**
 * Keeps other workers' highest vouchers and brings them to the contract when their pot closes without them. A claim pays only the
 * voucher's owner, so a watchtower can be trusted by nobody and asked by everybody. It waits out the first half of the challenge, in
 * which an owner that lives claims for itself, and pays the gas of the rest: never more than the vouchers are worth.
 *
 * Bounds: `MOST_POTS` pots, `MOST_IN_POT` lanes each; each pot is read from the chain every `refresh`, and once when it is new.
 * Stored before it is acknowledged. Forgets a pot once it is final.
 */
import { type Clock, SerialQueue, systemClock, toError, type Wei } from "@tabcast/runtime";
import { type Chain, connect, type Waits, type Wallet } from "../chain/chain.ts";
import { check, PotError, potId as potIdOf, requireDomain, separator } from "../config.ts";
import { FINALIZED } from "../final.ts";
import type { Store } from "../store/store.ts";
import type { Address, Domain, Hex, PotConfig, SignedVoucher } from "../types.ts";
import { VoucherError, verify } from "../voucher.ts";
import { Delegated, type WatchedPot } from "./delegated.ts";
import { due, ROW_GAS } from "./due.ts";

export interface OpenWatchtowerOptions {
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
  /** Milliseconds between two refreshes of a pot from the chain. Default 30_000. */
  readonly refresh?: number;
  /** Told of trouble in the background. */
  readonly onProblem?: (error: Error) => void;
  /** Told what a claim brought to whom, wei. */
  readonly onRescue?: (payee: Address, paid: Wei) => void;
  readonly clock?: Clock;
}

/** Other workers' last vouchers, claimed for them when they cannot. */
export interface Watchtower {
  /**
   * Checks and stores a voucher; a lower one than is kept changes nothing. Throws PotError for a pot that is not ours to watch or
   * holds nothing, VoucherError for one its session key did not sign, WATCHTOWER_FULL.
   */
  accept(offered: Domain, config: PotConfig, voucher: SignedVoucher, waits: Waits): Promise<void>;
  /** What is kept now. */
  vouchers(): readonly SignedVoucher[];
  close(): Promise<void>;
}

/** Opens what was kept before and watches on. Throws ChainError, StoreError; STORE_LOCKED if another tab watches. */
export async function openWatchtower(options: OpenWatchtowerOptions): Promise<Watchtower> {
  const { domain, rpc, account, store, signal, clock = systemClock, refresh = 30_000 } = options;
  const { onProblem = () => {}, onRescue = () => {} } = options;
  const chain = options.chain ?? (await connect({ domain, rpc, signal, clock }));
  const release = await store.lock("tower", { signal, patience: 50 });
  try {
    const delegated = await Delegated.read(store);
    return watch({
      domain,
      chain,
      account,
      delegated,
      clock,
      signal,
      refresh,
      onProblem,
      onRescue,
      release,
    });
  } catch (error) {
    release();
    throw error;
  }
}

interface WatchtowerParts {
  readonly domain: Domain;
  readonly chain: Chain;
  readonly account: Wallet;
  readonly delegated: Delegated;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly refresh: number;
  readonly onProblem: (error: Error) => void;
  readonly onRescue: (payee: Address, paid: Wei) => void;
  readonly release: () => void;
}

function watch(parts: WatchtowerParts): Watchtower {
  const { domain, chain, delegated, clock, refresh, onProblem, release } = parts;
  const domainSeparator = separator(domain);
  const queue = new SerialQueue();
  const own = new AbortController();
  const until = AbortSignal.any([parts.signal, own.signal]);

  async function poll(): Promise<void> {
    for (;;) {
      await clock.sleep(refresh, { signal: until });
      for (const [potId, pot] of delegated.pots)
        await queue
          .run(() => refreshPot(parts, potId, pot, { signal: until }))
          .catch((error: unknown) => {
            if (!until.aborted) onProblem(toError(error));
          });
    }
  }
  // Ends by the abort, which is no failure.
  poll().catch(() => undefined);

  return {
    async accept(offered, config, voucher, waits) {
      requireDomain(domain, offered);
      check(config);
      requirePot(voucher, potIdOf(domainSeparator, config));
      // Before anything is computed or asked, and again when it is our turn: many may come at once.
      if (!delegated.admits(voucher)) return;
      await verify(domainSeparator, config.signer, voucher);
      if (!delegated.pots.has(voucher.potId)) await requireFunded(chain, voucher.potId, waits);
      await queue.run(async () => {
        if (delegated.admits(voucher)) await delegated.put(config, voucher);
      });
    },
    vouchers: () => delegated.all(),
    async close() {
      if (own.signal.aborted) return;
      own.abort();
      await queue.idle();
      release();
    },
  };
}

function requirePot(voucher: SignedVoucher, potId: Hex): void {
  if (potId !== voucher.potId)
    throw new VoucherError(
      { code: "VOUCHER_UNTRUSTED_POT", potId: voucher.potId },
      `the voucher is for the pot ${voucher.potId}, and what came with it is ${potId}`,
    );
}

/** Throws POT_FINAL, POT_UNFUNDED for a pot from which nothing could be brought to anybody. */
async function requireFunded(chain: Chain, potId: Hex, waits: Waits): Promise<void> {
  const { exists, closeAt, balance } = await chain.pot(potId, waits);
  if (closeAt === FINALIZED) throw new PotError({ code: "POT_FINAL" }, "the pot is final");
  if (!exists || balance === 0n)
    throw new PotError(
      { code: "POT_UNFUNDED", balance, min: 1n as Wei },
      `the pot holds ${balance} wei: nothing to bring anybody`,
    );
}

/** Reads a pot from the chain: forgets it if it is final, and claims what is due if it closes. */
async function refreshPot(
  { chain, account, delegated, onRescue }: WatchtowerParts,
  potId: Hex,
  { config, vouchers }: WatchedPot,
  waits: Waits,
): Promise<void> {
  const pot = await chain.pot(potId, waits);
  if (pot.closeAt === FINALIZED) return delegated.forget(potId);
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
