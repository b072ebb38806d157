import { type Hex, VoucherError, Wire } from "@tabcast/channel";
import { Availability, Hire, LIVE, Price, Screen } from "@tabcast/market";
import type { Made, Transcoded } from "@tabcast/media";
import type { Asker, Message, PeerId } from "@tabcast/mesh";
import {
  Accept,
  type Award,
  Bye,
  Cancel,
  Envelope,
  Job,
  JobReply,
  MAX_INIT,
  MAX_JOB_MEDIA,
  MAX_MEDIA,
  MAX_PART,
  type Offer,
  openAward,
  PROTOCOLS,
  sealReceipt,
  Verdict,
  VerdictReply,
} from "@tabcast/protocol";
import {
  type Bytes,
  CodedError,
  describe,
  fromHex,
  sha256,
  systemClock,
  toHex,
  Wei,
} from "@tabcast/runtime";
import { openOutgoing, type Pieces } from "./ahead.ts";
import { openAudits } from "./audits.ts";
import { openBidding } from "./bidding.ts";
import { openEntrusting, serveTower } from "./entrust.ts";
import { answer, ask, serveHeld } from "./exchange.ts";
import { openGate } from "./gate.ts";
import { checkHash, openHeld } from "./held.ts";
import { type Input, openInput } from "./intake.ts";
import { openBell } from "./queue.ts";
import { openReceipts, type Receipts } from "./receipts.ts";
import { openSpeeds } from "./speeds.ts";
import type { WorkerNode, WorkerOptions } from "./types.ts";
import { asCodec, asRungs, UNGUARANTEED } from "./wire.ts";

/** Price asked where none is given: 1 gwei per output megapixel, 1,000 wei per pixel. */
export const DEFAULT_PRICE = Wei.of(1_000_000_000);
/** An offer whose slack is longer than this is of a file: nothing of it is late. */
const FILE_SLACK_MS = 30_000;
/** Jobs a tab takes at once. Live ones mostly wait for bytes: two streams have one each, and one before it being finished. */
const MOST_JOBS = 4;
/** What may follow an open job: its media, and room for what the mesh counts for each part and for the JobEnd. */
const MAX_FOLLOWING = (MAX_JOB_MEDIA + 2 ** 20) as Bytes;
/**
 * A part of a job's answer leaves at least this often, in milliseconds: what was made since, and a sign of life. The facts of the market
 * have 500 (section 4): a death would be noticed too late to redo the segment within a second.
 */
const HEARTBEAT_MS = 100;
/** How long a finished segment waits for the vouchers of those before it, in milliseconds. */
const CREDIT_MS = 3_000;
/** Places remembered after they are over, and streams that are shunned. */
const MOST_LEFT = 16;
/** How long a broadcaster may be unreachable before its place is given up, in milliseconds. */
const GONE_MS = 60_000;
const NOTHING = new Uint8Array(0);
const EMPTY: Pieces = { pieces: [], body: NOTHING };

/** A job refused, in the words of SPEC.md. */
class Refusal extends CodedError<{
  code: "JOB_GONE" | "JOB_BUSY" | "JOB_UNPAID" | "JOB_CONFLICT" | "JOB_INPUT";
}> {}

/** A stream we work for. */
interface Place {
  readonly award: Award;
  readonly offer: Offer;
  readonly broadcaster: PeerId;
  readonly stream: string;
  readonly potId: Hex;
  /** Segments delivered and not yet paid; bounded by the offer's window. */
  readonly unpaid: Map<number, Hire.Unpaid>;
  /** Segments whose renditions go out while they are made: they have their room among the unpaid already. */
  readonly ahead: Set<number>;
  readonly window: number;
  readonly jobs: Map<number, AbortController>;
  readonly receipts: Receipts;
  /** When it paid last, or hired us, in milliseconds. */
  paidAt: number;
}

/** What is told while a job is worked on. */
interface Working {
  readonly progress: (frames: number) => void;
  readonly made: (made: Made) => void;
  /** All is made, signed, and may leave. */
  readonly finish: (renditions: readonly Transcoded[]) => void;
}

