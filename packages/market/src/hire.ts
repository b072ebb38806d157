import { sha256 } from "@noble/hashes/sha2.js";
import { type Award, type Job, OFFER_PARTS, type Offer } from "@tabcast/protocol";
import { Amount, concatBytes, equalBytes, Pixels, toHex } from "@tabcast/runtime";
import { type Policy, serves } from "./availability.ts";

/** A worker as it sees itself. */
export interface Self {
  /** Own peer id. */
  readonly self: string;
  /** Least accepted, parts per output gigapixel. */
  readonly price: bigint;
  /** What was measured here, per codec. */
  readonly capabilities: readonly { readonly codec: string; readonly pixelsPerSecond: number }[];
  /** Jobs that could start now; 0 while it takes none. */
  readonly free: number;
  /** It takes no new work: paused, draining, outside its hours. */
  readonly shut: boolean;
  readonly tags: readonly string[];
  /** Ids of the private crews it belongs to, lower-case hex. */
  readonly crews: readonly string[];
  /** Whom its owner works for. */
  readonly lists: Pick<Policy, "allow" | "deny">;
  /** Streams it is hired for, lower-case hex. */
  readonly working: readonly string[];
  /** Milliseconds since its last engagement was over, or since it joined. */
  readonly restedMs: number;
  /** Workers that are told of the offer, without itself, as far as is known; of how many parts of all workers they are one. Default 1. */
  readonly others: number;
  readonly parts?: number;
  /** The speed at which the broadcaster has found this tab too slow for the offer, in output pixels per second. */
  readonly tooSlow?: number | undefined;
  /** What the offer's pot owes this tab leaves no room for more work unpaid. */
  readonly unpaid: boolean;
}

/** Why a worker does not bid, or does not take an award. The words are the protocol's. */
export const REFUSALS = [
  "busy",
  "capped",
  "too expensive",
  "incapable",
  "gone",
  "closed",
  "denied",
  "pot",
] as const;
export type Refusal = (typeof REFUSALS)[number];

/** A worker's answer to an award that it does not take; `retryMs` 0: not known, or never. */
export interface Decline {
  readonly reason: Refusal;
  readonly retryMs: number;
}

/** An answer as it came, or undefined where its word is none of ours. */
export function decline(answer: {
  readonly why: string;
  readonly retryMs: number;
}): Decline | undefined {
  // Words after a colon are for people: "pot: the contract is another".
  const word = answer.why.split(":")[0];
  const reason = REFUSALS.find((known) => known === word);
  return reason && { reason, retryMs: answer.retryMs };
}

export type Plan =
  | {
      readonly bid: true;
      readonly delayMs: number;
      readonly pixelsPerSecond: number;
      /** Too slow for the whole ladder: it bids behind those who are not, for it may be asked for fewer rungs. */
      readonly slow?: Slow;
    }
  | {
      readonly bid: false;
      /** `unpaid`: its pot pays first. */
      readonly why: Refusal | "already in" | "unpaid";
      /** It would do, but for its speed. */
      readonly slow?: Slow;
    };

/** Output pixels per second that would be enough, and those measured. */
export interface Slow {
  readonly needed: number;
  readonly measured: number;
}

/**
 * Spacing of all workers' bids at weight 1, in milliseconds. The facts of the market say 20, with which 40 bids were on their way before
 * the first had dialled: a cold dial takes half a second, and an offer wants three.
 */
export const BID_SPACING_MS = 100;
/** A worker that has long had no engagement goes before those that just had one: its weight grows by one in so many ms, up to a bound. */
export const REST_MS = 30_000;
export const MOST_RESTED = 16;
/**
 * Weight of a worker too slow for a live stream's whole ladder, however rested: one such bid each 1.6 s, whatever N. That is behind those
 * that make all of it, and yet one or two come within the three seconds after which a stream that found nobody asks for less.
 */
export const SLOW_WEIGHT = 1 / 16;
/**
 * In a network of more workers than this most are rested, and their weights together would have them all speak at once: they are spaced
 * wider by one for each such number of them, up to MOST_SPREAD. So of 200 rested ones, or 20,000, one speaks each 150 ms of that.
 */
