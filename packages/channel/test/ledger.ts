import type { Amount, Wei } from "@tabcast/runtime";
import type { Action, Chain, LaneState, PotState, Sent, Work } from "../src/chain/chain.ts";
import { potId as potIdOf, separator } from "../src/config.ts";
import { coin } from "../src/currency.ts";
import { FINALIZED } from "../src/final.ts";
import { least, most } from "../src/least.ts";
import * as Share from "../src/share.ts";
import type { Address, Domain, Hex, Lane, PotConfig, SignedVoucher } from "../src/types.ts";
import { laneKey } from "../src/voucher.ts";
import { ending } from "./ledger-end.ts";

/** A chain of deposits and claims in this process, for tests that start the engines thousands of times. */
export interface Ledger extends Chain {
  /** Requests answered so far, by name. */
  readonly asked: Map<string, number>;
  /** Starts a pot's close, as its payer can at any time; final from the unix second `closeAt`, FINALIZED at once. */
  close(potId: Hex, closeAt: number): void;
  /** Promises `amount` wei of a pot to somebody else. */
  promise(potId: Hex, amount: bigint): void;
  /** Guarantees a lane payment up to `ceiling` until the unix second `until`. */
  guarantee(potId: Hex, lane: Lane, ceiling: bigint, until: number): void;
  /** Lets the chain's clock go on by so many seconds. */
  pass(seconds: number): void;
  /** What accounts have, wei: gas and withdrawals change it. Who is not named has an ether, always. */
  readonly coins: Map<Address, bigint>;
  /** What gas costs: wei a unit, and wei beside that for each transaction, as for its bytes on an L2. */
  readonly fees: { unit: bigint; transaction: bigint };
  /** What is asked by these names is answered by the given functions instead; set and taken back at any time. */
  readonly instead: Partial<Chain>;
}

/** The chain's unix second until `pass` moves it. */
export const NOW = 1_790_000_000;

export interface LedgerOptions {
  /** Requests that are answered at most: whoever asks for more has lost its way. Default: any number. */
  readonly most?: number;
}

