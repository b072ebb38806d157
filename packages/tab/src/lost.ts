import type { Address, Chain, Hex, PotConfig, StoredPot } from "@tabcast/channel";
import type { NetworkConfig } from "@tabcast/node/config";
import { Amount } from "@tabcast/runtime";
import { payingBy } from "./identity.ts";

/** A pot of an address that still holds money, and that this browser has no books of. */
export interface LostPot {
  readonly potId: Hex;
  readonly config: PotConfig;
  /** The block of its deposit. */
  readonly from: bigint;
  /** What it holds, in parts of its own token. */
  readonly left: Amount;
}

/** Pages of the history that one look reads, of 100 events each or 100,000 blocks. */
const PAGES = 20;

/**
 * Pots that an address opened, newest first, without those that are settled and those `known` to this browser: a broadcaster whose
 * books were cleared finds its deposits so. Throws ChainError.
 */
export async function lostPots(
  chain: Chain.Chain,
  payer: Address,
  { known, signal }: { known: readonly Pick<StoredPot, "potId">[]; signal: AbortSignal },
): Promise<readonly LostPot[]> {
  const ours = new Set(known.map(({ potId }) => potId.toLowerCase()));
  const found: LostPot[] = [];
  let before: bigint | undefined;
  for (let pages = 0; pages < PAGES; pages++) {
    const options = { signal, limit: 100, ...(before !== undefined && { before }) };
    const page = await chain.history(payer, options);
    for (const event of page.events) {
      if (event.type !== "opened" || event.potId === undefined) continue;
      const { potId, config, block } = event;
      if (config.payer.toLowerCase() !== payer.toLowerCase() || ours.has(potId.toLowerCase()))
        continue;
      const { balance } = await chain.pot(potId, { signal });
      if (balance > 0n) found.push({ potId, config, from: block, left: balance });
    }
    before = page.next;
    if (before === undefined) break;
  }
  return found;
}

const COIN = /^0x0{40}$/;

/**
 * How a pot of this token is opened: pots of before may be in another currency than the network pays in now. `usdc`: that of the
 * chain, if it is known.
 */
export function payingIn(config: NetworkConfig, token: Address, usdc?: Address) {
  const { currency, ...paying } = payingBy(config);
  const same = (other: string | undefined) => other?.toLowerCase() === token.toLowerCase();
  if (COIN.test(token)) return paying;
  if (same(currency?.token) || !same(usdc)) return { ...paying, ...(currency && { currency }) };
  // Nobody said what gas is worth in it: it is settled as if that were nothing.
  return { ...paying, currency: { token, symbol: "USDC", decimals: 6, perCoin: Amount.zero } };
}
