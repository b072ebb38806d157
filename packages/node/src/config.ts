import { CodedError } from "@tabcast/runtime";

/** Where a tab finds its network. Served as /tabcast.json beside the pages. */
export interface NetworkConfig {
  /** Relay multiaddrs, each ending in /p2p/<relay id>. */
  readonly relays: readonly string[];
  readonly iceServers: readonly RTCIceServer[];
  /** Allow loopback and private addresses: local networks and tests only. */
  readonly local: boolean;
  readonly chain: ChainConfig;
}

export interface ChainConfig {
  readonly id: number;
  /** JSON-RPC over HTTP. */
  readonly rpc: string;
  /** Address of TabcastPot, 0x and 40 hex digits. */
  readonly contract: `0x${string}`;
  /** Local chain only: POST {address} gives play money. */
  readonly faucet?: string;
}

/** The network's description is missing or not of the right shape. Do: correct the field in tabcast.json. */
export class ConfigError extends CodedError<{ code: "CONFIG_BAD"; field: string }> {}

function bad(field: string, expected: string, got: unknown): never {
  throw new ConfigError(
    { code: "CONFIG_BAD", field },
    `tabcast.json: ${field} must be ${expected}, got ${JSON.stringify(got)?.slice(0, 80)}`,
  );
}

/** Checks the shape of a parsed /tabcast.json. Throws CONFIG_BAD naming the field. */
export function parseConfig(value: unknown): NetworkConfig {
  const config = value as Partial<NetworkConfig> | null;
  if (typeof config !== "object" || config === null) bad("the file", "an object", value);
  const { relays, iceServers = [], local = false, chain } = config;
  if (!Array.isArray(relays) || relays.length === 0 || relays.length > 64)
    bad("relays", "1 to 64 multiaddrs", relays);
  for (const relay of relays)
    if (typeof relay !== "string" || !/\/p2p\/[A-Za-z0-9]+$/.test(relay))
      bad("relays", "multiaddrs ending in /p2p/<id>", relay);
  if (!Array.isArray(iceServers)) bad("iceServers", "a list", iceServers);
  if (typeof chain !== "object" || chain === null) bad("chain", "an object", chain);
  if (!Number.isSafeInteger(chain.id) || chain.id < 1) bad("chain.id", "a chain id", chain.id);
  if (typeof chain.rpc !== "string" || !URL.canParse(chain.rpc))
    bad("chain.rpc", "a URL", chain.rpc);
  if (typeof chain.contract !== "string" || !/^0x[0-9a-fA-F]{40}$/.test(chain.contract))
    bad("chain.contract", "an address", chain.contract);
  return { relays, iceServers, local: local === true, chain };
}
