import type { Purse, Wallet, Watchtower } from "@tabcast/channel";
import type { CodecName, Measured } from "@tabcast/media";
import type { CrewLink, WorkerEvent, WorkerNode } from "@tabcast/node/types";
import type { Bag } from "./bag.ts";
import type { Books } from "./books.ts";
import { TabError } from "./errors.ts";
import { type Identity, type Joined, payingBy } from "./identity.ts";
import type { CheckEvent } from "./measuring.ts";
import type { Payees } from "./payees.ts";
import type { Purses, Who } from "./purses.ts";
import type { WorkerSettings } from "./settings/index.ts";
import type { BurnerWallet } from "./wallet.ts";
import { type WatchtowerEvent, watchtowerNews } from "./watchtower.ts";

const CODECS: readonly CodecName[] = ["avc", "vp9", "av1"];

export interface WorkerStart extends Who {
  /** What its owner wants. Default: what this browser keeps. */
  readonly settings?: WorkerSettings;
  /** Codecs to measure and offer, best first. Default H.264, VP9, AV1. */
  readonly codecs?: readonly CodecName[];
  /** Milliseconds after which no further codec is measured. Default: all are. */
  readonly checking?: number;
  /** Milliseconds that a relay may take to hold a slot for us. Default: work begins without one, and waits. */
  readonly reachableIn?: number;
  readonly on: (event: TabWorkerEvent) => void;
}

/** What a tab's worker says: of its work, its start, and of what its watchtower did for others. */
export type TabWorkerEvent =
  | WorkerEvent
  | CheckEvent
  | WatchtowerEvent
  | { readonly type: "joining" };

export interface WorkerStarted {
  readonly peer: string;
  readonly payee: Purse["payee"];
  readonly capabilities: readonly Measured[];
}

/** The worker of a tab. */
export interface TabWorker {
  /**
   * Measures this device, then works until it is paused or stopped. Resolves when it bids. Throws TAB_BUSY if there is one already,
   * SETTINGS_BAD, MediaError, ChainError, StoreError; the signal's reason if it is stopped meanwhile.
   */
  start(options: WorkerStart): Promise<WorkerStarted>;
  /**
   * Its owner wants something else. Hours, lists, limits and state count at once; price, payee, tags and crews from the next
   * start, or from this one while it is under way, where only the payee is fixed. Kept in the books.
   */
  set(settings: WorkerSettings): Promise<void>;
  /** Works for a private stream too, until it stops; nothing while it has not started. The link is kept nowhere. Throws PROTOCOL_KEY or WORKER_CREW_LINK for a link that is not whole. */
  joinPrivate(link: CrewLink): void;
  /** Bids no more on a private stream's offers; jobs in hand are finished. */
  leavePrivate(stream: string): void;
  /** Cancels a start, or says goodbye and keeps the books. */
  stop(): Promise<void>;
  /** Gives its newest vouchers to peers that keep them, before it may be too late. */
  handOver(): void;
}

export interface WorkerPartsOfTab {
  readonly identity: Identity;
  readonly books: Books;
  readonly purses: Purses;
  readonly payees: Payees;
  readonly burner: Pick<BurnerWallet, "open">;
}

