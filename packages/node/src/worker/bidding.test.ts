import { LIVE } from "@tabcast/market";
import { type Mesh, memory, memoryNetwork } from "@tabcast/mesh";
import {
  BidReply,
  Keys,
  OFFERS_TOPIC,
  type Offer,
  PROTOCOLS,
  peerIdOf,
  sealOffer,
} from "@tabcast/protocol";
import { systemClock } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { openRateLimiter } from "../rate-limiter.ts";
import { type BiddingOptions, openBidding } from "./bidding.ts";

const bytes = (value: number, length: number) => new Uint8Array(length).fill(value);
const stream = await Keys.generate();
const worker = await Keys.generate();

/** A broadcaster's offer of one small rung, which any worker bids on at once. */
function offerOf(broadcaster: Mesh): Offer {
  return {
    id: bytes(5, 16),
    stream: new Uint8Array(stream.publicKey),
    broadcaster: broadcaster.self,
    addrs: [],
    sourceCodec: "avc1.640028",
    width: 640,
    height: 360,
    fpsMilli: 25_000,
    sourceBitrate: 1_000_000,
    codec: "avc",
    rungs: [{ name: "240p", width: 426, height: 240, bitrate: 300_000 }],
    segmentMs: 2_000,
    slackMs: 4_000,
    maxPrice: 1_000n,
    wanted: 2,
    pot: {
      chainId: 31_337,
      contract: bytes(1, 20),
      payer: bytes(2, 20),
      signer: bytes(3, 20),
      token: bytes(0, 20),
      challengeS: 900,
      salt: bytes(4, 32),
    },
    window: 2,
    ttlMs: 30_000,
    atMs: systemClock.unix(),
    seedCommit: bytes(7, 32),
    need: [],
    crew: bytes(0, 0),
  };
}

test("a worker ignores an offer that comes again under its id with other terms", async () => {
  const network = memoryNetwork();
  const theirs = memory(network, { self: peerIdOf(bytes(1, 32)) });
  const ours = memory(network, { self: peerIdOf(worker.publicKey) });
  const leaving = new AbortController();
  const { signal } = leaving;
  const bid = Promise.withResolvers<void>();
  let bids = 0;
  theirs.serve(
    PROTOCOLS.bid,
    async function* () {
      bids++;
      bid.resolve();
      yield { head: BidReply.encode({ ok: true, why: "", retryMs: 0 }), body: bytes(0, 0) };
    },
    { signal },
  );
  const dropped = Promise.withResolvers<string>();
  const options = {
    mesh: ours,
    keys: worker,
    purse: { payee: `0x${"d".repeat(40)}`, lane: 3 },
    clock: systemClock,
    limiter: openRateLimiter(LIVE, systemClock, ({ reason }) => dropped.resolve(reason)),
    self: () => ({
      self: ours.self,
      price: 1n,
      capabilities: [{ codec: "avc", pixelsPerSecond: 1e9 }],
      free: 1,
      shut: false,
      tags: [],
      crews: [],
      lists: { allow: [], deny: [] },
      working: [],
      restedMs: 600_000,
    }),
    backsOff: () => false,
    crews: new Map(),
    doubt() {},
    on() {},
    ids: { draw: () => bytes(9, 16) },
    signal,
  };
  const bidding = openBidding(options as unknown as BiddingOptions);
  const offer = offerOf(theirs);
  const publish = async (values: Partial<Offer>) =>
    theirs.publish(OFFERS_TOPIC, await sealOffer(stream, { ...offer, ...values }));
  await publish({});
  await bid.promise;
  await publish({ maxPrice: 2_000n });
  expect(await dropped.promise).toBe("contradictory");
  expect(bidding.offer(offer.id)?.maxPrice).toBe(1_000n);
  expect(bids).toBe(1);
  leaving.abort();
  await Promise.all([theirs.close(), ours.close()]);
});
