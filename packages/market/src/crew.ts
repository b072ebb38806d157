/**
 * Hiring for one stream, at the broadcaster.
 *
 *   offer open ──bids──▶ award ──accepted──▶ hired ──too slow, lease over──▶ draining
 *       ▲                  │ refused, silent    │ lost                         │ what it had is done
 *       │                  ▼                    ▼                              ▼
 *       └── a vacancy: next bid in hand, or offer again ◀─── suspended for 30 s
 *
 * Authority: `epochs`, which never fall, for whose answers count; `members` for who is hired. `known` is a cache of what was
 * measured here. Bounds: `config.mostBids` bids, `MOST_KNOWN` workers remembered, one crew of 8 and one backup.
 */
import type { Bid } from "@tabcast/protocol";
import { type Random, toHex } from "@tabcast/runtime";
import type { AvailableWorker } from "./assign.ts";
import * as Backoff from "./backoff.ts";
import type { Config } from "./config.ts";
import type { Decline } from "./hire.ts";
import type { Fault } from "./job.ts";
import type * as Screen from "./screen.ts";
import { type Candidate, explain, feasible, select, type Terms } from "./select.ts";
import { believe, type Measured, measure, type Sample } from "./speed.ts";

/** Workers whose record is kept. */
export const MOST_KNOWN = 256;
/** An offer that lacks crew is repeated this often, in milliseconds: gossip does not reach who subscribes later. */
export const REPEAT_MS = 2_000;

/** A busy worker is not asked again for this long, in milliseconds. */
const BUSY_MS = 2_000;
/** A worker that asks for a later retry is taken at its word for so long at most, in milliseconds. */
const MOST_RETRY_MS = 600_000;

/** What the stream needs of its workers. */
export interface Need {
  /** Crew, 1 to 8; one backup more is hired if there is somebody. */
  readonly wanted: number;
  /** parts per output gigapixel. */
  readonly maxPrice: bigint;
  /** Output pixels of one segment, all rungs and frames. */
  readonly pixels: number;
  /** The same of the lowest rung alone. Default 0: not known. */
  readonly least?: number;
  /** Source bytes of one segment. */
  readonly bytes: number;
  /** Milliseconds. */
  readonly segmentMs: number;
  /** Milliseconds after the segment closed until its renditions are of no use. */
  readonly slackMs: number;
  /** Milliseconds that a job may take from when its bytes are there. Default: the slack. */
  readonly jobMs?: number;
}

export interface Member {
  readonly worker: string;
  readonly role: "crew" | "backup";
  /** Asked, at work, given nothing for a while, or finishing what it has. */
  readonly state: "asked" | "hired" | "suspended" | "draining";
  /** When a suspension is over, or one that drains has had time to finish, in milliseconds. */
  readonly until: number;
  /** Why we let it go; undefined for one that drains of its own will. */
  readonly leaving?: Why;
  /** Segments of this award that were verified. */
  readonly served: number;
  /** 16 bytes, chosen by the worker in its bid. */
  readonly award: Uint8Array;
  readonly epoch: number;
  /** Locked for the award's life, parts per output gigapixel. */
  readonly price: bigint;
  /** 20 bytes. */
  readonly payee: Uint8Array;
  /** The payee has signed for the worker's key: blame and credit are its own as well. */
  readonly payeeProven: boolean;
  readonly lane: number;
  /** Claimed output pixels per second. */
  readonly claimed: number;
  readonly askedAt: number;
}

/** What was seen of a worker here. */
export interface Known {
  readonly firstSeenAt: number;
  /** 0 to 1, from its record: 0.5 for a stranger. */
  readonly honesty: number;
  /** Results that failed a check, or were not served. */
  readonly invalid: number;
  /** Times that it was superseded; every segment in time takes `config.late.forgiven` of one back. */
  readonly late: number;
  /** Times running that it was dropped while nobody else was there, without a segment in time between. */
  readonly tries: number;
  /** Not hired before this; Infinity: not again for this stream. */
  readonly suspendedUntil: number;
  readonly measured?: Measured;
  /** Average of (upload + encode + pull) / segment length, at least 1.5 s; above 1 is too slow. */
  readonly latency?: number;
  /** Segments in a row with an average above 1. */
  readonly slow: number;
}

