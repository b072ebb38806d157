import type { PayerPot, Wallet } from "@tabcast/channel";
import type { CodecName, Rung, Source } from "@tabcast/media";
import type { Broadcast, BroadcastEvent, BroadcastOptions, Visibility } from "@tabcast/node/types";
import type { Amount, Wei } from "@tabcast/runtime";
import type { Bag } from "./bag.ts";
import type { Books } from "./books.ts";
import { TabError } from "./errors.ts";
import { type Identity, type Joined, payingBy } from "./identity.ts";
import type { HiringSettings } from "./settings/index.ts";
import type { BurnerWallet } from "./wallet.ts";

/** Seconds that workers have to claim after a close began where the clock is ours: the contract's least. Elsewhere the chain says. */
const LOCAL_CHALLENGE = 900;

export interface BroadcastStart {
  readonly title: string;
  /** Who can find and see it. Default "public". */
  readonly visibility?: Visibility;
  /** Opens what goes on air; it is closed when the broadcast is over. */
  readonly open: (options: { signal: AbortSignal }) => Source | Promise<Source>;
  /** The ladder, for this source. */
  readonly rungs: (source: Source) => readonly Rung[];
  readonly codec: CodecName;
  readonly pace: BroadcastOptions["pace"];
  /** Workers to hire, 1 to 8. Without a payer, or at 0, everything is encoded here and costs nothing. */
  readonly wanted: number;
  readonly payer?: (options: { signal: AbortSignal }) => Promise<Wallet>;
  readonly deposit: Amount;
  /** This browser's gas purse pays the gas, where a signature is all that the deposit takes. Default: the payer does. */
  readonly gasFromPurse?: boolean;
  /** Whom to hire. Default: what this browser keeps. */
  readonly hiring?: HiringSettings;
  readonly aac?: boolean;
  readonly record?: BroadcastOptions["record"];
  /** Milliseconds that a relay may take to hold a slot for us. Default: the stream begins without one. */
  readonly reachableIn?: number;
  readonly on: (event: BroadcastEvent | { readonly type: "funding" }) => void;
}

/** The broadcasts of a tab, one at a time. */
export interface TabBroadcaster {
  /** Puts the deposit in the pot and goes live. Throws TAB_BUSY, SETTINGS_BAD, MediaError, ChainError, StoreError. */
  start(options: BroadcastStart): Promise<Broadcast>;
  /** True from a start until everything is settled. */
  busy(): boolean;
  /** Ends the input; what was captured is still delivered and settled. */
  stop(): void;
  /** How the newest segments of the broadcast under way came to be. */
  traces(): ReturnType<Broadcast["traces"]> | undefined;
  /** The deposit of the broadcast under way; undefined without one. Amount. */
  balances(): ReturnType<PayerPot["balances"]> | undefined;
  /** Deposits more for the broadcast under way, from the wallet that paid. Throws TAB_NO_POT without one, ChainError; after CHAIN_UNCONFIRMED it may still arrive. */
  topUp(amount: Amount): Promise<void>;
  /** Sends its session key coins for gas, from whoever paid its first. Throws as `topUp`. */
  topUpGas(amount: Wei): Promise<void>;
  /** Gives the input back at once. */
  close(): void;
}

/** Puts the deposit in a pot of its own. */
async function fund(
  { outside }: Bag,
  { books, burner }: Pick<BroadcastParts, "books" | "burner">,
  { config }: Joined,
  { payer, deposit, gasFromPurse = false, on }: BroadcastStart,
  options: { signal: AbortSignal },
): Promise<PayerPot> {
  on({ type: "funding" });
  const [money, store, wallet] = await Promise.all([
    outside.money(),
    books.open(),
    payer?.(options),
  ]);
  return money.openPot({
    ...payingBy(config),
    payer: wallet as Wallet,
    ...(gasFromPurse && { gasFrom: (await burner.open()).account }),
    deposit,
    store,
    ...(config.local && { challengePeriod: LOCAL_CHALLENGE }),
    ...options,
  });
}

export interface BroadcastParts {
  readonly identity: Identity;
  readonly books: Books;
  readonly burner: Pick<BurnerWallet, "open">;
}

export function openBroadcaster(bag: Bag, parts: BroadcastParts): TabBroadcaster {
  const { identity, books } = parts;
  const { outside, signal } = bag;
  let begun = false;
  let source: Source | undefined;
  let running: Broadcast | undefined;
  let pot: PayerPot | undefined;

  async function begin(options: BroadcastStart): Promise<Broadcast> {
    const { title, codec, pace, wanted, payer, aac, record, reachableIn, visibility, on } = options;
    const joining = identity.join();
    joining.catch(() => undefined); // heard below, when the source is there
    source = await options.open({ signal });
    const rungs = options.rungs(source);
    const [joined, { broadcast }, { broadcastOptions }, store, hiring] = await Promise.all([
      joining,
      import("@tabcast/node/broadcaster"),
      import("./assembly.ts"),
      books.open(),
      options.hiring ?? books.hiringSettings(),
    ]);
    if (reachableIn !== undefined) await identity.reachable(reachableIn, { signal });
    const paying = payer !== undefined && wanted > 0;
    return broadcast(
      broadcastOptions(
        hiring,
        {
          mesh: joined.mesh,
          source,
          rungs,
          codec,
          title,
          records: store,
          wanted: paying ? wanted : 0,
          pace,
          clock: outside.clock,
          signal,
          on,
          ...(visibility !== undefined && { visibility }),
          ...(aac !== undefined && { aac }),
          ...(record !== undefined && { record }),
          ...(paying && {
            visit: identity.visitor,
            openPot: async (waits) => {
              pot = await fund(bag, parts, joined, options, waits);
              return pot;
            },
          }),
        },
        joined.config.chain.currency,
      ),
    );
  }

  const requirePot = (): PayerPot => {
    if (pot !== undefined) return pot;
    throw new TabError({ code: "TAB_NO_POT" }, "no deposit pays for a broadcast of this tab now");
  };

  const end = () => {
    source?.close();
    source = undefined;
    running = undefined;
    pot = undefined;
    begun = false;
  };

  return {
    async start(options) {
      if (begun)
        throw new TabError({ code: "TAB_BUSY", what: "broadcast" }, "this tab is already on air");
      begun = true;
      try {
        running = await begin(options);
        running.finished.then(end, end);
        return running;
      } catch (thrown) {
        end();
        throw thrown;
      }
    },
    busy: () => begun,
    stop: () => running?.stop(),
    traces: () => running?.traces(),
    balances: () => pot?.balances(),
    topUp: async (amount) => requirePot().topUp(amount, { signal }),
    topUpGas: async (amount) => requirePot().topUpGas(amount, { signal }),
    close: () => source?.close(),
  };
}
