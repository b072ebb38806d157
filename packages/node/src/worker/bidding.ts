import type { Purse } from "@tabcast/channel";
import { Hire, Screen } from "@tabcast/market";
import type { CodecName } from "@tabcast/media";
import type { Mesh, Message, PeerId } from "@tabcast/mesh";
import {
  BidReply,
  Clocks,
  type CrewKeys,
  Envelope,
  OFFERS_TOPIC,
  type Offer,
  offerTopicsOf,
  openClosed,
  openOffer,
  openPrivateOffer,
  PROTOCOLS,
  PrivateOffer,
  type Signer,
  sealBid,
  streamTopic,
} from "@tabcast/protocol";
import {
  BoundedMap,
  CodedError,
  describe,
  equalBytes,
  fromHex,
  steadyTime,
  toHex,
} from "@tabcast/runtime";
import { ask } from "../exchange.ts";
import { FloodError, type RateLimiter } from "../rate-limiter.ts";
import { asCodec } from "../wire.ts";
import type { AwardIds } from "./award-ids.ts";
import { openBackOff } from "./back-off.ts";
import type { WorkerContext } from "./context.ts";
import { type Kept, MOST_OFFERS, openKnownOffers } from "./known-offers.ts";
import type { PrivateCrews } from "./private-crews.ts";

/** How long a bid may travel, a cold dial included, in milliseconds. */
const BID_MS = 20_000;
const NOTHING = new Uint8Array(0);
/** To the worker's owner, where a private stream's offers do not open under the key of the link. */
const WRONG_LINK =
  "this link's key does not open its stream's offers: it is a viewer's link, or was changed; ask the broadcaster for the crew link";

/** Bids on offers that `Hire.consider` finds worth it, once on each. Knows no job. */
export interface Bidding {
  /** The offer with this id that was bid on; it may be answered with an award for as long as it is known. */
  offer(id: Uint8Array): Offer | undefined;
  /** This device is quicker than it was: considers again the offers that were let pass, or refused, for its speed. */
  reconsider(): void;
  /** A stream's offers may be bid on again. */
  forget(stream: string): void;
}

export interface BiddingOptions {
  readonly keys: Signer;
  readonly purse: Pick<Purse, "payee" | "lane">;
  /** The payee's signature for this worker's key; undefined: there is none. */
  readonly payeeProof?: Uint8Array | undefined;
  readonly ids: AwardIds;
  readonly limiter: RateLimiter;
  /** This worker as it sees itself now. */
  readonly self: () => Omit<Hire.Self, "others" | "parts" | "tooSlow" | "unpaid">;
  /** Whether the pot of an offer has room for more work unpaid. */
  readonly mayOpen: (offer: Offer) => boolean;
  /** True for a stream that gets no bid at the moment. */
  readonly backsOff: (stream: string) => boolean;
  /** Tokens of the private crews it belongs to, by their ids. */
  readonly crews: ReadonlyMap<string, Uint8Array>;
  /** The private streams that it may work for. Default: none. */
  readonly privates?: PrivateCrews;
  /** An offer was let pass, or bid on for fewer rungs, for the speed of this codec, or for the want of one. */
  readonly doubt: (codec: CodecName) => void;
}

interface Known extends Kept {
  bid: boolean;
  /** It was told to one of so many parts of the workers. */
  readonly parts: number;
  /** Calls a bid back that has not arrived. */
  readonly stop: AbortController;
  /** The speed of our bid, in output pixels per second, where the broadcaster found it too low. */
  tooSlow?: number;
  /** Until when the broadcaster takes no bid of ours, in milliseconds of the clock; undefined where it did not say. */
  waitUntil?: number;
}

/** A bid that was refused may be worth sending again: we may be quicker now, or have waited as long as we were asked to. */
const again = ({ tooSlow, waitUntil }: Known, now: number): boolean =>
  tooSlow !== undefined || (waitUntil !== undefined && now >= waitUntil);