export function openWorker(bag: Bag, parts: WorkerPartsOfTab): TabWorker {
  const { outside, signal: over } = bag;
  const { identity, books, purses, payees, burner } = parts;
  let own: AbortController | undefined;
  /** What its owner has set since the start that is under way began. */
  let changed: WorkerSettings | undefined;
  let running: { readonly node: WorkerNode; close(): Promise<void> } | undefined;

  async function begin(options: WorkerStart, signal: AbortSignal): Promise<WorkerStarted> {
    const { codecs = CODECS, checking, reachableIn, wallet, on } = options;
    const joining = identity.join();
    joining.catch(() => undefined); // heard below
    const [joined, media, { work }, { Keys }, working, { purseOptionsOf }, settings] =
      await Promise.all([
        joining,
        outside.media(),
        import("@tabcast/node/worker"),
        import("@tabcast/protocol"),
        import("./working.ts"),
        import("./settings/index.ts"),
        wantedOf(options, joining, books),
      ]);
    const { measureAll, sense, workerOptions } = working;
    const { mesh, seed } = joined;
    const { clock } = outside;
    const capabilities = await measureAll({ media, clock, codecs, patience: checking, on, signal });
    for (const capability of capabilities) on({ type: "measured", ...capability });
    on({ type: "joining" });
    if (reachableIn !== undefined) await identity.reachable(reachableIn, { signal });
    const keys = await Keys.fromSeed(seed);
    const payeeProof = await payees.proof(options);
    const { purse, close } = await purses.open(options, { ...purseOptionsOf(settings), signal });
    const watchtower = await openOwnWatchtower(bag, books, { wallet, burner, joined, on, signal });
    if (signal.aborted) await Promise.allSettled([close(), watchtower?.close()]);
    signal.throwIfAborted();
    const transcoder = media.createTranscoder({ measured: capabilities });
    const node = work(
      workerOptions(changed ?? settings, {
        mesh,
        keys,
        purse,
        ...(payeeProof !== undefined && { payeeProof }),
        ...(watchtower !== undefined && { watchtower }),
        transcoder,
        capabilities,
        measure: media.measure,
        clock,
        on,
        signal,
      }),
    );
    const closing = async () => {
      await node.close();
      transcoder.close();
      await close();
      await watchtower?.close();
    };
    running = { node, close: closing };
    sense(outside, node.sense, { signal });
    // The relay usually takes this tab in while it measures itself, and the worker hears only of changes.
    on({ type: "reachable", addrs: mesh.addrs().length });
    return { peer: mesh.self, payee: purse.payee, capabilities };
  }

  return {
    async start(options) {
      if (own !== undefined)
        throw new TabError({ code: "TAB_BUSY", what: "worker" }, "this tab works already");
      const mine = new AbortController();
      own = mine;
      changed = undefined;
      try {
        const signal = AbortSignal.any([mine.signal, over]);
        const started = await begin(options, signal);
        signal.throwIfAborted();
        return started;
      } catch (thrown) {
        mine.abort(thrown);
        if (own === mine) own = undefined;
        throw thrown;
      }
    },
    async set(settings) {
      const { policyOf } = await import("./settings/index.ts");
      changed = settings;
      running?.node.set(policyOf(settings));
      await books.keepWorkerSettings(settings);
    },
    joinPrivate: (link) => running?.node.joinPrivate(link),
    leavePrivate: (stream) => running?.node.leavePrivate(stream),
    async stop() {
      const closing = running;
      running = undefined;
      await closing?.close().catch(() => undefined); // the books are on disk already
      own?.abort();
      own = undefined;
    },
    handOver: () => void running?.node.handOver(),
  };
}

/** What the owner wants, in what the network pays in: as given, or as the books have it. */
async function wantedOf(
  { settings }: WorkerStart,
  joining: Promise<Joined>,
  books: Books,
): Promise<WorkerSettings> {
  const { currency } = (await joining).config.chain;
  const { settingsIn } = await import("./settings/index.ts");
  return settings === undefined ? books.workerSettings(currency) : settingsIn(settings, currency);
}

/**
 * Claims for others cost gas, which a key of this tab pays unasked: the worker's own where it is one, else the gas purse of this
 * browser. A browser's wallet would have to bother its owner. Without gas the watchtower keeps nothing.
 */
async function openOwnWatchtower(
  { outside }: Bag,
  books: Books,
  {
    wallet,
    burner,
    joined,
    on,
    signal,
  }: {
    wallet: Wallet | undefined;
    burner: Pick<BurnerWallet, "open">;
    joined: Joined;
    on: (event: WatchtowerEvent) => void;
    signal: AbortSignal;
  },
): Promise<Watchtower | undefined> {
  const [money, store] = await Promise.all([outside.money(), books.open()]);
  const { config } = joined;
  try {
    const account =
      wallet !== undefined && "type" in wallet ? wallet : (await burner.open()).account;
    const paying = { account, ...payingBy(config), ...watchtowerNews(on) };
    return await money.openWatchtower({ ...paying, store, signal });
  } catch {
    return undefined; // another tab of this browser keeps them
  }
}
