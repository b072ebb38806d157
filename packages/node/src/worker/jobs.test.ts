import type { Hex } from "@tabcast/channel";
import { Hire, LIVE } from "@tabcast/market";
import { MediaError, type TranscodeResult, type Transcoder } from "@tabcast/media";
import type { Admit, Handler, Mesh, Message, ServeOptions } from "@tabcast/mesh";
import {
  type Award,
  type CrewKeys,
  crewKeys,
  Job,
  JobReply,
  Keys,
  type Offer,
  openReceipt,
  PROTOCOLS,
  peerIdOf,
} from "@tabcast/protocol";
import {
  Amount,
  type Clock,
  concatBytes,
  type Millis,
  secureRandom,
  sha256,
  systemClock,
  toHex,
} from "@tabcast/runtime";
import { describe, expect, test, vi } from "vitest";
import { openBlobStore } from "../blob-store.ts";
import { openRateLimiter } from "../rate-limiter.ts";
import type { Audits } from "./audits.ts";
import { openCredit } from "./credit.ts";
import { openEngagements } from "./engagements.ts";
import { openJobs } from "./jobs.ts";
import { type Maker, openMaker } from "./making.ts";
import { openShift } from "./shift.ts";
import type { Speeds } from "./speeds.ts";

const never = new AbortController().signal;
const broadcaster = "broadcaster";
const rung = { name: "240p", width: 426, height: 240, bitrate: 250_000 };
const init = Uint8Array.of(1, 2, 3);
const media = Uint8Array.of(4, 5, 6, 7);
const other = new Uint8Array(32).fill(9);
const award = new Uint8Array(16).fill(7);
const keys = await Keys.generate();

const wanted = {
  award,
  epoch: 1,
  seq: 5,
  attempt: 1,
  rungs: [rung],
  initLen: init.byteLength,
  mediaLen: media.byteLength,
  initHash: await sha256(init),
  mediaHash: await sha256(media),
  frames: 60,
  startUs: 0,
  durationUs: 2_000_000,
  deadlineMs: 60_000,
  codec: "avc",
  checkPpm: 1,
  open: false,
};

/** A clock that stands until it is moved. */
function virtual() {
  let now = 0;
  const sleepers: { readonly at: number; readonly wake: () => void }[] = [];
  const clock: Clock = {
    ...systemClock,
    now: () => now as Millis,
    sleep: (ms, { signal } = {}) =>
      new Promise((resolve, reject) => {
        sleepers.push({ at: now + ms, wake: resolve });
        signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
      }),
    timeout: () => never,
  };
  return {
    clock,
    /** Lets 10 ms pass, if anybody waits for time to. */
    pass() {
      if (sleepers.length > 0) now += 10;
      for (const one of sleepers.splice(0))
        if (one.at <= now) one.wake();
        else sleepers.push(one);
    },
  };
}

/** A worker that one stream has hired, with `maker` in place of its own; `ask` hands it a job as the mesh would. */
function hired({
  clock = systemClock,
  maker,
  crewKeys,
}: {
  clock?: Clock;
  maker?: Maker;
  crewKeys?: CrewKeys | undefined;
} = {}) {
  const handlers = new Map<string, { handler: Handler; options: ServeOptions }>();
  const mesh = {
    self: peerIdOf(keys.publicKey),
    serve: (protocol: string, handler: Handler, options: ServeOptions) =>
      handlers.set(protocol, { handler, options }),
    watch() {},
    keep: async () => {},
  } as unknown as Mesh;
  const on = () => {};
  const context = { mesh, clock, random: secureRandom, on, signal: never };
  const engagements = openEngagements(context, { quitted() {} });
  const potId: Hex = "0x01";
  const source = { sourceCodec: "avc1.640028", width: 640, height: 360 };
  const times = { ...source, fpsMilli: 30_000, segmentMs: 2_000, slackMs: 4_000 };
  const offer = { codec: "avc", rungs: [rung], ...times, window: 2 };
  engagements.take({
    award: { id: award, epoch: 1, stream: new Uint8Array(32), price: 1_000_000_000n } as Award,
    offer: offer as Offer,
    crewKeys,
    broadcaster,
    potId,
  });
  const engagement = engagements.get(award);
  if (engagement === undefined) throw new Error("the award was not taken");
  const booked = { owed: 0, audited: 0, limits: [] as unknown[] };
  const purse = {
    room: () => Amount.of(10n ** 18n),
    checked: () => true,
    accrue: async () => void booked.owed++,
    forgive: async () => {},
  };
  const credit = openCredit(context, { purse, engagements });
  const speeds = { busy() {}, idle() {}, worked() {} } as unknown as Speeds;
  const blobs = openBlobStore();
  const transcoder: Transcoder = {
    async transcode({ rungs, limits }) {
      booked.limits.push(limits);
      const renditions = rungs.map(({ name }) => ({
        rung: name,
        init,
        media: other,
        headLen: 0,
        frames: 60,
      }));
      return { renditions, encodeMs: 1, hardware: "sw" } as unknown as TranscodeResult;
    },
    close() {},
  };
  const shift = openShift(context, { policy: undefined, engagements, belongs: () => true });
  openJobs(context, {
    engagements,
    credit,
    speeds,
    limiter: openRateLimiter(context, LIVE, () => {}),
    shift,
    maker:
      maker ??
      openMaker({
        keys,
        transcoder,
        blobs,
        speeds,
        credit,
        audits: { signed: () => void booked.audited++ } as unknown as Audits,
      }),
  });
  const served = handlers.get(PROTOCOLS.job);
  const admit = served?.options.admit;
  if (served === undefined || admit === undefined) throw new Error("nobody serves jobs");
  /** A job whose bytes have come, after it was admitted. */
  async function* run(message: Message, peer = broadcaster): AsyncGenerator<Message> {
    const following = (async function* () {})();
    yield* served?.handler(message, { peer, signal: never, following }) ?? [];
  }
  async function* ask(message: Message, peer = broadcaster): AsyncGenerator<Message> {
    const due = admit?.(message.head, { peer, size: message.body.byteLength });
    if (due !== undefined && "refusal" in due) return yield due.refusal;
    yield* run(message, peer);
  }
  return {
    ask,
    run,
    shift,
    admit: (message: Message, peer = broadcaster): ReturnType<Admit> =>
      admit(message.head, { peer, size: message.body.byteLength }),
    most: served.options.maxBody,
    holds: async (bytes: Uint8Array) => blobs.get(toHex(await sha256(bytes))) !== undefined,
    /** Whether it still works for the stream, and whether the stream gets a bid. */
    engaged: () => engagements.get(award) !== undefined,
    backsOff: () => credit.backsOff(engagement.stream),
    /** How much is kept, of every kind. */
    kept: () => ({
      ...booked,
      limits: [...booked.limits],
      blobs: blobs.size(),
      inHand: engagement.jobs.size,
      unpaid: engagement.unpaid.size,
      ahead: engagement.ahead.size,
      signed: engagement.receipts.has(wanted.seq) || engagement.receipts.tooOld(wanted.seq),
    }),
  };
}

