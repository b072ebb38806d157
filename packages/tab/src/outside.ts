import type * as Channel from "@tabcast/channel";
import type * as MediaPackage from "@tabcast/media";
import type { Mesh } from "@tabcast/mesh";
import type { NetworkConfig } from "@tabcast/node/config";
import { type Clock, systemClock } from "@tabcast/runtime";

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

/** A peer that has joined, and the seed of its identity: 32 bytes that sign for `mesh.self`. */
export interface Member {
  readonly mesh: Mesh;
  readonly seed: Uint8Array;
}

/**
 * Everything outside that a tab touches. What is large comes when it is first needed, so that a viewer's tab loads no wallet, no
 * chain library and no transcoder.
 */
export interface Outside {
  readonly clock: Clock;
  readonly fetch: typeof fetch;
  /** Joins under an identity that no other tab of this browser has meanwhile. Throws MeshError. */
  member(config: NetworkConfig, options: { signal: AbortSignal }): Promise<Member>;
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
  return {
    clock: systemClock,
    fetch: (input, init) => fetch(input, init),
    async member({ relays, iceServers, local }, { signal }) {
      const [{ libp2p, loadIdentity }, { gossipRules, peersWire }] = await Promise.all([
        import("@tabcast/mesh"),
        import("@tabcast/protocol"),
      ]);
      const rules = gossipRules({ clock: systemClock });
      const options = { relays, iceServers, local, rules, wire: peersWire, signal };
      const { seed } = await loadIdentity(namespace, { signal });
      return { seed, mesh: await libp2p({ seed, ...options }) };
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
