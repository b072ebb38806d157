import type { Amount, Wei } from "@tabcast/runtime";
import { toHex } from "viem";
import {
  type Action,
  type Chain,
  ChainError,
  type LaneState,
  type PotEvent,
  type PotState,
  type Quote,
  type Sent,
  type Wallet,
} from "../src/chain/chain.ts";
import { insufficient } from "../src/chain/chain-error.ts";
import { potId as potIdOf } from "../src/config.ts";
import { FINALIZED } from "../src/final.ts";
import { least, most } from "../src/least.ts";
import type { Address, Hex, Lane, PotConfig } from "../src/types.ts";
import { laneKey } from "../src/voucher.ts";

/** What a chain in memory holds. */
export interface Held {
  /** The domain's separator, of which the pots' ids are made. */
  readonly own: Hex;
  readonly pots: Map<Hex, PotState>;
  /** By the pot's id, a slash and `laneKey`. */
  readonly lanes: Map<string, LaneState>;
  readonly credits: Map<Address, Amount>;
  readonly coins: Map<Address, bigint>;
  readonly fees: { readonly unit: bigint; readonly transaction: bigint };
  readonly clock: { readonly now: number };
  readonly none: PotState;
  laneOf(potId: Hex, key: string): LaneState;
  count(name: string): void;
}

type Told<Event = PotEvent> = Event extends PotEvent
  ? Omit<Event, "hash" | "block" | "index" | "potId">
  : never;

/** What the payer's side asks at the end of a pot. */
export interface Ending {
  readonly chain: Partial<Chain>;
  /** What an action costs. Throws CHAIN_INSUFFICIENT. */
  quote(from: Address, action: Pick<Action, "do"> & Partial<Sizes>): Quote;
  /** A transaction that brought these events. */
  note(potId: Hex, events: readonly Told[]): Sent;
  noteGuarantee(potId: Hex, lane: Lane & { ceiling: Amount; until: number }): void;
}

interface Sizes {
  readonly rows: readonly unknown[];
  readonly lapsed?: readonly unknown[];
}

/** Seconds from the last guarantee's end to the earliest end of a close. Source: ITabcastPot.LAPSE_MARGIN. */
const LAPSE_MARGIN = 900;
/** Units of gas of a payment, and of its rows; of the other steps; near those of the gas snapshot. */
const [PAY, ROW, FREE] = [30_000n, 40_000n, 10_000n];
const UNITS: Readonly<Record<string, bigint>> = {
  startClose: 32_000n,
  finalizeClose: 53_000n,
  withdraw: 60_000n,
  sweep: 21_000n,
};
/** The events' types by their names in the contract. */
export const NAMES: Readonly<Record<string, string>> = {
  Deposited: "deposited",
  Claimed: "claimed",
  Reserved: "reserved",
  CloseStarted: "closing",
  PotFinalized: "final",
};

const reverted = (error: string) =>
  new ChainError({ code: "CHAIN_REVERTED", error, args: [] }, `the contract refused: ${error}`);

