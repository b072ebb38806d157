/** Amounts of money in the words of people: "0.0000003 ETH", "$12.40", "0.33 ¢". */
import type { CurrencyConfig } from "@tabcast/node/config";

/** A chain's own coin, in which gas is paid. */
export interface Coin {
  readonly kind: "coin";
  readonly symbol: string;
  readonly decimals: 18;
}

/** A token in which a pot pays. */
export interface Token {
  readonly kind: "token";
  readonly symbol: string;
  /** Places behind the point, 2 to 18. */
  readonly decimals: number;
  /** One of it is a dollar, and is written as dollars and cents. */
  readonly dollars: boolean;
}

/** What money is counted in. */
export type Unit = Coin | Token;

/**
 * Whole smallest parts of one unit. The unit is part of the type, so that gas, an `Amount<Coin>`, is never added to what a token
 * pays; of two tokens `add` itself tells the difference.
 */
export interface Amount<U extends Unit> {
  readonly unit: U;
  readonly value: bigint;
}

/** What the pots of a network pay in: its token, else the chain's coin of this symbol. */
export const ofCurrency = (currency: CurrencyConfig | undefined, symbol?: string): Unit =>
  currency === undefined
    ? coin(symbol)
    : {
        kind: "token",
        symbol: currency.symbol,
        decimals: currency.decimals,
        dollars: currency.dollars,
      };

export const coin = (symbol = "ETH"): Coin => ({ kind: "coin", symbol, decimals: 18 });

/** Least amount of a coin that is written as a number: a billionth of it. */
const LEAST_COIN_DIGITS = 9;
/** Least part of a cent that is written as a number: a ten-thousandth of it. */
const LEAST_CENT_DIGITS = 4;

export const of = <U extends Unit>(value: bigint, unit: U): Amount<U> => ({ unit, value });

/** The sum of two amounts of one unit. Throws RangeError for two units. */
export function add<U extends Unit>(one: Amount<U>, other: Amount<NoInfer<U>>): Amount<U> {
  const { unit } = one;
  const { symbol, kind } = other.unit;
  if (symbol !== unit.symbol || kind !== unit.kind)
    throw new RangeError(`${unit.symbol} and ${symbol} have no sum`);
  return of(one.value + other.value, unit);
}

/**
 * The amount with three digits that say something, two where it is below a thousandth: "1.99 ETH", "0.00042 ETH", "$12.40". Rounds
 * down, so that nobody is promised more than there is; `up` is for what something costs at most. What is too little for that is "less
 * than" the least that is written.
 */
export function text({ value, unit }: Amount<Unit>, round: "down" | "up" = "down"): string {
  if (value < 0n) return `-${text(of(-value, unit), round)}`;
  if (inDollars(unit)) return dollars(value, unit.decimals, round);
  const { symbol, decimals } = unit;
  return few(value, { decimals, least: Math.min(decimals, LEAST_COIN_DIGITS), round }, (said) =>
    said.concat(` ${symbol}`),
  );
}

/** The amount to its last digit: "0.000000332832 ETH", "12.4 EURC", "$12.40", "$0.003318". */
export function exact({ value, unit }: Amount<Unit>): string {
  const sign = value < 0n ? "-" : "";
  const said = decimal(value < 0n ? -value : value, unit.decimals);
  if (!inDollars(unit)) return `${sign}${said} ${unit.symbol}`;
  const [whole, cents = ""] = said.split(".");
  return `${sign}$${whole}.${cents.padEnd(2, "0")}`;
}

/** What people call the unit: "dollars", or its symbol. */
export const name = (unit: Unit): string => (inDollars(unit) ? "dollars" : unit.symbol);

/** The least that is worth typing, for rounding a cost up: a cent, or a ten-thousandth of the unit. */
export const step = (unit: Unit): bigint =>
  10n ** BigInt(Math.max(0, unit.decimals - (inDollars(unit) ? 2 : 4)));

const inDollars = (unit: Unit): boolean => unit.kind === "token" && unit.dollars;

/** The amount as a person would type it, in the form that `parse` reads: exact, without its unit. */
export const typed = ({ value, unit }: Amount<Unit>): string =>
  decimal(value, unit.decimals).replaceAll(",", "");

/** The amount as a person would type it, to three digits that say something. */
export function roughly({ value, unit }: Amount<Unit>): string {
  const step = 10n ** BigInt(Math.max(0, String(value).length - 3));
  return typed(of(((value + step / 2n) / step) * step, unit));
}

/**
 * An amount as people type it, dollars with their sign or without; undefined for anything that is no plain positive decimal of as many
 * places as the unit has.
 */
export function parse<U extends Unit>(said: string, unit: U): Amount<U> | undefined {
  const match = /^(\d{1,9})(?:\.(\d{1,18}))?$/.exec(
    inDollars(unit) ? said.trim().replace(/^\$/, "") : said.trim(),
  );
  const [, whole = "", rest = ""] = match ?? [];
  if (match === null || rest.length > unit.decimals) return undefined;
  const value = BigInt(whole + rest.padEnd(unit.decimals, "0"));
  return value > 0n ? of(value, unit) : undefined;
}

function dollars(value: bigint, decimals: number, round: "down" | "up"): string {
  const cent = 10n ** BigInt(decimals - 2);
  if (value === 0n) return "$0.00";
  // From 99.95 cents on, three digits rounded up are a dollar.
  const dollar = 100n * cent;
  if (value >= dollar || (round === "up" && value * 10n > dollar * 10n - cent)) {
    const cents = round === "up" ? (value + cent - 1n) / cent : value / cent;
    return `$${(cents / 100n).toLocaleString("en")}.${String(cents % 100n).padStart(2, "0")}`;
  }
  const places = decimals - 2;
  const least = Math.min(places, LEAST_CENT_DIGITS);
  return few(value, { decimals: places, least, round }, (said) => said.concat(" ¢"));
}

/** A decimal of few digits; `least` is the place of the last digit that is written. */
function few(
  value: bigint,
  {
    decimals,
    least,
    round,
  }: { readonly decimals: number; readonly least: number; readonly round: "down" | "up" },
  named: (said: string) => string,
): string {
  const smallest = 10n ** BigInt(decimals - least);
  if (value > 0n && value < smallest) return `less than ${named(decimal(smallest, decimals))}`;
  const one = 10n ** BigInt(decimals);
  const digits = value * 1_000n >= one ? 3 : 2;
  // Whole ones are all written.
  const places = Math.min(decimals, Math.max(0, String(value).length - digits));
  const step = 10n ** BigInt(places);
  const kept = round === "up" ? value + ((step - (value % step)) % step) : value - (value % step);
  return named(decimal(kept, decimals));
}

/** All digits, with commas in the whole part and no zeros at the end. */
function decimal(value: bigint, decimals: number): string {
  const one = 10n ** BigInt(decimals);
  const rest = (value % one).toString().padStart(decimals, "0").replace(/0+$/, "");
  const whole = (value / one).toLocaleString("en");
  return decimals === 0 || rest === "" ? whole : `${whole}.${rest}`;
}
