import { BoundedMap, type Bucket, type Clock, refill } from "@tabcast/runtime";
import type { GossipRules, Name, PeerId } from "./mesh.ts";

/** New messages that neighbours may bring: authors are free to make up, connections are not. */
export interface GossipLimits {
  /** Takes one message of a topic from a neighbour's allowance and from everybody's; false if either has none left. */
  admits(topic: Name, neighbour: PeerId): boolean;
}

/** Neighbours whose allowances are known: more than a relay has connections. */
const MOST_NEIGHBOURS = 8_192;

/**
 * `trusted`: relays of our own configuration. Each may bring as many as all others together: nearly everything comes by way of them,
 * and no stranger can use up what they may bring.
 */
export function gossipLimits(
  rules: GossipRules,
  { clock, trusted }: { readonly clock: Pick<Clock, "now">; trusted(neighbour: PeerId): boolean },
): GossipLimits {
  const strangers = new Map<Name, Bucket>();
  const neighbours = new BoundedMap<PeerId, Map<Name, Bucket>>(MOST_NEIGHBOURS);
  return {
    admits(topic, neighbour) {
      const rule = rules.get(topic);
      if (rule === undefined) return true;
      const pool = rule.pool ?? topic;
      const now = clock.now();
      const free = trusted(neighbour);
      const own = neighbours.get(neighbour) ?? new Map<Name, Bucket>();
      neighbours.set(neighbour, own);
      const mine = refill(own.get(pool), free ? rule.all : rule.each, now);
      const shared = free ? undefined : refill(strangers.get(pool), rule.all, now);
      const admitted = mine.tokens >= 1 && (shared === undefined || shared.tokens >= 1);
      const less = (bucket: Bucket) =>
        admitted ? { ...bucket, tokens: bucket.tokens - 1 } : bucket;
      own.set(pool, less(mine));
      if (shared !== undefined) strangers.set(pool, less(shared));
      return admitted;
    },
  };
}
