import { type Address, type Hex, memory, type PayerPot, Wire } from "@tabcast/channel";
import { Admission, Crew, FAST, LIVE, Price, Screen } from "@tabcast/market";
import {
  createAacTwin,
  createTranscoder,
  createVerifier,
  type Fragment,
  inspect,
} from "@tabcast/media";
import type { PeerId } from "@tabcast/mesh";
import {
  type Entry,
  Keys,
  type Loose,
  MAX_REVEAL_CHECKS,
  PROTOCOLS,
  type Signer,
  sealReveal,
  Verdict,
  VerdictReply,
} from "@tabcast/protocol";
import {
  CodedError,
  describe,
  Micros,
  secureRandom,
  systemClock,
  toHex,
  Wei,
} from "@tabcast/runtime";
import { openChecks } from "./checks.ts";
import { type Captured, capture, hashes, type JobTerms, type Segment } from "./delivery.ts";
import { type Dispatch, type Outcome, openDispatch } from "./dispatch.ts";
import { ask, serveHeld } from "./exchange.ts";
import { openGate } from "./gate.ts";
import { openHeld } from "./held.ts";
import { type Hiring, openHiring } from "./hiring.ts";
import { openMeter } from "./meter.ts";
import { openPublisher } from "./publisher.ts";
import { openBell, openLine } from "./queue.ts";
import { openRecords } from "./records.ts";
import type { Broadcast, BroadcastOptions, BroadcastReport, SegmentLine } from "./types.ts";
import { UNGUARANTEED } from "./wire.ts";

/** Highest price paid where none is given: 1 gwei per output megapixel. */
const DEFAULT_MAX_PRICE = Wei.of(1_000_000_000);
/** A file is split over as many workers as an offer can ask for. */
const MOST_WORKERS = 8;
/** How often waiting is looked at, in milliseconds. */
const TICK_MS = 100;
const LEAST_TICK_MS = 10;
/** Segments under way in fast mode beyond what the crew has in hand. */
const AHEAD = 1;
/** Segments under way in a live stream, and segments published but not yet recorded in any, before the source waits. */
const MOST_AHEAD = 8;
/** Segments a worker may deliver unpaid. Source: facts of payments, section 7. */
const WINDOW = 2;
/** Times a verdict with its voucher is sent before the worker is left to ask for it at the chain. */
const VERDICT_TRIES = 3;

/**
 * Goes live with a source. Resolves as soon as the stream has its key; what happens then is told through `on` and `finished`.
 * After `finished` the stream goes on serving what it holds until `signal` fires.
 */
export async function broadcast(options: BroadcastOptions): Promise<Broadcast> {
  const keys = options.keys ?? (await Keys.generate());
  const stopping = new AbortController();
  let traces: Broadcast["traces"] = () => [];
  const finished = run(options, keys, stopping.signal, (dispatch) => {
    traces = () => dispatch.traces();
  });
  finished.catch(() => {}); // the owner may look at it later
  return {
    stream: toHex(keys.publicKey),
    stop: () => stopping.abort(),
    finished,
    traces: () => traces(),
  };
}

