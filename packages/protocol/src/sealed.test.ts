import { fromHex, sha256 } from "@tabcast/runtime";
import { describe, expect, test } from "vitest";
import messages from "../vectors/messages.json" with { type: "json" };
import * as P from "./index.ts";
import { revive } from "./testing.ts";

const sample = <T>(name: string) =>
  revive(messages.find(({ message }) => message === name)?.value ?? {}) as T;
const refused = (code: string) =>
  expect.objectContaining({ reason: expect.objectContaining({ code }) });

const keys = await P.Keys.fromSeed(new Uint8Array(32).fill(9));
const others = await P.Keys.generate();
const offer = { ...sample<P.Offer>("Offer"), stream: keys.publicKey };

describe("keys", () => {
  test("the same seed gives the same key, and its peer id gives the key back", async () => {
    const again = await P.Keys.fromSeed(new Uint8Array(32).fill(9));
    expect(again.publicKey).toEqual(keys.publicKey);
    expect(P.publicKeyOf(P.peerIdOf(keys.publicKey))).toEqual(keys.publicKey);
  });

  test("libp2p's peer id of a seed is ours", async () => {
    // Computed with @libp2p/crypto 5.1.23 and @libp2p/peer-id 6.0.14 from the seed 101, 102, ... 132.
    const seed = Uint8Array.from({ length: 32 }, (_, i) => 101 + i);
    const { publicKey } = await P.Keys.fromSeed(seed);
    expect(P.peerIdOf(publicKey)).toBe("12D3KooWQVz7YktpmNAGT7CMUY9FDfjAAnSFPWMFGhMf36ac3GFh");
  });

  test.each(["", "peer-1", "1", "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPBdG", "1".repeat(52)])(
    "%j holds no Ed25519 key",
    (peer) => expect(P.publicKeyOf(peer)).toBeUndefined(),
  );

  test("a seed of another length is refused", async () => {
    await expect(P.Keys.fromSeed(new Uint8Array(31))).rejects.toThrow(RangeError);
  });

  test("a key that is not on the curve verifies nothing", async () => {
    const signature = await keys.sign(new Uint8Array(3));
    expect(await P.Keys.verify(keys.publicKey, signature, new Uint8Array(3))).toBe(true);
    for (const key of [new Uint8Array(32).fill(255), new Uint8Array(5)])
      expect(await P.Keys.verify(key, signature, new Uint8Array(3))).toBe(false);
  });
});

describe("envelopes", () => {
  test("a signature does not open another kind, another payload or another signer", async () => {
    const sealed = await P.Envelope.seal(keys, "offer", Uint8Array.of(1, 2, 3));
    await expect(P.Envelope.open(sealed, "award")).rejects.toThrow(refused("PROTOCOL_KIND"));
    await expect(P.Envelope.open(sealed, "offer", { from: others.publicKey })).rejects.toThrow(
      refused("PROTOCOL_SIGNER"),
    );
    for (const [i, byte] of sealed.entries()) {
      const changed = sealed.slice();
      changed[i] = byte ^ 1;
      await expect(P.Envelope.open(changed, "offer")).rejects.toBeInstanceOf(P.ProtocolError);
    }
  });

  test("the kind is under the signature: a relabelled envelope is refused", async () => {
    const sealed = await P.Envelope.seal(keys, "award", Uint8Array.of(1, 2, 3));
    const text = new TextEncoder();
    const at = 2;
    expect(sealed.subarray(at, at + 5)).toEqual(text.encode("award"));
    const relabelled = sealed.slice();
    relabelled.set(text.encode("offer"), at);
    await expect(P.Envelope.open(relabelled, "offer")).rejects.toThrow(
      refused("PROTOCOL_SIGNATURE"),
    );
  });
});