interface Offered {
  readonly id: Uint8Array;
  /** When it was first sent, and last. */
  readonly since: number;
  readonly sentAt: number;
  /** How often it was sent before; how many offers running, up to it, nobody has answered. */
  readonly repeats: number;
  readonly unanswered: number;
  readonly bids: number;
  readonly open: boolean;
  /** The first choice among its bids was made. */
  readonly decided: boolean;
}

/** A bid in hand, and when it came. */
interface Bidden {
  readonly bid: Bid;
  readonly payeeProven: boolean;
  readonly at: number;
}

export interface Crew {
  readonly need: Need;
  readonly offer: Offered | undefined;
  /** The offer before, whose bids may still be on their way. */
  readonly before: Uint8Array | undefined;
  readonly bids: ReadonlyMap<string, Bidden>;
  readonly members: ReadonlyMap<string, Member>;
  readonly epochs: ReadonlyMap<string, number>;
  readonly known: ReadonlyMap<string, Known>;
  /** Most output pixels of one segment that a bidder too slow for this offer would make in time; 0: no bidder was too slow. */
  readonly slow: number;
  /** Bids on this offer that were too slow: they are taken up where less is asked. At most `config.mostBids`. */
  readonly spare: Crew["bids"];
  readonly ended: boolean;
}

export type Event =
  | { readonly type: "tick"; readonly now: number }
  /** A bid whose signature was checked. Answered with exactly one `answer`. */
  | {
      readonly type: "bid";
      readonly bid: Bid;
      readonly now: number;
      /** Its payee has signed for the worker's key. Default false. */
      readonly payeeProven?: boolean;
      /** Why it cannot be had whatever it offers: `Screen.bid`. */
      readonly denied?: Screen.Denial | undefined;
      /** What is known of it from before. */
      readonly honesty?: number;
      readonly measured?: Measured | undefined;
    }
  | {
      readonly type: "accepted";
      readonly worker: string;
      readonly epoch: number;
      readonly now: number;
    }
  | {
      readonly type: "refused";
      readonly worker: string;
      readonly epoch: number;
      /** In the worker's words; undefined: there was no answer. */
      readonly why?: Decline | undefined;
      readonly now: number;
    }
  /** The job's `blame`, a closed connection, a Bye, or twice no answer to a viewer's question (`AvailabilityCheck`). */
  | {
      readonly type: "lost";
      readonly worker: string;
      readonly fault: Fault | "unserved";
      readonly now: number;
    }
  | { readonly type: "draining"; readonly worker: string; readonly now: number }
  /** So many output pixels are asked of one segment from now on; bidders that were too slow may do, and may bid again. */
  | { readonly type: "asked"; readonly pixels: number; readonly now: number }
  /** A segment of its was verified. */
  | {
      readonly type: "delivered";
      readonly worker: string;
      readonly sample: Sample;
      readonly now: number;
    }
  | { readonly type: "ended"; readonly now: number };

export type Why =
  | "too slow"
  | "lease over"
  | "no answer"
  | "refused"
  | "ended"
  | "unserved"
  | Fault;

export type Effect =
  /** Publish the offer under this id, 16 bytes; again under the same id if it was sent before. */
  | {
      readonly do: "offer";
      readonly id: Uint8Array;
      /** How often it was sent before, and how many offers before it nobody has answered. */
      readonly repeats: number;
      readonly unanswered: number;
    }
  | { readonly do: "closed"; readonly offer: Uint8Array }
  | {
      readonly do: "answer";
      readonly worker: string;
      readonly ok: boolean;
      readonly why: string;
      /** When it is worth bidding again, in milliseconds from now; 0: not for this stream, or not known. */
      readonly retryMs: number;
    }
  /** `why`: the terms of the draw that it came from. */
  | {
      readonly do: "award";
      readonly member: Member;
      readonly offer: Uint8Array;
      readonly why: Terms | undefined;
    }
  /** The worker is no member any more; its answers of this epoch no longer count. */
  | { readonly do: "drop"; readonly member: Member; readonly why: Why };

export type Step = readonly [Crew, readonly Effect[]];

/** A stream without workers. `tick` it to publish the first offer. */
export function open(need: Need): Crew {
  return {
    need,
    offer: undefined,
    before: undefined,
    bids: new Map(),
    members: new Map(),
    epochs: new Map(),
    known: new Map(),
    slow: 0,
    spare: new Map(),
    ended: false,
  };
}

const nobody = (now: number): Known => ({
  firstSeenAt: now,
  honesty: 0.5,
  invalid: 0,
  late: 0,
  tries: 0,
  suspendedUntil: 0,
  slow: 0,
});

