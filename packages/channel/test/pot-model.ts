import { FINALIZED } from "../src/final.ts";
import { least, most } from "../src/least.ts";

/*
 * The pot as section 5 of the facts of payments describes it, on whole numbers. Written from that text, not from the contract:
 * `pot-model.test.ts` holds the two against each other.
 */

export interface ModelLane {
  readonly claimed: bigint;
  readonly ceiling: bigint;
  readonly until: bigint;
  readonly version: bigint;
}

/** Accounts and lanes are indices here: what an address looks like changes no amount. */
export interface Model {
  readonly balance: bigint;
  readonly reserved: bigint;
  readonly closeAt: bigint;
  readonly maxUntil: bigint;
  readonly lanes: readonly ModelLane[];
  readonly credits: readonly bigint[];
  readonly bounces: bigint;
}

export interface ModelRules {
  readonly payer: number;
  readonly signer: number;
  /** Account of each lane. */
  readonly payees: readonly number[];
  /** Seconds. */
  readonly challenge: bigint;
}

export type ModelAction =
  | { readonly do: "deposit"; readonly amount: bigint }
  | {
      readonly do: "reserve";
      readonly rows: readonly {
        readonly lane: number;
        readonly ceiling: bigint;
        readonly until: bigint;
        readonly version: bigint;
      }[];
    }
  | { readonly do: "release"; readonly lanes: readonly number[] }
  | {
      readonly do: "claim";
      readonly rows: readonly {
        readonly lane: number;
        readonly cumulative: bigint;
        readonly valid: boolean;
      }[];
    }
  | {
      readonly do: "pay";
      readonly rows: readonly { readonly lane: number; readonly cumulative: bigint }[];
    }
  | { readonly do: "startClose" | "cancelClose" | "finalizeClose" }
  | { readonly do: "withdraw"; readonly account: number }
  | { readonly do: "withdrawTo"; readonly to: number; readonly amount: bigint };

/** A row or a whole action as the contract's events tell it: the event's name, then its numbers. */
export type ModelEvent = readonly [name: string, ...numbers: bigint[]];

/** What an action comes to: the next state and its events, or the name of the contract's error. */
export type Outcome =
  | { readonly model: Model; readonly events: readonly ModelEvent[] }
  | { readonly error: string };

/** Seconds ahead that a reservation may reach. */
const MAX_TTL = 86_400n;
/** Seconds from the last guarantee's end to the earliest end of a close. */
const LAPSE_MARGIN = 900n;

/** A contract that nobody used yet. */
export function empty(lanes: number, accounts: number): Model {
  return {
    balance: 0n,
    reserved: 0n,
    closeAt: 0n,
    maxUntil: 0n,
    lanes: Array.from({ length: lanes }, () => ({
      claimed: 0n,
      ceiling: 0n,
      until: 0n,
      version: 0n,
    })),
    credits: Array.from({ length: accounts }, () => 0n),
    bounces: 0n,
  };
}

const own = ({ ceiling, claimed }: ModelLane) => (ceiling > claimed ? ceiling - claimed : 0n);

function withLane(model: Model, index: number, lane: ModelLane): Model {
  return { ...model, lanes: model.lanes.with(index, lane) };
}

function laneOf(model: Model, index: number): ModelLane {
  const lane = model.lanes[index];
  if (!lane) throw new RangeError(`the model has no lane ${index}`);
  return lane;
}

/** What a claim of `cumulative` would bring now: sure, and if nobody is faster. */
export function claimable(model: Model, index: number, cumulative: bigint, now: bigint) {
  const lane = laneOf(model, index);
  const due = most(0n, cumulative - lane.claimed);
  const mine = own(lane);
  return {
    guaranteed: now <= lane.until ? least(due, mine) : 0n,
    soft: least(due, model.balance - (model.reserved - least(mine, model.reserved))),
  };
}

/** Frees what a lane has reserved. */
function free(model: Model, index: number): { model: Model; event: ModelEvent } {
  const lane = laneOf(model, index);
  const freed = own(lane);
  const next = { ...lane, ceiling: lane.claimed, version: lane.version + 1n };
  return {
    model: withLane({ ...model, reserved: model.reserved - freed }, index, next),
    event: ["Released", BigInt(index), freed],
  };
}

