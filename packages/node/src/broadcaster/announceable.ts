import { LIVE, Screen } from "@tabcast/market";
import { Announce, Entry, type Loose, Offer, ProtocolError } from "@tabcast/protocol";
import { CodedError } from "@tabcast/runtime";
import { offerFacts, streamFacts } from "./facts.ts";
import type { BroadcastOptions } from "./types.ts";

/** A stream that no peer could be told of: what it says of itself is what every peer refuses. Do: change the source or the ladder as the message says. */
export class UnannounceableError extends CodedError<{
  code: "BROADCAST_REFUSED";
  /** Where, such as "source.height". */
  field: string;
}> {}

/** The figures that a stream's messages carry, as `broadcast` was asked for them. */
export interface Plan
  extends Pick<BroadcastOptions, "rungs" | "codec" | "title" | "workers" | "aac"> {
  readonly info: BroadcastOptions["source"]["info"];
  readonly segmentMs: number;
  readonly slackMs: number;
  readonly maxPrice: bigint;
  /** 0: nobody is hired, and no offer goes out. */
  readonly wanted: number;
}

const zeros = (length: number) => new Uint8Array(length);
const PEER = "12D3KooWA";
/** What is not known before the stream runs, at a value that every peer takes. */
const STREAM = { stream: zeros(32), broadcaster: PEER, addrs: [], atMs: 0 };
const POT = {
  chainId: 1,
  contract: zeros(20),
  payer: zeros(20),
  signer: zeros(20),
  token: zeros(20),
  challengeS: 1,
  salt: zeros(32),
};

/**
 * Holds what a stream will say of itself, in its announcement, its offers and its entries, against the rules that every peer holds it
 * against. Throws BROADCAST_REFUSED, in one line with what was expected and what came: without this such a stream runs to its end, and
 * is paid for, although nobody can find it.
 */
export function requireAnnounceable(plan: Plan): void {
  try {
    Announce.encode(announcement(plan));
    if (plan.wanted > 0 && plan.rungs.length > 0) Offer.encode(offer(plan));
    Entry.encode(entry(plan));
  } catch (error) {
    if (!(error instanceof ProtocolError) || error.reason.code !== "PROTOCOL_FIELD") throw error;
    const { kind, field, expected, got } = error.reason;
    throw new UnannounceableError(
      { code: "BROADCAST_REFUSED", field },
      `this stream cannot be told to anybody: ${kind.toLowerCase()}.${field} must be ${expected}, got ${got}`,
      { cause: error },
    );
  }
}

/** What viewers are told. */
const announcement = (plan: Plan): Loose<Announce> => ({
  ...STREAM,
  ...streamFacts(plan, plan.info, { title: plan.title, startedMs: 0 }),
  newest: 0,
  ended: false,
});

/** What workers are told. */
const offer = (plan: Plan): Loose<Offer> => ({
  ...STREAM,
  ...offerFacts(plan, plan.info, {
    seedCommit: zeros(32),
    policy: { ...Screen.open, ...plan.workers },
  }),
  id: zeros(16),
  slackMs: Math.round(plan.slackMs),
  maxPrice: plan.maxPrice,
  wanted: plan.wanted,
  pot: POT,
  ttlMs: LIVE.offerTtlMs,
});

/** A segment of which nothing was made: as many tracks as there will be. */
function entry({ rungs, info, segmentMs, aac }: Plan): Loose<Entry> {
  const sounds = info.audioCodec === undefined ? [] : aac ? ["audio", "audio-aac"] : ["audio"];
  const names = [...rungs.map(({ name }) => name), "source", ...sounds];
  const tracks = names.map((name) => ({
    name,
    codecs: "",
    initHash: zeros(0),
    mediaHash: zeros(0),
    initLen: 0,
    mediaLen: 0,
    frames: 0,
    holders: [],
    gap: true,
  }));
  const holders = [{ peer: PEER, addrs: [] }];
  const durationUs = segmentMs * 1_000;
  const { stream, broadcaster } = STREAM;
  return { stream, seq: 0, startUs: 0, durationUs, capturedMs: 0, holders, tracks, broadcaster };
}
