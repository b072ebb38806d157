/** What an attacker is: hostile peers of one kind, which have what any stranger has, a mesh and keys of their own. */
import { Keys, type Signer } from "@tabcast/protocol";
import type { Random } from "@tabcast/runtime";
import { openPeer, type Peer, type World } from "../world.ts";

export interface Attacker {
  /** What it does, in a sentence. */
  readonly what: string;
  /** Whom or what it is meant to harm. */
  readonly aims: string;
  /** What is to hold all the same, besides what holds of every attack. */
  readonly bound: string;
  /** Starts all of them; they go on until the world's signal fires. What it throws ends the run. */
  start(world: World, hostile: Hostile): Promise<void> | void;
}

export interface Hostile {
  /** How many peers. */
  readonly n: number;
  /** Names of the peers, one each. */
  readonly names: readonly string[];
  /** Chance for this kind of attacker alone. */
  readonly random: Random;
  /** Counts what they have done, by what it is: an attack that does nothing shows nothing. */
  did(what: string): void;
}

/** Opens a tab for each hostile peer; links that are not given are the scenario's. */
export const openAll = (
  world: World,
  { names }: Hostile,
  links: Parameters<typeof openPeer>[3] = {},
): Promise<Peer[]> =>
  Promise.all(
    names.map((name) => openPeer(world, name, world.rng(`key/${name}`).bytes(32), links)),
  );

/** Keys of identities that were made up. */
export const madeUp = (random: Random, n: number): Promise<Signer[]> =>
  Promise.all(Array.from({ length: n }, () => Keys.fromSeed(random.bytes(32))));

/**
 * Does something every `ms` milliseconds of the run, a little more or less, until the run is over. An attacker does not mind what fails:
 * refusals are what it is there for.
 */
export function every(
  { timeline, signal }: World,
  { ms, random }: { readonly ms: number; readonly random: Random },
  task: () => Promise<unknown> | unknown,
): void {
  const turn = () => {
    if (signal.aborted) return;
    void (async () => task())().catch(() => {});
    timeline.after(ms * (0.5 + random.fraction()), turn);
  };
  timeline.after(ms * random.fraction(), turn);
}

/** One of some, or undefined of none. */
export const pick = <T>(some: readonly T[], random: Random): T | undefined =>
  some[random.below(some.length || 1)];
