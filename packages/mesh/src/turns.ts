/**
 * Whose bytes leave next. What a tab sends goes in chunks, and each chunk takes a turn: own jobs at once, then the crew, bidders, viewers
 * and strangers, each only while nobody before them waits. Within a rank the peers take turns, whatever each has asked for; strangers are
 * together what one peer is.
 */
import type { Clock } from "@tabcast/runtime";
import { type PeerId, RANKS, type Rank } from "./mesh.ts";

/** Bytes of others than own jobs that may be on their way out of this tab: they delay an own job, at 10 Mbit/s by 0.1 s. */
export const MOST_OUT = 128 * 1024;
/** What one peer, or all strangers, may have a second, and at once after a pause, in bytes: 33 Mbit/s. The crew may have all. */
export const RATE = { perSecond: 4 * 2 ** 20, burst: 8 * 2 ** 20 } as const;
/** A chunk has not left for so long, in milliseconds: whoever it is sent to does not take it, and others need not wait for that. */
export const STALL_MS = 2_000;
/** So many chunks that came later have left before one: the same is true of it. */
const OVERTAKEN = 4;
/** Peers remembered; whoever had no turn for longest makes room. */
const MOST_PEERS = 512;

/** A chunk that wants to leave. */
export interface Wish {
  readonly peer: PeerId;
  readonly rank: Rank;
  /** In bytes. */
  readonly size: number;
}

/** A chunk that was let go, and has not left this tab. */
export interface Out extends Wish {
  /** When it was let go, in milliseconds. */
  readonly at: number;
  /** Chunks that were let go later and have left. */
  overtaken: number;
}

/** What is remembered of a peer, or of all strangers. */
export interface Account {
  /** Bytes it may have now; below zero after a chunk. */
  readonly tokens: number;
  /** When that was true, in milliseconds. */
  readonly at: number;
  /** The number of its last turn: whoever waits longest has the lowest. */
  readonly turn: number;
}

export interface View {
  /** By the time they came. */
  readonly waiting: readonly Wish[];
  readonly out: readonly Out[];
  readonly accounts: ReadonlyMap<string, Account>;
}

/** Whose account a wish is charged to. */
export const payer = ({ peer, rank }: Pick<Wish, "peer" | "rank">): string =>
  rank === "stranger" ? "strangers" : peer;

const limited = (rank: Rank) => rank !== "own" && rank !== "crew";

/** What an account holds at `now`. */
export const tokensAt = ({ tokens, at }: Account, now: number): number =>
  Math.min(RATE.burst, tokens + ((now - at) * RATE.perSecond) / 1_000);

/** The wish that is fulfilled now, or when to look again if nothing happens before; neither while only time will not help. */
export function choose(view: View, now: number): { readonly wish?: Wish; readonly at?: number } {
  const { waiting, out, accounts } = view;
  const own = waiting.find(({ rank }) => rank === "own");
  if (own !== undefined) return { wish: own };
  const [first] = waiting;
  if (first === undefined) return {};
  // What its receiver does not take is no load on the uplink.
  const stallsAt = ({ at }: Out) => at + STALL_MS;
  const going = out.filter((one) => one.overtaken < OVERTAKEN && now < stallsAt(one));
  const load = going.reduce((sum, { size }) => sum + size, 0);
  if (going.some(({ rank }) => rank === "own") || (load > 0 && load + first.size > MOST_OUT))
    return { at: Math.min(...going.map(stallsAt)) };
  let at = Number.POSITIVE_INFINITY;
  const ready = waiting.filter((wish) => {
    const account = accounts.get(payer(wish));
    if (account === undefined || !limited(wish.rank)) return true;
    const lacks = wish.size - tokensAt(account, now);
    if (lacks <= 0) return true;
    at = Math.min(at, now + (lacks * 1_000) / RATE.perSecond);
    return false;
  });
  const turnOf = (key: string) => accounts.get(key)?.turn ?? 0;
  const [wish] = ready.toSorted(
    (a, b) =>
      RANKS.indexOf(a.rank) - RANKS.indexOf(b.rank) ||
      turnOf(payer(a)) - turnOf(payer(b)) ||
      // Strangers share an account, and take turns within it.
      turnOf(a.peer) - turnOf(b.peer),
  );
  if (wish !== undefined) return { wish };
  return { at };
}

/** Carries out `choose`, for all that one tab sends. */
export interface Turns {
  /** Resolves when it is this chunk's turn, with what to call once when it has left. Rejects with the signal's reason. */
  take(wish: Wish, options: { readonly signal: AbortSignal }): Promise<() => void>;
}

export function openTurns({ clock }: { readonly clock: Clock }): Turns {
  const waiting = new Map<Wish, (leave: () => void) => void>();
  const out = new Set<Out>();
  const accounts = new Map<string, Account>();
  let turns = 0;
  let timer = new AbortController();

  function charge(key: string, size: number, now: number): void {
    const before = accounts.get(key);
    const tokens = (before === undefined ? RATE.burst : tokensAt(before, now)) - size;
    accounts.delete(key);
    accounts.set(key, { tokens, at: now, turn: turns });
    if (accounts.size <= MOST_PEERS) return;
    for (const oldest of accounts.keys()) {
      accounts.delete(oldest);
      break;
    }
  }

  function grant(wish: Wish, go: (leave: () => void) => void, now: number): void {
    waiting.delete(wish);
    const one: Out = { ...wish, at: now, overtaken: 0 };
    out.add(one);
    turns++;
    charge(payer(wish), wish.size, now);
    if (payer(wish) !== wish.peer) charge(wish.peer, wish.size, now);
    go(() => {
      if (!out.delete(one)) return;
      for (const other of out) {
        if (other.at < one.at) other.overtaken++;
      }
      pump();
    });
  }

  function pump(): void {
    timer.abort();
    for (;;) {
      const now = clock.now();
      const view = { waiting: [...waiting.keys()], out: [...out], accounts };
      const { wish, at } = choose(view, now);
      const go = wish && waiting.get(wish);
      if (wish !== undefined && go !== undefined) {
        grant(wish, go, now);
        continue;
      }
      if (at === undefined) return;
      timer = new AbortController();
      clock.sleep(Math.max(1, at - now), { signal: timer.signal }).then(pump, () => {});
      return;
    }
  }

  return {
    take(wish, { signal }) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        const onAbort = () => {
          waiting.delete(mine);
          reject(signal.reason);
          pump();
        };
        const mine = { ...wish };
        signal.addEventListener("abort", onAbort, { once: true });
        waiting.set(mine, (leave) => {
          signal.removeEventListener("abort", onAbort);
          resolve(leave);
        });
        pump();
      });
    },
  };
}