describe("signed messages", () => {
  test("each kind opens as it was sealed", async () => {
    const own = <T extends object>(name: string) => ({
      ...sample<T>(name),
      stream: keys.publicKey,
    });
    const now = offer.atMs;
    expect(await P.openOffer(await P.sealOffer(keys, offer), { now })).toEqual(offer);
    const announce = own<P.Announce>("Announce");
    expect(await P.openAnnounce(await P.sealAnnounce(keys, announce), { now })).toEqual(announce);
    const closed = own<P.Closed>("Closed");
    expect(await P.openClosed(await P.sealClosed(keys, closed))).toEqual(closed);
    const award = own<P.Award>("Award");
    expect(await P.openAward(await P.sealAward(keys, award))).toEqual(award);
    const entry = own<P.Entry>("Entry");
    expect(await P.openEntry(await P.sealEntry(keys, entry))).toEqual(entry);
    const bid = { ...sample<P.Bid>("Bid"), worker: P.peerIdOf(keys.publicKey) };
    const from = keys.publicKey;
    expect(await P.openBid(await P.sealBid(keys, bid), { from })).toEqual(bid);
    const receipt = sample<P.Receipt>("Receipt");
    expect(await P.openReceipt(await P.sealReceipt(keys, receipt), { from })).toEqual(receipt);
  });

  test("a receipt has one name for whoever signed it and whoever opened it", async () => {
    const receipt = sample<P.Receipt>("Receipt");
    const name = await sha256(P.Receipt.encode(receipt));
    expect(await P.hashReceipt(await P.sealReceipt(keys, receipt))).toEqual(name);
    expect(await P.hashReceipt(await P.sealReceipt(others, receipt))).toEqual(name);
  });

  test("a stranger cannot speak for a stream, nor a worker for another", async () => {
    const stranger = await P.sealOffer(others, offer);
    await expect(P.openOffer(stranger, {})).rejects.toThrow(refused("PROTOCOL_SIGNER"));
    const bid = { ...sample<P.Bid>("Bid"), worker: P.peerIdOf(others.publicKey) };
    const sealed = await P.sealBid(keys, bid);
    await expect(P.openBid(sealed, { from: keys.publicKey })).rejects.toThrow(
      refused("PROTOCOL_SIGNER"),
    );
    await expect(P.openBid(sealed, { from: others.publicKey })).rejects.toThrow(
      refused("PROTOCOL_SIGNER"),
    );
  });

  test.each(["12D3KooWA", "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPBdG", "worker-2", "w3"])(
    "nobody bids as %s, which is the peer id of no key",
    async (worker) => {
      const sealed = await P.sealBid(keys, { ...sample<P.Bid>("Bid"), worker });
      await expect(P.openBid(sealed, { from: keys.publicKey })).rejects.toThrow(
        refused("PROTOCOL_SIGNER"),
      );
    },
  );

  test.each([
    [0, true],
    [offer.ttlMs + P.MAX_SKEW_MS, true],
    [offer.ttlMs + P.MAX_SKEW_MS + 1, false],
    [-P.MAX_SKEW_MS, true],
    [-P.MAX_SKEW_MS - 1, false],
  ])("an offer %i ms after its date is good: %s", async (age, good) => {
    const opening = P.openOffer(await P.sealOffer(keys, offer), { now: offer.atMs + age });
    if (good) await expect(opening).resolves.toEqual(offer);
    else await expect(opening).rejects.toThrow(refused("PROTOCOL_STALE"));
  });

  test("a recorded announcement opens without a clock", async () => {
    const announce = { ...sample<P.Announce>("Announce"), stream: keys.publicKey, atMs: 5 };
    const sealed = await P.sealAnnounce(keys, announce);
    await expect(P.openAnnounce(sealed, {})).resolves.toEqual(announce);
    await expect(P.openAnnounce(sealed, { now: 1e9 })).rejects.toThrow(refused("PROTOCOL_STALE"));
  });
});

