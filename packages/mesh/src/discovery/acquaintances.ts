/**
 * Who was named by whom, and whom to dial next. Its one job: that nobody decides whom this tab meets. Each source has a share of its own,
 * however much it names, and one whose names lead nowhere is followed less. It dials nobody and knows no address.
 */
import { BoundedMap, type Millis, type Random } from "@tabcast/runtime";
import type { PeerId } from "../mesh.ts";
import type { Named } from "./types.ts";

/** Names that are remembered of one source; the one that was told longest ago makes room. */
const MOST_OF_SOURCE = 32;
/** Sources that are remembered; the one that was heard longest ago makes room. */
const MOST_SOURCES = 16;
/** Peers whose failures are remembered. */
const MOST_FAILED = 1_024;
/** A peer that could not be reached is not tried again for so long, twice as long after each time; milliseconds. */
const FIRST_WAIT = 5_000;
const LONGEST_WAIT = 300_000;

interface Source {
  readonly named: BoundedMap<PeerId, Named>;
  /** How much what it says counts beside others: as that of so many. */
  readonly voice: number;
  /** Its names that were dialled, and those of them that answered. */
  tried: number;
  reached: number;
}

/** A peer to dial, and who named it. */
export interface Choice extends Named {
  readonly source: PeerId;
}

export class Acquaintances {
  readonly #random: Random;
  readonly #sources = new BoundedMap<PeerId, Source>(MOST_SOURCES);
  readonly #failed = new BoundedMap<PeerId, { count: number; until: number }>(MOST_FAILED);

  constructor(random: Random) {
    this.#random = random;
  }

  /** What a source has told, whose word counts as that of `voice` others. A name that it told before counts as told now. */
  learn(source: PeerId, named: readonly Named[], voice = 1): void {
    const known = this.#sources.get(source) ?? {
      named: new BoundedMap<PeerId, Named>(MOST_OF_SOURCE),
      voice,
      tried: 0,
      reached: 0,
    };
    this.#sources.set(source, known);
    for (const one of named) if (one.peer !== source) known.named.set(one.peer, one);
  }

  /** A source is gone, and with it what only it has told. */
  forget(source: PeerId): void {
    this.#sources.delete(source);
  }

  /**
   * Somebody to dial who is not in `not`: first a source by chance, the likelier the more of its names have answered; then one of its
   * names by chance. So a thousand names of one source are one voice.
   */
  next(not: ReadonlySet<PeerId>, now: Millis): Choice | undefined {
    const open = [...this.#sources].flatMap(([source, { named, voice, tried, reached }]) => {
      const names = [...named.values()].filter(
        ({ peer }) => !not.has(peer) && (this.#failed.get(peer)?.until ?? 0) <= now,
      );
      const weight = (voice * (reached + 1)) / (tried + 1);
      return names.length === 0 ? [] : [{ source, names, weight }];
    });
    let at = this.#random.fraction() * open.reduce((sum, { weight }) => sum + weight, 0);
    for (const [index, { source, names, weight }] of open.entries()) {
      at -= weight;
      if (at >= 0 && index < open.length - 1) continue;
      const name = names[this.#random.below(names.length)] as Named;
      return { ...name, source };
    }
    return undefined;
  }

  /** How a dial went. */
  dialled({ peer, source }: Choice, reached: boolean, now: Millis): void {
    const of = this.#sources.get(source);
    if (of !== undefined) {
      of.tried++;
      if (reached) of.reached++;
    }
    if (reached) {
      this.#failed.delete(peer);
      return;
    }
    const count = this.#failed.get(peer)?.count ?? 0;
    const wait = Math.min(FIRST_WAIT * 2 ** count, LONGEST_WAIT) * (0.5 + this.#random.fraction());
    this.#failed.set(peer, { count: count + 1, until: now + wait });
  }
}
