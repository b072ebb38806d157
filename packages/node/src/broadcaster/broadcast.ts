import { memory, type PayerPot } from "@tabcast/channel";
import { Complaints, Screen } from "@tabcast/market";
import { createTranscoder, createVerifier, inspect } from "@tabcast/media";
import {
  type CrewKeys,
  crewKeys,
  Keys,
  keyText,
  type Signer,
  STREAM_KEY_BYTES,
} from "@tabcast/protocol";
import { Amount, describe, Micros, secureRandom, toHex } from "@tabcast/runtime";
import { type BlobStore, openBlobStore } from "../blob-store.ts";
import { contextOf } from "../context.ts";
import { serveBlobs } from "../exchange.ts";
import { type Condition, openCondition } from "../queue.ts";
import { openRateLimiter, type RateLimiter } from "../rate-limiter.ts";
import { requireAnnounceable } from "./announceable.ts";
import { type AvailabilityChecks, openAvailabilityChecks } from "./availability-checks.ts";
import { openCapturing } from "./capturing.ts";
import { type Checks, openChecks } from "./checks.ts";
import { serveComplaints } from "./complaints.ts";
import type { StreamContext } from "./context.ts";
import { type Dispatch, openDispatch } from "./dispatch.ts";
import { type Entries, openEntries } from "./entries.ts";
import { needOf, offerFacts, plannedFrames, streamFacts } from "./facts.ts";
import { type Hiring, openHiring } from "./hiring.ts";
import { type Meter, openMeter } from "./meter.ts";
import { sourceOnly } from "./outcome.ts";
import { paceOf } from "./pace.ts";
import { openPaying, type Paying } from "./paying.ts";
import { openPublisher, type Publisher } from "./publisher.ts";
import { openPublishing, type Publishing } from "./publishing.ts";
import { openRecords, type Records } from "./records.ts";
import { trafficOf } from "./report.ts";
import { reveal } from "./reveal.ts";
import { openPassing } from "./sounds.ts";
import { type Asking, openAsking } from "./transcode/asking.ts";
import type { Broadcast, BroadcastOptions, BroadcastReport } from "./types.ts";
import { openVisitor } from "./visitor.ts";

/** Highest price paid where none is given: a millionth of the chain's coin per output gigapixel. */
const DEFAULT_MAX_PRICE = Amount.of(1_000_000_000_000);
/** How often waiting is looked at, in milliseconds. */
const TICK_MS = 100;
const LEAST_TICK_MS = 10;
/** Segments published but not yet recorded, before the source waits. */
const MOST_UNRECORDED = 8;

/**
 * Goes live with a source. Resolves as soon as the stream has its key; what happens then is told through `on` and `finished`.
 * Throws BROADCAST_REFUSED for a stream that cannot be announced, before anything is paid for.
 * After `finished` the stream goes on serving what it holds until `signal` fires.
 */
export async function broadcast(options: BroadcastOptions): Promise<Broadcast> {
  requireTellable(options);
  const keys = options.keys ?? (await Keys.generate());
  const { visibility, random = secureRandom } = options;
  const secret = visibility === "private" ? random.bytes(STREAM_KEY_BYTES) : undefined;
  const secrets = secret && (await crewKeys(keys.publicKey, secret));
  const stopping = new AbortController();
  let traces: Broadcast["traces"] = () => [];
  const finished = run(options, { keys, secrets }, stopping.signal, (dispatch) => {
    traces = () => dispatch.traces();
  });
  finished.catch(() => {}); // the owner may look at it later
  return {
    stream: toHex(keys.publicKey),
    ...(secret && secrets && { keys: { watch: keyText(secrets.watch), crew: keyText(secret) } }),
    stop: () => stopping.abort(),
    finished,
    traces: () => traces(),
  };
}

