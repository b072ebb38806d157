/**
 * Finds neighbours: asks relays and neighbours for some of the peers that they know, and dials until there are enough. Nobody tells of
 * itself to all, so what a tab hears does not grow with the network.
 */
import type { Clock, Millis, Random } from "@tabcast/runtime";
import type { PeerId } from "../mesh.ts";
import { ASK_OFTEN, ASK_SELDOM } from "../rates.ts";
import { Acquaintances, type Choice } from "./acquaintances.ts";
import { isSplit, type Said } from "./network.ts";
import type { Named, Sample } from "./types.ts";

/**
 * A relay's word counts as that of so many neighbours. It draws from all of its tabs, one address after the other; a neighbour draws from its
 * own neighbours, and whoever surrounds tabs is most of those.
 */
const RELAY_VOICE = 16;
/** An answer that takes longer is none, in milliseconds. */
const ASK_TIMEOUT = 5_000;
/** Neighbours that are asked: with the relays fewer than the sources that are remembered. */
const MOST_ASKED = 8;
/** Who dialled us is asked only where whom we dial has not answered for so long, in milliseconds. */
const ALONE_AFTER = 10_000;
/** Dials under way together: half of what a tab may have, so that requests find room. */
const MOST_DIALS = 4;
/** Of two that hear of each other at once, the larger id lets the other dial first, for so many milliseconds. */
const YIELD = 2_000;
/** A split is told when it has been seen for so long, in milliseconds: relays need a while to meet again. */
const SPLIT_AFTER = 60_000;

/** The part of a node that this needs. */
export interface Surroundings {
  readonly self: PeerId;
  /** Relays of the configuration that are connected. */
  relays(): readonly PeerId[];
  /** Peers with a direct connection, relays left out. */
  neighbours(): readonly PeerId[];
  /** Those of them that this tab dialled: strangers choose whom they dial, but not whom it does. */
  outbound(): readonly PeerId[];
  ask(source: PeerId, options: { readonly signal: AbortSignal }): Promise<Sample>;
  /** Undefined while no dial is free, which says nothing of the peer. */
  dial(peer: Named, options: { readonly signal: AbortSignal }): Promise<unknown> | undefined;
  /** Our relays have been found not to know each other, or to know each other again. */
  split(is: boolean): void;
}

export interface DiscoverOptions {
  /** How many neighbours to look for; half of them at least are dialled from here. */
  readonly degree: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
}

export interface Discovery {
  /** What each relay that is connected said last. */
  said(): Said;
}

/** Neighbours that are wanting: to have enough, and enough of our own choice. */
const wanting = (around: Surroundings, degree: number): number =>
  Math.max(degree - around.neighbours().length, Math.ceil(degree / 2) - around.outbound().length);

/** Tells when relays have said for a while that they do not know each other, and when they do again. */
function splitWatch(said: Said, { split }: Pick<Surroundings, "split">, clock: Clock) {
  let since: Millis | undefined;
  let told = false;
  return {
    suspected: () => since !== undefined,
    look(): void {
      const now = clock.now();
      since = isSplit(said) ? (since ?? now) : undefined;
      const is = since !== undefined && now - since >= SPLIT_AFTER;
      if (is === told) return;
      told = is;
      split(is);
    },
  };
}

export function discover(
  around: Surroundings,
  { degree, clock, random, signal }: DiscoverOptions,
): Discovery {
  const known = new Acquaintances(random);
  const asked = new Map<PeerId, Millis>();
  const heardAt = new Map<PeerId, Millis>();
  const dialling = new Set<PeerId>();
  const said = new Map<PeerId, Pick<Sample, "relays" | "populations">>();
  const split = splitWatch(said, around, clock);
  /** When this tab last had a neighbour of its own choice, or began. */
  let chosenAt = clock.now();

  function forget(connected: ReadonlySet<PeerId>): void {
    for (const source of asked.keys())
      if (!connected.has(source)) {
        asked.delete(source);
        said.delete(source);
        known.forget(source);
      }
  }

  async function ask(source: PeerId, isRelay: boolean): Promise<void> {
    asked.set(source, clock.now());
    const { peers, relays, populations } = await around.ask(source, {
      signal: AbortSignal.any([signal, clock.timeout(ASK_TIMEOUT)]),
    });
    if (!asked.has(source)) return; // lost meanwhile
    known.learn(source, peers, isRelay ? RELAY_VOICE : 1);
    // Only a relay can know who else there is.
    if (isRelay) said.set(source, { relays, populations });
  }

  async function follow(choice: Choice, dialled: Promise<unknown>): Promise<void> {
    dialling.add(choice.peer);
    try {
      await dialled;
      known.dialled(choice, true, clock.now());
    } catch {
      if (!signal.aborted) known.dialled(choice, false, clock.now());
    } finally {
      dialling.delete(choice.peer);
    }
  }

  function dialMore(live: readonly PeerId[]): void {
    const not = new Set([around.self, ...live, ...dialling]);
    while (dialling.size < Math.min(MOST_DIALS, wanting(around, degree))) {
      const choice = known.next(not, clock.now());
      if (choice === undefined) return;
      not.add(choice.peer);
      const first = heardAt.get(choice.peer) ?? clock.now();
      heardAt.set(choice.peer, first);
      if (heardAt.size > 512) heardAt.delete(heardAt.keys().next().value as PeerId);
      if (around.self > choice.peer && clock.now() - first < YIELD) continue;
      const dialled = around.dial(choice, { signal });
      if (dialled === undefined) return;
      void follow(choice, dialled);
    }
  }

  function step(): void {
    const live = around.neighbours();
    const relays = new Set(around.relays());
    const chosen = around.outbound();
    if (chosen.length > 0) chosenAt = clock.now();
    // Whoever surrounds a tab dials it, and would name its own kind: one that we chose by a relay's word has not chosen us.
    const alone = chosen.length === 0 && clock.now() - chosenAt >= ALONE_AFTER;
    const others = (alone ? live : chosen).filter((peer) => !relays.has(peer));
    const sources = [...relays, ...others.slice(0, MOST_ASKED)];
    forget(new Set(sources));
    const enough = wanting(around, degree) <= 0;
    // What two relays said of each other may have changed just after.
    const every = enough && !split.suspected() ? ASK_SELDOM : ASK_OFTEN;
    for (const source of sources) {
      const last = asked.get(source);
      const isRelay = relays.has(source);
      // A neighbour has nothing to say that is wanted where there are enough of them.
      if (last === undefined ? enough && !isRelay : clock.now() - last < every) continue;
      ask(source, isRelay).catch(() => {}); // asked again in its time
    }
    dialMore(live);
    split.look();
  }

  void (async () => {
    while (!signal.aborted) {
      step();
      await clock.sleep(500 + random.fraction() * 500, { signal });
    }
  })().catch(() => {}); // the signal ended it
  return { said: () => said };
}
