import type { Crew } from "@tabcast/market";
import type { Fragment } from "@tabcast/media";
import { type Mesh, memory, memoryNetwork } from "@tabcast/mesh";
import { Hold, HoldReply, MAX_SOUND, PROTOCOLS, peerIdOf } from "@tabcast/protocol";
import { sha256, systemClock, toHex } from "@tabcast/runtime";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openBlobStore } from "../blob-store.ts";
import { serveBlobs } from "../exchange.ts";
import { openFetcher } from "../fetcher.ts";
import type { Engagements } from "../worker/engagements.ts";
import { serveSounds } from "../worker/sounds.ts";
import type { Captured } from "./delivery.ts";
import { openPassing, openSounds, type Pass } from "./sounds.ts";

const clock = systemClock;
const bytes = (size: number, value: number) => new Uint8Array(size).fill(value);
const award = (n: number) => bytes(16, n);

let network: ReturnType<typeof memoryNetwork>;
let done: AbortController;
let opened: Mesh[];

beforeEach(() => {
  network = memoryNetwork();
  done = new AbortController();
  opened = [];
});
afterEach(async () => {
  done.abort();
  await Promise.all(opened.map((mesh) => mesh.close()));
});

function enter(id: number): Mesh {
  const mesh = memory(network, { self: peerIdOf(bytes(32, id)) });
  opened.push(mesh);
  return mesh;
}

/** A worker that `me` has hired, and what it was given. */
function hired(me: Mesh, id: number) {
  const mesh = enter(id);
  const blobs = openBlobStore();
  const engagement = { broadcaster: me.self, award: { epoch: 1 } };
  const engagements = {
    get: (of: Uint8Array) => (toHex(of) === toHex(award(id)) ? engagement : undefined),
  } as unknown as Engagements;
  serveSounds({ mesh, clock, signal: done.signal }, { engagements, blobs });
  serveBlobs(mesh, blobs, done.signal);
  const member = { worker: mesh.self, award: award(id), epoch: 1, state: "hired" };
  return { mesh, blobs, member: member as Crew.Member };
}

const sound = (seq: number): Fragment => ({
  ...{ init: bytes(600, 7), media: bytes(30_000, seq + 1), codecs: "opus", frames: 100 },
});
const segment = (seq: number) =>
  ({ seq, audio: Promise.resolve(sound(seq)) }) as unknown as Captured;

/** The sounds of a stream that passes them on. */
function sounds(pass: Pass | undefined) {
  const { signal } = done;
  return openSounds(
    { clock, signal },
    {
      ...{ aac: false, pass, failed() {}, ended: signal },
      async hold({ track: name }, { init, media, codecs, frames }) {
        const [initHash, mediaHash] = await Promise.all([sha256(init), sha256(media)]);
        const sizes = { initLen: init.byteLength, mediaLen: media.byteLength };
        const track = { name, codecs, initHash, mediaHash, ...sizes, frames, holders: [] };
        return { init, media, track: { ...track, gap: false } };
      },
    },
  );
}

