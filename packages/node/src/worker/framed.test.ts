/** A broadcaster that wants two receipts of one worker that contradict each other. */
import { type Hex, type Purse, Wire } from "@tabcast/channel";
import type { TranscodeResult, Transcoder } from "@tabcast/media";
import { type MemoryNetwork, memory, memoryNetwork } from "@tabcast/mesh";
import {
  Accept,
  BidReply,
  Equivocation,
  Job,
  JobEnd,
  JobReply,
  Keys,
  OFFERS_TOPIC,
  openBid,
  openEquivocation,
  openReceipt,
  PROTOCOLS,
  peerIdOf,
  publicKeyOf,
  type Signer,
  sealAward,
  sealOffer,
} from "@tabcast/protocol";
import { type Bytes, concatBytes, fromHex, sha256 } from "@tabcast/runtime";
import { afterEach, expect, test } from "vitest";
import { answer, ask } from "../exchange.ts";
import { work } from "./work.ts";

const address = (digit: string): Hex => `0x${digit.repeat(40)}`;
const payee = address("d");
const pot = Wire.fromPot(
  { chainId: 1, contract: address("c") },
  {
    payer: address("a"),
    signer: address("b"),
    token: address("0"),
    challengePeriod: 900,
    salt: `0x${"1".repeat(64)}`,
  },
);
const rung = { name: "240p", width: 426, height: 240, bitrate: 250_000 };
const init = Uint8Array.of(1, 2, 3);
const NOTHING = new Uint8Array(0);
const never = new AbortController().signal;
const tabs: AbortController[] = [];
afterEach(() => {
  for (const tab of tabs.splice(0)) tab.abort();
  writing = async () => {};
});

const transcoder: Transcoder = {
  async transcode({ rungs, media }) {
    // What it makes differs with the source, so two receipts for two sources do.
    const source = new Uint8Array(await new Response(media).arrayBuffer());
    const renditions = rungs.map(({ name }) => ({ rung: name, init, media: source, frames: 60 }));
    return { renditions, encodeMs: 1, hardware: "sw" } as unknown as TranscodeResult;
  },
  close() {},
};

/** What the store does when what is owed is written down. */
let writing = async () => {};

const purse = {
  payee,
  lane: 3,
  trust: async () => "0x01",
  accrue: () => writing(),
  room: () => 10n ** 18n,
  checked: () => true,
  forgive: async () => {},
  highest: () => undefined,
  held: () => [],
  balances: () => ({}),
  watch() {},
} as unknown as Purse;

/** Starts a worker under these keys; `crash` ends its tab without a goodbye. */
function start(network: MemoryNetwork, keys: Signer) {
  const own = new AbortController();
  tabs.push(own);
  const mesh = memory(network, { self: peerIdOf(keys.publicKey) });
  const { state } = work({
    mesh,
    keys,
    purse,
    transcoder,
    capabilities: [{ codec: "avc", pixelsPerSecond: 1e9, hardware: "sw" }],
    on() {},
    signal: own.signal,
  });
  return {
    state,
    async crash() {
      own.abort();
      await mesh.close();
    },
  };
}

async function attacker(network: MemoryNetwork, worker: string) {
  const tab = await Keys.generate();
  const mesh = memory(network, { self: peerIdOf(tab.publicKey) });
  const stream = await Keys.generate();
  const offer = new Uint8Array(16).fill(7);
  const drawn: Uint8Array[] = [];
  const waiting: (() => void)[] = [];
  answer(mesh, PROTOCOLS.bid, never, async (head, peer) => {
    const bid = await openBid(head, { from: publicKeyOf(peer) as Uint8Array });
    drawn.push(bid.award);
    for (const wake of waiting.splice(0)) wake();
    return BidReply.encode({ ok: true, why: "", retryMs: 0 });
  });
  return {
    stream,
    /** Offers, always under the same id, and gives the award id that the bid on it names. */
    async bidOf(by = stream): Promise<Uint8Array> {
      const before = drawn.length;
      const came = new Promise<void>((resolve) => waiting.push(resolve));
      const sealed = await sealOffer(by, {
        id: offer,
        stream: by.publicKey,
        broadcaster: mesh.self,
        addrs: [],
        sourceCodec: "avc1.640028",
        width: 1280,
        height: 720,
        fpsMilli: 30_000,
        sourceBitrate: 3_000_000,
        codec: "avc",
        rungs: [rung],
        segmentMs: 2_000,
        slackMs: 4_000,
        maxPrice: 1_000_000_000_000n,
        wanted: 1,
        pot,
        window: 64,
        ttlMs: 30_000,
        atMs: Date.now(),
        seedCommit: new Uint8Array(32),
        need: [],
        crew: new Uint8Array(0),
      });
      await mesh.publish(OFFERS_TOPIC, sealed);
      await came;
      return drawn[before] as Uint8Array;
    },
    async award(id: Uint8Array, epoch = 1): Promise<string> {
      const sealed = await sealAward(stream, {
        id,
        offer,
        stream: stream.publicKey,
        worker,
        epoch,
        role: "crew",
        price: 1_000_000_000_000n,
        payee: fromHex(payee),
        lane: 3,
        pot,
      });
      const reply = await ask(mesh, worker, PROTOCOLS.award, sealed, { signal: never });
      const { ok, why } = Accept.decode(reply.head);
      return ok ? "ok" : why;
    },
    /** The sealed receipt for a segment with these bytes, or the code of the refusal. */
    async job(
      award: Uint8Array,
      media: Uint8Array<ArrayBuffer>,
      { seq = 0, epoch = 1, signal = never, begun, later }: JobOf = {},
    ): Promise<Uint8Array | string> {
      const open = later !== undefined;
      const mediaHash = await sha256(media);
      const head = Job.encode({
        award,
        epoch,
        seq,
        attempt: 1,
        rungs: [rung],
        initLen: init.byteLength,
        mediaLen: open ? 0 : media.byteLength,
        initHash: await sha256(init),
        mediaHash: open ? NOTHING : mediaHash,
        frames: 60,
        startUs: 0,
        durationUs: 8_000_000,
        deadlineMs: 60_000,
        codec: "avc",
        checkPpm: 1,
        open,
      });
      async function* following() {
        begun?.();
        await later;
        yield { head: NOTHING, body: media };
        yield { head: JobEnd.encode({ mediaLen: media.byteLength, mediaHash }), body: NOTHING };
      }
      const parts = mesh.request(
        worker,
        PROTOCOLS.job,
        { head, body: open ? init : concatBytes(init, media) },
        { signal, maxBody: (2 ** 20) as Bytes, ...(open && { following: following() }) },
      );
      for await (const part of parts) {
        const { receipt, failure } = JobReply.decode(part.head);
        if (failure !== undefined) return failure.code;
        if (receipt !== undefined) return receipt.slice();
      }
      throw new Error("no answer");
    },
  };
}

