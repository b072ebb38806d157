import type {
  Address,
  Store as Books,
  Domain,
  Purse,
  Settlement,
  SettleProgress,
  StoredPot,
  Wallet,
} from "@tabcast/channel";
import type { CodecName, Measured, Rung, Source } from "@tabcast/media";
import type { Mesh, Neighbour } from "@tabcast/mesh";
import { type NetworkConfig, parseConfig } from "@tabcast/node/config";
import type {
  Broadcast,
  LiveStream,
  Viewer,
  ViewerEvent,
  WorkerEvent,
  WorkerNode,
} from "@tabcast/node/types";
import { CodedError, describe, systemClock, type Wei } from "@tabcast/runtime";
import * as Earn from "./earning.ts";
import { moneyWords } from "./money-words.ts";
import * as Air from "./on-air.ts";
import { type Cell, cell, type Store } from "./store.ts";
import { counted, type Meter, meter, type Sample } from "./traffic.ts";

/** Why this tab cannot do what was asked of it. */
export class TabError extends CodedError<
  /** The server of the pages has no /tabcast.json. Do: put one beside the pages. */
  | { code: "TAB_NO_CONFIG"; status: number }
  /** This tab does that already. Do: end it first, or open another tab. */
  | { code: "TAB_BUSY"; what: string }
  /** No play money: not a local chain, or its faucet refused. Do: use a wallet with money. */
  | { code: "TAB_NO_FAUCET"; status: number }
  /** The chain refused a call. Do: check the RPC address; try again. */
  | { code: "TAB_CHAIN"; method: string }
> {}

/** This tab as a peer. */
export interface TabState {
  readonly phase: "joining" | "joined" | "failed";
  readonly config?: NetworkConfig;
  readonly self?: string;
  /** Addresses under which others reach us; empty while no relay holds a slot for us. */
  readonly addrs: readonly string[];
  readonly neighbours: readonly Neighbour[];
  readonly trouble?: string;
}

/** Streams on the air, as far as this tab has heard. */
export interface OnTheAir {
  /** False until one announcement interval has passed, when nothing heard begins to mean something. */
  readonly listened: boolean;
  readonly streams: readonly LiveStream[];
}

export interface WatchOptions {
  readonly stream: string;
  readonly on: (event: ViewerEvent) => void;
  readonly signal: AbortSignal;
}

export interface EarnOptions {
  /** Where payments go. */
  readonly payee: Address;
  /** What sends the claim transaction; undefined: anybody may claim for the payee later. */
  readonly wallet?: Wallet;
}

/** What goes on air. The camera or screen is opened by the page, which has to ask for it, and given back by `close`. */
export type Input =
  | { readonly kind: "scene"; readonly width: number; readonly height: number }
  | { readonly kind: "file"; readonly file: File }
  | {
      readonly kind: "camera" | "screen";
      readonly open: () => Source;
      readonly close: () => void;
    };

export interface BroadcastRequest {
  readonly title: string;
  readonly input: Input;
  readonly rungs: readonly Rung[];
  readonly codec: CodecName;
  /** Workers to hire; 0 encodes here and costs nothing. */
  readonly wanted: number;
  readonly deposit: Wei;
  /** Who pays; needed if `wanted` is above 0. */
  readonly wallet?: Wallet;
}

interface Joined {
  readonly config: NetworkConfig;
  readonly mesh: Mesh;
  readonly seed: Uint8Array;
}

/** How long announcements may take to reach a tab that has just joined, in milliseconds. */
const LISTENING = 8_000;
/** The check of a device measures no further codec after this long, in milliseconds. */
const LONGEST_CHECK = 1_500;
const CODECS: readonly CodecName[] = ["avc", "vp9", "av1"];

const state: Cell<TabState> = cell({ phase: "joining", addrs: [], neighbours: [] });
const earning = cell(Earn.notEarning);
const onAir = cell(Air.offAir);
const leaving = new AbortController();