function without<Value>(map: ReadonlyMap<string, Value>, key: string): Map<string, Value> {
  const next = new Map(map);
  next.delete(key);
  return next;
}

const put = <Value>(map: ReadonlyMap<string, Value>, key: string, value: Value) =>
  new Map(map).set(key, value);

const staffed = (crew: Crew, role: "crew" | "backup") =>
  [...crew.members.values()].filter((member) => member.role === role && member.state !== "draining")
    .length;

/** Milliseconds for one segment on this worker, with nothing else to do. */
function etaMs(need: Need, claimed: number, known: Known | undefined, config: Config): number {
  const { pixelsPerS, uplink, pullMs } = believe(claimed, known?.measured, config);
  return (need.bytes * 8_000) / uplink + (need.pixels * 1_000) / pixelsPerS + pullMs;
}

function candidate(crew: Crew, bid: Bid, now: number, config: Config): Candidate {
  const known = crew.known.get(bid.worker);
  return {
    worker: bid.worker,
    price: bid.price,
    etaMs: bid.queueMs + etaMs(crew.need, bid.pixelsPerS, known, config),
    reputation: known?.honesty ?? 0.5,
    ageMs: now - (known?.firstSeenAt ?? now),
  };
}

/** Remembers a worker; the longest unseen stranger makes room. */
function remember(crew: Crew, worker: string, values: Partial<Known>, now: number): Crew {
  const known = put(crew.known, worker, {
    ...(crew.known.get(worker) ?? nobody(now)),
    ...values,
  });
  for (const [other, { suspendedUntil }] of known) {
    if (known.size <= MOST_KNOWN) break;
    // Who was sent away stays known, or leaving and coming back would clear its name.
    if (other !== worker && !crew.members.has(other) && suspendedUntil <= now) known.delete(other);
  }
  for (const other of known.keys()) {
    if (known.size <= MOST_KNOWN) break;
    if (other !== worker && !crew.members.has(other)) known.delete(other);
  }
  return { ...crew, known };
}

/** Takes a member out and raises its epoch, so that nothing it still sends counts. */
function drop(crew: Crew, member: Member, why: Why, suspendedUntil: number, now: number): Step {
  const { worker } = member;
  const next = remember(
    {
      ...crew,
      members: without(crew.members, worker),
      bids: without(crew.bids, worker),
      epochs: put(crew.epochs, worker, (crew.epochs.get(worker) ?? 0) + 1),
    },
    worker,
    { suspendedUntil: Math.max(suspendedUntil, crew.known.get(worker)?.suspendedUntil ?? 0) },
    now,
  );
  return [next, [{ do: "drop", member, why }]];
}

function take(crew: Crew, event: Extract<Event, { type: "bid" }>, config: Config): Step {
  const { bid, now, payeeProven = false, denied, honesty, measured } = event;
  const { worker } = bid;
  const answer = (next: Crew, why?: string, retryMs = 0): Step => [
    next,
    [{ do: "answer", worker, ok: why === undefined, why: why ?? "", retryMs }],
  ];
  const offer = crew.offer;
  if (crew.ended || offer === undefined) return answer(crew, "closed");
  const id = toHex(bid.offer);
  const previous = crew.before !== undefined && toHex(crew.before) === id;
  if (toHex(offer.id) !== id && !previous) return answer(crew, "unknown offer");
  if (crew.members.has(worker)) return answer(crew, "already in");
  if (denied !== undefined) return answer(crew, denied.why, denied.retryMs);
  if (bid.price > crew.need.maxPrice) return answer(crew, "too expensive");
  const suspendedUntil = crew.known.get(worker)?.suspendedUntil ?? 0;
  if (suspendedUntil > now)
    return answer(
      crew,
      "wait",
      suspendedUntil === Number.POSITIVE_INFINITY ? 0 : suspendedUntil - now,
    );
  const again = crew.bids.has(worker);
  if (!again && (crew.bids.size >= config.mostBids || offer.bids >= config.mostBids))
    return answer(crew, "full");
  const before = crew.known.get(worker)?.measured ?? measured;
  const seen = remember(
    crew,
    worker,
    {
      ...(honesty !== undefined && { honesty }),
      ...(before !== undefined && { measured: before }),
    },
    now,
  );
  if (!feasible(candidate(seen, bid, now, config), crew.need.slackMs, config)) {
    const makes = Backoff.makes(
      crew.need,
      bid.pixelsPerS,
      seen.known.get(worker)?.measured,
      config,
    );
    const kept = crew.spare.has(worker) || crew.spare.size < config.mostBids;
    const spare = kept ? put(crew.spare, worker, { bid, payeeProven, at: now }) : crew.spare;
    return answer({ ...seen, slow: Math.max(crew.slow, makes), spare }, "too slow");
  }
  return answer({
    ...seen,
    bids: put(crew.bids, worker, { bid, payeeProven, at: now }),
    offer: { ...offer, bids: offer.bids + (again ? 0 : 1) },
  });
}