export const FEW_WORKERS = 4;
export const MOST_SPREAD = 48;
/**
 * What is spaced so is spoken in waves: the bids of the first `holdsMs` within `lastsMs`, then silence until an offer that has what it wants
 * can have said so, `everyMs` after the wave before began; the second wave holds as much, and each further one as much as all before it,
 * so that those that are not rested are not silent for long. Of rested ones 7 are in the first wave: three or more in 97 of 100 cases, twelve at
 * most in as many. The third bid is heard after a dial of 600 ms and ends the offer 300 ms later. Source: facts, mesh.md.
 */
export const WAVES = { holdsMs: 1_050, lastsMs: 200, everyMs: 1_100 } as const;
/** Workers that an offer is told to at once, as far as is known; of them as many bid as are wanted. Beyond that it is told to a part of all. */
export const LEAST_HEARERS = 24;
/** Levels of parts, each twice as large as the one before, by which an offer reaches more after one that nobody answered. */
const WIDER = 2;
/** A tab that was found too slow bids again when it has measured itself so much faster. */
export const FASTER = 1.2;
/** Streams one tab works for at once. */
export const MOST_STREAMS = 8;

const text = new TextEncoder();

/**
 * A worker's place in the draw for one offer: SHA-256(offer id, then the worker's peer id as UTF-8), its first 48 bits as a
 * fraction in (0, 1). Anybody can compute it, nobody can choose it: the offer's id is fresh.
 */
export function draw(offer: Uint8Array, worker: string): number {
  const digest = sha256(concatBytes(offer, text.encode(worker)));
  let value = 0;
  for (const byte of digest.subarray(0, 6)) value = value * 256 + byte;
  return (value + 0.5) / 2 ** 48;
}

/**
 * How long to hold a bid back, in milliseconds: 100 x peers x -ln(draw) / weight for who is one of few. Among many, those that can do it
 * are spread wider, and speak in waves. Not capped: a cap would make everybody beyond it bid at the same instant.
 */
export function delay(of: {
  draw: number;
  /** Workers that are told of the offer, one part of so many of all there are. */
  peers: number;
  parts?: number;
  weight: number;
}): number {
  const { draw, peers, parts = 1 } = of;
  const alone = (BID_SPACING_MS * peers * -Math.log(draw)) / of.weight;
  const spread = Math.min(MOST_SPREAD, (peers * parts) / FEW_WORKERS);
  if (spread <= 1 || of.weight === SLOW_WEIGHT) return alone;
  return inWaves(alone * spread);
}

/** When a bid is sent that smooth spacing would send after so many milliseconds. Rises with them, and none share an instant. */
function inWaves(spacedMs: number): number {
  const { holdsMs, lastsMs, everyMs } = WAVES;
  const ahead = spacedMs / holdsMs;
  if (ahead < 1) return lastsMs * ahead;
  const doublings = Math.floor(Math.log2(ahead));
  return everyMs * (1 + doublings) + lastsMs * (ahead / 2 ** doublings - 1);
}

/**
 * Into how many parts the workers are divided for an offer of which one part is told: as many as leave it `LEAST_HEARERS`, and a quarter
 * of them for each offer before it that nobody answered, in case that there are fewer workers than somebody says.
 */
export function partsFor(workers: number, unanswered: number): number {
  const level = OFFER_PARTS.findLastIndex((parts) => workers >= parts * LEAST_HEARERS);
  return OFFER_PARTS[Math.max(0, level - WIDER * unanswered)] ?? 1;
}

/** Output pixels of a segment as offered: of every rung, and of the least that a worker may be asked for. */
export function pixels(offer: Offer): { readonly whole: bigint; readonly least: bigint } {
  const frames = Math.ceil((offer.fpsMilli * offer.segmentMs) / 1e6);
  const of = (rungs: Offer["rungs"]) => BigInt(Pixels.ofFrames(rungs, frames));
  return { whole: of(offer.rungs), least: of(leastOf(offer)) };
}

/** The same of a segment that was asked for, as far as one may be longer than what was offered. */
export const mostPixels = (offer: Offer): bigint => BigInt(MOST_OF_SEGMENT) * pixels(offer).whole;

/** Milliseconds of one segment of these rungs, or the offer's whole ladder, at `pixelsPerSecond`. */
export function transcodeMs(offer: Offer, pixelsPerSecond: number, rungs = offer.rungs): number {
  const frames = (offer.fpsMilli / 1_000) * (offer.segmentMs / 1_000);
  return (Pixels.ofFrames(rungs, frames) * 1_000) / pixelsPerSecond;
}