const request = (of: Partial<typeof wanted> = {}, body = concatBytes(init, media)): Message => ({
  head: Job.encode({ ...wanted, ...of }),
  body,
});

/** What a job came to: its receipt, or the code of its failure. */
async function outcome(parts: AsyncIterator<Message>): Promise<Uint8Array | string> {
  let found: Uint8Array | string | undefined;
  for (let part = await parts.next(); part.done !== true; part = await parts.next()) {
    const { receipt, failure } = JobReply.decode(part.value.head);
    found ??= failure?.code ?? receipt?.slice();
  }
  if (found === undefined) throw new Error("no answer");
  return found;
}

describe("a worker whose source is not what its offer says", () => {
  const failing = (error: Error) => ({ make: () => Promise.reject(error) }) as Maker;

  test("leaves the stream, which gets no bid of it for 30 s, and longer the next time", async () => {
    const why = {
      code: "MEDIA_UNEXPECTED",
      what: "pixels",
      value: 8_294_400,
      limit: 921_600,
    } as const;
    const unexpected = new MediaError(why, "not what was said of it");
    const worker = hired({ maker: failing(unexpected) });
    expect(await outcome(worker.ask(request()))).toBe("MEDIA_UNEXPECTED");
    await vi.waitFor(() => expect(worker.engaged()).toBe(false));
    expect(worker.backsOff()).toBe(true);
    expect([0, 1, 2, 9].map(Hire.deceivedAwayMs)).toEqual([30_000, 60_000, 120_000, 600_000]);
  });

  test("stays where anything else went wrong", async () => {
    const worker = hired({ maker: failing(new Error("the encoder failed")) });
    expect(await outcome(worker.ask(request()))).toBe("JOB_FAILED");
    await new Promise((resolve) => setImmediate(resolve));
    expect(worker.engaged()).toBe(true);
    expect(worker.backsOff()).toBe(false);
  });
});

describe("a worker that has a job in hand", () => {
  test.each([
    ["whose encoder says nothing", () => {}],
    [
      "whose encoder is done with a sample every 10 ms",
      (made: Parameters<Maker["make"]>[1]["made"], at: number) =>
        made({ rung: 0, at: 100 * at, bytes: new Uint8Array(100) }),
    ],
  ])("%s sends a part of its answer at least every 500 ms, until it is done", async (_, each) => {
    const { clock, pass } = virtual();
    const { ask } = hired({
      clock,
      maker: {
        async make(_, { made, finish, signal }) {
          for (let at = 0; at < 300; at++) {
            await clock.sleep(10, { signal });
            each(made, at);
          }
          finish([]);
          return new Uint8Array(100);
        },
      },
    });
    const parts = ask(request());
    const gaps: number[] = [];
    for (let before = clock.now(), done = false; !done; ) {
      let next: IteratorResult<Message> | undefined;
      void parts.next().then((result) => {
        next = result;
      });
      while (next === undefined) {
        await new Promise(setImmediate);
        if (next === undefined) pass();
      }
      done = next.done === true;
      gaps.push(clock.now() - before);
      before = clock.now();
    }
    expect(gaps.reduce((sum, gap) => sum + gap, 0)).toBeGreaterThanOrEqual(3_000);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(500);
  });
});

