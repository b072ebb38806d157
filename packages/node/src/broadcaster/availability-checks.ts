import { AvailabilityCheck, type Complaints, type Crew } from "@tabcast/market";
import type { PeerId } from "@tabcast/mesh";
import type { Complaint, Entry } from "@tabcast/protocol";
import { BoundedMap } from "@tabcast/runtime";
import type { StreamContext } from "./context.ts";
import type { Outcome } from "./outcome.ts";
import type { Whose } from "./records.ts";
import type { Look, Visitor } from "./visitor.ts";

/** Segments of which something is being asked for; beyond them nothing is. */
const MOST_LOOKS = 8;
/** Segments whose holders are remembered: whoever complains names one of them. */
const MOST_PUBLISHED = 64;

export interface AvailabilityChecksOptions {
  /** Of `Checks`: what the offer commits to. */
  readonly seed: Uint8Array;
  readonly visitor: Visitor;
  readonly complaints: Complaints;
  readonly member: (worker: PeerId) => Crew.Member | undefined;
  readonly newcomer: (whose: Whose) => boolean;
  /** A worker twice failed to give what it owes. */
  readonly unserved: (worker: PeerId) => void;
}

/** Asks workers for what was published of them, as a viewer: carries out `AvailabilityCheck`, and looks where viewers complain. */
export interface AvailabilityChecks {
  /** To be told of every segment once viewers can ask for it. */
  published(outcome: Outcome, entry: Entry): void;
  /** A viewer failed to get something of a holder; true if that moves the next look. */
  complained(complaint: Complaint): boolean;
  /** Whether no look is under way. */
  idle(): boolean;
  /** Looks, workers that failed two, and the bytes that came. */
  counts(): { readonly asked: number; readonly unserved: number; readonly bytes: number };
}

/** One segment's look: at which track, and whether viewers' complaints moved it there. */
interface Due {
  readonly track: string;
  readonly afterMs: number;
  readonly complained: boolean;
}

/** What came of a look that began at a time. */
interface Finding {
  readonly epoch: number;
  readonly track: string;
  readonly found: Look;
  readonly began: number;
}

type Published = Pick<Outcome, "renditions"> & {
  readonly worker: PeerId;
  readonly epoch: number;
  readonly whose: Whose;
  readonly entry: Entry;
};

export function openAvailabilityChecks(
  context: Pick<StreamContext, "mesh" | "config" | "clock" | "signal">,
  { seed, visitor, complaints, member, newcomer, unserved }: AvailabilityChecksOptions,
): AvailabilityChecks {
  const { mesh, config, clock, signal } = context;
  const tally = { asked: 0, unserved: 0 };
  /** By sequence, who holds what beside this tab. */
  const held = new BoundedMap<number, Entry>(MOST_PUBLISHED);
  const failing = openFailing(context);
  /** Workers that are being looked at because of complaints: one look answers all of them. */
  const suspected = new Set<PeerId>();
  const visits = openVisits({ seed, config, newcomer });
  let looks = 0;

  /** What to look at of a holder's in any case: what failed before, or else what viewers complain of. Undefined: neither is there. */
  function movedTo(worker: PeerId, epoch: number, entry: Entry): Due | "later" | undefined {
    const now = clock.now();
    const has = (track: string) => heldBy(entry, worker, track);
    const again = failing.of(worker, epoch);
    if (again !== undefined && has(again.track))
      return now < again.dueAt ? "later" : { ...again, afterMs: 0, complained: false };
    const suspect = suspected.has(worker) ? undefined : complaints.due(worker, now);
    const named = suspect === undefined ? undefined : has(suspect);
    if (named === undefined || !complaints.spend(named.mediaLen)) return undefined;
    return { track: named.name, afterMs: 0, complained: true };
  }

  /** What to look at of a segment's maker: where it was moved to, then the visit that goes on or begins. */
  function dueOf(published: Published): Due | undefined {
    const moved = movedTo(published.worker, published.epoch, published.entry);
    return moved === "later" ? undefined : (moved ?? visits.next(published));
  }

  async function look(worker: PeerId, epoch: number, due: Due, entry: Entry): Promise<void> {
    if (due.afterMs > 0) await clock.sleep(due.afterMs, { signal });
    const owes = () => AvailabilityCheck.owes(member(worker), epoch);
    if (!owes()) return;
    tally.asked++;
    const began = clock.now();
    const found = await visitor.look({ entry, track: due.track, holder: worker });
    judge(worker, { epoch, track: due.track, found: owes() ? found : "gone", began });
    // Anybody can complain, also of itself, to learn who then comes.
    if (due.complained) visitor.leave();
  }

  function judge(worker: PeerId, finding: Finding): void {
    const { track, found } = finding;
    const next = failing.answered(worker, finding);
    if (next === undefined) return;
    if (found !== "gone")
      complaints.looked(worker, track, found === "served" ? "served" : "failed", clock.now());
    // Whoever was failed and asks again at once would be told from a viewer by that.
    if (next === "again" || next === "unserved") visitor.leave();
    if (next !== "unserved") return;
    tally.unserved++;
    unserved(worker);
  }

  function begin(worker: PeerId, epoch: number, due: Due, entry: Entry): void {
    looks++;
    if (due.complained) suspected.add(worker);
    look(worker, epoch, due, entry)
      .catch(() => {}) // the stream is over
      .finally(() => {
        looks--;
        if (due.complained) suspected.delete(worker);
      });
  }

  return {
    published(outcome, entry) {
      const { by, pay, renditions } = outcome;
      complaints.earn(renditions.map(({ media }) => media.byteLength));
      held.set(entry.seq, entry);
      // Who holds the sound of what another made may hold it of nothing else.
      for (const { peer } of entry.holders) {
        const epoch = member(peer)?.epoch;
        if (peer === by || peer === mesh.self || epoch === undefined || looks >= MOST_LOOKS)
          continue;
        const moved = movedTo(peer, epoch, entry);
        if (moved !== undefined && moved !== "later") begin(peer, epoch, moved, entry);
      }
      if (by === undefined || by === "local" || by === mesh.self || pay === undefined) return;
      if (looks >= MOST_LOOKS) return;
      const { epoch } = pay.terms;
      const due = dueOf({ worker: by, epoch, renditions, whose: pay.terms, entry });
      if (due !== undefined) begin(by, epoch, due, entry);
    },
    complained({ seq, track, holder, viewer }) {
      const entry = held.get(seq);
      // Nobody can complain of who does not hold it, nor of itself.
      if (entry === undefined || heldBy(entry, holder, track) === undefined) return false;
      if (viewer === holder || holder === mesh.self) return false;
      return complaints.take({ viewer, holder, rung: track }, clock.now()) === "taken";
    },
    idle: () => looks === 0,
    counts: () => ({ ...tally, bytes: visitor.bytes() }),
  };
}