/** An offer whose slack is longer than this, in milliseconds, is of a file: nothing of it is late. */
const FILE_SLACK_MS = 30_000;
export const isLive = ({ slackMs }: Pick<Offer, "slackMs">): boolean => slackMs <= FILE_SLACK_MS;

/** The least that a worker of an offer may be asked for: its lowest rung, if the stream is live; a file is made whole. */
function leastOf({ rungs, ...offer }: Offer): Offer["rungs"] {
  return isLive(offer) ? Pixels.ascending(rungs).slice(0, 1) : rungs;
}

/** Whether to bid on an offer, and when. */
export function consider(offer: Offer, me: Self): Plan {
  if (me.working.includes(toHex(offer.stream))) return { bid: false, why: "already in" };
  if (me.working.length >= MOST_STREAMS) return { bid: false, why: "capped" };
  if (me.shut) return { bid: false, why: "closed" };
  if (me.free < 1) return { bid: false, why: "busy" };
  if (!serves(me.lists, toHex(offer.stream), offer.broadcaster))
    return { bid: false, why: "denied" };
  const crew = toHex(offer.crew);
  if (crew !== "" && !me.crews.includes(crew)) return { bid: false, why: "denied" };
  if (offer.need.some((tag) => !me.tags.includes(tag))) return { bid: false, why: "incapable" };
  if (offer.maxPrice < me.price) return { bid: false, why: "too expensive" };
  if (me.unpaid) return { bid: false, why: "unpaid" };
  const able = me.capabilities.find(({ codec }) => codec === offer.codec);
  if (able === undefined || !(able.pixelsPerSecond > 0)) return { bid: false, why: "incapable" };
  const measured = able.pixelsPerSecond;
  const enough = (rungs?: Offer["rungs"]) =>
    Math.ceil(transcodeMs(offer, 1, rungs) / offer.slackMs);
  const needed = Math.ceil(Math.max(enough(leastOf(offer)), FASTER * (me.tooSlow ?? 0)));
  if (measured < needed) return { bid: false, why: "incapable", slow: { needed, measured } };
  const takes = transcodeMs(offer, measured);
  const slow = measured < enough() ? { needed: enough(), measured } : undefined;
  const idle = me.working.length === 0;
  // Work for others shares this tab's encoders; the crew shares the segments.
  if (!idle && (slow !== undefined || takes / offer.wanted > 0.8 * offer.segmentMs))
    return { bid: false, why: "busy" };
  const quick = idle && 2 * takes <= offer.segmentMs ? 2 : 1;
  const rested = idle ? Math.min(MOST_RESTED, Math.max(1, me.restedMs / REST_MS)) : 1;
  const delayMs = delay({
    draw: draw(offer.id, me.self),
    peers: Math.max(1, me.others + 1),
    parts: me.parts ?? 1,
    weight: slow === undefined ? quick * rested : SLOW_WEIGHT,
  });
  // Each stream that it works for already takes as much as this one would.
  const pixelsPerSecond = measured / (1 + me.working.length);
  return { bid: true, delayMs, pixelsPerSecond, ...(slow && { slow }) };
}

/** What an award must fit: the offer it answers and the bid that was sent. */
export interface Standing extends Omit<Self, "others" | "parts" | "restedMs" | "unpaid"> {
  readonly payee: Uint8Array;
  readonly lane: number;
  /** The offer that was bid on, if it is still known. */
  readonly offer: Offer | undefined;
  /** The award id that the bid on it has drawn; undefined: that award was taken, or there was no bid. */
  readonly award: Uint8Array | undefined;
  /** Highest epoch taken from this stream so far; 0 for none. */
  readonly epoch: number;
}

/** How long a full worker asks to be left alone, and one that has as many streams as it takes, in milliseconds. */
const BUSY_MS = 2_000;
const CAPPED_MS = 30_000;

/**
 * Whether to take an award. Its id is one that we have drawn for this bid and not seen since: whoever could choose it, or show us an old one
 * again, could have us sign two receipts for what looks like one segment. Room and lists are asked again here, for a bid may be seconds
 * old; and the terms are the ones that were offered and bid: another price, lane or stream is refused.
 */
