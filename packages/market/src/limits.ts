/** How much a peer may ask of us: a bucket of tokens for each kind of message; who goes on regardless is cut off. */

import { type Allowance, refill, type Bucket as Tokens } from "@tabcast/runtime";

/** After `patience` refusals in a row the peer is cut off for `cutMs`. */
export interface Rate extends Allowance {
  readonly patience: number;
  readonly cutMs: number;
}

export interface Bucket extends Tokens {
  /** Refusals since one was last allowed with the bucket half full. */
  readonly refused: number;
  /** Nothing before this. */
  readonly cutUntil: number;
}

export type Answer = "take" | "limited" | "cut";

/** Peers remembered by one limiter; the longest unheard makes room, unless it is cut off. */
export const MOST_PEERS = 512;

/** One message more at `now`. A bucket never holds more than `burst`, and never less than none. */
export function take(
  before: Bucket | undefined,
  rate: Rate,
  now: number,
): readonly [Bucket, Answer] {
  const bucket = before ?? { tokens: rate.burst, at: now, refused: 0, cutUntil: 0 };
  if (now < bucket.cutUntil) return [bucket, "cut"];
  const { tokens, at } = refill(bucket, rate, now);
  if (tokens >= 1) {
    const refused = tokens >= rate.burst / 2 ? 0 : bucket.refused;
    return [{ tokens: tokens - 1, at, refused, cutUntil: 0 }, "take"];
  }
  const refused = bucket.refused + 1;
  const cut = refused >= rate.patience;
  const next = { tokens, at, refused: cut ? 0 : refused, cutUntil: cut ? now + rate.cutMs : 0 };
  return [next, cut ? "cut" : "limited"];
}

/** Buckets of many peers, the longest unheard first. */
export type Buckets = Map<string, Bucket>;

/** One message more of a peer. `buckets` changes: a copy for every message would cost more than most messages do. */
export function admit(buckets: Buckets, peer: string, rate: Rate, now: number): Answer {
  const [bucket, answer] = take(buckets.get(peer), rate, now);
  buckets.delete(peer);
  buckets.set(peer, bucket);
  if (buckets.size <= MOST_PEERS) return answer;
  for (const [other, { cutUntil }] of buckets) {
    if (buckets.size <= MOST_PEERS) break;
    if (other !== peer && cutUntil <= now) buckets.delete(other);
  }
  for (const other of buckets.keys()) {
    if (buckets.size <= MOST_PEERS) break;
    buckets.delete(other);
  }
  return answer;
}

/** Why a message was dropped. */
export type Drop =
  | "oversized"
  | "malformed"
  | "mis-signed"
  | "expired"
  | "future-dated"
  | "replayed"
  | "contradictory"
  | "flooding";

/** Messages dropped, by reason. */
export type Drops = { readonly [Reason in Drop]?: number };

/** What a refusal of ours says of the message: by the error's code, and its times where it is about them. */
export function reasonOf(error: {
  readonly code: string;
  readonly reason?: object;
}): Drop | undefined {
  switch (error.code) {
    case "PROTOCOL_TOO_LARGE":
    case "MESH_TOO_LARGE":
      return "oversized";
    case "PROTOCOL_MALFORMED":
    case "PROTOCOL_FIELD":
    case "PROTOCOL_KIND":
    case "PROTOCOL_WORK":
      return "malformed";
    case "PROTOCOL_SIGNER":
    case "PROTOCOL_SIGNATURE":
      return "mis-signed";
    case "DELIVERY_RECEIPT":
    case "PROTOCOL_NO_PROOF":
    case "JOB_CONFLICT":
    case "MEDIA_UNEXPECTED":
      return "contradictory";
    case "PROTOCOL_STALE": {
      const { atMs = 0, nowMs = 0 } = (error.reason ?? {}) as { atMs?: number; nowMs?: number };
      return atMs > nowMs ? "future-dated" : "expired";
    }
    default:
      return undefined;
  }
}

/** The counts with one more. */
export const count = (drops: Drops, reason: Drop): Drops => ({
  ...drops,
  [reason]: (drops[reason] ?? 0) + 1,
});
