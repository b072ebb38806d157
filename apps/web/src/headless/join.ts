import type { Told } from "@tabcast/localnet/headless";
import { libp2p, loadIdentity, type Mesh } from "@tabcast/mesh";
import { type NetworkConfig, parseConfig } from "@tabcast/node/config";

/** The network as this page has joined it. */
export interface Joined {
  readonly config: NetworkConfig;
  readonly mesh: Mesh;
  /** Of this tab's identity, 32 bytes; signs for `mesh.self`. */
  readonly seed: Uint8Array;
}

/** Joins the network that this page's server describes. Throws CONFIG_BAD or MeshError; does not wait for a relay. */
export async function join({ signal }: { signal: AbortSignal }): Promise<Joined> {
  const response = await fetch("/tabcast.json", { cache: "no-store", signal });
  if (!response.ok) throw new Error(`/tabcast.json answered ${response.status}`);
  const config = parseConfig(await response.json());
  const { seed } = await loadIdentity("tabcast-headless", { signal });
  const { relays, iceServers, local } = config;
  return { config, seed, mesh: await libp2p({ seed, relays, iceServers, local, signal }) };
}

/** Tells the command something; resolves when it has been dealt with there. Bigints become decimal text. */
export async function tell(told: Told): Promise<void> {
  const { tabcastTell } = globalThis as unknown as {
    tabcastTell?: (text: string) => Promise<void>;
  };
  await tabcastTell?.(
    JSON.stringify(told, (_, value) => (typeof value === "bigint" ? `${value}` : value)),
  );
}
