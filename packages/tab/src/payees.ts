import { fromHex, toHex } from "@tabcast/runtime";
import type { Bag } from "./bag.ts";
import type { Books } from "./books.ts";
import { domainOf, type Identity } from "./identity.ts";
import type { Who } from "./purses.ts";

/** Payees' signed words that they answer for this tab's key, each asked for once and kept. */
export interface Payees {
  /**
   * The proof for a payee: a stored one, or one that a key of this tab signs unasked. Undefined for a browser's wallet that has not
   * signed and for a pasted address: broadcasters then know the tab by its key alone. Throws StoreError.
   */
  proof(who: Who): Promise<Uint8Array | undefined>;
  /** Asks the payee's wallet to sign, and keeps the proof. Throws PAYEE_PROOF_DECLINED if its owner says no, StoreError. */
  sign(who: Who): Promise<void>;
}

export function openPayees(
  { outside }: Bag,
  { identity, books }: { identity: Pick<Identity, "config" | "seed">; books: Books },
): Payees {
  async function about({ payee }: Who) {
    const [config, seed, { Keys }, store] = await Promise.all([
      identity.config(),
      identity.seed(),
      import("@tabcast/protocol"),
      books.open(),
    ]);
    const domain = domainOf(config);
    const { publicKey } = await Keys.fromSeed(seed);
    const { chainId, contract } = domain;
    const place = [chainId, contract, payee, toHex(publicKey)].join("/").toLowerCase();
    return { domain, publicKey, store, key: `payee-proof/${place}` };
  }

  async function sign({ payee, wallet }: Who): Promise<Uint8Array | undefined> {
    if (wallet?.address.toLowerCase() !== payee.toLowerCase()) return undefined; // nobody else can sign for it
    const { domain, publicKey, store, key } = await about({ payee });
    const { PayeeProof } = await outside.money();
    const proof = await PayeeProof.sign(domain, wallet, publicKey);
    await store.write([[key, toHex(proof)]]);
    return proof;
  }

  return {
    async proof(who) {
      const { store, key } = await about(who);
      const stored = await store.get(key);
      if (typeof stored === "string" && /^[0-9a-f]{128}$/.test(stored)) return fromHex(stored);
      // A key of this tab signs silently; a browser's wallet would bother its owner, who is asked by a button.
      return who.wallet !== undefined && "type" in who.wallet ? sign(who) : undefined;
    },
    sign: async (who) => void (await sign(who)),
  };
}
