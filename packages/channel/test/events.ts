import { tabcastPotAbi } from "@tabcast/contracts";
import {
  createPublicClient,
  createWalletClient,
  type Hex,
  http,
  type LocalAccount,
  parseEventLogs,
  publicActions,
  slice,
} from "viem";
import type { Domain, PotConfig, SignedVoucher } from "../src/types.ts";

/** What the contract's own events say of one pot, wei; read past all code under test. */
export interface Ledger {
  readonly deposited: bigint;
  readonly refunded: bigint;
  /** All that left the pot to lanes. */
  readonly paid: bigint;
  /** The part of it that became the credit of watchtowers. */
  readonly shares: bigint;
  /** By "payee/lane" in lower case. */
  readonly lanes: ReadonlyMap<string, bigint>;
}

/** The name of a lane in maps. */
export const laneOf = ({ payee, lane }: { readonly payee: string; readonly lane: number }) =>
  `${payee}/${lane}`.toLowerCase();

/** Reads the events of a pot. */
export async function ledgerOf(rpc: string, domain: Domain, potId: Hex): Promise<Ledger> {
  const client = createPublicClient({ transport: http(rpc) });
  const raw = await client.getLogs({ address: domain.contract, fromBlock: 0n });
  const lanes = new Map<string, bigint>();
  let [deposited, refunded, paid, shares] = [0n, 0n, 0n, 0n];
  for (const { eventName, args } of parseEventLogs({ abi: tabcastPotAbi, logs: raw })) {
    if (!("potId" in args) || args.potId !== potId) continue;
    if (eventName === "Deposited") deposited += args.amount;
    else if (eventName === "PotFinalized") refunded += args.refund;
    else if (eventName === "WatchtowerPaid") shares += args.share;
    else if (eventName === "Claimed") {
      paid += args.paid;
      lanes.set(laneOf(args), (lanes.get(laneOf(args)) ?? 0n) + args.paid);
    }
  }
  return { deposited, refunded, paid, shares, lanes };
}

/** What the contract owes an account, wei. */
export async function creditOf(rpc: string, domain: Domain, account: Hex): Promise<bigint> {
  const client = createPublicClient({ transport: http(rpc) });
  const token = `0x${"00".repeat(20)}` as const;
  return client.readContract({
    address: domain.contract,
    abi: tabcastPotAbi,
    functionName: "credits",
    args: [account, token],
  });
}

/** Claims rows as a watchtower that is its own beneficiary, as anybody may; waits for the block. */
export async function claimAsWatchtower(
  { rpc, domain }: { readonly rpc: string; readonly domain: Domain },
  { config, vouchers }: { readonly config: PotConfig; readonly vouchers: readonly SignedVoucher[] },
  account: LocalAccount,
): Promise<void> {
  const client = createWalletClient({ account, transport: http(rpc) }).extend(publicActions);
  const rows = vouchers.map(({ signature, ...row }) => ({
    ...row,
    r: slice(signature, 0, 32),
    s: slice(signature, 32, 64),
    v: Number(slice(signature, 64, 65)),
  }));
  const hash = await client.writeContract({
    chain: null,
    address: domain.contract,
    abi: tabcastPotAbi,
    functionName: "claimAsWatchtower",
    args: [config, rows, account.address],
  });
  await client.waitForTransactionReceipt({ hash, pollingInterval: 5 });
}
