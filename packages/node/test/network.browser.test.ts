/// <reference path="./chain.setup.ts" />
import {
  memory as books,
  openPot,
  openPurse,
  openWatchtower,
  PayeeProof,
  type PayerPot,
  type Purse,
  type Watchtower,
} from "@tabcast/channel";
import { type Config, LIVE } from "@tabcast/market";
import {
  createTranscoder,
  measure,
  type Opening,
  openScene,
  type Rung,
  type Source,
  type TranscodeResult,
  type Transcoder,
} from "@tabcast/media";
import { type MemoryNetwork, type Mesh, type Message, memory, memoryNetwork } from "@tabcast/mesh";
import {
  BidReply,
  Cancel,
  crewKeys,
  Envelope,
  Get,
  GetReply,
  gossipRules,
  Job,
  JobEnd,
  JobReply,
  Keys,
  LIVE_TOPIC,
  LiveReply,
  LiveRequest,
  OFFERS_TOPIC,
  openPrivateEntry,
  openPrivateOffer,
  PROTOCOLS,
  parseKey,
  peerIdOf,
  type Signer,
  sealBid,
  streamTopic,
  TOPICS,
  Verdict,
  VerdictReply,
  watchKeys,
} from "@tabcast/protocol";
import {
  Amount,
  BitsPerSecond,
  concatBytes,
  fromHex,
  Micros,
  sha256,
  systemClock,
  toHex,
} from "@tabcast/runtime";
import { createTestClient, http } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { broadcast } from "../src/broadcaster/broadcast.ts";
import { ask } from "../src/exchange.ts";
import type {
  BroadcastEvent,
  BroadcastReport,
  CrewLink,
  LiveStream,
  ViewerEvent,
  Visibility,
  WorkerEvent,
} from "../src/types.ts";
import { liveStreams, view } from "../src/viewer/view.ts";
import { work } from "../src/worker/work.ts";

const rungs: readonly Rung[] = [
  { name: "180p", width: 320, height: 180, bitrate: BitsPerSecond.of(300_000) },
  { name: "120p", width: 214, height: 120, bitrate: BitsPerSecond.of(150_000) },
];
const { rpc, chainId, contract } = inject("chain");
const domain = { chainId, contract };
const chain = createTestClient({ mode: "anvil", transport: http(rpc) });
const ether = 10n ** 18n;
/** Nobody without the key of a private stream may read it. */
const TITLE = "a title like no other";

let network: MemoryNetwork;
let over: AbortController;
let closing: (() => unknown)[];

beforeEach(() => {
  network = memoryNetwork({ lostAfter: 500 });
  over = new AbortController();
  closing = [];
});
afterEach(async () => {
  for (const close of closing) await close();
  over.abort();
});

async function join(): Promise<{ mesh: Mesh; keys: Signer }> {
  const keys = await Keys.generate();
  const rules = gossipRules({ clock: systemClock });
  const mesh = memory(network, { self: peerIdOf(keys.publicKey), rules });
  closing.push(() => mesh.close());
  return { mesh, keys };
}

async function rich() {
  const account = privateKeyToAccount(generatePrivateKey());
  await chain.setBalance({ address: account.address, value: ether });
  return account;
}

interface StartOptions {
  readonly pixelsPerSecond?: number;
  readonly measure?: typeof measure;
  readonly watchtower?: Watchtower;
  /** Per output gigapixel. Default: what a worker asks. */
  readonly price?: Amount;
  readonly privateStreams?: readonly CrewLink[];
}

async function startWorker(
  transcoder: Transcoder = createTranscoder(),
  { pixelsPerSecond = 2e7, ...again }: StartOptions = {},
) {
  const { mesh, keys } = await join();
  const account = await rich();
  const { signal } = over;
  const purse: Purse = await openPurse({
    payee: account.address,
    account,
    domain,
    rpc,
    store: books(),
    signal,
  });
  const events: WorkerEvent[] = [];
  const capabilities = [{ codec: "avc", pixelsPerSecond, hardware: "sw" }] as const;
  const on = (event: WorkerEvent) => void events.push(event);
  const payeeProof = await PayeeProof.sign(domain, account, keys.publicKey);
  const own = { mesh, keys, purse, payeeProof, transcoder, capabilities };
  const worker = work({ ...own, ...again, on, signal });
  closing.push(() => transcoder.close());
  return { mesh, purse, worker, events };
}

/** A real transcoder whose results somebody has touched. */
function lying(touch: (result: TranscodeResult) => TranscodeResult): Transcoder {
  const honest = createTranscoder();
  return {
    transcode: async (request, options) => touch(await honest.transcode(request, options)),
    close: () => honest.close(),
  };
}

interface Air {
  readonly mesh: Mesh;
  readonly stream: string;
  readonly keys?: { readonly watch: string; readonly crew: string };
  readonly events: BroadcastEvent[];
  readonly finished: Promise<BroadcastReport>;
  stop(): void;
  /** Resolves with the first event of a type, past or to come. */
  first<T extends BroadcastEvent["type"]>(
    type: T,
    fits?: (event: Extract<BroadcastEvent, { type: T }>) => boolean,
  ): Promise<Extract<BroadcastEvent, { type: T }>>;
}

