import { type Mesh, MeshError, memory, memoryNetwork } from "@tabcast/mesh";
import {
  type Announce,
  crewKeys,
  type Entry,
  GetReply,
  Keys,
  keyText,
  ManifestRequest,
  PROTOCOLS,
  peerIdOf,
  streamTopic,
} from "@tabcast/protocol";
import {
  type Clock,
  fromHex,
  type Millis,
  seededRandom,
  sha256,
  systemClock,
  toHex,
} from "@tabcast/runtime";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openBlobStore } from "../blob-store.ts";
import { ANNOUNCE_MS, openPublisher } from "../broadcaster/publisher.ts";
import type { Context } from "../context.ts";
import { answer, ask, serveBlobs } from "../exchange.ts";
import { emptyManifest, entered } from "../manifest.ts";
import { asksBroadcaster, catchUp, firstMissed, type Tries, waitMs } from "./catching-up.ts";
import { view } from "./view.ts";

const nothing = new Uint8Array(0);
const from = (seq: number) =>
  entered(emptyManifest, { message: { seq } as Entry, sealed: nothing });

test("a viewer asks for the newest eight entries of a stream under way, and never for one before the first", () => {
  expect(firstMissed(emptyManifest, { newest: 100, ended: false })).toBe(92);
  expect(firstMissed(emptyManifest, { newest: 3, ended: false })).toBe(0);
});

test("a viewer asks for all that is kept of a stream that is over", () => {
  expect(firstMissed(emptyManifest, { newest: 100, ended: true })).toBe(0);
  expect(firstMissed(emptyManifest, { newest: 2_000, ended: true })).toBe(200);
});

test("a viewer asks for what follows on the entries that it knows", () => {
  expect(firstMissed(from(40), { newest: 100, ended: false })).toBe(41);
  expect(firstMissed(from(40), { newest: 100, ended: true })).toBe(41);
});

test("a broadcaster is asked after two followers that had nothing, or where there is none", () => {
  expect([0, 1, 2, 3, 4, 5].map((vain) => asksBroadcaster(vain, 3))).toEqual([
    ...[false, false, true],
    ...[false, false, true],
  ]);
  expect(asksBroadcaster(0, 0)).toBe(true);
});

