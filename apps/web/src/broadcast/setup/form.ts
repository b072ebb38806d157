/** What a person has put into the form, and what follows from it. */
import { type CodecName, defaultLadder, type Rung } from "@tabcast/media";
import { type Amount, Pixels } from "@tabcast/runtime";
import * as budget from "../../budget.ts";
import * as Money from "@tabcast/tab/money";
import { about } from "../../pace.ts";
import type { Ready } from "./ready.ts";

/** As typed. */
export interface Form {
  readonly title: string;
  /** Names of the rungs that are left out. */
  readonly left: ReadonlySet<string>;
  readonly codec: CodecName;
  readonly workers: string;
  /** The deposit, in what pots pay in. */
  readonly ether: string;
  readonly hours: string;
}

export const FORM: Form = {
  title: "",
  left: new Set(),
  codec: "avc",
  workers: "2",
  ether: "0.05",
  hours: "2",
};

/** What the form comes to. An amount that is undefined was not understood. */
export interface Reading {
  /** All rungs that are not larger than the source, and those that were chosen. */
  readonly ladder: readonly Rung[];
  readonly rungs: readonly Rung[];
  readonly wanted: number;
  /** Somebody is to be paid. */
  readonly paying: boolean;
  readonly deposit: Amount | undefined;
  readonly hours: number | undefined;
  /** What the hours on air cost, where that can be told. */
  readonly plan: Parameters<typeof budget.atMost>[0] | undefined;
  readonly badWorkers: string | undefined;
  readonly badDeposit: string | undefined;
}

export function read(form: Form, ready: Ready | undefined, unit: Money.Unit): Reading {
  const ladder = ready === undefined ? [] : defaultLadder(ready);
  const rungs = ladder.filter((rung) => !form.left.has(rung.name));
  const wanted = Number(form.workers);
  const deposit = Money.parse(form.ether, unit)?.value as Amount | undefined;
  const hours = budget.parseHours(form.hours);
  const paying = wanted > 0 && rungs.length > 0;
  const plan =
    paying && hours !== undefined && ready !== undefined
      ? { rungs, frameRate: ready.frameRate, hours, maxPrice: budget.MAX_PRICE }
      : undefined;
  return {
    ladder,
    rungs,
    wanted,
    paying,
    deposit,
    hours,
    plan,
    badWorkers: /^[0-8]$/.test(form.workers) ? undefined : "A whole number from 0 to 8.",
    badDeposit:
      paying && deposit === undefined ? `An amount in ${unit.symbol}, such as 0.05.` : undefined,
  };
}

/** How long a deposit lasts at 1,000 gwei per output gigapixel, the highest price we accept by default. */
export function lasting(deposit: Amount, rungs: readonly Rung[], frameRate: number): string {
  const pixels = Pixels.rate(rungs, frameRate);
  if (pixels <= 0) return "as long as you like";
  return about(Number(deposit) / 1e9 / (pixels / 1e6));
}
