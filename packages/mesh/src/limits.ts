import { type Allowance, BoundedMap, type Clock } from "@tabcast/runtime";
import type { GossipRules, Name, PeerId } from "./mesh.ts";

/** New messages that neighbours may bring: authors are free to make up, connections are not. */
export interface GossipLimits {
  /** Takes one message of a topic from a neighbour's allowance and from everybody's; false if either has none left. */
  admits(topic: Name, neighbour: PeerId): boolean;
}

/** Neighbours whose allowances are known: more than a relay has connections. */
const MOST_NEIGHBOURS = 8_192;

interface Bucket {
  tokens: number;
  at: number;
}

/** What a bucket holds at `now`. */
const filled = (bucket: Bucket | undefined, { perSecond, burst }: Allowance, now: number) =>
  bucket === undefined
    ? burst
    : Math.min(burst, bucket.tokens + ((now - bucket.at) * perSecond) / 1_000);

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
      const now = clock.now();
      const free = trusted(neighbour);
      const own = neighbours.get(neighbour) ?? new Map<Name, Bucket>();
      neighbours.set(neighbour, own);
      const mine = filled(own.get(topic), free ? rule.all : rule.each, now);
      const everybodys = free ? 1 : filled(strangers.get(topic), rule.all, now);
      const admitted = mine >= 1 && everybodys >= 1;
      own.set(topic, { tokens: admitted ? mine - 1 : mine, at: now });
      if (!free) strangers.set(topic, { tokens: admitted ? everybodys - 1 : everybodys, at: now });
      return admitted;
    },
  };
}