/** Offers this tab's encoders to every broadcaster that pays, until `signal` fires or `close` is called. */
export function work(options: WorkerOptions): WorkerNode {
  const { mesh, keys, purse, transcoder, on, signal, price = DEFAULT_PRICE } = options;
  const { clock = systemClock } = options;
  const own = new AbortController();
  const until = AbortSignal.any([signal, own.signal]);
  const held = openHeld();
  const bell = openBell();
  const places = new Map<string, Place>();
  /** When the last place was over, or we joined, in milliseconds. */
  let restingSince = clock.now();
  /** Streams that left us unpaid: until when they get no bid, in milliseconds, and how often running they did. */
  const shunned = new Map<string, { readonly until: number; readonly times: number }>();
  /** Places that are over, whose last vouchers may still come. */
  const left = new Map<string, Place>();
  /** Highest epoch taken per stream; an older award is a late one. */
  const epochs = new Map<string, number>();
  const crews = new Map((options.crews ?? []).map((token) => [toHex(Screen.crewId(token)), token]));
  const tags = options.tags ?? [];
  const gate = openGate(LIVE, clock, (dropped) => on({ type: "dropped-input", ...dropped }));
  let policy = options.availability ?? Availability.ALWAYS;
  let paused = false;
  let facts: Omit<Availability.Facts, "jobs"> = { day: 0, minute: 0 };
  let shown: Availability.State | undefined;
  let done = 0;

  const jobs = () => [...places.values()].reduce((sum, place) => sum + place.jobs.size, 0);
  const slots = () => Math.min(MOST_JOBS, policy.slots);
  const isLive = ({ slackMs }: Offer) => slackMs <= FILE_SLACK_MS;
  const availability = () =>
    Availability.state(
      { ...policy, slots: slots(), paused: policy.paused || paused },
      {
        ...facts,
        jobs: jobs(),
      },
    );
  /** Looks again whether work is taken; whoever hired us hears when it is not any more. */
  const look = () => {
    const before = shown;
    shown = availability();
    if (before?.state !== shown.state || before.why !== shown.why)
      on({ type: "availability", ...shown });
    if (shown.state === "open") return;
    const why = shown.why;
    const told = (peer: PeerId, finishing: boolean) =>
      ask(mesh, peer, PROTOCOLS.bye, Bye.encode({ why, finishing, award: NOTHING }), {
        signal: AbortSignal.any([until, clock.timeout(5_000)]),
      }).catch(() => {}); // it will find out by itself
    if (before === undefined || before.state === "open")
      for (const peer of new Set([...places.values()].map(({ broadcaster }) => broadcaster)))
        void told(peer, true);
    for (const [id, place] of [...places]) {
      if (place.jobs.size > 0 || place.unpaid.size > 0) continue;
      bidding.forget(place.stream);
      leave(id);
      void told(place.broadcaster, false);
    }
  };
  const self = () => ({
    self: mesh.self,
    price,
    capabilities: speeds.capabilities(),
    free: availability().free,
    shut: availability().state !== "open",
    tags,
    crews: [...crews.keys()],
    lists: policy,
    working: [...places.values()].map(({ stream }) => stream),
    restedMs: clock.now() - restingSince,
  });
  const refused = (what: string, error: unknown) =>
    on({ type: "refused", what, why: describe(error) });
  const audits = openAudits({ mesh, on, signal: until });
  const entrusting = openEntrusting({ mesh, purse, clock, signal: until });
  const speeds = openSpeeds({
    capabilities: options.capabilities,
    measure: options.measure,
    clock,
    changed: ({ codec, pixelsPerSecond, hardware }) =>
      on({ type: "measured", codec, pixelsPerSecond, hardware }),
    failed: (error) => refused("measurement", error),
    signal: until,
  });
  const bidding = openBidding({
    mesh,
    keys,
    purse,
    clock,
    gate,
    self,
    shuns: (stream) => (shunned.get(stream)?.until ?? 0) > clock.now(),
    crews,
    doubt(codec) {
      speeds.doubt(codec);
      if (jobs() === 0) speeds.idle();
    },
    on,
    signal: until,
  });
  const leave = (id: string) => {
    const place = places.get(id);
    places.delete(id);
    for (const job of place?.jobs.values() ?? []) job.abort(new Error("the broadcaster left"));
    if (place === undefined) return;
    restingSince = clock.now();
    // What was delivered before is still paid after its look.
    left.set(id, place);
    if (left.size > MOST_LEFT) left.delete(left.keys().next().value as string);
    void mesh.keep(place.broadcaster, false).catch(() => {});
    on({ type: "left", stream: place.stream });
  };

  /** A broadcaster that is away for this long has given us up as we have it. */
  async function letGo(peer: PeerId): Promise<void> {
    const theirs = () => [...places].filter(([, { broadcaster }]) => broadcaster === peer);
    if (theirs().length === 0) return;
    await clock.sleep(GONE_MS, { signal: until });
    if (mesh.neighbours().some((one) => one.peer === peer)) return;
    for (const [id, { stream }] of theirs()) {
      bidding.forget(stream);
      leave(id);
    }
  }

  async function takeAward(head: Uint8Array, peer: PeerId): Promise<Uint8Array | undefined> {
    const no = (why: string, retryMs = 0) => Accept.encode({ ok: false, why, retryMs });
    const award = await openAward(head).catch((error: unknown) => {
      gate.refused("award", peer, error);
      throw error;
    });
    const offer = bidding.offer(award.offer);
    if (offer === undefined) return undefined;
    if (offer.broadcaster !== peer) return no("gone");
    const again = places.get(toHex(award.id));
    if (again !== undefined) return Accept.encode({ ok: true, why: "", retryMs: 0 });
    const stream = toHex(award.stream);
    const decision = Hire.accept(award, {
      ...self(),
      payee: fromHex(purse.payee),
      lane: purse.lane,
      offer,
      epoch: epochs.get(stream) ?? 0,
    });
    if (!decision.ok) {
      const old = award.epoch <= (epochs.get(stream) ?? 0);
      if (decision.reason === "gone")
        gate.dropped("award", peer, old ? "replayed" : "contradictory");
      return no(decision.reason, decision.retryMs);
    }
    const { domain, config } = Wire.toPot(award.pot);
    let potId: Hex;
    try {
      potId = await purse.trust(domain, config, {
        signal: AbortSignal.any([until, clock.timeout(10_000)]),
      });
    } catch (error) {
      refused("award", error);
      return no(`pot: ${describe(error)}`.slice(0, 200));
    }
    epochs.set(stream, award.epoch);
    for (const [id, place] of places) if (place.stream === stream) leave(id); // its epoch is over
    places.set(toHex(award.id), {
      award,
      offer,
      broadcaster: peer,
      stream,
      potId,
      // A new award does not make the old debts forgotten.
      unpaid: [...left.values()].findLast((place) => place.stream === stream)?.unpaid ?? new Map(),
      ahead: new Set(),
      paidAt: clock.now(),
      window: offer.window,
      jobs: new Map(),
      receipts: openReceipts(),
    });
    audits.begin(stream, offer.seedCommit);
    void mesh.keep(peer, true).catch(() => {}); // losing the mark only makes pruning likelier
    on({ type: "hired", stream, role: award.role });
    return Accept.encode({ ok: true, why: "", retryMs: 0 });
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
    const breach = Hire.breach(job, { offer: place.offer, epoch: place.award.epoch });
    if (breach !== undefined) {
      gate.dropped("job", peer, "contradictory");
      throw new Refusal({ code: "JOB_CONFLICT" }, `not what was awarded: ${breach}`);
    }
    if (place.receipts.has(job.seq)) return place; // it was done before
    if (place.receipts.tooOld(job.seq))
      throw new Refusal({ code: "JOB_GONE" }, `segment ${job.seq} was signed too long ago`);
    if (place.jobs.has(job.seq))
      throw new Refusal({ code: "JOB_BUSY" }, `segment ${job.seq} is being encoded already`);
    const holds = [...places.values()].flatMap((one) =>
      [...one.jobs].map(() => ({ file: !isLive(one.offer) })),
    );
    const live = [...places.values()].some((one) => isLive(one.offer));
    if (!Hire.admits({ file: !isLive(place.offer) }, holds, { slots: slots(), live }))
      throw new Refusal(
        { code: "JOB_BUSY" },
        `${jobs()} jobs in hand, at most ${slots()}${live ? ", one for live streams" : ""}`,
      );
    return place;
  }

  /** Leaves a stream whose unpaid window is full, if `Hire.leaves` says so. */
  function quitIfUnpaid({ award, broadcaster, stream, unpaid, paidAt }: Place): void {
    const now = clock.now();
    const times = shunned.get(stream)?.times ?? 0;
    const leaving = Hire.leaves([...unpaid.values()], { unpaidMs: now - paidAt, times });
    if (leaving === undefined) return;
    if (leaving.letGo) unpaid.clear();
    shunned.delete(stream);
    shunned.set(stream, { until: now + leaving.awayMs, times: times + 1 });
    if (shunned.size > MOST_LEFT) shunned.delete(shunned.keys().next().value as string);
    const bye = Bye.encode({ why: "unpaid", finishing: false, award: award.id });
    const limits = AbortSignal.any([until, clock.timeout(5_000)]);
    // After the failure of this job has gone out.
    queueMicrotask(() => {
      bidding.forget(stream);
      ask(mesh, broadcaster, PROTOCOLS.bye, bye, { signal: limits }).catch(() => {}); // it will find out by itself
      leave(toHex(award.id));
    });
  }

  /** What the offer allows to be unpaid, and no more than this payer has earned with us. */
  const window = (place: Place) => Math.min(place.window, purse.window(place.potId));

  /** Whether bytes of a segment may leave now: it then has the room that it needs unpaid. */
  function lend(place: Place, seq: number, done: boolean): boolean {
    const { unpaid, ahead } = place;
    if (unpaid.has(seq)) return true;
    const of = { unpaid: unpaid.size, ahead: [...ahead], window: window(place), done };
    const { ok, instead } = Hire.room(seq, of);
    if (instead !== undefined) ahead.delete(instead);
    if (ok) ahead.add(seq);
    return ok;
  }

  /** Waits until one segment more may be delivered unpaid: the vouchers of those before it are on their way. */
  async function credit(place: Place, seq: number, stop: AbortSignal): Promise<void> {
    const late = clock.timeout(CREDIT_MS);
    const room = () => lend(place, seq, true) || undefined;
    try {
      await bell.until(room, { signal: AbortSignal.any([stop, late]) });
    } catch (error) {
      if (!late.aborted) throw error;
      if (place.ahead.size === 0) quitIfUnpaid(place);
      throw new Refusal(
        { code: "JOB_UNPAID" },
        `${place.unpaid.size} segments delivered and not paid, at most ${window(place)}`,
      );
    }
  }

  async function encode(
    place: Place,
    job: Job,
    init: Uint8Array<ArrayBuffer>,
    { media, received }: Input,
    stop: AbortSignal,
    { progress, made, finish }: Working,
  ): Promise<Uint8Array> {
    const rungs = asRungs(job.rungs);
    const frameRate = Math.min(240, (job.frames * 1e6) / job.durationUs);
    const { stream } = place;
    const request = { init, media, codec: asCodec(job.codec), rungs, frameRate, stream };
    if (!job.open) await received; // no decoder sees what is not what was promised
    const working = transcoder.transcode(request, { signal: stop, progress, made });
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
    const { payload } = await Envelope.open(sealed, "receipt");
    const receipt = await sha256(payload);
    await credit(place, job.seq, stop);
    audits.signed(place.stream, { seq: job.seq, receipt, ppm: job.checkPpm });
    place.ahead.delete(job.seq);
    place.unpaid.set(job.seq, "owed");
    const owed = Price.ofSegment(place.award.price, rungs, frames);
    await purse.accrue(place.potId, owed); // stored before the result, which extends credit, is sent
    place.receipts.put(job.seq, { source: mediaHash, sealed });
    finish(result.renditions);
    return sealed;
  }

  async function* serveJob(
    request: Message,
    { peer, signal: gone, following }: Asker,
  ): AsyncIterable<Message> {
    const part = (reply: JobReply, body = NOTHING) => ({ head: JobReply.encode(reply), body });
    const startedAt = clock.now();
    let stream = "";
    let seq = -1;
    const told = (state: "started" | "done" | "failed", why?: string) =>
      on({
        type: "job",
        stream,
        seq,
        state,
        ms: Math.round(clock.now() - startedAt),
        ...(why !== undefined && { why }),
      });
    const stop = new AbortController();
    let place: Place | undefined;
    let frames = 0;
    let planned = 0;
    try {
      const job = Job.decode(request.head);
      seq = job.seq;
      planned = job.frames;
      const body = request.body as Uint8Array<ArrayBuffer>;
      place = admit(job, body, peer);
      stream = place.stream;
      const all = AbortSignal.any([until, gone, stop.signal]);
      const input = openInput(job, body, following, { clock, signal: all });
      if (place.receipts.has(seq)) {
        const { mediaHash } = await input.received;
        const stored = place.receipts.of(seq, mediaHash);
        if (stored !== undefined) return yield part({ receipt: stored });
      }
      place.jobs.set(seq, stop);
      told("started");
      const init = body.slice(0, job.initLen);
      await checkHash(init, job.initHash);
      const outgoing = openOutgoing(job.rungs.length);
      let outcome: { sealed: Uint8Array } | { error: unknown } | undefined;
      let sentAt = clock.now();
      let wake = () => {};
      const finished = encode(place, job, init, input, all, {
        progress: (count) => {
          frames = count;
        },
        made: (one) => {
          outgoing.add(one);
          // Not left to the timer alone: in a hidden tab it comes once a second.
          if (clock.now() - sentAt >= HEARTBEAT_MS) wake();
        },
        finish: outgoing.finish,
      }).then(
        (sealed) => {
          outcome = { sealed };
        },
        (error: unknown) => {
          outcome = { error };
        },
      );
      // What was made leaves while more is being made; what is left of it just before the receipt.
      for (;;) {
        if (outcome !== undefined && "error" in outcome) throw outcome.error;
        const { pieces, body: bytes } = (lend(place, seq, false) && outgoing.next()) || EMPTY;
        if (outcome !== undefined && pieces.length === 0) break;
        yield part({ progress: { frames, queueMs: 0, pieces } }, bytes);
        sentAt = clock.now();
        if (outcome !== undefined || bytes.byteLength >= MAX_PART) continue;
        const beat = new AbortController();
        wake = () => beat.abort();
        void finished.finally(wake);
        await clock.sleep(HEARTBEAT_MS, { signal: beat.signal }).catch(() => {});
      }
      done++;
      told("done");
      yield part({ receipt: outcome.sealed.slice() });
    } catch (error) {
      const why = describe(error);
      told("failed", why);
      if (gone.aborted) return;
      gate.refused("job", peer, error);
      const code = error instanceof CodedError ? error.code : "JOB_FAILED";
      yield part({ failure: { code: code.slice(0, 64), message: why.slice(0, 200) } });
    } finally {
      const calledBack = stop.signal.aborted || gone.aborted;
      stop.abort();
      if (place?.jobs.get(seq) === stop) {
        place.jobs.delete(seq);
        if (place.ahead.delete(seq) && calledBack && Hire.lent({ frames, planned }))
          place.unpaid.set(seq, "cancelled");
        bell.wake();
      }
      if (jobs() === 0) speeds.idle();
      look();
    }
  }

  async function takeVerdict(head: Uint8Array, peer: PeerId): Promise<Uint8Array> {
    const verdict = Verdict.decode(head);
    const place = places.get(toHex(verdict.award)) ?? left.get(toHex(verdict.award));
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
        const { credited } = await purse.accept(Wire.toVoucher(verdict.voucher, purse.payee));
        place.unpaid.delete(verdict.seq);
        // A copy that lost its race stays unpaid; a broadcaster that goes on paying did not order it to cheat us.
        for (const [seq, state] of place.unpaid)
          if (state === "cancelled") place.unpaid.delete(seq);
        bell.wake();
        place.paidAt = clock.now();
        shunned.delete(stream);
        entrusting.rose(potId, place.award.pot, place.broadcaster);
        on({ type: "paid", stream, seq: verdict.seq, credited, total: purse.balances().vouchered });
        return "";
      } catch (error) {
        // Kept, and counted as paid once it is guaranteed or claimed.
        const kept = error instanceof VoucherError && error.code === "VOUCHER_UNGUARANTEED";
        if (kept) place.unpaid.set(verdict.seq, "held");
        refused("voucher", error);
        if (kept) return UNGUARANTEED;
        return describe(error).slice(0, 200);
      }
    };
    const complaint = await why();
    look();
    const highest = purse.highest(potId);
    return VerdictReply.encode({
      ok: complaint === "",
      why: complaint,
      ...(highest !== undefined && { held: Wire.fromVoucher(highest) }),
    });
  }

  purse.watch(
    (news) => {
      on({ type: "money", news });
      if (news.type !== "credited") return;
      for (const { potId, unpaid } of places.values())
        for (const [seq, state] of potId === news.potId ? unpaid : [])
          if (state === "held") unpaid.delete(seq);
      bell.wake();
    },
    { signal: until },
  );
  serveHeld(mesh, held, until);
  if (options.tower !== undefined) serveTower(mesh, options.tower, { gate, clock, signal: until });
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
      if (event.type === "disconnected") letGo(event.peer).catch(() => {}); // only `until` rejects
    },
    { signal: until },
  );

  return {
    pause() {
      paused = true;
      look();
    },
    resume() {
      paused = false;
      look();
    },
    set(next) {
      policy = next;
      look();
    },
    sense(next) {
      facts = next;
      look();
    },
    state: () => ({
      availability: availability(),
      drops: gate.drops(),
      paused,
      jobs: jobs(),
      done,
      streams: places.size,
      heldBytes: held.size(),
    }),
    handOver: () => entrusting.now(),
    async close() {
      if (own.signal.aborted) return;
      const everybody = new Set([...places.values()].map(({ broadcaster }) => broadcaster));
      const bye = Bye.encode({ why: "closing", finishing: false, award: NOTHING });
      const heard = [...everybody].map((peer) =>
        ask(mesh, peer, PROTOCOLS.bye, bye, { signal: clock.timeout(1_000) }),
      );
      const given = entrusting.now(clock.timeout(1_000));
      for (const id of [...places.keys()]) leave(id);
      await Promise.allSettled([...heard, given]);
      await entrusting.now(clock.timeout(1_000)); // what was paid since
      own.abort();
    },
  };
}
