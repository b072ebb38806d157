import { sha256 } from "@noble/hashes/sha2.js";
import type { Award, Offer } from "@tabcast/protocol";
import { concatBytes, equalBytes, toHex } from "@tabcast/runtime";
import * as Price from "./price.ts";

/** A worker as it sees itself. */
export interface Self {
  /** Own peer id. */
  readonly self: string;
  /** Least accepted, wei per output megapixel. */
  readonly price: bigint;
  /** What was measured here, per codec. */
  readonly capabilities: readonly { readonly codec: string; readonly pixelsPerSecond: number }[];
  /** Jobs that could start now; 0 while paused. */
  readonly free: number;
  /** Streams it is hired for, lower-case hex. */
  readonly working: readonly string[];
  /** Peers seen on the offers topic, without itself. */
  readonly neighbours: number;
  /** The speed at which the broadcaster has found this tab too slow for the offer, in output pixels per second. */
  readonly tooSlow?: number | undefined;
}

/** Why a worker does not bid, or does not take an award. */
export type Refusal = "busy" | "capped" | "too expensive" | "incapable" | "gone";

export type Plan =
  | { readonly bid: true; readonly delayMs: number; readonly pixelsPerSecond: number }
  | {
      readonly bid: false;
      readonly why: Refusal | "already in";
      /** It would do, but for its speed: output pixels per second that would be enough, and those measured. */
      readonly slow?: { readonly needed: number; readonly measured: number };
    };

/** Mean spacing of the bids of all workers, in milliseconds. */
export const BID_SPACING_MS = 20;
/** A tab that was found too slow bids again when it has measured itself so much faster. */
export const FASTER = 1.2;
/** Streams one tab works for at once. */
export const MOST_STREAMS = 8;

/**
 * A worker's place in the draw for one offer: SHA-256(offer id, then the worker's peer id as UTF-8), its first 48 bits as a
 * fraction in (0, 1). Anybody can compute it, nobody can choose it: the offer's id is fresh.
 */
export function draw(offer: Uint8Array, worker: string): number {
  const digest = sha256(concatBytes(offer, new TextEncoder().encode(worker)));
  let value = 0;
  for (const byte of digest.subarray(0, 6)) value = value * 256 + byte;
  return (value + 0.5) / 2 ** 48;
}

/**
 * How long to hold a bid back, in milliseconds: 20 x peers x -ln(draw) / weight. About one bid then comes each 20 ms, however
 * many workers there are. Not capped: a cap would make everybody beyond it bid at the same instant.
 */
export function delay(of: { draw: number; peers: number; weight: number }): number {
  return (BID_SPACING_MS * of.peers * -Math.log(of.draw)) / of.weight;
}

/** Milliseconds of one segment of the offer's whole ladder at `pixelsPerSecond`. */
export function transcodeMs(offer: Offer, pixelsPerSecond: number): number {
  const frames = (offer.fpsMilli / 1_000) * (offer.segmentMs / 1_000);
  return (Number(Price.pixels(offer.rungs, 1)) * frames * 1_000) / pixelsPerSecond;
}

/** Whether to bid on an offer, and when. */
export function consider(offer: Offer, me: Self): Plan {
  if (me.working.includes(toHex(offer.stream))) return { bid: false, why: "already in" };
  if (me.working.length >= MOST_STREAMS) return { bid: false, why: "capped" };
  if (me.free < 1) return { bid: false, why: "busy" };
  if (offer.maxPrice < me.price) return { bid: false, why: "too expensive" };
  const able = me.capabilities.find(({ codec }) => codec === offer.codec);
  if (able === undefined || !(able.pixelsPerSecond > 0)) return { bid: false, why: "incapable" };
  const measured = able.pixelsPerSecond;
  const enough = transcodeMs(offer, 1) / offer.slackMs;
  const needed = Math.ceil(Math.max(enough, FASTER * (me.tooSlow ?? 0)));
  if (measured < needed) return { bid: false, why: "incapable", slow: { needed, measured } };
  const takes = transcodeMs(offer, measured);
  // Work for others shares this tab's encoders; the crew shares the segments.
  if (me.working.length > 0 && takes / offer.wanted > 0.8 * offer.segmentMs)
    return { bid: false, why: "busy" };
  const eager = me.working.length === 0 && 2 * takes <= offer.segmentMs;
  const delayMs = delay({
    draw: draw(offer.id, me.self),
    peers: Math.max(1, me.neighbours + 1),
    weight: eager ? 2 : 1,
  });
  return { bid: true, delayMs, pixelsPerSecond: able.pixelsPerSecond };
}

/** What an award must fit: the offer it answers and the bid that was sent. */
export interface Standing extends Omit<Self, "neighbours"> {
  readonly payee: Uint8Array;
  readonly lane: number;
  /** The offer that was bid on, if it is still known. */
  readonly offer: Offer | undefined;
  /** Highest epoch taken from this stream so far; 0 for none. */
  readonly epoch: number;
}

/** Whether to take an award. Slots are looked at again here: a bid may be seconds old. */
export function accept(award: Award, me: Standing): { ok: true } | { ok: false; why: Refusal } {
  const { offer } = me;
  const mine =
    offer !== undefined &&
    award.worker === me.self &&
    award.lane === me.lane &&
    equalBytes(award.offer, offer.id) &&
    equalBytes(award.stream, offer.stream) &&
    equalBytes(award.payee, me.payee) &&
    award.epoch > me.epoch;
  if (!mine) return { ok: false, why: "gone" };
  if (award.price < me.price) return { ok: false, why: "too expensive" };
  if (!me.capabilities.some(({ codec }) => codec === offer.codec))
    return { ok: false, why: "incapable" };
  const known = me.working.includes(toHex(award.stream));
  if (!known && me.working.length >= MOST_STREAMS) return { ok: false, why: "capped" };
  if (me.free < 1) return { ok: false, why: "busy" };
  return { ok: true };
}
