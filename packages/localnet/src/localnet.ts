import { fileURLToPath } from "node:url";
import { type Chromium, chromiumArguments, launchChromium } from "@tabcast/driver";
import { findChromium } from "@tabcast/driver/find";
import type { NetworkConfig } from "@tabcast/node/config";
import { type Recorders, startBroadcast } from "./broadcast.ts";
import type { Chain } from "./chain.ts";
import { type Ends, openEnds, together } from "./ends.ts";
import { type NetRelay, openRelay } from "./relay.ts";
import { type PageServer, servePages } from "./server.ts";
import { inCurrency } from "./settings-args.ts";
import type { Localnet, LocalnetOptions, NetEvent } from "./types.ts";
import { openWorkers, type Workers } from "./workers.ts";

const built = (app: string) => fileURLToPath(new URL(`../../../apps/${app}/dist`, import.meta.url));

/** Everything that stands before the first worker. */
interface Ground {
  readonly server: PageServer;
  readonly recorders: Recorders;
  readonly chain: Chain;
  readonly relay: NetRelay;
  readonly chromium: Chromium;
  readonly config: NetworkConfig;
}

/** Starts chain, contract, relay, pages and workers; what has started is closed again if a later part fails. */
export async function localnet(options: LocalnetOptions = {}): Promise<Localnet> {
  const { on = () => {}, codecs = ["avc"], signal = new AbortController().signal } = options;
  const path = options.chromium ?? findChromium();
  const ends = openEnds();
  try {
    const ground = await lay(options, path, ends, on, signal);
    const { chromium, server } = ground;
    const workers = openWorkers({
      chromium,
      origin: server.origin,
      codecs,
      settings: options.worker && inCurrency(options.worker, ground.config.chain.currency),
      crewLinks: options.crewLinks ?? [],
      on,
    });
    ends.add(() => workers.close());
    await Promise.all(Array.from({ length: options.workers ?? 0 }, () => workers.add()));
    signal.throwIfAborted();
    return netOf(ground, workers, ends, on);
  } catch (error) {
    await ends.close();
    throw error;
  }
}

/** Starts what the workers need. Everything that has started is in `ends`. */
async function lay(
  options: LocalnetOptions,
  path: string,
  ends: Ends,
  on: (event: NetEvent) => void,
  signal: AbortSignal,
): Promise<Ground> {
  const recorders: Recorders = new Map();
  const known: { config?: NetworkConfig; chain?: Chain } = {};
  // The port first: it is the likeliest to fail, and nothing has been started yet.
  const server = await openServer(options, recorders, known, on);
  ends.add(() => server.close());
  // Somebody else's chain can be wrong in many ways; ours can only be slow, so it starts beside the rest.
  const external =
    options.chain === undefined
      ? undefined
      : await (await import("./chain.ts")).openExternalChain(options.chain, { signal });
  const openChain = async (): Promise<Chain> =>
    external ??
    (await import("./chain.ts")).openLocalChain({
      signal,
      origin: server.origin,
      ...(options.currency && { currency: options.currency }),
    });
  // The browser is the slowest to start, and does it in other processes while this one loads the rest.
  const args = chromiumArguments({ more: options.chromiumFlags ?? [] });
  const [chromium, chain, relay] = await together<[Chromium, Chain, NetRelay]>([
    launchChromium({ path, args }),
    openChain(),
    openRelay(options.relayDirectory),
  ]);
  ends.add(
    () => chain.close(),
    () => relay.close(),
    () => chromium.close(),
  );
  signal.throwIfAborted();
  const config = configOf(chain, relay, server.origin);
  Object.assign(known, { chain, config });
  const { currency } = config.chain;
  tell(on, chain, relay, { origin: server.origin, browser: chromium.version, currency });
  return { server, recorders, chain, relay, chromium, config };
}

function openServer(
  { pages = built("web"), port = 0, chain, live }: LocalnetOptions,
  recorders: Recorders,
  known: { readonly config?: NetworkConfig; readonly chain?: Chain },
  on: (event: NetEvent) => void,
): Promise<PageServer> {
  const faucet = async (address: string) => {
    const sent = await known.chain?.local?.faucet(address);
    const { dollars } = sent ?? {};
    return { sent: String(sent?.sent ?? 0), ...(dollars && { dollars: String(dollars) }) };
  };
  return servePages({
    pages,
    headless: built("headless"),
    port,
    ...(live === undefined
      ? {}
      : {
          live: async (server) =>
            (await import("./live.ts")).openLivePages(server, live, (what) =>
              on({ type: "reload", what }),
            ),
        }),
    config: () => known.config,
    ...(chain === undefined ? { faucet } : {}),
    record: async (piece) => {
      const take = recorders.get(piece.token);
      await take?.(piece);
      return take !== undefined;
    },
  });
}

function configOf(chain: Chain, relay: NetRelay, origin: string): NetworkConfig {
  const faucet = chain.local === undefined ? {} : { faucet: `${origin}/local/faucet` };
  return {
    relays: relay.now().addrs,
    iceServers: [],
    local: true,
    chain: {
      ...{ id: chain.id, rpc: chain.rpc, contract: chain.contract, ...faucet },
      ...(chain.currency && { currency: chain.currency }),
    },
  };
}

function tell(
  on: (event: NetEvent) => void,
  chain: Chain,
  relay: NetRelay,
  {
    origin,
    browser,
    currency,
  }: { origin: string; browser: string; currency: NetworkConfig["chain"]["currency"] | undefined },
): void {
  const local = chain.local !== undefined;
  // Somebody else's address may have a key in its path.
  const rpc = local ? chain.rpc : new URL(chain.rpc).host;
  const { id, contract } = chain;
  on({ type: "chain", id, rpc, contract, local, ...(currency && { currency }) });
  const { addrs } = relay.now();
  on({ type: "relay", id: relay.now().id, addrs });
  on({ type: "pages", origin, browser });
}

function netOf(
  { server, recorders, chain, relay, chromium, config }: Ground,
  workers: Workers,
  ends: Ends,
  on: (event: NetEvent) => void,
): Localnet {
  const { origin } = server;
  return {
    origin,
    config,
    chain,
    relay() {
      const now = relay.now();
      return { id: now.id, addrs: now.addrs, stats: now.stats() };
    },
    workers: workers.all,
    addWorker: () => workers.add(),
    watchUrl: (stream) => `${origin}/watch/${stream}`,
    async restartRelay() {
      const { id, addrs } = await relay.restart();
      on({ type: "relay", id, addrs });
    },
    broadcast: (asked) =>
      startBroadcast(asked, {
        chromium,
        origin,
        chain,
        recorders,
        workers: workers.all,
        on,
        ends,
      }),
    close: () => ends.close(),
  };
}