type Plan = Extract<ReturnType<typeof Hire.consider>, { readonly bid: true }>;

/** What this worker makes of an offer that was told to one of so many parts of the workers. */
function planOf(
  mesh: Pick<Mesh, "population">,
  { self, mayOpen, privates }: Pick<BiddingOptions, "self" | "mayOpen" | "privates">,
  offer: Offer,
  { parts, tooSlow }: Pick<Known, "parts"> & { readonly tooSlow: number | undefined },
): Hire.Plan {
  // A private crew is few, and nobody else hears of its work.
  const others = privates?.has(toHex(offer.stream)) ? 0 : mesh.population(OFFERS_TOPIC) / parts;
  return Hire.consider(offer, {
    ...self(),
    others,
    parts,
    tooSlow,
    // Looked at last: it takes longer than all else together.
    get unpaid() {
      return !mayOpen(offer);
    },
  });
}

export function openBidding(context: WorkerContext, options: BiddingOptions): Bidding {
  const { mesh, clock, on, signal } = context;
  const { self, backsOff, doubt, privates } = options;
  const offers = openKnownOffers<Known>(context);
  /** Streams that refused a bid for fewer rungs than their ladder has: they get no other such bid. */
  const fewerRungs = openBackOff(context);
  /** Offers that were let pass for our speed, until they are over; as bounded as those that were not. */
  const passed = new BoundedMap<string, Pick<Known, "offer" | "parts" | "until">>(MOST_OFFERS);
  const sender = openSender(context, options);

  async function consider(offer: Offer, parts: number, until = clock.now() + offer.ttlMs) {
    const id = toHex(offer.id);
    const stream = toHex(offer.stream);
    const before = offers.get(id);
    // Repeated for those who came later: one bid is enough.
    if (before !== undefined && !again(before, clock.now())) return;
    if (backsOff(stream)) return;
    const plan = planOf(mesh, options, offer, { parts, tooSlow: before?.tooSlow });
    const { slow } = plan;
    const codec = asCodec(offer.codec);
    if (!plan.bid && plan.why !== "already in")
      on({ type: "passed", stream, why: plan.why, codec, ...slow });
    if (slow !== undefined || (!plan.bid && plan.why === "incapable")) doubt(codec);
    passed.delete(id);
    if (!plan.bid) {
      if (plan.why === "incapable") passed.set(id, { offer, parts, until });
      return;
    }
    const backingOff = () => slow !== undefined && fewerRungs.has(stream);
    if (backingOff()) return;
    if (slow !== undefined) on({ type: "slow", stream, codec, ...slow });
    const known: Known = { offer, parts, bid: false, stop: new AbortController(), until };
    if (!offers.add(known)) return;
    if (plan.delayMs >= offer.ttlMs) return; // its turn comes after the offer's end
    await clock.sleep(plan.delayMs, { signal });
    if (!offers.has(id)) return; // closed meanwhile
    if (backingOff() || self().working.includes(stream)) return; // an earlier bid was answered, or got it hired
    await bid(known, plan);
  }

  async function bid(known: Known, plan: Plan): Promise<void> {
    const { offer, stop } = known;
    known.bid = true;
    const reply = await sender.send(known, plan.pixelsPerSecond).catch((error: unknown) => {
      if (stop.signal.aborted) return undefined; // closed while it was on its way
      offers.delete(toHex(offer.id)); // it never heard of us: bid again when the offer is repeated
      throw error;
    });
    if (reply === undefined) return;
    const { ok, why, retryMs } = BidReply.decode(reply.head);
    const stream = toHex(offer.stream);
    if (ok) {
      fewerRungs.forgive(stream);
      return on({ type: "bid", stream });
    }
    if (why === "too slow") {
      known.tooSlow = plan.pixelsPerSecond;
      if (plan.slow !== undefined)
        fewerRungs.add(stream, Hire.fewerAwayMs(fewerRungs.times(stream)));
    }
    if (retryMs > 0 || why === "already in") known.waitUntil = clock.now() + retryMs;
    on({ type: "refused", what: "bid", why });
  }

  function closed(id: string, stream: Uint8Array): void {
    // Anybody can sign an end with a key of its own: it counts from the stream that offered.
    const known = offers.get(id);
    const over = passed.get(id);
    if (over !== undefined && equalBytes(over.offer.stream, stream)) passed.delete(id);
    if (known === undefined || !equalBytes(known.offer.stream, stream)) return;
    // One that may have our bid stays known: gossip may be quicker than the award.
    if (known.bid) known.stop.abort();
    else offers.delete(id);
  }

  const known = (id: string) => offers.get(id)?.offer;
  const { keys, limiter } = options;
  followOffers(context, { keys, limiter, known, consider, closed }, privates);
  return {
    offer: (id) => offers.get(toHex(id))?.offer,
    reconsider() {
      const now = clock.now();
      const slow = [...offers.values()].filter(({ tooSlow }) => tooSlow !== undefined);
      for (const { offer, parts, until } of [...slow, ...passed.values()]) {
        if (until <= now) continue;
        consider(offer, parts, until).catch((error: unknown) => {
          if (!signal.aborted) on({ type: "refused", what: "offer", why: describe(error) });
        });
      }
    },
    forget(stream) {
      for (const { offer } of [...offers.values()])
        if (toHex(offer.stream) === stream) offers.delete(toHex(offer.id));
    },
  };
}

