import type { Mesh } from "@tabcast/mesh";
import {
  Keys,
  LiveReply,
  peerIdOf,
  type Signer,
  sealAnnounce,
  sealEntry,
  streamTopic,
} from "@tabcast/protocol";
import { expect, test } from "vitest";
import { contextOf } from "../context.ts";
import { openFollowing } from "./following.ts";

test("a viewer keeps nothing of announcements and entries that it refuses, and tells of a segment that was signed twice", async () => {
  const [keys, stranger] = [await Keys.generate(), await Keys.generate()];
  const stream = keys.publicKey;
  const topics = new Map<string, (message: { body: Uint8Array }) => void>();
  const mesh = {
    subscribe: (topic: string, handler: (message: { body: Uint8Array }) => void) =>
      topics.set(topic, handler),
    serve() {},
  } as unknown as Mesh;
  const own = new AbortController();
  const told: string[] = [];
  const proofs: unknown[] = [];
  const following = openFollowing(contextOf({ mesh, signal: own.signal }), {
    stream,
    on: (event) => {
      told.push(event.type);
      if (event.type === "equivocated") proofs.push([event.seq, event.proof]);
    },
  });
  const gossip = (body: Uint8Array) => {
    for (const handler of topics.values()) handler({ body });
  };
  const announce = (by: Signer, of = stream, atMs = Date.now()) =>
    sealAnnounce(by, {
      stream: of,
      broadcaster: peerIdOf(keys.publicKey),
      addrs: [],
      title: "a stream",
      codec: "avc",
      segmentMs: 2_000,
      rungs: [],
      source: { name: "source", width: 1_280, height: 720, bitrate: 3_000_000 },
      audio: false,
      startedMs: atMs,
      newest: 9,
      ended: false,
      atMs,
    });
  const entry = (by: Signer, seq: number, of = stream, initLen = 600) =>
    sealEntry(by, {
      stream: of,
      broadcaster: peerIdOf(keys.publicKey),
      seq,
      startUs: seq * 2_000_000,
      durationUs: 2_000_000,
      capturedMs: Date.now(),
      holders: [{ peer: peerIdOf(keys.publicKey), addrs: [] }],
      tracks: [
        {
          name: "source",
          codecs: "avc1.640028",
          initHash: new Uint8Array(32),
          mediaHash: new Uint8Array(32),
          initLen,
          mediaLen: 100_000,
          frames: 60,
          holders: [0],
          gap: false,
        },
      ],
    });
  const changed = await entry(keys, 3);
  changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
  const refused = [
    new Uint8Array(100).fill(255),
    await announce(stranger),
    await announce(stranger, stranger.publicKey),
    await announce(keys, stream, Date.now() - 7 * 86_400_000),
    await entry(stranger, 1),
    await entry(stranger, 2, stranger.publicKey),
    changed,
  ];
  expect(topics.has(streamTopic(stream))).toBe(true);
  for (const body of refused) gossip(body);
  // What came before it is read by the time that this is.
  for (const seq of [5, 6]) {
    gossip(await entry(keys, seq));
    await following.until(({ entries }) => entries.get(seq), { signal: own.signal });
  }
  const { announce: kept, entries } = following.manifest();
  expect(kept).toBeUndefined();
  expect([...entries.keys()]).toEqual([5, 6]);
  expect(told).toEqual(["entry", "entry"]);
  // A broadcaster that tells viewers different things of one segment is told of, once, and the first entry stays.
  const [first, second] = [entries.get(5)?.sealed, await entry(keys, 5, stream, 700)];
  for (const body of [second, second, await entry(keys, 5, stream, 800)]) gossip(body);
  gossip(await entry(keys, 7));
  await following.until(({ entries }) => entries.get(7), { signal: own.signal });
  expect(following.manifest().entries.get(5)?.sealed).toEqual(first);
  expect(told).toEqual(["entry", "entry", "equivocated", "entry"]);
  expect(proofs).toEqual([[5, [first, second]]]);
  own.abort();
});

test("a relay that hangs keeps a viewer from asking the other one again no longer than a second", async () => {
  const keys = await Keys.generate();
  const now = Date.now();
  const announce = await sealAnnounce(keys, {
    stream: keys.publicKey,
    broadcaster: peerIdOf(keys.publicKey),
    addrs: [],
    title: "a stream",
    codec: "avc",
    segmentMs: 2_000,
    rungs: [],
    source: { name: "source", width: 1_280, height: 720, bitrate: 3_000_000 },
    audio: false,
    startedMs: now,
    newest: 9,
    ended: false,
    atMs: now,
  });
  const asked: string[] = [];
  const mesh = {
    subscribe() {},
    serve() {},
    relays: () => ["hangs", "answers"],
    async *request(peer: string, _: string, __: unknown, { signal }: { signal: AbortSignal }) {
      asked.push(peer);
      if (peer === "hangs")
        await new Promise((__, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
        });
      // It hears of the stream only after it was asked first.
      const announces = asked.filter((one) => one === "answers").length > 1 ? [announce] : [];
      yield {
        head: LiveReply.encode({ announces, total: announces.length }),
        body: new Uint8Array(0),
      };
    },
  } as unknown as Mesh;
  const own = new AbortController();
  const began = performance.now();
  await new Promise<void>((resolve) => {
    openFollowing(contextOf({ mesh, signal: own.signal }), {
      stream: keys.publicKey,
      on: ({ type }) => type === "announced" && resolve(),
    });
  });
  expect(performance.now() - began).toBeLessThan(4_000);
  expect(asked.filter((one) => one === "hangs")).toHaveLength(1);
  own.abort();
});
