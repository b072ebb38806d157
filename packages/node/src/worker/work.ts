import { LIVE, Screen } from "@tabcast/market";
import type { PeerId } from "@tabcast/mesh";
import { Amount, describe, toHex } from "@tabcast/runtime";
import { type BlobStore, openBlobStore } from "../blob-store.ts";
import { contextOf } from "../context.ts";
import { serveBlobs } from "../exchange.ts";
import { knowPeers } from "../ranks.ts";
import { openRateLimiter } from "../rate-limiter.ts";
import { openAudits } from "./audits.ts";
import { openAwardIds } from "./award-ids.ts";
import { serveAwards } from "./awards.ts";
import { openBidding } from "./bidding.ts";
import type { WorkerContext } from "./context.ts";
import { openCredit } from "./credit.ts";
import { openDelegation, serveWatchtower } from "./delegate.ts";
import { type Engagement, type Engagements, openEngagements } from "./engagements.ts";
import { openJobs } from "./jobs.ts";
import { openMaker } from "./making.ts";
import { servePayments } from "./payments.ts";
import { openPrivateCrews, type PrivateCrews } from "./private-crews.ts";
import { openShift, type Shift } from "./shift.ts";
import { serveSounds } from "./sounds.ts";
import { openSpeeds, type Speeds } from "./speeds.ts";
import type { WorkerNode, WorkerOptions } from "./types.ts";

/** Price asked where none is given: 1,000 gwei per output gigapixel, 1,000 wei per pixel. */
export const DEFAULT_PRICE = Amount.of(1_000_000_000_000);
/** How long peers may take to hear our goodbye and to keep our vouchers while the tab closes, in milliseconds. */
const CLOSING_MS = 1_000;

/** Offers this tab's encoders to every broadcaster that pays, until `signal` fires or `close` is called. */
export function work(options: WorkerOptions): WorkerNode {
  const { keys, purse, transcoder, on, price = DEFAULT_PRICE, tags = [], watchtower } = options;
  const own = new AbortController();
  const signal = AbortSignal.any([options.signal, own.signal]);
  const context: WorkerContext = { ...contextOf({ ...options, signal }), on };
  const { mesh, clock } = context;
  const { crews, privates, belongs } = crewsOf(options);

  const blobs = openBlobStore();
  const limiter = openRateLimiter(context, LIVE, (dropped) =>
    on({ type: "dropped-input", ...dropped }),
  );
  const delegation = openDelegation(context, {
    purse,
    kept: (potId, keepers) => on({ type: "delegated", potId, keepers }),
  });
  const speeds = openSpeeds(context, {
    capabilities: options.capabilities,
    measure: options.measure,
    isIdle: () => engagements.all().length === 0,
    changed: ({ codec, pixelsPerSecond, hardware }) => {
      on({ type: "measured", codec, pixelsPerSecond, hardware });
      bidding.reconsider();
    },
    failed: (error) => on({ type: "refused", what: "measurement", why: describe(error) }),
  });
  const engagements = openEngagements(context, { quitted: (stream) => bidding.forget(stream) });
  const shift = openShift(context, { policy: options.availability, engagements, belongs });
  const { pause, resume, set, sense, refresh } = shift;
  const credit = openCredit(context, { purse, engagements });
  const audits = openAudits(context);
  const self = () => ({
    ...{ self: mesh.self, price, tags, crews: [...crews.keys()] },
    ...standingOf({ shift, speeds, engagements }),
  });
  const ids = openAwardIds(context);
  const bidding = openBidding(context, {
    keys,
    purse,
    payeeProof: options.payeeProof,
    ids,
    limiter,
    self,
    mayOpen: (offer) => credit.mayOpen(offer, price),
    backsOff: credit.backsOff,
    crews,
    privates,
    doubt(codec) {
      speeds.doubt(codec);
      if (engagements.jobs() === 0) speeds.idle();
    },
  });
  const maker = openMaker({ keys, transcoder, blobs, speeds, credit, audits });
  serveAwards(context, {
    purse,
    limiter,
    bidding,
    ids,
    engagements,
    credit,
    audits,
    belongs,
    self,
  });
  const jobs = openJobs(context, { limiter, engagements, credit, shift, speeds, maker });
  servePayments(context, { purse, engagements, limiter, credit, delegation, judged: refresh });
  serveOthers(context, { engagements, blobs });
  if (watchtower !== undefined) serveWatchtower(context, { watchtower, limiter });

  return {
    ...crewVerbs(privates, refresh),
    pause,
    resume,
    set,
    sense,
    state: () => ({
      availability: shift.state(),
      drops: limiter.drops(),
      paused: shift.paused(),
      jobs: engagements.jobs(),
      done: jobs.done(),
      streams: engagements.all().length,
      blobBytes: blobs.size(),
    }),
    handOver: async () => {
      await Promise.all([delegation.last(), purse.secure({ signal })]);
    },
    async close() {
      if (own.signal.aborted) return;
      const limit = clock.timeout(CLOSING_MS);
      await Promise.allSettled([engagements.close({ signal: limit }), delegation.last(limit)]);
      await delegation.now(clock.timeout(CLOSING_MS)); // what was paid since
      own.abort();
    },
  };
}

/** Gives what was made here, puts those that it works for before others, and tells when it can be reached. */
function serveOthers(
  context: WorkerContext,
  { engagements, blobs }: { engagements: Engagements; blobs: BlobStore },
): void {
  const { mesh, on, signal } = context;
  const worksFor = (peer: PeerId) =>
    engagements.all().some(({ broadcaster }) => broadcaster === peer) ? "crew" : undefined;
  knowPeers(mesh, worksFor, signal);
  serveBlobs(mesh, blobs, signal);
  serveSounds(context, { engagements, blobs });
  mesh.watch(
    (event) => {
      if (event.type === "reachable") on({ type: "reachable", addrs: event.addrs.length });
    },
    { signal },
  );
}

/** The crews that it belongs to: tokens by their ids, and the private streams whose crew links it has. */
function crewsOf({ crews: tokens = [], privateStreams = [] }: WorkerOptions) {
  const crews = new Map<string, Uint8Array>();
  const idOf = (token: Uint8Array) => toHex(Screen.crewId(token));
  for (const token of tokens) crews.set(idOf(token), token);
  const privates = openPrivateCrews({
    joined: (token) => void crews.set(idOf(token), token),
    left: (token) => void crews.delete(idOf(token)),
  });
  for (const link of privateStreams) privates.join(link);
  // A private stream never offers in the open: whoever works on it so would serve it in the open.
  const belongs = ({ crewKeys, stream }: Pick<Engagement, "crewKeys" | "stream">) =>
    crewKeys === undefined ? !privates.has(stream) : privates.holds(stream, crewKeys);
  return { crews, privates, belongs };
}

/** Joins and leaves crews; whoever hired it for their streams hears what that changes. */
function crewVerbs(
  privates: PrivateCrews,
  changed: () => void,
): Pick<WorkerNode, "joinPrivate" | "leavePrivate"> {
  return {
    joinPrivate(link) {
      privates.join(link);
      changed();
    },
    leavePrivate(stream) {
      privates.leave(stream);
      changed();
    },
  };
}

/** What this worker can take on now. */
function standingOf({
  shift,
  speeds,
  engagements,
}: {
  shift: Shift;
  speeds: Speeds;
  engagements: Engagements;
}) {
  const { free, state } = shift.state();
  return {
    capabilities: speeds.capabilities(),
    free,
    shut: state !== "open",
    lists: shift.policy(),
    working: engagements.all().map(({ stream }) => stream),
    restedMs: engagements.restedMs(),
  };
}
