/** Who may work for a stream at all, before anybody is chosen: tags, lists, private crews, records. */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import type { Bid } from "@tabcast/protocol";
import { concatBytes, equalBytes, toHex } from "@tabcast/runtime";

/**
 * What a broadcaster asks of everybody it hires. Names are peer ids, or payees as 0x and 40 lower-case hexadecimal digits: a payee is
 * let in where it has signed for the worker's key, and kept out wherever it is named.
 */
export interface Policy {
  /** Tags a worker must have. */
  readonly need: readonly string[];
  /** Nobody else, unless it is empty. */
  readonly allow: readonly string[];
  /** Not these. Counts before `allow`. */
  readonly deny: readonly string[];
  /** What the members of a private crew know; undefined: the offer is for everybody. */
  readonly token?: Uint8Array;
}

/** For everybody. */
export const open: Policy = { need: [], allow: [], deny: [] };

/** Why a bid cannot be had, and after how long it might; 0 where waiting does not help. */
export interface Denial {
  readonly why: "incapable" | "denied" | "private" | "suspended" | "wrong payee proof";
  readonly retryMs: number;
}

const text = new TextEncoder();

/** The first 16 bytes of SHA-256("tabcast/1/crew" 0x00 token): tells members which token is meant, and nobody what it is. */
export const crewId = (token: Uint8Array): Uint8Array<ArrayBuffer> =>
  sha256(concatBytes(text.encode("tabcast/1/crew"), Uint8Array.of(0), token)).slice(
    0,
    16,
  ) as Uint8Array<ArrayBuffer>;

/** HMAC-SHA256(token, offer id, peer id as UTF-8): shows that a worker knows the token, for this offer and this worker only. */
export const proof = (
  token: Uint8Array,
  offer: Uint8Array,
  worker: string,
): Uint8Array<ArrayBuffer> =>
  hmac(sha256, token, concatBytes(offer, text.encode(worker))) as Uint8Array<ArrayBuffer>;

/** What a bid's payee is worth: it has signed for the worker's key; it was only named; or its signature is another's. */
export type PayeeClaim = "proven" | "named" | "forged";

/** What was found out about a bid. */
export interface Findings {
  readonly payee: PayeeClaim;
  /** How long its record keeps it out, in milliseconds. */
  readonly suspendedFor: number;
}

/**
 * Why a bid whose signature was checked is not for this stream; undefined if it is. Anybody can name a payee: that keeps the namer out
 * where the payee is denied, and lets nobody in.
 */
export function bid(
  made: Pick<Bid, "offer" | "worker" | "payee" | "tags" | "proof">,
  policy: Policy,
  { payee, suspendedFor }: Findings,
): Denial | undefined {
  if (payee === "forged") return { why: "wrong payee proof", retryMs: 0 };
  const named = `0x${toHex(made.payee)}`;
  const { worker } = made;
  const denied = policy.deny.some((name) => name === worker || name === named);
  const allowed =
    policy.allow.length === 0 ||
    policy.allow.some((name) => name === worker || (payee === "proven" && name === named));
  if (denied || !allowed) return { why: "denied", retryMs: 0 };
  const { token } = policy;
  if (token !== undefined && !equalBytes(made.proof, proof(token, made.offer, made.worker)))
    return { why: "private", retryMs: 0 };
  if (policy.need.some((tag) => !made.tags.includes(tag))) return { why: "incapable", retryMs: 0 };
  return suspendedFor > 0 ? { why: "suspended", retryMs: suspendedFor } : undefined;
}
