import { type Address, type Domain, type PotConfig, Wire } from "@tabcast/channel";
import type { Mesh, PeerId } from "@tabcast/mesh";
import {
  Accept,
  type Bid,
  BidReply,
  Bye,
  Cancel,
  Job,
  JobReply,
  Keys,
  OFFERS_TOPIC,
  openBid,
  PROTOCOLS,
  publicKeyOf,
  type Signer,
  sealAward,
  sealOffer,
} from "@tabcast/protocol";
import { type Bytes, concatBytes, sha256 } from "@tabcast/runtime";
import { answer, ask } from "../../src/exchange.ts";
import type { HandClock } from "./clock.ts";
import { FRAMES, PRICE, RUNGS, worth } from "./terms.ts";

const init = Uint8Array.of(1, 2, 3);
const NOTHING = new Uint8Array(0);
/** Segments that an honest stream offers to have unpaid. */
export const WINDOW = 2;

/** A pot as peers name it. */
export interface Deposit {
  readonly domain: Domain;
  readonly config: PotConfig;
}

/** A worker that took an award. */
export interface Hired {
  readonly worker: PeerId;
  readonly award: Uint8Array;
  readonly epoch: number;
  readonly payee: Address;
  readonly lane: number;
}

/** One job, and what came of it so far. */
export interface Ordered {
  readonly of: Hired;
  readonly seq: number;
  /** Wei of the frames that came, each at each rung. */
  got: bigint;
  /** Resolves with "receipt", the worker's code of a failure, or "lost". */
  readonly over: Promise<string>;
  /** Stops reading: the worker finds the asker gone. */
  stop(): void;
}

export interface JobOptions {
  /** Of the ladder, from its top. Default: all. */
  readonly rungs?: number;
  /** As the job's head says. Default: as offered. */
  readonly frames?: number;
  /** Frames that come beyond those. Default 0. */
  readonly beyond?: number;
}

/** The broadcaster's end of the wire, with no opinion of its own: what it is told to say it says. */
export class Caller {
  readonly #mesh: Mesh;
  readonly #hand: HandClock;
  readonly #bids = new Map<PeerId, Bid>();
  #offers = 0;

  constructor(mesh: Mesh, hand: HandClock, signal: AbortSignal) {
    this.#mesh = mesh;
    this.#hand = hand;
    answer(mesh, PROTOCOLS.bid, signal, async (head, peer) => {
      this.#bids.set(peer, await openBid(head, { from: publicKeyOf(peer) as Uint8Array }));
      return BidReply.encode({ ok: true, why: "", retryMs: 0 });
    });
  }

