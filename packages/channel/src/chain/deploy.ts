import { tabcastPotAbi, tabcastPotBytecode } from "@tabcast/contracts";
import { type Clock, systemClock } from "@tabcast/runtime";
import { encodeDeployData, getAddress, zeroAddress } from "viem";
import { getChainId, getTransactionReceipt } from "viem/actions";
import type { Address, Domain } from "../types.ts";
import { ChainError } from "./chain-error.ts";
import { openRpc } from "./rpc.ts";
import { openSender } from "./sender.ts";
import type { Wallet } from "./types.ts";

/** Puts a new TabcastPot, without fee, on a chain. Throws ChainError. */
export async function deploy(options: {
  readonly rpc: string;
  readonly wallet: Wallet;
  readonly signal: AbortSignal;
  readonly clock?: Clock;
}): Promise<{ readonly domain: Domain; readonly gas: bigint }> {
  const { wallet, signal, clock = systemClock } = options;
  const rpc = openRpc({ url: options.rpc, timeout: 10_000 });
  const sender = openSender({
    rpc,
    contract: undefined,
    patience: 120_000,
    confirmations: 1,
    repriceAfter: 30_000,
    gasCap: undefined,
    clock,
    onNews: () => {},
  });
  const chainId = await rpc.ask(signal, (client) => getChainId(client));
  const data = encodeDeployData({
    abi: tabcastPotAbi,
    bytecode: tabcastPotBytecode,
    args: [0, zeroAddress, zeroAddress], // no fee, no Permit2
  });
  const domain = { chainId, contract: zeroAddress as Address };
  const { hash, gas } = await sender.send(wallet, { data, value: 0n }, domain, { signal });
  const { contractAddress } = await rpc.ask(signal, (client) =>
    getTransactionReceipt(client, { hash }),
  );
  if (!contractAddress)
    throw new ChainError({ code: "CHAIN_FAILED" }, `${hash} created no contract`);
  return { domain: { chainId, contract: getAddress(contractAddress) }, gas };
}
