import type { Meter } from "@tabcast/mesh";

/** Bytes by protocol and way, as "out /meshsub/1.2.0". */
export type Counts = ReadonlyMap<string, number>;

export function tally(): { readonly meter: Meter; readonly read: () => Map<string, number> } {
  const counts = new Map<string, number>();
  return {
    meter(protocol, way, bytes) {
      const key = `${way} ${protocol}`;
      counts.set(key, (counts.get(key) ?? 0) + bytes);
    },
    read: () => new Map(counts),
  };
}

/** What was added between two readings. */
export const grown = (before: Counts, after: Counts): Map<string, number> =>
  new Map([...after].map(([key, bytes]) => [key, bytes - (before.get(key) ?? 0)]));

/** All of one way. */
export const total = (counts: Counts, way: "out" | "in"): number =>
  [...counts].reduce((sum, [key, bytes]) => (key.startsWith(`${way} `) ? sum + bytes : sum), 0);