const traffic: Meter = meter(Date.now());

let joining: Promise<Joined> | undefined;

let books: Promise<Books> | undefined;
/** The vouchers, pots and keys that this browser keeps; opened once. */
function openBooks(): Promise<Books> {
  books ??= import("@tabcast/channel").then(({ indexedDb }) => indexedDb());
  books.catch(() => {
    books = undefined;
  });
  return books;
}

/** Failures of money in plain words, others as they say themselves. */
function inWords(thrown: unknown): string {
  const said = moneyWords(thrown);
  return said === undefined ? describe(thrown) : `${said.title}. ${said.advice}`;
}

const domainOf = ({ chain }: NetworkConfig): Domain => ({
  chainId: chain.id,
  contract: chain.contract,
});

/** Asks the chain's RPC server directly, so that looking at a number loads no chain library. */
async function call(method: string, params: readonly unknown[]): Promise<unknown> {
  const { config } = await join();
  const response = await fetch(config.chain.rpc, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
    signal: AbortSignal.any([leaving.signal, AbortSignal.timeout(10_000)]),
  });
  const { result, error } = (await response.json()) as { result?: unknown; error?: unknown };
  if (error !== undefined)
    throw new TabError(
      { code: "TAB_CHAIN", method },
      `the chain refuses ${method}: ${JSON.stringify(error).slice(0, 200)}`,
    );
  return result;
}

async function ask(method: string, params: readonly unknown[]): Promise<bigint> {
  const result = await call(method, params);
  if (typeof result !== "string" || !/^0x[0-9a-f]{1,64}$/i.test(result))
    throw new TabError(
      { code: "TAB_CHAIN", method },
      `the chain's answer to ${method} is no number`,
    );
  return BigInt(result);
}

/** Moves a local chain's clock to `until`, in Unix seconds. Any real chain refuses. */
async function skipWait(until: number): Promise<void> {
  await call("evm_setNextBlockTimestamp", [until + 1]);
  await call("evm_mine", []);
}

const balance = async (address: Address) =>
  (await ask("eth_getBalance", [address, "latest"])) as Wei;
const block = async () => Number(await ask("eth_blockNumber", []));

/** Below this the play-money wallet asks for more: 1 ETH. */
const POCKET_MONEY = 10n ** 18n;
let burner: Promise<Extract<Wallet, { type: "local" }>> | undefined;

/** The play-money wallet of this browser, filled from the local chain's faucet. Throws TAB_NO_FAUCET off the local chain. */
function openBurner(): Promise<Extract<Wallet, { type: "local" }>> {
  burner ??= (async () => {
    const [{ config }, channel, store] = await Promise.all([
      join(),
      import("@tabcast/channel"),
      openBooks(),
    ]);
    const { faucet } = config.chain;
    if (faucet === undefined)
      throw new TabError(
        { code: "TAB_NO_FAUCET", status: 0 },
        "there is no play money on this chain; it is not a local one",
      );
    const { account, address } = await channel.openBurner({ store, signal: leaving.signal });
    if ((await balance(address)) < POCKET_MONEY) {
      const response = await fetch(faucet, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ address }),
        signal: AbortSignal.any([leaving.signal, AbortSignal.timeout(20_000)]),
      });
      if (!response.ok)
        throw new TabError(
          { code: "TAB_NO_FAUCET", status: response.status },
          `the faucet gave no play money: ${(await response.text()).slice(0, 200)}`,
        );
    }
    return account;
  })();
  burner.catch(() => {
    burner = undefined;
  });
  return burner;
}

/** The network's description, where to find it and whom to trust on chain. Throws TAB_NO_CONFIG or CONFIG_BAD. */
async function loadConfig(): Promise<NetworkConfig> {
  const response = await fetch("/tabcast.json", { cache: "no-store", signal: leaving.signal });
  const text = await response.text();
  // A page server that knows no such file may answer with the page itself.
  if (!response.ok || text.trimStart().startsWith("<"))
    throw new TabError(
      { code: "TAB_NO_CONFIG", status: response.status },
      "this server does not say where the network is (no /tabcast.json)",
    );
  return parseConfig(JSON.parse(text));
}

