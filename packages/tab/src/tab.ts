import type { Bag } from "./bag.ts";
import { type Books, openBooks } from "./books.ts";
import { openBroadcaster, type TabBroadcaster } from "./broadcast.ts";
import { type Identity, openIdentity } from "./identity.ts";
import { browser, type Outside } from "./outside.ts";
import { openPayees, type Payees } from "./payees.ts";
import { openPurses } from "./purses.ts";
import { openRelayOnly, type RelayOnly, relayOnlyOf } from "./relay-only.ts";
import { openRpc, type Rpc } from "./rpc.ts";
import { openSettling, type Settling } from "./settle.ts";
import { meter, type Sample } from "./traffic.ts";
import { openViewer, type TabViewer } from "./viewer.ts";
import { type BurnerWallet, openWallet } from "./wallet.ts";
import { type GasPurse, openGasPurse } from "./watchtower.ts";
import { openWorker, type TabWorker } from "./worker.ts";

export interface TabOptions {
  /** Which kind of page this is: identities of different kinds do not meet. */
  readonly namespace: string;
  /** Where the network's description is. Default "/tabcast.json". */
  readonly configUrl?: string;
  /** Milliseconds until a failed start is tried again. Default: never by itself. */
  readonly retry?: number;
  /** What stands in for parts of the browser, in tests. */
  readonly outside?: Partial<Outside>;
}

/** One tab put together: it can watch, work and broadcast at the same time, on one identity and one set of books. */
export interface Tab extends Pick<Identity, "state" | "config" | "join" | "visit" | "visitor"> {
  readonly relayOnly: RelayOnly;
  readonly books: Books;
  readonly rpc: Rpc;
  readonly wallet: BurnerWallet;
  /** What pays for claims that this tab makes for other workers. */
  readonly gas: GasPurse;
  readonly payees: Payees;
  readonly worker: TabWorker;
  readonly broadcaster: TabBroadcaster;
  readonly viewer: TabViewer;
  readonly settling: Settling;
  /** Bytes per second of the last two minutes. */
  traffic(): readonly Sample[];
  /** Says goodbye, keeps the books and lets go of everything. May be called twice. */
  close(): Promise<void>;
  /** As `close`, for a page that goes this moment: everybody is told at once, and nobody is waited for. */
  leave(): void;
}

/** Puts a tab together. Joins nothing and opens nothing before a verb needs it. */
export function openTab(options: TabOptions): Tab {
  const outside = { ...browser(options.namespace), ...options.outside };
  const { clock } = outside;
  const own = new AbortController();
  const bag: Bag = { outside, signal: own.signal };
  const count = meter(clock.unix(), () => clock.unix());
  const relayOnly = openRelayOnly(bag);
  const identity = openIdentity(bag, {
    configUrl: options.configUrl ?? "/tabcast.json",
    retry: options.retry,
    relayOnly,
    meter: count,
  });
  const books = openBooks(bag);
  const rpc = openRpc(bag, identity);
  const purses = openPurses(bag, { identity, books });
  const payees = openPayees(bag, { identity, books });
  const burner = openWallet(bag, { identity, books, rpc });
  const worker = openWorker(bag, { identity, books, purses, payees, burner });
  const broadcaster = openBroadcaster(bag, { identity, books, burner });
  let closing: Promise<void> | undefined;

  return {
    state: identity.state,
    config: identity.config,
    join: identity.join,
    visit: identity.visit,
    visitor: identity.visitor,
    relayOnly: relayOnlyOf(bag, { on: relayOnly, identity }),
    books,
    rpc,
    wallet: burner,
    gas: openGasPurse(bag, { identity, burner, rpc }),
    payees,
    worker,
    broadcaster,
    viewer: openViewer(bag, identity),
    settling: openSettling(bag, { identity, books, purses, rpc }),
    traffic: () => count.samples(clock.unix()),
    close() {
      closing ??= (async () => {
        broadcaster.close();
        await worker.stop();
        await identity.close();
        own.abort(new Error("the tab closed"));
      })();
      return closing;
    },
    leave() {
      void worker.stop();
      void identity.close();
      own.abort(new Error("the tab closed"));
    },
  };
}
