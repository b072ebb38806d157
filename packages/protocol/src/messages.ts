import type { Rung } from "@tabcast/runtime";
import * as Generated from "./generated/messages.ts";
import { define, type Noun } from "./noun.ts";
import {
  blob,
  bytes,
  type Check,
  flag,
  list,
  maybe,
  object,
  oneOf,
  show,
  text,
  type Complaint as WrongField,
  wei,
  whole,
} from "./shape.ts";

/** Largest encoding of each message, in bytes, without its envelope. Source: SPEC.md 4. */
export const LIMITS = {
  Envelope: 8_448,
  Announce: 8_192,
  Offer: 4_096,
  Closed: 512,
  Bid: 2_048,
  BidReply: 512,
  Award: 1_024,
  Accept: 512,
  Job: 2_048,
  JobEnd: 64,
  JobReply: 2_560,
  Receipt: 2_048,
  Verdict: 1_024,
  VerdictReply: 512,
  Delegate: 512,
  DelegateReply: 512,
  Cancel: 512,
  Bye: 512,
  Get: 64,
  GetReply: 512,
  Entry: 8_192,
  ManifestRequest: 64,
  ManifestReply: 61_440,
  Hold: 256,
  HoldReply: 512,
  Complaint: 512,
  Equivocation: 4_736,
  Reveal: 8_192,
  PeersRequest: 64,
  PeersReply: 8_192,
  LiveRequest: 2_048,
  LiveReply: 61_440,
  PrivateAnnounce: 8_192,
  PrivateEntry: 8_192,
  PrivateOffer: 8_192,
} as const;

/** Largest box of a private stream's message, in bytes: with all that stands beside it, it fits an envelope. */
export const MAX_BOX = 7_936;
/** Most segments one Reveal tells of. */
export const MAX_REVEAL_CHECKS = 128;
/** Most entries one ManifestReply holds. */
export const MAX_MANIFEST_ENTRIES = 64;
/** Most peers one PeersReply names. */
export const MAX_KNOWN = 16;
/** Most announcements one LiveReply holds, and streams one LiveRequest names. */
export const MAX_LIVE = 32;
/** Most pieces of renditions in one part of a job's answer: of each rung samples, and a head. */
export const MAX_PIECES = 16;
/** Largest body of one part of a job's answer, in bytes. */
export const MAX_PART = 512 * 1024;
/** Largest init segment, in bytes. */
export const MAX_INIT = 65_536;
/** Largest media segment that a job carries or a worker makes, in bytes. */
export const MAX_JOB_MEDIA = 8 * 1024 * 1024;
/** Largest media segment of a published track, in bytes: a source may be richer than any rung. */
export const MAX_MEDIA = 32 * 1024 * 1024;
/** Largest media segment of sound that a worker is given to hold, in bytes: ten seconds at 400 kbit/s. */
export const MAX_SOUND = 512 * 1024;
/** Codec families a ladder can have. */
export const CODECS = ["avc", "vp9", "av1"] as const;
/** A worker's part in a stream. */
export const ROLES = ["crew", "backup"] as const;
/** What a viewer can say of a holder: too little came in time, it would not give, it gave something else, it was not there. */
export const FAULTS = ["stalled", "refused", "wrong", "unreachable"] as const;
/** How a worker encodes. */
export const HARDWARE = ["hw", "sw", "unknown"] as const;

type With<T, Field extends keyof T> = T & Required<Pick<T, Field>>;

export type Envelope = Generated.Envelope;
export type { Rung };
export type Pot = Generated.Pot;
export type Announce = With<Generated.Announce, "source">;
export type Offer = With<Generated.Offer, "pot">;
export type Closed = Generated.Closed;
export type Bid = Generated.Bid;
export type BidReply = Generated.BidReply;
export type Award = With<Generated.Award, "pot">;
export type Accept = Generated.Accept;
export type Job = Generated.Job;
export type JobEnd = Generated.JobEnd;
export type JobReply = Generated.JobReply;
export type Progress = Generated.Progress;
export type Piece = Generated.Piece;
export type Failure = Generated.Failure;
export type Rendition = Generated.Rendition;
export type Receipt = Generated.Receipt;
export type Voucher = Generated.Voucher;
export type Verdict = Generated.Verdict;
export type VerdictReply = Generated.VerdictReply;
export type Delegate = With<Generated.Delegate, "pot" | "voucher">;
export type DelegateReply = Generated.DelegateReply;
export type Cancel = Generated.Cancel;
export type Bye = Generated.Bye;
export type Get = Generated.Get;
export type GetReply = Generated.GetReply;
export type Holder = Generated.Holder;
export type Track = Generated.Track;
export type Entry = Generated.Entry;
export type ManifestRequest = Generated.ManifestRequest;
export type ManifestReply = Generated.ManifestReply;
export type Hold = Generated.Hold;
export type HoldReply = Generated.HoldReply;
export type Complaint = Generated.Complaint;
export type Equivocation = Generated.Equivocation;
export type Checked = Generated.Check;
export type Reveal = Generated.Reveal;
export type Known = Generated.Known;
export type PeersRequest = Generated.PeersRequest;
export type PeersReply = Generated.PeersReply;
export type LiveRequest = Generated.LiveRequest;
export type LiveReply = Generated.LiveReply;
export type PrivateAnnounce = Generated.PrivateAnnounce;
export type PrivateEntry = Generated.PrivateEntry;
export type PrivateOffer = Generated.PrivateOffer;