/** Joins the network once for the life of the tab; a failure is tried again every few seconds. */
function join(): Promise<Joined> {
  joining ??= (async () => {
    for (;;) {
      try {
        return await joinOnce();
      } catch (thrown) {
        state.update((now) => ({ ...now, phase: "failed", trouble: describe(thrown) }));
        await systemClock.sleep(4_000, { signal: leaving.signal });
      }
    }
  })();
  return joining;
}

async function joinOnce(): Promise<Joined> {
  const config = await loadConfig();
  const { libp2p, loadIdentity } = await import("@tabcast/mesh");
  const { seed } = await loadIdentity("tabcast");
  const { relays, iceServers, local } = config;
  const joined = await libp2p({ seed, relays, iceServers, local, signal: leaving.signal });
  const mesh = counted(joined, traffic);
  const look = () =>
    state.set({
      phase: "joined",
      config,
      self: mesh.self,
      addrs: mesh.addrs(),
      neighbours: mesh.neighbours(),
    });
  mesh.watch(look, { signal: leaving.signal });
  look();
  return { config, mesh, seed };
}

/** Calls `on` now and whenever the streams on the air change, until `signal` fires. */
function liveStreams(on: (now: OnTheAir) => void, { signal }: { signal: AbortSignal }): void {
  let now: OnTheAir = { listened: false, streams: [] };
  const tell = (change: Partial<OnTheAir>) => {
    if (signal.aborted) return;
    now = { ...now, ...change };
    on(now);
  };
  tell({});
  void (async () => {
    const [{ mesh }, viewer] = await Promise.all([join(), import("@tabcast/node/viewer")]);
    signal.throwIfAborted();
    viewer.liveStreams(mesh, (streams) => tell({ streams }), { signal });
    await mesh.reachable({ signal });
    await systemClock.sleep(LISTENING, { signal });
    tell({ listened: true });
  })().catch(() => undefined); // only the signal, or the tab's end, rejects
}

/** Follows a stream. Rejects with the signal's reason, or VIEWER_STREAM for an id that is none. */
async function watch({ stream, on, signal }: WatchOptions): Promise<Viewer> {
  const [{ mesh }, { view }] = await Promise.all([join(), import("@tabcast/node/viewer")]);
  signal.throwIfAborted();
  return view({ mesh, stream, on, signal: AbortSignal.any([signal, leaving.signal]) });
}

let worker:
  | { readonly node: WorkerNode; readonly purse: Purse; readonly close: () => Promise<void> }
  | undefined;
let ownWorker: AbortController | undefined;