interface AirOptions {
  readonly wanted: number;
  readonly seconds: number;
  /** Default "fast". */
  readonly pace?: "live" | "fast";
  /** What somebody does to the source before it is used. */
  readonly dub?: (source: Source) => Source;
  /** What somebody does to the broadcaster's way to the others. */
  readonly bend?: (mesh: Mesh) => Mesh;
  /** What the broadcaster does to its pot before it uses it. */
  readonly touch?: (pot: PayerPot) => PayerPot;
  /** Default: what the pace says. */
  readonly config?: Config;
  /** The most it pays, per output gigapixel. Default: what a broadcaster offers. */
  readonly maxPrice?: Amount;
  /** Default "public". */
  readonly visibility?: Visibility;
}

async function goLive({
  wanted,
  seconds,
  pace = "fast",
  dub = (source) => source,
  bend = (mesh) => mesh,
  touch = (pot) => pot,
  config,
  maxPrice,
  visibility,
}: AirOptions): Promise<Air> {
  const { mesh: own } = await join();
  const mesh = bend(own);
  const account = await rich();
  const { signal } = over;
  const segment = Micros.fromSeconds(1);
  const source = await openScene({
    width: 320,
    height: 180,
    frameRate: 10,
    duration: Micros.fromSeconds(seconds),
    segment,
    pace,
    seed: 7,
    signal,
  });
  closing.push(() => source.close());
  const events: BroadcastEvent[] = [];
  const look = new Set<(event: BroadcastEvent) => void>();
  const deposit = Amount.of(ether / 100n);
  const open = async (options: { signal: AbortSignal }): Promise<PayerPot> =>
    touch(
      await openPot({
        domain,
        rpc,
        payer: account,
        deposit,
        store: books(),
        challengePeriod: 900,
        ...options,
      }),
    );
  const air = await broadcast({
    mesh,
    source: dub(source),
    rungs,
    codec: "avc",
    title: TITLE,
    segment,
    ...(visibility !== undefined && { visibility }),
    pace,
    wanted,
    ...(config !== undefined && { config }),
    ...(maxPrice !== undefined && { maxPrice }),
    ...(wanted > 0 && { openPot: open }),
    on(event) {
      events.push(event);
      for (const one of look) one(event);
      // The chain's clock is ours: nobody waits for the challenge period.
      if (event.type === "settling" && event.progress.step === "waiting") {
        const { until, now } = event.progress;
        void chain
          .increaseTime({ seconds: Math.max(1, until - now) })
          .then(() => chain.mine({ blocks: 1 }));
      }
    },
    signal,
  });
  return {
    ...air,
    mesh,
    events,
    first: (type, fits = () => true) =>
      new Promise((resolve) => {
        const one = (event: BroadcastEvent) => {
          if (event.type !== type || !fits(event as never)) return;
          look.delete(one);
          resolve(event as never);
        };
        look.add(one);
        for (const event of events) one(event);
      }),
  };
}

/** The same source, with something done to what it opens. */
const dubbed =
  (touch: (opening: Opening) => Opening) =>
  (source: Source): Source => ({
    ...source,
    async *openings(options) {
      for await (const opening of source.openings(options)) yield touch(opening);
    },
  });

/** What must hold at the end of every broadcast that had money. */
function balanced(report: BroadcastReport): void {
  const { settlement, segments, workers } = report;
  if (settlement === undefined) throw new Error("nothing was settled");
  expect(settlement.deposited).toBe(settlement.paid + settlement.refunded);
  const paid = segments.reduce((sum, line) => sum + BigInt(line.paid), 0n);
  expect(settlement.paid).toBe(paid);
  expect(workers.reduce((sum, { earned }) => sum + BigInt(earned), 0n)).toBe(paid);
}

