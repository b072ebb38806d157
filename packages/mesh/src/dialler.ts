/**
 * Dials peers: through configured relays only, several raced, within a budget. Dials to one peer are joined, and end when
 * nobody waits any more.
 */
import { type AbortOptions, type Connection, ConnectionFailedError } from "@libp2p/interface";
import { peerIdFromString } from "@libp2p/peer-id";
import type { Multiaddr } from "@multiformats/multiaddr";
import type { Clock } from "@tabcast/runtime";
import { leash } from "./leash.ts";
import type { PeerId } from "./mesh.ts";
import { type Attempt, race } from "./race.ts";
import { type Relays, relaysNamed } from "./routes.ts";
import { direct, type Node } from "./supervise.ts";

/** Dials under way at once; a dial through several relays is one. */
export const DIALS = 8;
/** Of these, dials to neighbours that nobody asked for: half, so that a request always finds one. */
export const NEIGHBOUR_DIALS = DIALS / 2;
/** Milliseconds for which a request's dial holds its part of the budget: where peers hang, others are not kept waiting for them. */
const HOLDS_FOR = 6_000;
/** Dials under way, those included that hold no part of the budget any more. */
export const MOST_DIALS = 3 * DIALS;
/** Milliseconds after which the next relay is tried as well. Source: "Happy Eyeballs", RFC 8305, has 250. */
export const STAGGER = 300;
/**
 * Milliseconds without a step forward after which a dial is begun again beside it, and twice as many before the next time: where a tab
 * is only slow, more handshakes would make it slower. One that is known to have failed is begun again at once.
 */
export const AGAIN_AFTER = 6_000;
/** Times that it is begun again. */
const AGAIN = 2;
/** Milliseconds for a dial through one relay; libp2p's default of 6 s is short for a tab that is busy encoding. */
const ROUTE_TIMEOUT = 15_000;
/** Milliseconds for a dial through all relays. */
const DIAL_TIMEOUT = 30_000;
/** Milliseconds for which a relay is asked last that another, begun later, overtook, or that let a dial hang. */
const LATE_FOR = 60_000;
/** Milliseconds after which the way through the relay is closed once there is a direct connection. */
const LINGER = 5_000;

export interface DiallerOptions {
  readonly node: Pick<Node, "dial" | "getConnections" | "peerStore">;
  /** Dials one address at once: not by libp2p's queue, which tries those of a peer one after another. */
  readonly direct: {
    /** `onProgress` is called at each step forward. */
    dial(
      address: Multiaddr,
      options: AbortOptions & { onProgress?: () => void },
    ): Promise<Connection>;
  };
  readonly relays: Relays;
  readonly clock: Clock;
  /** Ends all dials. */
  readonly signal: AbortSignal;
}

export interface DialWish {
  /** Addresses that somebody gave for the peer, besides those it told itself. */
  readonly given?: readonly string[];
  readonly signal: AbortSignal;
}

export interface Dialler {
  /** A direct connection to the peer. Rejects with NoRouteError or what the dials failed with, or with the signal's reason. */
  dial(peer: PeerId, wish: DialWish): Promise<Connection>;
  /** As `dial` under these addresses, undefined if the neighbours' part of the budget is spent. */
  visit(peer: PeerId, given: readonly string[]): Promise<Connection> | undefined;
}

/** No relay of the configuration is known to lead to the peer. */
export class NoRouteError extends Error {}

interface Job {
  /** Relays still to be tried, best first. */
  readonly routes: PeerId[];
  readonly seen: Set<PeerId>;
  readonly over: AbortController;
  waiting: number;
  result: Promise<Connection>;
}

/** Relays in the order in which they are asked: those late last, then those that we are connected to first. */
export function inOrder(
  named: readonly PeerId[],
  connected: ReadonlySet<PeerId>,
  late: ReadonlySet<PeerId>,
): PeerId[] {
  // What the peer named comes before a guess that it may be at one of our own relays too.
  const guesses = [...connected].filter((relay) => !named.includes(relay));
  const near = (relay: PeerId) => Number(!connected.has(relay));
  const ordered = [...[...named].sort((a, b) => near(a) - near(b)), ...guesses];
  return ordered.sort((a, b) => Number(late.has(a)) - Number(late.has(b)));
}

