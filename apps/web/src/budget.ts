import { Price } from "@tabcast/market";
import { Amount, type Output } from "@tabcast/runtime";
import * as Money from "@tabcast/tab/money";
import { counted } from "./format.ts";

/** Most hours that one deposit is reckoned for. */
export const MOST_HOURS = 24;

export interface Plan {
  readonly rungs: readonly Output[];
  /** Frames per second of the source. */
  readonly frameRate: number;
  /** Of the stream, above 0 and at most 24. */
  readonly hours: number;
  /** Per output gigapixel: what a broadcast accepts at most, `usualPrice` of the network. */
  readonly maxPrice: Amount;
}

/**
 * What the workers of a plan cost at most, in parts of `unit`. The crew shares the segments and each is paid once, so that its size
 * changes nothing. Rounded up as people type it: to a cent, or a ten-thousandth of a unit. Throws RangeError for a plan out of bounds.
 */
export function atMost({ rungs, frameRate, hours, maxPrice }: Plan, unit: Money.Unit): Amount {
  if (!(hours > 0 && hours <= MOST_HOURS)) throw new RangeError(`hours: ${hours}, not 0 to 24`);
  if (!(frameRate > 0 && frameRate <= 240)) throw new RangeError(`frame rate: ${frameRate}`);
  const frames = Math.ceil(frameRate * hours * 3_600);
  const exact = Price.ofSegment(maxPrice, rungs, frames);
  const step = Money.step(unit);
  return Amount.of(((exact + step - 1n) / step) * step);
}

/** The plan and its price in one sentence. */
export function sentence(plan: Plan, workers: number, unit: Money.Unit): string {
  const { hours, rungs } = plan;
  const most = Money.text(Money.of(atMost(plan, unit), unit), "up");
  return `${counted(hours, "hour")} at ${counted(rungs.length, "rung")} for ${counted(workers, "worker")} is at most ${most}, refundable: what is not spent comes back.`;
}

/** Hours as people type them: a decimal above 0 and at most 24; undefined for anything else. */
export function parseHours(text: string): number | undefined {
  if (!/^\d{1,2}(\.\d{1,2})?$/.test(text.trim())) return undefined;
  const hours = Number(text);
  return hours > 0 && hours <= MOST_HOURS ? hours : undefined;
}