const KEY = 32;
const HASH = 32;
const ID = 16;
const ADDRESS = 20;
const U32 = 2 ** 32 - 1;

const peer = text(1, 128, /^[\w.:-]+$/);
const addrs = list(0, 8, text(1, 512, /^\/[\x21-\x7e]+$/));
const codec = oneOf(...CODECS);
/** RFC 6381, "avc1.640028". */
const codecs = text(1, 64, /^[\w.-]+$/);
const why = text(0, 200);
const rungName = text(1, 32, /^[\w.@-]+$/);
const tag = text(1, 32, /^[\w.:-]+$/);
/** A mark that is there or is not: one meaning has one form. */
const onlyTrue: Check = (value, field) =>
  value === true ? undefined : { field, expected: "true, or left out", got: show(value) };
/** So many bytes, or none. */
const maybeBytes = (length: number): Check => {
  const [none, all] = [bytes(0), bytes(length)];
  return (value, at) =>
    (value instanceof Uint8Array && value.byteLength === 0 ? none : all)(value, at);
};
const retryMs = whole(0, 3_600_000);
const ppm = whole(1, 1_000_000);
const duration = whole(1, 30_000_000);
const frames = whole(1, 10_000);

/** Both sides even, at most 3840 on one and 3840 x 2160 in all, so that a portrait picture fits too. */
const picture = (least: number): Check =>
  object<{ width: number; height: number }>(
    { width: whole(least, 3_840), height: whole(least, 3_840) },
    ({ width, height }, at) => {
      if (width % 2 !== 0) return { field: at("width"), expected: "even", got: show(width) };
      if (height % 2 !== 0) return { field: at("height"), expected: "even", got: show(height) };
      if (width * height > 3_840 * 2_160)
        return {
          field: at("height"),
          expected: "at most 3840 x 2160 pixels in all",
          got: `${width} x ${height}`,
        };
      return undefined;
    },
  );

/** Runs several checks on one value; the first complaint counts. */
const all =
  (...checks: readonly Check[]): Check =>
  (value, field) => {
    for (const check of checks) {
      const complaint = check(value, field);
      if (complaint !== undefined) return complaint;
    }
    return undefined;
  };

const someRung = (leastBitrate: number): Check =>
  all(
    object<Rung>({
      name: rungName,
      width: whole(0),
      height: whole(0),
      bitrate: whole(leastBitrate, 200_000_000),
    }),
    picture(16),
  );
const rung = someRung(1_000);

/** Tracks that a stream has besides its ladder: the source, its sound, and that as AAC. */
const OTHER_TRACKS = ["source", "audio", "audio-aac"];

/** A ladder: no name twice, and none of a track that is always there. */
const ladder = (least: number): Check =>
  all(list(least, 8, rung), (value, field) => {
    const names = (value as readonly Rung[]).map(({ name }) => name);
    const odd = names.find((name, i) => names.indexOf(name) !== i || OTHER_TRACKS.includes(name));
    return odd === undefined
      ? undefined
      : { field, expected: `distinct names, none of ${OTHER_TRACKS.join(", ")}`, got: show(odd) };
  });

const pot = object<Pot>({
  chainId: whole(1),
  contract: bytes(ADDRESS),
  payer: bytes(ADDRESS),
  signer: bytes(ADDRESS),
  token: bytes(ADDRESS),
  challengeS: whole(1, 30 * 86_400),
  salt: bytes(32),
});

const voucher = object<Voucher>({
  pot: bytes(32),
  lane: whole(0, U32),
  cumulative: blob(1, 12),
  signature: bytes(64),
});