interface JobOf {
  readonly seq?: number;
  readonly epoch?: number;
  readonly signal?: AbortSignal;
  /** The media goes after the head, once this resolves. */
  readonly later?: Promise<void>;
  /** Told when the worker has taken the head and what follows is wanted. */
  readonly begun?: () => void;
}

/** A worker, and an attacker whose award it has taken. */
async function hired() {
  const network = memoryNetwork();
  const keys = await Keys.generate();
  const { state } = start(network, keys);
  const { bidOf, award, job } = await attacker(network, peerIdOf(keys.publicKey));
  const id = await bidOf();
  expect(await award(id)).toBe("ok");
  return { id, job, state };
}

test("a worker that crashed and came back under its key signs nothing that contradicts what it signed before", async () => {
  const network = memoryNetwork();
  const keys = await Keys.generate();
  const { crash } = start(network, keys);
  const { bidOf, award, job, stream } = await attacker(network, peerIdOf(keys.publicKey));
  const id = await bidOf();
  expect(await award(id)).toBe("ok");
  const first = await job(id, Uint8Array.of(1));
  if (typeof first === "string") throw new Error(first);
  expect((await openReceipt(first, { from: keys.publicKey })).stream).toEqual(stream.publicKey);
  expect(await job(id, Uint8Array.of(2))).toBe("JOB_CONFLICT");

  await crash();
  start(network, keys);
  const fresh = await bidOf();
  expect(fresh).not.toEqual(id);
  expect(await award(id)).toBe("gone");
  expect(await award(id, 2)).toBe("gone");
  expect(await job(id, Uint8Array.of(2))).toBe("JOB_GONE");
  // Under the id of the new bid it works, and what it signs is about another award.
  expect(await award(fresh)).toBe("ok");
  const second = await job(fresh, Uint8Array.of(2));
  if (typeof second === "string") throw new Error(second);
  const proof = openEquivocation(Equivocation.encode({ first, second }));
  await expect(proof).rejects.toMatchObject({ code: "PROTOCOL_NO_PROOF" });
});

test("a job that was begun before a segment's receipt made room for others does not have it signed again", async () => {
  const { id, job } = await hired();
  expect(await job(id, Uint8Array.of(1))).toBeInstanceOf(Uint8Array);
  const { promise: later, resolve: send } = Promise.withResolvers<void>();
  const reads = Promise.withResolvers<void>();
  const again = job(id, Uint8Array.of(2), { later, begun: reads.resolve });
  await reads.promise;
  for (let seq = 1; seq <= 32; seq++)
    expect(await job(id, Uint8Array.of(1), { seq })).toBeInstanceOf(Uint8Array);
  send();
  expect(await again).toBe("JOB_GONE");
});

test("a job that its broadcaster left while its receipt was stored does not get a second one for other bytes", async () => {
  const { id, job, state } = await hired();
  const stored: (() => void)[] = [];
  writing = () => new Promise((resolve) => stored.push(resolve));
  const left = new AbortController();
  const first = job(id, Uint8Array.of(1), { signal: left.signal }).catch(() => "left");
  await expect.poll(() => stored.length).toBe(1);
  left.abort();
  expect(await first).toBe("left");
  await expect.poll(() => state().jobs).toBe(0);
  const second = job(id, Uint8Array.of(2));
  await expect.poll(() => stored.length).toBe(2);
  stored[0]?.();
  const one = await job(id, Uint8Array.of(1));
  stored[1]?.();
  const two = await second;
  expect(one).toBeInstanceOf(Uint8Array);
  expect(two).toBe("JOB_CONFLICT");
});
