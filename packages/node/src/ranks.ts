import { type Mesh, type PeerId, RANKS, type Rank } from "@tabcast/mesh";
import { BoundedMap } from "@tabcast/runtime";

/** Peers remembered for having taken something whole; the one that did so longest ago makes room. */
const MOST_VIEWERS = 1_024;

/** What a peer is to one part of a tab; undefined: nothing. */
export type Knows = (peer: PeerId) => Rank | undefined;

interface Ranks {
  readonly parts: Set<Knows>;
  readonly viewers: BoundedMap<PeerId, true>;
}

/** Several broadcasts, viewers and a worker may live in one tab, which has one uplink. */
const tabs = new WeakMap<Mesh, Ranks>();

function ranksOf(mesh: Mesh): Ranks {
  const ranks = tabs.get(mesh) ?? { parts: new Set(), viewers: new BoundedMap(MOST_VIEWERS) };
  tabs.set(mesh, ranks);
  return ranks;
}

/** Asks `knows` too who a peer is, until `signal` fires. */
export function knowPeers(mesh: Mesh, knows: Knows, signal: AbortSignal): void {
  const { parts } = ranksOf(mesh);
  if (signal.aborted) return;
  parts.add(knows);
  signal.addEventListener("abort", () => parts.delete(knows), { once: true });
}

/** A peer has taken all that it asked for, at a viewer's pace: it is no stranger any more. */
export const tookWhole = (mesh: Mesh, peer: PeerId): void =>
  void ranksOf(mesh).viewers.set(peer, true);

/** The first rank that a part of this tab knows a peer by; a viewer is whoever has taken something whole, anybody else a stranger. */
export function rankOf(mesh: Mesh, peer: PeerId): Rank {
  const { parts, viewers } = ranksOf(mesh);
  const known = [...parts].flatMap((knows) => knows(peer) ?? []);
  const rest: Rank = viewers.has(peer) ? "viewer" : "stranger";
  return RANKS.find((rank) => known.includes(rank)) ?? rest;
}
