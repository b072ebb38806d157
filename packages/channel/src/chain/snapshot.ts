import { tabcastPotAbi } from "@tabcast/contracts";
import type { Amount } from "@tabcast/runtime";
import { type Client, decodeFunctionResult, encodeFunctionData } from "viem";
import { call, getBlock } from "viem/actions";
import { most } from "../least.ts";
import type { Address, Hex, Lane } from "../types.ts";
import { ChainError } from "./chain-error.ts";
import type { Rpc } from "./rpc.ts";
import type { LaneState, PotState } from "./types.ts";

/** A pot to look at, and the lanes of it that matter. */
export interface Asked {
  readonly potId: Hex;
  readonly lanes: readonly Lane[];
}

/** A pot and the lanes asked for, in the order asked. */
export interface PotSnapshot extends PotState {
  readonly lanes: readonly LaneState[];
}

/** Pots and lanes as one and the same block has them. */
export interface Snapshot {
  readonly block: bigint;
  /** The chain's clock, unix seconds. */
  readonly now: number;
  /** In the order asked. */
  readonly pots: readonly PotSnapshot[];
}

/** Pots and lanes of one request: a cold slot each, far below the 50 million gas that a server gives a call. */
const VIEWS = 250;

/**
 * Reads pots and lanes at the newest block, all at that one: amounts of two blocks do not add up. One request for each 250 of
 * them, beside the block's. A server that does not have the block, as one behind a balancer that lags, is asked once more.
 */
export async function snapshot(
  rpc: Rpc,
  contract: Address,
  asked: readonly Asked[],
  signal: AbortSignal,
): Promise<Snapshot> {
  try {
    return await snapshotOnce(rpc, contract, asked, signal);
  } catch (error) {
    if (!(error instanceof ChainError && error.code === "CHAIN_FAILED")) throw error;
    return snapshotOnce(rpc, contract, asked, signal);
  }
}

function snapshotOnce(
  rpc: Rpc,
  contract: Address,
  asked: readonly Asked[],
  signal: AbortSignal,
): Promise<Snapshot> {
  return rpc.ask(signal, async (client) => {
    const latest = await getBlock(client);
    // A chain that makes blocks only on demand, as anvil does, shows the time only in the block to come.
    const pending = await getBlock(client, { blockTag: "pending" }).catch(() => latest);
    const views = asked.flatMap(({ potId, lanes }) => [potView(potId), lanesView(potId, lanes)]);
    const answers = await inTurn(client, { contract, views, block: latest.number });
    return {
      block: latest.number,
      now: Number(most(pending.timestamp, latest.timestamp)),
      pots: asked.map((_, i) => potOf(answers[2 * i], answers[2 * i + 1])),
    };
  });
}

interface View {
  readonly data: Hex;
  /** Storage slots that it reads. */
  readonly slots: number;
}

const potView = (potId: Hex): View => ({
  data: encodeFunctionData({ abi: tabcastPotAbi, functionName: "potState", args: [potId] }),
  slots: 1,
});

const lanesView = (potId: Hex, lanes: readonly Lane[]): View => ({
  data: encodeFunctionData({
    abi: tabcastPotAbi,
    functionName: "laneStates",
    args: [potId, lanes.map(({ payee }) => payee), lanes.map(({ lane }) => lane)],
  }),
  slots: lanes.length,
});

/** Every view's answer at one block, by as few requests as the bound allows. */
async function inTurn(
  client: Client,
  { contract, views, block }: { contract: Address; views: readonly View[]; block: bigint },
): Promise<readonly Hex[]> {
  const answers: Hex[] = [];
  for (let from = 0; from < views.length; ) {
    let to = from;
    let slots = 0;
    do slots += views[to++]?.slots ?? 0;
    while (to < views.length && slots + (views[to]?.slots ?? 0) <= VIEWS);
    const abi = tabcastPotAbi;
    const part = views.slice(from, to).map(({ data }) => data);
    const data = encodeFunctionData({ abi, functionName: "multicall", args: [part] });
    const answer = await call(client, { to: contract, data, blockNumber: block });
    const found = decodeFunctionResult({
      abi,
      functionName: "multicall",
      data: answer.data ?? "0x",
    });
    answers.push(...found);
    from = to;
  }
  return answers;
}

function potOf(pot: Hex = "0x", lanes: Hex = "0x"): PotSnapshot {
  const abi = tabcastPotAbi;
  const { balance, reserved, closeAt, maxUntil } = decodeFunctionResult({
    abi,
    functionName: "potState",
    data: pot,
  });
  return {
    balance: balance as Amount,
    reserved: reserved as Amount,
    closeAt,
    exists: maxUntil !== 0,
    lanes: decodeFunctionResult({ abi, functionName: "laneStates", data: lanes }).map(
      ({ claimed, ceiling, until, version }) => ({
        claimed: claimed as Amount,
        ceiling: ceiling as Amount,
        until,
        version,
      }),
    ),
  };
}
