/** What requests that a tab serves may take of its memory: one budget for all of them, a share for each rank, one for each peer. */
import { type PeerId, RANKS, type Rank } from "./mesh.ts";

/** Bytes of bodies that are here and not let go of, of all requests together. Source: twice what a worker's four jobs can have. */
export const MOST_BYTES = 96 * 2 ** 20;
/** The same of one peer's requests. Source: five jobs, of 9 MiB each. */
export const MOST_OF_PEER = 48 * 2 ** 20;
/** Requests that are served at once, whoever asks: each may have sent a head of 64 KiB. */
export const MOST_REQUESTS = 512;
/** The same of one peer, over all protocols. */
export const MOST_REQUESTS_OF_PEER = 32;

/**
 * Which part of all bytes a rank may take together with the ranks after it. Identities are free, so what nobody answers for has
 * one small share, however many peers it comes from.
 */
const SHARES: { readonly [Of in Rank]: number } = {
  own: 1,
  crew: 1,
  bidder: 1 / 2,
  viewer: 1 / 4,
  stranger: 1 / 8,
};

/** Bytes in use, by rank. */
export type Used = { readonly [Of in Rank]: number };

export const NOTHING_USED: Used = { own: 0, crew: 0, bidder: 0, viewer: 0, stranger: 0 };

/** Whether `size` bytes more of a rank fit: into its own share, and into those of the ranks before it. */
export function fits(used: Used, rank: Rank, size: number): boolean {
  let after = 0;
  for (const one of RANKS.toReversed()) {
    after += used[one];
    const counts = RANKS.indexOf(one) <= RANKS.indexOf(rank);
    if (counts && after + size > SHARES[one] * MOST_BYTES) return false;
  }
  return true;
}

/** A request that takes a place. */
export interface Entered {
  /** It was read, and keeps its place until it is over. */
  read(): void;
  /** It is over. May be called twice. */
  leave(): void;
}

/** Carries out `fits`, for all that a tab serves. */
export interface Budget {
  /**
   * A request has come: undefined if there are too many. The oldest one that was not read yet makes room, which `drop` tells it:
   * who opens requests and says nothing keeps nobody out.
   */
  enter(peer: PeerId, drop: () => void): Entered | undefined;
  /** Keeps bytes: undefined if there is no room for them, else what to call once when they are let go of. */
  take(peer: PeerId, rank: Rank, size: number): (() => void) | undefined;
  /** Bytes that are kept now. */
  used(): Used;
}

/** The budget of one tab. */
export function openBudget(): Budget {
  let used = NOTHING_USED;
  let requests = 0;
  /** Requests that were not read yet, the oldest first. */
  const unread = new Set<Entered & { drop(): void }>();
  const bytesOf = new Map<PeerId, number>();
  const requestsOf = new Map<PeerId, number>();
  const add = (counts: Map<PeerId, number>, peer: PeerId, more: number) => {
    const now = (counts.get(peer) ?? 0) + more;
    if (now === 0) counts.delete(peer);
    else counts.set(peer, now);
  };
  return {
    enter(peer, drop) {
      if ((requestsOf.get(peer) ?? 0) >= MOST_REQUESTS_OF_PEER) return undefined;
      if (requests >= MOST_REQUESTS) {
        const [oldest] = unread;
        if (oldest === undefined) return undefined;
        oldest.leave();
        oldest.drop();
      }
      requests++;
      add(requestsOf, peer, 1);
      let over = false;
      const one = {
        drop,
        read: () => void unread.delete(one),
        leave() {
          unread.delete(one);
          if (over) return;
          over = true;
          requests--;
          add(requestsOf, peer, -1);
        },
      };
      unread.add(one);
      return one;
    },
    take(peer, rank, size) {
      if ((bytesOf.get(peer) ?? 0) + size > MOST_OF_PEER) return undefined;
      if (!fits(used, rank, size)) return undefined;
      used = { ...used, [rank]: used[rank] + size };
      add(bytesOf, peer, size);
      return () => {
        used = { ...used, [rank]: used[rank] - size };
        add(bytesOf, peer, -size);
      };
    },
    used: () => used,
  };
}
