import type { Wei } from "@tabcast/runtime";
import type { Reservation } from "../chain/chain.ts";
import { least, most } from "../least.ts";
import { MAX_AMOUNT } from "../voucher.ts";
import { type Book, bound, type LaneBook } from "./book.ts";

/** Seconds that a guarantee lasts. Source: facts of payments, section 7; the contract takes up to 24 hours. */
const TTL = 600;
/** Seconds a lane must have lived, and the seconds of work that a guarantee must still cover. Source: section 7. */
const MINUTE = 60;
/** Most lanes of one `reserve`: about 29,000 gas each, a sixth of a block. */
const ROWS = 150;

/** The book in which some lanes are being reserved, and the rows of that one `reserve`. Policy: facts of payments, section 7. */
export function guarantee(
  book: Book,
  now: number,
  gas: Wei,
): readonly [Book, readonly Reservation[]] {
  if (book.state !== "open") return [book, []];
  const lanes = new Map(book.lanes);
  // One `reserve` at a time: a second would name versions that the first is about to change.
  const busy = [...lanes.values()].some(({ reserving }) => reserving !== undefined);
  // Half of what nobody is promised: the other half still pays whoever has no guarantee.
  let room =
    [...lanes.values()].reduce((left, lane) => left - bound(lane), book.deposited as bigint) / 2n;
  const rows: Reservation[] = [];
  for (const [key, lane] of lanes) {
    const { since } = lane;
    if (since === undefined) {
      lanes.set(key, { ...lane, since: now });
      continue;
    }
    if (busy || rows.length === ROWS) continue;
    const given = reservation({ ...lane, since }, { now, gas, room });
    if (given === undefined) continue;
    room -= given.added;
    rows.push(given.row);
    lanes.set(key, { ...lane, asked: false, reserving: given.row.ceiling });
  }
  return [{ ...book, lanes }, rows];
}

/** What one lane is guaranteed now, and how much of `room` that takes, wei; undefined if it needs or deserves nothing. */
function reservation(
  lane: LaneBook & { readonly since: number },
  { now, gas, room }: { readonly now: number; readonly gas: Wei; readonly room: bigint },
): { readonly row: Reservation; readonly added: bigint } | undefined {
  const { payee, since, chain, intent } = lane;
  if (now - since <= MINUTE || intent === 0n) return undefined;
  const age = BigInt(now - since);
  const guaranteed = chain !== undefined && chain.until >= now ? chain.ceiling : (0n as Wei);
  const short = (guaranteed - intent) * age < BigInt(MINUTE) * intent;
  const late = chain === undefined || chain.until - now < TTL / 2;
  if (!lane.asked && !short && !late) return undefined;
  const work = (BigInt(TTL) * intent) / age;
  if (work < 10n * gas) return undefined;
  const base = most(intent, guaranteed);
  const wanted = intent + (work * 12n) / 10n;
  const added = wanted > base ? least(wanted - base, room) : 0n;
  const ceiling = least((base + (added > 0n ? added : 0n)) as Wei, MAX_AMOUNT);
  if (ceiling <= (chain?.claimed ?? 0n)) return undefined;
  const row = { payee, lane: lane.lane, ceiling, until: now + TTL, version: chain?.version ?? 0 };
  return { row, added: ceiling - base };
}
