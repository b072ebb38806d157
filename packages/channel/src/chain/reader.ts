import { tabcastPotAbi } from "@tabcast/contracts";
import type { Amount, Wei } from "@tabcast/runtime";
import type { ContractFunctionArgs, ContractFunctionName } from "viem";
import { getBalance, getBlock, readContract } from "viem/actions";
import { least } from "../least.ts";
import type { Address, Domain, Hex, Lane } from "../types.ts";
import { callOf } from "./action.ts";
import type { Chain } from "./chain.ts";
import { costOf, fees, quote } from "./gas.ts";
import { EVENT_BLOCKS, type EventsOptions, eventsOf, history, named } from "./history.ts";
import type { PotEvent } from "./pot-event.ts";
import { receiptOf } from "./receipt.ts";
import type { Rpc } from "./rpc.ts";
import { snapshot } from "./snapshot.ts";
import { openToken } from "./token.ts";
import type { LaneState, Look, PotState, Waits } from "./types.ts";

/** Most lanes of one request: about 3 million gas, where servers allow 10 million and more. */
const LANES = 1000;

interface At extends Waits {
  /** Default: the newest block. */
  readonly block?: bigint;
}

/** The part of a chain that changes nothing. */
export type Reader = Pick<
  Chain,
  | "pot"
  | "snapshot"
  | "claimed"
  | "lanes"
  | "look"
  | "credit"
  | "balance"
  | "tokenBalance"
  | "allowance"
  | "authorizing"
  | "authorizationUsed"
  | "now"
  | "height"
  | "gasPrice"
  | "costOf"
  | "events"
  | "history"
  | "quote"
  | "sent"
>;

/** What pots are in, and the symbol of the coin that gas is paid in. */
interface Money {
  readonly token: Address;
  readonly coin: string;
}

/** Reads one contract, and what it owes in one token, through one server. */
export function openReader(rpc: Rpc, domain: Domain, { token, coin }: Money): Reader {
  const { contract, chainId } = domain;
  const tokens = openToken(rpc, token);
  const read = <
    Name extends ContractFunctionName<typeof tabcastPotAbi, "view">,
    Args extends ContractFunctionArgs<typeof tabcastPotAbi, "view", Name>,
  >(
    { signal, block: blockNumber }: At,
    functionName: Name,
    args: Args,
  ) =>
    rpc.ask(signal, (client) =>
      readContract(client, {
        address: contract,
        abi: tabcastPotAbi,
        functionName,
        args,
        ...(blockNumber !== undefined && { blockNumber }),
      }),
    );
  const height = ({ signal }: Waits) =>
    rpc.ask(signal, async (client) => (await getBlock(client)).number);

  async function pot(potId: Hex, at: At): Promise<PotState> {
    const { balance, reserved, closeAt, maxUntil } = await read(at, "potState", [potId]);
    const exists = maxUntil !== 0;
    return { balance: balance as Amount, reserved: reserved as Amount, closeAt, exists };
  }

  async function lanes(potId: Hex, asked: readonly Lane[], at: At): Promise<readonly LaneState[]> {
    const found: LaneState[] = [];
    for (let from = 0; from < asked.length; from += LANES) {
      const some = asked.slice(from, from + LANES);
      const payees = some.map(({ payee }) => payee);
      const numbers = some.map(({ lane }) => lane);
      for (const { claimed, ceiling, until, version } of await read(at, "laneStates", [
        potId,
        payees,
        numbers,
      ]))
        found.push({ claimed: claimed as Amount, ceiling: ceiling as Amount, until, version });
    }
    return found;
  }

  async function look(potId: Hex, asked: readonly Lane[], waits: Waits): Promise<Look> {
    const at = { ...waits, block: await height(waits) };
    const [seen, states, now] = await Promise.all([
      pot(potId, at),
      lanes(potId, asked, at),
      rpc.now(waits.signal),
    ]);
    return { pot: seen, lanes: states, now };
  }

  async function events(
    potId: Hex,
    from: bigint,
    { only, ...waits }: EventsOptions,
  ): Promise<readonly PotEvent[]> {
    const last = await height(waits);
    const found: PotEvent[] = [];
    const topics = [only === undefined ? null : named(...only), potId];
    for (let at = from; at <= last; at += EVENT_BLOCKS) {
      const range = { from: at, to: least(at + EVENT_BLOCKS - 1n, last), ...waits };
      found.push(...(await eventsOf(rpc, contract, topics, range)));
    }
    return found;
  }

  return {
    pot,
    snapshot: (asked, { signal }) => snapshot(rpc, contract, asked, signal),
    lanes,
    look,
    claimed: async (potId, asked, waits) =>
      (await lanes(potId, asked, waits)).map(({ claimed }) => claimed),
    credit: async (account, waits) => (await read(waits, "credits", [account, token])) as Amount,
    balance: (address, { signal }) =>
      rpc.ask(signal, async (client) => (await getBalance(client, { address })) as Wei),
    tokenBalance: (account, { signal }) => tokens.balance(account, signal),
    allowance: (owner, { signal }) => tokens.allowance(owner, contract, signal),
    authorizing: ({ signal }) => tokens.authorizing(chainId, signal),
    authorizationUsed: (owner, nonce, { signal }) => tokens.authorizationUsed(owner, nonce, signal),
    now: ({ signal }) => rpc.now(signal),
    height,
    gasPrice: ({ signal }) => rpc.ask(signal, async (client) => (await fees(client)).price as Wei),
    costOf: (work, { signal }) => costOf(rpc, work, signal),
    events,
    history: (account, options) => history(rpc, { domain, token }, account, options),
    quote: (from, action, { signal }) =>
      quote(rpc, from, callOf(contract, action), { coin, signal }),
    sent: (hash, { signal }) => receiptOf(hash, { rpc, contract, signal }),
  };
}
