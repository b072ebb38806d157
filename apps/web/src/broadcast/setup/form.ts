/** What a person has put into the form, and what follows from it. */
import { type CodecName, defaultLadder, type Rung } from "@tabcast/media";
import type { Visibility } from "@tabcast/node/types";
import { type Amount, Pixels } from "@tabcast/runtime";
import * as Money from "@tabcast/tab/money";
import { usualPrice } from "@tabcast/tab/settings";
import * as budget from "../../budget.ts";
import { about } from "../../pace.ts";
import type { NetworkMoney } from "../../unit.ts";
import type { Ready } from "./ready.ts";

/** Gigapixels that the usual deposit pays for at the highest price: 0.05 ether's. */
const USUAL_GIGAPIXELS = 50_000n;

/** What is proposed to be put in a pot: five dollars, or so much work. As typed. */
const usualDeposit = (maxPrice: Amount, pay: Money.Unit): string =>
  Money.name(pay) === "dollars"
    ? "5.00"
    : Money.roughly(Money.of(USUAL_GIGAPIXELS * maxPrice, pay));

/** As typed. */
export interface Form {
  readonly title: string;
  readonly visibility: Visibility;
  /** Names of the rungs that are left out. */
  readonly left: ReadonlySet<string>;
  readonly codec: CodecName;
  readonly workers: string;
  /** In what pots pay in; empty: the usual one. */
  readonly deposit: string;
  readonly hours: string;
}

export const FORM: Form = {
  title: "",
  visibility: "public",
  left: new Set(),
  codec: "avc",
  workers: "2",
  deposit: "",
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
  /** What stands in the field until something is typed there. */
  readonly usual: string;
  readonly hours: number | undefined;
  /** What the hours on air cost, where that can be told. */
  readonly plan: Parameters<typeof budget.atMost>[0] | undefined;
  /** Highest price that is paid, per output gigapixel. */
  readonly maxPrice: Amount;
  readonly badWorkers: string | undefined;
  readonly badDeposit: string | undefined;
}

export function read(
  form: Form,
  ready: Ready | undefined,
  { pay, currency }: NetworkMoney,
): Reading {
  const ladder = ready === undefined ? [] : defaultLadder(ready);
  const rungs = ladder.filter((rung) => !form.left.has(rung.name));
  const wanted = Number(form.workers);
  const maxPrice = usualPrice(currency);
  const usual = usualDeposit(maxPrice, pay);
  const deposit = Money.parse(form.deposit || usual, pay)?.value as Amount | undefined;
  const hours = budget.parseHours(form.hours);
  const paying = wanted > 0 && rungs.length > 0;
  const plan =
    paying && hours !== undefined && ready !== undefined
      ? { rungs, frameRate: ready.frameRate, hours, maxPrice }
      : undefined;
  return {
    ladder,
    rungs,
    wanted,
    paying,
    deposit,
    usual,
    hours,
    plan,
    maxPrice,
    badWorkers: /^[0-8]$/.test(form.workers) ? undefined : "A whole number from 0 to 8.",
    badDeposit:
      paying && deposit === undefined
        ? `An amount in ${Money.name(pay)}, such as ${usual}.`
        : undefined,
  };
}

/** How long a deposit lasts at the highest price, per output gigapixel. */
export function lasting(
  deposit: Amount,
  rungs: readonly Rung[],
  { frameRate, maxPrice }: { readonly frameRate: number; readonly maxPrice: Amount },
): string {
  const pixels = Pixels.rate(rungs, frameRate);
  if (pixels <= 0) return "as long as you like";
  return about(Number(deposit) / Number(maxPrice) / (pixels / 1e9));
}