/** The contract's arithmetic from the last payments to the refund; `ledger.test.ts` holds it against the contract's own. */
export function ending(held: Held): Ending {
  const { own, pots, lanes, credits, coins, fees, clock, none, laneOf, count } = held;
  const history: PotEvent[] = [];
  const transactions = new Map<Hex, Sent>();
  /** The last second of all guarantees of a pot. */
  const lastUntil = new Map<Hex, number>();
  const potOf = (potId: Hex) => pots.get(potId) ?? none;
  const change = (potId: Hex, to: Partial<PotState>) => pots.set(potId, { ...potOf(potId), ...to });

  const quote: Ending["quote"] = (from, { do: name, rows = [], lapsed = [] }) => {
    const pay = PAY + BigInt(rows.length) * ROW + BigInt(lapsed.length) * FREE;
    const gas = name === "pay" ? pay : (UNITS[name] ?? 120_000n);
    const cost = gas * fees.unit + fees.transaction;
    const have = coins.get(from);
    if (have !== undefined && have < cost)
      throw insufficient(from, { have, need: cost, coin: "ETH" });
    return { gas, cost: cost as Wei };
  };
  const note = (potId: Hex, events: readonly Told[], gas = 1n, cost = 1n): Sent => {
    const hash = toHex(transactions.size + 1, { size: 32 });
    const told = events.map(
      (event, index) => ({ hash, block: 1n, index, potId, ...event }) as PotEvent,
    );
    history.push(...told);
    const sent = { hash, block: 1n, gas, cost: cost as Wei, events: told };
    transactions.set(hash, sent);
    return sent;
  };
  /** A transaction of an account, which pays for it whatever comes of it but a refusal. */
  const send = (
    { address }: Wallet,
    potId: Hex,
    action: Parameters<Ending["quote"]>[1],
    work: () => readonly Told[],
  ): Sent => {
    count(action.do);
    const { gas, cost } = quote(address, action);
    const events = work();
    move(address, -cost);
    return note(potId, events, gas, cost);
  };
  const move = (account: Address, wei: bigint) => {
    const have = coins.get(account);
    if (have !== undefined) coins.set(account, have + wei);
  };
  /** The pot of a config, for its payer or session key. */
  const requireOwn = (config: PotConfig, { address }: Wallet) => {
    if (![config.payer, config.signer].includes(address)) throw reverted("NotAuthorised");
    return requireAlive(config);
  };
  const requireAlive = (config: PotConfig) => {
    const potId = potIdOf(own, config);
    const pot = potOf(potId);
    if (!pot.exists) throw reverted("PotUnknown");
    if (pot.closeAt === FINALIZED) throw reverted("PotIsFinal");
    return { potId, pot };
  };

  /** Frees what a lane still has reserved. */
  const free = (potId: Hex, lane: Lane): void => {
    const key = laneKey(lane);
    const state = laneOf(potId, key);
    const bound = most(state.ceiling - state.claimed, 0n);
    change(potId, { reserved: (potOf(potId).reserved - bound) as Amount });
    const { claimed: ceiling, version } = state;
    lanes.set(`${potId}/${key}`, { ...state, ceiling, version: version + 1 });
  };
  const lapsed = (potId: Hex, lane: Lane) => {
    const { ceiling, claimed, until } = laneOf(potId, laneKey(lane));
    return ceiling > claimed && until < clock.now;
  };
  const payRow = (potId: Hex, row: Lane & { cumulative: Amount }): readonly Told[] => {
    const key = laneKey(row);
    const state = laneOf(potId, key);
    const due = row.cumulative - state.claimed;
    if (due <= 0n) return [];
    const { balance, reserved } = potOf(potId);
    const mine = most(state.ceiling - state.claimed, 0n);
    const paid = least(due, mine + balance - reserved);
    const claimed = (state.claimed + paid) as Amount;
    lanes.set(`${potId}/${key}`, { ...state, claimed });
    const bound = (reserved - least(paid, mine)) as Amount;
    change(potId, { balance: (balance - paid) as Amount, reserved: bound });
    const { payee, lane } = row;
    credits.set(payee, ((credits.get(payee) ?? 0n) + paid) as Amount);
    const events: Told[] = [];
    if (paid > 0n) {
      const fee = 0n as Amount;
      events.push({ type: "claimed", payee, lane, paid: paid as Amount, claimed, fee });
    }
    const shortfall = (due - paid) as Amount;
    if (shortfall > 0n) events.push({ type: "bounced", payee, lane, shortfall });
    return events;
  };

  const chain: Partial<Chain> = {
    async pay(wallet, config, rows, { lapsed: given = [] }) {
      const potId = potIdOf(own, config);
      return send(wallet, potId, { do: "pay", rows, lapsed: given }, () => {
        requireOwn(config, wallet);
        for (const lane of [...given, ...rows]) if (lapsed(potId, lane)) free(potId, lane);
        return rows.flatMap((row) => payRow(potId, row));
      });
    },
    async startClose(wallet, config) {
      const potId = potIdOf(own, config);
      return send(wallet, potId, { do: "startClose" }, () => {
        if (requireOwn(config, wallet).pot.closeAt !== 0) throw reverted("PotClosing");
        const lapse = (lastUntil.get(potId) ?? 0) + LAPSE_MARGIN;
        const closeAt = Math.max(clock.now + config.challengePeriod, lapse);
        change(potId, { closeAt });
        return [{ type: "closing", closeAt }];
      });
    },
    async finalizeClose(wallet, config) {
      const potId = potIdOf(own, config);
      return send(wallet, potId, { do: "finalizeClose" }, () => {
        const { pot } = requireAlive(config);
        if (pot.closeAt === 0) throw reverted("PotNotClosing");
        if (clock.now < pot.closeAt) throw reverted("ChallengeRunning");
        const zero = 0n as Amount;
        change(potId, { balance: zero, reserved: zero, closeAt: FINALIZED });
        const credit = (credits.get(config.payer) ?? 0n) + pot.balance;
        credits.set(config.payer, credit as Amount);
        return [{ type: "final", refund: pot.balance }];
      });
    },
    async withdraw(wallet, account) {
      return send(wallet, "0x", { do: "withdraw" }, () => {
        const amount = credits.get(account) ?? (0n as Amount);
        if (amount === 0n) throw reverted("ZeroAmount");
        credits.delete(account);
        move(account, amount);
        return [{ type: "withdrawn", account, to: account, amount }];
      });
    },
    async sweep({ address }, to) {
      count("sweep");
      const have = coins.get(address) ?? 0n;
      const cost = (UNITS.sweep ?? 0n) * fees.unit + fees.transaction;
      if (have <= cost) return undefined;
      coins.set(address, 0n);
      move(to, have - cost);
      return note("0x", [], UNITS.sweep, cost);
    },
    async events(potId, from, { only }) {
      count("events");
      const types = only?.map((name) => NAMES[name]);
      return history.filter(
        (event) =>
          event.potId === potId && event.block >= from && (types?.includes(event.type) ?? true),
      );
    },
    async sent(hash) {
      count("sent");
      return transactions.get(hash);
    },
  };
  return {
    chain,
    quote,
    note,
    noteGuarantee(potId, row) {
      lastUntil.set(potId, Math.max(lastUntil.get(potId) ?? 0, row.until));
      note(potId, [{ type: "reserved", ...row }]);
    },
  };
}
