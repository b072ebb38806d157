import type { Currency, Domain } from "@tabcast/channel";
import type { Mesh, MeshEvent, Neighbour } from "@tabcast/mesh";
import { type CurrencyConfig, type NetworkConfig, parseConfig } from "@tabcast/node/config";
import { missingWays } from "@tabcast/node/ice-servers";
import { Amount, describe, secureRandom } from "@tabcast/runtime";
import { type Bag, lazy } from "./bag.ts";
import { type Cell, cell, type Store } from "./cell.ts";
import { TabError } from "./errors.ts";
import type { Outside } from "./outside.ts";
import { counted, type Meter } from "./traffic.ts";

/** This tab as a peer. */
export interface PeerState {
  /** `away`: nothing was wanted of the network yet, so nobody has been dialled. */
  readonly phase: "away" | "joining" | "joined" | "failed";
  /** The network's description, as soon as the server of the pages has given it. */
  readonly config?: NetworkConfig;
  readonly self?: string;
  /** `self` was made for this visit and is kept nowhere: this tab neither works nor broadcasts. */
  readonly visiting?: boolean;
  /** No other tab learns this device's address: every connection goes through a TURN server. */
  readonly relayOnly?: boolean;
  /** Addresses under which others reach us; empty while no relay holds a slot for us. */
  readonly addrs: readonly string[];
  readonly neighbours: readonly Neighbour[];
  /** Our relays do not know each other: who is at one does not find who is at another. */
  readonly split?: boolean;
  /** Relays that hold a slot for us and pass no calls on, or no gossip. */
  readonly mute?: readonly string[];
  readonly trouble?: string;
}

/** A tab that looks on. */
export interface Visiting {
  readonly config: NetworkConfig;
  readonly mesh: Mesh;
  /** Signs for `mesh.self`, 32 bytes. */
  readonly seed: Uint8Array;
}

/** This tab in its network, as a worker or broadcaster: others know it again. */
export type Joined = Visiting;

/**
 * Who this tab is among its peers.
 *
 * away --visit--> under an id of this visit --join--> under the id that this browser keeps
 *
 * After `join` a visit that somebody still looks through goes on beside it until they are done; whoever looks from then on does so
 * through the one mesh there is. So a tab that only looks on cannot be known again, and no picture stops when it begins to work.
 */
export interface Identity {
  readonly state: Store<PeerState>;
  /** The network's description. Dials nobody. */
  config(): Promise<NetworkConfig>;
  /** The seed of the id that this browser keeps for one of its tabs. Dials nobody. Throws MeshError. */
  seed(): Promise<Uint8Array>;
  /** Joins under the kept id, once for the life of the tab. */
  join(): Promise<Joined>;
  /** Looks on until `signal` fires, under an id of this visit unless the tab has joined. */
  visit(options: { signal: AbortSignal }): Promise<Visiting>;
  /** A mesh of its own until `signal` fires, under an id that is used for nothing else and kept nowhere. */
  visitor(options: { signal: AbortSignal }): Promise<Mesh>;
  /** Resolves once others can dial the tab that has joined. Throws TAB_NO_RELAY after `patience` milliseconds. */
  reachable(patience: number, options: { signal: AbortSignal }): Promise<void>;
  /** Says goodbye, under every id. */
  close(): Promise<void>;
}

export interface IdentityOptions {
  /** Where the network's description is. */
  readonly configUrl: string;
  /** Whether the next mesh connects through TURN servers alone. */
  readonly relayOnly: Store<boolean>;
  /** Milliseconds until a failed start is tried again; undefined: the failure is told, and `join` may be called again. */
  readonly retry: number | undefined;
  readonly meter: Meter;
}

/** Which contract on which chain this network pays by. */
export const domainOf = ({ chain }: NetworkConfig): Domain => ({
  chainId: chain.id,
  contract: chain.contract,
});

/** The contract, the servers and the currency that this network pays by, as `money` takes them. */
export const payingBy = (config: NetworkConfig) => {
  const { rpc, witness, currency } = config.chain;
  return {
    domain: domainOf(config),
    rpc,
    ...(witness !== undefined && { witness }),
    ...(currency !== undefined && { currency: currencyOf(currency) }),
  };
};

const currencyOf = ({ token, symbol, decimals, perCoin }: CurrencyConfig): Currency.Currency => ({
  token,
  symbol,
  decimals,
  perCoin: Amount.of(BigInt(perCoin)),
});

