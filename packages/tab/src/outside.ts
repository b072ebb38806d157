import type * as Channel from "@tabcast/channel";
import type * as MediaPackage from "@tabcast/media";
import type { Mesh } from "@tabcast/mesh";
import type { NetworkConfig } from "@tabcast/node/config";
import { askPath, iceServersOf } from "@tabcast/node/turn-credentials";
import { type Clock, describe, systemClock } from "@tabcast/runtime";

/** What a tab uses of `channel`. */
export type Money = Pick<
  typeof Channel,
  | "openBurner"
  | "openPurse"
  | "openWatchtower"
  | "openPot"
  | "resumePot"
  | "recoverPot"
  | "unsettled"
  | "Chain"
  | "Chains"
  | "PayeeProof"
>;
/** What a tab uses of `media`. */
export type Media = Pick<typeof MediaPackage, "measure" | "createTranscoder">;

/**
 * Everything outside that a tab touches. What is large comes when it is first needed, so that a viewer's tab loads no wallet, no
 * chain library and no transcoder.
 */
export interface Outside {
  readonly clock: Clock;
  readonly fetch: typeof fetch;
  /** The seed of an identity that this browser keeps, and that no other tab of it has until `signal` fires. Throws MeshError. */
  seed(options: { signal: AbortSignal }): Promise<Uint8Array>;
  /** Enters the network until `signal` fires: as who has the seed, or as nobody who was there before. Throws MeshError. */
  mesh(
    config: NetworkConfig,
    options: {
      readonly seed?: Uint8Array;
      readonly relayOnly: boolean;
      readonly signal: AbortSignal;
    },
  ): Promise<Mesh>;
  /** Whether this browser keeps that its tabs connect through TURN servers alone. */
  readonly relayOnly: { kept(): boolean; keep(on: boolean): void };
  /** Tells whoever looks into the browser's console. */
  warn(text: string): void;
  /** The vouchers, pots, keys, records and settings that this browser keeps. Throws StoreError. */
  store(): Promise<Channel.Store>;
  money(): Promise<Money>;
  media(): Promise<Media>;
  /** The owner's weekday (0 is Sunday) and minute of the day, at Unix milliseconds. */
  localTime(unix: number): { readonly day: number; readonly minute: number };
  /** Calls `on` now and on each change of the plug, until `signal` fires; never, where the browser does not say. */
  charging(on: (charging: boolean) => void, options: { signal: AbortSignal }): void;
}

/** The browser itself. `namespace` separates identities: one for each kind of page. */
export function browser(namespace: string): Outside {
  const key = `${namespace}-relay-only`;
  const warn = (text: string) => console.warn(text);
  return {
    warn,
    relayOnly: {
      kept: () => localStorage.getItem(key) !== null,
      keep: (on) => (on ? localStorage.setItem(key, "on") : localStorage.removeItem(key)),
    },
    clock: systemClock,
    fetch: (input, init) => fetch(input, init),
    async seed({ signal }) {
      const { loadIdentity } = await import("@tabcast/mesh");
      return (await loadIdentity(namespace, { signal })).seed;
    },
    async mesh({ relays, iceServers: named, local }, known) {
      // One after the other: a bundler leaves out what is not named here.
      const { libp2p } = await import("@tabcast/mesh");
      const { gossipRules, peersWire } = await import("@tabcast/protocol");
      const rules = gossipRules({ clock: systemClock });
      const iceServers = iceServersOf({ clock: systemClock }, named, {
        ask: (path, waits) => askPath(fetch, path, waits),
        trouble: (error) => warn(`TURN is not used for now: ${describe(error)}`),
      });
      return libp2p({ relays, iceServers, local, rules, wire: peersWire, ...known });
    },
    store: async () => (await import("@tabcast/channel")).indexedDb(),
    money: () => import("@tabcast/channel"),
    media: () => import("@tabcast/media"),
    localTime(unix) {
      const date = new Date(unix);
      return { day: date.getDay(), minute: date.getHours() * 60 + date.getMinutes() };
    },
    charging(on, { signal }) {
      const { getBattery } = navigator as Navigator & { getBattery?: () => Promise<Battery> };
      void getBattery?.call(navigator).then(
        (battery) => {
          if (signal.aborted) return;
          on(battery.charging);
          battery.addEventListener("chargingchange", () => on(battery.charging), { signal });
        },
        () => undefined, // forbidden to this page: it does not say
      );
    },
  };
}

/** Of the Battery Status API, which TypeScript's types leave out. */
interface Battery extends EventTarget {
  readonly charging: boolean;
}
