import { tabcastPotAbi, tabcastPotBytecode } from "@tabcast/contracts";
import {
  concatHex,
  encodeDeployData,
  getCreate2Address,
  keccak256,
  toHex,
  zeroAddress,
} from "viem";
import type { Address, Hex } from "../types.ts";
import type { Call } from "./types.ts";

/** The deterministic deployment proxy that most chains have. Source: github.com/Arachnid/deterministic-deployment-proxy. */
export const FACTORY: Address = "0x4e59b44847b379578588920cA78FbF26c0B4956C";

/**
 * The transaction that makes the factory at the same address on every chain that takes one without a chain's id: nobody has
 * the key of its sender, who needs 0.01 ETH for it. Source: as above.
 */
export const FACTORY_CREATION = {
  from: "0x3fAB184622Dc19b6109349B94811493BF2a45362",
  raw: "0xf8a58085174876e800830186a08080b853604580600e600039806000f350fe7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf31ba02222222222222222222222222222222222222222222222222222222222222222a02222222222222222222222222222222222222222222222222222222222222222",
  /** Wei: 100,000 units of gas at 100 gwei. */
  cost: 10n ** 16n,
} as const;

/** Permit2, at the same address on every chain that has it. Source: github.com/Uniswap/permit2. */
export const PERMIT2: Address = "0x000000000022D473030F116dDEE9F6B43aC78BA3";

/** No reason but to be ours: the same everywhere, so that one address is TabcastPot's on every chain. */
export const SALT: Hex = keccak256(toHex("TabcastPot"));

/** What the constructor is given. */
export interface PotArguments {
  /** Hundredths of a percent of each payment. */
  readonly feeBps: number;
  readonly feeRecipient: Address;
  readonly permit2: Address;
}

/** Without a fee, and with Permit2 where the chain has it. */
export const ARGUMENTS: PotArguments = { feeBps: 0, feeRecipient: zeroAddress, permit2: PERMIT2 };

/** TabcastPot's creation code with its constructor's arguments. */
export function initCode({ feeBps, feeRecipient, permit2 }: PotArguments = ARGUMENTS): Hex {
  return encodeDeployData({
    abi: tabcastPotAbi,
    bytecode: tabcastPotBytecode,
    args: [feeBps, feeRecipient, permit2],
  });
}

/** Where the factory puts it, on any chain. */
export function potAddress(args: PotArguments = ARGUMENTS): Address {
  return getCreate2Address({ from: FACTORY, salt: SALT, bytecode: initCode(args) });
}

/** The call that makes the factory deploy it. */
export function deployment(args: PotArguments = ARGUMENTS): Call {
  return { to: FACTORY, data: concatHex([SALT, initCode(args)]), value: 0n };
}
