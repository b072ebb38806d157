import { Complaints, type Config, type Crew, LIVE } from "@tabcast/market";
import { type Mesh, memory, memoryNetwork } from "@tabcast/mesh";
import {
  type Complaint,
  type Entry,
  GetReply,
  Keys,
  PROTOCOLS,
  peerIdOf,
  type Signer,
  streamTopic,
} from "@tabcast/protocol";
import {
  type Clock,
  type Millis,
  seededRandom,
  sha256,
  systemClock,
  toHex,
} from "@tabcast/runtime";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openBlobStore } from "../blob-store.ts";
import { ask, serveBlobs } from "../exchange.ts";
import { openFetcher } from "../fetcher.ts";
import { openRateLimiter } from "../rate-limiter.ts";
import { view } from "../viewer/view.ts";
import { type AvailabilityChecks, openAvailabilityChecks } from "./availability-checks.ts";
import { serveComplaints } from "./complaints.ts";
import type { Outcome } from "./outcome.ts";
import { openPublisher } from "./publisher.ts";
import { openVisitor, type Visit } from "./visitor.ts";

const SPEED = 10;
/** The machine's time, ten times as fast: a stalled look ends in half a second. */
const clock: Clock = {
  now: () => (SPEED * systemClock.now()) as Millis,
  unix: () => (SPEED * systemClock.unix()) as Millis,
  sleep: (ms, options) => systemClock.sleep(ms / SPEED, options),
  timeout: (ms) => systemClock.timeout(ms / SPEED),
};
/** The same, but that finding work, which takes real time, is given as much as it is anywhere. */
const unhurried: Clock = { ...clock, timeout: systemClock.timeout };
const nothing = new Uint8Array(0);
const SEGMENT_MS = 2_000;

let network: ReturnType<typeof memoryNetwork>;
let done: AbortController;
let opened: Mesh[];
let blamed: string[];

beforeEach(() => {
  network = memoryNetwork({ clock });
  done = new AbortController();
  opened = [];
  blamed = [];
});
afterEach(async () => {
  done.abort();
  await Promise.all(opened.map((mesh) => mesh.close()));
});

type Entered = Mesh & { readonly keys: Signer };

async function enter(): Promise<Entered> {
  const keys = await Keys.generate();
  const mesh = memory(network, { self: peerIdOf(keys.publicKey) });
  opened.push(mesh);
  return Object.assign(mesh, { keys });
}

const text = new TextEncoder();
const bytesOf = (what: string) => {
  const bytes = new Uint8Array(2_000);
  bytes.set(text.encode(what));
  return bytes;
};

type Works = Pick<Awaited<ReturnType<typeof worker>>, "mesh" | "keep">;