/** Signs bids and takes them to their streams. */
function openSender({ mesh, clock, signal }: WorkerContext, options: BiddingOptions) {
  const { keys, purse, self, crews } = options;
  const joinedAt = clock.now();

  function sealed(offer: Offer, pixelsPerSecond: number): Promise<Uint8Array> {
    const { price, tags } = self();
    const token = crews.get(toHex(offer.crew));
    return sealBid(keys, {
      offer: offer.id,
      worker: mesh.self,
      payee: fromHex(purse.payee),
      lane: purse.lane,
      price,
      pixelsPerS: Math.round(pixelsPerSecond),
      slots: 1,
      queueMs: 0,
      ageMs: Math.round(clock.now() - joinedAt),
      tags: [...tags],
      proof: token === undefined ? NOTHING : Screen.proof(token, offer.id, mesh.self),
      addrs: mesh.addrs().slice(0, 2),
      payeeProof: options.payeeProof ?? NOTHING,
      award: options.ids.draw(offer.id),
    });
  }

  return {
    /** Resolves with the answer, a BidReply. Throws MESH_*, or the signal's reason; `stop` calls the bid back. */
    async send({ offer, stop }: Known, pixelsPerSecond: number): Promise<Message> {
      const bid = await sealed(offer, pixelsPerSecond);
      return ask(mesh, offer.broadcaster, PROTOCOLS.bid, bid, {
        signal: AbortSignal.any([signal, stop.signal, clock.timeout(BID_MS)]),
        addrs: offer.addrs,
      });
    },
  };
}

/** What is done with what was heard. */
interface Handling extends Pick<BiddingOptions, "keys" | "limiter"> {
  readonly known: (id: string) => Offer | undefined;
  readonly consider: (offer: Offer, parts: number) => Promise<void>;
  readonly closed: (id: string, stream: Uint8Array) => void;
}

/** Considers an offer, unless it contradicts what the same offer said before. */
async function handleOffer(
  { limiter, known, consider }: Handling,
  offer: Offer,
  { from, parts }: { readonly from: PeerId; readonly parts: number },
) {
  const before = known(toHex(offer.id));
  if (before === undefined || sameTerms(before, offer)) return consider(offer, parts);
  limiter.dropped("offer", from, "contradictory");
}

