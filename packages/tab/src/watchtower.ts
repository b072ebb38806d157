import type { Address, OpenWatchtowerOptions } from "@tabcast/channel";
import type { Amount, Wei } from "@tabcast/runtime";
import type { Bag } from "./bag.ts";
import { type Identity, payingBy } from "./identity.ts";
import type { Rpc } from "./rpc.ts";
import type { BurnerWallet } from "./wallet.ts";

/** What this tab's watchtower did for other workers, for its owner to see. */
export interface WatchtowerEvent {
  readonly type: "watchtower";
  readonly news: WatchtowerNews;
}

export type WatchtowerNews =
  /** A claim made this the credit of a worker that is gone. */
  | { readonly type: "saved"; readonly payee: Address; readonly saved: Amount }
  /** It left us this, as much as the workers had said; credit until it is withdrawn. */
  | { readonly type: "earned"; readonly share: Amount }
  /** What shares earned came to the account that pays for claims. */
  | { readonly type: "withdrawn"; readonly amount: Amount }
  /** A claim, or a withdrawal, cost this much gas. */
  | { readonly type: "spent"; readonly cost: Wei };

/** Tells of a watchtower what its owner may like to know. */
export function watchtowerNews(
  on: (event: WatchtowerEvent) => void,
): Pick<OpenWatchtowerOptions, "onRescue" | "onShare" | "onWithdrawn" | "onSpent"> {
  const tell = (news: WatchtowerNews) => on({ type: "watchtower", news });
  return {
    onRescue: (payee, saved) => tell({ type: "saved", payee, saved }),
    onShare: (share) => tell({ type: "earned", share }),
    onWithdrawn: (amount) => tell({ type: "withdrawn", amount }),
    onSpent: (cost) => tell({ type: "spent", cost }),
  };
}

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
    readonly identity: Pick<Identity, "config">;
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
      const [config, { account }, { Chain }] = await Promise.all([
        identity.config(),
        burner.open(),
        outside.money(),
      ]);
      const options = { ...payingBy(config), signal };
      const chain = await Chain.connect(options);
      await chain.sweep(account, to, { signal });
    },
  };
}