describe("a network in one page, with real codecs and a real chain", () => {
  test("two workers deliver every rung, are paid to the wei, and a viewer gets the bytes", async () => {
    const workers = [await startWorker(), await startWorker()];
    const air = await goLive({ wanted: 2, seconds: 5 });
    const watching = await join();
    const seen: ViewerEvent[] = [];
    const viewer = view({
      mesh: watching.mesh,
      stream: air.stream,
      on: (event) => void seen.push(event),
      signal: over.signal,
    });
    const report = await air.finished;
    expect(report.captured).toBe(5);
    expect(report.segments).toHaveLength(10);
    for (const line of report.segments)
      expect(line).toMatchObject({ verified: true, frames: 10, attempts: 1 });
    balanced(report);
    const earned = workers.map(({ purse }): bigint => purse.balances().vouchered);
    expect(earned.reduce((sum, wei) => sum + wei, 0n)).toBe(report.settlement?.paid);
    expect(earned.every((wei) => wei > 0n)).toBe(true); // successive segments go to different workers
    // Newcomers are looked at every time, and hear at the end whom chance chose; they recompute it.
    expect(report.work.checks).toMatchObject({ drawn: 5, checked: 5 });
    for (const { events } of workers)
      expect(events).toContainEqual(
        expect.objectContaining({ type: "revealed", stream: air.stream, complaints: [] }),
      );
    for (const { events } of workers)
      await expect.poll(() => events).toContainEqual({ type: "left", stream: air.stream });
    expect(report.traffic.sentPerCaptured).toBeCloseTo(1, 2);
    expect(report.drops).toEqual({});
    expect(report.trace.map(({ seq }) => seq)).toEqual([0, 1, 2, 3, 4]);

    const { signal } = over;
    const playlist = await viewer.playlist("180p", { signal, atLeast: 4 });
    expect(playlist).toContain("#EXT-X-ENDLIST");
    expect(playlist.match(/\.m4s/g)).toHaveLength(5);
    expect(await viewer.master({ signal })).toContain("RESOLUTION=320x180");
    const { data } = await viewer.bytes("180p", "media", 2, { signal });
    const line = report.segments.find(({ seq, rung }) => seq === 2 && rung === "180p");
    expect(data.byteLength).toBe(line?.bytes);
    const fetched = seen.find((event) => event.type === "fetched");
    expect(fetched?.peer).toBe(line?.worker); // from who made it, not from the broadcaster
    await expect(viewer.bytes("180p", "media", 99, { signal })).rejects.toMatchObject({
      code: "VIEWER_UNKNOWN",
    });
  });

  // The ladder needs 0.21 Mpixel/s of a worker, and 0.39 of a stranger before its broadcaster believes it; its lower rung 0.07 and 0.13.
  test("a worker that finds itself too slow measures itself again, and is hired", async () => {
    const { events } = await startWorker(undefined, { pixelsPerSecond: 5e4, measure });
    const air = await goLive({ wanted: 1, seconds: 120, pace: "live" });
    await air.first("hired");
    air.stop();
    await air.finished;
    const measured = events.findIndex(({ type }) => type === "measured");
    expect(events.slice(0, measured)).toContainEqual(
      expect.objectContaining({ type: "passed", why: "incapable", codec: "avc" }),
    );
    expect(events[measured]).not.toMatchObject({ pixelsPerSecond: 5e4 });
    expect(events.slice(measured)).toContainEqual(expect.objectContaining({ type: "hired" }));
  });

  test.each([
    ["its broadcaster's", 3e5],
    ["its own", 1.6e5],
  ])(
    "a worker too slow for the whole ladder by %s reckoning makes its lower rung, and all of it once it is seen to be quicker",
    async (who, pixelsPerSecond) => {
      const { purse, events } = await startWorker(undefined, { pixelsPerSecond });
      const air = await goLive({ wanted: 1, seconds: 16, pace: "live" });
      const report = await air.finished;
      expect(events).toContainEqual({ type: "refused", what: "bid", why: "too slow" });
      expect(events.some(({ type }) => type === "slow")).toBe(who === "its own");
      const said = air.events.flatMap((event) => (event.type === "warning" ? [event.message] : []));
      expect(said).toContain(
        "the workers that came are too slow for the whole ladder: they are asked for 120p",
      );
      expect(said).toContain("workers are quick enough for more now, and are asked for 180p, 120p");
      const made = report.segments.filter(
        ({ worker }) => worker !== undefined && worker !== "local",
      );
      const of = (seq: number) =>
        made.filter((line) => line.seq === seq && line.verified).map(({ rung }) => rung);
      const seqs = [...new Set(made.map(({ seq }) => seq))];
      expect(seqs.length).toBeGreaterThan(5);
      expect(of(seqs[0] as number)).toEqual(["120p"]);
      expect(of(seqs.at(-1) as number)).toEqual(["180p", "120p"]);
      // What was not asked for is not paid.
      for (const { verified, paid } of made) if (!verified) expect(paid).toBe("0");
      balanced(report);
      expect(purse.balances().vouchered).toBe(report.settlement?.paid);
    },
  );

  test("a worker that vanishes in mid-segment costs no segment", async () => {
    await startWorker();
    const fragile = await startWorker({
      // It takes the job and is gone: nobody hears from it again.
      transcode: () => {
        network.kill(fragile.mesh.self);
        return new Promise(() => {});
      },
      close: () => {},
    });
    const air = await goLive({ wanted: 2, seconds: 5 });
    const report = await air.finished;
    expect(air.events.some((e) => e.type === "dropped" && e.worker === fragile.mesh.self)).toBe(
      true,
    );
    expect(report.segments.every(({ verified }) => verified)).toBe(true);
    expect(report.segments.some(({ attempts }) => attempts === 2)).toBe(true);
    expect(report.workers.map(({ peer }) => peer)).not.toContain(fragile.mesh.self);
    balanced(report);
  });

  test("a segment that fails verification is neither published nor paid, and another worker makes it", async () => {
    const touched = lying((result) => ({
      ...result,
      renditions: result.renditions.map((one, i, all) => ({
        ...one,
        ...all[1 - i],
        rung: one.rung,
      })),
    }));
    const liar = await startWorker(touched);
    await startWorker();
    const air = await goLive({ wanted: 2, seconds: 5 });
    const report = await air.finished;
    const caught = air.events.find((e) => e.type === "failed" && e.worker === liar.mesh.self);
    expect(caught).toMatchObject({ why: expect.stringContaining("picture") });
    expect(
      report.segments.every(({ verified, worker }) => verified && worker !== liar.mesh.self),
    ).toBe(true);
    expect(liar.purse.balances().vouchered).toBe(0n);
    await expect.poll(() => liar.worker.state().streams).toBe(0); // it was told that it is out
    expect(liar.events).toContainEqual(
      expect.objectContaining({ type: "refused", what: "verdict" }),
    );
    balanced(report);
  });

  test("pictures that were scaled up are found by a spot check, neither published nor paid, and their maker is dropped", async () => {
    const honest = createTranscoder();
    const upscaling = await startWorker({
      async transcode(request, options) {
        const tiny = [{ name: "tiny", width: 64, height: 36, bitrate: BitsPerSecond.of(100_000) }];
        const { renditions } = await honest.transcode({ ...request, rungs: tiny }, options);
        const [small] = renditions as [TranscodeResult["renditions"][number]];
        return honest.transcode({ ...request, init: small.init, media: small.media }, options);
      },
      close: () => honest.close(),
    });
    await startWorker();
    const air = await goLive({ wanted: 2, seconds: 5 });
    const report = await air.finished;
    const liar = upscaling.mesh.self;
    const caught = air.events.find((event) => event.type === "failed" && event.worker === liar);
    expect(caught).toMatchObject({ why: expect.stringContaining("verification: ") });
    expect(air.events).toContainEqual(
      expect.objectContaining({ type: "dropped", worker: liar, why: "invalid" }),
    );
    expect(report.work.checks.again).toBeGreaterThan(0);
    expect(report.segments.every(({ verified, worker }) => verified && worker !== liar)).toBe(true);
    expect(upscaling.purse.balances().vouchered).toBe(0n);
    balanced(report);
  });

  test("a live segment is under way before it is complete, and every byte of it is what is published", async () => {
    const honest = createTranscoder();
    /** In the order in which they happened. */
    const log: string[] = [];
    const { events, purse } = await startWorker({
      transcode: (request, options) =>
        honest.transcode(request, {
          ...options,
          progress: (frames) => {
            log.push(`${frames} frames of a ${request.media.constructor.name}`);
            options.progress?.(frames);
          },
        }),
      close: () => honest.close(),
    });
    const air = await goLive({
      wanted: 1,
      seconds: 8,
      pace: "live",
      dub: dubbed((opening) => {
        void opening.closed.then(() => log.push(`${opening.seq} complete`));
        return opening;
      }),
    });
    const report = await air.finished;
    expect(report.captured).toBe(8);
    expect(report.segments.every(({ verified, frames }) => verified && frames === 10)).toBe(true);
    balanced(report);
    expect(purse.balances().vouchered).toBe(report.settlement?.paid);
    expect(events.filter((event) => event.type === "refused")).toEqual([]);
    // The first segments may have waited for the worker to be hired.
    const first = log.findIndex((line) => line.endsWith("of a ReadableStream"));
    expect(first).toBeGreaterThanOrEqual(0);
    const early = log.slice(first).findIndex((line) => line.endsWith("complete"));
    expect(early).toBeGreaterThan(0);
  });

  test("renditions come with the receipt, and only what was spoilt on the way is pulled", async () => {
    await startWorker();
    const SPOILT = 4;
    let gets = 0;
    let parts = 0;
    const bend = (mesh: Mesh): Mesh => ({
      ...mesh,
      async *request(peer, protocol, request, options) {
        if (protocol === PROTOCOLS.get) gets++;
        const spoils = protocol === PROTOCOLS.job && Job.decode(request.head).seq === SPOILT;
        for await (const { head, body } of mesh.request(peer, protocol, request, options)) {
          if (protocol === PROTOCOLS.job && body.byteLength > 0) parts++;
          const other = body.slice();
          if (spoils && body.byteLength > 0) other[0] = (other[0] ?? 0) ^ 1;
          yield { head, body: other };
        }
      },
    });
    // What is asked for as a viewer would, by chance, is not what this is about.
    const config = {
      ...LIVE,
      availabilityCheck: { ...LIVE.availabilityCheck, newcomer: 0, later: 0 },
    };
    const air = await goLive({ wanted: 1, seconds: 8, pace: "live", bend, config });
    const report = await air.finished;
    expect(report.captured).toBe(8);
    expect(report.segments.every(({ worker, verified }) => worker !== "local" && verified)).toBe(
      true,
    );
    balanced(report);
    // Samples in several parts of each segment, and of the spoilt one its init and media, for some rungs or all.
    expect(parts).toBeGreaterThan(2 * 8);
    const rungs = new Set(report.segments.map(({ rung }) => rung)).size;
    expect(gets).toBeGreaterThan(0);
    expect(gets).toBeLessThanOrEqual(2 * rungs);
  });

  test("a live segment whose worker vanishes in its middle is replayed to another", async () => {
    const fragile = await startWorker({
      transcode: () => {
        network.kill(fragile.mesh.self);
        return new Promise(() => {});
      },
      close: () => {},
    });
    await startWorker();
    const air = await goLive({ wanted: 2, seconds: 8, pace: "live" });
    const report = await air.finished;
    expect(air.events.some((e) => e.type === "dropped" && e.worker === fragile.mesh.self)).toBe(
      true,
    );
    expect(report.captured).toBe(8);
    expect(report.segments.every(({ verified }) => verified)).toBe(true);
    expect(report.segments.some(({ attempts }) => attempts === 2)).toBe(true);
    balanced(report);
  });

  test("a worker takes no body for complete that has no end, and no other bytes for a segment it has done", async () => {
    await Promise.all([startWorker(), startWorker()]); // one is out for a while after its failure
    /** Of the first open job that came through: who had it, its parts, and the receipt. */
    const done = Promise.withResolvers<{ peer: string; request: Message; parts: Message[] }>();
    let receipt: Uint8Array | undefined;
    let cut = 0;
    const bend = (mesh: Mesh): Mesh => ({
      ...mesh,
      async *request(peer, protocol, request, options) {
        const { following } = options;
        if (protocol !== PROTOCOLS.job || following === undefined)
          return yield* mesh.request(peer, protocol, request, options);
        const parts: Message[] = [];
        async function* bent(all: AsyncIterable<Message>) {
          for await (const part of all) {
            if (cut === 0 && part.head.byteLength > 0) cut++;
            else {
              parts.push(part);
              yield part;
            }
          }
        }
        const answer = mesh.request(peer, protocol, request, {
          ...options,
          following: bent(following),
        });
        for await (const part of answer) {
          receipt ??= JobReply.decode(part.head).receipt;
          if (receipt !== undefined) done.resolve({ peer, request, parts });
          yield part;
        }
      },
    });
    const air = await goLive({ wanted: 2, seconds: 60, pace: "live", bend });
    const failure = await air.first("failed");
    expect(failure.why).toContain("without a JobEnd");
    expect(cut).toBe(1);

    const { peer, request, parts } = await done.promise;
    const again = async (following: Iterable<Message>) => {
      const answers: JobReply[] = [];
      async function* all() {
        yield* following;
      }
      const options = { signal: over.signal, following: all() };
      for await (const { head } of air.mesh.request(peer, PROTOCOLS.job, request, options))
        answers.push(JobReply.decode(head));
      return answers;
    };
    expect(await again(parts)).toEqual([{ receipt }]);
    const [first, ...rest] = parts.slice(0, -1);
    const other = concatBytes(...[first, ...rest].map((part) => part?.body ?? new Uint8Array(0)));
    other[other.byteLength - 1] = (other.at(-1) ?? 0) ^ 1;
    const head = JobEnd.encode({ mediaLen: other.byteLength, mediaHash: await sha256(other) });
    const none = new Uint8Array(0);
    const forged = [
      { head: none, body: other },
      { head, body: none },
    ];
    expect(await again(forged)).toMatchObject([{ failure: { code: "JOB_CONFLICT" } }]);
    air.stop();
    const report = await air.finished;
    expect(report.segments.every(({ verified }) => verified)).toBe(true);
    balanced(report);
  });

  test("a source that breaks off in mid-segment delivers what was whole, and leaves nobody waiting", async () => {
    const { worker } = await startWorker();
    let broken: Source | undefined;
    const air = await goLive({
      wanted: 1,
      seconds: 60,
      pace: "live",
      dub: (source) => {
        broken = source;
        return source;
      },
    });
    const { seq } = await air.first("sent", (event) => event.seq >= 4);
    broken?.close();
    const report = await air.finished;
    // The one before may still have lacked its sound.
    expect([seq - 1, seq]).toContain(report.captured);
    expect(report.segments).toHaveLength(2 * report.captured);
    expect(report.segments.every(({ verified }) => verified)).toBe(true);
    await expect.poll(() => worker.state().jobs).toBe(0);
    balanced(report);
  });

  test("a broadcaster that never pays gets two segments from a worker, and no third", async () => {
    const { worker, events } = await startWorker();
    const stingy = (pot: PayerPot): PayerPot => ({
      potId: pot.potId,
      config: pot.config,
      domain: pot.domain,
      openGas: pot.openGas,
      balances: () => pot.balances(),
      pay: () => Promise.reject(new Error("never")),
      highest: (lane) => pot.highest(lane),
      adopt: (voucher) => pot.adopt(voucher),
      hello: (lane, cumulative) => pot.hello(lane, cumulative),
      ask: (lane) => pot.ask(lane),
      topUp: (amount, options) => pot.topUp(amount, options),
      topUpGas: (amount, options) => pot.topUpGas(amount, options),
      watch: (listener, options) => pot.watch(listener, options),
      settle: (options) => pot.settle(options),
      close: () => pot.close(),
    });
    const air = await goLive({ wanted: 1, seconds: 6, touch: stingy });
    const refusal = await air.first("failed");
    expect(refusal.why).toContain("0 more may be delivered unpaid");
    expect(worker.state().done).toBe(2);
    expect(events.filter((event) => event.type === "paid")).toEqual([]);
  });

  test("a worker whose segments were all superseded makes room: no payment would ever free its window", async () => {
    const { mesh, events } = await startWorker();
    /** Whatever was delivered turns out to be too late. */
    const bend = (own: Mesh): Mesh => ({
      ...own,
      async *request(peer, protocol, request, options) {
        if (protocol !== PROTOCOLS.verdict)
          return yield* own.request(peer, protocol, request, options);
        const { award, epoch, seq } = Verdict.decode(request.head);
        const head = Cancel.encode({ award, epoch, seq, why: "late" });
        for await (const _ of own.request(peer, PROTOCOLS.cancel, { ...request, head }, options));
        yield { head: VerdictReply.encode({ ok: false, why: "lost" }), body: request.body };
      },
    });
    const air = await goLive({ wanted: 1, seconds: 120, pace: "live", bend });
    expect(await air.first("dropped")).toMatchObject({ worker: mesh.self, why: "left" });
    expect(events).toContainEqual(
      expect.objectContaining({
        type: "job",
        state: "failed",
        why: expect.stringContaining("paid"),
      }),
    );
    await expect.poll(() => events).toContainEqual({ type: "left", stream: air.stream });
    air.stop();
    await air.finished;
  });

  test("a worker that is closed leaves its last voucher with a peer that keeps it", async () => {
    const account = await rich();
    const watchtower = await openWatchtower({
      domain,
      rpc,
      account,
      store: books(),
      signal: over.signal,
    });
    // A segment is worth more than the gas of its claim: a watchtower keeps nothing else.
    const price = Amount.of(ether / 2n);
    const keeper = await startWorker(undefined, { watchtower, price });
    const leaver = await startWorker(undefined, { price });
    const air = await goLive({ wanted: 2, seconds: 120, pace: "live", maxPrice: price });
    await expect
      .poll(() => leaver.purse.balances().vouchered, { timeout: 20_000 })
      .toBeGreaterThan(0n);
    expect(leaver.mesh.neighbours().map(({ peer }) => peer)).toContain(keeper.mesh.self);
    await leaver.worker.close();
    const [kept] = watchtower.vouchers();
    const { payee, lane } = leaver.purse;
    const cumulative = leaver.purse.balances().vouchered;
    expect(kept).toMatchObject({ payee, lane, cumulative });
    air.stop();
    await air.finished;
    await watchtower.close();
  });

  test("with all workers lost, this tab encodes the rest and says so", async () => {
    const only = await startWorker();
    const air = await goLive({ wanted: 1, seconds: 6 });
    await air.first("segment");
    network.kill(only.mesh.self);
    const report = await air.finished;
    expect(report.segments.every(({ verified }) => verified)).toBe(true);
    const makers = new Set(report.segments.map(({ worker }) => worker));
    expect([...makers].sort()).toEqual([only.mesh.self, "local"].sort());
    balanced(report);
  });

  test("without workers or money everything is encoded here", async () => {
    const air = await goLive({ wanted: 0, seconds: 2 });
    const report = await air.finished;
    expect(report.settlement).toBeUndefined();
    expect(report.segments.map(({ worker, verified }) => [worker, verified])).toEqual(
      Array.from({ length: 4 }, () => ["local", true]),
    );
    expect(air.events).toContainEqual(
      expect.objectContaining({ type: "warning", message: expect.stringContaining("alone") }),
    );
  });

  test("stopping early still delivers and settles what was captured", async () => {
    await startWorker();
    const air = await goLive({ wanted: 1, seconds: 60 });
    await air.first("segment");
    air.stop();
    const report = await air.finished;
    expect(report.captured).toBeLessThan(60);
    expect(report.segments).toHaveLength(2 * report.captured);
    expect(report.segments.every(({ verified }) => verified)).toBe(true);
    balanced(report);
  });
});

