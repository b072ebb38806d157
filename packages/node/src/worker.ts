import { type Hex, Wire } from "@tabcast/channel";
import { Hire, Price } from "@tabcast/market";
import type { Asker, Message, PeerId } from "@tabcast/mesh";
import {
  Accept,
  type Award,
  BidReply,
  Bye,
  Cancel,
  Job,
  JobReply,
  MAX_INIT,
  MAX_JOB_MEDIA,
  MAX_MEDIA,
  OFFERS_TOPIC,
  type Offer,
  openAward,
  openClosed,
  openOffer,
  PROTOCOLS,
  sealBid,
  sealReceipt,
  Verdict,
  VerdictReply,
} from "@tabcast/protocol";
import {
  type Bytes,
  CodedError,
  describe,
  equalBytes,
  fromHex,
  sha256,
  systemClock,
  toHex,
  Wei,
} from "@tabcast/runtime";
import { answer, ask, serveHeld } from "./exchange.ts";
import { checkHash, openHeld } from "./held.ts";
import { openIntake, type Received } from "./intake.ts";
import { openBell } from "./queue.ts";
import { openSpeeds } from "./speeds.ts";
import type { WorkerNode, WorkerOptions } from "./types.ts";
import { asCodec, asRungs } from "./wire.ts";

/** Price asked where none is given: 1 gwei per output megapixel, 1,000 wei per pixel. */
export const DEFAULT_PRICE = Wei.of(1_000_000_000);
/** Jobs a tab takes at once. Live ones mostly wait for bytes: two streams have one each, and one before it being finished. */
const MOST_JOBS = 4;
/** What may follow an open job: its media, and room for what the mesh counts for each part and for the JobEnd. */
const MAX_FOLLOWING = (MAX_JOB_MEDIA + 2 ** 20) as Bytes;
/** Offers remembered, to answer an award with; the oldest makes room. */
const MOST_OFFERS = 128;
/** Receipts kept per award, to answer a repeated job with. */
const MOST_RECEIPTS = 32;
/** A part of a job's answer leaves at least this often, in milliseconds. Source: facts of the market, section 4. */
const HEARTBEAT_MS = 500;
/** How long a finished segment waits for the vouchers of those before it, in milliseconds. */
const CREDIT_MS = 3_000;
const NOTHING = new Uint8Array(0);

/** A job refused, in the words of SPEC.md. */
class Refusal extends CodedError<{
  code: "JOB_GONE" | "JOB_BUSY" | "JOB_UNPAID" | "JOB_CONFLICT" | "JOB_INPUT";
}> {}

interface Held {
  readonly offer: Offer;
  readonly broadcaster: PeerId;
  /** The speed of our bid, in output pixels per second, where the broadcaster found it too low. */
  tooSlow?: number;
}

/** A stream we work for. */
interface Place {
  readonly award: Award;
  readonly broadcaster: PeerId;
  readonly stream: string;
  readonly potId: Hex;
  /** Segments delivered and not yet paid; bounded by the offer's window. */
  readonly unpaid: Map<number, "owed" | "cancelled">;
  readonly window: number;
  readonly jobs: Map<number, AbortController>;
  readonly receipts: Map<number, { readonly source: Uint8Array; readonly sealed: Uint8Array }>;
}

