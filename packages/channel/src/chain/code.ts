import { tabcastPotBytecode } from "@tabcast/contracts";
import { size, slice } from "viem";
import type { Hex } from "../types.ts";

/** What the compiler leaves for an immutable, which the constructor fills in: PUSH32 with nothing. */
const HOLE = `7f${"00".repeat(32)}`;

/**
 * True if code on a chain is what `creation`, by default TabcastPot's, leaves there, whatever its constructor was given: the
 * code stands at the creation code's end, and may differ from it only in the immutables.
 */
export function codeMatches(deployed: Hex, creation: Hex = tabcastPotBytecode): boolean {
  const length = size(deployed);
  if (length === 0 || length > size(creation)) return false;
  const template = slice(creation, size(creation) - length)
    .slice(2)
    .toLowerCase();
  const code = deployed.slice(2).toLowerCase();
  for (let at = 0; at < code.length; ) {
    // An immutable's hole may hold anything, but it is pushed all the same.
    if (template.startsWith(HOLE, at) && code.startsWith("7f", at)) at += HOLE.length;
    else if (template[at] === code[at]) at++;
    else return false;
  }
  return true;
}
