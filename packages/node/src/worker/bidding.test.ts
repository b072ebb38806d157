import { LIVE } from "@tabcast/market";
import { type Mesh, memory, memoryNetwork } from "@tabcast/mesh";
import {
  Bid,
  BidReply,
  Envelope,
  gossipRules,
  Keys,
  OFFERS_TOPIC,
  type Offer,
  offersTopic,
  PROTOCOLS,
  peerIdOf,
  sealOffer,
} from "@tabcast/protocol";
import { Millis, secureRandom, systemClock } from "@tabcast/runtime";
import { describe, expect, test } from "vitest";
import { sampleOffer } from "../../test/offers.ts";
import { openRateLimiter } from "../rate-limiter.ts";
import { type BiddingOptions, openBidding } from "./bidding.ts";
import type { WorkerEvent } from "./types.ts";

const bytes = (value: number, length: number) => new Uint8Array(length).fill(value);
const stream = await Keys.generate();
const worker = await Keys.generate();

/** The broadcaster's offer. */
const offerOf = (broadcaster: Mesh): Offer =>
  sampleOffer({ stream: stream.publicKey, broadcaster: broadcaster.self });

/** A worker as it sees itself, which makes so many output pixels per second. */
const selfOf = (self: string, pixelsPerSecond: number): ReturnType<BiddingOptions["self"]> => ({
  self,
  price: 1n,
  capabilities: [{ codec: "avc", pixelsPerSecond }],
  free: 1,
  shut: false,
  tags: [],
  crews: [],
  lists: { allow: [], deny: [] },
  working: [],
  restedMs: 600_000,
});

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
  const context = { mesh: ours, clock: systemClock, random: secureRandom, on() {}, signal };
  const options = {
    keys: worker,
    purse: { payee: `0x${"d".repeat(40)}`, lane: 3 },
    limiter: openRateLimiter({ clock: systemClock }, LIVE, ({ reason }) => dropped.resolve(reason)),
    self: () => selfOf(ours.self, 1e9),
    mayOpen: () => true,
    backsOff: () => false,
    crews: new Map(),
    doubt() {},
    ids: { draw: () => bytes(9, 16) },
  };
  const bidding = openBidding(context, options as unknown as BiddingOptions);
  const offer = offerOf(theirs);
  const publish = async (values: Partial<Offer>) =>
    theirs.publish(OFFERS_TOPIC, await sealOffer(stream, { ...offer, ...values }));
  await publish({});
  await bid.promise;
  await publish({ maxPrice: 2_000n });
  expect(await dropped.promise).toBe("contradictory");
  expect(bidding.heard(offer.id)?.offer.maxPrice).toBe(1_000n);
  expect(bids).toBe(1);
  leaving.abort();
  await Promise.all([theirs.close(), ours.close()]);
});

/** A worker of the given speed that has heard an offer, and the broadcaster's answers to its bids. */
async function heard(
  speed: number,
  replies: readonly string[],
  mayOpen: BiddingOptions["mayOpen"] = () => true,
  topics: readonly string[] = [OFFERS_TOPIC],
) {
  const network = memoryNetwork();
  const theirs = memory(network, { self: peerIdOf(bytes(1, 32)) });
  const ours = memory(network, { self: peerIdOf(worker.publicKey) });
  const leaving = new AbortController();
  const { signal } = leaving;
  const bids: number[] = [];
  const told: string[] = [];
  theirs.serve(
    PROTOCOLS.bid,
    async function* ({ head }) {
      const { payload } = await Envelope.open(head, "bid");
      const why = replies[bids.length] ?? "";
      bids.push(Bid.decode(payload).pixelsPerS);
      yield { head: BidReply.encode({ ok: why === "", why, retryMs: 0 }), body: bytes(0, 0) };
    },
    { signal },
  );
  let at = 0;
  let pixelsPerSecond = speed;
  const context = {
    mesh: ours,
    clock: { ...systemClock, now: () => Millis.of(at), sleep: async () => {} },
    random: secureRandom,
    on: (event: WorkerEvent) => told.push(event.type === "passed" ? event.why : event.type),
    signal,
  };
  const options = {
    keys: worker,
    purse: { payee: `0x${"d".repeat(40)}`, lane: 3 },
    limiter: openRateLimiter({ clock: systemClock }, LIVE, ({ reason }) => told.push(reason)),
    self: () => selfOf(ours.self, pixelsPerSecond),
    mayOpen,
    backsOff: () => false,
    crews: new Map(),
    doubt() {},
    ids: { draw: () => bytes(9, 16) },
  } as unknown as BiddingOptions;
  const bidding = openBidding(context, options);
  for (const [n, topic] of topics.entries())
    await theirs.publish(
      topic,
      await sealOffer(stream, {
        ...offerOf(theirs),
        id: bytes(5 + n, 16),
        stream: stream.publicKey,
      }),
    );
  await expect.poll(() => told.length).toBeGreaterThan(0);
  return {
    bids,
    told,
    /** The device has a new figure, after so many milliseconds. Resolves when whatever it then does has been said. */
    async measured(figure: number, afterMs = 0) {
      at += afterMs;
      pixelsPerSecond = figure;
      const before = told.length;
      bidding.reconsider();
      for (let turn = 0; turn < 20 && told.length === before; turn++)
        await new Promise((resolve) => setTimeout(resolve));
    },
    /** The offer comes again, for those who came later. */
    repeat: async () => theirs.publish(OFFERS_TOPIC, await sealOffer(stream, offerOf(theirs))),
    async close() {
      leaving.abort();
      await Promise.all([theirs.close(), ours.close()]);
    },
  };
}