/** Any signed message, for what is carried inside another. */
const sealed = blob(1, LIMITS.Envelope);

/** A signed message on its way: kind, signer, payload, signature. */
export const Envelope: Noun<Envelope> = define(
  "Envelope",
  LIMITS.Envelope,
  Generated.Envelope.codec(),
  object<Envelope>({
    kind: text(1, 32, /^[a-z-]+$/),
    signer: bytes(KEY),
    payload: blob(1, 8_192),
    signature: bytes(64),
  }),
);

/** A stream is on the air. */
export const Announce: Noun<Announce> = define(
  "Announce",
  LIMITS.Announce,
  Generated.Announce.codec() as never,
  object<Announce>({
    stream: bytes(KEY),
    broadcaster: peer,
    addrs,
    title: text(0, 200),
    codec,
    segmentMs: whole(500, 10_000),
    rungs: ladder(0),
    source: someRung(1),
    audio: flag,
    startedMs: whole(0),
    newest: whole(0),
    ended: flag,
    atMs: whole(0),
    unlisted: maybe(onlyTrue),
  }),
);

/** A stream looks for workers. */
export const Offer: Noun<Offer> = define(
  "Offer",
  LIMITS.Offer,
  Generated.Offer.codec() as never,
  all(
    object<Offer>({
      id: bytes(ID),
      stream: bytes(KEY),
      broadcaster: peer,
      addrs,
      sourceCodec: codecs,
      width: whole(0),
      height: whole(0),
      fpsMilli: whole(1, 240_000),
      sourceBitrate: whole(1, 200_000_000),
      codec,
      rungs: ladder(1),
      segmentMs: whole(500, 10_000),
      slackMs: whole(1, 3_600_000),
      maxPrice: wei,
      wanted: whole(1, 8),
      pot,
      window: whole(1, 64),
      ttlMs: whole(1, 30_000),
      atMs: whole(0),
      seedCommit: bytes(HASH),
      need: list(0, 8, tag),
      crew: maybeBytes(ID),
    }),
    picture(16),
  ),
);

/** A stream has its workers: stop bidding. */
export const Closed: Noun<Closed> = define(
  "Closed",
  LIMITS.Closed,
  Generated.Closed.codec(),
  object<Closed>({ offer: bytes(ID), stream: bytes(KEY), broadcaster: peer }),
);

/** A worker wants to be hired. */
export const Bid: Noun<Bid> = define(
  "Bid",
  LIMITS.Bid,
  Generated.Bid.codec(),
  object<Bid>({
    offer: bytes(ID),
    worker: peer,
    payee: bytes(ADDRESS),
    lane: whole(0, U32),
    price: wei,
    pixelsPerS: whole(1, 1e12),
    slots: whole(1, 64),
    queueMs: whole(0, 3_600_000),
    ageMs: whole(0),
    tags: list(0, 16, tag),
    addrs,
    proof: maybeBytes(HASH),
    payeeProof: maybeBytes(64),
    award: bytes(ID),
  }),
);

/** Whether a bid was taken in; not yet an award. */
export const BidReply: Noun<BidReply> = define(
  "BidReply",
  LIMITS.BidReply,
  Generated.BidReply.codec(),
  object<BidReply>({ ok: flag, why, retryMs }),
);

/** A worker is hired for a stream. */
export const Award: Noun<Award> = define(
  "Award",
  LIMITS.Award,
  Generated.Award.codec() as never,
  object<Award>({
    id: bytes(ID),
    offer: bytes(ID),
    stream: bytes(KEY),
    worker: peer,
    epoch: whole(1, U32),
    role: oneOf(...ROLES),
    price: wei,
    payee: bytes(ADDRESS),
    lane: whole(0, U32),
    pot,
  }),
);

/** A worker takes an award, or says why not. */
export const Accept: Noun<Accept> = define(
  "Accept",
  LIMITS.Accept,
  Generated.Accept.codec(),
  object<Accept>({ ok: flag, why, retryMs }),
);

