/** Helpers of this package's tests; nothing else loads them. */
import { fromHex } from "@tabcast/runtime";
import * as Messages from "./messages.ts";
import type { Noun } from "./noun.ts";

/** Every noun by its name. */
export const nouns: ReadonlyMap<string, Noun<object>> = new Map(
  Object.values(Messages).flatMap((value) =>
    typeof value === "object" && "decode" in value
      ? [[value.name, value as unknown as Noun<object>] as const]
      : [],
  ),
);

/** A message from a vector's JSON: 0x-hex becomes bytes, prices become bigint. */
export function revive(value: object): object {
  return JSON.parse(JSON.stringify(value), (key, inner: unknown) => {
    if (typeof inner !== "string") return inner;
    if (key === "price" || key === "maxPrice") return BigInt(inner);
    return /^0x([0-9a-f]{2})*$/.test(inner) ? fromHex(inner) : inner;
  });
}