/** A broadcaster that publishes what is made for it, and looks at who made it. */
async function stream(
  config: Config,
  visiting: boolean,
  comes: (mesh: Mesh) => Mesh = (mesh) => mesh,
) {
  const me = await enter();
  const keys = await Keys.generate();
  const context = {
    mesh: me,
    config,
    clock,
    random: seededRandom(1, "visit"),
    signal: done.signal,
  };
  const facts = {
    title: "",
    codec: "avc",
    segmentMs: SEGMENT_MS,
    rungs: [{ name: "240p", width: 426, height: 240, bitrate: 250_000 }],
    source: { name: "source", width: 426, height: 240, bitrate: 250_000 },
    audio: false,
    startedMs: 0,
  };
  const failed = (error: unknown) => {
    if (!done.signal.aborted) throw error;
  };
  const publisher = openPublisher(context, { keys, facts, failed });
  const visits: Mesh[] = [];
  const visit: Visit = async ({ signal }) => {
    const mesh = await enter();
    signal.addEventListener("abort", () => void mesh.close(), { once: true });
    visits.push(mesh);
    return comes(mesh);
  };
  const members = new Map<string, Crew.Member>();
  const visitor = openVisitor(
    { ...context, stream: keys.publicKey, secrets: undefined },
    { visit: visiting ? visit : undefined, failed },
  );
  const checks: AvailabilityChecks = openAvailabilityChecks(context, {
    seed: new Uint8Array(32),
    visitor,
    complaints: new Complaints(config),
    member: (worker) => members.get(worker),
    newcomer: () => false,
    unserved(worker) {
      blamed.push(worker);
      members.delete(worker);
    },
  });
  const heard: Complaint[] = [];
  serveComplaints(
    { ...context, stream: keys.publicKey },
    {
      limiter: openRateLimiter(context, config, () => {}),
      heard: (complaint) => {
        heard.push(complaint);
        checks.complained(complaint);
      },
    },
  );
  const blobs = openBlobStore();
  serveBlobs(me, blobs, done.signal);
  let seq = 0;
  return {
    ...{ me, checks, visits, heard, members },
    stream: toHex(keys.publicKey),
    topic: streamTopic(keys.publicKey),
    /** Publishes the next segment, which this worker made, and whose sound another holds. */
    async publish({ mesh: by, keep }: Works, sounds?: Works) {
      for (const { self } of [by, ...(sounds ? [sounds.mesh] : [])])
        if (!members.has(self)) members.set(self, { state: "hired", epoch: 1 } as Crew.Member);
      const [init, media] = [bytesOf("init"), bytesOf(`media ${seq}`)];
      const [initHash, mediaHash] = await Promise.all([sha256(init), sha256(media)]);
      blobs.put(toHex(initHash), init);
      blobs.put(toHex(mediaHash), media);
      await keep(media);
      await sounds?.keep(media);
      const whole = { initHash, mediaHash, initLen: init.byteLength, mediaLen: media.byteLength };
      const entry: Entry = await publisher.publish({
        seq,
        startUs: seq * SEGMENT_MS * 1_000,
        durationUs: SEGMENT_MS * 1_000,
        capturedMs: 0,
        holders: [
          { peer: me.self, addrs: [] },
          { peer: by.self, addrs: [] },
          ...(sounds ? [{ peer: sounds.mesh.self, addrs: [] }] : []),
        ],
        tracks: [
          {
            ...{ name: "240p", codecs: "avc1.640015", frames: 60, gap: false },
            ...{ ...whole, holders: [1, 0] },
          },
          ...(sounds
            ? [
                {
                  ...{ name: "audio", codecs: "mp4a.40.2", frames: 94, gap: false },
                  ...{ ...whole, holders: [2, 0] },
                },
              ]
            : []),
        ],
      });
      const renditions = [{ rung: "240p", media, mediaHash }];
      const pay = { terms: { epoch: 1, payee: "0x" } };
      checks.published(
        { by: by.self, segment: { seq }, renditions, pay } as unknown as Outcome,
        entry,
      );
      seq++;
    },
  };
}

type Answer = "gives" | "refuses" | "stalls" | "lies" | "leaves";

/** A worker that answers each peer as `how` says, and remembers who asked. */
async function worker(how: (peer: string, asked: number) => Answer) {
  const mesh = await enter();
  const held = new Map<string, Uint8Array<ArrayBuffer>>();
  const asked: string[] = [];
  mesh.serve(
    PROTOCOLS.get,
    async function* ({ head }, { peer, signal }) {
      asked.push(peer);
      const answer = how(peer, asked.filter((one) => one === peer).length);
      const bytes = held.get(toHex(head.subarray(2)));
      if (answer === "leaves") throw new Error("gone");
      if (answer === "refuses" || bytes === undefined)
        return yield {
          head: GetReply.encode({ ok: false, why: "not held", size: 0 }),
          body: nothing,
        };
      yield {
        head: GetReply.encode({ ok: true, why: "", size: bytes.byteLength }),
        body: nothing,
      };
      if (answer === "stalls") await new Promise((end) => signal.addEventListener("abort", end));
      yield { head: nothing, body: answer === "lies" ? bytes.toReversed() : bytes };
    },
    { signal: done.signal },
  );
  const keep = async (bytes: Uint8Array<ArrayBuffer>) =>
    void held.set(toHex(await sha256(bytes)), bytes);
  await keep(bytesOf("init"));
  return { mesh, asked, keep };
}