/** A stream's course: pay in, capture until the source ends, deliver, settle. */
async function run(
  options: BroadcastOptions,
  { keys, secrets }: StreamKeys,
  stopping: AbortSignal,
  started: (dispatch: Dispatch) => void,
): Promise<BroadcastReport> {
  const { source, on, signal } = options;
  const context = streamContextOf(options, keys.publicKey, secrets);
  const { config, clock, rungs, codec } = context;
  const { wanted, maxPrice } = planOf(options, context);
  on({ type: "source", info: source.info, rungs, codec });
  stopping.addEventListener("abort", () => source.stop(), { once: true, signal });
  const pot = wanted > 0 ? await options.openPot?.({ signal }) : undefined;
  if (pot !== undefined) tellMoney(pot, options);
  const liveAt = clock.now();
  const warn = (what: string) => (error: unknown) => {
    if (!signal.aborted) on({ type: "warning", message: `${what}: ${describe(error)}` });
  };
  if (wanted === 0 && rungs.length > 0)
    on({
      type: "warning",
      message: "no workers are wanted: this tab encodes the whole ladder alone",
    });

  const blobs = openBlobStore();
  serveBlobs(context.mesh, blobs, signal);
  const limiter = openRateLimiter(context, config, (dropped) =>
    on({ type: "dropped-input", ...dropped }),
  );
  const records = await openRecords(context, {
    store: options.records ?? memory(),
    failed: warn("a worker's record was not kept"),
  });
  const work = new AbortController(); // hiring and jobs; serving goes on until `signal`
  let failure: unknown;
  const fail = (error: unknown) => {
    failure ??= error;
    source.stop();
  };
  const basis: Basis = {
    ...{ options, keys, pot, wanted, maxPrice, liveAt, blobs, limiter, records, warn, fail },
    context,
    meter: openMeter(context.mesh),
    working: AbortSignal.any([signal, work.signal]),
    condition: openCondition(),
  };
  const pipeline = openPipeline(basis);
  const { dispatch, hiring, publishing } = pipeline;
  started(dispatch);
  const ticking = keepTicking(basis, pipeline);
  hiring?.tick();

  on({ type: "live", stream: toHex(keys.publicKey) });
  const capturing = captureInto(basis, pipeline);
  try {
    await capturing.run();
  } catch (error) {
    if (signal.aborted) throw error;
    failure ??= error; // what was captured is still delivered and paid
  }
  dispatch.ending();
  await capturing.counted();
  const { captured, mediaUs } = capturing.counts();
  await basis.condition.until(() => publishing.published() >= captured || undefined, { signal });
  const wallMs = Math.round(clock.now() - liveAt);
  const recorded = () => publishing.recorded() === publishing.published() || undefined;
  await basis.condition.until(recorded, { signal });
  await pipeline.publisher.end();
  await reveal({ ...context, mesh: basis.meter.mesh }, pipeline.checks, keys);
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
    ...reportOf(basis, pipeline),
    captured,
    ...(settlement !== undefined && { settlement }),
    wallMs,
    mediaSeconds: mediaUs / 1e6,
  };
}

/** What a stream signs with, and, where it is private, what it encrypts with. */
interface StreamKeys {
  readonly keys: Signer;
  readonly secrets: CrewKeys | undefined;
}

function streamContextOf(
  options: BroadcastOptions,
  stream: Uint8Array,
  secrets: CrewKeys | undefined,
): StreamContext {
  const { rungs, codec, on } = options;
  const segmentMs = segmentMsOf(options);
  const pace = paceOf(options.pace, segmentMs, options.config);
  const facts = { stream, rungs, codec, segmentMs, secrets, on };
  return { ...contextOf(options), config: pace.config, pace, ...facts };
}

const segmentMsOf = ({ segment = Micros.fromSeconds(2) }: BroadcastOptions): number =>
  segment / 1_000;

/** How many workers were asked for, and at what price, or what holds where nothing was said. */
const planOf = (options: BroadcastOptions, { pace }: Pick<StreamContext, "pace">) => ({
  wanted: options.rungs.length === 0 ? 0 : (options.wanted ?? pace.wanted),
  maxPrice: options.maxPrice ?? DEFAULT_MAX_PRICE,
});

/** Throws BROADCAST_REFUSED for a stream that nobody could be told of. */
function requireTellable(options: BroadcastOptions): void {
  const segmentMs = segmentMsOf(options);
  const pace = paceOf(options.pace, segmentMs, options.config);
  const { offeredSlackMs: slackMs } = pace;
  const { info } = options.source;
  requireAnnounceable({ ...options, ...planOf(options, { pace }), info, segmentMs, slackMs });
}

