import { toHex } from "@tabcast/runtime";

/** What a field must look like: undefined if the value will do, else where it does not, what was expected and what came. */
export type Check = (value: unknown, field: string) => Complaint | undefined;

export interface Complaint {
  readonly field: string;
  readonly expected: string;
  readonly got: string;
}

/** A check for every field of a message. */
export type Shape<T> = { readonly [Field in keyof T]-?: Check };

/** A value for an error message, at most 64 characters. */
export function show(value: unknown): string {
  const text =
    value instanceof Uint8Array
      ? `${value.byteLength} bytes ${toHex(value.subarray(0, 16))}`
      : typeof value === "object" && value !== null
        ? Array.isArray(value)
          ? `${value.length} items`
          : "an object"
        : typeof value === "string"
          ? JSON.stringify(value.slice(0, 60))
          : String(value);
  return text.slice(0, 64);
}

const when =
  (expected: string, fits: (value: unknown) => boolean): Check =>
  (value, field) =>
    fits(value) ? undefined : { field, expected, got: show(value) };

/** Bytes of exactly `length`. */
export const bytes = (length: number): Check =>
  when(`${length} bytes`, (v) => v instanceof Uint8Array && v.byteLength === length);

/** Bytes of a length between the two. */
export const blob = (least: number, most: number): Check =>
  when(
    `${least} to ${most} bytes`,
    (v) => v instanceof Uint8Array && v.byteLength >= least && v.byteLength <= most,
  );

/** A whole number from `least` to `most`; never above 2^53 - 1. */
export const whole = (least: number, most = Number.MAX_SAFE_INTEGER): Check =>
  when(
    `a whole number from ${least} to ${most}`,
    (v) => Number.isSafeInteger(v) && (v as number) >= least && (v as number) <= most,
  );

/** A price in wei, 0 to 2^64 - 1. */
export const wei: Check = when(
  "a price from 0 to 2^64 - 1",
  (v) => typeof v === "bigint" && v >= 0n && v < 1n << 64n,
);

export const flag: Check = when("true or false", (v) => typeof v === "boolean");

/** Well-formed text of `least` to `most` UTF-16 units that matches `pattern`. */
export const text = (least: number, most: number, pattern = /^/): Check =>
  when(
    `text of ${least} to ${most} characters${pattern.source === "^" ? "" : ` like ${pattern.source}`}`,
    (v) =>
      typeof v === "string" &&
      v.length >= least &&
      v.length <= most &&
      v.isWellFormed() &&
      pattern.test(v),
  );

export const oneOf = (...known: readonly string[]): Check =>
  when(`one of ${known.join(", ")}`, (v) => typeof v === "string" && known.includes(v));

const pathOf = (outer: string, inner: string) =>
  outer === "" || inner === "" ? `${outer}${inner}` : `${outer}.${inner}`;

/** What a part complains of, as the whole names it. Paths are put together only when there is something to complain of. */
const within = (outer: string, complaint: Complaint): Complaint => ({
  ...complaint,
  field: pathOf(outer, complaint.field),
});

/** Nothing, or what `check` takes. */
export const maybe =
  (check: Check): Check =>
  (value, field) =>
    value === undefined ? undefined : check(value, field);

/** A list of `least` to `most` items, each of which `check` takes. */
export const list =
  (least: number, most: number, check: Check): Check =>
  (value, field) => {
    if (!Array.isArray(value) || value.length < least || value.length > most)
      return { field, expected: `${least} to ${most} items`, got: show(value) };
    for (const [i, item] of value.entries()) {
      const complaint = check(item, "");
      if (complaint !== undefined) return within(`${field}[${i}]`, complaint);
    }
    return undefined;
  };

/** An object whose fields fit `shape`, and which as a whole fits `rule`. */
export const object = <T extends object>(
  shape: Shape<T>,
  rule: (value: T, at: (field: string) => string) => Complaint | undefined = () => undefined,
): Check => {
  const fields = Object.entries<Check>(shape);
  return (value, field) => {
    if (typeof value !== "object" || value === null)
      return { field, expected: "a message", got: show(value) };
    for (const [name, check] of fields) {
      const complaint = check((value as Record<string, unknown>)[name], name);
      if (complaint !== undefined) return within(field, complaint);
    }
    return rule(value as T, (name) => pathOf(field, name));
  };
};
