import { equalBytes, sha256, toHex } from "@tabcast/runtime";
import { Envelope } from "./envelope.ts";
import { ProtocolError } from "./errors.ts";
import type { Signer } from "./keys.ts";
import {
  Announce,
  Award,
  Bid,
  Closed,
  Complaint,
  Entry,
  Equivocation,
  Offer,
  PrivateAnnounce,
  PrivateEntry,
  PrivateOffer,
  Receipt,
  Reveal,
} from "./messages.ts";
import type { Loose, Noun } from "./noun.ts";
import { publicKeyOf } from "./peer-key.ts";
import type { CrewKeys, WatchKeys } from "./private.ts";
import { show } from "./shape.ts";
import { findWork, workOf } from "./work.ts";

/** How far two tabs' clocks may differ, in milliseconds. */
export const MAX_SKEW_MS = 60_000;
/** How long an announcement counts, in milliseconds; it is renewed every few seconds. */
export const ANNOUNCE_TTL_MS = 30_000;

/** How far the clock of a sender that was never heard before may be off, in milliseconds: a day, a time zone, and some. */
export const MAX_OFFSET_MS = 40 * 3_600_000;
/** Senders whose clocks are remembered. */
const MOST_CLOCKS = 1_024;

/**
 * How far the clocks of others are ahead of ours, from when their own messages came: people's computers are wrong by hours, and
 * what counts is that a message is not old. A message takes time to come, so the largest difference seen is the nearest.
 */
export class Clocks {
  readonly #known = new Map<string, { readonly ahead: number; readonly at: number }>();

