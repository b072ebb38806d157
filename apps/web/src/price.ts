/** What work costs: exactly by a gigapixel of output, and as people think of it by an hour of one familiar rung. */
import { Amount } from "@tabcast/runtime";
import * as Money from "@tabcast/tab/money";

/** Output gigapixels of an hour of 1280 x 720 at 30 frames/s, times ten thousand. */
const HOUR = 995_328n;
const PART = 10_000n;

/** What an hour of 1280 x 720 at 30 frames/s costs at a price, in parts per output gigapixel. Rounds down. */
export const ofHour = (price: bigint): bigint => (price * HOUR) / PART;

/** The price, in parts per output gigapixel, at which an hour of 1280 x 720 at 30 frames/s costs so much; the nearest, at least 1. */
export function forHour(hour: bigint): Amount {
  const price = (hour * PART + HOUR / 2n) / HOUR;
  return Amount.of(price > 0n ? price : 1n);
}

/** A price in the form that `parse` reads: exact, per gigapixel. */
export const typed = (price: bigint, unit: Money.Unit): string =>
  Money.typed(Money.of(price, unit));