/** Measures this device, then works until it is paused or stopped. Resolves when it has joined; failures are in `earning`. */
async function startWorker({ payee, wallet }: EarnOptions): Promise<void> {
  if (ownWorker !== undefined) return;
  const own = new AbortController();
  ownWorker = own;
  const signal = AbortSignal.any([own.signal, leaving.signal]);
  const on = (event: WorkerEvent) => earning.update((now) => Earn.step(now, event));
  earning.set({ ...Earn.notEarning, phase: "checking", payee, ...(wallet && { wallet }) });
  try {
    const [{ mesh, seed, config }, media, channel, { work }, { Keys }] = await Promise.all([
      join(),
      import("@tabcast/media"),
      import("@tabcast/channel"),
      import("@tabcast/node/worker"),
      import("@tabcast/protocol"),
    ]);
    const capabilities: Measured[] = [];
    const begun = performance.now();
    for (const [at, codec] of CODECS.entries()) {
      // The later codecs cost more: a device that is still busy with the first measures them when an offer asks for one.
      if (at > 0 && performance.now() - begun > LONGEST_CHECK) break;
      const progress = (frames: number) =>
        earning.update((now) => ({
          ...now,
          check: { codec, frames, step: at + 1, steps: CODECS.length },
        }));
      progress(0);
      try {
        const capability = await media.measure({ codec, signal, progress });
        capabilities.push(capability);
        on({ type: "measured", ...capability });
      } catch (thrown) {
        // A codec this browser cannot encode is one it does not offer.
        if (signal.aborted || codec === "avc") throw thrown;
      }
    }
    earning.update((now) => ({ ...now, phase: "joining" }));
    // Whoever looks at the books just now has this tab's lane; another one would be left with money in it.
    await looking.catch(() => undefined);
    const books = {
      domain: domainOf(config),
      rpc: config.chain.rpc,
      store: await openBooks(),
      signal,
    };
    const purse = await channel.openPurse({
      payee,
      ...books,
      ...(wallet !== undefined && { account: wallet }),
    });
    // Claims for others cost gas: a key of this tab pays it unasked, a browser's wallet would have to bother its owner.
    const tower =
      wallet !== undefined && "type" in wallet
        ? await channel.openTower({ account: wallet, ...books }).catch(() => undefined) // another tab keeps them
        : undefined;
    const transcoder = media.createTranscoder({ measured: capabilities });
    const keys = await Keys.fromSeed(seed);
    const node = work({
      mesh,
      keys,
      purse,
      ...(tower !== undefined && { tower }),
      transcoder,
      capabilities,
      measure: media.measure,
      on,
      signal,
    });
    worker = {
      node,
      purse,
      close: async () => {
        await node.close();
        transcoder.close();
        await purse.close();
        await tower?.close();
      },
    };
    // The relay usually takes this tab in while it measures itself, and the worker hears only of changes.
    on({ type: "reachable", addrs: mesh.addrs().length });
    earning.update((now) => ({ ...now, phase: "working" }));
  } catch (thrown) {
    ownWorker = undefined;
    if (own.signal.aborted) earning.set(Earn.notEarning);
    else earning.update((now) => ({ ...now, phase: "failed", trouble: inWords(thrown) }));
  }
}

function pauseWorker(): void {
  worker?.node.pause();
  earning.update((now) => ({ ...now, phase: "paused" }));
}

function resumeWorker(): void {
  worker?.node.resume();
  earning.update((now) => ({ ...now, phase: "working" }));
}

/** Cancels the check, or says goodbye and keeps the books. */
async function stopWorker(): Promise<void> {
  const closing = worker;
  worker = undefined;
  if (closing !== undefined) {
    earning.update((now) => ({ ...now, phase: "stopping" }));
    await closing.close().catch(() => undefined); // the books are on disk already
    earning.update((now) => ({ ...now, phase: "idle", hired: new Map() }));
  }
  ownWorker?.abort();
  ownWorker = undefined;
}

let looking: Promise<unknown> = Promise.resolve();

/** The purse that works now, or one that is opened for as long as `work` takes; one look after another. */
function withPurse<T>(
  { payee, wallet }: EarnOptions,
  work: (purse: Purse) => Promise<T>,
): Promise<T> {
  const next = looking
    .catch(() => undefined)
    .then(async () => {
      if (worker !== undefined && worker.purse.payee.toLowerCase() === payee.toLowerCase())
        return work(worker.purse);
      const [{ config }, channel, store] = await Promise.all([
        join(),
        import("@tabcast/channel"),
        openBooks(),
      ]);
      const purse = await channel.openPurse({
        payee,
        domain: domainOf(config),
        rpc: config.chain.rpc,
        store,
        signal: leaving.signal,
        ...(wallet !== undefined && { account: wallet }),
      });
      try {
        return await work(purse);
      } finally {
        await purse.close();
      }
    });
  looking = next;
  return next;
}