  /** Offers a stream, waits for these workers' bids, and awards them. Those that bid and took it. */
  async hire(
    stream: Signer,
    epoch: number,
    pot: Deposit,
    workers: readonly PeerId[],
    window = WINDOW,
  ): Promise<Hired[]> {
    const id = new Uint8Array(16);
    new DataView(id.buffer).setUint32(0, ++this.#offers);
    this.#bids.clear();
    const wire = Wire.fromPot(pot.domain, pot.config);
    await this.#mesh.publish(OFFERS_TOPIC, await this.#offer(stream, { id, pot: wire, window }));
    for (let step = 0; step < 60 && !workers.every((one) => this.#bids.has(one)); step++)
      await this.#hand.pass(500);
    const hired: Hired[] = [];
    for (const worker of workers) {
      const bid = this.#bids.get(worker);
      if (bid === undefined) continue;
      const terms = {
        offer: id,
        stream: stream.publicKey,
        worker,
        epoch,
        role: "crew",
        price: PRICE,
      };
      const sealed = await sealAward(stream, {
        ...terms,
        id: bid.award,
        payee: bid.payee,
        lane: bid.lane,
        pot: wire,
      });
      const signal = AbortSignal.timeout(10_000);
      const reply = await this.#hand.until(
        ask(this.#mesh, worker, PROTOCOLS.award, sealed, { signal }),
      );
      if (reply === undefined || !Accept.decode(reply.head).ok) continue;
      const { award, lane } = bid;
      hired.push({ worker, award, epoch, payee: Wire.toAddress(bid.payee), lane });
    }
    return hired;
  }

  async #offer(
    stream: Signer,
    { id, pot, window }: { id: Uint8Array; pot: ReturnType<typeof Wire.fromPot>; window: number },
  ) {
    return sealOffer(stream, {
      id,
      stream: stream.publicKey,
      broadcaster: this.#mesh.self,
      addrs: [],
      sourceCodec: "avc1.640028",
      width: 1280,
      height: 720,
      fpsMilli: 30_000,
      sourceBitrate: 3_000_000,
      codec: "avc",
      rungs: [...RUNGS],
      segmentMs: 2_000,
      slackMs: 20_000,
      maxPrice: PRICE,
      wanted: 8,
      pot,
      window,
      ttlMs: 30_000,
      atMs: this.#hand.node.unix(),
      seedCommit: new Uint8Array(32),
      need: [],
      crew: NOTHING,
    });
  }

  /** Sends a segment; what comes of it is counted as it comes. */
  async order(
    of: Hired,
    seq: number,
    { rungs = RUNGS.length, frames = FRAMES, beyond = 0 }: JobOptions = {},
  ): Promise<Ordered> {
    const media = new Uint8Array(frames + beyond).fill(seq);
    const asked = RUNGS.slice(0, rungs);
    const head = Job.encode({
      award: of.award,
      epoch: of.epoch,
      seq,
      attempt: 1,
      rungs: [...asked],
      initLen: init.byteLength,
      mediaLen: media.byteLength,
      initHash: await sha256(init),
      mediaHash: await sha256(media),
      frames,
      startUs: 0,
      durationUs: Math.round((frames / 30) * 1e6),
      deadlineMs: 60_000,
      codec: "avc",
      checkPpm: 1,
      open: false,
    });
    const stop = new AbortController();
    const parts = this.#mesh.request(
      of.worker,
      PROTOCOLS.job,
      { head, body: concatBytes(init, media) },
      { signal: stop.signal, maxBody: (2 ** 20) as Bytes },
    );
    const read = async (): Promise<string> => {
      try {
        for await (const { head: reply } of parts) {
          const { progress, receipt, failure } = JobReply.decode(reply);
          for (const { rung, head: names, len } of progress?.pieces ?? []) {
            const at = asked[rung];
            if (!names && at !== undefined) ordered.got += worth(at, len);
          }
          if (failure !== undefined) return failure.code;
          if (receipt !== undefined) return "receipt";
        }
      } catch {
        // the worker's tab is gone, or we stopped
      }
      return "lost";
    };
    const ordered = {
      of,
      seq,
      got: 0n,
      over: Promise.resolve(""),
      stop: () => stop.abort(new Error("the broadcaster reads no more")),
    };
    ordered.over = read();
    return ordered;
  }

  /** Says that a segment is not needed, or no more. */
  async cancel({ worker, award, epoch }: Hired, seq: number): Promise<void> {
    await this.#say(
      worker,
      PROTOCOLS.cancel,
      Cancel.encode({ award, epoch, seq, why: "superseded" }),
    );
  }

  async bye({ worker, award }: Hired, why: string): Promise<void> {
    await this.#say(worker, PROTOCOLS.bye, Bye.encode({ why, finishing: false, award }));
  }

  async #say(worker: PeerId, protocol: string, head: Uint8Array): Promise<void> {
    const signal = AbortSignal.timeout(10_000);
    await this.#hand.until(ask(this.#mesh, worker, protocol, head, { signal }).catch(() => {}));
  }
}

/** A stream's key that is the same in every run. */
export const streamKey = (nth: number): Promise<Signer> =>
  Keys.fromSeed(new Uint8Array(32).fill(100 + nth));
