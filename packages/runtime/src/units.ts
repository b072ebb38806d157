declare const unit: unique symbol;
/** A base type with a unit attached. Arithmetic drops it; the named functions below put it back. */
export type Unit<Base, Name extends string> = Base & { readonly [unit]: Name };

/** The chain's own coin, in wei: what gas costs. Never a float. */
export type Wei = Unit<bigint, "wei">;
/**
 * What a pot pays, in the smallest parts of what it is in: wei of the chain's coin, or parts of a token. Never a float. To compare
 * it with what gas costs takes a `Currency`, even where the pot is in the coin.
 */
export type Amount = Unit<bigint, "amount">;
/** A span of media or wall time, in microseconds. */
export type Micros = Unit<number, "micros">;
/** A span or point of wall time, in milliseconds. */
export type Millis = Unit<number, "millis">;
/** A size, in bytes. */
export type Bytes = Unit<number, "bytes">;
/** A bitrate, in bits per second. */
export type BitsPerSecond = Unit<number, "bits per second">;

export const Wei = {
  of: (value: bigint | number): Wei => BigInt(value) as Wei,
  zero: 0n as Wei,
};
export const Amount = {
  of: (value: bigint | number): Amount => BigInt(value) as Amount,
  zero: 0n as Amount,
  add: (a: Amount, b: Amount): Amount => (a + b) as Amount,
  sub: (a: Amount, b: Amount): Amount => (a - b) as Amount,
};
export const Micros = {
  of: (value: number): Micros => Math.round(value) as Micros,
  fromSeconds: (seconds: number): Micros => Math.round(seconds * 1e6) as Micros,
  toSeconds: (value: Micros): number => value / 1e6,
};
export const Millis = { of: (value: number): Millis => value as Millis };
export const Bytes = { of: (value: number): Bytes => value as Bytes };
export const BitsPerSecond = { of: (value: number): BitsPerSecond => value as BitsPerSecond };