/** Into how many parts workers are divided, at each level but that of all. Of one broadcaster a worker keeps four offers. */
const OTHERS = [4, 16, 64];

test("a worker bids on what its own part of the workers is told, at each level, and hears nothing of the other parts", async () => {
  const own = worker.publicKey.at(-1) ?? 0;
  const others = OTHERS.map((parts) => offersTopic(parts, own + 1));
  const ours = OTHERS.map((parts) => offersTopic(parts, own));
  const at = await heard(1e9, [], () => true, [...others, ...ours]);
  await expect.poll(() => at.bids.length).toBe(3);
  expect(at.told).toEqual(["bid", "bid", "bid"]);
  await at.close();
});

describe("a worker that has a new figure", () => {
  // The offer's one rung is 426 x 240 at 25 frames/s, 2 s long, in 4 s: 1.3 Mpixel/s are enough.
  test("bids on an offer that it had let pass for its speed", async () => {
    const { bids, told, measured, close } = await heard(1e6, []);
    expect([bids, told]).toEqual([[], ["incapable"]]);
    await measured(1.1e6);
    expect(bids).toEqual([]);
    await measured(2e6);
    await expect.poll(() => bids).toEqual([2e6]);
    await close();
  });

  test("bids once more where it was too slow, if it is a fifth quicker than it said", async () => {
    const { bids, measured, close } = await heard(10e6, ["too slow"]);
    await measured(11.9e6);
    expect(bids).toEqual([10e6]);
    await measured(12.1e6);
    await expect.poll(() => bids).toEqual([10e6, 12.1e6]);
    await measured(100e6); // its bid was taken: one is enough
    expect(bids).toHaveLength(2);
    await close();
  });

  test.each([
    ["that it had let pass", 1e6, []],
    ["that refused it", 10e6, ["too slow"]],
  ])("leaves an offer alone %s and that is over", async (_, speed, replies) => {
    const { bids, told, measured, close } = await heard(speed, replies);
    const before = [bids.length, told.length];
    await measured(100e6, 30_000);
    expect([bids.length, told.length]).toEqual(before);
    await close();
  });
});

test("a worker lets an offer pass whose pot has not paid for earlier work, says why, and bids once it has", async () => {
  let paid = false;
  const { bids, told, repeat, close } = await heard(
    1e9,
    [],
    ({ pot }) => paid && pot !== undefined,
  );
  expect([bids, told]).toEqual([[], ["unpaid"]]);
  await repeat();
  await expect.poll(() => told).toEqual(["unpaid", "unpaid"]);
  paid = true;
  await repeat();
  await expect.poll(() => bids).toEqual([1e9]);
  await close();
});

test("forged offers make no worker ask the peer that they name, and that peer's own offer makes all ask", async () => {
  const network = memoryNetwork();
  const enter = async () => {
    const keys = await Keys.generate();
    const rules = gossipRules({ clock: systemClock });
    return { keys, mesh: memory(network, { self: peerIdOf(keys.publicKey), rules }) };
  };
  const leaving = new AbortController();
  const { signal } = leaving;
  const [named, forger] = [await enter(), await enter()];
  let asked = 0;
  named.mesh.serve(
    PROTOCOLS.bid,
    async function* () {
      asked++;
      yield { head: BidReply.encode({ ok: true, why: "", retryMs: 0 }), body: bytes(0, 0) };
    },
    { signal },
  );
  const workers = await Promise.all(Array.from({ length: 40 }, enter));
  for (const { keys, mesh } of workers) {
    const context = {
      mesh,
      clock: { ...systemClock, sleep: async () => {} },
      random: secureRandom,
      on() {},
      signal,
    };
    openBidding(context, {
      keys,
      purse: { payee: `0x${"d".repeat(40)}`, lane: 3 },
      limiter: openRateLimiter({ clock: systemClock }, LIVE, () => {}),
      self: () => selfOf(mesh.self, 1e9),
      mayOpen: () => true,
      backsOff: () => false,
      crews: new Map(),
      doubt() {},
      ids: { draw: () => bytes(9, 16) },
    } as unknown as BiddingOptions);
  }
  for (let i = 0; i < 10; i++) {
    const keys = await Keys.generate();
    const offer = { ...offerOf(named.mesh), id: bytes(i, 16), stream: keys.publicKey };
    await forger.mesh.publish(OFFERS_TOPIC, await sealOffer(keys, offer));
  }
  await named.mesh.publish(OFFERS_TOPIC, await sealOffer(stream, offerOf(named.mesh)));
  // Everything forged came before.
  await expect.poll(() => asked).toBeGreaterThanOrEqual(40);
  expect(asked).toBe(40);
  leaving.abort();
  await Promise.all([named, forger, ...workers].map(({ mesh }) => mesh.close()));
});