/** Head of a job; the body is the source's init segment, then its media segment unless the job is open. */
export const Job: Noun<Job> = define(
  "Job",
  LIMITS.Job,
  Generated.Job.codec(),
  object<Job>(
    {
      award: bytes(ID),
      epoch: whole(1, U32),
      seq: whole(0),
      attempt: whole(1, 16),
      rungs: ladder(1),
      initLen: whole(1, MAX_INIT),
      mediaLen: whole(0, MAX_JOB_MEDIA),
      initHash: bytes(HASH),
      mediaHash: blob(0, HASH),
      frames,
      startUs: whole(0),
      durationUs: duration,
      deadlineMs: whole(1, 3_600_000),
      codec,
      checkPpm: ppm,
      open: flag,
    },
    (value, at) => {
      if (value.open !== (value.mediaLen === 0))
        return {
          field: at("mediaLen"),
          expected: value.open ? "0 in an open job" : "above 0",
          got: show(value.mediaLen),
        };
      return bytes(value.open ? 0 : HASH)(value.mediaHash, at("mediaHash"));
    },
  ),
);

/** Ends what follows an open job: what the media segment has come to. */
export const JobEnd: Noun<JobEnd> = define(
  "JobEnd",
  LIMITS.JobEnd,
  Generated.JobEnd.codec(),
  object<JobEnd>({ mediaLen: whole(1, MAX_JOB_MEDIA), mediaHash: bytes(HASH) }),
);

/** One part of a job's answer: progress, the sealed receipt, or a failure. */
export const JobReply: Noun<JobReply> = define(
  "JobReply",
  LIMITS.JobReply,
  Generated.JobReply.codec(),
  object<JobReply>(
    {
      progress: maybe(
        object<Progress>({
          frames: whole(0, 10_000),
          queueMs: whole(0, 3_600_000),
          pieces: list(
            0,
            MAX_PIECES,
            object<Piece>({
              rung: whole(0, 7),
              head: flag,
              at: whole(0, MAX_JOB_MEDIA),
              len: whole(1, MAX_PART),
            }),
          ),
        }),
      ),
      receipt: maybe(blob(1, 2_304)),
      failure: maybe(
        object<Failure>({ code: text(1, 64, /^[A-Z][A-Z0-9_]*$/), message: text(0, 500) }),
      ),
    },
    ({ progress, receipt, failure }, at): WrongField | undefined => {
      const parts = [progress, receipt, failure].filter((part) => part !== undefined).length;
      return parts === 1
        ? undefined
        : { field: at("part"), expected: "exactly one part", got: `${parts} parts` };
    },
  ),
);

/** What a worker says it produced, signed before it knows what will be checked. */
export const Receipt: Noun<Receipt> = define(
  "Receipt",
  LIMITS.Receipt,
  Generated.Receipt.codec(),
  object<Receipt>(
    {
      award: bytes(ID),
      epoch: whole(1, U32),
      seq: whole(0),
      sourceHash: bytes(HASH),
      renditions: list(
        1,
        8,
        object<Rendition>({
          rung: rungName,
          initHash: bytes(HASH),
          mediaHash: bytes(HASH),
          initLen: whole(1, MAX_INIT),
          mediaLen: whole(1, MAX_JOB_MEDIA),
          frames,
        }),
      ),
      encodeMs: whole(0, 3_600_000),
      hardware: oneOf(...HARDWARE),
      stream: bytes(KEY),
    },
    ({ renditions }, at) =>
      distinct(
        renditions.map(({ rung }) => rung),
        at("renditions"),
      ),
  ),
);

/** The broadcaster's check of a receipt; a good one brings the voucher. */
export const Verdict: Noun<Verdict> = define(
  "Verdict",
  LIMITS.Verdict,
  Generated.Verdict.codec(),
  object<Verdict>({
    award: bytes(ID),
    epoch: whole(1, U32),
    seq: whole(0),
    ok: flag,
    failed: list(0, 16, text(1, 32, /^[a-z0-9-]+$/)),
    voucher: maybe(voucher),
  }),
);

/** Whether the voucher was taken; if not, the highest one held. */
export const VerdictReply: Noun<VerdictReply> = define(
  "VerdictReply",
  LIMITS.VerdictReply,
  Generated.VerdictReply.codec(),
  object<VerdictReply>({ ok: flag, why, held: maybe(voucher) }),
);

/** A voucher to keep for its owner. */
export const Delegate: Noun<Delegate> = define(
  "Delegate",
  LIMITS.Delegate,
  Generated.Delegate.codec() as never,
  object<Delegate>({ pot, payee: bytes(ADDRESS), voucher }),
);

/** Whether it is kept. */
export const DelegateReply: Noun<DelegateReply> = define(
  "DelegateReply",
  LIMITS.DelegateReply,
  Generated.DelegateReply.codec(),
  object<DelegateReply>({ ok: flag, why }),
);