/** Visits by chance: one goes on for some segments, whoever made them, before the next one may begin. */
function openVisits({
  seed,
  config,
  newcomer,
}: Pick<AvailabilityChecksOptions, "seed" | "newcomer"> & Pick<StreamContext, "config">) {
  let visit: { readonly track: string; readonly left: number } | undefined;
  return {
    /** What of a segment is to be looked at; undefined: nothing. */
    next({ worker, renditions, whose, entry }: Published): Due | undefined {
      if (visit !== undefined && visit.left > 0) {
        const { track, left } = visit;
        visit = { track, left: left - 1 };
        if (heldBy(entry, worker, track)) return { track, afterMs: 0, complained: false };
      }
      const [any] = renditions;
      if (any === undefined || (visit?.left ?? 0) > 0) return undefined;
      const sizes = renditions.map(({ media }) => media.byteLength);
      const of = { hash: any.mediaHash, sizes, newcomer: newcomer(whose) };
      const plan = AvailabilityCheck.plan(of, seed, config);
      if (plan === undefined) return undefined;
      const track = renditions[plan.rendition]?.rung ?? any.rung;
      visit = { track, left: plan.segments - 1 };
      return { track, afterMs: plan.afterMs, complained: false };
    },
  };
}

/** What an entry says that somebody holds, of a track. */
function heldBy(
  { holders, tracks }: Entry,
  peer: PeerId,
  name: string,
): Entry["tracks"][number] | undefined {
  const at = holders.findIndex((holder) => holder.peer === peer);
  return tracks.find((track) => track.name === name && track.holders.includes(at));
}

/** Workers that failed a look, and are to be looked at once more. */
function openFailing({ config, clock }: Pick<StreamContext, "config" | "clock">) {
  const all = new BoundedMap<
    PeerId,
    {
      readonly epoch: number;
      readonly track: string;
      readonly answers: readonly AvailabilityCheck.Answer[];
      readonly at: number;
    }
  >(MOST_PUBLISHED);
  return {
    /** At which track a worker failed, and from when on it is due there again. */
    of(worker: PeerId, epoch: number) {
      const known = all.get(worker);
      if (known?.epoch !== epoch) return undefined;
      return { track: known.track, dueAt: known.at + config.availabilityCheck.againMs };
    },
    /** What to do after one more finding; undefined: it was under way with the one before, and says no more. */
    answered(worker: PeerId, { epoch, track, found, began }: Finding) {
      const before = all.get(worker);
      const known = before?.epoch === epoch ? before : undefined;
      if (known !== undefined && began < known.at) return undefined;
      const answer = found === "served" || found === "gone" ? found : "refused";
      const answers = [...(known?.answers ?? []), answer] as const;
      const next = AvailabilityCheck.settle(answers);
      if (next === "again") all.set(worker, { epoch, track, answers, at: clock.now() });
      else all.delete(worker);
      return next;
    },
  };
}
