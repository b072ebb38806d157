import { tabcastPotAbi } from "@tabcast/contracts";
import type { Wei } from "@tabcast/runtime";
import { type ContractFunctionArgs, type ContractFunctionName, zeroAddress } from "viem";
import { getBalance, getBlock, readContract } from "viem/actions";
import { least } from "../least.ts";
import type { Address, Hex, Lane } from "../types.ts";
import { callOf } from "./action.ts";
import type { Chain } from "./chain.ts";
import { fees, quote } from "./gas.ts";
import { EVENT_BLOCKS, eventsOf, history } from "./history.ts";
import type { PotEvent } from "./pot-event.ts";
import { receiptOf } from "./receipt.ts";
import type { Rpc } from "./rpc.ts";
import { snapshot } from "./snapshot.ts";
import type { LaneState, PotState, Waits } from "./types.ts";

/** The part of a chain that changes nothing. */
export type Reader = Pick<
  Chain,
  | "pot"
  | "snapshot"
  | "claimed"
  | "lanes"
  | "credit"
  | "balance"
  | "now"
  | "height"
  | "gasPrice"
  | "events"
  | "history"
  | "quote"
  | "sent"
>;

/** Reads one contract through one server. */
export function openReader(rpc: Rpc, contract: Address): Reader {
  const read = <
    Name extends ContractFunctionName<typeof tabcastPotAbi, "view">,
    Args extends ContractFunctionArgs<typeof tabcastPotAbi, "view", Name>,
  >(
    { signal }: Waits,
    functionName: Name,
    args: Args,
  ) =>
    rpc.ask(signal, (client) =>
      readContract(client, { address: contract, abi: tabcastPotAbi, functionName, args }),
    );
  const height = ({ signal }: Waits) =>
    rpc.ask(signal, async (client) => (await getBlock(client)).number);

  async function pot(potId: Hex, waits: Waits): Promise<PotState> {
    const { balance, reserved, closeAt, maxUntil } = await read(waits, "potState", [potId]);
    const exists = maxUntil !== 0;
    return { balance: balance as Wei, reserved: reserved as Wei, closeAt, exists };
  }

  async function lanes(
    potId: Hex,
    asked: readonly Lane[],
    waits: Waits,
  ): Promise<readonly LaneState[]> {
    if (asked.length === 0) return [];
    const payees = asked.map(({ payee }) => payee);
    const numbers = asked.map(({ lane }) => lane);
    const states = await read(waits, "laneStates", [potId, payees, numbers]);
    return states.map(({ claimed, ceiling, until, version }) => ({
      claimed: claimed as Wei,
      ceiling: ceiling as Wei,
      until,
      version,
    }));
  }

  async function events(potId: Hex, from: bigint, waits: Waits): Promise<readonly PotEvent[]> {
    const last = await height(waits);
    const found: PotEvent[] = [];
    for (let at = from; at <= last; at += EVENT_BLOCKS) {
      const range = { from: at, to: least(at + EVENT_BLOCKS - 1n, last), ...waits };
      found.push(...(await eventsOf(rpc, contract, [null, potId], range)));
    }
    return found;
  }

  return {
    pot,
    snapshot: (asked, { signal }) => snapshot(rpc, contract, asked, signal),
    lanes,
    claimed: async (potId, asked, waits) =>
      (await lanes(potId, asked, waits)).map(({ claimed }) => claimed),
    credit: async (account, waits) => (await read(waits, "credits", [account, zeroAddress])) as Wei,
    balance: (address, { signal }) =>
      rpc.ask(signal, async (client) => (await getBalance(client, { address })) as Wei),
    now: ({ signal }) => rpc.now(signal),
    height,
    gasPrice: ({ signal }) => rpc.ask(signal, async (client) => (await fees(client)).price as Wei),
    events,
    history: (account, options) => history(rpc, contract, account, options),
    quote: (from, action, { signal }) => quote(rpc, from, callOf(contract, action), signal),
    sent: (hash, { signal }) => receiptOf(hash, { rpc, contract, signal }),
  };
}
