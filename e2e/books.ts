import { tabcastPotAbi } from "@tabcast/contracts";
import type { Chain } from "@tabcast/localnet";
import { createPublicClient, erc20Abi, http, zeroAddress } from "viem";

/** One worker's line in the contract, in the smallest parts of what the pot is in. */
export interface LaneBook {
  readonly payee: `0x${string}`;
  readonly claimed: bigint;
  /** What the payee may withdraw. */
  readonly credit: bigint;
}

/** What the contract itself says of one pot, in the smallest parts of what it is in. */
export interface PotBook {
  readonly deposited: bigint;
  readonly refunded: bigint | undefined;
  readonly balance: bigint;
  /** Unix second; 0 while the pot is open. */
  readonly closeAt: number;
  readonly final: boolean;
  readonly lanes: readonly LaneBook[];
  /** What the contract's account holds of that. */
  readonly held: bigint;
}

/** `closeAt` of a pot that never changes again. Source: ITabcastPot.sol. */
const FINAL = 2 ** 32 - 1;

/** What an account owns outside the contract, in wei. */
export const readBalance = ({ rpc }: Chain, address: `0x${string}`): Promise<bigint> =>
  createPublicClient({ transport: http(rpc) }).getBalance({ address });

/** What an account's own wallet has of what pots are in, in its smallest parts. */
export const readTokens = ({ rpc, currency }: Chain, account: `0x${string}`): Promise<bigint> =>
  currency === undefined
    ? createPublicClient({ transport: http(rpc) }).getBalance({ address: account })
    : createPublicClient({ transport: http(rpc) }).readContract({
        address: currency.token,
        abi: erc20Abi,
        functionName: "balanceOf",
        args: [account],
      });

/** Reads the one pot on this chain, or the one of `payer`, past every cache and every page. */
export async function readPot(chain: Chain, payer?: `0x${string}`): Promise<PotBook> {
  const { rpc, contract: address, currency } = chain;
  const client = createPublicClient({ transport: http(rpc) });
  const logs = await client.getContractEvents({
    address,
    abi: tabcastPotAbi,
    fromBlock: 0n,
    strict: true,
  });
  const pots = new Set(
    logs.flatMap((log) =>
      log.eventName === "PotOpened" && (payer === undefined || log.args.payer === payer)
        ? [log.args.potId]
        : [],
    ),
  );
  const [potId] = pots;
  if (potId === undefined || pots.size !== 1)
    throw new Error(`expected one pot on this chain, there are ${pots.size}`);
  const lanes = new Map<string, { payee: `0x${string}`; lane: number }>();
  let deposited = 0n;
  let refunded: bigint | undefined;
  for (const log of logs) {
    if (!("potId" in log.args) || log.args.potId !== potId) continue;
    if (log.eventName === "Deposited") deposited += log.args.amount;
    else if (log.eventName === "PotFinalized") refunded = log.args.refund;
    else if (log.eventName === "Claimed") {
      const { payee, lane } = log.args;
      lanes.set(`${payee}/${lane}`, { payee, lane });
    }
  }
  const read = { address, abi: tabcastPotAbi } as const;
  const { balance, closeAt } = await client.readContract({
    ...read,
    functionName: "potState",
    args: [potId],
  });
  const books: LaneBook[] = [];
  for (const { payee, lane } of lanes.values()) {
    const { claimed } = await client.readContract({
      ...read,
      functionName: "laneState",
      args: [potId, payee, lane],
    });
    const credit = await client.readContract({
      ...read,
      functionName: "credits",
      args: [payee, currency?.token ?? zeroAddress],
    });
    books.push({ payee, claimed, credit });
  }
  return {
    deposited,
    refunded,
    balance,
    closeAt,
    final: closeAt === FINAL,
    lanes: books,
    held: await readTokens(chain, address),
  };
}