/** Whose tab it is, as far as that is proven: a payee that has signed for the worker's key, else nobody but the worker itself. */
const ownerOf = (of: { worker: string; payee: Uint8Array; payeeProven: boolean }): string =>
  of.payeeProven ? toHex(of.payee) : of.worker;

/**
 * Those of them whose owner has nobody in the crew, if anybody quick enough is: tabs of one owner often share a machine and its links,
 * and a backup that leaves with who it stands in for is none.
 */
function apart(crew: Crew, bids: readonly Bidden[], now: number, config: Config): typeof bids {
  const hired = new Set([...crew.members.values()].map(ownerOf));
  const others = bids.filter(
    ({ bid: { worker, payee }, payeeProven }) =>
      !hired.has(ownerOf({ worker, payee, payeeProven })),
  );
  const { slackMs } = crew.need;
  const able = others.some(({ bid }) =>
    feasible(candidate(crew, bid, now, config), slackMs, config),
  );
  return able ? others : bids;
}

/** Awards `count` engagements of a role to the best bids in hand. */
function award(
  crew: Crew,
  role: Member["role"],
  count: number,
  now: number,
  config: Config,
  random: Random,
): Step {
  const all = [...crew.bids.values()];
  const bids = role === "backup" ? apart(crew, all, now, config) : all;
  const candidates = bids.map(({ bid }) => candidate(crew, bid, now, config));
  const terms = explain(candidates, crew.need.slackMs, config);
  let next = crew;
  const effects: Effect[] = [];
  for (const { worker } of select(candidates, count, crew.need.slackMs, config, random)) {
    const bidden = crew.bids.get(worker);
    if (bidden === undefined) continue;
    const { bid, payeeProven } = bidden;
    const epoch = (crew.epochs.get(worker) ?? 0) + 1;
    const member: Member = {
      worker,
      role,
      state: "asked",
      award: bid.award,
      epoch,
      price: bid.price,
      payee: bid.payee,
      payeeProven,
      lane: bid.lane,
      claimed: bid.pixelsPerS,
      askedAt: now,
      until: 0,
      served: 0,
    };
    next = {
      ...next,
      members: put(next.members, worker, member),
      epochs: put(next.epochs, worker, epoch),
      bids: without(next.bids, worker),
      spare: without(next.spare, worker), // a bid gets one award
    };
    const why = terms.find((one) => one.worker === worker);
    effects.push({ do: "award", member, offer: bid.offer, why });
  }
  return [next, effects];
}

/** The backup that has waited longest fills a vacancy in the crew; it needs no new award. */
function promote(crew: Crew): Crew {
  let next = crew;
  for (const member of crew.members.values()) {
    if (staffed(next, "crew") >= next.need.wanted) break;
    if (member.role === "backup" && member.state === "hired")
      next = { ...next, members: put(next.members, member.worker, { ...member, role: "crew" }) };
  }
  return next;
}