describe("a segment's sound", () => {
  test("leaves twice, to two of the crew in turn, who give it to any number of viewers", async () => {
    const me = enter(1);
    const crew = [2, 3, 4].map((id) => hired(me, id));
    let sent = 0;
    const counted: Mesh = {
      ...me,
      request(...of) {
        sent++;
        return me.request(...of);
      },
    };
    const pass = openPassing(
      { mesh: counted, clock, signal: done.signal },
      { crew: () => crew.map(({ member }) => member), addrs: () => ["/a", "/b"] },
    );
    const all = sounds(pass);
    const holders = new Set<string>();
    for (let seq = 0; seq < 6; seq++) {
      all.take(segment(seq));
      const [heard] = await all.of(segment(seq));
      expect(heard?.heldBy).toHaveLength(2);
      for (const { peer, addrs } of heard?.heldBy ?? []) {
        holders.add(peer);
        expect(addrs).toEqual(["/a"]);
      }
      const viewer = enter(100 + seq);
      const { mediaHash, mediaLen } = heard?.track ?? { mediaHash: bytes(32, 0), mediaLen: 0 };
      const wanted = { hash: mediaHash, size: mediaLen, holders: heard?.heldBy ?? [] };
      const got = await openFetcher({ mesh: viewer, clock }).fetch(wanted, done);
      expect(got.bytes).toEqual(sound(seq).media);
    }
    expect(sent).toBe(12);
    expect(holders.size).toBe(3);
  });

  test("is held here alone where nobody takes it in time, and nobody is waited for", async () => {
    const never = sounds(() => [new Promise(() => {})]);
    never.take(segment(0));
    const [heard] = await never.of(segment(0));
    expect(heard).toMatchObject({ fragment: { name: "audio" }, heldBy: [] });
    const me = enter(1);
    const one = hired(me, 2);
    const gone = { ...one.member, award: award(9) };
    const pass = openPassing(
      { mesh: me, clock, signal: done.signal },
      { crew: () => [gone, { ...one.member, state: "draining" }], addrs: () => [] },
    );
    const [alone] = await sounds(pass).of(segment(0));
    expect(alone?.heldBy).toEqual([]);
  });

  test("is held by who takes it, also where another of the crew lets it hang", async () => {
    const me = enter(1);
    const honest = hired(me, 2);
    const slow = enter(3);
    slow.serve(
      PROTOCOLS.hold,
      async function* (_, { signal }) {
        await new Promise((end) => signal.addEventListener("abort", end));
        yield* [];
      },
      { signal: done.signal },
    );
    const member = { ...honest.member, worker: slow.self };
    const pass = openPassing(
      { mesh: me, clock, signal: done.signal },
      { crew: () => [honest.member, member], addrs: () => [] },
    );
    const [heard] = await sounds(pass).of(segment(0));
    expect(heard?.heldBy.map(({ peer }) => peer)).toEqual([honest.mesh.self]);
  });

  test("is none of a silent stream's", async () => {
    const silent = { seq: 0, audio: Promise.resolve(undefined) } as unknown as Captured;
    expect(await sounds(undefined).of(silent)).toEqual([]);
  });
});

describe("a worker that is given a sound", () => {
  async function give(
    from: Mesh,
    to: Mesh,
    change: Partial<Hold> = {},
    body = new Uint8Array([...bytes(10, 1), ...bytes(20, 2)]),
  ): Promise<HoldReply> {
    const hold = {
      ...{ award: award(2), epoch: 1, seq: 0, initLen: 10, mediaLen: 20 },
      ...{ initHash: await sha256(bytes(10, 1)), mediaHash: await sha256(bytes(20, 2)) },
      ...change,
    };
    const message = { head: Hold.encode(hold), body };
    for await (const { head } of from.request(to.self, PROTOCOLS.hold, message, done))
      return HoldReply.decode(head);
    throw new Error("no answer");
  }

  test("holds it for its broadcaster, and for nobody else, nor under another epoch or length", async () => {
    const [me, stranger] = [enter(1), enter(8)];
    const { mesh, blobs } = hired(me, 2);
    const refused = [
      await give(stranger, mesh),
      await give(me, mesh, { award: award(3) }),
      await give(me, mesh, { epoch: 2 }),
      await give(me, mesh, { mediaLen: 19 }),
    ];
    expect(refused.map(({ ok }) => ok)).toEqual([false, false, false, false]);
    await expect(give(me, mesh, { mediaHash: bytes(32, 0) })).rejects.toThrow();
    expect(blobs.size()).toBe(0);
    expect(await give(me, mesh)).toEqual({ ok: true, why: "" });
    expect(blobs.size()).toBe(30);
  });

  test("holds sixteen at once, and then four a second", async () => {
    const me = enter(1);
    const { mesh } = hired(me, 2);
    const taken: boolean[] = [];
    for (let seq = 0; seq < 18; seq++) taken.push((await give(me, mesh, { seq })).ok);
    expect(taken.slice(0, 16)).not.toContain(false);
    expect(taken.slice(16)).toContain(false);
  });

  test("takes no larger one than a sound may be", () => {
    const hold = {
      ...{ award: award(2), epoch: 1, seq: 0, initLen: 10, mediaLen: MAX_SOUND + 1 },
      ...{ initHash: bytes(32, 1), mediaHash: bytes(32, 2) },
    };
    expect(() => Hold.encode(hold)).toThrow();
  });
});
