import type { Random } from "@tabcast/runtime";
import type { PeerId } from "../mesh.ts";
import { MOST_NAMED, type Named } from "./types.ts";

/** A peer that holds a slot, and where it comes from: peers of one group may be one person. */
export interface Held extends Named {
  /** Its address, or the /64 of one; the same for all of which nothing is known. */
  readonly group: string;
}

/** Peers by their groups, each once. */
export type Groups = readonly (readonly Named[])[];

/** A peer that is given twice is in the group that came first, with the relays of both, two at most. */
export function grouped(held: readonly Held[]): Groups {
  const all = new Map<PeerId, Held>();
  for (const one of held) {
    const before = all.get(one.peer);
    const relays = [...new Set([...(before?.relays ?? []), ...one.relays])].slice(0, 2);
    all.set(one.peer, { ...(before ?? one), relays });
  }
  const groups = new Map<string, Named[]>();
  for (const { group, peer, relays } of all.values()) {
    const of = groups.get(group) ?? [];
    groups.set(group, of);
    of.push({ peer, relays });
  }
  return [...groups.values()];
}

/**
 * Some of those that hold a slot, without `asker`: group after group in an order of chance, one of each at a time. Whoever holds a thousand
 * slots from one address is named as often as somebody who holds one. What it costs does not grow with their number.
 */
export function sample(groups: Groups, asker: PeerId, random: Random): readonly Named[] {
  const chosen: Named[] = [];
  const turns = new Map<readonly Named[], Iterator<Named, undefined>>();
  for (let before = -1; before < chosen.length; ) {
    before = chosen.length;
    for (const group of byChance(groups, random)) {
      const turn = turns.get(group) ?? byChance(group, random);
      turns.set(group, turn);
      let one = turn.next().value;
      if (one?.peer === asker) one = turn.next().value;
      if (one !== undefined) chosen.push(one);
      if (chosen.length === MOST_NAMED) return chosen;
    }
  }
  return chosen;
}

/** All items in an order of chance; drawn as they are asked for, so that the first of many cost little. */
function* byChance<T>(items: readonly T[], random: Random): Generator<T, undefined> {
  const moved = new Map<number, number>();
  for (let i = 0; i < items.length; i++) {
    const j = i + random.below(items.length - i);
    const at = moved.get(j) ?? j;
    moved.set(j, moved.get(i) ?? i);
    yield items[at] as T;
  }
  return undefined;
}
