import type { Burner } from "@tabcast/channel";
import { type Bag, lazy } from "./bag.ts";
import type { Books } from "./books.ts";
import { TabError } from "./errors.ts";
import type { Identity } from "./identity.ts";
import type { Rpc } from "./rpc.ts";

/** Below this the play-money wallet asks for more: 1 ETH. */
const POCKET_MONEY = 10n ** 18n;
/** The faucet waits for a block, in milliseconds. */
const PATIENCE = 20_000;

/** The wallet of this browser, for play money. A person's own wallet comes from outside, with each verb that needs one. */
export interface BurnerWallet {
  /** The wallet as it is; made on the first call. Throws StoreError. */
  open(): Promise<Burner>;
  /** The wallet with play money in it, from the local chain's faucet. Throws TAB_NO_FAUCET off the local chain. */
  filled(): Promise<Burner>;
}

export function openWallet(
  { outside, signal }: Bag,
  { identity, books, rpc }: { identity: Pick<Identity, "config">; books: Books; rpc: Rpc },
): BurnerWallet {
  const open = lazy(async () => {
    const [{ openBurner }, store] = await Promise.all([outside.money(), books.open()]);
    return openBurner({ store, signal });
  });

  async function fill(faucet: string, address: string): Promise<void> {
    const response = await outside.fetch(faucet, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ address }),
      signal: AbortSignal.any([signal, outside.clock.timeout(PATIENCE)]),
    });
    if (!response.ok)
      throw new TabError(
        { code: "TAB_NO_FAUCET", status: response.status },
        `the faucet gave no play money: ${(await response.text()).slice(0, 200)}`,
      );
  }

  return {
    open,
    filled: lazy(async () => {
      const { faucet } = (await identity.config()).chain;
      if (faucet === undefined)
        throw new TabError(
          { code: "TAB_NO_FAUCET", status: 0 },
          "there is no play money on this chain; it is not a local one",
        );
      const burner = await open();
      if ((await rpc.balance(burner.address)) < POCKET_MONEY) await fill(faucet, burner.address);
      return burner;
    }),
  };
}