/** One valid row of a claim or a payment that is not stale. */
function settle(
  before: Model,
  rules: ModelRules,
  index: number,
  cumulative: bigint,
  now: bigint,
): { model: Model; events: ModelEvent[] } {
  let model = before;
  const events: ModelEvent[] = [];
  let guaranteed = 0n;
  if (own(laneOf(model, index)) > 0n) {
    if (now <= laneOf(model, index).until) guaranteed = own(laneOf(model, index));
    else {
      const freed = free(model, index);
      model = freed.model;
      events.push(freed.event);
    }
  }
  const lane = laneOf(model, index);
  const due = cumulative - lane.claimed;
  const amount = least(due, guaranteed + model.balance - model.reserved);
  const payee = rules.payees[index] ?? -1;
  const claimed = lane.claimed + amount;
  model = {
    ...withLane(model, index, { ...lane, claimed }),
    reserved: model.reserved - least(amount, guaranteed),
    balance: model.balance - amount,
    credits: model.credits.with(payee, (model.credits[payee] ?? 0n) + amount),
  };
  if (amount > 0n) events.push(["Claimed", BigInt(index), amount, claimed]);
  if (amount < due) {
    model = { ...model, bounces: model.bounces + 1n };
    events.push(["Bounced", BigInt(index), due - amount]);
  }
  return { model, events };
}

function reserveRow(
  before: Model,
  row: { lane: number; ceiling: bigint; until: bigint; version: bigint },
  now: bigint,
): { model: Model; events: ModelEvent[] } {
  const lane = laneOf(before, row.lane);
  const refused = (reason: bigint) => ({
    model: before,
    events: [["ReservationRefused", BigInt(row.lane), reason] as ModelEvent],
  });
  if (row.until <= now || row.until > now + MAX_TTL) return refused(2n);
  if (row.version !== lane.version) return refused(3n);
  if (row.ceiling <= lane.claimed) return refused(5n);
  const live = own(lane) > 0n && now <= lane.until;
  const grows =
    row.ceiling >= lane.ceiling &&
    row.until >= lane.until &&
    (row.ceiling > lane.ceiling || row.until > lane.until);
  if (live && !grows) return refused(4n);
  const available = before.balance - before.reserved + own(lane);
  if (row.ceiling - lane.claimed > available) return refused(6n);
  const events: ModelEvent[] = [];
  let model = before;
  if (own(lane) > 0n && !live) {
    const freed = free(model, row.lane);
    model = freed.model;
    events.push(freed.event);
  }
  const current = laneOf(model, row.lane);
  const added = row.ceiling - current.claimed - own(current);
  const next = {
    claimed: current.claimed,
    ceiling: row.ceiling,
    until: row.until,
    version: current.version + 1n,
  };
  model = {
    ...withLane(model, row.lane, next),
    reserved: model.reserved + added,
    maxUntil: most(model.maxUntil, row.until),
  };
  events.push(["Reserved", BigInt(row.lane), row.ceiling, row.until, next.version]);
  return { model, events };
}

