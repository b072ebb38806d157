import type { Address, OpenPurseOptions, Purse, Wallet } from "@tabcast/channel";
import type { Bag } from "./bag.ts";
import type { Books } from "./books.ts";
import { type Identity, payingBy } from "./identity.ts";

/** Whose money. */
export interface Who {
  /** Where payments go. */
  readonly payee: Address;
  /** What sends the claim transaction; undefined: anybody may claim for the payee later. */
  readonly wallet?: Wallet;
}

/** What the worker's settings say of its purse. */
type PurseSettings = Pick<OpenPurseOptions, "softCap" | "segmentPay" | "watchtowerShare">;

/** Opens purses one after another: whoever looks at the books has this tab's lane, and a second lane would be left with money in it. */
export interface Purses {
  /** The worker's purse, until it is closed; `use` takes it too. Throws ChainError, StoreError. */
  open(
    who: Who,
    options: { signal: AbortSignal } & PurseSettings,
  ): Promise<{ readonly purse: Purse; close(): Promise<void> }>;
  /** The worker's purse if it is this payee's, or one that is opened for as long as `work` takes. */
  use<T>(who: Who, work: (purse: Purse) => Promise<T>): Promise<T>;
}

export function openPurses(
  { outside, signal }: Bag,
  { identity, books }: { identity: Pick<Identity, "config">; books: Books },
): Purses {
  let queue: Promise<unknown> = Promise.resolve();
  let working: Purse | undefined;

  function inTurn<T>(task: () => Promise<T>): Promise<T> {
    const next = queue.then(task);
    queue = next.catch(() => undefined);
    return next;
  }

  async function purse(
    { payee, wallet }: Who,
    options: { signal: AbortSignal } & PurseSettings,
  ): Promise<Purse> {
    const [config, { openPurse }, store] = await Promise.all([
      identity.config(),
      outside.money(),
      books.open(),
    ]);
    return openPurse({
      payee,
      ...payingBy(config),
      store,
      ...options,
      ...(wallet !== undefined && { account: wallet }),
    });
  }

  return {
    open: (who, options) =>
      inTurn(async () => {
        const opened = await purse(who, options);
        working = opened;
        return {
          purse: opened,
          async close() {
            if (working === opened) working = undefined;
            await opened.close();
          },
        };
      }),
    use: (who, work) =>
      inTurn(async () => {
        if (working?.payee.toLowerCase() === who.payee.toLowerCase()) return work(working);
        // With the owner's settings: their share for watchtowers says which lane is this tab's.
        const { purseOptionsOf, workerDefaults } = await import("./settings/index.ts");
        // Money is reached although what was set cannot be read.
        const settings = await books.workerSettings().catch(() => workerDefaults);
        const opened = await purse(who, { ...purseOptionsOf(settings), signal });
        try {
          return await work(opened);
        } finally {
          await opened.close();
        }
      }),
  };
}
