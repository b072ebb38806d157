/** What work costs: exactly by a gigapixel of output, and as people think of it by an hour of one familiar rung. */
import { Amount } from "@tabcast/runtime";
import { SettingsError } from "@tabcast/tab/settings";
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

/** A price per gigapixel as people type it, in its smallest parts. Throws SETTINGS_BAD. */
export function parse(text: string, unit: Money.Unit): Amount {
  const amount = Money.parse(text, unit);
  if (amount !== undefined) return Amount.of(amount.value);
  throw new SettingsError(
    { code: "SETTINGS_BAD", field: "price" },
    `price must be an amount in ${unit.symbol} per gigapixel above 0 with at most ${unit.decimals} places, such as ${typed(1_000_000_000_000n, unit)}, got ${JSON.stringify(text.slice(0, 40))}`,
  );
}
