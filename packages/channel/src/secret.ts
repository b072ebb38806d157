import { fromHex, toHex } from "@tabcast/runtime";
import { isAddressEqual, type PrivateKeyAccount } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { sealBroken } from "./store/seal.ts";
import type { Sealed, Store } from "./store/store.ts";
import type { Address } from "./types.ts";

/** A fresh secp256k1 key, and the same sealed for the store. Random, never derived from a wallet's signature. */
export async function newSecret(
  store: Store,
): Promise<{ readonly account: PrivateKeyAccount; readonly sealed: Sealed }> {
  const secret = generatePrivateKey();
  const account = privateKeyToAccount(secret);
  return { account, sealed: await store.seal(fromHex(secret), about(account.address)) };
}

/**
 * The key again, which must be `address`'s; without that it is whosever the seal says. Throws STORE_SEAL_BROKEN, also for a seal
 * that was put in another's place.
 */
export async function openSecret(
  store: Store,
  sealed: Sealed,
  address?: Address,
): Promise<PrivateKeyAccount> {
  const use = address === undefined ? (sealed.about ?? "") : about(address);
  const account = privateKeyToAccount(`0x${toHex(await store.unseal(sealed, use))}`);
  if (address !== undefined && !isAddressEqual(account.address, address)) throw sealBroken();
  return account;
}

const about = (address: Address) => `secp256k1 key of ${address.toLowerCase()}`;
