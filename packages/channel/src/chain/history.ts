import { tabcastPotAbi } from "@tabcast/contracts";
import { decodeFunctionData, encodeEventTopics, isAddressEqual, pad, parseEventLogs } from "viem";
import { getBlock } from "viem/actions";
import { potId as potIdOf, separator } from "../config.ts";
import { least } from "../least.ts";
import type { Address, Domain, Hex, PotConfig } from "../types.ts";
import { transactionOf } from "./broadcast.ts";
import { type BlockRange, logsOf, type Topic } from "./logs.ts";
import { type PotEvent, potEvents } from "./pot-event.ts";
import type { Rpc } from "./rpc.ts";
import type { Waits } from "./types.ts";

export interface HistoryOptions extends Waits {
  /** Only what lies before this block: the last page's `next`. Default: from the newest on. */
  readonly before?: bigint;
  /** The block of the contract's deployment or of the account's first use; nothing before it is read. Default 0. */
  readonly since?: bigint;
  /** Events to stop at. Default 25, at most 100; a block's events stay together, so there may be more. */
  readonly limit?: number;
}

/** Events of a pot that cost whoever emits them money or authority. */
export type EventName =
  | "PotOpened"
  | "Deposited"
  | "Claimed"
  | "WatchtowerPaid"
  | "Bounced"
  | "Reserved"
  | "CloseStarted"
  | "CloseCancelled"
  | "PotFinalized"
  | "CreditWithdrawn";

export interface EventsOptions extends Waits {
  /** Only events of these names. Default: all. */
  readonly only?: readonly EventName[];
}

/** Part of an account's history, newest first. */
export interface HistoryPage {
  readonly events: readonly (PotEvent & {
    /** Unix seconds of its block. */
    readonly at: number;
  })[];
  /** Give this as `before` for older events; missing if there are none. A page may be empty and yet have a next one. */
  readonly next?: bigint;
}

/** Most blocks that one request for events spans: public RPC servers refuse more. */
export const EVENT_BLOCKS = 5_000n;
/** Most spans of one page, and of the look for pots that were opened before it: 100,000 blocks each, 100 requests together. */
const SPANS = 20;

/** The contract's events of some blocks, oldest first; topics as `eth_getLogs` takes them. */
export async function eventsOf(
  rpc: Rpc,
  contract: Address,
  topics: readonly Topic[],
  range: Waits & { readonly from: bigint; readonly to: bigint },
): Promise<PotEvent[]> {
  const logs = await logsOf(rpc, { address: contract, topics }, range);
  return potEvents(parseEventLogs({ abi: tabcastPotAbi, logs }));
}

/** The topics of events by name. */
export const named = (...names: readonly EventName[]) =>
  names.map(
    (eventName) => encodeEventTopics({ abi: tabcastPotAbi, eventName })[0],
  ) as readonly Hex[];

/** Events whose second indexed field is an account: who paid in, is paid, or claimed for others and has a share of it. */
const OF_ACCOUNT = ["PotOpened", "Deposited", "Claimed", "WatchtowerPaid", "Bounced"] as const;