async function run(
  options: BroadcastOptions,
  keys: Signer,
  stopping: AbortSignal,
  started: (dispatch: Dispatch) => void,
): Promise<BroadcastReport> {
  const { source, rungs, codec, on, pace, signal } = options;
  const meter = openMeter(options.mesh);
  const { mesh } = options;
  const { info } = source;
  const { clock = systemClock, random = secureRandom } = options;
  const config = options.config ?? (pace === "live" ? LIVE : FAST);
  const segmentMs = (options.segment ?? Micros.fromSeconds(2)) / 1_000;
  const slackMs = Math.max(2 * segmentMs, 4_000);
  const maxPrice = options.maxPrice ?? DEFAULT_MAX_PRICE;
  const wanted = rungs.length === 0 ? 0 : (options.wanted ?? (pace === "live" ? 2 : MOST_WORKERS));
  on({ type: "source", info, rungs, codec });
  /** Of a segment as it is planned. */
  const plannedFrames = Math.max(1, info.frameRate * (segmentMs / 1_000));
  /** What workers are asked for. */
  let asked = rungs;

  const work = new AbortController(); // hiring and jobs; serving goes on until `signal`
  const working = AbortSignal.any([signal, work.signal]);
  const stopSource = () => source.stop();
  stopping.addEventListener("abort", stopSource, { once: true, signal });
  const pot = wanted > 0 ? await options.openPot?.({ signal }) : undefined;
  if (pot !== undefined)
    on({ type: "funded", potId: pot.potId, deposited: pot.balances().deposited, gas: pot.openGas });
  pot?.watch((news) => on({ type: "money", news }), { signal });
  const liveAt = clock.now();
  if (wanted === 0 && rungs.length > 0)
    on({
      type: "warning",
      message: "no workers are wanted: this tab encodes the whole ladder alone",
    });

  const held = openHeld();
  const bell = openBell();
  const warn = (what: string) => (error: unknown) => {
    if (!signal.aborted) on({ type: "warning", message: `${what}: ${describe(error)}` });
  };
  serveHeld(mesh, held, signal);
  const gate = openGate(config, clock, (dropped) => on({ type: "dropped-input", ...dropped }));
  const records = await openRecords({
    store: options.records ?? memory(),
    codec,
    config,
    clock,
    failed: warn("a worker's record was not kept"),
  });
  const checks = openChecks({
    every: pace === "live" ? segmentMs : undefined,
    rungs,
    codec,
    verifier: options.verifier ?? createVerifier,
    transcoder: options.transcoder ?? createTranscoder,
    config,
    clock,
    random,
    failed: warn("a check was not made"),
    signal,
  });
  const policy: Screen.Policy = { ...Screen.open, ...options.workers };
  const publisher = openPublisher({
    mesh,
    keys,
    facts: {
      title: options.title,
      codec,
      segmentMs,
      rungs,
      source: { name: "source", width: info.width, height: info.height, bitrate: info.bitrate },
      audio: info.audioCodec !== undefined,
      startedMs: Math.round(clock.unix()),
    },
    failed: warn("gossip could not be sent"),
    clock,
    signal,
  });

  let dispatch: Dispatch | undefined;
  let hiring: Hiring | undefined;
  if (pot !== undefined)
    hiring = openHiring({
      mesh,
      keys,
      pot,
      config,
      clock,
      random,
      policy,
      records,
      gate,
      metered: meter.mesh,
      need: {
        wanted,
        maxPrice,
        pixels: Number(Price.pixels(rungs, 1)) * plannedFrames,
        bytes: (info.bitrate / 8) * (segmentMs / 1_000),
        segmentMs,
        slackMs: pace === "live" ? slackMs : FAST_SLACK_MS,
      },
      facts: {
        sourceCodec: info.codec,
        width: info.width,
        height: info.height,
        fpsMilli: Math.round(info.frameRate * 1_000),
        sourceBitrate: info.bitrate,
        codec,
        rungs,
        segmentMs,
        window: WINDOW,
        seedCommit: checks.commitment,
        need: policy.need,
        crew: policy.token === undefined ? new Uint8Array(0) : Screen.crewId(policy.token),
      },
      on,
      changed: () => {
        dispatch?.tick();
        advise();
      },
      gone: (worker) => dispatch?.lost(worker),
      signal: working,
    });

  const lines: SegmentLine[] = [];
  const earned = new Map<PeerId, { payee: Hex; segments: number; wei: bigint }>();
  const outbox = new Map<number, { outcome: Outcome; paid: Promise<Wei> }>();
  const publishing = openLine();
  const twin = options.aac ? createAacTwin() : undefined;
  working.addEventListener("abort", () => twin?.close(), { once: true });
  let published = 0;
  // Apart from publishing: viewers and workers do not wait for a disk.
  const recording = openLine();
  let recorded = 0;
  let failure: unknown;

  /** Owes, signs and hands over; the amount that is now vouched for, in wei. */
  async function pay({ by, segment, pay: due }: Outcome): Promise<Wei> {
    if (due === undefined || pot === undefined || by === undefined) return Wei.zero;
    const { terms, amount } = due;
    if (!(await due.cleared)) return Wei.zero;
    const { payee, lane } = terms;
    let voucher: Awaited<ReturnType<PayerPot["pay"]>>;
    try {
      voucher = await pot.pay({ payee, lane }, amount);
    } catch (error) {
      warn(`segment ${segment.seq} of ${by} could not be paid`)(error);
      return Wei.zero;
    }
    const before = earned.get(by) ?? { payee, segments: 0, wei: 0n };
    earned.set(by, { payee, segments: before.segments + 1, wei: before.wei + amount });
    const { award, epoch } = terms;
    const wire = Wire.fromVoucher(voucher);
    const { seq } = segment;
    void verdict(terms, { award, epoch, seq, ok: true, failed: [], voucher: wire });
    return amount;
  }

  /** A worker did not take a voucher: it may hold a higher one of ours, or want a guarantee first. */
  async function resync(why: string, payee: Address, theirs: VerdictReply["held"]): Promise<void> {
    if (pot === undefined || theirs === undefined) return;
    try {
      const voucher = await pot.adopt(Wire.toVoucher(theirs, payee)); // only our own key's word counts
      if (why === UNGUARANTEED) await pot.ask(voucher);
    } catch (error) {
      warn("a worker's voucher is not ours")(error);
    }
  }

  /** A lost verdict costs a worker nothing: its voucher is stored here, and settling pays every lane. */
  async function verdict(
    { worker, payee }: Pick<JobTerms, "worker" | "payee">,
    message: Loose<Verdict>,
  ): Promise<void> {
    const head = Verdict.encode(message);
    for (let attempt = 1; attempt <= VERDICT_TRIES; attempt++) {
      try {
        const wait = AbortSignal.any([signal, clock.timeout(10_000)]);
        const reply = await ask(meter.mesh, worker, PROTOCOLS.verdict, head, { signal: wait });
        const { ok, why, held: theirs } = VerdictReply.decode(reply.head);
        if (!ok) await resync(why, payee, theirs);
        if (!ok) warn(`${worker} did not take the voucher for segment ${message.seq}`)(why);
        return;
      } catch (error) {
        const left = error instanceof CodedError && error.code === "MESH_UNREACHABLE";
        if (signal.aborted || left || attempt === VERDICT_TRIES) return;
      }
    }
  }

  /** The tracks of a segment's sound. A twin that cannot be made is missed by few, so the stream goes on without it. */
  async function soundsOf(audio: Fragment | undefined): Promise<(Fragment & { name: string })[]> {
    if (audio === undefined) return [];
    const own = { ...audio, name: "audio" };
    if (twin === undefined || audio.codecs !== "opus") return [own];
    const made = await twin.add(audio, { signal }).catch(warn("AAC could not be made"));
    return made ? [own, { ...made, name: "audio-aac" }] : [own];
  }

  async function publish(outcome: Outcome, paid: Promise<Wei>): Promise<void> {
    const { segment, by, renditions } = outcome;
    const { seq, start, duration, capturedAt, video } = segment;
    const audio = await segment.audio;
    const remote = by !== undefined && by !== "local";
    const both = remote ? [1, 0] : [0];
    const tracks: Loose<Entry>["tracks"][number][] = [];
    const add = (name: string, fragment: Hashed, holders: number[]) => {
      const { init, media, codecs, frames, initHash, mediaHash } = fragment;
      held.put(toHex(initHash), init);
      held.put(toHex(mediaHash), media);
      const sizes = { initLen: init.byteLength, mediaLen: media.byteLength };
      tracks.push({ name, codecs, initHash, mediaHash, ...sizes, frames, holders, gap: false });
    };
    for (const rung of rungs) {
      const rendition = renditions.find((one) => one.rung === rung.name);
      if (rendition !== undefined) add(rung.name, rendition, both);
      else tracks.push(gapOf(rung.name));
    }
    const { initHash, mediaHash } = segment;
    add("source", { ...video, initHash, mediaHash }, both);
    const sounds = await soundsOf(audio);
    for (const { name, ...sound } of sounds) add(name, { ...sound, ...(await hashes(sound)) }, [0]);
    const here = { peer: mesh.self, addrs: mesh.addrs().slice(0, 2) };
    const there = remote ? [{ peer: by, addrs: outcome.addrs }] : [];
    await publisher.publish({
      seq,
      startUs: start,
      durationUs: duration,
      capturedMs: Math.round(capturedAt),
      holders: [here, ...there],
      tracks,
    });
    const gaps = tracks.filter(({ gap }) => gap).map(({ name }) => name);
    const all = [
      ...renditions.map((rendition) => ({ ...rendition, name: rendition.rung })),
      { ...video, name: "source" },
      ...sounds,
    ];
    void recording
      .run(async () => {
        // Neither do they wait for a look at the pictures, which payment waits for.
        const mine = linesOf(outcome, await paid, rungs, liveAt);
        lines.push(...mine);
        on({ type: "segment", seq, lines: mine, gaps });
        await options.record?.({ seq, start, duration, capturedAt, tracks: all });
      })
      .catch(fail)
      .finally(() => {
        recorded++;
        bell.wake();
      });
  }

  /** Shows every worker the seed, and which of its segments it chose: now nobody can use it any more. */
  async function reveal(): Promise<void> {
    const told = [...checks.drawn()].map(async ([worker, all]) => {
      for (let from = 0; from < all.length; from += MAX_REVEAL_CHECKS) {
        const page = all.slice(from, from + MAX_REVEAL_CHECKS);
        const { seed } = checks;
        const head = await sealReveal(keys, { stream: keys.publicKey, seed, worker, checks: page });
        const wait = AbortSignal.any([signal, clock.timeout(2_000)]);
        await ask(meter.mesh, worker, PROTOCOLS.reveal, head, { signal: wait });
      }
    });
    await Promise.allSettled(told); // a worker that left can ask nobody, and knows it
  }

  function fail(error: unknown): void {
    failure ??= error;
    source.stop();
  }

  function done(outcome: Outcome): void {
    // Paid at once, published in order: a worker does not wait for somebody else's segment.
    outbox.set(outcome.segment.seq, { outcome, paid: pay(outcome) });
    void publishing.run(async () => {
      for (;;) {
        const next = outbox.get(published);
        if (next === undefined) return;
        outbox.delete(published);
        try {
          await publish(next.outcome, next.paid);
        } catch (error) {
          fail(error);
          recorded++; // it never reached the recorder
        }
        published++;
        bell.wake();
      }
    });
  }

  dispatch = openDispatch({
    mesh: meter.mesh,
    checks,
    records,
    gate,
    hiring,
    rungs,
    asked: () => asked,
    codec,
    transcoder: options.transcoder ?? createTranscoder,
    inspect: options.inspect ?? inspect,
    config,
    clock,
    affordable: (amount) => pot !== undefined && pot.balances().free >= amount,
    slackMs: pace === "live" ? slackMs : undefined,
    segmentMs,
    on,
    done,
    refused: (terms, seq, failed) => {
      const { award, epoch } = terms;
      void verdict(terms, { award, epoch, seq, ok: false, failed });
    },
    signal: working,
  });
  const jobs = dispatch;
  started(jobs);
  const ticking = (async () => {
    for (;;) {
      // Sooner where a segment cannot wait so long: a worker's silence is noticed at once.
      const due = (jobs.wakeAt() ?? Number.POSITIVE_INFINITY) - clock.now();
      await clock.sleep(Math.min(TICK_MS, Math.max(LEAST_TICK_MS, due)), { signal: working });
      hiring?.tick();
      adapt();
      jobs.tick();
      bell.wake();
    }
  })().catch(() => {}); // the signal ended it
  hiring?.tick();

  let advised = "";
  /** Asks workers for the rungs that they make in time, and says so. */
  function adapt(): void {
    if (pace !== "live" || hiring === undefined) return;
    const { slow, members, offer } = hiring.crew();
    // A bid has to dial first: somebody quicker may be on the way.
    const early = offer === undefined || clock.now() - offer.since < config.patience.laterMs;
    const hired = members.size > 0 || early;
    const next = Admission.ask(rungs, asked, plannedFrames, {
      hired,
      slow,
      reach: Crew.reach(hiring.crew(), config),
    });
    if (next === asked) return;
    const names = next.map(({ name }) => name).join(", ");
    const message =
      next.length > asked.length
        ? `workers are quick enough for more now, and are asked for ${names}`
        : `the workers that came are too slow for the whole ladder: they are asked for ${names}`;
    asked = next;
    on({ type: "warning", message });
    const pixels = Number(Price.pixels(next, 1)) * plannedFrames;
    hiring.tell({ type: "asked", pixels, now: clock.now() });
  }

  /** Says so when the crew cannot carry the ladder, once for each size of crew. */
  function advise(): void {
    if (pace !== "live" || hiring === undefined) return;
    const speeds = hiring.hands().map(({ pixelsPerS }) => pixelsPerS);
    if (speeds.length === 0) return;
    const { fits, message } = Admission.plan(asked, { speeds, frameRate: info.frameRate });
    const key = `${speeds.length} ${fits.join()}`;
    if (message !== undefined && key !== advised) on({ type: "warning", message });
    advised = key;
  }

  on({ type: "live", stream: toHex(keys.publicKey) });
  let opened = 0;
  /** Whole segments from the first one on: what is published in the end. */
  let captured = 0;
  let mediaUs = 0;
  let counting: Promise<void> = Promise.resolve();
  const count = async (segment: Segment) => {
    const { seq, video, duration, audio } = await segment.closed;
    meter.captured(video.init.byteLength + video.media.byteLength);
    on({ type: "captured", seq, bytes: video.media.byteLength, frames: video.frames });
    await audio;
    captured = seq + 1;
    mediaUs += duration;
  };
  try {
    for await (const opening of source.openings({ signal })) {
      const segment = await capture(opening, {
        clock,
        inspect: options.inspect ?? inspect,
        signal,
      });
      opened = opening.seq + 1;
      counting = counting.then(() => count(segment));
      counting.catch((error: unknown) => {
        // Closed by its owner: the stream ends with what is whole.
        if (!(error instanceof CodedError && error.code === "MEDIA_CLOSED")) fail(error);
      });
      if (opening.complete) await segment.closed;
      if (rungs.length > 0) jobs.add(segment);
      else
        void segment.closed.then(
          (whole) => done(sourceOnly(whole, clock.now())),
          () => {},
        );
      // A source that is live is bounded by its deadlines; one that is not waits for the crew. Both wait for the recorder.
      const room = () =>
        pace === "live" ? MOST_AHEAD : config.perWorker * (hiring?.hands().length ?? 0) + AHEAD;
      await bell.until(
        () => (opened - published <= room() && published - recorded <= MOST_AHEAD) || undefined,
        { signal },
      );
    }
  } catch (error) {
    if (signal.aborted) throw error;
    failure ??= error; // what was captured is still delivered and paid
  }
  jobs.ending();
  await counting.catch(() => {});
  await bell.until(() => published >= captured || undefined, { signal });
  const wallMs = Math.round(clock.now() - liveAt);
  await bell.until(() => recorded === published || undefined, { signal });
  await publisher.end();
  await reveal();
  hiring?.tell({ type: "ended", now: clock.now() });
  work.abort();
  await ticking;
  on({ type: "ended", segments: captured });

  const settlement = await pot?.settle({
    signal,
    progress: (progress) => on({ type: "settling", progress }),
  });
  if (settlement !== undefined) on({ type: "settled", settlement });
  await pot?.close();
  if (failure !== undefined) throw failure;
  return {
    stream: toHex(keys.publicKey),
    segments: lines,
    captured,
    ...(settlement !== undefined && { settlement }),
    wallMs,
    mediaSeconds: mediaUs / 1e6,
    traffic: trafficOf(meter.read()),
    work: { ...jobs.counts(), checks: checks.counts() },
    checks: { seed: toHex(checks.seed), commitment: toHex(checks.commitment) },
    drops: gate.drops(),
    trace: jobs.traces(),
    workers: [...earned].map(([peer, { payee, segments, wei }]) => ({
      peer,
      payee,
      segments,
      earnedWei: wei.toString(),
    })),
  };
}

