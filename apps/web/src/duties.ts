/** What a person must do about money, the most urgent first, as sentences. */

import * as Money from "@tabcast/tab/money";
import { counted, moment } from "./format.ts";
import { about } from "./pace.ts";

/** One thing to do: what is the matter, and the one next step. */
export interface Duty {
  readonly what: string;
  readonly next: string;
  /** Unix second by which it must be done; Infinity where there is no hour to it. */
  readonly by: number;
}

/** What is lost unless it is claimed before a unix second of the chain's clock. */
export interface Due {
  readonly amount: bigint;
  readonly before: number;
}

const byTime = (duties: readonly (Duty | undefined)[]): readonly Duty[] =>
  duties.filter((one) => one !== undefined).sort((a, b) => a.by - b.by);

/** What bears on a worker's money. */
export interface WorkerMoney {
  readonly due: readonly Due[];
  /** Pots whose unguaranteed vouchers are as many as this tab takes. */
  readonly unguaranteed: number;
  /** How many other tabs keep the vouchers of the pot that has fewest; undefined where there is none to keep, or nobody said. */
  readonly keepers: number | undefined;
  /** Whether this tab can send a claim. */
  readonly canClaim: boolean;
}

/** What a worker's owner must do. */
export function ofWorker(money: WorkerMoney, unit: Money.Unit): readonly Duty[] {
  return byTime([claim(money, unit), guarantee(money), keepOpen(money)]);
}

const CLAIM = "Press Claim.";
const CONNECT = "Connect the wallet of this address, then press Claim.";

function claim({ due, canClaim }: WorkerMoney, unit: Money.Unit): Duty | undefined {
  if (due.length === 0) return undefined;
  const sum = due.reduce((all, { amount }) => all + amount, 0n);
  const by = Math.min(...due.map(({ before }) => before));
  return {
    what: `Claim before ${moment(by)}, or ${Money.text(Money.of(sum, unit))} may be lost`,
    next: canClaim
      ? "This tab claims by itself as long as it can pay the gas. If this stays, press Claim."
      : CONNECT,
    by,
  };
}

function guarantee({ unguaranteed, canClaim }: WorkerMoney): Duty | undefined {
  if (unguaranteed === 0) return undefined;
  return {
    what: `${counted(unguaranteed, "stream owes", "streams owe")} you more than is guaranteed, so this tab waits`,
    next: `${canClaim ? CLAIM : CONNECT} A guarantee of the broadcaster ends the wait too.`,
    by: Number.POSITIVE_INFINITY,
  };
}

function keepOpen({ keepers }: WorkerMoney): Duty | undefined {
  if (keepers !== 0) return undefined;
  return {
    what: "No other tab keeps what you earned",
    next: "Keep this tab open until it is claimed.",
    by: Number.POSITIVE_INFINITY,
  };
}

/** What bears on a broadcaster's money. */
export interface PayerMoney {
  /** The chain's clock while workers may claim, unix seconds. */
  readonly settling?: { readonly until: number; readonly now: number };
  /** Seconds that the deposit lasts, where it will not be long. */
  readonly lowFor?: number;
  /** Earned by workers and not covered by the deposit. */
  readonly debt: bigint;
  /** What the gas set aside for the end lacks, wei. */
  readonly lacksGas?: bigint;
  /** The session key's coins did not come home. */
  readonly keyKept: boolean;
  /** Workers that got less than was signed, and what is missing in all. */
  readonly unpaid?: { readonly workers: number; readonly owed: bigint };
}

/** What a broadcaster must do. `now`: unix seconds of the person's clock. */
export function ofPayer(money: PayerMoney, unit: Money.Unit, now: number): readonly Duty[] {
  return byTime([
    debt(money, unit, now),
    low(money, now),
    lowGas(money),
    settling(money, now),
    leftOver(money),
    unpaid(money, unit),
  ]);
}

function debt({ debt: owed }: PayerMoney, unit: Money.Unit, now: number): Duty | undefined {
  if (owed <= 0n) return undefined;
  return {
    what: `The deposit is used up, and workers earned ${Money.text(Money.of(owed, unit), "up")} more`,
    next: "Add to the deposit below, or end the stream.",
    by: now,
  };
}

function low({ lowFor, debt: owed }: PayerMoney, now: number): Duty | undefined {
  if (lowFor === undefined || owed > 0n) return undefined;
  return {
    what: `The deposit lasts ${about(lowFor)} more`,
    next: "Add to it below, or workers leave when it is used up.",
    by: now + lowFor,
  };
}

function lowGas({ lacksGas }: PayerMoney): Duty | undefined {
  if (lacksGas === undefined) return undefined;
  return {
    what: "The gas set aside for the end runs low, so no more is guaranteed to workers",
    next: "Send some below. Without it your wallet is asked at the end, and workers may leave before.",
    by: Number.POSITIVE_INFINITY,
  };
}

function settling({ settling: wait }: PayerMoney, now: number): Duty | undefined {
  if (wait === undefined) return undefined;
  // The chain's clock may be hours from ours.
  const by = now + Math.max(0, wait.until - wait.now);
  return {
    what: `Keep this tab open until ${moment(by)}`,
    next: "Workers may claim until then, and then the rest of the deposit comes back. If you close it, open Broadcast again later.",
    by,
  };
}

function leftOver({ keyKept }: PayerMoney): Duty | undefined {
  if (!keyKept) return undefined;
  return {
    what: "A little money for gas did not come back yet",
    next: "Open Broadcast again later and settle the pot once more.",
    by: Number.POSITIVE_INFINITY,
  };
}

function unpaid({ unpaid: some }: PayerMoney, unit: Money.Unit): Duty | undefined {
  if (some === undefined) return undefined;
  const { workers, owed } = some;
  return {
    what: `${counted(workers, "worker")} got ${Money.text(Money.of(owed, unit), "up")} less than was signed`,
    next: "It was worth less than its gas, or the gas was not there. They may claim it themselves until the pot ends.",
    by: Number.POSITIVE_INFINITY,
  };
}
