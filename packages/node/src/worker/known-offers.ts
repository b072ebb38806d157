import type { Offer } from "@tabcast/protocol";
import { toHex } from "@tabcast/runtime";
import type { WorkerContext } from "./context.ts";

/** Offers remembered, to answer an award with. */
export const MOST_OFFERS = 128;
/** The same of one broadcaster: a stream has one, and a renewed one beside it. */
export const MOST_OF_BROADCASTER = 4;

/** What has to be known of an offer to keep it, or to let it go. */
export interface Kept {
  readonly offer: Offer;
  /** We answered it: an award may still come. */
  readonly bid: boolean;
  /** When it is over, in milliseconds of the clock. */
  readonly until: number;
}

/**
 * Which of the offers that are known, the oldest first, makes room for one of `broadcaster`; "none" if none may, undefined if there is
 * room. A broadcaster's further offers make room among its own. One that was bid on stays until it is over, whatever others offer.
 */
export function makesRoom<One extends Kept>(
  known: readonly One[],
  { broadcaster }: Pick<Offer, "broadcaster">,
  now: number,
): One | "none" | undefined {
  const theirs = known.filter(({ offer }) => offer.broadcaster === broadcaster);
  if (theirs.length >= MOST_OF_BROADCASTER)
    return theirs.find(({ bid }) => !bid) ?? theirs.find(({ until }) => until <= now) ?? "none";
  if (known.length < MOST_OFFERS) return undefined;
  return known.find(({ bid, until }) => !bid || until <= now) ?? "none";
}

/** The offers that a worker knows, by their ids in hexadecimal. */
export interface KnownOffers<One extends Kept> {
  get(id: string): One | undefined;
  has(id: string): boolean;
  values(): Iterable<One>;
  /** Keeps one; false where there is no room: it comes again while its stream lacks workers. */
  add(one: One): boolean;
  delete(id: string): void;
}

export function openKnownOffers<One extends Kept>({
  clock,
}: Pick<WorkerContext, "clock">): KnownOffers<One> {
  const offers = new Map<string, One>();
  const idOf = ({ offer }: One) => toHex(offer.id);
  return {
    get: (id) => offers.get(id),
    has: (id) => offers.has(id),
    values: () => offers.values(),
    add(one) {
      offers.delete(idOf(one)); // set again below: it becomes the newest
      const room = makesRoom([...offers.values()], one.offer, clock.now());
      if (room === "none") return false;
      if (room !== undefined) offers.delete(idOf(room));
      offers.set(idOf(one), one);
      return true;
    },
    delete: (id) => void offers.delete(id),
  };
}