/** Fills vacancies, and says whether anybody more is wanted. */
function settle(before: Crew, now: number, config: Config, random: Random): Step {
  let crew = before;
  const effects: Effect[] = [];
  const also = ([next, more]: Step) => {
    crew = next;
    effects.push(...more);
  };
  for (const member of before.members.values())
    if (member.state === "asked" && now - member.askedAt >= config.acceptMs)
      also(drop(crew, member, "no answer", now + config.returnMs, now));
  for (const member of crew.members.values())
    if (member.state === "suspended" && member.until <= now)
      crew = { ...crew, members: put(crew.members, member.worker, { ...member, state: "hired" }) };
    else if (member.state === "draining" && member.until <= now) {
      const { leaving } = member;
      // One that went of its own will may come again.
      const until = leaving === undefined ? now : now + config.returnMs;
      also(drop(crew, member, leaving ?? "left", until, now));
    }
  const bids = new Map([...crew.bids].filter(([, { at }]) => now - at < 2 * config.offerTtlMs));
  crew = promote({ ...crew, bids });

  const { offer } = crew;
  const decided =
    offer !== undefined &&
    (now - offer.since >= config.collectMs || crew.bids.size >= config.enoughBids);
  if (offer !== undefined && decided) {
    crew = { ...crew, offer: { ...offer, decided } };
    const free = crew.need.wanted - staffed(crew, "crew");
    if (free > 0) also(award(crew, "crew", free, now, config, random));
    if (staffed(crew, "crew") >= crew.need.wanted && staffed(crew, "backup") === 0)
      also(award(crew, "backup", 1, now, config, random));
  }

  const lacksCrew = staffed(crew, "crew") < crew.need.wanted;
  const complete = !lacksCrew && staffed(crew, "backup") > 0;
  const current = crew.offer;
  if (complete) {
    if (current?.open) {
      effects.push({ do: "closed", offer: current.id });
      crew = { ...crew, offer: { ...current, open: false } };
    }
    return [crew, effects];
  }
  const every = lacksCrew ? REPEAT_MS : config.offerTtlMs / 2;
  if (current === undefined || !current.open || now - current.since >= config.offerTtlMs) {
    const id = random.bytes(16);
    const unanswered = current?.open && current.bids === 0 ? current.unanswered + 1 : 0;
    crew = {
      ...crew,
      before: current?.id,
      slow: 0,
      spare: new Map(),
      offer: {
        ...{ id, since: now, sentAt: now, bids: 0, open: true, decided: false },
        ...{ repeats: 0, unanswered },
      },
    };
    effects.push({ do: "offer", id, repeats: 0, unanswered });
  } else if (now - current.sentAt >= every) {
    const { id, unanswered } = current;
    const repeats = current.repeats + 1;
    crew = { ...crew, offer: { ...current, sentAt: now, repeats } };
    effects.push({ do: "offer", id, repeats, unanswered });
  }
  return [crew, effects];
}

function lost(
  crew: Crew,
  { worker, fault, now }: Extract<Event, { type: "lost" }>,
  config: Config,
): Step {
  const member = crew.members.get(worker);
  // A full worker is no worse for it, and the job has gone to another.
  if (fault === "busy") return [crew, []];
  if (member === undefined) {
    if (fault !== "invalid") return [crew, []];
    // What it bid before it was found out is no reason to hire it.
    return [{ ...crew, bids: without(crew.bids, worker), spare: without(crew.spare, worker) }, []];
  }
  const known = crew.known.get(worker) ?? nobody(now);
  const late = known.late + (fault === "late" ? 1 : 0);
  const alone = isAlone(crew, worker);
  const most = Backoff.mostLate(alone, config);
  if (fault === "late" && late < most && member.state !== "asked") {
    const next = remember(crew, worker, { late }, now);
    if (member.state === "draining") return [next, []];
    const until = now + config.suspendMs * 2 ** Math.max(0, Math.ceil(late) - 1);
    const suspended: Member = { ...member, state: "suspended", until };
    return [{ ...next, members: put(next.members, worker, suspended) }, []];
  }
  const invalid = known.invalid + (fault === "invalid" || fault === "unserved" ? 1 : 0);
  const dropped = { fault, alone, tries: known.tries, invalid };
  const soon = Backoff.soon(dropped);
  const measured = soon
    ? Backoff.slower(crew.need, member.claimed, known.measured, config)
    : known.measured;
  const tries = soon ? known.tries + 1 : known.tries;
  const values = { invalid, late: 0, tries, ...(measured && { measured }) };
  const blamed = remember(crew, worker, values, now);
  return drop(blamed, member, fault, now + Backoff.awayMs(dropped, config), now);
}

/**
 * True where it is likely that this worker is late again and nobody else is there: it was late or dropped, and has made nothing in time
 * since. This tab then makes what it can beside it, and not the lowest rung alone.
 */
export function doubtful(crew: Crew, worker: string): boolean {
  const known = crew.known.get(worker);
  return known !== undefined && (known.tries > 0 || known.late >= 1) && isAlone(crew, worker);
}

/** True if nobody but this worker is hired, asked or has a bid in hand. */
function isAlone({ members, bids }: Crew, worker: string): boolean {
  const others = [...members.values()].some(
    (member) => member.worker !== worker && member.state !== "draining",
  );
  return !others && [...bids.keys()].every((bidder) => bidder === worker);
}