export function openIdentity(bag: Bag, options: IdentityOptions): Identity {
  const { outside, signal } = bag;
  const { configUrl, relayOnly, retry, meter } = options;
  const state: Cell<PeerState> = cell({ phase: "away", addrs: [], neighbours: [] });
  const meshes = openMeshes(bag, { state, meter, relayOnly });

  /** `act` until it succeeds, or once where failures are the asker's. */
  async function trying<T>(act: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await act();
      } catch (thrown) {
        // A visit that fails beside the mesh that the tab is known by keeps nothing from anybody but its looker.
        if (!meshes.known())
          state.update((now) => ({ ...now, phase: "failed", trouble: describe(thrown) }));
        if (retry === undefined || signal.aborted) throw thrown;
        await outside.clock.sleep(retry, { signal });
      }
    }
  }

  const described = lazy(async () => {
    const config = await loadConfig(outside, configUrl, signal);
    // On one machine it is meant, and nobody's trouble.
    if (!config.local)
      for (const sentence of missingWays(config.iceServers)) outside.warn(sentence);
    return config;
  });
  const config = lazy(() =>
    trying(async () => {
      const config = await described();
      state.update(({ trouble: _, ...now }) => ({
        ...now,
        config,
        ...(now.phase === "failed" && { phase: "away" as const }),
      }));
      return config;
    }),
  );
  const seed = lazy(() => outside.seed({ signal }));

  /** Opens a mesh that the tab is known by, and shows it. */
  const enter = (kept: boolean) =>
    trying(async () => {
      if (state.get().phase !== "joined") state.update((now) => ({ ...now, phase: "joining" }));
      const config = await described();
      const own = kept ? await seed() : secureRandom.bytes(32);
      const mesh = await meshes.open(config, { seed: own, signal });
      meshes.show(mesh, config, { visiting: !kept });
      return { config, mesh, seed: own };
    });

  let joining = false;
  const visiting = lazy(() => enter(false));
  const visits = openVisits(visiting);
  const join = lazy(async () => {
    joining = true;
    try {
      const joined = await enter(true);
      visits.end();
      return joined;
    } catch (thrown) {
      joining = false;
      throw thrown;
    }
  });

  return {
    state,
    config,
    seed,
    join,
    async visit({ signal }) {
      const found = joining ? await join() : await visits.begin(signal);
      signal.throwIfAborted();
      return found;
    },
    async visitor({ signal: own }) {
      return meshes.open(await described(), { signal: AbortSignal.any([own, signal]) });
    },
    async reachable(patience, options) {
      const { mesh } = await join();
      const limit = outside.clock.timeout(patience);
      await mesh.reachable({ signal: AbortSignal.any([options.signal, limit]) }).catch((cause) => {
        options.signal.throwIfAborted();
        throw new TabError(
          { code: "TAB_NO_RELAY", ms: patience },
          `no relay held a slot for this tab within ${patience} ms`,
          { cause },
        );
      });
    },
    close: meshes.close,
  };
}

/** The meshes of a tab, and which of them is shown. */
function openMeshes(
  { outside, signal }: Bag,
  {
    state,
    meter,
    relayOnly,
  }: {
    readonly state: Cell<PeerState>;
    readonly meter: Meter;
    readonly relayOnly: Store<boolean>;
  },
) {
  const open = new Map<Mesh, { readonly relayOnly: boolean }>();
  let shown: Mesh | undefined;
  let known = false;
  return {
    /** Whether the tab is known by the id that this browser keeps, and not by a visit's. */
    known: () => known,
    /** A mesh until the signal fires, under a fresh id unless a seed is given. */
    async open(
      config: NetworkConfig,
      options: { readonly seed?: Uint8Array; readonly signal: AbortSignal },
    ): Promise<Mesh> {
      const how = { relayOnly: relayOnly.get() };
      const mesh = counted(await outside.mesh(config, { ...options, ...how }), meter);
      open.set(mesh, how);
      options.signal.addEventListener("abort", () => open.delete(mesh), { once: true });
      return mesh;
    },
    show(mesh: Mesh, config: NetworkConfig, { visiting }: { readonly visiting: boolean }): void {
      if (visiting && known) return; // it came in late
      known ||= !visiting;
      shown = mesh;
      let split = false;
      let mute: readonly string[] = [];
      const update = () => {
        if (shown === mesh)
          state.set({
            split,
            mute,
            phase: "joined",
            config,
            self: mesh.self,
            visiting,
            relayOnly: open.get(mesh)?.relayOnly ?? false,
            addrs: mesh.addrs(),
            neighbours: mesh.neighbours(),
          });
      };
      const on = (event: MeshEvent) => {
        if (event.type === "split") split = event.is;
        if (event.type === "relays") mute = [...event.mute, ...event.quiet];
        update();
      };
      mesh.watch(on, { signal });
      update();
    },
    async close(): Promise<void> {
      await Promise.all([...open.keys()].map((mesh) => mesh.close()));
    },
  };
}

/** Who looks through the mesh of the visit, so that it can end once the tab is known by another. */
function openVisits(visiting: () => Promise<Visiting>) {
  let lookers = 0;
  let over = false;
  const done = () => {
    if (over && lookers === 0) void begun?.then(({ mesh }) => mesh.close());
  };
  let begun: Promise<Visiting> | undefined;
  return {
    begin(signal: AbortSignal): Promise<Visiting> {
      lookers += 1;
      const leave = () => {
        lookers -= 1;
        done();
      };
      if (signal.aborted) leave();
      else signal.addEventListener("abort", leave, { once: true });
      begun = visiting();
      begun.catch(() => undefined); // heard by who asked
      return begun;
    },
    /** From now on the mesh goes when its last looker has gone. */
    end(): void {
      over = true;
      done();
    },
  };
}

/** The network's description: where to find it, and whom to trust on chain. Throws TAB_NO_CONFIG or CONFIG_BAD. */
async function loadConfig(
  outside: Outside,
  url: string,
  signal: AbortSignal,
): Promise<NetworkConfig> {
  const response = await outside.fetch(url, { cache: "no-store", signal });
  const text = await response.text();
  // A page server that knows no such file may answer with the page itself.
  if (!response.ok || text.trimStart().startsWith("<"))
    throw new TabError(
      { code: "TAB_NO_CONFIG", status: response.status },
      `this server does not say where the network is (no ${url})`,
    );
  return parseConfig(JSON.parse(text));
}
