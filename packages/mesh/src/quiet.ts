/** Which relays bring no gossip while others do. */
import type { PeerId } from "./mesh.ts";

/**
 * Seconds in which another relay brought a message, one after the other without anything from this one, after which it counts as quiet. A
 * relay tells a neighbour that it does not send to what it has, by a draw each second of one in four or more: 0.75^30 is 0.0002.
 */
export const QUIET_AFTER = 30;

export interface QuietWatch {
  /** A relay brought a message, or said only which it has. `now` in milliseconds. */
  brought(relay: PeerId, what: "message" | "names", now: number): void;
  /** Those of the relays, all connected, that are quiet. The others are forgotten. */
  quiet(connected: readonly PeerId[]): PeerId[];
}

/** Nobody has brought anything yet. */
export function watchQuiet(): QuietWatch {
  const missed = new Map<PeerId, number>();
  let second = Number.NEGATIVE_INFINITY;
  return {
    brought(relay, what, now) {
      const is = Math.floor(now / 1_000);
      if (what === "message" && is > second) {
        second = is;
        for (const [other, count] of missed) missed.set(other, count + 1);
      }
      if (missed.has(relay)) missed.set(relay, 0);
    },
    quiet(connected) {
      for (const relay of missed.keys()) if (!connected.includes(relay)) missed.delete(relay);
      for (const relay of connected) if (!missed.has(relay)) missed.set(relay, 0);
      return connected.filter((relay) => (missed.get(relay) ?? 0) >= QUIET_AFTER);
    },
  };
}