/** A job is no longer needed. */
export const Cancel: Noun<Cancel> = define(
  "Cancel",
  LIMITS.Cancel,
  Generated.Cancel.codec(),
  object<Cancel>({ award: bytes(ID), epoch: whole(1, U32), seq: whole(0), why }),
);

/** A peer leaves, or drains. */
export const Bye: Noun<Bye> = define(
  "Bye",
  LIMITS.Bye,
  Generated.Bye.codec(),
  object<Bye>({ why, finishing: flag, award: maybeBytes(ID) }),
);

/** Asks for bytes by their SHA-256. */
export const Get: Noun<Get> = define(
  "Get",
  LIMITS.Get,
  Generated.Get.codec(),
  object<Get>({ hash: bytes(HASH) }),
);

/** Head of the answer to Get; the body is the bytes. */
export const GetReply: Noun<GetReply> = define(
  "GetReply",
  LIMITS.GetReply,
  Generated.GetReply.codec(),
  object<GetReply>({ ok: flag, why, size: whole(0, MAX_MEDIA) }),
);

const track = object<Track>(
  {
    name: rungName,
    codecs: text(0, 64, /^[\w.-]*$/),
    initHash: blob(0, HASH),
    mediaHash: blob(0, HASH),
    initLen: whole(0, MAX_INIT),
    mediaLen: whole(0, MAX_MEDIA),
    frames: whole(0, 10_000),
    holders: list(0, 16, whole(0, 15)),
    gap: flag,
  },
  (value, at) => {
    const size = value.gap ? 0 : HASH;
    for (const field of ["initHash", "mediaHash"] as const) {
      const complaint = bytes(size)(value[field], at(field));
      if (complaint !== undefined) return complaint;
    }
    for (const field of ["initLen", "mediaLen", "frames"] as const) {
      const got = value[field];
      if (value.gap ? got !== 0 : got === 0)
        return { field: at(field), expected: value.gap ? "0 in a gap" : "above 0", got: show(got) };
    }
    if (!value.gap && value.codecs === "")
      return { field: at("codecs"), expected: "a codec", got: show(value.codecs) };
    return undefined;
  },
);

/** One line of a stream's manifest. */
export const Entry: Noun<Entry> = define(
  "Entry",
  LIMITS.Entry,
  Generated.Entry.codec(),
  object<Entry>(
    {
      stream: bytes(KEY),
      seq: whole(0),
      startUs: whole(0),
      durationUs: duration,
      capturedMs: whole(0),
      holders: list(0, 16, object<Holder>({ peer, addrs })),
      tracks: list(1, 8 + OTHER_TRACKS.length, track),
      broadcaster: peer,
    },
    ({ tracks, holders }, at) => {
      for (const [i, { holders: named }] of tracks.entries()) {
        const far = named.find((index) => index >= holders.length);
        if (far !== undefined)
          return {
            field: at(`tracks[${i}].holders`),
            expected: `indices below ${holders.length}`,
            got: show(far),
          };
      }
      return distinct(
        tracks.map(({ name }) => name),
        at("tracks"),
      );
    },
  ),
);

/** Asks for a stream's entries from a sequence on. */
export const ManifestRequest: Noun<ManifestRequest> = define(
  "ManifestRequest",
  LIMITS.ManifestRequest,
  Generated.ManifestRequest.codec(),
  object<ManifestRequest>({
    stream: bytes(KEY),
    from: whole(0),
    most: whole(1, MAX_MANIFEST_ENTRIES),
  }),
);

/** Sealed announcement and entries, in order of sequence; as many as fit. */
export const ManifestReply: Noun<ManifestReply> = define(
  "ManifestReply",
  LIMITS.ManifestReply,
  Generated.ManifestReply.codec(),
  object<ManifestReply>({
    announce: blob(0, LIMITS.Envelope),
    entries: list(0, MAX_MANIFEST_ENTRIES, sealed),
  }),
);

/** Two receipts of one worker for one segment; `openEquivocation` says whether it proves anything. */
export const Equivocation: Noun<Equivocation> = define(
  "Equivocation",
  LIMITS.Equivocation,
  Generated.Equivocation.codec(),
  object<Equivocation>({ first: blob(1, 2_304), second: blob(1, 2_304) }),
);

/** At a stream's end: the seed, and which of a worker's segments it chose. */
export const Reveal: Noun<Reveal> = define(
  "Reveal",
  LIMITS.Reveal,
  Generated.Reveal.codec(),
  object<Reveal>({
    stream: bytes(KEY),
    seed: bytes(32),
    worker: peer,
    checks: list(
      0,
      MAX_REVEAL_CHECKS,
      object<Checked>({ seq: whole(0), receipt: bytes(HASH), ppm, checked: flag }),
    ),
  }),
);