/** The contract's arithmetic from deposit to refund, and a clock that stands still: what else is asked of it throws. */
export function ledger(
  domain: Domain,
  { most: mostAsked = Number.POSITIVE_INFINITY }: LedgerOptions = {},
): Ledger {
  const own = separator(domain);
  const pots = new Map<Hex, PotState>();
  const lanes = new Map<string, LaneState>();
  const asked = new Map<string, number>();
  let requests = 0;
  const count = (name: string) => {
    if (++requests > mostAsked) throw new RangeError(`the ledger was asked ${mostAsked} times`);
    asked.set(name, (asked.get(name) ?? 0) + 1);
  };
  const credits = new Map<Address, Amount>();
  const instead: Partial<Chain> = {};
  const coins = new Map<Address, bigint>();
  const fees = { unit: 1n, transaction: 0n };
  const clock = { now: NOW };
  const none: PotState = {
    balance: 0n as Amount,
    reserved: 0n as Amount,
    closeAt: 0,
    exists: false,
  };
  const laneOf = (potId: Hex, key: string): LaneState =>
    lanes.get(`${potId}/${key}`) ?? {
      claimed: 0n as Amount,
      ceiling: 0n as Amount,
      until: 0,
      version: 0,
    };
  const sent = (events: Sent["events"]): Sent => ({
    hash: `0x${"00".repeat(32)}`,
    block: 1n,
    gas: 1n,
    cost: 1n as Wei,
    events,
  });
  const known = {
    domain,
    rpc: "",
    currency: coin(),
    feeBps: 0,
    asked,
    instead,
    coins,
    fees,
    pass(seconds: number) {
      clock.now += seconds;
    },
    close(potId: Hex, closeAt: number) {
      const pot = pots.get(potId) ?? none;
      pots.set(potId, { ...pot, closeAt, ...(closeAt === FINALIZED && { balance: 0n as Amount }) });
    },
    promise(potId: Hex, amount: bigint) {
      const pot = pots.get(potId) ?? none;
      pots.set(potId, { ...pot, reserved: (pot.reserved + amount) as Amount });
    },
    guarantee(potId: Hex, lane: Lane, ceiling: bigint, until: number) {
      const key = laneKey(lane);
      const state = laneOf(potId, key);
      const more = ceiling - most(state.ceiling, state.claimed);
      lanes.set(`${potId}/${key}`, {
        ...state,
        ...{ ceiling: ceiling as Amount, until, version: state.version + 1 },
      });
      this.promise(potId, more);
      end.noteGuarantee(potId, { ...lane, ceiling: ceiling as Amount, until });
    },
    async snapshot(questions: Parameters<Chain["snapshot"]>[0]) {
      count("snapshot");
      return {
        block: 1n,
        now: clock.now,
        pots: questions.map(({ potId, lanes: rows }) => ({
          ...(pots.get(potId) ?? none),
          lanes: rows.map((row) => laneOf(potId, laneKey(row))),
        })),
      };
    },
    async quote(from: Address, action: Action) {
      count("quote");
      return end.quote(from, action);
    },
    async pot(potId: Hex) {
      count("pot");
      return pots.get(potId) ?? none;
    },
    async lanes(potId: Hex, rows: readonly Parameters<typeof laneKey>[0][]) {
      count("lanes");
      return rows.map((row) => laneOf(potId, laneKey(row)));
    },
    async look(potId: Hex, rows: readonly Parameters<typeof laneKey>[0][]) {
      count("look");
      const states = rows.map((row) => laneOf(potId, laneKey(row)));
      return { pot: pots.get(potId) ?? none, lanes: states, now: clock.now };
    },
    async now() {
      count("now");
      return clock.now;
    },
    async height() {
      count("height");
      return 1n;
    },
    async balance(account: Address) {
      count("balance");
      return (coins.get(account) ?? 10n ** 18n) as Wei;
    },
    async gasPrice() {
      count("gasPrice");
      return 1n as Wei;
    },
    async costOf({ gas, transactions }: Work) {
      return (gas * fees.unit + BigInt(transactions) * fees.transaction) as Wei;
    },
    async deposit(
      _: unknown,
      config: Parameters<typeof potIdOf>[1],
      { amount }: { amount: Amount },
    ) {
      count("deposit");
      const potId = potIdOf(own, config);
      const pot = pots.get(potId) ?? none;
      pots.set(potId, { ...pot, exists: true, balance: (pot.balance + amount) as Amount });
      return end.note(potId, [{ type: "deposited", amount }]);
    },
    async claim(...[, config, vouchers]: Parameters<Chain["claim"]>) {
      count("claim");
      return sent(paid(config, vouchers, () => 0n as Amount));
    },
    /** As late in a close, always: whoever claims for others gets the lanes' share. */
    async claimAsWatchtower(
      ...[, config, vouchers, { beneficiary }]: Parameters<Chain["claimAsWatchtower"]>
    ) {
      count("claimAsWatchtower");
      const events = paid(config, vouchers, Share.part);
      const share = events.reduce((sum, one) => sum + (one.type === "claimed" ? one.fee : 0n), 0n);
      if (share === 0n) return sent(events);
      const at = { hash: "0x", block: 1n, index: 0 } as const;
      credits.set(beneficiary, ((credits.get(beneficiary) ?? 0n) + share) as Amount);
      return sent([...events, { ...at, type: "shared", beneficiary, share: share as Amount }]);
    },
    async credit(account: Address) {
      count("credit");
      return credits.get(account) ?? (0n as Amount);
    },
    async withdrawTo(...[{ address }, to, amount]: Parameters<Chain["withdrawTo"]>) {
      count("withdrawTo");
      credits.set(address, ((credits.get(address) ?? 0n) - amount) as Amount);
      const at = { hash: "0x", block: 1n, index: 0 } as const;
      return sent([{ ...at, type: "withdrawn", account: address, to, amount }]);
    },
  };
  const end = ending({ own, pots, lanes, credits, coins, fees, clock, none, laneOf, count });
  Object.assign(known, end.chain);
  function paid(
    config: PotConfig,
    vouchers: readonly SignedVoucher[],
    feeOf: (lane: number, paid: Amount) => Amount,
  ): Sent["events"][number][] {
    const potId = potIdOf(own, config);
    const events: Sent["events"][number][] = [];
    for (const { payee, lane, cumulative } of vouchers) {
      const key = laneKey({ payee, lane });
      const state = laneOf(potId, key);
      const pot = pots.get(potId) ?? none;
      const due = cumulative - state.claimed;
      if (due <= 0n) continue;
      const paid = least(due as Amount, (pot.balance - pot.reserved) as Amount);
      const claimed = (state.claimed + paid) as Amount;
      pots.set(potId, { ...pot, balance: (pot.balance - paid) as Amount });
      lanes.set(`${potId}/${key}`, { ...state, claimed });
      events.push({
        hash: "0x",
        block: 1n,
        index: 0,
        type: "claimed",
        payee,
        lane,
        paid,
        claimed,
        fee: feeOf(lane, paid),
      });
    }
    return events;
  }
  return new Proxy(known as unknown as Ledger, {
    get(target, name) {
      if (name in instead) return Reflect.get(instead, name);
      if (name in target || name === "then") return Reflect.get(target, name);
      throw new Error(`the ledger does not know ${String(name)}`);
    },
  });
}
