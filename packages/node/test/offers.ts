import type { Offer } from "@tabcast/protocol";
import { systemClock } from "@tabcast/runtime";

const bytes = (value: number, length: number) => new Uint8Array(length).fill(value);

/** What an offer says of its stream: one small rung, which any worker can do. */
export const sampleFacts = {
  sourceCodec: "avc1.640028",
  width: 640,
  height: 360,
  fpsMilli: 25_000,
  sourceBitrate: 1_000_000,
  codec: "avc",
  rungs: [{ name: "240p", width: 426, height: 240, bitrate: 300_000 }],
  segmentMs: 2_000,
  window: 2,
  seedCommit: bytes(7, 32),
  need: [],
  crew: bytes(0, 0),
};

/** A pot as offers name it. */
export const samplePot: NonNullable<Offer["pot"]> = {
  chainId: 31_337,
  contract: bytes(1, 20),
  payer: bytes(2, 20),
  signer: bytes(3, 20),
  token: bytes(0, 20),
  challengeS: 900,
  salt: bytes(4, 32),
};

/** An offer that any worker bids on at once; `more` takes the place of what it would say. */
export function sampleOffer({
  stream,
  broadcaster,
  ...more
}: Omit<Partial<Offer>, "stream"> & {
  readonly stream: Uint8Array;
  readonly broadcaster: string;
}): Offer {
  return {
    ...sampleFacts,
    id: bytes(5, 16),
    stream: new Uint8Array(stream),
    broadcaster,
    addrs: [],
    slackMs: 4_000,
    maxPrice: 1_000n,
    wanted: 2,
    pot: samplePot,
    ttlMs: 30_000,
    atMs: systemClock.unix(),
    ...more,
  };
}
