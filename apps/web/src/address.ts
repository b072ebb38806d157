import type { Address } from "@tabcast/channel";
import { isAddress, isAddressEqual, zeroAddress } from "viem";

/** An address that someone typed, or what is wrong with it; money sent to `contract` itself would be lost. */
export function checkAddress(
  text: string,
  contract: Address,
): { address: Address } | { error: string } {
  const trimmed = text.trim();
  if (/^[^\s.]+(\.[^\s.]+)+$/.test(trimmed))
    return { error: "Names are not looked up here. Give the address that the name stands for." };
  if (!/^0x[0-9a-fA-F]{40}$/.test(trimmed))
    return {
      error: `An address is 0x and 40 hexadecimal digits; this has ${trimmed.length} characters.`,
    };
  if (!isAddress(trimmed))
    return { error: "The capital letters of this address do not fit: a digit is probably wrong." };
  if (isAddressEqual(trimmed, zeroAddress))
    return { error: "Nobody owns this address: money sent to it is lost." };
  if (isAddressEqual(trimmed, contract))
    return { error: "This is the pot contract itself. Give an address of yours." };
  return { address: trimmed };
}
