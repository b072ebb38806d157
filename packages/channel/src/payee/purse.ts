import { type Amount, type Clock, toError } from "@tabcast/runtime";
import type { Chain, Wallet } from "../chain/chain.ts";
import * as Chains from "../chain/chains.ts";
import { PotError, separator } from "../config.ts";
import { Listeners } from "../listeners.ts";
import { StoreError } from "../store/store.ts";
import type { Hex, Purse, PurseNews } from "../types.ts";
import { VoucherError } from "../voucher.ts";
import { accept } from "./accept.ts";
import { claimAll, claimIfWorthIt, withdraw } from "./claim.ts";
import type { LaneLedger } from "./lane-ledger.ts";
import type { StoredLane } from "./lane-record.ts";
import { Lanes } from "./lanes.ts";
import type { OpenPurseOptions } from "./open-purse.ts";
import type { PurseParts } from "./parts.ts";
import * as Payee from "./payee.ts";
import { type TrustRules, trust } from "./trust.ts";
import { watchPots } from "./watch.ts";

/** A segment of 0.4 gigapixels at 1,000 gwei each, as the ladder of a 1080p source has. */
const SEGMENT_PAY = 400_000_000_000n as Amount;

interface StartPurseOptions extends OpenPurseOptions {
  readonly clock: Clock;
  readonly chain: Chain;
  readonly lane: number;
  readonly stored: readonly StoredLane[];
  readonly release: () => void;
}

/** Puts an open purse's parts together: its lanes' books, what refreshes them, and the claims. */
export async function startPurse(options: StartPurseOptions): Promise<Purse> {
  const { payee, lane, domain, chain, store, clock, account, release } = options;
  const {
    minChallenge = Chains.leastChallenge(domain.chainId),
    minBalance = 1n as Amount,
    maxFeeBps = 0,
  } = options;
  const { refresh = 30_000, onProblem = () => {} } = options;
  const listeners = new Listeners<PurseNews>();
  const own = new AbortController();
  const trouble = (error: unknown) => {
    if (!own.signal.aborted) onProblem(toError(error));
  };
  let rules = rulesOf(options);
  const parts: PurseParts = {
    chain,
    store,
    clock,
    domain,
    domainSeparator: separator(domain),
    payee,
    lane,
    rules: () => rules,
    setClaimCost(claimCost) {
      rules = { ...rules, claimCost };
    },
    account,
    signal: own.signal,
    tell: (news) => listeners.tell(news),
    trouble,
    claim: (ledger, why) => void claimIfWorthIt(parts, ledger, why).catch(trouble),
  };
  const trusted: TrustRules = { domain, minChallenge, minBalance, maxFeeBps };
  const lanes = new Lanes(parts, options.stored);
  try {
    await lanes.adopt();
  } catch (error) {
    await lanes.close();
    throw error;
  }

  const ledgerOf = (potId: Hex, of?: number) => requireLedger(lanes, potId, of);

  // Ends by the abort in `close`, which is no failure.
  watchPots(parts, lanes, refresh).catch(() => undefined);

  return {
    payee,
    lane,
    trust: (offered, config, { signal }) =>
      trust(parts, trusted, lanes, { offered, config, signal }),
    accrue: async (potId, amount, segment = amount) =>
      void (await ledgerOf(potId).post({ type: "delivered", amount, segment })),
    accept: async (voucher) => ({ credited: await accept(parts, ledgerOf, voucher) }),
    forgive: async (potId, amount) =>
      void (await ledgerOf(potId).post({ type: "forgiven", amount })),
    room: (potId, of) => Payee.room(lanes.get(potId)?.book, of),
    checked: (potId) => lanes.get(potId) !== undefined,
    highest: (potId) => lanes.get(potId)?.highest,
    outstanding: (potId) => {
      const book = lanes.get(potId)?.book;
      return book === undefined ? (0n as Amount) : Payee.outstanding(book);
    },
    held: () => lanes.held(),
    guaranteed: () => lanes.guaranteed(),
    balances: () => lanes.sums(),
    due: () =>
      lanes.all().flatMap(({ potId, due }) => (due === undefined ? [] : [{ potId, ...due }])),
    secure: async ({ signal }) => {
      if (account === undefined || "provider" in account) return; // a hidden page shows no dialog
      const ready = lanes.all().filter(({ book }) => Payee.worthBeforeFreezing(book, rules));
      await claimAll(parts, ready, account, { signal }).catch(trouble);
    },
    claim: async ({ signal }) => ({
      paid: await claimAll(parts, lanes.all(), requireAccount(parts), { signal }),
    }),
    watch: (listener, when) => listeners.add(listener, when),
    withdraw: async ({ signal }) => ({
      withdrawn: await withdraw(parts, requireAccount(parts), { signal }),
    }),
    async close() {
      if (own.signal.aborted) return;
      own.abort();
      listeners.clear();
      await lanes.close();
      release();
    },
  };
}

/** One of the payee's lanes in a pot, this tab's own unless another is asked for. Throws VOUCHER_UNTRUSTED_POT. */
function requireLedger(lanes: Lanes, potId: Hex, lane?: number): LaneLedger {
  // A voucher of no lane of ours is for the pot's own to refuse.
  const found = (lane === undefined ? undefined : lanes.of(potId, lane)) ?? lanes.get(potId);
  if (found) return found;
  throw new VoucherError(
    { code: "VOUCHER_UNTRUSTED_POT", potId },
    `the pot ${potId} was never checked: refuse its vouchers`,
  );
}

/** What sends claims. Throws STORE_CLOSED, PURSE_NO_ACCOUNT. */
function requireAccount({ signal, account, payee }: PurseParts): Wallet {
  if (signal.aborted) throw new StoreError({ code: "STORE_CLOSED" }, "the purse was closed");
  if (account) return account;
  throw new PotError(
    { code: "PURSE_NO_ACCOUNT", payee },
    `this tab knows only the address ${payee}: connect its wallet to claim and withdraw`,
  );
}

function rulesOf(options: OpenPurseOptions): Payee.Rules {
  const { prepay, softCap, segmentPay = SEGMENT_PAY, claimMargin, minDelta } = options;
  return {
    segmentPay,
    ...(prepay !== undefined && { prepay }),
    ...(softCap !== undefined && { softCap }),
    ...(claimMargin !== undefined && { claimMargin }),
    ...(minDelta !== undefined && { minDelta }),
  };
}
