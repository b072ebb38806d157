import type { Address } from "@tabcast/channel";
import type { Wei } from "@tabcast/runtime";
import type { Bag } from "./bag.ts";
import { type Identity, payingBy } from "./identity.ts";
import type { Rpc } from "./rpc.ts";
import type { BurnerWallet } from "./wallet.ts";

/** The gas purse of this browser: a key that pays for claims which its tabs make for other workers, and for nothing else. */
export interface GasPurse {
  /** Whom to send a little of the chain's coin, and what is there, wei. Throws StoreError, TAB_CHAIN. */
  state(): Promise<{ readonly address: Address; readonly balance: Wei }>;
  /** Sends what is left, less the gas, to its owner. Throws ChainError, StoreError. */
  empty(to: Address): Promise<void>;
}

export function openGasPurse(
  { outside, signal }: Bag,
  parts: {
    readonly identity: Pick<Identity, "join">;
    readonly burner: Pick<BurnerWallet, "open">;
    readonly rpc: Pick<Rpc, "balance">;
  },
): GasPurse {
  const { identity, burner, rpc } = parts;
  return {
    async state() {
      const { address } = await burner.open();
      return { address, balance: await rpc.balance(address) };
    },
    async empty(to) {
      const [{ config }, { account }, { Chain }] = await Promise.all([
        identity.join(),
        burner.open(),
        outside.money(),
      ]);
      const options = { ...payingBy(config), signal };
      const chain = await Chain.connect(options);
      await chain.sweep(account, to, { signal });
    },
  };
}
