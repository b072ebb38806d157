/** What may pass on which topic: the one place where gossip is held against the protocol's rules. */
import { type Allowance, BoundedMap, type Clock, steadyTime, toHex } from "@tabcast/runtime";
import { Envelope as Sealed } from "./envelope.ts";
import { Heard } from "./heard.ts";
import {
  Announce,
  Closed,
  Entry,
  Equivocation,
  LIMITS,
  Offer,
  PrivateAnnounce,
  PrivateEntry,
  PrivateOffer,
} from "./messages.ts";
import type { Noun } from "./noun.ts";
import { peerIdOf } from "./peer-key.ts";
import { ANNOUNCE_TTL_MS, openEquivocation } from "./sealed.ts";
import { LIVE_TOPIC, OFFER_TOPICS, PROOFS_TOPIC, STREAM_TOPICS, streamTopic } from "./topics.ts";

/** What is done with a message: pass it on, let it drop, or hold it against whoever brought it. */
export type Judgement = "accept" | "ignore" | "reject";

/** What may pass on one topic. */
export interface GossipRule {
  /** Largest body, in bytes; a larger one is not sent, and rejected by whoever gets it. */
  readonly largest: number;
  /** Topics that name one pool have one allowance together. Default: each has its own. */
  readonly pool?: string;
  /** New messages that one neighbour may bring. */
  readonly each: Allowance;
  /** New messages that all neighbours together may bring, but those whom the mesh was told to trust with as many each. */
  readonly all: Allowance;
  /**
   * Judges a message of a proved author. Rejected is what no honest peer passes on: of a wrong size or form, of an author that it does
   * not name, or mis-signed. Ignored is what may merely be late, or one too many.
   */
  judge(body: Uint8Array, author: string): Promise<Judgement>;
}

/** By topic. A topic that has no rule is not for gossip. */
export type GossipRules = ReadonlyMap<string, GossipRule>;

export interface GossipOptions {
  readonly clock: Pick<Clock, "now" | "unix">;
  /** A relay hears all streams: it remembers more of them, and lets more pass. Default "tab". */
  readonly as?: "tab" | "relay";
}

/** Streams remembered, by a tab and by a relay. */
const MOST_STREAMS = { tab: 2_048, relay: 16_384 };
/** Streams that one peer may speak for in the time that an announcement counts: a tab has one, seldom two. */
const MOST_STREAMS_OF_ONE = 4;
/**
 * Announcements for lists that one neighbour may bring. A tab brings its own alone: of four streams twelve at once, and one in 2.5 s. What it
 * brings beyond stands on the lists of other relays, for 30 s each, before the streams of all that came later.
 */
const LISTED_BY_ONE: Allowance = { perSecond: 2, burst: 24 };
/** Entries of a stream that are told from each other; what is so much older than its newest is late. */
const RECENT_ENTRIES = 64;
/** Workers of whom a proof went by, so that it does so once. */
const MOST_PROVED = 2_048;
/** Proofs that one author may tell of at once, and seconds until it may tell of one more. Source: a broadcaster finds few. */
const PROOFS_AT_ONCE = 5;
const PROOF_SECONDS = 10;
/** What an envelope adds to its payload at most. Source: SPEC.md 4. */
const ENVELOPE = LIMITS.Envelope - LIMITS.Entry;

/** A message that says who gossips it, and for which stream. */
interface Spoken {
  readonly stream: Uint8Array;
  readonly broadcaster: string;
}

/** What an honest peer could have passed on, or undefined: size, form, author, signature, in that order. */
async function opened<T extends Spoken>(
  body: Uint8Array,
  author: string,
  nouns: readonly Noun<T>[],
): Promise<{ readonly kind: string; readonly message: T; readonly tail: string } | undefined> {
  try {
    const { kind, payload, signature } = Sealed.read(body);
    const noun = nouns.find(({ name }) => name.toLowerCase() === kind);
    if (noun === undefined) return undefined;
    const message = noun.decode(payload);
    if (message.broadcaster !== author) return undefined;
    await Sealed.open(body, kind, { from: message.stream });
    return { kind, message, tail: toHex(signature.subarray(0, 16)) };
  } catch {
    return undefined;
  }
}