/** Hears offers and their ends, and drops what floods, does not open, or contradicts what the same offer said before. */
function followOffers(
  context: WorkerContext,
  handle: Handling,
  privates: PrivateCrews | undefined,
): void {
  const { mesh, clock, on, signal } = context;
  const { limiter } = handle;
  const clocks = new Clocks();
  const time = steadyTime(clock);

  async function heard(envelope: Uint8Array, from: PeerId, parts: number): Promise<void> {
    limiter.pass("offer", from);
    if (Envelope.kindOf(envelope) === "closed") {
      const { offer, stream } = await openClosed(envelope);
      handle.closed(toHex(offer), stream);
      return;
    }
    const offer = await openOffer(envelope, { now: time(), clocks });
    // A private stream never offers in the open: whoever works on it so would serve it in the open.
    if (privates?.has(toHex(offer.stream))) return;
    await handleOffer(handle, offer, { from, parts });
  }

  privates?.each((stream, left) => {
    const follow = { ...handle, stream, crewKeys: () => privates.ready(stream) };
    followPrivateOffers({ ...context, signal: AbortSignal.any([signal, left]) }, follow);
  });
  for (const [topic, parts] of offerTopicsOf(handle.keys.publicKey))
    mesh.subscribe(
      topic,
      ({ body, from }) => {
        heard(body.slice(), from, parts).catch((error: unknown) => {
          // A flood is counted by the limiter, and not told message by message.
          if (error instanceof FloodError || signal.aborted) return;
          limiter.refused("offer", from, error);
          on({ type: "refused", what: "offer", why: describe(error) });
        });
      },
      { signal },
    );
}

/** The stream that a private offer is of; undefined for anything else. Nothing is verified. */
function privateOfferOf(envelope: Uint8Array): string | undefined {
  try {
    const { kind, payload } = Envelope.read(envelope);
    return kind === "privateoffer" ? toHex(PrivateOffer.decode(payload).stream) : undefined;
  } catch {
    return undefined;
  }
}

/** Hears the offers of one private stream, which are on its own topic, among what others say there. */
function followPrivateOffers(
  { mesh, clock, on, signal }: WorkerContext,
  handle: Handling & {
    readonly stream: string;
    readonly crewKeys: () => Promise<CrewKeys | undefined>;
  },
): void {
  const { limiter, stream } = handle;
  const clocks = new Clocks();
  const time = steadyTime(clock);

  async function heard(envelope: Uint8Array, from: PeerId): Promise<void> {
    limiter.pass("offer", from);
    const keys = await handle.crewKeys();
    if (keys === undefined) return;
    const offer = await openPrivateOffer(envelope, keys, { now: time(), clocks });
    await handleOffer(handle, offer, { from, parts: 1 });
  }

  mesh.subscribe(
    streamTopic(fromHex(stream)),
    ({ body, from }) => {
      if (privateOfferOf(body) !== stream) return;
      heard(body.slice(), from).catch((error: unknown) => {
        if (error instanceof FloodError || signal.aborted) return;
        limiter.refused("offer", from, error);
        const locked = error instanceof CodedError && error.code === "PROTOCOL_ENCRYPTED";
        const why = locked ? WRONG_LINK : describe(error);
        on({ type: "refused", what: "offer", why });
      });
    },
    { signal },
  );
}

/** What a repeated offer may not change while its id is the same. */
function sameTerms(a: Offer, b: Offer): boolean {
  const terms = ({ maxPrice, rungs, codec, segmentMs, slackMs, seedCommit, pot, window }: Offer) =>
    JSON.stringify(
      [maxPrice, rungs, codec, segmentMs, slackMs, seedCommit, pot, window],
      (_, value) =>
        typeof value === "bigint"
          ? value.toString()
          : value instanceof Uint8Array
            ? toHex(value)
            : value,
    );
  return equalBytes(a.stream, b.stream) && terms(a) === terms(b);
}
