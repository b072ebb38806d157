import { equalBytes, toHex } from "@tabcast/runtime";
import { Envelope } from "./envelope.ts";
import { ProtocolError } from "./errors.ts";
import type { Signer } from "./keys.ts";
import { Announce, Award, Bid, Closed, Entry, Offer, Receipt } from "./messages.ts";
import type { Loose, Noun } from "./noun.ts";
import { publicKeyOf } from "./peer-key.ts";

/** How far two tabs' clocks may differ, in milliseconds. */
export const MAX_SKEW_MS = 60_000;
/** How long an announcement counts, in milliseconds; it is renewed every few seconds. */
export const ANNOUNCE_TTL_MS = 30_000;

export interface Fresh {
  /** Unix milliseconds of this clock. Left out: of any age, for what is read from a recording. */
  readonly now?: number;
}

export interface From {
  /** The raw Ed25519 public key that must have signed: `publicKeyOf(peer)`. */
  readonly from: Uint8Array;
}

const seal =
  <T>(kind: string, noun: Noun<T>) =>
  (signer: Signer, message: Loose<T>): Promise<Uint8Array<ArrayBuffer>> =>
    Envelope.seal(signer, kind, noun.encode(message));

async function open<T>(
  kind: string,
  noun: Noun<T>,
  bytes: Uint8Array,
  from?: Uint8Array,
): Promise<{ message: T; signer: Uint8Array }> {
  const { payload, signer } = await Envelope.open(bytes, kind, { from });
  return { message: noun.decode(payload), signer };
}

function requireSigner(kind: string, expected: Uint8Array, got: Uint8Array): void {
  if (equalBytes(expected, got)) return;
  throw new ProtocolError(
    { code: "PROTOCOL_SIGNER", kind, expected: toHex(expected), got: toHex(got) },
    `${kind}: signed by ${toHex(got)}, but speaks for ${toHex(expected)}`,
  );
}

function requireFresh(kind: string, atMs: number, ttlMs: number, now: number | undefined): void {
  if (now === undefined || (atMs <= now + MAX_SKEW_MS && now <= atMs + ttlMs + MAX_SKEW_MS)) return;
  throw new ProtocolError(
    { code: "PROTOCOL_STALE", kind, atMs, nowMs: now },
    `${kind}: dated ${atMs} for ${ttlMs} ms, but it is ${now} here`,
  );
}

/** Opens what a stream says of itself: the signer must be the stream. */
async function openStream<T extends { stream: Uint8Array }>(
  kind: string,
  noun: Noun<T>,
  bytes: Uint8Array,
): Promise<T> {
  const { message, signer } = await open(kind, noun, bytes);
  requireSigner(kind, message.stream, signer);
  return message;
}

/** Signs an announcement with the stream key. */
export const sealAnnounce = seal("announce", Announce);
/** An announcement signed by its stream. Throws ProtocolError; PROTOCOL_STALE if it is older than 30 s plus skew, or from the future. */
export async function openAnnounce(bytes: Uint8Array, { now }: Fresh): Promise<Announce> {
  const announce = await openStream("announce", Announce, bytes);
  requireFresh("announce", announce.atMs, ANNOUNCE_TTL_MS, now);
  return announce;
}

/** Signs an offer with the stream key. */
export const sealOffer = seal("offer", Offer);
/** An offer signed by its stream. Throws ProtocolError; PROTOCOL_STALE outside its time to live plus skew. */
export async function openOffer(bytes: Uint8Array, { now }: Fresh): Promise<Offer> {
  const offer = await openStream("offer", Offer, bytes);
  requireFresh("offer", offer.atMs, offer.ttlMs, now);
  return offer;
}

/** Signs the end of an offer with the stream key. */
export const sealClosed = seal("closed", Closed);
/** The end of an offer, signed by its stream. Throws ProtocolError. */
export const openClosed = (bytes: Uint8Array): Promise<Closed> =>
  openStream("closed", Closed, bytes);

/** Signs a bid with the worker's peer key. */
export const sealBid = seal("bid", Bid);
/** A bid signed by `from`, which must be the worker it names. Throws ProtocolError. */
export async function openBid(bytes: Uint8Array, { from }: From): Promise<Bid> {
  const { message } = await open("bid", Bid, bytes, from);
  // A peer id of another kind (in a simulation) says nothing of its key; `from` has proved the signer then.
  requireSigner("bid", publicKeyOf(message.worker) ?? from, from);
  return message;
}

/** Signs an award with the stream key. */
export const sealAward = seal("award", Award);
/** An award signed by its stream. Throws ProtocolError. */
export const openAward = (bytes: Uint8Array): Promise<Award> => openStream("award", Award, bytes);

/** Signs a receipt with the worker's peer key. */
export const sealReceipt = seal("receipt", Receipt);
/** A receipt signed by `from`, the worker's peer key. Throws ProtocolError. */
export const openReceipt = async (bytes: Uint8Array, { from }: From): Promise<Receipt> =>
  (await open("receipt", Receipt, bytes, from)).message;

/** Signs a manifest entry with the stream key. */
export const sealEntry = seal("entry", Entry);
/** A manifest entry signed by its stream. Throws ProtocolError. */
export const openEntry = (bytes: Uint8Array): Promise<Entry> => openStream("entry", Entry, bytes);
