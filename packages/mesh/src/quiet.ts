/** Which relays bring no gossip while others do. */
import type { PeerId } from "./mesh.ts";

/**
 * Seconds in which another relay brought a message, one after the other without a sign from this one, after which it is set aside. Who
 * passes on to a relay what that does not have yet is sent nothing back: an honest relay farther away than the other is silent for ever.
 * To one that is set aside nothing is passed on, and it tells which messages it has, whoever brought them to it.
 */
export const ASIDE_AFTER = 10;
/** As many, after which it counts as quiet: thirty more. It tells by a draw each second of one in four or more: 0.75^30 is 0.0002. */
export const QUIET_AFTER = ASIDE_AFTER + 30;

export interface QuietWatch {
  /** A relay brought a new message that is good, or gave any other sign of gossip. `now` in milliseconds. */
  brought(relay: PeerId, what: "message" | "sign", now: number): void;
  /** Those of the relays, all connected, that are quiet. The others are forgotten. */
  quiet(connected: readonly PeerId[]): PeerId[];
}

/** Nobody has brought anything yet. `setAside` is called each ASIDE_AFTER, for who may have been taken back. */
export function watchQuiet({ setAside }: { setAside(relay: PeerId): void }): QuietWatch {
  const missed = new Map<PeerId, number>();
  let second = Number.NEGATIVE_INFINITY;
  return {
    brought(relay, what, now) {
      if (missed.has(relay)) missed.set(relay, 0);
      const is = Math.floor(now / 1_000);
      if (what === "sign" || is <= second) return;
      second = is;
      for (const [other, before] of missed) {
        if (other === relay) continue;
        missed.set(other, before + 1);
        if ((before + 1) % ASIDE_AFTER === 0) setAside(other);
      }
    },
    quiet(connected) {
      for (const relay of missed.keys()) if (!connected.includes(relay)) missed.delete(relay);
      for (const relay of connected) if (!missed.has(relay)) missed.set(relay, 0);
      return connected.filter((relay) => (missed.get(relay) ?? 0) >= QUIET_AFTER);
    },
  };
}