/** Somebody who hears all gossip and keeps it. */
async function eavesdrop() {
  const { mesh, keys } = await join();
  const heard: { readonly topic: string; readonly body: Uint8Array<ArrayBuffer> }[] = [];
  const { signal } = over;
  for (const topic of TOPICS)
    mesh.subscribe(topic, ({ body }) => void heard.push({ topic, body: body.slice() }), { signal });
  const ofKind = (kind: string) =>
    heard.map(({ body }) => body).filter((body) => Envelope.kindOf(body) === kind);
  return { mesh, keys, heard, ofKind };
}

/** Watches with a key or without one. */
async function watching(stream: string, key?: string) {
  const { mesh } = await join();
  const { signal } = over;
  const events: ViewerEvent[] = [];
  const on = (event: ViewerEvent) => void events.push(event);
  const viewer = view({ mesh, stream, on, signal, ...(key !== undefined && { key }) });
  const types = () => [...new Set(events.map(({ type }) => type))];
  return { mesh, viewer, events, types };
}

/** What is on the air, as somebody who just came is told. */
async function listed(): Promise<() => readonly LiveStream[]> {
  const { mesh } = await join();
  let now: readonly LiveStream[] = [];
  liveStreams(mesh, (streams) => (now = streams), { signal: over.signal });
  return () => now;
}

