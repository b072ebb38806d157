import type { Wei } from "@tabcast/runtime";
import { MIN_CHALLENGE } from "../config.ts";
import type { Address } from "../types.ts";

/**
 * How a chain charges. "op": an OP stack L2, where a transaction's bytes cost an L1 fee beside its gas. "arbitrum": bytes on
 * L1 are units of gas. "plain": gas is all. "local": a chain on this machine, whose money is play money.
 */
export type ChainKind = "op" | "arbitrum" | "plain" | "local";

/** What is known of a chain before anybody asks it. */
export interface ChainFacts {
  readonly id: number;
  readonly name: string;
  readonly kind: ChainKind;
  /** Seconds between two blocks, as a rule. */
  readonly blockSeconds: number;
  /** Blocks that a transaction must have, its own included, to count. Source: facts of payments, section 7. */
  readonly confirmations: number;
  /**
   * Seconds that a closing pot waits for claims unless its owner says otherwise: off local chains four hours, longer than the
   * outages of L2 sequencers of late.
   */
  readonly challengeSeconds: number;
  /** A page about a transaction is at `${explorer}/tx/0x...`. Missing: none is known. */
  readonly explorer?: string;
  /** Symbol of the native coin, which has 18 decimals. */
  readonly coin: string;
  /** Circle's own USDC, 6 decimals. Missing: none is known. */
  readonly usdc?: Address;
  /** Wei for a unit of gas that is paid at most, unless the owner says otherwise. Missing: no cap. */
  readonly gasCap?: Wei;
}

const HOURS = 3600;
const gwei = (amount: number) => (BigInt(amount) * 10n ** 9n) as Wei;

const l1 = { kind: "plain", blockSeconds: 12, confirmations: 12, gasCap: gwei(100) } as const;
const op = { kind: "op", blockSeconds: 2, confirmations: 1, gasCap: gwei(5) } as const;
const arbitrum = {
  kind: "arbitrum",
  blockSeconds: 0.25,
  confirmations: 1,
  gasCap: gwei(5),
} as const;
const common = { challengeSeconds: 4 * HOURS, coin: "ETH" } as const;

/**
 * Every chain that is known. Ids, block times and explorers: viem's definitions (viem/chains, 2.57). USDC: Circle's page
 * "USDC contract addresses" (developers.circle.com/stablecoins), compared on 2026-11-30 with two lists that others keep of it.
 * Gas caps are some hundred times the usual price of an L2 and some tens of times that of L1.
 */
const KNOWN: readonly ChainFacts[] = [
  {
    ...{ ...common, ...l1, id: 1, name: "Ethereum", explorer: "https://etherscan.io" },
    usdc: "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48",
  },
  {
    ...{
      ...common,
      ...op,
      id: 10,
      name: "OP Mainnet",
      explorer: "https://optimistic.etherscan.io",
    },
    usdc: "0x0b2C639c533813f4Aa9D7837CAf62653d097Ff85",
  },
  {
    ...{ ...common, ...op, id: 8453, name: "Base", explorer: "https://basescan.org" },
    usdc: "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
  },
  {
    ...{
      ...common,
      ...arbitrum,
      id: 42_161,
      name: "Arbitrum One",
      explorer: "https://arbiscan.io",
    },
    usdc: "0xaf88d065e77c8cC2239327C5EDb3A432268e5831",
  },
  {
    ...{ ...common, ...l1, id: 11_155_111, name: "Sepolia" },
    explorer: "https://sepolia.etherscan.io",
    usdc: "0x1c7D4B196Cb0C7B01d743Fbc6116a902379C7238",
  },
  {
    ...{ ...common, ...op, id: 11_155_420, name: "OP Sepolia" },
    explorer: "https://optimism-sepolia.blockscout.com",
    usdc: "0x5fd84259d66Cd46123540766Be93DFE6D43130D7",
  },
  {
    ...{ ...common, ...op, id: 84_532, name: "Base Sepolia" },
    explorer: "https://sepolia.basescan.org",
    usdc: "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
  },
  {
    ...{ ...common, ...arbitrum, id: 421_614, name: "Arbitrum Sepolia" },
    explorer: "https://sepolia.arbiscan.io",
    usdc: "0x75faf114eafb1BDbe2F0316DF893fd58CE46AA4d",
  },
  local(31_337, "Local (anvil)"),
  local(1_337, "Local (development)"),
];

function local(id: number, name: string): ChainFacts {
  const facts = { ...common, kind: "local", blockSeconds: 1, confirmations: 1 } as const;
  return { ...facts, id, name, challengeSeconds: 900 };
}

/** All known chains. */
export const all: readonly ChainFacts[] = KNOWN;

/** True if the table has a row of its own for the chain. */
export function known(id: number): boolean {
  return KNOWN.some((facts) => facts.id === id);
}

/** What is known of a chain; of an unknown one only what is safe: as deep as Ethereum's blocks, gas up to 500 gwei. */
export function of(id: number): ChainFacts {
  const found = KNOWN.find((facts) => facts.id === id);
  return found ?? { ...common, ...l1, id, name: `chain ${id}`, gasCap: gwei(500) };
}

/**
 * Shortest challenge that a worker takes on a chain unless its owner says otherwise, in seconds: half of what pots have there. Its own
 * half is then an hour off local chains, which a tab may sleep, and the other half a watchtower's.
 */
export function leastChallenge(id: number): number {
  return Math.max(MIN_CHALLENGE, of(id).challengeSeconds / 2);
}

/** The page about a transaction, if the chain has an explorer that is known. */
export function transactionPage({ explorer }: ChainFacts, hash: string): string | undefined {
  return explorer && `${explorer}/tx/${hash}`;
}
