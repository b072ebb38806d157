/** What work costs: exactly by a gigapixel of output, and as people think of it by an hour of one familiar rung. */
import { Wei } from "@tabcast/runtime";
import { SettingsError } from "@tabcast/tab/settings";
import * as Money from "./money.ts";

/** Output megapixels of an hour of 1280 x 720 at 30 frames/s, times ten. */
const HOUR_TENTHS = 995_328n;
const PER_GIGA = 1_000n;

/** What an hour of 1280 x 720 at 30 frames/s costs at a price, in parts per output megapixel. Rounds down. */
export const ofHour = (price: bigint): bigint => (price * HOUR_TENTHS) / 10n;

/** The price, in parts per output megapixel, at which an hour of 1280 x 720 at 30 frames/s costs so much; the nearest, at least 1. */
export function forHour(hour: bigint): Wei {
  const price = (hour * 10n + HOUR_TENTHS / 2n) / HOUR_TENTHS;
  return Wei.of(price > 0n ? price : 1n);
}

/** A price in the form that `parse` reads: exact, per gigapixel. */
export const typed = (price: bigint, unit: Money.Unit): string =>
  Money.typed(Money.of(price * PER_GIGA, unit));

/** A price per gigapixel as people type it, in parts per output megapixel. Throws SETTINGS_BAD. */
export function parse(text: string, unit: Money.Unit): Wei {
  const amount = Money.parse(text, unit);
  if (amount !== undefined && amount.value % PER_GIGA === 0n)
    return Wei.of(amount.value / PER_GIGA);
  const places = unit.decimals - 3;
  throw new SettingsError(
    { code: "SETTINGS_BAD", field: "price" },
    `price must be an amount in ${unit.symbol} per gigapixel above 0 with at most ${places} places, such as ${typed(1_000_000_000n, unit)}, got ${JSON.stringify(text.slice(0, 40))}`,
  );
}