/** The sound of a segment, to be held for viewers. */
export const Hold: Noun<Hold> = define(
  "Hold",
  LIMITS.Hold,
  Generated.Hold.codec(),
  object<Hold>({
    award: bytes(ID),
    epoch: whole(1, U32),
    seq: whole(0),
    initLen: whole(1, MAX_INIT),
    mediaLen: whole(1, MAX_SOUND),
    initHash: bytes(HASH),
    mediaHash: bytes(HASH),
  }),
);

/** Whether a sound is held. */
export const HoldReply: Noun<HoldReply> = define(
  "HoldReply",
  LIMITS.HoldReply,
  Generated.HoldReply.codec(),
  object<HoldReply>({ ok: flag, why }),
);

/** A holder failed a viewer. */
export const Complaint: Noun<Complaint> = define(
  "Complaint",
  LIMITS.Complaint,
  Generated.Complaint.codec(),
  object<Complaint>({
    stream: bytes(KEY),
    seq: whole(0),
    track: rungName,
    holder: peer,
    fault: oneOf(...FAULTS),
    viewer: peer,
    nonce: whole(0),
  }),
);

/** Asks a relay or a neighbour for some of the peers that it knows. */
export const PeersRequest: Noun<PeersRequest> = define(
  "PeersRequest",
  LIMITS.PeersRequest,
  Generated.PeersRequest.codec(),
  object<PeersRequest>({ most: whole(1, MAX_KNOWN) }),
);

/** Some peers by their relays' ids; from a relay also how large the network is. */
export const PeersReply: Noun<PeersReply> = define(
  "PeersReply",
  LIMITS.PeersReply,
  Generated.PeersReply.codec(),
  object<PeersReply>({
    peers: list(0, MAX_KNOWN, object<Known>({ peer, relays: list(0, 2, peer) })),
    relays: list(0, 16, peer),
    populations: list(
      0,
      32,
      object<Generated.Population>({
        topic: text(1, 64, /^\/[\w./-]+$/),
        here: whole(0, U32),
        all: whole(0, U32),
      }),
    ),
  }),
);

/** Asks what is on the air. */
export const LiveRequest: Noun<LiveRequest> = define(
  "LiveRequest",
  LIMITS.LiveRequest,
  Generated.LiveRequest.codec(),
  object<LiveRequest>({
    streams: list(0, MAX_LIVE, bytes(KEY)),
    from: whole(0, 65_535),
    most: whole(1, MAX_LIVE),
  }),
);

/** Sealed announcements; as many as fit. */
export const LiveReply: Noun<LiveReply> = define(
  "LiveReply",
  LIMITS.LiveReply,
  Generated.LiveReply.codec(),
  object<LiveReply>({ announces: list(0, MAX_LIVE, sealed), total: whole(0, U32) }),
);

/** Encrypted bytes: a nonce, a message of at least one byte, and a tag. */
const box = blob(29, MAX_BOX);

/** A private stream is on the air: an Announce in its box. */
export const PrivateAnnounce: Noun<PrivateAnnounce> = define(
  "PrivateAnnounce",
  LIMITS.PrivateAnnounce,
  Generated.PrivateAnnounce.codec(),
  object<PrivateAnnounce>({
    stream: bytes(KEY),
    broadcaster: peer,
    atMs: whole(0),
    ended: flag,
    box,
  }),
);

/** One line of a private stream's manifest: an Entry in its box. */
export const PrivateEntry: Noun<PrivateEntry> = define(
  "PrivateEntry",
  LIMITS.PrivateEntry,
  Generated.PrivateEntry.codec(),
  object<PrivateEntry>({ stream: bytes(KEY), broadcaster: peer, seq: whole(0), box }),
);

/** Work for a private stream's crew: an Offer in its box. */
export const PrivateOffer: Noun<PrivateOffer> = define(
  "PrivateOffer",
  LIMITS.PrivateOffer,
  Generated.PrivateOffer.codec(),
  object<PrivateOffer>({
    stream: bytes(KEY),
    broadcaster: peer,
    atMs: whole(0),
    ttlMs: whole(1, 30_000),
    box,
  }),
);

function distinct(names: readonly string[], field: string): WrongField | undefined {
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  return twice === undefined
    ? undefined
    : { field, expected: "every name once", got: `${show(twice)} twice` };
}
