/** Sealed Offer and Closed messages, for every worker. */
export const OFFERS_TOPIC = "/tabcast/1/offers";
/** Into how many parts workers are divided, level by level; each hears what all are told and what its part of each level is told. */
export const OFFER_PARTS: readonly number[] = [1, 2, 4, 8, 16, 32, 64];
/** Sealed Announce messages of every stream. */
export const LIVE_TOPIC = "/tabcast/1/live";
/** Equivocations: proofs that a worker signed two receipts for one segment. */
export const PROOFS_TOPIC = "/tabcast/1/proofs";

/** Streams of one shard are heard together: of a thousand, who follows one hears four more. */
const SHARDS = 256;
const shard = (index: number) => `/tabcast/1/streams/${index}`;

/** The topic of a stream's sealed Entry and Announce messages, by its key's last byte. */
export const streamTopic = (stream: Uint8Array): string => shard(stream.at(-1) ?? 0);

/** The topics of all streams. */
export const STREAM_TOPICS: readonly string[] = Array.from({ length: SHARDS }, (_, index) =>
  shard(index),
);

/** The topic of one of so many parts of the workers; of one part it is that of all. The part is taken modulo their number. */
export const offersTopic = (parts: number, part: number): string =>
  parts === 1 ? OFFERS_TOPIC : `${OFFERS_TOPIC}/${parts}/${part % parts}`;

/** The topics on which a worker hears offers, by the number of parts that each is one of: by its public key's last byte. */
export const offerTopicsOf = (worker: Uint8Array): ReadonlyMap<string, number> =>
  new Map(OFFER_PARTS.map((parts) => [offersTopic(parts, worker.at(-1) ?? 0), parts]));

/** The topics of all offers, that of all workers first. */
export const OFFER_TOPICS: readonly string[] = OFFER_PARTS.flatMap((parts) =>
  Array.from({ length: parts }, (_, part) => offersTopic(parts, part)),
);

/** Every topic there is: what a relay subscribes to. */
export const TOPICS: readonly string[] = [
  ...OFFER_TOPICS,
  LIVE_TOPIC,
  PROOFS_TOPIC,
  ...STREAM_TOPICS,
];
