/** What can be known of the network from what its relays say. */
import type { Name, PeerId } from "../mesh.ts";
import type { Sample } from "./types.ts";

/** What each relay of ours said last. */
export type Said = ReadonlyMap<PeerId, Pick<Sample, "relays" | "populations">>;

/**
 * How many peers a topic has: the lower median of what the relays say. One that exaggerates makes nobody wait, unless it is the only one.
 * Undefined where none has said anything.
 */
export function population(said: Said, topic: Name): number | undefined {
  const counts = [...said.values()].flatMap(({ populations }) => populations.get(topic)?.all ?? []);
  return counts.sort((a, b) => a - b)[Math.ceil(counts.length / 2) - 1];
}

/** A relay is believed up to so many times what relays usually count. */
const MOST_OF_USUAL = 2;

/**
 * Of a topic's peers at this relay and at the others: most hold slots at two relays, and are counted by both. Tabs choose relays by chance, so
 * of three or more one that counts far more than the others is not believed: by exaggerating it would make every worker of the network wait.
 * Of two it cannot be told which is wrong. One that counts nobody has just come up, and does not say what is usual: or two such, beside
 * the one that has all workers, would have each of these bid at once.
 */
export function estimate(here: number, there: readonly number[]): number {
  const counts = [here, ...there].filter((count) => count > 0).sort((a, b) => a - b);
  const median = counts[Math.ceil(counts.length / 2) - 1] ?? 0;
  const most = there.length < 2 ? Number.POSITIVE_INFINITY : MOST_OF_USUAL * Math.max(here, median);
  const believed = there.map((count) => Math.min(count, most));
  const all = believed.reduce((a, b) => a + b, here);
  return Math.max(here, ...believed, Math.round(all / 2));
}

/**
 * True where our relays do not all know each other, even by way of others: tabs on one side do not find those on the other. A link counts
 * if one of its two ends tells of it; a relay that has said nothing is not counted.
 */
export function isSplit(said: Said): boolean {
  const [first] = said.keys();
  if (first === undefined) return false;
  const links = [...said].flatMap(([relay, { relays }]) =>
    relays.map((to) => [relay, to] as const),
  );
  const reached = new Set<PeerId>([first]);
  for (let before = 0; before < reached.size; ) {
    before = reached.size;
    for (const [a, b] of links) {
      if (reached.has(a)) reached.add(b);
      if (reached.has(b)) reached.add(a);
    }
  }
  return [...said.keys()].some((relay) => !reached.has(relay));
}
