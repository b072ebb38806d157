import { playDollarAbi, playDollarBytecode } from "@tabcast/contracts/play-dollar";
import type { Amount } from "@tabcast/runtime";
import { type Abi, createPublicClient, createWalletClient, type Hex, http } from "viem";
import type { Currency } from "../src/currency.ts";
import type { Address } from "../src/types.ts";
import type { BareAnvil } from "./anvil.ts";

/** A token of six decimals on a private chain, minted by account 0. */
export interface Dollars {
  readonly currency: Currency;
  mint(to: Address, amount: bigint): Promise<void>;
  /** Freezes an account, or lets it move again. */
  freeze(account: Address, on: boolean): Promise<void>;
  /** Burns so many hundredths of a percent of each transfer. */
  fee(bps: number): Promise<void>;
  balance(account: Address): Promise<bigint>;
}

/** What a whole coin is worth in dollars of six decimals: 3,000. */
export const PER_COIN = 3_000_000_000n as Amount;

/** Any contract, deployed by account 0. */
export async function deployed(net: BareAnvil, abi: Abi, bytecode: Hex): Promise<Address> {
  const transport = http(net.rpc);
  const wallet = createWalletClient({ account: net.accounts[0], transport });
  const hash = await wallet.deployContract({ abi, bytecode, chain: null });
  const reader = createPublicClient({ transport, pollingInterval: 20 });
  const { contractAddress } = await reader.waitForTransactionReceipt({ hash });
  if (!contractAddress) throw new Error("the deployment made no contract");
  return contractAddress;
}

/** Play dollars on a chain, of which the payer, account 0, has 1,000. */
export async function dollars(net: BareAnvil): Promise<Dollars> {
  const abi = playDollarAbi;
  const token = await deployed(net, abi, playDollarBytecode);
  const transport = http(net.rpc);
  const account = net.accounts[0];
  const wallet = createWalletClient({ account, transport });
  const reader = createPublicClient({ transport, pollingInterval: 20 });
  const done = async (hash: Hex) => void (await reader.waitForTransactionReceipt({ hash }));
  const mint = async (to: Address, amount: bigint) =>
    done(await wallet.writeContract({ ...at, functionName: "mint", args: [to, amount] }));
  const at = { chain: null, address: token, abi } as const;
  await mint(account.address, 1_000_000_000n);
  return {
    currency: { token, symbol: "USDC", decimals: 6, perCoin: PER_COIN },
    mint,
    freeze: async (who, on) =>
      done(await wallet.writeContract({ ...at, functionName: "blacklist", args: [who, on] })),
    fee: async (bps) =>
      done(await wallet.writeContract({ ...at, functionName: "setFee", args: [bps] })),
    balance: (who) => reader.readContract({ ...at, functionName: "balanceOf", args: [who] }),
  };
}