function tellMoney(pot: PayerPot, { on, signal }: BroadcastOptions): void {
  on({ type: "funded", potId: pot.potId, deposited: pot.balances().deposited, gas: pot.openGas });
  pot.watch((news) => on({ type: "money", news }), { signal });
}

/** What a stream stands on once it is on air. */
interface Basis {
  readonly options: BroadcastOptions;
  readonly context: StreamContext;
  readonly keys: Signer;
  readonly meter: Meter;
  /** Undefined: nobody is hired. */
  readonly pot: PayerPot | undefined;
  readonly wanted: number;
  readonly maxPrice: Amount;
  readonly liveAt: number;
  readonly blobs: BlobStore;
  readonly limiter: RateLimiter;
  readonly records: Records;
  /** Woken when something that is waited for may have changed. */
  readonly condition: Condition;
  readonly warn: (what: string) => (error: unknown) => void;
  /** Ends the source: the stream fails once what was captured is delivered. */
  readonly fail: (error: unknown) => void;
  /** Fires when no segment more will come. */
  readonly working: AbortSignal;
}

/** What every segment passes through. */
interface Pipeline {
  readonly asking: Asking;
  readonly checks: Checks;
  readonly dispatch: Dispatch;
  readonly hiring: Hiring | undefined;
  readonly paying: Paying;
  readonly publisher: Publisher;
  readonly publishing: Publishing;
  readonly availabilityChecks: AvailabilityChecks;
  /** A segment is complete. */
  readonly captured: Entries["captured"];
}

function openPipeline(basis: Basis): Pipeline {
  const { options, context, keys, meter, pot, records, limiter, condition, warn, working } = basis;
  const metered = { ...context, mesh: meter.mesh };
  const transcoder = options.transcoder ?? createTranscoder;
  const asking = openAsking(context, {
    frameRate: options.source.info.frameRate,
    frames: plannedFrames(options.source.info, context.segmentMs),
  });
  const checks = openChecks(context, {
    verifier: options.verifier ?? createVerifier,
    transcoder,
    failed: warn("a check was not made"),
  });
  const publisher = openPublisher(context, {
    keys,
    facts: streamFacts(context, options.source.info, {
      title: options.title,
      startedMs: Math.round(context.clock.unix()),
      unlisted: (options.visibility ?? "public") !== "public",
    }),
    secrets: context.secrets,
    failed: warn("gossip could not be sent"),
  });
  const hiring = openCrew(basis, { asking, checks, dispatch: () => dispatch });
  const meteredWork = { ...metered, signal: working };
  const visitor = openVisitor(meteredWork, {
    visit: options.visit,
    failed: warn("looks at workers come from this tab's own peer id"),
  });
  const availabilityChecks = openAvailabilityChecks(meteredWork, {
    seed: checks.seed,
    visitor,
    complaints: new Complaints(context.config),
    member: (worker) => hiring?.member(worker),
    newcomer: records.newcomer,
    unserved: (worker) => {
      records.tell({ worker }, { type: "silent" });
      hiring?.tell({ type: "lost", worker, fault: "unserved", now: context.clock.now() });
    },
  });
  serveComplaints(meteredWork, { limiter, heard: availabilityChecks.complained });
  const paying = openPaying(metered, { pot, warn });
  const entries = openEntries(context, {
    blobs: basis.blobs,
    publisher,
    aac: options.aac ?? false,
    pass:
      hiring &&
      openPassing(meteredWork, {
        crew: () => [...hiring.crew().members.values()],
        addrs: hiring.addrs,
      }),
    failed: warn("AAC could not be made"),
    ended: working,
  });
  const publishing = openPublishing(context, {
    ...basis,
    entries,
    pay: paying.pay,
    published: availabilityChecks.published,
    record: options.record,
    changed: condition.wake,
  });
  const jobs = { ...meteredWork, hiring, records, limiter, checks };
  const dispatch: Dispatch = openDispatch(jobs, {
    asked: asking.rungs,
    transcoder,
    inspect: options.inspect ?? inspect,
    affordable: (amount) => pot !== undefined && pot.balances().free >= amount,
    done: publishing.done,
    refused: paying.refuse,
  });
  return {
    ...{ asking, checks, dispatch, hiring, paying, publisher, publishing, availabilityChecks },
    captured: entries.captured,
  };
}

