/** How fast money has come or gone of late, and what an hour of it comes to. */

import * as Money from "@tabcast/tab/money";
import { counted } from "./format.ts";

/** Milliseconds that are looked back on. */
const LOOK_BACK = 600_000;
/** Milliseconds that are counted as one part. */
const PART = 10_000;
/** Milliseconds below which a pace says nothing. */
const LEAST = 60_000;

/** What came in parts of ten seconds, oldest first; at most 61 parts. */
export type Pace = readonly { readonly from: number; readonly amount: bigint }[];

export const none: Pace = [];

const lately = (pace: Pace, now: number) => pace.filter(({ from }) => from > now - LOOK_BACK);

/** The pace after `amount` more at `at`, in milliseconds. */
export function add(pace: Pace, at: number, amount: bigint): Pace {
  const from = at - (at % PART);
  const last = pace.at(-1);
  // A clock that was set back adds to the newest part.
  if (last !== undefined && last.from >= from)
    return [...pace.slice(0, -1), { from: last.from, amount: last.amount + amount }];
  return [...lately(pace, at), { from, amount }];
}

/**
 * What an hour comes to at the pace of so many minutes, 1 to 10, up to now. The first part only says when the counting begins. Undefined
 * where a minute has not passed since, or nothing came after it: then it is not known yet.
 */
export function perHour(
  pace: Pace,
  now: number,
): { readonly amount: bigint; readonly minutes: number } | undefined {
  const [first, ...rest] = lately(pace, now);
  if (first === undefined || rest.length === 0) return undefined;
  const span = now - (first.from + PART);
  if (span < LEAST) return undefined;
  const sum = rest.reduce((all, { amount }) => all + amount, 0n);
  return {
    amount: (sum * 3_600_000n) / BigInt(span),
    minutes: Math.max(1, Math.round(span / 60_000)),
  };
}

const of = (minutes: number) =>
  `at the pace of the last ${minutes === 1 ? "minute" : counted(minutes, "minute")}`;

/** "About 0.0004 ETH an hour at the pace of the last 10 minutes", or that it is not known yet. */
export function sentence(pace: Pace, now: number, unit: Money.Unit): string {
  const known = perHour(pace, now);
  if (known === undefined) return "What an hour earns is not known yet.";
  return `About ${Money.text(Money.of(known.amount, unit))} an hour ${of(known.minutes)}.`;
}

/** How long an amount lasts where `pace` spends it; undefined where that is not known yet. Seconds. */
export function lasts(left: bigint, pace: Pace, now: number): number | undefined {
  const known = perHour(pace, now);
  if (known === undefined || known.amount === 0n) return undefined;
  return Number((left * 3_600n) / known.amount);
}

/** "Lasts about 3 hours more at the pace of the last 10 minutes", or that it is not known yet. */
export function lastsSentence(left: bigint, pace: Pace, now: number): string {
  const seconds = lasts(left, pace, now);
  if (left <= 0n) return "Nothing is left for more work.";
  const known = perHour(pace, now);
  if (seconds === undefined || known === undefined) return "How long it lasts is not known yet.";
  return `Lasts ${about(seconds)} more ${of(known.minutes)}.`;
}

/** "about 3 hours", rounded down; "less than a minute". Seconds. */
export function about(seconds: number): string {
  const [minutes, hours, days] = [60, 3_600, 86_400].map((one) => Math.floor(seconds / one)) as [
    number,
    number,
    number,
  ];
  if (minutes < 1) return "less than a minute";
  if (hours < 2) return `about ${counted(minutes, "minute")}`;
  if (days > 365) return "more than a year";
  return `about ${days < 2 ? counted(hours, "hour") : counted(days, "day")}`;
}