/** Nothing is dialled until it is asked. */
export function createDialler(options: DiallerOptions): Dialler {
  const { node, relays, signal } = options;
  const jobs = new Map<PeerId, Job>();
  const budget = openBudget(options.clock);
  const late = lateRelays(options.clock);

  /** Adds the relays that are known to lead to the peer and are not on the job's list yet. */
  async function addRoutes(job: Job, peer: PeerId, given: readonly string[]): Promise<void> {
    const told = await node.peerStore
      .get(peerIdFromString(peer))
      .then(({ addresses }) => addresses.map((address) => address.multiaddr.toString()))
      .catch(() => []);
    const named = [given, told].flatMap((addresses) => relaysNamed(peer, addresses, relays));
    const connected = new Set(
      direct(node)
        .map((connection) => connection.remotePeer.toString())
        .filter((relay) => relays.has(relay)),
    );
    for (const relay of inOrder([...new Set(named)], connected, late.now()))
      if (!job.seen.has(relay)) {
        job.seen.add(relay);
        job.routes.push(relay);
      }
  }

  function start(peer: PeerId, given: readonly string[], as: Role): Job {
    const over = new AbortController();
    const job: Job = {
      routes: [],
      seen: new Set(),
      over,
      waiting: 0,
      result: Promise.reject(new Error("not begun")),
    };
    job.result.catch(() => {});
    const tied = leash(signal, over.signal);
    job.result = budget
      .spend(as, tied.signal, async () => {
        await addRoutes(job, peer, given);
        if (job.routes.length === 0) throw new NoRouteError("no configured relay leads to it");
        return await raceRoutes(options, { peer, job, late, signal: tied.signal });
      })
      .finally(() => {
        jobs.delete(peer);
        tied.release();
      });
    job.result.catch(() => {});
    jobs.set(peer, job);
    return job;
  }

  async function wait(job: Job, own: AbortSignal): Promise<Connection> {
    job.waiting += 1;
    try {
      return await until(job.result, own);
    } finally {
      job.waiting -= 1;
      if (job.waiting === 0) job.over.abort(new Error("nobody waits for this dial any more"));
    }
  }

  return {
    async dial(peer, { given = [], signal: own }) {
      const running = jobs.get(peer);
      // What this asker knows may be the only way there.
      if (running !== undefined) void addRoutes(running, peer, given);
      return wait(running ?? start(peer, given, "request"), own);
    },
    visit(peer, given) {
      const running = jobs.get(peer);
      if (running === undefined && !budget.has("neighbour")) return undefined;
      return wait(running ?? start(peer, given, "neighbour"), signal);
    },
  };
}