/** Who works for the stream; undefined where there is no pot to pay anybody from. */
function openCrew(
  { options, context, keys, meter, pot, wanted, maxPrice, records, limiter, working }: Basis,
  { asking, checks, dispatch }: Pick<Pipeline, "asking" | "checks"> & { dispatch: () => Dispatch },
): Hiring | undefined {
  if (pot === undefined) return undefined;
  const { info } = options.source;
  const { secrets } = context;
  // Whoever has a private stream's crew link is its crew: another crew's token would not let it in.
  const own = secrets && { token: secrets.token };
  const policy: Screen.Policy = { ...Screen.open, ...options.workers, ...own };
  const hiring: Hiring = openHiring(
    { ...context, signal: working },
    {
      keys,
      pot,
      policy,
      records,
      verifyPayee: options.verifyPayee,
      limiter,
      metered: meter.mesh,
      need: needOf(context, info, { wanted, maxPrice }),
      facts: offerFacts(context, info, { seedCommit: checks.commitment, policy }),
      changed() {
        dispatch().tick();
        if (context.pace.adapts) asking.advise(hiring);
      },
      gone: (worker) => dispatch().lost(worker),
    },
  );
  return hiring;
}

/** Lets crew and jobs look at the time, until no segment more will come. */
async function keepTicking(
  { context: { clock, pace }, condition, working }: Basis,
  { dispatch, hiring, asking }: Pipeline,
): Promise<void> {
  try {
    for (;;) {
      // Sooner where a segment cannot wait so long: a worker's silence is noticed at once.
      const due = (dispatch.wakeAt() ?? Number.POSITIVE_INFINITY) - clock.now();
      await clock.sleep(Math.min(TICK_MS, Math.max(LEAST_TICK_MS, due)), { signal: working });
      hiring?.tick();
      if (hiring !== undefined && pace.adapts) asking.adapt(hiring);
      dispatch.tick();
      condition.wake();
    }
  } catch {
    // The signal ended it.
  }
}

/** Hands the source's segments to the pipeline, as far ahead as the stream's pace lets it. */
function captureInto(
  { options, context, meter, condition, fail }: Basis,
  { dispatch, hiring, publishing, captured }: Pipeline,
) {
  const { pace, clock, rungs, signal } = context;
  return openCapturing(context, {
    source: options.source,
    inspect: options.inspect ?? inspect,
    meter,
    fail,
    take(segment) {
      segment.closed.then(captured, () => {}); // it is never completed
      if (rungs.length > 0) return dispatch.add(segment);
      segment.closed.then(
        (whole) => publishing.done(sourceOnly(whole, clock.now())),
        () => {},
      );
    },
    room(opened) {
      const ready = () => {
        const under = opened - publishing.published();
        const unrecorded = publishing.published() - publishing.recorded();
        const room = pace.ahead(hiring?.available().length ?? 0);
        return (under <= room && unrecorded <= MOST_UNRECORDED) || undefined;
      };
      return condition.until(ready, { signal });
    },
  });
}

/** All of a report but what came of the source and of the money. */
function reportOf(
  { keys, meter, limiter }: Basis,
  { checks, dispatch, paying, publishing, availabilityChecks }: Pipeline,
): Omit<BroadcastReport, "captured" | "settlement" | "wallMs" | "mediaSeconds"> {
  return {
    stream: toHex(keys.publicKey),
    segments: publishing.lines(),
    traffic: trafficOf(meter.read()),
    work: {
      ...dispatch.counts(),
      checks: checks.counts(),
      availabilityChecks: availabilityChecks.counts(),
    },
    checks: { seed: toHex(checks.seed), commitment: toHex(checks.commitment) },
    drops: limiter.drops(),
    trace: dispatch.traces(),
    workers: paying.earned(),
  };
}
