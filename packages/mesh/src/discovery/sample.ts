import type { Random } from "@tabcast/runtime";
import { MOST_NAMED, type Named } from "./types.ts";

/** A peer that holds a slot, and where it comes from: peers of one group may be one person. */
export interface Held extends Named {
  /** Its address, or the /64 of one; the same for all of which nothing is known. */
  readonly group: string;
}

/**
 * Some of those that hold a slot, without `asker`: group after group in an order of chance, one of each at a time. Whoever holds a thousand
 * slots from one address is named as often as somebody who holds one.
 */
export function sample(held: readonly Held[], asker: string, random: Random): readonly Named[] {
  const groups = new Map<string, Named[]>();
  for (const { group, peer, relays } of held) {
    if (peer === asker) continue;
    const of = groups.get(group) ?? [];
    groups.set(group, of);
    of.push({ peer, relays });
  }
  const turns = [...groups.values()];
  const chosen: Named[] = [];
  for (let round = turns; chosen.length < MOST_NAMED && round.length > 0; ) {
    for (const of of shuffled(round, random)) {
      const [one] = of.splice(random.below(of.length), 1);
      if (one !== undefined && chosen.length < MOST_NAMED) chosen.push(one);
    }
    round = round.filter((of) => of.length > 0);
  }
  return chosen;
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [order[i], order[j]] = [order[j] as T, order[i] as T];
  }
  return order;
}
