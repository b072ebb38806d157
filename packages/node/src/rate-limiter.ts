import { type Config, Limits } from "@tabcast/market";
import type { PeerId } from "@tabcast/mesh";
import { CodedError } from "@tabcast/runtime";
import type { Context } from "./context.ts";

type Kind = keyof Config["rates"];

/** A message that was not read, because its sender sends too many. Do: nothing, or send less. */
export class FloodError extends CodedError<{
  code: "FLOODING";
  peer: PeerId;
  kind: Kind;
  cut: boolean;
}> {}

/** What was dropped, told at most once a second for each reason and kind; the counts are of all. */
export interface Dropped {
  readonly what: string;
  readonly reason: Limits.Drop;
  readonly peer: PeerId;
  readonly drops: Limits.Drops;
}

/** Lets each peer send so much of each kind, and counts what is dropped and why. */
export interface RateLimiter {
  /** Throws FloodError where the peer sends too much. */
  pass(kind: Kind, peer: PeerId): void;
  /** Counts a refusal if it is one of the peer's making. */
  refused(what: string, peer: PeerId, error: unknown): void;
  dropped(what: string, peer: PeerId, reason: Limits.Drop): void;
  drops(): Limits.Drops;
}

const TELL_MS = 1_000;

export function openRateLimiter(
  { clock }: Pick<Context, "clock">,
  { rates }: Pick<Config, "rates">,
  on: (dropped: Dropped) => void,
): RateLimiter {
  const buckets = new Map<Kind, Limits.Buckets>();
  const told = new Map<string, number>();
  let drops: Limits.Drops = {};
  const dropped: RateLimiter["dropped"] = (what, peer, reason) => {
    drops = Limits.count(drops, reason);
    const key = `${what} ${reason}`;
    const now = clock.now();
    if (now - (told.get(key) ?? Number.NEGATIVE_INFINITY) < TELL_MS) return;
    told.set(key, now);
    on({ what, reason, peer, drops });
  };
  return {
    pass(kind, peer) {
      const peers = buckets.get(kind) ?? new Map();
      buckets.set(kind, peers);
      const answer = Limits.admit(peers, peer, rates[kind], clock.now());
      if (answer === "take") return;
      dropped(kind, peer, "flooding");
      const cut = answer === "cut";
      throw new FloodError(
        { code: "FLOODING", peer, kind, cut },
        `${peer} sends too many of kind ${kind}${cut ? ": it is cut off for a while" : ""}`,
      );
    },
    refused(what, peer, error) {
      if (!(error instanceof CodedError)) return;
      const reason = Limits.reasonOf(error);
      if (reason !== undefined) dropped(what, peer, reason);
    },
    dropped,
    drops: () => drops,
  };
}
