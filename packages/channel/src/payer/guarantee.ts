import type { Amount } from "@tabcast/runtime";
import type { Reservation } from "../chain/chain.ts";
import { least, most } from "../least.ts";
import type { Lane } from "../types.ts";
import { MAX_AMOUNT } from "../voucher.ts";
import { type Book, bound, free, type LaneBook, stuck } from "./book.ts";

/** Seconds that a guarantee lasts. Source: facts of payments, section 7; the contract takes up to 24 hours. */
const TTL = 600;
/** Seconds a lane must have lived, and the seconds of work that a guarantee must still cover. Source: section 7. */
const MINUTE = 60;
/** Most lanes of one `reserve`: about 29,000 gas each, a sixth of a block. */
const ROWS = 150;
/** Seconds without earnings after which a worker counts as gone: with eight workers, each gets a segment every 16 s. */
const GONE = 120;

/** What is to be guaranteed, and which guarantees have lapsed and are to be freed, in one transaction. */
export interface Guarantees {
  readonly rows: readonly Reservation[];
  readonly lapsed: readonly Lane[];
}

/** The book in which some lanes are being reserved or released, and which. Policy: facts of payments, section 7. */
export function guarantee(book: Book, now: number, gas: Amount): readonly [Book, Guarantees] {
  if (book.state !== "open") return [book, { rows: [], lapsed: [] }];
  const lanes = new Map(book.lanes);
  // One `reserve` at a time: a second would name versions that the first is about to change.
  const busy = [...lanes.values()].some(({ reserving }) => reserving !== undefined);
  // Half of what nobody is promised: the other half still pays whoever has no guarantee.
  let room =
    [...lanes.values()].reduce((left, lane) => left - bound(lane), book.deposited as bigint) / 2n;
  const rows: Reservation[] = [];
  for (const [key, before] of lanes) {
    const lane = { ...before, ...age(before, now) };
    lanes.set(key, lane);
    if (busy || rows.length === ROWS) continue;
    const given = reservation(lane, { now, gas, room });
    if (given === undefined) continue;
    room -= given.added;
    rows.push(given.row);
    lanes.set(key, { ...lane, asked: false, reserving: given.row.ceiling });
  }
  const freed = busy ? [] : toFree({ ...book, lanes }, now, gas);
  for (const [key, { reserving: _, ...lane }] of freed)
    lanes.set(key, { ...lane, reserving: bound(lane) });
  const gone = freed.map(([, { payee, lane }]) => ({ payee, lane }));
  return [
    { ...book, lanes },
    { rows, lapsed: gone },
  ];
}

/** Since when the lane is known, and when it was last seen to have earned. */
function age({ since, earned, intent }: LaneBook, now: number) {
  const earning = earned === undefined || intent > earned.intent;
  return { since: since ?? now, earned: earning ? { at: now, intent } : earned };
}

/**
 * Lapsed guarantees that are worth a release: together they bind more than what is left for everybody, and more than the gas. A
 * lane that is being reserved is freed by that.
 */
function toFree(book: Book, now: number, gas: Amount): readonly (readonly [string, LaneBook])[] {
  const ended = [...book.lanes]
    .filter(([, lane]) => lane.reserving === undefined && stuck(lane, now) > 0n)
    .slice(0, ROWS);
  const sum = ended.reduce((all, [, lane]) => all + stuck(lane, now), 0n);
  if (sum <= BigInt(ended.length) * gas || sum <= free(book)) return [];
  return ended;
}

/** What one lane is guaranteed now, and how much of `room` that takes; undefined if it needs or deserves nothing. */
function reservation(
  lane: LaneBook & { readonly since: number; readonly earned: { readonly at: number } },
  { now, gas, room }: { readonly now: number; readonly gas: Amount; readonly room: bigint },
): { readonly row: Reservation; readonly added: bigint } | undefined {
  const { payee, since, chain, intent } = lane;
  if (now - since <= MINUTE || intent === 0n) return undefined;
  // Who asks is there.
  if (!lane.asked && now - lane.earned.at > GONE) return undefined;
  const age = BigInt(now - since);
  const guaranteed = chain !== undefined && chain.until >= now ? chain.ceiling : (0n as Amount);
  const short = (guaranteed - intent) * age < BigInt(MINUTE) * intent;
  const late = chain === undefined || chain.until - now < TTL / 2;
  if (!lane.asked && !short && !late) return undefined;
  const work = (BigInt(TTL) * intent) / age;
  if (work < 10n * gas) return undefined;
  // What the lane binds already, by a lapsed guarantee too, is not taken from `room` again; only a live one cannot shrink.
  const held = most(intent, chain?.ceiling ?? (0n as Amount));
  const wanted = intent + (work * 12n) / 10n;
  const added = wanted > held ? least(wanted - held, most(room, 0n)) : 0n;
  const given = wanted > held ? held + added : most(wanted, most(intent, guaranteed));
  const ceiling = least(given as Amount, MAX_AMOUNT);
  if (ceiling <= (chain?.claimed ?? 0n)) return undefined;
  const row = { payee, lane: lane.lane, ceiling, until: now + TTL, version: chain?.version ?? 0 };
  return { row, added };
}
