import { LIVE, Screen } from "@tabcast/market";
import { memory, memoryNetwork } from "@tabcast/mesh";
import {
  Bid,
  BidReply,
  crewKeys,
  Envelope,
  Keys,
  keyText,
  OFFERS_TOPIC,
  type Offer,
  PROTOCOLS,
  peerIdOf,
  type Signer,
  sealOffer,
  sealPrivateOffer,
  streamTopic,
} from "@tabcast/protocol";
import { type Clock, secureRandom, systemClock, toHex } from "@tabcast/runtime";
import { expect, test } from "vitest";
import { sampleOffer } from "../../test/offers.ts";
import { openRateLimiter } from "../rate-limiter.ts";
import { type BiddingOptions, openBidding } from "./bidding.ts";
import { openPrivateCrews, type Tokens } from "./private-crews.ts";
import type { WorkerEvent } from "./types.ts";

const key = keyText(new Uint8Array(32).fill(3));
const id = (number: number) => number.toString(16).padStart(64, "0");

/** Keeps the tokens of the crews that a worker belongs to in a list. */
const listed = (tokens: Uint8Array[]): Tokens => ({
  joined: (token) => void tokens.push(token),
  left: (token) => void tokens.splice(tokens.indexOf(token), 1),
});

test("a worker takes sixteen crew links, and another key for a stream that it has joined", async () => {
  const tokens: Uint8Array[] = [];
  const crews = openPrivateCrews(listed(tokens));
  const told: string[] = [];
  crews.join({ stream: id(0), key });
  crews.each((stream) => told.push(stream));
  for (let i = 1; i < 16; i++) crews.join({ stream: id(i), key });
  expect(told).toEqual(Array.from({ length: 16 }, (_, i) => id(i)));
  expect(() => crews.join({ stream: id(16), key })).toThrow(
    expect.objectContaining({ code: "WORKER_CREW_LINK" }),
  );
  const first = await crews.ready(id(3));
  crews.join({ stream: id(3), key: keyText(new Uint8Array(32).fill(4)) });
  const second = await crews.ready(id(3));
  expect(second?.token).not.toEqual(first?.token);
  expect([first, second].map((keys) => keys && crews.holds(id(3), keys))).toEqual([false, true]);
  expect(tokens).toContainEqual(second?.token);
  expect(tokens).not.toContainEqual(first?.token);
  expect(told.splice(16), "the old one is left, and the new one joined").toEqual([id(3)]);
  crews.join({ stream: id(3), key: keyText(new Uint8Array(32).fill(4)) });
  expect(told, "the same link once more").toHaveLength(16);
  expect(await crews.ready(id(16))).toBeUndefined();
});

test("a worker that leaves a private stream hears of it no more, and has room for another", async () => {
  const tokens: Uint8Array[] = [];
  const crews = openPrivateCrews(listed(tokens));
  const left: string[] = [];
  crews.each((stream, signal) => signal.addEventListener("abort", () => left.push(stream)));
  for (let i = 0; i < 16; i++) crews.join({ stream: id(i), key });
  await Promise.all(Array.from({ length: 16 }, (_, i) => crews.ready(id(i))));
  const keys = await crews.ready(id(3));
  const token = keys?.token;
  expect(tokens).toContainEqual(token);
  crews.leave(id(3));
  crews.leave(id(99));
  expect(left).toEqual([id(3)]);
  expect([crews.has(id(3)), await crews.ready(id(3))]).toEqual([false, undefined]);
  expect(keys && crews.holds(id(3), keys)).toBe(false);
  expect(tokens).toHaveLength(15);
  expect(tokens).not.toContainEqual(token);
  crews.join({ stream: id(16), key });
  expect(crews.has(id(16))).toBe(true);
});

test("of two links of one stream that come at once the later one counts, and of one that is left none", async () => {
  const tokens: Uint8Array[] = [];
  const crews = openPrivateCrews(listed(tokens));
  const [stream, other] = [id(1), id(2)];
  crews.join({ stream, key });
  const first = crews.ready(stream);
  crews.join({ stream, key: keyText(new Uint8Array(32).fill(4)) });
  crews.join({ stream: other, key });
  const leaving = crews.ready(other);
  crews.leave(other);
  const [, second] = await Promise.all([first, crews.ready(stream), leaving]);
  expect(tokens).toEqual([second?.token]);
});