/** Dials a peer through the routes of a job, raced. */
async function raceRoutes(
  { node, direct, relays, clock, signal: ending }: DiallerOptions,
  {
    peer,
    job,
    late,
    signal,
  }: { peer: PeerId; job: Job; late: ReturnType<typeof lateRelays>; signal: AbortSignal },
): Promise<Connection> {
  const id = peerIdFromString(peer);
  const running = new Set<PeerId>();
  let moved = clock.now();
  /** The relay of the newest step forward, or else the first, of those that lead to the peer: one that hangs is no way to begin again. */
  let best: PeerId | undefined;
  /** Through this relay a handshake failed, and nothing was begun since. */
  let failed: PeerId | undefined;
  const through =
    (relay: PeerId): Attempt<Connection> =>
    async (called) => {
      running.add(relay);
      const timed = deadline(clock, ROUTE_TIMEOUT, called);
      try {
        await node.dial([...relays.addresses(relay)], { signal: timed.signal });
        const onProgress = () => {
          moved = clock.now();
          best = relay;
        };
        const through = relays.through(relay, peer);
        const dialling = direct.dial(through, { signal: timed.signal, onProgress });
        const connection = await dialling.catch((thrown: unknown) => {
          if (thrown instanceof ConnectionFailedError) failed = relay;
          throw thrown;
        });
        // Those still running began before this one: it had to catch up.
        for (const other of running) {
          if (other === relay) break;
          late.add(other);
        }
        return connection;
      } catch (thrown) {
        if (timed.expired()) late.add(relay);
        // One that refuses leads nowhere; one whose time is over may still be the one that went on.
        else if (failed !== relay && best === relay)
          best = [...running].findLast((one) => one !== relay) ?? relay;
        throw thrown;
      } finally {
        running.delete(relay);
        timed.release();
      }
    };
  let again = 0;
  const next = () => {
    let relay = job.routes.shift();
    const due = failed !== undefined || clock.now() - moved >= AGAIN_AFTER * 2 ** again;
    if (relay === undefined && again < AGAIN && due) {
      again += 1;
      relay = failed ?? best;
      failed = undefined;
    }
    if (relay === undefined) return undefined;
    best ??= relay;
    moved = clock.now();
    return through(relay);
  };
  const timed = deadline(clock, DIAL_TIMEOUT, signal);
  try {
    const connection = await race(next, {
      clock,
      stagger: STAGGER,
      signal: timed.signal,
      spare: (extra) => void extra.close().catch(() => {}),
    });
    const relayed = () =>
      node.getConnections(id).filter((one) => one.limits != null && one.direction === "outbound");
    clock.sleep(LINGER, { signal: ending }).then(
      () => {
        for (const one of relayed()) void one.close().catch(() => {});
      },
      () => {},
    );
    return connection;
  } finally {
    timed.release();
  }
}

/** A signal that follows another, and fires by itself after `ms`. */
export function deadline(
  clock: Clock,
  ms: number,
  signal: AbortSignal,
): { readonly signal: AbortSignal; expired(): boolean; release(): void } {
  const late = new AbortController();
  const timer = new AbortController();
  clock.sleep(ms, { signal: timer.signal }).then(
    () => late.abort(new Error(`no connection after ${ms} ms`)),
    () => {},
  );
  const both = leash(signal, late.signal);
  return {
    signal: both.signal,
    expired: () => late.signal.aborted,
    release() {
      timer.abort();
      both.release();
    },
  };
}

/** Relays that were slower than another lately. */
function lateRelays(clock: Clock): { add(relay: PeerId): void; now(): ReadonlySet<PeerId> } {
  const until = new Map<PeerId, number>();
  return {
    add: (relay) => void until.set(relay, clock.now() + LATE_FOR),
    now() {
      for (const [relay, end] of until) if (clock.now() >= end) until.delete(relay);
      return new Set(until.keys());
    },
  };
}

type Role = "request" | "neighbour";

/** Who may dial how much at once. Requests wait for each other only. */
function openBudget(clock: Clock): {
  has(as: Role): boolean;
  spend<T>(as: Role, signal: AbortSignal, act: () => Promise<T>): Promise<T>;
} {
  const running = { request: 0, neighbour: 0 };
  let all = 0;
  const queue: (() => void)[] = [];
  const free = () => running.request + running.neighbour < DIALS && all < MOST_DIALS;
  const has = (as: Role) => free() && (as === "request" || running.neighbour < NEIGHBOUR_DIALS);
  return {
    has,
    async spend(as, signal, act) {
      while (!has(as)) {
        signal.throwIfAborted();
        const turn = Promise.withResolvers<void>();
        queue.push(turn.resolve);
        await until(turn.promise, signal).catch((thrown) => {
          const at = queue.indexOf(turn.resolve);
          // Gone from the queue, it had been given the turn that it does not take.
          if (at >= 0) queue.splice(at, 1);
          else queue.shift()?.();
          throw thrown;
        });
      }
      running[as] += 1;
      all += 1;
      const over = new AbortController();
      let holds = true;
      const letGo = () => {
        if (!holds) return;
        holds = false;
        running[as] -= 1;
        queue.shift()?.();
      };
      if (as === "request") clock.sleep(HOLDS_FOR, { signal: over.signal }).then(letGo, () => {});
      try {
        return await act();
      } finally {
        over.abort();
        all -= 1;
        if (holds) letGo();
        else queue.shift()?.(); // MOST_DIALS may have held it up
      }
    },
  };
}

/** What a promise brings, unless the signal fires first. */
function until<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
