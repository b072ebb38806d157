import type { PeerId } from "@tabcast/mesh";
import { BoundedMap } from "@tabcast/runtime";
import type { Context } from "./context.ts";

/** How long a holder that failed is asked last, in milliseconds: twice as long each time running, up to a bound. */
const BACK_OFF_MS = 15_000;
const MOST_BACK_OFF_MS = 600_000;
/** Holders that failed and are remembered for it. */
const MOST_FAILED = 1_024;

/** Someone who is said to hold bytes, and where to find them. */
export interface Whereabouts {
  readonly peer: PeerId;
  readonly addrs: readonly string[];
  /** Nobody has said that it holds them: not to have them is no failure. */
  readonly unsure?: true;
}

/** Chooses in which order the holders of some bytes are asked, and learns from what came of it. */
export interface Sources {
  /** Whom to ask, the first one first; who is left out is not asked. */
  order(holders: readonly Whereabouts[]): readonly Whereabouts[];
  /** A holder gave nothing, or something else, or was too slow. */
  failed(peer: PeerId): void;
}

/** Keeps the order that the entry has, but asks those that failed of late last, and never this tab itself. */
export function openSources({ mesh, clock }: Pick<Context, "mesh" | "clock">): Sources {
  const failures = new BoundedMap<PeerId, { readonly times: number; readonly until: number }>(
    MOST_FAILED,
  );

  return {
    order(holders) {
      const now = clock.now();
      const late = ({ peer }: Whereabouts) => ((failures.get(peer)?.until ?? 0) > now ? 1 : 0);
      return holders.filter(({ peer }) => peer !== mesh.self).toSorted((a, b) => late(a) - late(b));
    },
    failed(peer) {
      const now = clock.now();
      const known = failures.get(peer);
      // Asked last and failing again says nothing new.
      if (known !== undefined && known.until > now) return;
      // Not forgiven for what it serves between: who stalls would serve what is small.
      const times = known !== undefined && now < known.until + MOST_BACK_OFF_MS ? known.times : 0;
      const forMs = Math.min(MOST_BACK_OFF_MS, BACK_OFF_MS * 2 ** times);
      failures.set(peer, { times: times + 1, until: now + forMs });
    },
  };
}