test.each([
  ["of no stream", { stream: "abc", key }, "WORKER_CREW_LINK"],
  ["of a stream in capitals", { stream: "A".repeat(64), key }, "WORKER_CREW_LINK"],
  ["cut short", { stream: id(1), key: key.slice(0, 20) }, "PROTOCOL_KEY"],
  ["without a key", { stream: id(1), key: "" }, "PROTOCOL_KEY"],
])("a crew link %s is refused, and its key not repeated", (_, link, code) => {
  const crews = openPrivateCrews(listed([]));
  let thrown: unknown;
  try {
    crews.join(link);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toMatchObject({ code });
  expect(String(thrown)).not.toContain(key.slice(0, 8));
  expect(crews.has(link.stream)).toBe(false);
});

/** A worker that has joined the crew of a private stream while it works, and the stream's broadcaster, which takes bids. */
async function crewOf(clock: Clock = systemClock) {
  const network = memoryNetwork();
  const [stream, own, broadcaster] = await Promise.all([0, 1, 2].map(() => Keys.generate()));
  const streamKeys = stream as Signer;
  const theirs = memory(network, { self: peerIdOf((broadcaster as Signer).publicKey) });
  const ours = memory(network, { self: peerIdOf((own as Signer).publicKey) });
  const over = new AbortController();
  const { signal } = over;
  const bids: Bid[] = [];
  theirs.serve(
    PROTOCOLS.bid,
    async function* ({ head }) {
      bids.push(Bid.decode(Envelope.payloadOf(head)));
      yield { head: BidReply.encode({ ok: true, why: "", retryMs: 0 }), body: new Uint8Array(0) };
    },
    { signal },
  );
  const crews = new Map<string, Uint8Array>();
  const privates = openPrivateCrews({
    joined: (token) => void crews.set(toHex(Screen.crewId(token)), token),
    left: (token) => void crews.delete(toHex(Screen.crewId(token))),
  });
  const told: WorkerEvent[] = [];
  const on = (event: WorkerEvent) => void told.push(event);
  const bidding = openBidding({ mesh: ours, clock, random: secureRandom, on, signal }, {
    keys: own,
    purse: { payee: `0x${"d".repeat(40)}`, lane: 3 },
    limiter: openRateLimiter({ clock }, LIVE, () => {}),
    self: () => ({
      self: ours.self,
      price: 1n,
      capabilities: [{ codec: "avc", pixelsPerSecond: 1e9 }],
      free: 1,
      shut: false,
      tags: [],
      crews: [...crews.keys()],
      lists: { allow: [], deny: [] },
      working: [],
      restedMs: 600_000,
    }),
    mayOpen: () => true,
    backsOff: () => false,
    crews,
    privates,
    doubt() {},
    ids: { draw: () => new Uint8Array(16).fill(9) },
  } as unknown as BiddingOptions);
  const secrets = await crewKeys(streamKeys.publicKey, new Uint8Array(32).fill(3));
  // Joined while it works already.
  const join = () => privates.join({ stream: toHex(streamKeys.publicKey), key });
  join();
  const offer = (id: number, crew: Uint8Array): Offer =>
    sampleOffer({
      stream: streamKeys.publicKey,
      broadcaster: theirs.self,
      id: new Uint8Array(16).fill(id),
      crew: new Uint8Array(crew),
    });
  const crew = Screen.crewId(secrets.token);
  const say = async (id: number) =>
    theirs.publish(
      streamTopic(streamKeys.publicKey),
      await sealPrivateOffer(streamKeys, offer(id, crew), secrets),
    );
  const close = async () => {
    over.abort();
    await Promise.all([theirs.close(), ours.close()]);
  };
  const leave = () => privates.leave(toHex(streamKeys.publicKey));
  return {
    theirs,
    ours,
    streamKeys,
    secrets,
    crew,
    offer,
    say,
    join,
    leave,
    bidding,
    bids,
    told,
    close,
  };
}

test("a worker bids on its private stream's offer with the crew's proof, and on none that is made in the open for it", async () => {
  const { theirs, ours, streamKeys, secrets, crew, offer, say, bidding, bids, told, close } =
    await crewOf();
  await theirs.publish(OFFERS_TOPIC, await sealOffer(streamKeys, offer(1, new Uint8Array(0))));
  await theirs.publish(OFFERS_TOPIC, await sealOffer(streamKeys, offer(2, crew)));
  await say(3);
  await expect.poll(() => told.map(({ type }) => type)).toEqual(["bid"]);
  const [bid] = bids;
  expect(bids).toHaveLength(1);
  expect(bid?.offer).toEqual(new Uint8Array(16).fill(3));
  expect(bid?.proof).toEqual(Screen.proof(secrets.token, bid?.offer as Uint8Array, ours.self));
  // Whatever becomes of the link, what is made for this offer is encrypted.
  expect(bidding.heard(new Uint8Array(16).fill(3))?.crewKeys?.token).toEqual(secrets.token);
  await close();
});

test("an offer that was heard in the open before its stream's crew was joined answers no award", async () => {
  const { theirs, streamKeys, offer, leave, join, bidding, bids, close } = await crewOf();
  leave();
  await theirs.publish(OFFERS_TOPIC, await sealOffer(streamKeys, offer(1, new Uint8Array(0))));
  await expect.poll(() => bids).toHaveLength(1);
  expect(bidding.heard(new Uint8Array(16).fill(1))).toBeDefined();
  join();
  expect(bidding.heard(new Uint8Array(16).fill(1))).toBeUndefined();
  await close();
});

test("a bid that is held back is not sent to a private stream that was left, and its offer answers no award", async () => {
  const [slept, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const clock: Clock = {
    ...systemClock,
    sleep() {
      slept.resolve();
      return held.promise;
    },
  };
  const { say, join, leave, bidding, bids, close } = await crewOf(clock);
  await say(3);
  await slept.promise;
  expect(bidding.heard(new Uint8Array(16).fill(3))).toBeDefined();
  leave();
  expect(bidding.heard(new Uint8Array(16).fill(3))).toBeUndefined();
  held.resolve();
  await say(4);
  // One that was sent before would be here before.
  join();
  await say(5);
  await expect.poll(() => bids.map(({ offer }) => offer[0])).toEqual([5]);
  await close();
});