const latin = (bytes: Uint8Array) => new TextDecoder("latin1").decode(bytes);
/** The type of an MP4's first box. */
const firstBox = (data: ArrayBuffer) => latin(new Uint8Array(data, 4, 4));
const keysOf = ({ keys }: Air) => {
  if (keys === undefined) throw new Error("the stream is not private");
  return keys;
};

/** Asks a peer for bytes by their hash, as anybody may. */
async function getFrom(mesh: Mesh, peer: string, hash: Uint8Array) {
  const request = { head: Get.encode({ hash }), body: new Uint8Array(0) };
  const parts: Message[] = [];
  for await (const part of mesh.request(peer, PROTOCOLS.get, request, { signal: over.signal }))
    parts.push(part);
  const [head, bytes] = parts;
  return { ...GetReply.decode(head?.head ?? new Uint8Array(0)), bytes: bytes?.body };
}

describe("a private stream", () => {
  test("is made by its crew and seen by who has its link; a stranger with the id sees no title and no media, and gets no work", async () => {
    const spy = await eavesdrop();
    const outsider = await startWorker();
    const air = await goLive({ wanted: 1, seconds: 12, pace: "live", visibility: "private" });
    const { stream } = air;
    const id = fromHex(stream);
    const keys = keysOf(air);
    const crew = await startWorker(undefined, { privateStreams: [{ stream, key: keys.crew }] });
    const seen = await watching(stream, keys.watch);
    const without = await watching(stream);
    const wrong = await watching(stream, keys.crew);
    const report = await air.finished;

    // Its worker made it, and was paid for what it made.
    expect(report.segments.some(({ worker }) => worker === crew.mesh.self)).toBe(true);
    expect(report.segments.every(({ verified }) => verified)).toBe(true);
    expect(crew.purse.balances().vouchered).toBe(report.settlement?.paid);
    balanced(report);
    expect(outsider.events.map(({ type }) => type)).not.toContain("bid");
    expect(outsider.events.map(({ type }) => type)).not.toContain("passed");

    // Its viewer sees it: init segments stay the same, and what is played is plain.
    const { signal } = over;
    expect(seen.types()).not.toContain("locked");
    const last = report.captured - 1;
    const line = report.segments.find(
      ({ worker, seq }) => worker === crew.mesh.self && seq >= last - 3,
    );
    const { seq = last, rung = "180p" } = line ?? {};
    await seen.viewer.playlist(rung, { signal, atLeast: last });
    const init = await seen.viewer.bytes(rung, "init", seq, { signal });
    const media = await seen.viewer.bytes(rung, "media", seq, { signal });
    const source = await seen.viewer.bytes("source", "media", seq, { signal });
    expect([init, media, source].map(({ data }) => firstBox(data))).toEqual([
      "ftyp",
      "styp",
      "styp",
    ]);
    const from = seen.events.flatMap((event) => (event.type === "fetched" ? [event.peer] : []));
    expect(new Set(from)).toEqual(new Set([crew.mesh.self]));
    const playlist = await seen.viewer.playlist(rung, { signal });
    const maps = playlist.match(/EXT-X-MAP:/g)?.length ?? 0;
    expect(maps).toBeLessThanOrEqual(2); // the crew's encoder, and before it this tab's own

    // Without the key, or with another one, nothing of it is known, and why is said.
    expect(without.events).toEqual([{ type: "locked", key: "missing" }]);
    expect(wrong.events).toEqual([{ type: "locked", key: "wrong" }]);

    // Whoever hears all gossip reads nothing in it.
    expect(new Set(spy.heard.map(({ topic }) => topic))).toEqual(new Set([streamTopic(id)]));
    expect(new Set(spy.heard.map(({ body }) => Envelope.kindOf(body)))).toEqual(
      new Set(["privateannounce", "privateentry", "privateoffer"]),
    );
    const secret = [TITLE, "180p", "120p", "avc1", crew.mesh.self, keys.watch, keys.crew];
    for (const { body } of spy.heard)
      for (const word of secret) expect(latin(body)).not.toContain(word);
    expect(JSON.stringify([air.events, report], plain)).not.toMatch(
      new RegExp(`${keys.watch}|${keys.crew}`),
    );

    // Nobody gives plain bytes, whatever hash is named; and what the entries name does not play.
    const plainHash = await sha256(new Uint8Array(media.data));
    for (const holder of [air.mesh.self, crew.mesh.self, seen.mesh.self])
      expect(await getFrom(spy.mesh, holder, plainHash)).toMatchObject({ ok: false });
    const reading = await watchKeys(id, parseKey(keys.watch));
    const entries = await Promise.all(
      spy.ofKind("privateentry").map((sealed) => openPrivateEntry(sealed, reading)),
    );
    const track = entries.find((entry) => entry.seq === seq)?.tracks.find((t) => t.name === rung);
    const { ok, bytes = new Uint8Array(0) } = await getFrom(
      spy.mesh,
      crew.mesh.self,
      track?.mediaHash ?? new Uint8Array(32),
    );
    expect(ok).toBe(true);
    expect(bytes.byteLength).toBe(media.data.byteLength + 28);
    expect(latin(bytes)).not.toContain("moof");
    expect((await listed())()).toEqual([]);
  });

  test("hires nobody who does not show that it has the crew's key, whatever offer it has heard of", async () => {
    const spy = await eavesdrop();
    const air = await goLive({ wanted: 1, seconds: 120, pace: "live", visibility: "private" });
    const keys = keysOf(air);
    // A viewer's link lets nobody work.
    const viewing = { stream: air.stream, key: keys.watch };
    const viewer = await startWorker(undefined, { privateStreams: [viewing] });
    await expect
      .poll(() => viewer.events)
      .toContainEqual(
        expect.objectContaining({
          type: "refused",
          what: "offer",
          why: expect.stringContaining("ask the broadcaster for the crew link"),
        }),
      );
    // Somebody of the crew has told the offer's id to one who has not the key.
    await expect.poll(() => spy.ofKind("privateoffer").length).toBeGreaterThan(0);
    const [sealed = new Uint8Array(0)] = spy.ofKind("privateoffer");
    const secrets = await crewKeys(fromHex(air.stream), parseKey(keys.crew));
    const offer = await openPrivateOffer(sealed, secrets, {});
    const bid = await sealBid(spy.keys, {
      offer: offer.id,
      worker: spy.mesh.self,
      payee: new Uint8Array(20).fill(1),
      lane: 7,
      price: 1n,
      pixelsPerS: 1e8,
      slots: 1,
      queueMs: 0,
      ageMs: 0,
      tags: [],
      addrs: [],
      proof: new Uint8Array(32),
      payeeProof: new Uint8Array(0),
      award: new Uint8Array(16).fill(2),
    });
    const { signal } = over;
    const reply = await ask(spy.mesh, air.mesh.self, PROTOCOLS.bid, bid, { signal });
    expect(BidReply.decode(reply.head)).toMatchObject({ ok: false, why: "private" });
    air.stop();
    const report = await air.finished;
    expect(report.workers).toEqual([]);
  });

  test("without any worker is encoded by its broadcaster, and seen all the same", async () => {
    const air = await goLive({ wanted: 0, seconds: 3, visibility: "private" });
    const { viewer } = await watching(air.stream, keysOf(air).watch);
    const { signal } = over;
    await viewer.playlist("120p", { signal, atLeast: 2 });
    for (const rung of ["120p", "source"]) {
      const { data } = await viewer.bytes(rung, "media", 1, { signal });
      expect(firstBox(data)).toBe("styp");
    }
    const report = await air.finished;
    expect(report.segments.every(({ worker }) => worker === "local")).toBe(true);
  });
});

