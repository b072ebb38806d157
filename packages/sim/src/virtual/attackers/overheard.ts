/** What hostile peers overhear: gossip is for everybody, and what honest peers say is what a forgery is made of. */
import {
  Announce,
  Entry,
  Envelope,
  LIVE_TOPIC,
  OFFERS_TOPIC,
  Offer,
  PROOFS_TOPIC,
  STREAM_TOPICS,
} from "@tabcast/protocol";
import type { Peer, World } from "../world.ts";

/** A message as it went by. */
export interface Overheard {
  readonly topic: string;
  readonly author: string;
  readonly body: Uint8Array;
  /** Milliseconds of the run. */
  readonly at: number;
}

/** Messages remembered of each kind. */
const MOST = 512;

export interface Ears {
  /** Everything, the oldest first. */
  readonly all: readonly Overheard[];
  /** The newest of each kind, by its stream's first eight bytes. */
  readonly offers: ReadonlyMap<string, Offer>;
  readonly announces: ReadonlyMap<string, Announce>;
  readonly entries: ReadonlyMap<string, Entry>;
}

/** Listens on every topic; all hostile peers of a kind share what one of them hears. */
export function listen({ timeline, signal }: World, { mesh }: Peer): Ears {
  const all: Overheard[] = [];
  const offers = new Map<string, Offer>();
  const announces = new Map<string, Announce>();
  const entries = new Map<string, Entry>();
  const keep = <T>(kind: Map<string, T>, stream: Uint8Array, message: T) => {
    if (kind.size < MOST) kind.set(`${stream.subarray(0, 8)}`, message);
  };
  const hear = (topic: string, author: string, body: Uint8Array) => {
    if (all.length < MOST) all.push({ topic, author, body, at: timeline.now });
    if (topic === PROOFS_TOPIC) return;
    const { kind, payload } = Envelope.read(body);
    if (kind === "offer") {
      const message = Offer.decode(payload);
      keep(offers, message.stream, message);
    }
    if (kind === "announce") {
      const message = Announce.decode(payload);
      keep(announces, message.stream, message);
    }
    if (kind === "entry") {
      const message = Entry.decode(payload);
      keep(entries, message.stream, message);
    }
  };
  for (const topic of [OFFERS_TOPIC, LIVE_TOPIC, PROOFS_TOPIC, ...STREAM_TOPICS])
    mesh.subscribe(topic, ({ from, body }) => hear(topic, from, body), { signal });
  return { all, offers, announces, entries };
}
