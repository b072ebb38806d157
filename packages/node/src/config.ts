import { CodedError } from "@tabcast/runtime";
import { type IceServer, parseIceServers } from "./ice-servers.ts";

/** Where a tab finds its network. Served as /tabcast.json beside the pages. */
export interface NetworkConfig {
  /** Relay multiaddrs, each ending in /p2p/<relay id>. */
  readonly relays: readonly string[];
  /** STUN and TURN servers. Without any, tabs meet within one local network. */
  readonly iceServers: readonly IceServer[];
  /** Allow loopback and private addresses: local networks and tests only. */
  readonly local: boolean;
  readonly chain: ChainConfig;
}

export interface ChainConfig {
  readonly id: number;
  /** JSON-RPC over HTTP. */
  readonly rpc: string;
  /** JSON-RPC of a second server, of another operator, that must say the same: else nothing is done. Missing: none is asked. */
  readonly witness?: string;
  /** Address of TabcastPot, 0x and 40 hex digits. */
  readonly contract: `0x${string}`;
  /** What all pots of the network are in. Missing: the chain's own coin. */
  readonly currency?: CurrencyConfig;
  /** Local chain only: POST {address} gives play money. */
  readonly faucet?: string;
}

/** An ERC-20 token that a network pays in. */
export interface CurrencyConfig {
  /** Its address. */
  readonly token: `0x${string}`;
  /** 1 to 11 letters and digits, such as USDC. */
  readonly symbol: string;
  /** Places behind the point, 2 to 18. */
  readonly decimals: number;
  /** One of it is a dollar, and pages say dollars and cents. */
  readonly dollars: boolean;
  /** What a whole coin of the chain is worth in its smallest parts, a decimal: with it gas is compared with pay. */
  readonly perCoin: string;
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
  if (typeof chain !== "object" || chain === null) bad("chain", "an object", chain);
  if (!Number.isSafeInteger(chain.id) || chain.id < 1) bad("chain.id", "a chain id", chain.id);
  if (typeof chain.rpc !== "string" || !URL.canParse(chain.rpc))
    bad("chain.rpc", "a URL", chain.rpc);
  if (chain.witness !== undefined) checkWitness(chain.witness, chain.rpc);
  if (typeof chain.contract !== "string" || !/^0x[0-9a-fA-F]{40}$/.test(chain.contract))
    bad("chain.contract", "an address", chain.contract);
  if (chain.currency !== undefined) checkCurrency(chain.currency);
  return { relays, iceServers: parseIceServers(iceServers, bad), local: local === true, chain };
}

/** Of the same server it would agree with itself. */
function checkWitness(witness: unknown, rpc: string): void {
  if (typeof witness !== "string" || !URL.canParse(witness)) bad("chain.witness", "a URL", witness);
  if (new URL(witness).host === new URL(rpc).host)
    bad("chain.witness", "the URL of another server than chain.rpc", witness);
}

function checkCurrency(currency: Partial<CurrencyConfig> | null): void {
  if (typeof currency !== "object" || currency === null)
    bad("chain.currency", "an object", currency);
  const { token, symbol, decimals, dollars, perCoin } = currency;
  if (typeof token !== "string" || !/^0x[0-9a-fA-F]{40}$/.test(token) || /^0x0{40}$/.test(token))
    bad("chain.currency.token", "the address of a token", token);
  if (typeof symbol !== "string" || !/^[A-Za-z0-9.]{1,11}$/.test(symbol))
    bad("chain.currency.symbol", "1 to 11 letters and digits", symbol);
  if (!Number.isInteger(decimals) || Number(decimals) < 2 || Number(decimals) > 18)
    bad("chain.currency.decimals", "2 to 18", decimals);
  if (typeof dollars !== "boolean") bad("chain.currency.dollars", "true or false", dollars);
  if (typeof perCoin !== "string" || !/^[1-9]\d{0,29}$/.test(perCoin))
    bad("chain.currency.perCoin", "a whole number above 0 as text", perCoin);
}
