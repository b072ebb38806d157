/** What a browser's wallet was asked to send: only the wallet can send it, and only the chain tells whether it did. */
import type { Chain, Waits, Wallet, WalletSent } from "../chain/chain.ts";
import type { Address, Hex } from "../types.ts";

/** As the store holds it: without a hash the wallet has not answered, or the tab died before it did. */
export interface Asked {
  readonly from: Address;
  /** Unix second of the chain's clock. */
  readonly at: number;
  readonly hash?: Hex;
  /** Missing where no server knew it yet. */
  readonly nonce?: number;
}

/** Seconds for which a dialog of a tab that is gone may still be answered: as long as a claim waits for one. */
export const DIALOG_S = 600;
/** Seconds after which nothing more is expected of a transaction whose hash or nonce we do not know. */
export const DAY_S = 86_400;

/** What is stored before a wallet is asked; undefined for a key in this tab, whose signed bytes are stored. */
export async function askOf(
  chain: Chain,
  wallet: Wallet,
  waits: Waits,
): Promise<Asked | undefined> {
  if (!("provider" in wallet)) return undefined;
  return { from: wallet.address, at: await chain.now(waits) };
}

/** The same once the wallet has answered. */
export const answered = (asked: Asked, { hash, nonce }: WalletSent): Asked => ({
  ...{ ...asked, hash },
  ...(nonce !== undefined && { nonce }),
});

/** What became of it, as `Chain.fate`; where that cannot be known, "void" once `patience` seconds have passed. Throws ChainError. */
export async function fateOf(
  chain: Chain,
  { from, at, hash, nonce }: Asked,
  patience: number,
  waits: Waits,
): Promise<"done" | "void" | "open"> {
  if (hash !== undefined) {
    const fate = await chain.fate({ from, hash, ...(nonce !== undefined && { nonce }) }, waits);
    if (fate !== "open" || nonce !== undefined) return fate;
  }
  const until = at + (hash === undefined ? patience : DAY_S);
  return (await chain.now(waits)) < until ? "open" : "void";
}
