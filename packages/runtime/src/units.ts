declare const unit: unique symbol;
/** A base type with a unit attached. Arithmetic drops it; the named functions below put it back. */
export type Unit<Base, Name extends string> = Base & { readonly [unit]: Name };

/** Money on chain, in wei. Never a float. */
export type Wei = Unit<bigint, "wei">;
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
  add: (a: Wei, b: Wei): Wei => (a + b) as Wei,
  sub: (a: Wei, b: Wei): Wei => (a - b) as Wei,
};
export const Micros = {
  of: (value: number): Micros => Math.round(value) as Micros,
  fromSeconds: (seconds: number): Micros => Math.round(seconds * 1e6) as Micros,
  toSeconds: (value: Micros): number => value / 1e6,
};
export const Millis = { of: (value: number): Millis => value as Millis };
export const Bytes = { of: (value: number): Bytes => value as Bytes };
export const BitsPerSecond = { of: (value: number): BitsPerSecond => value as BitsPerSecond };