/** A fragment that was hashed when it came here, or was made here. */
type Hashed = Fragment & Awaited<ReturnType<typeof hashes>>;

const ratio = (part: number, whole: number) => (whole === 0 ? 0 : part / whole);

const trafficOf = (traffic: ReturnType<ReturnType<typeof openMeter>["read"]>) => ({
  ...traffic,
  sentPerCaptured: ratio(traffic.sent, traffic.captured),
  controlPerMedia: ratio(traffic.control, traffic.sent + traffic.pulled),
});

/** What an offer names as slack where nothing is ever late, in milliseconds. */
const FAST_SLACK_MS = 60_000;

const gapOf = (name: string) => ({
  name,
  codecs: "",
  initHash: new Uint8Array(0),
  mediaHash: new Uint8Array(0),
  initLen: 0,
  mediaLen: 0,
  frames: 0,
  holders: [],
  gap: true,
});

/** A stream without a ladder: nothing to encode. */
const sourceOnly = (segment: Captured, now: number): Outcome => ({
  segment,
  by: "local",
  addrs: [],
  renditions: [],
  encodeMs: 0,
  sentAt: now,
  verifiedAt: now,
  attempts: 0,
  hedged: false,
});

/** The report's lines of one segment; their payments add up to `paid` exactly. */
function linesOf(
  outcome: Outcome,
  paid: Wei,
  rungs: BroadcastOptions["rungs"],
  liveAt: number,
): SegmentLine[] {
  const { segment, by, renditions, pay } = outcome;
  const made = pay?.terms.rungs ?? [];
  const upTo = (count: number) =>
    pay === undefined || paid === 0n
      ? 0n
      : Price.ofSegment(pay.terms.price, made.slice(0, count), segment.video.frames);
  return rungs.map(({ name }) => {
    const rendition = renditions.find((one) => one.rung === name);
    const i = made.findIndex((one) => one.name === name);
    return {
      seq: segment.seq,
      rung: name,
      ...(by !== undefined && { worker: by }),
      bytes: rendition?.media.byteLength ?? 0,
      sha256: rendition === undefined ? "" : toHex(rendition.mediaHash),
      frames: rendition?.frames ?? 0,
      sentMs: Math.round(outcome.sentAt - liveAt),
      roundTripMs: Math.round(outcome.verifiedAt - Math.max(outcome.sentAt, segment.closedAt)),
      encodeMs: outcome.encodeMs,
      attempts: outcome.attempts,
      hedged: outcome.hedged,
      asked: pay === undefined || i >= 0,
      verified: rendition !== undefined,
      paidWei: i < 0 ? "0" : (upTo(i + 1) - upTo(i)).toString(),
    };
  });
}