test("an unlisted stream is found by its id, and on nobody's list, even where it is asked for by name", async () => {
  const spy = await eavesdrop();
  await startWorker();
  const list = await listed();
  const air = await goLive({ wanted: 1, seconds: 4, pace: "live", visibility: "unlisted" });
  const { viewer, types } = await watching(air.stream);
  const { signal } = over;
  await viewer.playlist("120p", { signal, atLeast: 2 });
  expect(types()).toContain("announced");
  const head = LiveRequest.encode({ streams: [fromHex(air.stream)], from: 0, most: 32 });
  const asked = ask(spy.mesh, air.mesh.self, PROTOCOLS.live, head, { signal });
  const pages = await asked.then(
    (reply) => LiveReply.decode(reply.head).announces,
    () => [], // it serves no list at all
  );
  expect(pages).toEqual([]);
  expect(list()).toEqual([]);
  const topics = new Set(spy.heard.map(({ topic }) => topic));
  expect(topics).not.toContain(LIVE_TOPIC);
  expect(topics).toContain(OFFERS_TOPIC); // its workers are anybody, who can see its id
  expect((await air.finished).segments.some(({ worker }) => worker !== "local")).toBe(true);
});

/** Amounts as text, for a look at everything that was told. */
const plain = (_: string, value: unknown) =>
  typeof value === "bigint" ? `${value}` : value instanceof Uint8Array ? toHex(value) : value;
