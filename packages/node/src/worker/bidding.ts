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
import { type Kept, type KnownOffers, MOST_OFFERS, openKnownOffers } from "./known-offers.ts";
import type { PrivateCrews } from "./private-crews.ts";

/** How long a bid may travel, a cold dial included, in milliseconds. */
const BID_MS = 20_000;
const NOTHING = new Uint8Array(0);
/** To the worker's owner, where a private stream's offers do not open under the key of the link. */
const WRONG_LINK =
  "this link's key does not open its stream's offers: it is a viewer's link, or was changed; ask the broadcaster for the crew link";

/** An offer as it was heard. */
export interface Heard {
  readonly offer: Offer;
  /** Of its private stream, under which it was opened; undefined: it was made in the open. */
  readonly crewKeys: CrewKeys | undefined;
  /** It was told to one of so many parts of the workers. */
  readonly parts: number;
}

/** Bids on offers that `Hire.consider` finds worth it, once on each. Knows no job. */
export interface Bidding {
  /** The offer with this id that was bid on; it may be answered with an award for as long as it is known. */
  heard(id: Uint8Array): Heard | undefined;
  /** This device is quicker than it was: considers again the offers that were let pass, or refused, for its speed. */
  reconsider(): void;
  /** Calls back what is on its way to a stream. Its offers may be bid on again, should they be heard again. */
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

interface Known extends Heard, Kept {
  bid: boolean;
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

/** An offer that was let pass, until it is over. */
type Passed = Heard & Pick<Known, "until">;

type Plan = Extract<ReturnType<typeof Hire.consider>, { readonly bid: true }>;

/** What this worker makes of an offer, where a bid of the speed `tooSlow` was refused before. */
function planOf(
  mesh: Pick<Mesh, "population">,
  { self, mayOpen }: Pick<BiddingOptions, "self" | "mayOpen">,
  { offer, crewKeys, parts }: Heard,
  tooSlow: number | undefined,
): Hire.Plan {
  // A private crew is few, and nobody else hears of its work.
  const others = crewKeys === undefined ? mesh.population(OFFERS_TOPIC) / parts : 0;
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
  const { self, backsOff, doubt } = options;
  const offers = openKnownOffers<Known>(context);
  /** Streams that refused a bid for fewer rungs than their ladder has: they get no other such bid. */
  const fewerRungs = openBackOff(context);
  /** Offers that were let pass for our speed, until they are over; as bounded as those that were not. */
  const passed = new BoundedMap<string, Passed>(MOST_OFFERS);
  const sender = openSender(context, options);

  async function consider(heard: Heard, until = clock.now() + heard.offer.ttlMs) {
    const { offer } = heard;
    const id = toHex(offer.id);
    const stream = toHex(offer.stream);
    const before = offers.get(id);
    // Repeated for those who came later: one bid is enough.
    if (before !== undefined && !again(before, clock.now())) return;
    if (backsOff(stream)) return;
    const plan = planOf(mesh, options, heard, before?.tooSlow);
    const { slow } = plan;
    const codec = asCodec(offer.codec);
    if (!plan.bid && plan.why !== "already in")
      on({ type: "passed", stream, why: plan.why, codec, ...slow });
    if (slow !== undefined || (!plan.bid && plan.why === "incapable")) doubt(codec);
    passed.delete(id);
    if (!plan.bid) {
      if (plan.why === "incapable") passed.set(id, { ...heard, until });
      return;
    }
    const backingOff = () => slow !== undefined && fewerRungs.has(stream);
    if (backingOff()) return;
    if (slow !== undefined) on({ type: "slow", stream, codec, ...slow });
    const known: Known = { ...heard, bid: false, stop: new AbortController(), until };
    if (!offers.add(known)) return;
    if (plan.delayMs >= offer.ttlMs) return; // its turn comes after the offer's end
    await clock.sleep(plan.delayMs, { signal });
    if (offers.get(id) !== known) return; // closed meanwhile, or its stream was left
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
  const forget = (stream: string) => forgetOf(stream, { offers, passed });
  const { keys, limiter } = options;
  followOffers(context, { keys, limiter, known, consider, closed, forget }, options.privates);
  return {
    heard: (id) => offers.get(toHex(id)),
    reconsider() {
      const now = clock.now();
      const slow = [...offers.values()].filter(({ tooSlow }) => tooSlow !== undefined);
      for (const { offer, crewKeys, parts, until } of [...slow, ...passed.values()]) {
        if (until <= now) continue;
        consider({ offer, crewKeys, parts }, until).catch((error: unknown) => {
          if (!signal.aborted) on({ type: "refused", what: "offer", why: describe(error) });
        });
      }
    },
    forget,
  };
}

/** Forgets what a stream offered, and calls back the bids on their way to it. */
function forgetOf(
  stream: string,
  { offers, passed }: { offers: KnownOffers<Known>; passed: BoundedMap<string, Passed> },
): void {
  for (const { offer, stop } of [...offers.values()]) {
    if (toHex(offer.stream) !== stream) continue;
    stop.abort();
    offers.delete(toHex(offer.id));
  }
  for (const [id, { offer }] of [...passed]) if (toHex(offer.stream) === stream) passed.delete(id);
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
  readonly consider: (heard: Heard) => Promise<void>;
  readonly closed: (id: string, stream: Uint8Array) => void;
  readonly forget: (stream: string) => void;
}

/** Considers an offer, unless it contradicts what the same offer said before. */
async function handleOffer({ limiter, known, consider }: Handling, heard: Heard, from: PeerId) {
  const { offer } = heard;
  const before = known(toHex(offer.id));
  if (before === undefined || sameTerms(before, offer)) return consider(heard);
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
    await handleOffer(handle, { offer, crewKeys: undefined, parts }, from);
  }

  privates?.each((stream, left) => {
    const follow = { ...handle, stream, ready: () => privates.ready(stream) };
    followPrivateOffers({ ...context, signal: AbortSignal.any([signal, left]) }, follow);
    // What it offered in the open, or under another link, is not worked for any more.
    handle.forget(stream);
    left.addEventListener("abort", () => handle.forget(stream), { once: true });
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
    readonly ready: () => Promise<CrewKeys | undefined>;
  },
): void {
  const { limiter, stream } = handle;
  const clocks = new Clocks();
  const time = steadyTime(clock);

  async function heard(envelope: Uint8Array, from: PeerId): Promise<void> {
    limiter.pass("offer", from);
    const crewKeys = await handle.ready();
    if (crewKeys === undefined) return;
    const offer = await openPrivateOffer(envelope, crewKeys, { now: time(), clocks });
    signal.throwIfAborted(); // its stream was left meanwhile
    await handleOffer(handle, { offer, crewKeys, parts: 1 }, from);
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