export function accept(award: Award, me: Standing): { ok: true } | ({ ok: false } & Decline) {
  const no = (reason: Refusal, retryMs = 0) => ({ ok: false, reason, retryMs }) as const;
  const { offer } = me;
  const mine =
    offer !== undefined &&
    me.award !== undefined &&
    equalBytes(award.id, me.award) &&
    award.worker === me.self &&
    award.lane === me.lane &&
    equalBytes(award.offer, offer.id) &&
    equalBytes(award.stream, offer.stream) &&
    equalBytes(award.payee, me.payee) &&
    award.epoch > me.epoch;
  if (!mine) return no("gone");
  if (!serves(me.lists, toHex(award.stream), offer.broadcaster)) return no("denied");
  if (award.price < me.price || award.price > offer.maxPrice) return no("too expensive");
  if (!me.capabilities.some(({ codec }) => codec === offer.codec)) return no("incapable");
  const known = me.working.includes(toHex(award.stream));
  if (!known && me.working.length >= MOST_STREAMS) return no("capped", CAPPED_MS);
  if (me.shut) return no("closed");
  if (me.free < 1) return no("busy", BUSY_MS);
  return { ok: true };
}

/** A segment delivered and not paid: owed; or never to be paid, for its verdict was bad, or another copy or the deadline was before it. */
export type Unpaid = "owed" | "bad" | "superseded";

/** What a job that did not end well has sent, of its `amount`: as much as was made of it when something left last, rounded up. */
export function sent(
  amount: Amount,
  { frames, planned }: { frames: number; planned: number },
): Amount {
  if (frames >= planned) return amount;
  return Amount.of((amount * BigInt(frames) + BigInt(planned) - 1n) / BigInt(planned));
}

/** A segment that leaves while it is being made; what it takes of the window, by the segment that asks for room. */
export interface Ahead {
  readonly seq: number;
  /** The room that it has, an amount: what it will be worth, or less where it gave room up. */
  readonly amount: Amount;
  /** What has left of it, an amount. */
  readonly sent: Amount;
  /** It is still being made: one that is done has its room for good. */
  readonly making: boolean;
}

/**
 * Whether a segment worth `amount` may leave unpaid, where `left` may: less what leaves `ahead` while it is made, oldest first.
 * One that is done does not wait for those that are not: `instead` names which of them give up the room that they have not used, youngest
 * first.
 */
export function room(
  amount: Amount,
  of: { readonly left: Amount; readonly ahead: readonly Ahead[]; readonly done: boolean },
): { readonly ok: boolean; readonly instead: readonly number[] } {
  let left = of.ahead.reduce((rest, one) => rest - one.amount, of.left as bigint);
  const instead: number[] = [];
  for (const one of of.done ? of.ahead.filter(({ making }) => making).toReversed() : []) {
    if (amount <= left) break;
    left += one.amount - one.sent;
    instead.push(one.seq);
  }
  return amount <= left ? { ok: true, instead } : { ok: false, instead: [] };
}

/** How long nothing makes room until a worker leaves, in milliseconds. */
const UNPAID_MS = 60_000;
/** How long a stream that did not pay gets no bid; and one that we were too slow for, twice as long each time running. Milliseconds. */
const UNPAID_AWAY_MS = 600_000;
const SLOW_MS = 5_000;
/** The same where a source was not what its offer says, which an honest one hardly ever is. */
const DECEIVED_MS = 30_000;
/** The same where the bid was for fewer rungs: not each time that an offer is renewed, but again and again, for the quick ones may leave. */
const FEWER_MS = { first: 30_000, most: 300_000 };

/** How long a stream gets no bid after its source was not what its offer says; `times`: how often running it was not before. Milliseconds. */
export const deceivedAwayMs = (times: number): number =>
  Math.min(UNPAID_AWAY_MS, DECEIVED_MS * 2 ** times);

/** How long a stream gets no bid after it refused one for fewer rungs; `times`: how often running it did before. Milliseconds. */
export const fewerAwayMs = (times: number): number =>
  Math.min(FEWER_MS.most, FEWER_MS.first * 2 ** times);

/**
 * How long a worker whose unpaid window is full stays away, in milliseconds, or undefined if it waits. Where all of it was superseded
 * we are too slow for the stream; where some was bad and nothing is owed any more, or nothing made room for a minute, it does not pay
 * us. `times`: how often running it was left so before.
 */
