import { memory } from "@tabcast/channel";
import { FAST, LIVE, Price, Screen } from "@tabcast/market";
import { createTranscoder, createVerifier, inspect } from "@tabcast/media";
import { Keys, type Signer } from "@tabcast/protocol";
import {
  CodedError,
  describe,
  Micros,
  secureRandom,
  systemClock,
  toHex,
  Wei,
} from "@tabcast/runtime";
import { serveHeld } from "../exchange.ts";
import { openGate } from "../gate.ts";
import { openHeld } from "../held.ts";
import { openBell, openLine } from "../queue.ts";
import type { Broadcast, BroadcastOptions, BroadcastReport, SegmentLine } from "../types.ts";
import { requireAnnounceable } from "./announceable.ts";
import { openAsking } from "./asking.ts";
import { openChecks } from "./checks.ts";
import { type Captured, capture, type Segment } from "./delivery.ts";
import { type Dispatch, type Outcome, openDispatch } from "./dispatch.ts";
import { openEntries } from "./entries.ts";
import { type Hiring, openHiring } from "./hiring.ts";
import { openMeter } from "./meter.ts";
import { openPaying } from "./paying.ts";
import { openPublisher } from "./publisher.ts";
import { openRecords } from "./records.ts";
import { linesOf, trafficOf } from "./report.ts";
import { reveal } from "./reveal.ts";
import { openSpots } from "./spot.ts";

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

/**
 * Goes live with a source. Resolves as soon as the stream has its key; what happens then is told through `on` and `finished`.
 * Throws BROADCAST_REFUSED for a stream that cannot be announced, before anything is paid for.
 * After `finished` the stream goes on serving what it holds until `signal` fires.
 */
export async function broadcast(options: BroadcastOptions): Promise<Broadcast> {
  requireAnnounceable(planOf(options));
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

/** What was asked for, with what holds where nothing was said. */
function planOf(options: BroadcastOptions) {
  const { source, rungs, pace } = options;
  const segmentMs = (options.segment ?? Micros.fromSeconds(2)) / 1_000;
  const slackMs = Math.max(2 * segmentMs, 4_000);
  const maxPrice = options.maxPrice ?? DEFAULT_MAX_PRICE;
  const wanted = rungs.length === 0 ? 0 : (options.wanted ?? (pace === "live" ? 2 : MOST_WORKERS));
  return { ...options, info: source.info, segmentMs, slackMs, maxPrice, wanted };
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
  const { segmentMs, slackMs, maxPrice, wanted } = planOf(options);
  on({ type: "source", info, rungs, codec });
  /** Of a segment as it is planned. */
  const plannedFrames = Math.max(1, info.frameRate * (segmentMs / 1_000));
  const asking = openAsking({
    rungs,
    frameRate: info.frameRate,
    frames: plannedFrames,
    config,
    clock,
    say: (message) => on({ type: "warning", message }),
  });

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
      verifyPayee: options.verifyPayee,
      gate,
      metered: meter.mesh,
      need: {
        wanted,
        maxPrice,
        pixels: Number(Price.pixels(rungs, 1)) * plannedFrames,
        least: Math.min(...rungs.map((rung) => Number(Price.pixels([rung], 1)))) * plannedFrames,
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
        if (hiring !== undefined && pace === "live") asking.advise(hiring);
      },
      gone: (worker) => dispatch?.lost(worker),
      signal: working,
    });

  const spots = openSpots({
    mesh: meter.mesh,
    seed: checks.seed,
    member: (worker) => hiring?.member(worker),
    newcomer: records.newcomer,
    unserved: (worker) => {
      records.tell({ worker }, { type: "silent" });
      hiring?.tell({ type: "lost", worker, fault: "unserved", now: clock.now() });
    },
    config,
    clock,
    signal: working,
  });
  const lines: SegmentLine[] = [];
  const paying = openPaying({ mesh: meter.mesh, pot, clock, warn, signal });
  const outbox = new Map<number, { outcome: Outcome; paid: Promise<Wei> }>();
  const publishing = openLine();
  const entries = openEntries({
    mesh,
    held,
    publisher,
    rungs,
    aac: options.aac ?? false,
    failed: warn("AAC could not be made"),
    signal,
    ended: working,
  });
  let published = 0;
  // Apart from publishing: viewers and workers do not wait for a disk.
  const recording = openLine();
  let recorded = 0;
  let failure: unknown;

  async function publish(outcome: Outcome, paid: Promise<Wei>): Promise<void> {
    const { whole, gaps } = await entries.add(outcome);
    spots.published(outcome);
    void recording
      .run(async () => {
        // Nor does anybody wait for a look at the pictures, which payment waits for.
        const mine = linesOf(outcome, await paid, rungs, liveAt);
        lines.push(...mine);
        on({ type: "segment", seq: whole.seq, lines: mine, gaps });
        await options.record?.(whole);
      })
      .catch(fail)
      .finally(() => {
        recorded++;
        bell.wake();
      });
  }

  function fail(error: unknown): void {
    failure ??= error;
    source.stop();
  }

  function done(outcome: Outcome): void {
    // Paid at once, published in order: a worker does not wait for somebody else's segment.
    outbox.set(outcome.segment.seq, { outcome, paid: paying.pay(outcome) });
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
    stream: keys.publicKey,
    checks,
    records,
    gate,
    hiring,
    rungs,
    asked: asking.rungs,
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
    refused: paying.refuse,
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
      if (hiring !== undefined && pace === "live") asking.adapt(hiring);
      jobs.tick();
      bell.wake();
    }
  })().catch(() => {}); // the signal ended it
  hiring?.tick();

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
  await reveal(checks, { mesh: meter.mesh, keys, clock, signal });
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
    work: { ...jobs.counts(), checks: checks.counts(), spots: spots.counts() },
    checks: { seed: toHex(checks.seed), commitment: toHex(checks.commitment) },
    drops: gate.drops(),
    trace: jobs.traces(),
    workers: paying.earned(),
  };
}

/** What an offer names as slack where nothing is ever late, in milliseconds. */
const FAST_SLACK_MS = 60_000;

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