describe("fields", () => {
  const job = sample<P.Job>("Job");
  const rung = { name: "240p", width: 426, height: 240, bitrate: 250_000 };
  test.each<[string, () => Uint8Array, string]>([
    [
      "an odd width",
      () => P.Job.encode({ ...job, rungs: [{ ...rung, width: 427 }] }),
      "rungs[0].width",
    ],
    [
      "4K in both directions",
      () => P.Job.encode({ ...job, rungs: [{ ...rung, width: 3840, height: 3840 }] }),
      "rungs[0].height",
    ],
    ["an empty ladder", () => P.Job.encode({ ...job, rungs: [] }), "rungs"],
    ["a rung twice", () => P.Job.encode({ ...job, rungs: [rung, rung] }), "rungs"],
    [
      "a rung named source",
      () => P.Job.encode({ ...job, rungs: [{ ...rung, name: "source" }] }),
      "rungs",
    ],
    ["an unknown codec", () => P.Job.encode({ ...job, codec: "hevc" }), "codec"],
    ["a short hash", () => P.Job.encode({ ...job, mediaHash: fromHex("00") }), "mediaHash"],
    ["9 MiB of media", () => P.Job.encode({ ...job, mediaLen: 9 << 20 }), "mediaLen"],
    ["an offer of a minute", () => P.Offer.encode({ ...offer, ttlMs: 60_000 }), "ttlMs"],
    ["segments of 400 ms", () => P.Offer.encode({ ...offer, segmentMs: 400 }), "segmentMs"],
    [
      "an unknown role",
      () => P.Award.encode({ ...sample<P.Award>("Award"), role: "chief" }),
      "role",
    ],
    [
      "a holder that is not listed",
      () => P.Entry.encode({ ...sample<P.Entry>("Entry"), holders: [] }),
      "tracks[0].holders",
    ],
  ])("%s is refused by name", (_, encode, field) => {
    expect(encode).toThrow(
      expect.objectContaining({
        reason: expect.objectContaining({ code: "PROTOCOL_FIELD", field }),
      }),
    );
  });

  test("the largest numbers come back as they were", () => {
    const most = { ...offer, maxPrice: 2n ** 64n - 1n, atMs: Number.MAX_SAFE_INTEGER };
    expect(P.Offer.decode(P.Offer.encode(most))).toEqual(most);
  });

  test("a portrait 4K picture is taken", () => {
    const portrait = { ...rung, width: 2160, height: 3840 };
    expect(P.Job.decode(P.Job.encode({ ...job, rungs: [portrait] })).rungs).toEqual([portrait]);
  });

  test("streams of every key find one of the topics that relays carry", () => {
    for (let last = 0; last < 256; last++) {
      const topic = P.streamTopic(new Uint8Array(32).fill(last));
      expect(topic).toBe(`/tabcast/1/streams/${last}`);
      expect(P.TOPICS).toContain(topic);
    }
  });

  test("who follows one of a thousand streams hears of few others, and who follows none of no one", () => {
    const heard = new Map<string, number>();
    for (let i = 0; i < 1_000; i++) {
      const topic = P.streamTopic(crypto.getRandomValues(new Uint8Array(32)));
      heard.set(topic, (heard.get(topic) ?? 0) + 1);
    }
    // Four on average; twenty or more of one shard come once in a million runs.
    expect(Math.max(...heard.values())).toBeLessThan(24);
    expect(new Set(P.STREAM_TOPICS).size).toBe(256);
  });

  test("workers of every key hear one part of each level, and all parts are heard by as many", () => {
    const heard = new Map<string, number>();
    for (let last = 0; last < 256; last++) {
      const topics = P.offerTopicsOf(new Uint8Array(32).fill(last));
      expect([...topics.values()]).toEqual(P.OFFER_PARTS);
      for (const topic of topics.keys()) heard.set(topic, (heard.get(topic) ?? 0) + 1);
    }
    expect([...heard.keys()].sort()).toEqual([...P.OFFER_TOPICS].sort());
    for (const parts of P.OFFER_PARTS)
      for (let part = 0; part < parts; part++)
        expect(heard.get(P.offersTopic(parts, part))).toBe(256 / parts);
  });
});

describe("two receipts for one segment", () => {
  const receipt = sample<P.Receipt>("Receipt");
  const signed = (of: Partial<P.Receipt>, by = keys) => P.sealReceipt(by, { ...receipt, ...of });
  const proof = (first: Uint8Array, second: Uint8Array) => P.Equivocation.encode({ first, second });

  test("prove to anybody who signed them, if they differ anywhere", async () => {
    const bytes = proof(await signed({}), await signed({ encodeMs: receipt.encodeMs + 1 }));
    const { signer, first, second } = await P.openEquivocation(bytes);
    expect(signer).toEqual(keys.publicKey);
    expect([first.seq, second.seq]).toEqual([receipt.seq, receipt.seq]);
  });

  test.each<[string, () => Promise<[Uint8Array, Uint8Array]>]>([
    ["are the same", async () => [await signed({}), await signed({})]],
    ["are of two workers", async () => [await signed({}), await signed({ encodeMs: 1 }, others)]],
    ["are of two segments", async () => [await signed({}), await signed({ seq: receipt.seq + 1 })]],
    [
      "are of two streams",
      async () => [await signed({}), await signed({ stream: new Uint8Array(32), encodeMs: 1 })],
    ],
    ["are of two epochs", async () => [await signed({}), await signed({ epoch: 99 })]],
    [
      "are of two awards",
      async () => [await signed({}), await signed({ award: new Uint8Array(16) })],
    ],
  ])("prove nothing if they %s", async (_, pair) => {
    await expect(P.openEquivocation(proof(...(await pair())))).rejects.toThrow(
      refused("PROTOCOL_NO_PROOF"),
    );
  });

  test("prove nothing if one was changed after it was signed", async () => {
    const second = await signed({ encodeMs: 1 });
    second[second.length - 1] = (second.at(-1) ?? 0) ^ 1;
    await expect(P.openEquivocation(proof(await signed({}), second))).rejects.toThrow(
      refused("PROTOCOL_SIGNATURE"),
    );
  });
});