function delivered(crew: Crew, worker: string, sample: Sample, now: number, config: Config): Step {
  const known = crew.known.get(worker) ?? nobody(now);
  const took = (sample.upload?.ms ?? 0) + sample.encodeMs + sample.pullMs;
  // The floor of 1.5 s keeps short segments from swapping workers all the time (go-livepeer #2837).
  const ratio = took / Math.max(1_500, crew.need.segmentMs);
  const latency =
    known.latency === undefined ? ratio : (1 - config.alpha) * known.latency + config.alpha * ratio;
  const slow = latency > 1 ? known.slow + 1 : 0;
  const measured = measure(known.measured, sample, config);
  const late = Math.max(0, known.late - config.late.forgiven);
  const next = remember(crew, worker, { late, tries: 0, latency, slow, measured }, now);
  const before = next.members.get(worker);
  if (before === undefined) return [next, []];
  const member: Member = { ...before, served: before.served + 1 };
  const counted = { ...next, members: put(next.members, worker, member) };
  if (member.state !== "hired" || member.role !== "crew") return [counted, []];
  if (slow >= 2 && quicker(counted, member, now, config))
    return [retire(counted, member, "too slow", now), []];
  // Others wait for a turn, and one of them is warm.
  const backup = [...crew.members.values()].some(
    ({ role, state }) => role === "backup" && state === "hired",
  );
  if (member.served >= config.lease && backup)
    return [retire(counted, member, "lease over", now), []];
  return [counted, []];
}

/** True if a bidder is better: a crew that is slow on average still beats nobody. */
function quicker(crew: Crew, { worker, claimed }: Member, now: number, config: Config): boolean {
  const own = crew.known.get(worker);
  const mine = etaMs(crew.need, claimed, own, config);
  return [...crew.bids.values()].some(({ bid }) => {
    const known = crew.known.get(bid.worker);
    if (known?.measured !== undefined)
      return candidate(crew, bid, now, config).etaMs < mine / config.margin;
    // What its links do nobody knows: only its own work is held against what we have measured.
    const likely = {
      ...nobody(now),
      ...(own?.measured && { measured: { ...own.measured, samples: 0 } }),
    };
    return bid.queueMs + etaMs(crew.need, bid.pixelsPerS, likely, config) < mine / config.margin;
  });
}

/** When whatever a member has in hand is over, in milliseconds. */
const finishedBy = ({ need: { segmentMs, slackMs, jobMs = slackMs } }: Crew, now: number) =>
  now + 2 * segmentMs + jobMs;

/** Gives a member nothing more; it is dropped when whatever it has in hand is over. */
function retire(crew: Crew, member: Member, leaving: Why, now: number): Crew {
  const leaver: Member = { ...member, state: "draining", leaving, until: finishedBy(crew, now) };
  return { ...crew, members: put(crew.members, member.worker, leaver) };
}

/** When a worker that did not take an award may be asked again: busy ones soon, those that never will not in this stream. */
function again(why: Decline | undefined, now: number, config: Config): number {
  switch (why?.reason) {
    case "busy":
    case "gone":
      return now + Math.min(config.returnMs, Math.max(BUSY_MS, why.retryMs));
    case "incapable":
    case "too expensive":
    case "denied":
      return Number.POSITIVE_INFINITY;
    default:
      return now + Math.max(config.returnMs, Math.min(why?.retryMs ?? 0, MOST_RETRY_MS));
  }
}