describe("before a job's bytes are read", () => {
  const refused = (verdict: ReturnType<Admit>) =>
    "refusal" in verdict ? JobReply.decode(verdict.refusal.head).failure?.code : undefined;

  test("who has not hired this worker is refused, whatever the bytes would be", () => {
    const { admit, kept } = hired();
    const before = kept();
    expect(refused(admit(request(), "stranger"))).toBe("JOB_GONE");
    expect(refused(admit(request({ award: other.slice(0, 16) })))).toBe("JOB_GONE");
    expect(refused(admit({ head: other, body: media }, "stranger"))).toBe("PROTOCOL_MALFORMED");
    expect(kept()).toEqual(before);
  });

  test("whoever has heard that no more is taken is refused a new job, five seconds after it", async () => {
    let now = 0;
    const clock: Clock = { ...systemClock, now: () => now as Millis };
    const making = Promise.withResolvers<Uint8Array>();
    const { admit, ask, run, shift } = hired({
      clock,
      maker: { make: () => making.promise } as Maker,
    });
    const inHand = ask(request());
    void inHand.next();
    await expect.poll(() => shift.state().free).toBe(3);
    shift.pause();
    const next = request({ seq: wanted.seq + 1 });
    now += 4_999;
    expect(refused(admit(next)), "it may have been on its way").toBeUndefined();
    const begun = request({ seq: wanted.seq + 2 });
    expect(refused(admit(begun))).toBeUndefined();
    now += 1;
    expect(refused(admit(next)), "it is not to blame").toBe("JOB_BUSY");
    making.resolve(other);
    expect(await outcome(run(begun)), "what had begun to come is made").toEqual(other);
    expect(await outcome(inHand), "and what is in hand is finished").toEqual(other);
  });

  test("a job has room for its own bytes, 8 MiB of media at most, and nothing for what it did not name", () => {
    const { admit, most } = hired();
    expect(most).toBe(65_536 + 8 * 2 ** 20);
    expect(admit(request())).toEqual({ rank: "own", maxFollowing: 0 });
    expect(refused(admit(request({}, new Uint8Array(8))))).toBe("JOB_INPUT");
    const open = { open: true, mediaLen: 0, mediaHash: new Uint8Array(0) };
    expect(admit(request(open, init))).toEqual({ rank: "own", maxFollowing: 9 * 2 ** 20 });
  });
});

test("a job's source is held to the offer that its worker bid on", async () => {
  const { ask, kept } = hired();
  await outcome(ask(request()));
  const limits = { codec: "avc", pixels: 640 * 368, frames: 60, duration: 8_000_000 };
  expect(kept().limits).toEqual([limits]);
  expect(await outcome(ask(request({ seq: 6, frames: 600 })))).toBe("JOB_CONFLICT");
});

test("what is made for an offer of a private stream is encrypted, its source too, and for one in the open it is not", async () => {
  const secrets = await crewKeys(new Uint8Array(32), new Uint8Array(32).fill(3));
  for (const crewKeys of [undefined, secrets]) {
    const { ask, holds, kept } = hired({ crewKeys });
    expect(await outcome(ask(request()))).toBeInstanceOf(Uint8Array);
    const plain = await Promise.all([init, media, other].map(holds));
    expect(plain).toEqual(plain.map(() => crewKeys === undefined));
    expect(kept().blobs).toBeGreaterThan(0);
  }
});

describe("a worker that refuses a job", () => {
  test.each<[string, Message, string, string?]>([
    ["that cannot be read", { ...request(), head: other }, "PROTOCOL_MALFORMED"],
    ["of an unknown award", request({ award: other.slice(0, 16) }), "JOB_GONE"],
    ["of another epoch", request({ epoch: 2 }), "JOB_GONE"],
    ["of a stranger", request(), "JOB_GONE", "stranger"],
    [
      "for a rung that was not offered",
      request({ rungs: [{ ...rung, width: 640 }] }),
      "JOB_CONFLICT",
    ],
    ["with fewer bytes than it says", request({}, init), "JOB_INPUT"],
    ["whose init has another hash", request({ initHash: other }), "HASH_MISMATCH"],
    ["whose media has another hash", request({ mediaHash: other }), "HASH_MISMATCH"],
  ])("%s keeps nothing for it, and does the job that is right", async (_, wrong, code, peer) => {
    const { ask, kept } = hired();
    const before = kept();
    expect(await outcome(ask(wrong, peer))).toBe(code);
    expect(kept()).toEqual(before);
    const receipt = await outcome(ask(request()));
    if (typeof receipt === "string") throw new Error(receipt);
    expect((await openReceipt(receipt, { from: keys.publicKey })).seq).toBe(wanted.seq);
    expect(kept()).toMatchObject({ owed: 1, audited: 1, unpaid: 1, signed: true });
    expect(kept().blobs).toBeGreaterThan(before.blobs);
  });
});