export function leaves(
  unpaid: readonly Unpaid[],
  of: { readonly fullMs: number; readonly times: number },
): number | undefined {
  const lost = unpaid.length > 0 && !unpaid.includes("owed");
  if (lost && !unpaid.includes("bad")) return Math.min(UNPAID_AWAY_MS, SLOW_MS * 2 ** of.times);
  return lost || of.fullMs >= UNPAID_MS ? UNPAID_AWAY_MS : undefined;
}

/** Whether a broadcaster that says goodbye with these words may want the worker again under the same offer. */
export const maybeAgain = (why: string): boolean =>
  why === "late" || why === "failed" || why === "dead";

/** What was awarded, for holding a job against it. */
export interface Agreed {
  readonly offer: Pick<Offer, "rungs" | "codec" | "segmentMs" | "fpsMilli">;
  readonly epoch: number;
}

/**
 * Why a job is not what was agreed, or undefined: a broadcaster may leave rungs out, but not change one, add one, or change the codec
 * in mid-award; the price is the award's whatever it says.
 */
export function breach(
  job: Pick<Job, "rungs" | "codec" | "epoch" | "durationUs" | "frames">,
  { offer, epoch }: Agreed,
): string | undefined {
  if (job.epoch !== epoch) return `epoch ${job.epoch} instead of ${epoch}`;
  if (job.codec !== offer.codec) return `codec ${job.codec} instead of ${offer.codec}`;
  const other = job.rungs.find(
    (rung) =>
      !offer.rungs.some(
        ({ name, width, height, bitrate }) =>
          name === rung.name &&
          width === rung.width &&
          height === rung.height &&
          bitrate === rung.bitrate,
      ),
  );
  if (other !== undefined) return `rung ${other.name} is not the one that was offered`;
  const most = mostOfSource(offer);
  if (job.durationUs > most.durationUs)
    return `${job.durationUs} us instead of ${offer.segmentMs} ms`;
  if (job.frames > most.frames) return `${job.frames} frames, at most ${most.frames}`;
  return undefined;
}

/** Most that a segment of an offer's source may have. */
const mostOfSource = (offer: Pick<Offer, "segmentMs" | "fpsMilli">) => ({
  durationUs: MOST_OF_SEGMENT * offer.segmentMs * 1_000,
  frames: MOST_OF_SEGMENT * Math.ceil((offer.fpsMilli * offer.segmentMs) / 1e6),
});

/** Sizes are rounded to whole blocks; beyond that a picture is not larger than was offered. */
const BLOCK = 16;
const upToBlock = (side: number) => Math.ceil(side / BLOCK) * BLOCK;

/** What the source of a job may be at most, by its offer, and by its head where that says what it is and not what is planned. */
export interface SourceLimits {
  readonly pixels: number;
  readonly frames: number;
  readonly durationUs: number;
}

/** The limits that a job's source is held to before it is decoded. */
export function sourceLimits(
  job: Pick<Job, "open" | "frames" | "durationUs">,
  offer: Pick<Offer, "width" | "height" | "segmentMs" | "fpsMilli">,
): SourceLimits {
  const most = mostOfSource(offer);
  return {
    pixels: upToBlock(offer.width) * upToBlock(offer.height),
    frames: job.open ? most.frames : Math.min(most.frames, job.frames),
    durationUs: most.durationUs,
  };
}

/** Segments that are cut at a source's own key frames may be longer than what was offered, but not by more. */
const MOST_OF_SEGMENT = 4;

/** A job in hand, or asked for. */
export interface Hold {
  /** Nothing of it is late: a file. */
  readonly file: boolean;
  /** Whose it is. */
  readonly stream: string;
}

/** How long a stream that found no slot counts as waiting for one, in milliseconds: two segments of two seconds, and a little. */
export const TURNED_AWAY_MS = 5_000;

/**
 * True if a job may start: files leave one slot free while the tab works for a live stream, and a stream has no more than its equal share
 * while others of ours have just been turned away: `waiting` of them.
 */
export function admits(
  job: Hold,
  inHand: readonly Hold[],
  of: { readonly slots: number; readonly live: boolean; readonly waiting?: number },
): boolean {
  if (inHand.length >= of.slots) return false;
  const share = Math.max(1, Math.floor(of.slots / (1 + (of.waiting ?? 0))));
  if (inHand.filter(({ stream }) => stream === job.stream).length >= share) return false;
  if (!job.file || !of.live) return true;
  return inHand.filter(({ file }) => file).length < Math.max(1, of.slots - 1);
}