/** Offers this tab's encoders to every broadcaster that pays, until `signal` fires or `close` is called. */
export function work(options: WorkerOptions): WorkerNode {
  const { mesh, keys, purse, transcoder, on, signal, price = DEFAULT_PRICE } = options;
  const own = new AbortController();
  const until = AbortSignal.any([signal, own.signal]);
  const held = openHeld();
  const bell = openBell();
  const joinedAt = systemClock.now();
  const offers = new Map<string, Held>();
  const places = new Map<string, Place>();
  /** Highest epoch taken per stream; an older award is a late one. */
  const epochs = new Map<string, number>();
  let paused = false;
  let done = 0;

  const jobs = () => [...places.values()].reduce((sum, place) => sum + place.jobs.size, 0);
  const self = () => ({
    self: mesh.self,
    price,
    capabilities: speeds.capabilities(),
    free: paused ? 0 : MOST_JOBS - jobs(),
    working: [...places.values()].map(({ stream }) => stream),
  });
  const refused = (what: string, error: unknown) =>
    on({ type: "refused", what, why: describe(error) });
  const speeds = openSpeeds({
    capabilities: options.capabilities,
    measure: options.measure,
    clock: systemClock,
    changed: ({ codec, pixelsPerSecond, hardware }) =>
      on({ type: "measured", codec, pixelsPerSecond, hardware }),
    failed: (error) => refused("measurement", error),
    signal: until,
  });
  const leave = (id: string) => {
    const place = places.get(id);
    places.delete(id);
    for (const job of place?.jobs.values() ?? []) job.abort(new Error("the broadcaster left"));
    if (place !== undefined) void mesh.keep(place.broadcaster, false).catch(() => {});
  };

  async function bidFor(offer: Offer): Promise<void> {
    const id = toHex(offer.id);
    const before = offers.get(id);
    // Repeated for those who came later: one bid is enough.
    if (before !== undefined && before.tooSlow === undefined) return;
    const neighbours = mesh.subscribers(OFFERS_TOPIC).length;
    const plan = Hire.consider(offer, { ...self(), neighbours, tooSlow: before?.tooSlow });
    if (!plan.bid) {
      const { why, slow } = plan;
      const codec = asCodec(offer.codec);
      if (why === "incapable" || why === "too expensive")
        on({ type: "passed", stream: toHex(offer.stream), why, codec, ...slow });
      if (why !== "incapable") return;
      speeds.doubt(codec);
      if (jobs() === 0) speeds.idle();
      return;
    }
    const offered: Held = { offer, broadcaster: offer.broadcaster };
    offers.set(id, offered);
    if (offers.size > MOST_OFFERS) offers.delete(offers.keys().next().value as string);
    await systemClock.sleep(plan.delayMs, { signal: until });
    if (!offers.has(id)) return; // closed meanwhile
    const bid = await sealBid(keys, {
      offer: offer.id,
      worker: mesh.self,
      payee: fromHex(purse.payee),
      lane: purse.lane,
      price,
      pixelsPerS: Math.round(plan.pixelsPerSecond),
      slots: 1,
      queueMs: 0,
      ageMs: Math.round(systemClock.now() - joinedAt),
      tags: [],
      addrs: mesh.addrs().slice(0, 2),
    });
    const reply = await ask(mesh, offer.broadcaster, PROTOCOLS.bid, bid, {
      signal: AbortSignal.any([until, AbortSignal.timeout(20_000)]),
      addrs: offer.addrs,
    }).catch((error: unknown) => {
      offers.delete(id); // it never heard of us: bid again when the offer is repeated
      throw error;
    });
    const { ok, why } = BidReply.decode(reply.head);
    if (ok) return on({ type: "bid", stream: toHex(offer.stream) });
    if (why === "too slow") offered.tooSlow = plan.pixelsPerSecond;
    on({ type: "refused", what: "bid", why });
  }

  async function takeAward(head: Uint8Array, peer: PeerId): Promise<Uint8Array | undefined> {
    const no = (why: string) => Accept.encode({ ok: false, why });
    const award = await openAward(head);
    const known = offers.get(toHex(award.offer));
    if (known === undefined) return undefined;
    if (known.broadcaster !== peer) return no("gone");
    const again = places.get(toHex(award.id));
    if (again !== undefined) return Accept.encode({ ok: true, why: "" });
    const stream = toHex(award.stream);
    const decision = Hire.accept(award, {
      ...self(),
      payee: fromHex(purse.payee),
      lane: purse.lane,
      offer: known.offer,
      epoch: epochs.get(stream) ?? 0,
    });
    if (!decision.ok) return no(decision.why);
    const { domain, config } = Wire.toPot(award.pot);
    let potId: Hex;
    try {
      potId = await purse.trust(domain, config, {
        signal: AbortSignal.any([until, AbortSignal.timeout(10_000)]),
      });
    } catch (error) {
      refused("award", error);
      return no(`pot: ${describe(error)}`.slice(0, 200));
    }
    epochs.set(stream, award.epoch);
    for (const [id, place] of places) if (place.stream === stream) leave(id); // its epoch is over
    places.set(toHex(award.id), {
      award,
      broadcaster: peer,
      stream,
      potId,
      unpaid: new Map(),
      window: known.offer.window,
      jobs: new Map(),
      receipts: new Map(),
    });
    void mesh.keep(peer, true).catch(() => {}); // losing the mark only makes pruning likelier
    on({ type: "hired", stream, role: award.role });
    return Accept.encode({ ok: true, why: "" });
  }

  /** The place a job belongs to; throws a Refusal where it may not start. */
  function admit(job: Job, body: Uint8Array, peer: PeerId): Place {
    const place = places.get(toHex(job.award));
    if (place === undefined || place.broadcaster !== peer || place.award.epoch !== job.epoch)
      throw new Refusal({ code: "JOB_GONE" }, `no award ${toHex(job.award)} of epoch ${job.epoch}`);
    if (body.byteLength !== job.initLen + job.mediaLen)
      throw new Refusal(
        { code: "JOB_INPUT" },
        `expected ${job.initLen} + ${job.mediaLen} bytes, got ${body.byteLength}`,
      );
    if (place.receipts.has(job.seq)) return place; // it was done before
    if (place.jobs.has(job.seq))
      throw new Refusal({ code: "JOB_BUSY" }, `segment ${job.seq} is being encoded already`);
    if (jobs() >= MOST_JOBS)
      throw new Refusal({ code: "JOB_BUSY" }, `${jobs()} jobs in hand, at most ${MOST_JOBS}`);
    return place;
  }

  /** The receipt of a segment that was done before; throws JOB_CONFLICT if these are other bytes. */
  function storedReceipt(place: Place, seq: number, mediaHash: Uint8Array) {
    const stored = place.receipts.get(seq);
    if (stored !== undefined && !equalBytes(stored.source, mediaHash))
      throw new Refusal({ code: "JOB_CONFLICT" }, `segment ${seq} came before with other bytes`);
    return stored?.sealed.slice();
  }

  /** The media of a job, to be transcoded as it comes, and what it is once it is complete and its hash was checked. */
  function mediaOf(
    job: Job,
    body: Uint8Array<ArrayBuffer>,
    following: Asker["following"],
    stop: AbortSignal,
  ) {
    if (job.open) return openIntake(job, following, { clock: systemClock, signal: stop });
    const media = body.slice(job.initLen);
    const mediaHash = job.mediaHash as Uint8Array<ArrayBuffer>;
    const received = checkHash(media, mediaHash).then((): Received => ({ media, mediaHash }));
    return { media, received };
  }

  /** Waits until one segment more may be delivered unpaid: the vouchers of those before it are on their way. */
  async function credit(place: Place, stop: AbortSignal): Promise<void> {
    const late = AbortSignal.timeout(CREDIT_MS);
    const room = () => place.unpaid.size < place.window || undefined;
    try {
      // Looked at again after waking: two jobs may have waited for the same room.
      while (room() === undefined)
        await bell.until(room, { signal: AbortSignal.any([stop, late]) });
    } catch (error) {
      if (!late.aborted) throw error;
      throw new Refusal(
        { code: "JOB_UNPAID" },
        `${place.unpaid.size} segments delivered and not paid, at most ${place.window}`,
      );
    }
  }

  async function encode(
    place: Place,
    job: Job,
    init: Uint8Array<ArrayBuffer>,
    { media, received }: ReturnType<typeof mediaOf>,
    stop: AbortSignal,
    progress: (frames: number) => void,
  ): Promise<Uint8Array> {
    const rungs = asRungs(job.rungs);
    const frameRate = Math.min(240, (job.frames * 1e6) / job.durationUs);
    const { stream } = place;
    const request = { init, media, codec: asCodec(job.codec), rungs, frameRate, stream };
    if (!job.open) await received; // no decoder sees what is not what was promised
    const working = transcoder.transcode(request, { signal: stop, progress });
    // What is wrong with an open job's bytes says more than what the transcoder makes of them.
    const [{ media: source, mediaHash }, result] = await Promise.all([received, working]);
    const frames = result.renditions[0]?.frames ?? 0;
    const pixels = Number(Price.pixels(rungs, frames));
    speeds.worked(request.codec, { pixels, ms: result.encodeMs });
    const renditions = await Promise.all(
      result.renditions.map(async (rendition) => {
        const [initHash, mediaHash] = [await sha256(rendition.init), await sha256(rendition.media)];
        held.put(toHex(initHash), rendition.init);
        held.put(toHex(mediaHash), rendition.media);
        return {
          rung: rendition.rung,
          initHash,
          mediaHash,
          initLen: rendition.init.byteLength,
          mediaLen: rendition.media.byteLength,
          frames: rendition.frames,
        };
      }),
    );
    // The source rung is served from here too, so its viewers cost the broadcaster nothing.
    held.put(toHex(job.initHash), init);
    held.put(toHex(mediaHash), source);
    const sealed = await sealReceipt(keys, {
      award: job.award,
      epoch: job.epoch,
      seq: job.seq,
      sourceHash: mediaHash,
      renditions,
      encodeMs: Math.round(result.encodeMs),
      hardware: result.hardware,
    });
    await credit(place, stop);
    place.unpaid.set(job.seq, "owed");
    const owed = Price.ofSegment(place.award.price, rungs, frames);
    await purse.accrue(place.potId, owed); // stored before the result, which extends credit, is sent
    place.receipts.set(job.seq, { source: mediaHash, sealed });
    if (place.receipts.size > MOST_RECEIPTS)
      place.receipts.delete(place.receipts.keys().next().value as number);
    return sealed;
  }

  async function* serveJob(
    request: Message,
    { peer, signal: gone, following }: Asker,
  ): AsyncIterable<Message> {
    const part = (reply: JobReply) => ({ head: JobReply.encode(reply), body: NOTHING });
    const startedAt = systemClock.now();
    let stream = "";
    let seq = -1;
    const told = (state: "started" | "done" | "failed", why?: string) =>
      on({
        type: "job",
        stream,
        seq,
        state,
        ms: Math.round(systemClock.now() - startedAt),
        ...(why !== undefined && { why }),
      });
    const stop = new AbortController();
    let place: Place | undefined;
    try {
      const job = Job.decode(request.head);
      seq = job.seq;
      const body = request.body as Uint8Array<ArrayBuffer>;
      place = admit(job, body, peer);
      stream = place.stream;
      const all = AbortSignal.any([until, gone, stop.signal]);
      const input = mediaOf(job, body, following, all);
      input.received.catch(() => {}); // `encode` hears of it
      if (place.receipts.has(seq)) {
        const { mediaHash } = await input.received;
        const stored = storedReceipt(place, seq, mediaHash);
        if (stored !== undefined) return yield part({ receipt: stored });
      }
      place.jobs.set(seq, stop);
      told("started");
      const init = body.slice(0, job.initLen);
      await checkHash(init, job.initHash);
      let frames = 0;
      let outcome: { sealed: Uint8Array } | { error: unknown } | undefined;
      const finished = encode(place, job, init, input, all, (count) => {
        frames = count;
      }).then(
        (sealed) => {
          outcome = { sealed };
        },
        (error: unknown) => {
          outcome = { error };
        },
      );
      while (outcome === undefined) {
        yield part({ progress: { frames, queueMs: 0 } });
        const beat = new AbortController();
        await Promise.race([
          finished.finally(() => beat.abort()),
          systemClock.sleep(HEARTBEAT_MS, { signal: beat.signal }).catch(() => {}),
        ]);
      }
      if ("error" in outcome) throw outcome.error;
      done++;
      told("done");
      yield part({ receipt: outcome.sealed.slice() });
    } catch (error) {
      const why = describe(error);
      told("failed", why);
      if (gone.aborted) return;
      const code = error instanceof CodedError ? error.code : "JOB_FAILED";
      yield part({ failure: { code: code.slice(0, 64), message: why.slice(0, 200) } });
    } finally {
      stop.abort();
      if (place?.jobs.get(seq) === stop) place.jobs.delete(seq);
      if (jobs() === 0) speeds.idle();
    }
  }

  async function takeVerdict(head: Uint8Array, peer: PeerId): Promise<Uint8Array> {
    const verdict = Verdict.decode(head);
    const place = places.get(toHex(verdict.award));
    if (place === undefined || place.broadcaster !== peer)
      return VerdictReply.encode({ ok: false, why: "gone" });
    const { stream, potId } = place;
    const why = async (): Promise<string> => {
      if (!verdict.ok) {
        place.unpaid.delete(verdict.seq);
        bell.wake();
        refused("verdict", `segment ${verdict.seq} failed ${verdict.failed.join(", ")}`);
        return "";
      }
      if (verdict.voucher === undefined) return "a good verdict comes with a voucher";
      try {
        const { credited } = await purse.accept(Wire.toVoucher(verdict.voucher));
        place.unpaid.delete(verdict.seq);
        // A copy that lost its race stays unpaid; a broadcaster that goes on paying did not order it to cheat us.
        for (const [seq, state] of place.unpaid)
          if (state === "cancelled") place.unpaid.delete(seq);
        bell.wake();
        on({ type: "paid", stream, seq: verdict.seq, credited, total: purse.balances().vouchered });
        return "";
      } catch (error) {
        refused("voucher", error);
        return describe(error).slice(0, 200);
      }
    };
    const complaint = await why();
    const highest = purse.highest(potId);
    return VerdictReply.encode({
      ok: complaint === "",
      why: complaint,
      ...(highest !== undefined && { held: Wire.fromVoucher(highest) }),
    });
  }

  mesh.subscribe(
    OFFERS_TOPIC,
    ({ body }) => {
      const sealed = body.slice();
      const failed = (error: unknown) => {
        if (!until.aborted) refused("offer", error);
      };
      openOffer(sealed, { now: systemClock.unix() }).then(
        (offer) => bidFor(offer).catch(failed),
        // The topic carries two kinds; what is neither is rubbish and has cost one signature check.
        () => openClosed(sealed).then(({ offer }) => void offers.delete(toHex(offer)), failed),
      );
    },
    { signal: until },
  );
  serveHeld(mesh, held, until);
  answer(mesh, PROTOCOLS.award, until, takeAward);
  answer(mesh, PROTOCOLS.verdict, until, takeVerdict);
  answer(mesh, PROTOCOLS.cancel, until, (head, peer) => {
    const { award, seq, why } = Cancel.decode(head);
    const place = places.get(toHex(award));
    if (place?.broadcaster === peer) {
      place.jobs.get(seq)?.abort(new Error(`cancelled: ${why}`));
      if (place.unpaid.has(seq)) place.unpaid.set(seq, "cancelled");
    }
    return NOTHING;
  });
  answer(mesh, PROTOCOLS.bye, until, (head, peer) => {
    const { award } = Bye.decode(head);
    const theirs = [...places].filter(
      ([id, place]) =>
        place.broadcaster === peer && (award.byteLength === 0 || id === toHex(award)),
    );
    for (const [id] of theirs) leave(id);
    return theirs.length > 0 ? NOTHING : undefined;
  });
  mesh.serve(PROTOCOLS.job, serveJob, {
    signal: until,
    maxBody: (MAX_INIT + MAX_MEDIA) as Bytes,
    maxFollowing: MAX_FOLLOWING,
    maxPerPeer: MOST_JOBS + 1,
  });
  mesh.watch(
    (event) => {
      if (event.type === "reachable") on({ type: "reachable", addrs: event.addrs.length });
    },
    { signal: until },
  );

  return {
    pause() {
      paused = true;
    },
    resume() {
      paused = false;
    },
    state: () => ({
      paused,
      jobs: jobs(),
      done,
      streams: places.size,
      heldBytes: held.size(),
    }),
    async close() {
      if (own.signal.aborted) return;
      const everybody = new Set([...places.values()].map(({ broadcaster }) => broadcaster));
      const bye = Bye.encode({ why: "closing", finishing: false, award: NOTHING });
      const heard = [...everybody].map((peer) =>
        ask(mesh, peer, PROTOCOLS.bye, bye, { signal: AbortSignal.timeout(1_000) }),
      );
      for (const id of [...places.keys()]) leave(id);
      await Promise.allSettled(heard);
      own.abort();
    },
  };
}