/** What the contract must do when `sender` sends `action` in a block of the unix second `now`. */
export function apply(
  model: Model,
  rules: ModelRules,
  sender: number,
  action: ModelAction,
  now: bigint,
): Outcome {
  const exists = model.maxUntil !== 0n;
  const final = model.closeAt === BigInt(FINALIZED);
  const ours = sender === rules.payer || sender === rules.signer;
  const dead = !exists ? "PotUnknown" : final ? "PotIsFinal" : undefined;

  switch (action.do) {
    case "deposit": {
      if (action.amount === 0n) return { error: "ZeroAmount" };
      if (final) return { error: "PotIsFinal" };
      if (model.closeAt !== 0n) return { error: "PotClosing" };
      const balance = model.balance + action.amount;
      const events: ModelEvent[] = [["Deposited", action.amount, balance]];
      if (!exists) events.unshift(["PotOpened"]);
      return { model: { ...model, balance, maxUntil: exists ? model.maxUntil : now }, events };
    }
    case "reserve": {
      if (!ours) return { error: "NotAuthorised" };
      if (dead) return { error: dead };
      if (model.closeAt !== 0n) return { error: "PotClosing" };
      return eachRow(model, action.rows, (at, row) => reserveRow(at, row, now));
    }
    case "release": {
      if (dead) return { error: dead };
      return eachRow(model, action.lanes, (at, index) => {
        const lane = laneOf(at, index);
        const foreign = now <= lane.until && sender !== rules.payees[index];
        if (own(lane) === 0n || foreign) return { model: at, events: [] };
        const freed = free(at, index);
        return { model: freed.model, events: [freed.event] };
      });
    }
    case "claim":
      if (dead) return { error: dead };
      return eachRow(model, action.rows, (at, { lane, cumulative, valid }) => {
        if (cumulative <= laneOf(at, lane).claimed) return skipped(at, lane, cumulative, 0n);
        if (!valid) return skipped(at, lane, cumulative, 1n);
        return settle(at, rules, lane, cumulative, now);
      });
    case "pay": {
      if (!ours) return { error: "NotAuthorised" };
      if (dead) return { error: dead };
      const freed = eachRow(model, action.rows, (at, { lane }) => {
        const { until } = laneOf(at, lane);
        if (own(laneOf(at, lane)) === 0n || now <= until) return { model: at, events: [] };
        const { model, event } = free(at, lane);
        return { model, events: [event] };
      });
      const paid = eachRow(freed.model, action.rows, (at, { lane, cumulative }) =>
        cumulative <= laneOf(at, lane).claimed
          ? skipped(at, lane, cumulative, 0n)
          : settle(at, rules, lane, cumulative, now),
      );
      return { model: paid.model, events: [...freed.events, ...paid.events] };
    }
    case "startClose": {
      if (!ours) return { error: "NotAuthorised" };
      if (dead) return { error: dead };
      if (model.closeAt !== 0n) return { error: "PotClosing" };
      const closeAt = most(now + rules.challenge, model.maxUntil + LAPSE_MARGIN);
      return { model: { ...model, closeAt }, events: [["CloseStarted", closeAt]] };
    }
    case "cancelClose":
      if (sender !== rules.payer) return { error: "NotAuthorised" };
      if (dead) return { error: dead };
      if (model.closeAt === 0n) return { error: "PotNotClosing" };
      return { model: { ...model, closeAt: 0n }, events: [["CloseCancelled"]] };
    case "finalizeClose": {
      if (dead) return { error: dead };
      if (model.closeAt === 0n) return { error: "PotNotClosing" };
      if (now < model.closeAt) return { error: "ChallengeRunning" };
      const refund = model.balance;
      const credit = (model.credits[rules.payer] ?? 0n) + refund;
      return {
        model: {
          ...model,
          balance: 0n,
          reserved: 0n,
          closeAt: BigInt(FINALIZED),
          credits: model.credits.with(rules.payer, credit),
        },
        events: [["PotFinalized", refund]],
      };
    }
    case "withdraw": {
      const amount = model.credits[action.account] ?? 0n;
      return withdrawn(model, action.account, amount);
    }
    case "withdrawTo":
      return withdrawn(model, sender, action.amount);
  }
}

function withdrawn(model: Model, account: number, amount: bigint): Outcome {
  const credit = model.credits[account] ?? 0n;
  if (amount === 0n) return { error: "ZeroAmount" };
  if (amount > credit) return { error: "CreditTooSmall" };
  return {
    model: { ...model, credits: model.credits.with(account, credit - amount) },
    events: [["CreditWithdrawn", amount]],
  };
}

function skipped(model: Model, lane: number, cumulative: bigint, reason: bigint) {
  return {
    model,
    events: [["ClaimSkipped", BigInt(lane), cumulative, reason] as ModelEvent],
  };
}

function eachRow<Row>(
  before: Model,
  rows: readonly Row[],
  work: (model: Model, row: Row) => { model: Model; events: readonly ModelEvent[] },
): { readonly model: Model; readonly events: readonly ModelEvent[] } {
  let model = before;
  const events: ModelEvent[] = [];
  for (const row of rows) {
    const next = work(model, row);
    model = next.model;
    events.push(...next.events);
  }
  return { model, events };
}