/** Where an address's earnings are, wei. */
export interface Takings {
  /** Signed by vouchers in this tab's books and not yet on chain. */
  readonly unclaimed: Wei;
  /** On chain, ready to withdraw. */
  readonly credit: Wei;
}

/** The contract on this network's chain. Throws ChainError. */
async function openChain() {
  const [{ config }, { Chain }] = await Promise.all([join(), import("@tabcast/channel")]);
  const { signal } = leaving;
  return Chain.connect({ domain: domainOf(config), rpc: config.chain.rpc, signal });
}

/** Looks at the books and the chain. Throws ChainError, StoreError. */
const takings = (options: EarnOptions): Promise<Takings> =>
  withPurse(options, async (purse) => {
    const { signal } = leaving;
    const chain = await openChain();
    const { vouchered, claimed } = purse.balances();
    return {
      unclaimed: (vouchered > claimed ? vouchered - claimed : 0n) as Wei,
      credit: await chain.credit(options.payee, { signal }),
    };
  });

/** Brings every voucher to the contract. Throws PURSE_NO_ACCOUNT without a wallet, ChainError. */
const claim = (options: EarnOptions) =>
  withPurse(options, (purse) => purse.claim({ signal: leaving.signal }));

/** Sends the whole credit to the payee, or to another address of the wallet's choice. Throws PURSE_NO_ACCOUNT without a wallet, ChainError. */
async function withdraw(options: EarnOptions & { readonly to?: Address | undefined }) {
  const { signal } = leaving;
  const { payee, wallet, to } = options;
  if (to === undefined || wallet === undefined)
    return withPurse(options, (purse) => purse.withdraw({ signal }));
  const chain = await openChain();
  return chain.withdrawTo(wallet, to, await chain.credit(payee, { signal }), { signal });
}

/** Lines of history shown at a time. */
const HISTORY_LINES = 10;

/** What happened to an address's money on this network, newest first; `before` is the last page's `next`. Throws ChainError. */
async function history(account: Address, before?: bigint) {
  const chain = await openChain();
  const page = before === undefined ? {} : { before };
  return chain.history(account, { signal: leaving.signal, limit: HISTORY_LINES, ...page });
}

/** Pots of this browser that still hold money on this network: a tab that crashed leaves one. */
async function unsettled(): Promise<readonly StoredPot[]> {
  const [{ config }, channel, store] = await Promise.all([
    join(),
    import("@tabcast/channel"),
    openBooks(),
  ]);
  const pots = await channel.unsettled(store);
  return pots.filter(
    ({ domain }) =>
      domain.chainId === config.chain.id &&
      domain.contract.toLowerCase() === config.chain.contract.toLowerCase(),
  );
}

/** Pays the workers of a pot that was left behind and takes the rest back; the session key pays the gas. Throws as `resumePot`. */
async function settlePot(
  potId: StoredPot["potId"],
  progress: (now: SettleProgress) => void,
): Promise<Settlement> {
  const [{ config }, channel, store] = await Promise.all([
    join(),
    import("@tabcast/channel"),
    openBooks(),
  ]);
  const { signal } = leaving;
  const pot = await channel.resumePot({ potId, rpc: config.chain.rpc, store, signal });
  try {
    return await pot.settle({ signal, progress });
  } finally {
    await pot.close();
  }
}

let broadcasting: Broadcast | undefined;
let ownBroadcast: AbortController | undefined;

/** Seconds that workers have to claim after a close began: an hour, and the contract's least where the clock is ours. */
const CHALLENGE = 3_600;
const LOCAL_CHALLENGE = 900;

async function openInput(input: Input, signal: AbortSignal): Promise<Source> {
  const media = await import("@tabcast/media");
  switch (input.kind) {
    case "scene":
      return media.openScene({ width: input.width, height: input.height, signal });
    case "file":
      return media.openFile(input.file, input.file.name, { pace: "live", signal });
    default:
      return input.open();
  }
}