/** No look by chance. */
const quiet: Config = {
  ...LIVE,
  availabilityCheck: { ...LIVE.availabilityCheck, newcomer: 0, later: 0, againMs: 0 },
};
/** Every segment is looked at, at once. */
const always: Config = {
  ...quiet,
  availabilityCheck: { ...quiet.availabilityCheck, newcomer: 1, later: 1, withinMs: 0 },
};

/** Publishes a worker's segments, one after the other as soon as its look is over, until `most` or the worker is out; how many. */
async function rounds(
  on: Awaited<ReturnType<typeof stream>>,
  who: Awaited<ReturnType<typeof worker>>,
  most: number,
): Promise<number> {
  for (let round = 1; round <= most; round++) {
    const looked = on.checks.counts().asked;
    await on.publish(who);
    await expect.poll(() => on.checks.counts().asked, { interval: 5 }).toBe(looked + 1);
    await expect.poll(on.checks.idle, { timeout: 5_000, interval: 5 }).toBe(true);
    if (blamed.includes(who.mesh.self)) return round;
  }
  return most;
}

describe("a worker", () => {
  test("that serves what it made is looked at, and not blamed", async () => {
    const on = await stream(always, true);
    const honest = await worker(() => "gives");
    expect(await rounds(on, honest, 6)).toBe(6);
    expect(on.checks.counts()).toEqual({ asked: 6, unserved: 0, bytes: expect.any(Number) });
    expect(on.checks.counts().bytes).toBeGreaterThanOrEqual(7 * 2_000);
    expect(blamed).toEqual([]);
  });

  test.each(["refuses", "stalls", "lies"] as const)(
    "that %s, but to its broadcaster, fails two looks, and by two identities",
    async (how) => {
      const on = await stream(always, true);
      const cheat = await worker((peer) => (peer === on.me.self ? "gives" : how));
      expect(await rounds(on, cheat, 6)).toBe(2);
      expect(blamed).toEqual([cheat.mesh.self]);
      expect(new Set(cheat.asked).size).toBe(2);
      expect(cheat.asked).not.toContain(on.me.self);
    },
  );

  test("that cannot be reached fails two looks", async () => {
    const on = await stream(always, true);
    const cheat = await worker(() => "gives");
    await cheat.mesh.close();
    expect(await rounds(on, cheat, 6)).toBe(2);
  });

  test("is not blamed by a visitor that reaches nobody but its relay", async () => {
    const on = await stream(always, true, (mesh) => ({
      ...mesh,
      relays: () => ["relay"],
      neighbours: () => [{ peer: "relay", via: "websocket", direction: "outbound" }],
      async *request() {
        yield* [];
        throw new Error("no candidates");
      },
    }));
    const honest = await worker(() => "gives");
    expect(await rounds(on, honest, 4)).toBe(4);
    expect(blamed).toEqual([]);
  });

  test("that was only busy is not blamed", async () => {
    const on = await stream(always, true);
    let asked = 0;
    const busy = await worker(() => (asked++ === 0 ? "refuses" : "gives"));
    await rounds(on, busy, 4);
    expect(blamed).toEqual([]);
  });

  test("that leaves is not blamed, and one that has left is not asked", async () => {
    const on = await stream(always, true);
    const leaver = await worker(() => {
      on.members.set(leaver.mesh.self, { state: "draining", epoch: 1 } as Crew.Member);
      return "leaves";
    });
    await rounds(on, leaver, 1);
    await on.publish(leaver);
    await expect.poll(on.checks.idle, { interval: 5 }).toBe(true);
    expect(on.checks.counts()).toMatchObject({ asked: 1, unserved: 0 });
  });

  test("is asked for nothing that this tab made, or a worker inside it", async () => {
    const on = await stream(always, true);
    for (const by of ["local", on.me.self])
      await on.publish({ mesh: { self: by } as Entered, keep: async () => {} });
    expect(on.checks.counts()).toMatchObject({ asked: 0 });
  });

  test("is looked at from the broadcaster's own peer id where there is no other", async () => {
    const on = await stream(always, false);
    const cheat = await worker((peer) => (peer === on.me.self ? "refuses" : "gives"));
    expect(await rounds(on, cheat, 6)).toBe(2);
  });
});