test("who gets nothing new waits longer each time, and not as long as the others; who joins or got no answer does not", () => {
  const waits = (part: number, tries: Partial<Tries> = {}) =>
    [1, 2, 3, 4, 5, 9].map((vain) =>
      waitMs({ vain, joining: false, unanswered: false, ...tries }, 2_000, {
        fraction: () => part,
      }),
    );
  expect(waits(0)).toEqual([1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
  expect(waits(0.5)).toEqual([2_000, 4_000, 8_000, 16_000, 16_000, 16_000]);
  for (const tries of [{ joining: true }, { unanswered: true }])
    expect(waits(0.5, tries)).toEqual([100, 100, 8_000, 16_000, 16_000, 16_000]);
  expect([0, 0.9].map((part) => waits(part, { unanswered: true })[0])).toEqual([50, 140]);
});

const away = new MeshError({ code: "MESH_UNREACHABLE", peer: "x", addresses: 1 }, "away");
const busy = new MeshError({ code: "MESH_BUSY", peer: "x" }, "busy");
const longer = [2_000, 4_000, 8_000, 16_000];
test.each([
  ["has followers is asked about after two of them", ["follower"], away, [100, 100, 8_000, 16_000]],
  ["has followers with too much to do is left alone for longer", ["follower"], busy, longer],
  ["has none is left alone for longer each time", [], away, longer],
])("where nobody answers, a stream that %s", async (_, followers, error, waits) => {
  const asked: string[] = [];
  const slept: number[] = [];
  const context = {
    mesh: {
      request(peer: string) {
        asked.push(peer);
        throw error;
      },
    },
    clock: {
      ...systemClock,
      async sleep(ms: number) {
        if (slept.push(ms) === waits.length) throw new Error("seen enough");
      },
    },
    random: { fraction: () => 0.5, below: () => 0 },
    signal: new AbortController().signal,
  } as unknown as Context;
  const said = {
    ...{ stream: new Uint8Array(32), broadcaster: "broadcaster", addrs: [], segmentMs: 2_000 },
    ...{ newest: 9, ended: false },
  } as unknown as Announce;
  const end = catchUp(context, {
    announce: async () => said,
    manifest: () => from(3),
    followers: () => followers,
    heardAt: () => Number.NEGATIVE_INFINITY,
    take: async () => {},
  });
  await expect(end).rejects.toThrow("seen enough");
  expect(slept).toEqual(waits);
  const last = "broadcaster";
  expect(asked).toEqual(
    followers.length > 0 ? ["follower", "follower", last, "follower"] : [last, last, last, last],
  );
});

describe("viewers of one stream", () => {
  const SPEED = 20;
  const clock: Clock = {
    now: () => (SPEED * systemClock.now()) as Millis,
    unix: () => (SPEED * systemClock.unix()) as Millis,
    sleep: (ms, options) => systemClock.sleep(ms / SPEED, options),
    timeout: (ms) => systemClock.timeout(ms / SPEED),
  };
  let network: ReturnType<typeof memoryNetwork>;
  let done: AbortController;
  let opened: Mesh[];

  beforeEach(() => {
    network = memoryNetwork({ clock });
    done = new AbortController();
    opened = [];
  });
  afterEach(async () => {
    done.abort();
    await Promise.all(opened.map((mesh) => mesh.close()));
  });

  /** A member whose requests are counted, by whom they went to and for what. */
  async function enter() {
    const { publicKey } = await Keys.generate();
    const mesh = memory(network, { self: peerIdOf(publicKey) });
    opened.push(mesh);
    const asked: string[] = [];
    const counted: Mesh = {
      ...mesh,
      request(peer, protocol, ...rest) {
        asked.push(`${peer} ${protocol}`);
        return mesh.request(peer, protocol, ...rest);
      },
    };
    return { mesh: counted, asked };
  }

  const source = { name: "source", width: 426, height: 240, bitrate: 250_000 };
  const facts = {
    ...{ title: "", codec: "avc", segmentMs: 2_000, rungs: [], source },
    ...{ audio: false, startedMs: 0 },
  };

  /** A stream whose only holder is its broadcaster. */
  async function stream() {
    const { mesh } = await enter();
    const keys = await Keys.generate();
    const publisher = openPublisher(
      { mesh, clock, random: seededRandom(1, "stream"), signal: done.signal },
      { keys, facts, failed() {} },
    );
    const blobs = openBlobStore();
    serveBlobs(mesh, blobs, done.signal);
    let seq = 0;
    return {
      mesh,
      id: toHex(keys.publicKey),
      async publish() {
        const media = new Uint8Array(1_000).fill(seq + 1);
        const mediaHash = await sha256(media);
        blobs.put(toHex(mediaHash), media);
        await publisher.publish({
          ...{ seq, startUs: seq * 2_000_000, durationUs: 2_000_000, capturedMs: 0 },
          holders: [{ peer: mesh.self, addrs: [] }],
          tracks: [
            {
              ...{ name: "source", codecs: "avc1.640015", frames: 60, gap: false },
              ...{ initHash: mediaHash, mediaHash, initLen: 1_000, mediaLen: 1_000, holders: [0] },
            },
          ],
        });
        seq++;
      },
    };
  }

  /** Watches it; resolves once segment `first` is shown. */
  async function watch(on: Awaited<ReturnType<typeof stream>>, first?: number) {
    const { mesh, asked } = await enter();
    const signal = done.signal;
    const shown = new Map<number, Promise<unknown>>();
    const viewer = view({
      ...{ mesh, clock, signal, stream: on.id },
      on: ({ type, ...event }) => {
        if (type !== "entry") return;
        const { seq } = event as { seq: number };
        shown.set(seq, viewer.bytes("source", "media", seq, { signal }));
      },
    });
    const seen = async (seq: number) => {
      await expect.poll(() => shown.has(seq), { timeout: 10_000, interval: 5 }).toBe(true);
      await shown.get(seq);
    };
    if (first !== undefined) await seen(first);
    return {
      seen,
      seqs: () => [...shown.keys()],
      /** Questions to the broadcaster. */
      asked: (protocol: string) =>
        asked.filter((one) => one === `${on.mesh.self} ${protocol}`).length,
    };
  }

  test("give who comes late the newest entries and segments, and their broadcaster nothing to do", async () => {
    const on = await stream();
    await on.publish();
    const early = await Promise.all([watch(on, 0), watch(on, 0)]);
    for (let i = 1; i < 5; i++) await on.publish();
    await Promise.all(early.map((one) => one.seen(4)));
    const late = await watch(on, 4);
    expect(late.asked(PROTOCOLS.manifest)).toBe(0);
    expect(late.asked(PROTOCOLS.get)).toBe(0);
  });

  test("ask a broadcaster that is late less and less often, and not all at once", async () => {
    const on = await stream();
    await on.publish();
    const all = await Promise.all(Array.from({ length: 10 }, () => watch(on, 0)));
    const count = () => all.reduce((sum, one) => sum + one.asked(PROTOCOLS.manifest), 0);
    const before = count();
    await clock.sleep(60_000);
    // Each asks six or seven times in a minute, two followers and then the broadcaster; every half second it would be 1,160.
    expect(count() - before).toBeLessThan(40);
    // And the next entry is heard at once all the same.
    await on.publish();
    await Promise.all(all.map((one) => one.seen(1)));
  });

  test("find the broadcaster where the followers that they ask say nothing", async () => {
    const on = await stream();
    await on.publish();
    const silent = await enter();
    silent.mesh.subscribe(streamTopic(fromHex(on.id)), () => {}, { signal: done.signal });
    const late = await watch(on, 0);
    expect(late.asked(PROTOCOLS.manifest)).toBe(1);
  });

  test("are not begun with old segments by a follower that gives those", async () => {
    const on = await stream();
    for (let i = 0; i < 30; i++) await on.publish();
    await clock.sleep(2 * ANNOUNCE_MS); // it is said how many there are
    const old = await enter();
    const first = ManifestRequest.encode({ stream: fromHex(on.id), from: 0, most: 4 });
    const { head } = await ask(old.mesh, on.mesh.self, PROTOCOLS.manifest, first, {
      signal: done.signal,
    });
    answer(old.mesh, PROTOCOLS.manifest, done.signal, () => head);
    old.mesh.subscribe(streamTopic(fromHex(on.id)), () => {}, { signal: done.signal });
    const late = await watch(on, 29);
    expect(Math.min(...late.seqs())).toBeGreaterThanOrEqual(22);
  });

  test("are not kept waiting for each segment by others that promise it and stall", async () => {
    const on = await stream();
    await on.publish();
    for (let i = 0; i < 30; i++) {
      const { mesh } = await enter();
      mesh.subscribe(streamTopic(fromHex(on.id)), () => {}, { signal: done.signal });
      mesh.serve(
        PROTOCOLS.get,
        async function* (_, { signal }) {
          yield { head: GetReply.encode({ ok: true, why: "", size: 1_000 }), body: nothing };
          await new Promise((end) => signal.addEventListener("abort", end));
        },
        { signal: done.signal },
      );
    }
    const viewer = await watch(on, 0);
    const waits: number[] = [];
    for (let seq = 1; seq < 8; seq++) {
      const before = clock.now();
      await on.publish();
      await viewer.seen(seq);
      waits.push(clock.now() - before);
    }
    // One second is the time in which a holder is found slow.
    expect(waits.filter((ms) => ms > 1_000).length).toBeLessThanOrEqual(2);
  });

  test("of a private stream tell no stranger on its shard that they watch it, asking or asked", async () => {
    const { mesh } = await enter();
    const keys = await Keys.generate();
    const secrets = await crewKeys(keys.publicKey, new Uint8Array(32).fill(7));
    const context = { mesh, clock, random: seededRandom(1, "stream"), signal: done.signal };
    const publisher = openPublisher(context, { keys, facts, secrets, failed() {} });
    const entry = { startUs: 0, durationUs: 2_000_000, capturedMs: 0, holders: [] };
    const gap = { name: "source", codecs: "", initHash: nothing, mediaHash: nothing, initLen: 0 };
    const track = { ...gap, mediaLen: 0, frames: 0, holders: [], gap: true };
    await publisher.publish({ ...entry, seq: 0, tracks: [track] });
    const stranger = await enter();
    const asked: string[] = [];
    stranger.mesh.subscribe(streamTopic(keys.publicKey), () => {}, done);
    answer(stranger.mesh, PROTOCOLS.manifest, done.signal, (_, peer) => {
      asked.push(peer);
      return undefined;
    });
    const viewer = await enter();
    const shown = Promise.withResolvers<void>();
    view({
      ...{ mesh: viewer.mesh, clock, signal: done.signal, stream: toHex(keys.publicKey) },
      key: keyText(secrets.watch),
      on: ({ type }) => type === "entry" && shown.resolve(),
    });
    await shown.promise;
    const question = ManifestRequest.encode({ stream: keys.publicKey, from: 0, most: 1 });
    const probe = ask(stranger.mesh, viewer.mesh.self, PROTOCOLS.manifest, question, {
      signal: done.signal,
    });
    await expect(probe).rejects.toThrow();
    expect(asked).toEqual([]);
  });
});