  /** Says whether a sender's message of `atMs` that counts for `ttlMs` is fresh at `now`, and learns from it if it is. */
  take(sender: string, atMs: number, ttlMs: number, now: number): boolean {
    const ahead = atMs - now;
    if (Math.abs(ahead) > MAX_OFFSET_MS) return false;
    const before = this.#known.get(sender);
    // Nothing fresh for so long: its clock may have been put right since.
    const forgotten = before === undefined || now - before.at > ttlMs + MAX_SKEW_MS;
    const most = forgotten ? ahead : Math.max(ahead, before.ahead);
    if (now + most > atMs + ttlMs + MAX_SKEW_MS) return false;
    this.#known.delete(sender);
    this.#known.set(sender, { ahead: most, at: now });
    if (this.#known.size > MOST_CLOCKS)
      this.#known.delete(this.#known.keys().next().value as string);
    return true;
  }
}

export interface Fresh {
  /** Unix milliseconds of this clock. Left out: of any age, for what is read from a recording. */
  readonly now?: number;
  /** What is known of others' clocks. Left out: they must be within 60 s of ours. */
  readonly clocks?: Clocks;
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

function requireFresh(
  kind: string,
  { stream, atMs }: { readonly stream: Uint8Array; readonly atMs: number },
  ttlMs: number,
  { now, clocks }: Fresh,
): void {
  if (now === undefined) return;
  const fresh =
    clocks === undefined
      ? atMs <= now + MAX_SKEW_MS && now <= atMs + ttlMs + MAX_SKEW_MS
      : clocks.take(toHex(stream), atMs, ttlMs, now);
  if (fresh) return;
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
export async function openAnnounce(bytes: Uint8Array, fresh: Fresh): Promise<Announce> {
  const announce = await openStream("announce", Announce, bytes);
  requireFresh("announce", announce, ANNOUNCE_TTL_MS, fresh);
  return announce;
}

/** Signs an offer with the stream key. */
export const sealOffer = seal("offer", Offer);
/** An offer signed by its stream. Throws ProtocolError; PROTOCOL_STALE outside its time to live plus skew. */
export async function openOffer(bytes: Uint8Array, fresh: Fresh): Promise<Offer> {
  const offer = await openStream("offer", Offer, bytes);
  requireFresh("offer", offer, offer.ttlMs, fresh);
  return offer;
}

/** Signs the end of an offer with the stream key. */
export const sealClosed = seal("closed", Closed);
/** The end of an offer, signed by its stream. Throws ProtocolError. */
export const openClosed = (bytes: Uint8Array): Promise<Closed> =>
  openStream("closed", Closed, bytes);

/** Signs a bid with the worker's peer key. */
export const sealBid = seal("bid", Bid);
/** A bid signed by `from`, whose peer id must be the worker it names. Throws ProtocolError. */
export async function openBid(bytes: Uint8Array, { from }: From): Promise<Bid> {
  const { message } = await open("bid", Bid, bytes, from);
  // A name that holds no key is nobody's: of such names one peer could bid as many as it likes.
  requireSigner("bid", publicKeyOf(message.worker) ?? new Uint8Array(0), from);
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

/** Zero bits that the hash of a complaint begins with: 65,536 tries on average, half a second to five of one core. */
export const COMPLAINT_BITS = 16;

/** Finds the nonce of a complaint and signs it with the viewer's peer key. Rejects with the signal's reason. */
export async function sealComplaint(
  signer: Signer,
  message: Omit<Loose<Complaint>, "nonce">,
  options: { readonly signal: AbortSignal },
): Promise<Uint8Array<ArrayBuffer>> {
  const whole = (nonce: number) => Complaint.encode({ ...message, nonce });
  const nonce = await findWork(whole(0), COMPLAINT_BITS, options);
  return Envelope.seal(signer, "complaint", whole(nonce));
}

/**
 * A complaint signed by `from`, whose peer id must be the viewer it names. The work is looked at before the signature. Throws
 * ProtocolError; PROTOCOL_WORK where there is too little of it.
 */
export async function openComplaint(bytes: Uint8Array, { from }: From): Promise<Complaint> {
  const got = await workOf(Envelope.payloadOf(bytes));
  if (got < COMPLAINT_BITS)
    throw new ProtocolError(
      { code: "PROTOCOL_WORK", kind: "complaint", expected: COMPLAINT_BITS, got },
      `complaint: expected a hash that begins with ${COMPLAINT_BITS} zero bits, got ${got}`,
    );
  const { message } = await open("complaint", Complaint, bytes, from);
  requireSigner("complaint", publicKeyOf(message.viewer) ?? new Uint8Array(0), from);
  return message;
}

/** What draws and reveals name a sealed receipt by: SHA-256 of its payload. Verifies no signature. Throws ProtocolError. */
export const hashReceipt = (sealed: Uint8Array): Promise<Uint8Array<ArrayBuffer>> =>
  sha256(Envelope.payloadOf(sealed));

/** Signs a reveal with the stream key. */
export const sealReveal = seal("reveal", Reveal);
/** A reveal signed by its stream. Throws ProtocolError. */
export const openReveal = (bytes: Uint8Array): Promise<Reveal> =>
  openStream("reveal", Reveal, bytes);

/**
 * Who signed two different receipts for one segment, and both of them. Needs nothing but the bytes, so it convinces anybody.
 * Throws ProtocolError; PROTOCOL_NO_PROOF if they are of two workers, of two streams or segments, or the same.
 */
export async function openEquivocation(
  bytes: Uint8Array,
): Promise<{ readonly signer: Uint8Array; readonly first: Receipt; readonly second: Receipt }> {
  const sealed = Equivocation.decode(bytes);
  const [one, two] = [
    await Envelope.open(sealed.first, "receipt"),
    await Envelope.open(sealed.second, "receipt"),
  ];
  const no = (why: string) =>
    new ProtocolError(
      { code: "PROTOCOL_NO_PROOF", kind: "equivocation", why },
      `equivocation: ${why}`,
    );
  if (!equalBytes(one.signer, two.signer)) throw no("two signers");
  if (equalBytes(one.payload, two.payload)) throw no("one receipt twice");
  const [first, second] = [Receipt.decode(one.payload), Receipt.decode(two.payload)];
  // Broadcasters choose sequences: two of them could have one worker sign for the same, each for its own stream.
  const same =
    equalBytes(first.stream, second.stream) &&
    equalBytes(first.award, second.award) &&
    first.epoch === second.epoch &&
    first.seq === second.seq;
  if (!same) throw no("receipts of two segments");
  return { signer: one.signer, first, second };
}

/** Signs a manifest entry with the stream key. */
export const sealEntry = seal("entry", Entry);
/** A manifest entry signed by its stream. Throws ProtocolError. */
export const openEntry = (bytes: Uint8Array): Promise<Entry> => openStream("entry", Entry, bytes);

/** What stands outside of a private stream's box must be what is inside. */
function requireSame<T extends object>(
  kind: string,
  outside: T,
  inside: { [Field in keyof T]: T[Field] },
): void {
  for (const [field, said] of Object.entries(outside)) {
    const meant = (inside as Record<string, unknown>)[field];
    if (
      said instanceof Uint8Array && meant instanceof Uint8Array
        ? equalBytes(said, meant)
        : said === meant
    )
      continue;
    throw new ProtocolError(
      { code: "PROTOCOL_FIELD", kind, field, expected: show(meant), got: show(said) },
      `${kind}.${field} is ${show(meant)} inside of its box, and ${show(said)} outside`,
    );
  }
}

/** Signs a private stream's announcement with the stream key, encrypted for those who have its watch link. */
export async function sealPrivateAnnounce(
  signer: Signer,
  announce: Loose<Announce>,
  { announce: cipher }: Pick<WatchKeys, "announce">,
): Promise<Uint8Array<ArrayBuffer>> {
  const { stream, broadcaster, atMs, ended } = announce;
  const box = await cipher.encrypt(Announce.encode(announce), { number: atMs });
  return seal("privateannounce", PrivateAnnounce)(signer, {
    stream,
    broadcaster,
    atMs,
    ended,
    box,
  });
}

/** That a private stream is on the air, signed by it: all that those without its key learn. Throws ProtocolError. */
export const readPrivateAnnounce = (bytes: Uint8Array): Promise<PrivateAnnounce> =>
  openStream("privateannounce", PrivateAnnounce, bytes);

/** A private stream's announcement. Throws as `openAnnounce` does, and PROTOCOL_ENCRYPTED under another key. */
export async function openPrivateAnnounce(
  bytes: Uint8Array,
  { announce: cipher }: Pick<WatchKeys, "announce">,
  fresh: Fresh,
): Promise<Announce> {
  const { box, ...outside } = await readPrivateAnnounce(bytes);
  const announce = Announce.decode(await cipher.decrypt(box, { number: outside.atMs }));
  requireSame("announce", outside, announce);
  requireFresh("announce", announce, ANNOUNCE_TTL_MS, fresh);
  return announce;
}

/** Signs a private stream's manifest entry with the stream key, encrypted for those who have its watch link. */
export async function sealPrivateEntry(
  signer: Signer,
  entry: Loose<Entry>,
  { entry: cipher }: Pick<WatchKeys, "entry">,
): Promise<Uint8Array<ArrayBuffer>> {
  const { stream, broadcaster, seq } = entry;
  const box = await cipher.encrypt(Entry.encode(entry), { number: seq });
  return seal("privateentry", PrivateEntry)(signer, { stream, broadcaster, seq, box });
}

/** A private stream's manifest entry. Throws ProtocolError, PROTOCOL_ENCRYPTED under another key. */
export async function openPrivateEntry(
  bytes: Uint8Array,
  { entry: cipher }: Pick<WatchKeys, "entry">,
): Promise<Entry> {
  const { box, ...outside } = await openStream("privateentry", PrivateEntry, bytes);
  const entry = Entry.decode(await cipher.decrypt(box, { number: outside.seq }));
  requireSame("entry", outside, entry);
  return entry;
}

/** Signs a private stream's offer with the stream key, encrypted for those who have its crew link. */
export async function sealPrivateOffer(
  signer: Signer,
  offer: Loose<Offer>,
  { offer: cipher }: Pick<CrewKeys, "offer">,
): Promise<Uint8Array<ArrayBuffer>> {
  const { stream, broadcaster, atMs, ttlMs } = offer;
  const box = await cipher.encrypt(Offer.encode(offer), { number: atMs });
  return seal("privateoffer", PrivateOffer)(signer, { stream, broadcaster, atMs, ttlMs, box });
}

/** A private stream's offer. Throws as `openOffer` does, and PROTOCOL_ENCRYPTED under another key. */
export async function openPrivateOffer(
  bytes: Uint8Array,
  { offer: cipher }: Pick<CrewKeys, "offer">,
  fresh: Fresh,
): Promise<Offer> {
  const { box, ...outside } = await openStream("privateoffer", PrivateOffer, bytes);
  const offer = Offer.decode(await cipher.decrypt(box, { number: outside.atMs }));
  requireSame("offer", outside, offer);
  requireFresh("offer", offer, offer.ttlMs, fresh);
  return offer;
}