test("a visitor does what a viewer does, and is somebody else now and then", async () => {
  const [least, most] = [SEGMENT_MS, SEGMENT_MS];
  const on = await stream(
    { ...always, availabilityCheck: { ...always.availabilityCheck, livesMs: [least, most] } },
    true,
  );
  const honest = await worker(() => "gives");
  await rounds(on, honest, 1);
  const [visitor] = on.visits as [Mesh];
  expect(on.me.subscribers(on.topic)).toEqual([visitor.self]);
  // It asks as a viewer does, byte for byte, and in its order.
  const viewer = await enter();
  const watching = view({ mesh: viewer, stream: on.stream, clock, on() {}, signal: done.signal });
  await watching.master({ signal: done.signal });
  await watching.bytes("240p", "init", 0, { signal: done.signal });
  await watching.bytes("240p", "media", 0, { signal: done.signal });
  const by = (peer: string) => honest.asked.filter((one) => one === peer).length;
  expect(by(visitor.self)).toBe(by(viewer.self));
  // And gives others what it has, as a viewer does.
  const again = await enter();
  const { bytes } = await fetchFrom(again, visitor, bytesOf("media 0"));
  expect(bytes).toEqual(bytesOf("media 0"));
  await clock.sleep(SEGMENT_MS + 100);
  await rounds(on, honest, 1);
  expect(on.visits).toHaveLength(2);
  expect(on.me.subscribers(on.topic)).not.toContain(visitor.self);
});

/** A visitor that hears nothing of a stream, by gossip or asking, until `heard` resolves. */
const deafUntil = (heard: Promise<void>) => (mesh: Mesh) => ({
  ...mesh,
  subscribe(...[topic, hear, options]: Parameters<Mesh["subscribe"]>) {
    mesh.subscribe(topic, (message) => void heard.then(() => hear(message)), options);
  },
  async *request(...asked: Parameters<Mesh["request"]>) {
    if (asked[1] !== PROTOCOLS.get) await heard;
    yield* mesh.request(...asked);
  },
});

test("a visitor asks for nothing before it heard of it as viewers do", async () => {
  const heard = Promise.withResolvers<void>();
  const on = await stream(always, true, deafUntil(heard.promise));
  const honest = await worker(() => "gives");
  await on.publish(honest);
  await expect.poll(() => on.visits.length).toBe(1);
  await clock.sleep(1_000);
  expect(honest.asked).toEqual([]);
  heard.resolve();
  await expect.poll(on.checks.idle, { timeout: 5_000, interval: 5 }).toBe(true);
  expect(honest.asked).toEqual([on.visits[0]?.self, on.visits[0]?.self]);
});

test("a visitor that hears nothing looks all the same, a little later", async () => {
  const on = await stream(always, true, deafUntil(new Promise(() => {})));
  const cheat = await worker(() => "refuses");
  expect(await rounds(on, cheat, 6)).toBe(2);
});

async function fetchFrom(mesh: Mesh, holder: Mesh, of: Uint8Array) {
  const wanted = {
    hash: await sha256(of),
    size: of.byteLength,
    holders: [{ peer: holder.self, addrs: [] }],
  };
  return openFetcher({ mesh, clock }).fetch(wanted, { signal: done.signal });
}