/** The rules of every topic, with one memory of what was heard. */
export function gossipRules({ clock, as = "tab" }: GossipOptions): GossipRules {
  const now = steadyTime(clock);
  const most = MOST_STREAMS[as];
  const all = (perSecond: number): Allowance => {
    const more = as === "relay" ? 5 * perSecond : perSecond;
    return { perSecond: more, burst: 2 * more };
  };
  const topics: [string, Omit<GossipRule, "largest"> & { readonly largest?: number }][] = [
    [LIVE_TOPIC, { ...live(most, now), each: LISTED_BY_ONE, all: all(300) }],
    [PROOFS_TOPIC, { ...proofs(now), each: { perSecond: 1, burst: 20 }, all: all(5) }],
  ];
  const offers = offerRule(most, now);
  for (const topic of OFFER_TOPICS)
    topics.push([
      topic,
      {
        largest: LIMITS.Offer + ENVELOPE,
        each: { perSecond: 20, burst: 80 },
        all: all(100),
        judge: (body, author) => offers(body, author, topic),
      },
    ]);
  const entries = entryRule(most, now);
  for (const topic of STREAM_TOPICS)
    topics.push([
      topic,
      {
        largest: LIMITS.Entry + ENVELOPE,
        // A relay carries all shards: however many there are, nobody brings more.
        pool: "streams",
        each: { perSecond: 20, burst: 160 },
        all: all(400),
        judge: (body, author) => entries(body, author, topic),
      },
    ]);
  return new Map(topics as [string, GossipRule][]);
}

type Part = Pick<GossipRule, "largest" | "judge">;

/** Offers and their ends, to all workers or a part of them: what was said to one part may not be said again to another. */
function offerRule(most: number, now: () => number) {
  const offered = offerMemory(most);
  const ends = new BoundedMap<string, true>(most);
  return async (body: Uint8Array, author: string, topic: string): Promise<Judgement> => {
    const said = await opened<Offer | Closed>(body, author, [Offer, Closed]);
    if (said === undefined) return "reject";
    const { message } = said;
    if ("atMs" in message) return offered.take(message, now());
    // The end of an offer says nothing a second time to those who heard it.
    const end = `${toHex(message.stream)} ${toHex(message.offer)} ${topic}`;
    if (ends.has(end)) return "ignore";
    ends.set(end, true);
    return "accept";
  };
}

function live(most: number, now: () => number): Part {
  const announces = announceMemory(most);
  return {
    largest: LIMITS.Announce + ENVELOPE,
    async judge(body, author) {
      const said = await opened(body, author, [Announce]);
      // Its own stream says that it belongs on no list.
      if (said === undefined || said.message.unlisted) return "reject";
      return announces.take(said.message, now());
    },
  };
}

/** For each peer, the streams that it speaks for, and when it last did. */
function openSpeakers(most: number) {
  const speakers = new BoundedMap<string, BoundedMap<string, number>>(most);
  return {
    /** Whether a peer may speak for this stream now. */
    room(speaker: string, stream: string, now: number): boolean {
      const own = speakers.get(speaker);
      if (own === undefined || own.size < MOST_STREAMS_OF_ONE || own.has(stream)) return true;
      const [oldest = 0] = own.values();
      return now - oldest >= ANNOUNCE_TTL_MS;
    },
    spoke(speaker: string, stream: string, now: number): void {
      const own = speakers.get(speaker) ?? new BoundedMap(MOST_STREAMS_OF_ONE);
      speakers.set(speaker, own.set(stream, now));
    },
  };
}

/** What an announcement is judged by, whether the rest of it can be read or not. */
type Told = Pick<Announce, "stream" | "broadcaster" | "atMs" | "ended">;