function apply(crew: Crew, event: Event, config: Config): Step {
  const { now } = event;
  switch (event.type) {
    case "tick":
      return [crew, []];
    case "bid":
      return take(crew, event, config);
    case "accepted": {
      const member = crew.members.get(event.worker);
      if (member?.state !== "asked" || member.epoch !== event.epoch) return [crew, []];
      const hired: Member = { ...member, state: "hired" };
      return [{ ...crew, members: put(crew.members, event.worker, hired) }, []];
    }
    case "refused": {
      const member = crew.members.get(event.worker);
      if (member?.state !== "asked" || member.epoch !== event.epoch) return [crew, []];
      return drop(crew, member, "refused", again(event.why, now, config), now);
    }
    case "lost":
      return lost(crew, event, config);
    case "draining": {
      const member = crew.members.get(event.worker);
      if (member === undefined) return [crew, []];
      const { leaving: _, ...own } = member;
      // Said again, it has no more time for it.
      const until = member.state === "draining" ? member.until : finishedBy(crew, now);
      const draining: Member = { ...own, state: "draining", until };
      return [{ ...crew, members: put(crew.members, event.worker, draining) }, []];
    }
    case "asked": {
      const { offer } = crew;
      // The offer is at its end: a fresh one follows, unless those who were too slow fill the crew.
      const old = offer && { ...offer, since: now - config.offerTtlMs };
      const need = { ...crew.need, pixels: event.pixels };
      const next: Crew = { ...crew, need, offer: old };
      const quick = [...crew.spare].filter(([, { bid }]) =>
        feasible(candidate(next, bid, now, config), need.slackMs, config),
      );
      // A worker that cannot make what is asked now makes room: its jobs would all be late.
      const slow = [...crew.members.values()].filter(
        ({ worker, claimed }) =>
          config.margin * etaMs(need, claimed, crew.known.get(worker), config) >= need.slackMs,
      );
      return [
        slow
          .filter(({ state }) => state === "hired" || state === "suspended")
          .reduce<Crew>((all, member) => retire(all, member, "too slow", now), {
            ...next,
            bids: new Map([...crew.bids, ...quick]),
          }),
        [],
      ];
    }
    case "delivered":
      return delivered(crew, event.worker, event.sample, now, config);
    case "ended": {
      const effects: Effect[] = [...crew.members.values()].map((member) => ({
        do: "drop",
        member,
        why: "ended",
      }));
      if (crew.offer?.open) effects.push({ do: "closed", offer: crew.offer.id });
      return [
        { ...crew, ended: true, offer: undefined, bids: new Map(), members: new Map() },
        effects,
      ];
    }
  }
}

/** What an event makes of a crew, and what is to be done about it. */
export function step(crew: Crew, event: Event, config: Config, random: Random): Step {
  if (crew.ended) return event.type === "bid" ? take(crew, event, config) : [crew, []];
  const [next, effects] = apply(crew, event, config);
  if (next.ended) return [next, effects];
  const [settled, more] = settle(next, event.now, config, random);
  return [settled, [...effects, ...more]];
}

/** When `tick` should come next, in milliseconds of the same clock; undefined when nothing is waited for. */
export function wakeAt(crew: Crew, config: Config): number | undefined {
  if (crew.ended) return undefined;
  const { offer } = crew;
  if (offer === undefined) return 0;
  const times: number[] = [];
  for (const { state, askedAt, until } of crew.members.values()) {
    if (state === "asked") times.push(askedAt + config.acceptMs);
    if (state === "suspended" || state === "draining") times.push(until);
  }
  if (offer.open) {
    const lacksCrew = staffed(crew, "crew") < crew.need.wanted;
    times.push(
      offer.since + config.offerTtlMs,
      offer.sentAt + (lacksCrew ? REPEAT_MS : config.offerTtlMs / 2),
    );
    if (!offer.decided) times.push(offer.since + config.collectMs);
  }
  return times.length === 0 ? undefined : Math.min(...times);
}

/**
 * Everybody who can be given a segment now. While crew is suspended the backup counts as crew; where everybody is
 * suspended they are asked all the same, because late is better than nobody. `newcomer`: what the records say of a member.
 */
export function available(
  crew: Crew,
  config: Config,
  newcomer: (member: Member) => boolean,
): AvailableWorker[] {
  const members = [...crew.members.values()];
  const at = (state: Member["state"]) => members.filter((member) => member.state === state);
  const short = at("suspended").some(({ role }) => role === "crew");
  const ready = at("hired").length > 0 ? at("hired") : at("suspended");
  return ready.map((member) => {
    const { worker, epoch, role, claimed } = member;
    return {
      worker,
      epoch,
      role: short ? "crew" : role,
      newcomer: newcomer(member),
      ...believe(claimed, crew.known.get(worker)?.measured, config),
    };
  });
}

/** Most output pixels of one segment that somebody hired makes in time, as far as it was measured; 0 while nobody was. */
export function reach(crew: Crew, config: Config): number {
  const all = [...crew.members.values()].map(({ worker, claimed }) => {
    const measured = crew.known.get(worker)?.measured;
    const enough = (measured?.samples ?? 0) >= config.measuredAfter;
    return enough ? Backoff.makes(crew.need, claimed, measured, config) : 0;
  });
  return Math.max(0, ...all);
}