describe("viewers", () => {
  async function watch(on: Awaited<ReturnType<typeof stream>>) {
    const mesh = await enter();
    const announced = Promise.withResolvers<void>();
    const viewer = view({
      ...{ mesh, stream: on.stream, signer: mesh.keys, clock: unhurried, signal: done.signal },
      on: (event) => {
        if (event.type === "announced") announced.resolve();
        if (event.type === "entry") got.push(viewer.bytes("240p", "media", event.seq, waits));
      },
    });
    const waits = { signal: done.signal };
    const got: Promise<unknown>[] = [];
    await announced.promise;
    return { mesh, got };
  }

  test("that a worker stalls have it put out within 20 of its segments, and miss none", async () => {
    const on = await stream(quiet, true);
    const viewers = await Promise.all([watch(on), watch(on), watch(on)]);
    const staller = await worker((peer) => (peer === on.me.self ? "gives" : "stalls"));
    const honest = await worker(() => "gives");
    let segments = 0;
    while (blamed.length === 0 && segments < 20) {
      await on.publish(staller);
      await on.publish(honest);
      segments++;
      // Finding the work takes time that is no segment's, and longer where others are at it.
      await expect.poll(() => on.heard.length, { timeout: 40_000 }).toBeGreaterThan(0);
      await clock.sleep(2 * SEGMENT_MS);
    }
    expect(blamed).toEqual([staller.mesh.self]);
    expect(segments).toBeLessThan(20);
    expect(on.heard.length).toBeGreaterThan(0);
    expect(new Set(on.heard.map(({ holder }) => holder))).toEqual(new Set([staller.mesh.self]));
    for (const { got } of viewers) await Promise.all(got);
  }, 60_000);

  test("that frame an honest holder, 10,000 times, keep nobody out, and cost what looks may cost", async () => {
    const on = await stream(quiet, true);
    const honest = await worker(() => "gives");
    await on.publish(honest);
    for (let i = 0; i < 10_000; i++)
      on.checks.complained({
        stream: nothing,
        seq: 0,
        track: "240p",
        holder: honest.mesh.self,
        fault: "stalled",
        viewer: `mallory-${i}`,
        nonce: 0,
      });
    for (let i = 0; i < 10; i++) await on.publish(honest);
    await expect.poll(on.checks.idle, { interval: 5 }).toBe(true);
    expect(blamed).toEqual([]);
    expect(on.checks.counts()).toMatchObject({ asked: 1, unserved: 0 });
  });

  test("have who withholds the sound of what others made looked at there, and put out", async () => {
    const on = await stream(quiet, true);
    const honest = await worker(() => "gives");
    const cheat = await worker((peer) => (peer === on.me.self ? "gives" : "refuses"));
    await on.publish(honest, cheat);
    const complaint = {
      ...{ stream: nothing, seq: 0, track: "audio", holder: cheat.mesh.self },
      ...{ fault: "refused", viewer: "vera", nonce: 0 },
    };
    expect(on.checks.complained(complaint)).toBe(true);
    for (let segment = 0; segment < 4; segment++) {
      await on.publish(honest, cheat);
      await expect.poll(on.checks.idle, { timeout: 5_000, interval: 5 }).toBe(true);
    }
    expect(blamed).toEqual([cheat.mesh.self]);
  });

  test("that are a worker's own, and have it looked at, do not tell it who looks from then on", async () => {
    const config = { ...quiet, complaints: { ...quiet.complaints, quietMs: 100 } };
    const on = await stream(config, true);
    const cheat = await worker(() => "gives");
    for (let seq = 0; seq < 2; seq++) {
      await on.publish(cheat);
      const complaint = {
        ...{ stream: nothing, seq, track: "240p", holder: cheat.mesh.self },
        ...{ fault: "stalled", viewer: `mallory ${seq}`, nonce: 0 },
      };
      expect(on.checks.complained(complaint)).toBe(true);
      await on.publish(cheat);
      await expect.poll(on.checks.idle, { timeout: 5_000, interval: 5 }).toBe(true);
      await clock.sleep(config.complaints.quietMs);
    }
    expect(on.checks.counts().asked).toBe(2);
    expect(new Set(cheat.asked).size).toBe(2);
  });

  test("that name who does not hold it, or themselves, move nothing", async () => {
    const on = await stream(quiet, true);
    const honest = await worker(() => "gives");
    await on.publish(honest);
    const good = {
      ...{ stream: nothing, seq: 0, track: "240p", holder: honest.mesh.self },
      ...{ fault: "stalled", viewer: "vera", nonce: 0 },
    };
    const bad = [{ seq: 1 }, { track: "720p" }, { holder: "wim" }, { viewer: honest.mesh.self }];
    for (const change of bad) expect(on.checks.complained({ ...good, ...change })).toBe(false);
    expect(on.checks.complained(good)).toBe(true);
  });
});

test("a broadcaster hears no complaint without work or signature", async () => {
  const on = await stream(quiet, true);
  const viewer = await enter();
  await expect(
    ask(viewer, on.me.self, PROTOCOLS.complaint, Uint8Array.of(1, 2, 3), { signal: done.signal }),
  ).rejects.toThrow();
  expect(on.heard).toEqual([]);
});