/** What was heard of streams on one topic. */
function announceMemory(most: number) {
  const heard = new Heard(most);
  const ended = new BoundedMap<string, true>(most);
  const speakers = openSpeakers(most);
  return {
    take({ stream, broadcaster, atMs, ended: over }: Told, now: number): Judgement {
      const sender = toHex(stream);
      // A stream that is over does not begin again: its key is made for one broadcast.
      if (ended.has(sender) && !over) return "ignore";
      if (!speakers.room(broadcaster, sender, now)) return "ignore";
      if (!heard.take({ sender, atMs, ttlMs: ANNOUNCE_TTL_MS }, now)) return "ignore";
      speakers.spoke(broadcaster, sender, now);
      if (over) ended.set(sender, true);
      return "accept";
    },
  };
}

/** Offers that are repeated, by their streams. */
function offerMemory(most: number) {
  const heard = new Heard(most);
  const speakers = openSpeakers(most);
  return {
    take(
      {
        stream,
        broadcaster,
        atMs,
        ttlMs,
      }: Pick<Offer, "stream" | "broadcaster" | "atMs" | "ttlMs">,
      now: number,
    ): Judgement {
      const sender = toHex(stream);
      if (!speakers.room(broadcaster, sender, now)) return "ignore";
      if (!heard.take({ sender, atMs, ttlMs }, now)) return "ignore";
      speakers.spoke(broadcaster, sender, now);
      return "accept";
    },
  };
}

/** Entries and announcements of the streams of a shard, and offers of those that are private. */
function entryRule(most: number, now: () => number) {
  const announces = announceMemory(most);
  const offered = offerMemory(most);
  const streams = new BoundedMap<string, { newest: number; recent: BoundedMap<number, string> }>(
    most,
  );
  return async (body: Uint8Array, author: string, topic: string): Promise<Judgement> => {
    const said = await opened<OfShard>(body, author, OF_SHARD);
    if (said === undefined || streamTopic(said.message.stream) !== topic) return "reject";
    const { message, tail } = said;
    if ("ttlMs" in message) return offered.take(message, now());
    if (!("seq" in message)) return announces.take(message, now());
    const id = toHex(message.stream);
    const stream = streams.get(id) ?? { newest: 0, recent: new BoundedMap(2 * RECENT_ENTRIES) };
    streams.set(id, stream);
    const { seq } = message;
    if (seq < stream.newest - RECENT_ENTRIES) return "ignore";
    stream.newest = Math.max(stream.newest, seq);
    const before = stream.recent.get(seq);
    if (before === undefined) {
      stream.recent.set(seq, tail);
      return "accept";
    }
    // A second one for a sequence is a proof against its broadcaster, which viewers must get; a third one adds nothing.
    if (before === tail || before === BOTH) return "ignore";
    stream.recent.set(seq, BOTH);
    return "accept";
  };
}

const BOTH = "both";

/** What a stream's topic carries. What is in a private stream's boxes no relay can read, and none has to. */
type OfShard = Entry | Announce | PrivateEntry | PrivateAnnounce | PrivateOffer;
const OF_SHARD = [
  Entry,
  Announce,
  PrivateEntry,
  PrivateAnnounce,
  PrivateOffer,
] as readonly Noun<OfShard>[];

/** A proof may come from anybody, and counts against its author's allowance. */
function proofs(now: () => number): Part {
  const proved = new BoundedMap<string, true>(MOST_PROVED);
  const told = new BoundedMap<string, { readonly count: number; readonly at: number }>(MOST_PROVED);
  const mayTell = (author: string) => {
    const at = now();
    const before = told.get(author) ?? { count: 0, at };
    const count = Math.max(0, before.count - (at - before.at) / (1_000 * PROOF_SECONDS));
    told.set(author, { count: count + 1 > PROOFS_AT_ONCE ? count : count + 1, at });
    return count + 1 <= PROOFS_AT_ONCE;
  };
  return {
    largest: LIMITS.Equivocation,
    async judge(body, author) {
      let signer: string;
      try {
        // Size and form come before the allowance, the two signatures after it.
        Equivocation.decode(body);
        if (!mayTell(author)) return "ignore";
        signer = peerIdOf((await openEquivocation(body)).signer);
      } catch {
        return "reject";
      }
      if (proved.has(signer)) return "ignore";
      proved.set(signer, true);
      return "accept";
    },
  };
}
