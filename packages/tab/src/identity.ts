import type { Currency, Domain } from "@tabcast/channel";
import type { MeshEvent, Neighbour } from "@tabcast/mesh";
import { type CurrencyConfig, type NetworkConfig, parseConfig } from "@tabcast/node/config";
import { Amount, describe } from "@tabcast/runtime";
import { type Bag, lazy } from "./bag.ts";
import { type Cell, cell, type Store } from "./cell.ts";
import { TabError } from "./errors.ts";
import type { Member, Outside } from "./outside.ts";
import { counted, type Meter } from "./traffic.ts";

/** This tab as a peer. */
export interface PeerState {
  readonly phase: "joining" | "joined" | "failed";
  readonly config?: NetworkConfig;
  readonly self?: string;
  /** Addresses under which others reach us; empty while no relay holds a slot for us. */
  readonly addrs: readonly string[];
  readonly neighbours: readonly Neighbour[];
  /** Our relays do not know each other: who is at one does not find who is at another. */
  readonly split?: boolean;
  readonly trouble?: string;
}

/** This tab in its network. */
export interface Joined extends Member {
  readonly config: NetworkConfig;
}

/** Who this tab is among its peers: its identity, and its place in one network. */
export interface Identity {
  readonly state: Store<PeerState>;
  /** Joins once for the life of the tab. */
  join(): Promise<Joined>;
  /** Resolves once others can dial us. Throws TAB_NO_RELAY after `patience` milliseconds. */
  reachable(patience: number, options: { signal: AbortSignal }): Promise<void>;
  /** Says goodbye, if it has joined. */
  close(): Promise<void>;
}

export interface IdentityOptions {
  /** Where the network's description is. */
  readonly configUrl: string;
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

export function openIdentity(bag: Bag, { configUrl, retry, meter }: IdentityOptions): Identity {
  const { outside, signal } = bag;
  const state: Cell<PeerState> = cell({ phase: "joining", addrs: [], neighbours: [] });
  let member: Member | undefined;

  async function once(): Promise<Joined> {
    try {
      const config = await loadConfig(outside, configUrl, signal);
      const joined = await outside.member(config, { signal });
      const mesh = counted(joined.mesh, meter);
      member = { seed: joined.seed, mesh };
      let split = false;
      const update = () =>
        state.set({
          split,
          phase: "joined",
          config,
          self: mesh.self,
          addrs: mesh.addrs(),
          neighbours: mesh.neighbours(),
        });
      const on = (event: MeshEvent) => {
        if (event.type === "split") split = event.is;
        update();
      };
      mesh.watch(on, { signal });
      update();
      return { config, ...member };
    } catch (thrown) {
      state.update((now) => ({ ...now, phase: "failed", trouble: describe(thrown) }));
      throw thrown;
    }
  }

  const join = lazy(async () => {
    for (;;) {
      try {
        return await once();
      } catch (thrown) {
        if (retry === undefined || signal.aborted) throw thrown;
        await outside.clock.sleep(retry, { signal });
      }
    }
  });

  return {
    state,
    join,
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
    close: async () => member?.mesh.close(),
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