/** Puts the deposit in the pot and goes live. Progress, failures and the result are in `onAir`. */
async function startBroadcast(request: BroadcastRequest): Promise<void> {
  if (ownBroadcast !== undefined)
    throw new TabError({ code: "TAB_BUSY", what: "broadcast" }, "this tab is already on air");
  const own = new AbortController();
  ownBroadcast = own;
  const { title, input, rungs, codec, wanted, deposit, wallet } = request;
  const signal = AbortSignal.any([own.signal, leaving.signal]);
  onAir.set({ ...Air.offAir, phase: "preparing", title, startedAt: Date.now() });
  let source: Source | undefined;
  try {
    const [{ mesh, config }, channel, { broadcast }, store] = await Promise.all([
      join(),
      import("@tabcast/channel"),
      import("@tabcast/node/broadcaster"),
      openBooks(),
    ]);
    source = await openInput(input, signal);
    const paying = wallet !== undefined && wanted > 0;
    broadcasting = await broadcast({
      mesh,
      source,
      rungs,
      codec,
      title,
      records: store,
      wanted: paying ? wanted : 0,
      pace: "live",
      signal,
      on: (event) => {
        // The last frame is in: give the camera back, however long settling takes.
        if (event.type === "ended" && "close" in input) input.close();
        onAir.update((now) => Air.step(now, event));
      },
      ...(paying && {
        openPot: (options: { signal: AbortSignal }) => {
          onAir.update((now) => ({ ...now, phase: "funding" }));
          return channel.openPot({
            domain: domainOf(config),
            rpc: config.chain.rpc,
            payer: wallet,
            deposit,
            store,
            challengePeriod: config.local ? LOCAL_CHALLENGE : CHALLENGE,
            ...options,
          });
        },
      }),
    });
    const report = await broadcasting.finished;
    onAir.update((now) => ({ ...now, phase: "ended", report }));
  } catch (thrown) {
    onAir.update((now) => ({ ...now, phase: "failed", trouble: inWords(thrown) }));
  } finally {
    source?.close();
    if ("close" in input) input.close();
    broadcasting = undefined;
    ownBroadcast = undefined;
  }
}

/** Ends the input; what was captured is still delivered and settled. */
function endBroadcast(): void {
  broadcasting?.stop();
  onAir.update((now) => (now.phase === "live" ? { ...now, phase: "ending" } : now));
}

/** The one node of this tab: components follow its stores and call its verbs. */
export const tab = {
  state: state as Store<TabState>,
  earning: earning as Store<Earn.Earning>,
  onAir: onAir as Store<Air.OnAir>,
  join,
  balance,
  block,
  skipWait,
  /** Bytes per second of the last two minutes. */
  traffic: (): readonly Sample[] => traffic.samples(Date.now()),
  openBurner,
  liveStreams,
  watch,
  startWorker,
  pauseWorker,
  resumeWorker,
  stopWorker,
  takings,
  claim,
  withdraw,
  history,
  unsettled,
  settlePot,
  startBroadcast,
  endBroadcast,
  traces: () => broadcasting?.traces() ?? onAir.get().report?.trace ?? [],
  /** Forgets the last broadcast's result, for the next one. */
  clearBroadcast: () => {
    if (ownBroadcast === undefined) onAir.set(Air.offAir);
  },
};

// A hidden tab may be closed without another word.
addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") void worker?.node.handOver();
});

// Say goodbye, so that nobody waits for this tab; a page brought back from the browser's cache starts afresh.
addEventListener("pagehide", () => {
  void worker?.node.close();
  joining?.then(({ mesh }) => mesh.close()).catch(() => undefined);
  leaving.abort();
});
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
addEventListener("beforeunload", (event) => {
  if (ownBroadcast !== undefined) event.preventDefault();
});

// For the console, and for engineers who run whole networks: `copy({ trace: tabcast.traces() })` is a report that `npm run explain` reads.
Object.assign(globalThis, { tabcast: { traces: tab.traces } });
