/** Sealed Offer and Closed messages. */
export const OFFERS_TOPIC = "/tabcast/1/offers";
/** Sealed Announce messages of every stream. */
export const LIVE_TOPIC = "/tabcast/1/live";
/** Equivocations: proofs that a worker signed two receipts for one segment. */
export const PROOFS_TOPIC = "/tabcast/1/proofs";

const SHARDS = 16;
const shard = (index: number) => `/tabcast/1/streams/${index}`;

/** The topic of a stream's sealed Entry and Announce messages: its key's last byte modulo 16. */
export function streamTopic(stream: Uint8Array): string {
  return shard((stream.at(-1) ?? 0) % SHARDS);
}

/** The topics of all streams. */
export const STREAM_TOPICS: readonly string[] = Array.from({ length: SHARDS }, (_, index) =>
  shard(index),
);

/** Every topic there is: what a relay subscribes to. */
export const TOPICS: readonly string[] = [OFFERS_TOPIC, LIVE_TOPIC, PROOFS_TOPIC, ...STREAM_TOPICS];