/** What happened to an account's money in this contract in one token, as payer, payee and watchtower, newest first. */
export async function history(
  rpc: Rpc,
  { domain, token }: { readonly domain: Domain; readonly token: Address },
  account: Address,
  options: HistoryOptions,
): Promise<HistoryPage> {
  const { since = 0n, signal } = options;
  const { contract } = domain;
  const limit = Math.min(100, Math.max(1, options.limit ?? 25));
  const who = pad(account.toLowerCase() as Hex, { size: 32 });
  const newest = await rpc.ask(signal, async (client) => (await getBlock(client)).number);
  const first = least(newest, (options.before ?? newest + 1n) - 1n);
  const read = (topics: readonly Topic[], span: BlockRange) =>
    eventsOf(rpc, contract, topics, span);
  const found: PotEvent[] = [];
  const walked: BlockRange[] = [];
  for (const span of spansDown(first, since, signal)) {
    if (found.length >= limit) break;
    walked.push(span);
    found.push(
      ...(await read([named(...OF_ACCOUNT), null, who], span)),
      ...(await read([named("Bounced"), null, null, who], span)),
      ...(await read([named("CreditWithdrawn"), who, pad(token, { size: 32 })], span)),
    );
  }
  const top = (walked.at(-1)?.from ?? first + 1n) - 1n;
  // The end of a pot names the pot only, and a signed deposit the one who brought it: they are asked for by the pots that the
  // account opened, so that strangers' ends cost nothing.
  const own = new Map<Hex, Address>();
  const note = (events: readonly PotEvent[]) => {
    for (const event of events)
      if (event.type === "opened" && event.potId) own.set(event.potId, event.config.token);
  };
  note(found);
  for (const span of spansDown(top, since, signal))
    note(await read([named("PotOpened"), null, who], span));
  const ids = [...own.keys()];
  if (ids.length > 0)
    for (const span of walked)
      found.push(...(await read([named("PotFinalized", "Deposited"), ids], span)));
  once(found);
  found.sort((a, b) => (a.block === b.block ? b.index - a.index : a.block > b.block ? -1 : 1));
  const page = wholeBlocks(found, limit);
  const last = page.at(-1);
  const next =
    page.length < found.length && last ? last.block : top >= since ? top + 1n : undefined;
  const ours = await inToken(page, {
    token,
    own,
    ask: (hash) => transactionOf(rpc, hash, signal),
    domain,
  });
  const times = new Map<bigint, number>();
  for (const { block } of ours)
    if (!times.has(block)) {
      const { timestamp } = await rpc.ask(signal, (client) =>
        getBlock(client, { blockNumber: block }),
      );
      times.set(block, Number(timestamp));
    }
  return {
    events: ours.map((event) => ({ ...event, at: times.get(event.block) ?? 0 })),
    ...(next !== undefined && { next }),
  };
}

/** Leaves out what two questions have found. */
function once(events: PotEvent[]): void {
  const seen = new Set<string>();
  const kept = events.filter(({ block, index }) => {
    const place = `${block}/${index}`;
    return !seen.has(place) && seen.add(place);
  });
  events.splice(0, events.length, ...kept);
}

interface InTokenOptions {
  readonly token: Address;
  readonly domain: Domain;
  /** The token of pots whose opening was seen. */
  readonly own: ReadonlyMap<Hex, Address>;
  readonly ask: (hash: Hex) => Promise<{ readonly input: Hex } | undefined>;
}

/**
 * Those of the events that are about the token. Of somebody else's pot it is read off the transaction, whose call names all that
 * the pot's id is the hash of. An event of a pot whose token nothing tells, as one by a wallet that is a contract, is left out.
 */
async function inToken(
  events: readonly PotEvent[],
  { token, domain, own, ask }: InTokenOptions,
): Promise<readonly PotEvent[]> {
  const known = new Map(own);
  const named = separator(domain);
  for (const { potId, hash } of events) {
    if (potId === undefined || known.has(potId)) continue;
    const input = (await ask(hash))?.input ?? "0x";
    for (const config of configsOf(input)) known.set(potIdOf(named, config), config.token);
  }
  return events.filter(({ type, potId }) => {
    // Withdrawals were asked for by their token.
    if (type === "withdrawn") return true;
    const its = potId && known.get(potId);
    return its !== undefined && isAddressEqual(its, token);
  });
}

/** Every pot's config that a call of the contract names, also inside its `multicall`. */
function configsOf(input: Hex): readonly PotConfig[] {
  try {
    const { functionName, args = [] } = decodeFunctionData({ abi: tabcastPotAbi, data: input });
    if (functionName === "multicall") return (args[0] as readonly Hex[]).flatMap(configsOf);
    const [first] = args as readonly unknown[];
    return typeof first === "object" && first !== null && "salt" in first
      ? [first as PotConfig]
      : [];
  } catch {
    return []; // no call of the contract
  }
}

/** The spans of one page, from `top` down to `since`, the newest first. */
function* spansDown(top: bigint, since: bigint, signal: AbortSignal): Generator<BlockRange> {
  let to = top;
  for (let spans = 0; to >= since && spans < SPANS; spans++) {
    const from = to - EVENT_BLOCKS + 1n > since ? to - EVENT_BLOCKS + 1n : since;
    yield { from, to, signal };
    to = from - 1n;
  }
}

/** At least `limit` events if there are so many, and no block's events divided. */
function wholeBlocks(events: readonly PotEvent[], limit: number): readonly PotEvent[] {
  const last = events[limit - 1];
  return last ? events.filter(({ block }) => block >= last.block) : events;
}