test("a complaint speaks for the peer that it came from, and shows its work", async () => {
  const { nonce, ...complaint } = {
    ...sample<P.Complaint>("Complaint"),
    viewer: P.peerIdOf(keys.publicKey),
  };
  const waits = { signal: AbortSignal.timeout(60_000) };
  const sealed = await P.sealComplaint(keys, complaint, waits);
  expect(await P.openComplaint(sealed, { from: keys.publicKey })).toMatchObject(complaint);
  await expect(P.openComplaint(sealed, { from: others.publicKey })).rejects.toThrow(
    refused("PROTOCOL_SIGNER"),
  );
  // Work is for one identity and one segment: what another has found is worth nothing.
  const worked = P.Complaint.decode(P.Envelope.payloadOf(sealed));
  for (const other of [{ viewer: P.peerIdOf(others.publicKey) }, { seq: worked.seq + 1 }]) {
    const payload = P.Complaint.encode({ ...worked, ...other });
    const copied = await P.Envelope.seal(others, "complaint", payload);
    await expect(P.openComplaint(copied, { from: others.publicKey })).rejects.toThrow(
      refused("PROTOCOL_WORK"),
    );
  }
  // Who names another as the viewer has its own work, and is refused all the same.
  const named = await P.sealComplaint(others, complaint, waits);
  await expect(P.openComplaint(named, { from: others.publicKey })).rejects.toThrow(
    refused("PROTOCOL_SIGNER"),
  );
});

test("a reveal speaks for its stream only", async () => {
  const reveal = { ...sample<P.Reveal>("Reveal"), stream: keys.publicKey };
  expect(await P.openReveal(await P.sealReveal(keys, reveal))).toEqual(reveal);
  await expect(P.openReveal(await P.sealReveal(others, reveal))).rejects.toThrow(
    refused("PROTOCOL_SIGNER"),
  );
});

describe("a sender's clock", () => {
  const DAY = 86_400_000;
  const now = 1_790_000_000_000;
  const sealed = (atMs: number) => P.sealOffer(keys, { ...offer, atMs, ttlMs: 30_000 });

  test.each([-DAY, -60_000, 0, 60_000, DAY])(
    "may be wrong by %i ms from the start",
    async (wrong) => {
      const clocks = new P.Clocks();
      for (const later of [0, 2_000, 40_000, 80_000])
        await P.openOffer(await sealed(now + later + wrong), { now: now + later, clocks });
    },
  );

  test.each([-2 * DAY, 2 * DAY])("may not be wrong by %i ms", async (wrong) => {
    const opening = P.openOffer(await sealed(now + wrong), { now, clocks: new P.Clocks() });
    await expect(opening).rejects.toThrow(refused("PROTOCOL_STALE"));
  });

  test.each([-DAY, 0, DAY])(
    "shows which of its messages is old, when it differs by %i ms",
    async (wrong) => {
      const clocks = new P.Clocks();
      const old = await sealed(now + wrong);
      await P.openOffer(old, { now, clocks });
      await P.openOffer(await sealed(now + 80_000 + wrong), { now: now + 80_000, clocks });
      // Within its 30 s and 60 s of grace it counts, after that it is a replay.
      await P.openOffer(old, { now: now + 89_000, clocks });
      await expect(P.openOffer(old, { now: now + 91_000, clocks })).rejects.toThrow(
        refused("PROTOCOL_STALE"),
      );
    },
  );

  test("is learnt anew when it is put right, and an old message that comes first does not hide newer ones", () => {
    const clocks = new P.Clocks();
    expect(clocks.take("fast", now + DAY, 30_000, now)).toBe(true);
    expect(clocks.take("fast", now + 1_000, 30_000, now + 1_000)).toBe(false);
    expect(clocks.take("fast", now + 100_000, 30_000, now + 100_000)).toBe(true);
    expect(clocks.take("replayed", now - 3_600_000, 30_000, now)).toBe(true);
    expect(clocks.take("replayed", now, 30_000, now)).toBe(true);
    expect(clocks.take("replayed", now - 3_600_000, 30_000, now)).toBe(false);
  });

  test("is not learnt from messages that are refused: another's, and one dated too far ahead", async () => {
    const clocks = new P.Clocks();
    const forged = await P.sealOffer(others, { ...offer, atMs: now + DAY, ttlMs: 30_000 });
    await expect(P.openOffer(forged, { now, clocks })).rejects.toThrow(refused("PROTOCOL_SIGNER"));
    const far = await sealed(now + 2 * DAY);
    await expect(P.openOffer(far, { now, clocks })).rejects.toThrow(refused("PROTOCOL_STALE"));
    // Held against either of those clocks, these two would be older than a day.
    await P.openOffer(await sealed(now), { now, clocks });
    await P.openOffer(await sealed(now + 1_000), { now: now + 1_000, clocks });
  });
});
